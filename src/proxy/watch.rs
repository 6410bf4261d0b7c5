//! The conversations that are overheard at present.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::Value;

use crate::message::{Framing, Unwrapped};
use crate::observe::{ClientCall, ClientSent, Clock, Closing, ConnectionId, Conversation, Moment, Observer};
use crate::protocol::{Dialect, Transport};
use crate::session::IdSource;

/// Knows every conversation as long as it goes on.
pub struct Watch {
    /// The time of all observations.
    pub clock: Clock,
    observer: Arc<dyn Observer>,
    ids: IdSource,
    live: Mutex<Vec<Weak<Mutex<Conversation>>>>,
}

impl Watch {
    /// Nothing is overheard yet.
    pub fn new(clock: Clock, observer: Arc<dyn Observer>) -> Self {
        Self { clock, observer, ids: IdSource::default(), live: Mutex::default() }
    }

    /// A connection was opened, or stands for calls of the Web API; `secrets` are those that its handshake named.
    pub fn begin(&self, dialect: &Arc<Dialect>, transport: Transport, secrets: &[&str]) -> Overheard {
        let mut conversation = Conversation::new(dialect.clone(), self.ids.next_id(), transport, self.observer.clone());
        secrets.iter().for_each(|secret| conversation.hide(secret));
        let conversation = Arc::new(Mutex::new(conversation));
        lock(&self.live).push(Arc::downgrade(&conversation));
        Overheard { conversation, upgraded: Arc::default(), clock: self.clock }
    }

    /// Tells every conversation what time it is, so that what is overdue shows. To be called about once a second.
    pub fn tick(&self) {
        let now = self.clock.now();
        lock(&self.live).retain(|conversation| {
            let conversation = conversation.upgrade();
            conversation.inspect(|conversation| drop(lock(conversation).expire(now))).is_some()
        });
    }

    /// Ends what still goes on, because nobody listens any more.
    pub fn finish(&self) {
        let now = self.clock.now();
        for conversation in std::mem::take(&mut *lock(&self.live)).iter().filter_map(Weak::upgrade) {
            lock(&conversation).closed(now, Closing::ByUs);
        }
    }
}

/// One conversation between two others.
#[derive(Clone)]
pub struct Overheard {
    conversation: Arc<Mutex<Conversation>>,
    /// Whether it began by polling and is on a websocket now.
    upgraded: Arc<AtomicBool>,
    clock: Clock,
}

impl Overheard {
    /// The present moment, and the conversation to tell of it.
    pub fn now(&self) -> (Moment, MutexGuard<'_, Conversation>) {
        let conversation = lock(&self.conversation);
        // Whoever waited for the lock is not to come with an older time than its holder.
        (self.clock.now(), conversation)
    }

    /// The connection stands, `took` after the client asked for it.
    pub fn connected(&self, took: Duration) {
        let (at, mut conversation) = self.now();
        conversation.connected(at, took);
    }

    /// Its number.
    pub fn connection(&self) -> ConnectionId {
        lock(&self.conversation).connection()
    }

    /// What is spoken there.
    pub fn dialect(&self) -> Arc<Dialect> {
        lock(&self.conversation).dialect().clone()
    }

    /// Whether it began by polling and is on a websocket now.
    pub fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Relaxed)
    }

    /// The client sent a text. Its message, if it is one, and what came of it.
    pub fn client_text(&self, framing: Framing, text: &str) -> Option<ClientSent> {
        let (at, mut conversation) = self.now();
        match framing.unwrap(text) {
            Unwrapped::Message(message) => return Some(conversation.client_sent(at, &message)),
            Unwrapped::Alive => conversation.client_pinged(at),
            Unwrapped::Over => conversation.closed(at, Closing::ByClient),
            Unwrapped::Upgrade => self.upgraded.store(true, Ordering::Relaxed),
            Unwrapped::Odd(what) => conversation.client_garbage(at, &what),
            Unwrapped::Open(_) | Unwrapped::Beside => {}
        }
        None
    }

    /// The server sent a text. Its message, if it is one.
    pub fn server_text<'a>(&self, framing: Framing, text: &'a str) -> Option<Cow<'a, str>> {
        let (at, mut conversation) = self.now();
        match framing.unwrap(text) {
            Unwrapped::Message(message) => {
                conversation.received(at, &message);
                return Some(message);
            }
            Unwrapped::Alive => conversation.ponged(at),
            Unwrapped::Over => conversation.closed(at, Closing::ByServer),
            Unwrapped::Odd(what) => conversation.received_garbage(at, &what),
            Unwrapped::Upgrade | Unwrapped::Open(_) | Unwrapped::Beside => {}
        }
        None
    }

    /// The client called an action of the Web API with this body. The payload is what its body holds, or why that cannot be read.
    pub fn client_called(&self, action: &str, payload: Result<&Value, &str>, body: &str) -> ClientCall {
        let (at, mut conversation) = self.now();
        conversation.client_called(at, action, payload, body)
    }

    /// A request did not reach the server.
    pub fn withheld(&self, number: u64) {
        lock(&self.conversation).withheld(number);
    }

    /// The client sent a ping or a pong.
    pub fn client_pinged(&self) {
        let (at, mut conversation) = self.now();
        conversation.client_pinged(at);
    }

    /// The client sent what is no text message.
    pub fn client_garbage(&self, what: &str) {
        let (at, mut conversation) = self.now();
        conversation.client_garbage(at, what);
    }

    /// The server sent a pong.
    pub fn server_ponged(&self) {
        let (at, mut conversation) = self.now();
        conversation.ponged(at);
    }

    /// The server sent what is no text message.
    pub fn server_garbage(&self, what: &str) {
        let (at, mut conversation) = self.now();
        conversation.received_garbage(at, what);
    }

    /// The connection is over.
    pub fn closed(&self, how: Closing) {
        let (at, mut conversation) = self.now();
        conversation.closed(at, how);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves state behind that is no worse than a missed frame.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
