//! socket.io over polling: many HTTP requests that are one connection, by the session id in their query.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::response::Parts;

use crate::message::socketio::{Handshake, decode_payload};
use crate::observe::{Closing, Moment};
use crate::protocol::{Dialect, Transport};

use super::Shared;
use super::mailbox::Mailbox;
use super::watch::Overheard;
use crate::message::{Framing, Unwrapped};

/// Sessions that are known at the same time; those beyond are relayed without being judged.
const SESSIONS: usize = 20_000;
/// Longest session id that is kept.
const LONGEST: usize = 256;

/// A session that is known.
#[derive(Clone)]
pub(super) struct Known {
    pub overheard: Overheard,
    /// Where its messages wait, if they are passed on one by one.
    pub mailbox: Option<Arc<Mailbox>>,
}

/// A request that opens a session, and the head of its answer.
pub(super) struct Opening {
    pub dialect: Arc<Dialect>,
    pub secret: Option<String>,
    pub began: Instant,
    pub head: Parts,
}

/// The sessions that poll.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<Box<str>, Session>>);

struct Session {
    known: Known,
    heard: Moment,
    /// How long the client may be silent before its session is over: it pings, and waits for the pong.
    patience: Duration,
}

impl Sessions {
    /// The session that a request names in its query.
    pub fn find(&self, query: &str, now: Moment) -> Option<Known> {
        let sid = member(query, "sid")?;
        let mut sessions = self.sessions();
        let session = sessions.get_mut(&*sid)?;
        session.heard = now;
        Some(session.known.clone())
    }

    /// The answer to a request that opens a session has passed.
    pub fn opened(&self, shared: &Arc<Shared>, opening: Opening, body: &[u8]) {
        let payload = decode_payload(body);
        let handshake = payload.packets.iter().find_map(|packet| match Framing::Packets.unwrap(packet) {
            Unwrapped::Open(handshake) => serde_json::from_str::<Handshake>(&handshake).ok(),
            _ => None,
        });
        let Some(handshake) = handshake.filter(|handshake| handshake.sid.len() <= LONGEST) else { return };
        let mut sessions = self.sessions();
        if sessions.len() >= SESSIONS {
            return;
        }
        let secrets: Vec<&str> = opening.secret.as_deref().into_iter().collect();
        let overheard = shared.watch.begin(&opening.dialect, Transport::Socketio, &secrets);
        overheard.connected(opening.began.elapsed());
        said_by_server(&overheard, body);
        let mailbox = shared
            .mode
            .is_by_message()
            .then(|| Arc::new(Mailbox::new(shared, overheard.clone(), opening.head, payload.form)));
        let known = Known { overheard, mailbox };
        let patience = Duration::from_millis(handshake.ping_interval.saturating_add(handshake.ping_timeout));
        let session = Session { known, heard: shared.watch.clock.now(), patience };
        sessions.insert(handshake.sid.into(), session);
    }

    /// Forgets the sessions that have moved to a websocket, and those whose client has not been heard of for too long.
    pub fn tick(&self, now: Moment) {
        self.sessions().retain(|_, session| {
            if session.known.overheard.is_upgraded() {
                return false;
            }
            let lives = now.since(session.heard) <= session.patience;
            if !lives {
                session.known.overheard.closed(Closing::DroppedByClient);
            }
            lives
        });
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<Box<str>, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of a client's request has passed.
pub(super) fn said_by_client(overheard: &Overheard, body: &[u8]) {
    let payload = decode_payload(body);
    for packet in &payload.packets {
        overheard.client_text(Framing::Packets, packet);
    }
    if let Some(broken) = payload.broken {
        overheard.client_garbage(&broken);
    }
}

/// The answer to a poll has passed.
pub(super) fn said_by_server(overheard: &Overheard, body: &[u8]) {
    let payload = decode_payload(body);
    for packet in &payload.packets {
        overheard.server_text(Framing::Packets, packet);
    }
    if let Some(broken) = payload.broken {
        overheard.server_garbage(&broken);
    }
}

/// A member of a query.
pub(super) fn member(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
