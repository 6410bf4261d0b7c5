//! Calls of the Web API, as they pass.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::Shared;
use super::relay::authorization;
use super::trouble::{Reply, Trouble};
use super::watch::Overheard;
use crate::message::{ApiError, WebRequest, parse_web_answer};
use crate::observe::Closing;
use crate::protocol::{Dialect, DialectName, Transport};

/// People that one connection of a client may call for before the first of them is taken to be gone.
const SPEAKERS: usize = 8;

/// The calls on one connection of a client. Whoever calls there, by the token, stands for a connection of the API.
pub(super) struct Calls {
    shared: Arc<Shared>,
    speakers: Mutex<Vec<Speaker>>,
}

struct Speaker {
    dialect: Arc<Dialect>,
    secret: Option<Box<str>>,
    overheard: Overheard,
}

/// The trouble of all calls, by dialect: clients often open a connection for each call, so it cannot go by connections.
#[derive(Default)]
pub(super) struct CallsTrouble(Mutex<BTreeMap<DialectName, Trouble>>);

impl CallsTrouble {
    /// A call was asked for. The status and the body that it gets if it does not reach the server.
    pub fn called(&self, shared: &Shared, call: &Call) -> Option<(StatusCode, String)> {
        let error = self.with(shared, call, |trouble| trouble.called(&call.action))?;
        // It is what a gateway says (RFC 9110, 15.6.5); the documents name no status.
        Some((StatusCode::GATEWAY_TIMEOUT, json!({ "error": error }).to_string()))
    }

    /// The server answered a call. What comes of the answer.
    pub fn answered(&self, shared: &Shared, call: &Call, body: &[u8]) -> Reply {
        self.with(shared, call, |trouble| trouble.call_answered(body))
    }

    fn with<T>(&self, shared: &Shared, call: &Call, act: impl FnOnce(&mut Trouble) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let trouble = all
            .entry(call.dialect.name.clone())
            .or_insert_with(|| Trouble::new(call.dialect.clone(), &shared.mode.trouble, u64::MAX));
        let done = act(trouble);
        let (now, connection) = (shared.watch.clock.now(), call.overheard.connection());
        for provoked in trouble.provoked() {
            shared.provoker.provoked(now, connection, provoked);
        }
        done
    }
}

/// One call.
pub(super) struct Call {
    overheard: Overheard,
    dialect: Arc<Dialect>,
    action: Box<str>,
    content_type: Box<str>,
    /// Its number, once its body has passed.
    number: Mutex<Option<u64>>,
}

impl Calls {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, speakers: Mutex::default() }
    }

    /// The conversation that a call belongs to.
    pub fn of(&self, dialect: &Arc<Dialect>, headers: &HeaderMap) -> Overheard {
        let secret = authorization(headers);
        let mut speakers = self.speakers();
        let known =
            speakers.iter().find(|known| known.dialect.name == dialect.name && known.secret.as_deref() == secret);
        if let Some(known) = known {
            return known.overheard.clone();
        }
        if speakers.len() == SPEAKERS {
            speakers.remove(0).overheard.closed(Closing::ByClient);
        }
        let secrets: Vec<&str> = secret.into_iter().collect();
        let overheard = self.shared.watch.begin(dialect, Transport::Web, &secrets);
        let (dialect, secret) = (dialect.clone(), secret.map(Into::into));
        speakers.push(Speaker { dialect, secret, overheard: overheard.clone() });
        overheard
    }

    fn speakers(&self) -> MutexGuard<'_, Vec<Speaker>> {
        self.speakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.speakers().iter().for_each(|speaker| speaker.overheard.closed(Closing::ByClient));
    }
}

impl Call {
    pub fn new(overheard: Overheard, dialect: &Arc<Dialect>, action: &str, headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (action, content_type) = (action.into(), content_type.into());
        Self { overheard, dialect: dialect.clone(), action, content_type, number: Mutex::default() }
    }

    /// Its body has passed, or is about to. The documented answer, when it is not what the documents ask for.
    pub fn asked(&self, body: &[u8]) -> Option<ApiError> {
        let read = WebRequest::read(&self.dialect.catalog, &self.action, &self.content_type, body);
        let payload = read.payload.as_ref().map_err(String::as_str);
        let call = self.overheard.client_called(&self.action, payload, &read.shown);
        *self.number() = Some(call.number);
        call.refusal
    }

    /// The answer has passed. When the request was not heard as a whole, nothing can be said of it.
    pub fn answered(&self, status: u16, body: &[u8]) {
        if let Some(number) = self.number().take() {
            let (at, mut conversation) = self.overheard.now();
            conversation.web_received(at, number, body, parse_web_answer(status, body));
        }
    }

    /// The server was not asked, or could not be, so it has nothing to answer for.
    pub fn withheld(&self) {
        if let Some(number) = self.number().take() {
            self.overheard.withheld(number);
        }
    }

    fn number(&self) -> MutexGuard<'_, Option<u64>> {
        self.number.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
