//! The Web API: one HTTP request, one answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::connect::is_exhausted;
use super::{Authorization, CallOutcome, LARGEST, SessionContext, Token, Upload, Variation};
use crate::message::{Body, WebAnswer, parse_web_answer, web_body};
use crate::observe::{Clock, Closing, ConnectionId, Conversation, Delivered, Moment, Sending};
use crate::protocol::{Multipart, Transport};

/// One actor's use of the Web API. There is no connection to speak of, so one stands for all calls until one of them
/// breaks.
pub struct WebSession {
    context: SessionContext,
    token: Token,
    user: Option<Box<str>>,
    /// None until the first call.
    exchange: Mutex<Option<Arc<Exchange>>>,
}

/// The calls of one conversation. It is over when the last of them is.
struct Exchange {
    conversation: Mutex<Conversation>,
    clock: Clock,
    broken: AtomicBool,
}

impl WebSession {
    /// A client for one actor. `user` is its id, if known: nobody logs in over the Web API.
    pub fn new(context: &SessionContext, token: &Token, user: Option<&str>) -> Self {
        Self { context: context.clone(), token: token.clone(), user: user.map(Into::into), exchange: Mutex::new(None) }
    }

    /// Sends a request and waits for its answer; `intended` is when it should have been sent. Past the documented limit it
    /// waits a third longer, to tell a late answer from none; both are [`CallOutcome::TimedOut`].
    pub async fn call(&self, action: &str, payload: &Value, intended: Moment) -> CallOutcome {
        self.call_varied(action, payload, &Variation::default(), intended).await
    }

    /// The same with what is varied.
    pub async fn call_varied(
        &self,
        action: &str,
        payload: &Value,
        variation: &Variation,
        intended: Moment,
    ) -> CallOutcome {
        let catalog = &self.context.dialect.catalog;
        let limit = catalog.timeout;
        let request = self.context.http.post(self.context.target.web_url(catalog, action, &variation.query));
        let request = match &variation.authorization {
            Authorization::Token => request.header(AUTHORIZATION, self.token.authorization()),
            Authorization::None => request,
            Authorization::Text(text) => request.header(AUTHORIZATION, text),
        };
        let multipart = catalog.action(action).and_then(|spec| spec.multipart.as_ref());
        let (request, text) = match (multipart, &variation.content_type) {
            (Some(multipart), None) => {
                (request.multipart(form(multipart, payload, variation.upload.as_ref())), payload.to_string())
            }
            (_, content_type) => {
                let text = web_body(catalog.web.request_body, payload).to_string();
                let content_type = content_type.as_deref().unwrap_or("application/json");
                (request.header(CONTENT_TYPE, content_type).body(text.clone()), text)
            }
        };
        let exchange = self.exchange();
        let at = self.context.clock.now();
        let sending = Sending { correlation: None, action, intended, at, text: &text };
        let number = exchange.conversation().sending(sending);
        let read = tokio::time::timeout(limit + limit / 3, read(request)).await;
        let at = self.context.clock.now();
        match read {
            Ok(Ok((body, answer))) => {
                let mut conversation = exchange.conversation();
                let late = conversation.expire(at).contains(&number) || at.since(sending.at) > limit;
                match conversation.web_received(at, number, &body, answer) {
                    Delivered::Answer { message, .. } if !late => {
                        let success = message.body == Body::Response { success: true };
                        CallOutcome::Answered { success, payload: message.payload }
                    }
                    _ => CallOutcome::TimedOut,
                }
            }
            Ok(Err(error)) => {
                self.broke(&exchange);
                let was_sent = !error.is_connect() && !error.is_builder();
                let exhausted = error.is_connect() && is_ours(&error);
                // The URL holds no secret, but the causes say more than it does.
                let why = format!("{}: {}", self.context.target.peer(), causes(&error.without_url()));
                match was_sent {
                    true => CallOutcome::Failed(why),
                    false if exhausted => CallOutcome::Exhausted(why),
                    false => CallOutcome::NotSent(why),
                }
            }
            Err(_) => {
                exchange.conversation().expire(at);
                CallOutcome::TimedOut
            }
        }
    }

    /// The connection that stands for the present calls; none before the first and after one that broke.
    pub fn connection(&self) -> Option<ConnectionId> {
        self.current().as_ref().map(|exchange| exchange.conversation().connection())
    }

    /// Ends the session. Calls on their way still end as they would.
    pub fn close(&self) {
        self.current().take();
    }

    fn exchange(&self) -> Arc<Exchange> {
        self.current().get_or_insert_with(|| Arc::new(self.begin())).clone()
    }

    fn begin(&self) -> Exchange {
        let context = &self.context;
        let mut conversation =
            Conversation::new(context.dialect.clone(), context.ids.next_id(), Transport::Web, context.observer.clone());
        conversation.hide(self.token.reveal());
        if let Some(user) = &self.user {
            conversation.set_user(user);
        }
        Exchange { conversation: Mutex::new(conversation), clock: context.clock, broken: AtomicBool::new(false) }
    }

    /// A transport failed: what was outstanding there will not be answered, and the next call starts anew.
    fn broke(&self, exchange: &Arc<Exchange>) {
        exchange.broken.store(true, Ordering::Relaxed);
        self.current().take_if(|current| Arc::ptr_eq(current, exchange));
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Exchange>>> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for WebSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSession").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Exchange {
    fn conversation(&self) -> MutexGuard<'_, Conversation> {
        self.conversation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let how = if *self.broken.get_mut() { Closing::Broken } else { Closing::ByUs };
        let now = self.clock.now();
        self.conversation().closed(now, how);
    }
}

/// Sends a request and reads the whole answer.
async fn read(request: reqwest::RequestBuilder) -> reqwest::Result<(Vec<u8>, WebAnswer)> {
    let mut response = request.send().await?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST {
            let answer = WebAnswer::Unreadable(format!("HTTP {status} with a body of more than {} MiB", LARGEST >> 20));
            return Ok((body, answer));
        }
        body.extend_from_slice(&chunk);
    }
    let answer = parse_web_answer(status, &body);
    Ok((body, answer))
}

/// The payload's members as parts: texts as they are, other values as JSON. The file is a member
/// `{"name": …, "content_type": …, "content": …}` with its content as text; anything else in its place travels like any
/// other member, so that wrong requests can be made. An upload takes its place.
fn form(spec: &Multipart, payload: &Value, upload: Option<&Upload>) -> Form {
    let mut form = Form::new();
    for (member, value) in payload.as_object().into_iter().flatten() {
        if upload.is_some() && spec.file == format!("{}{member}", spec.prefix) {
            continue;
        }
        let name = format!("{}{member}", spec.prefix);
        let part = if name == spec.file { file_part(value) } else { None };
        form = form.part(name, part.unwrap_or_else(|| Part::text(text_of(value))));
    }
    if let Some(upload) = upload {
        let part = || Part::bytes(vec![b'x'; upload.bytes]).file_name(upload.name.clone());
        form = form.part(spec.file.clone(), part().mime_str(&upload.kind).unwrap_or_else(|_| part()));
    }
    form
}

fn file_part(value: &Value) -> Option<Part> {
    let member = |name| value.get(name).and_then(Value::as_str);
    let part = Part::text(member("content")?.to_owned()).file_name(member("name")?.to_owned());
    match member("content_type") {
        Some(kind) => part.mime_str(kind).ok(),
        None => Some(part),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether our own machine had no more sockets.
fn is_ours(error: &(dyn std::error::Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(is_exhausted)
}

fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
