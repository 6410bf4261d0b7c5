//! What a client is put through: hardships that the documents allow, and faults.
//!
//! No IO and no clock. Messages of the server go in as they came and come out when they are due, perhaps changed, doubled or in another
//! order. The server was judged before and is not to blame for what is done here. Chance, by the seed, says when.

mod calls;
mod kinds;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

pub use calls::Reply;
pub use kinds::{Fault, Hardship};

use crate::message::{ApiError, Body, Message, Request, parse_frame, refusal_text};
use crate::observe::Moment;
use crate::protocol::Dialect;

/// The longest that a push is held back, for others to overtake it.
const HELD: Duration = Duration::from_millis(60);
/// How long an answer waits for the push that is to come before it.
const WAITS: Duration = Duration::from_millis(150);
/// What an answer that is slow stays below the documented limit, for the way to the server and back.
const MARGIN: Duration = Duration::from_secs(3);
/// How much longer than the documented limit a silence is.
const BEYOND: Duration = Duration::from_secs(1);
/// Messages held back at most; beyond this they leave as they come.
const MOST: usize = 256;
/// Messages that wait at most in a silence, in which none leaves; beyond this the server is not read.
const FULL: usize = 4 * MOST;
/// Messages of a connection until something happens that does not happen all the time: the first time, and from then on.
const FIRST: RangeInclusive<u32> = 3..=6;
const LATER: RangeInclusive<u32> = 20..=40;
/// The reason of a disconnect that is nobody's fault, so that a client may come back (agent-v3.0 rtm/pushes:208, customer-v0.3 1186).
const REASON: &str = "internal_error";
/// The error that says so (customer-v0.3 542, agent-v3.0 rtm/errors:28).
const TIMED_OUT: &str = "request_timeout";

/// What was chosen for all clients.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// The hardships.
    pub hardships: Vec<Hardship>,
    /// The faults.
    pub faults: Vec<Fault>,
    /// Seed of all chance.
    pub seed: u64,
}

/// What was done to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provoked {
    /// A hardship.
    Hardship(Hardship),
    /// A fault.
    Fault(Fault),
}

/// What is to be done to the client now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Send it this.
    Send(String),
    /// Say goodbye to it.
    Close,
    /// Drop its connection.
    Cut,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It goes to the server.
    Forward,
    /// It does not, and this is what the client is told.
    Answer(String),
}

/// The trouble of one connection.
#[derive(Debug)]
pub struct Trouble {
    dialect: Arc<Dialect>,
    choice: Choice,
    random: ChaCha8Rng,
    /// In the order in which they came.
    queue: Vec<Queued>,
    silent_until: Moment,
    /// Until the next of what happens rarely: requests, messages of the server.
    until_timeout: u32,
    until_strike: u32,
    provoked: Vec<Provoked>,
}

#[derive(Debug)]
struct Queued {
    due: Moment,
    deed: Deed,
    /// The correlation id of an answer that waits for its push.
    waits_for: Option<Box<str>>,
}

impl Trouble {
    /// The trouble of one connection, by its number.
    pub fn new(dialect: Arc<Dialect>, choice: &Choice, connection: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(choice.seed ^ connection.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (until_timeout, until_strike) = (random.random_range(FIRST), random.random_range(FIRST));
        Self {
            dialect,
            choice: choice.clone(),
            random,
            queue: Vec::new(),
            silent_until: Moment::default(),
            until_timeout,
            until_strike,
            provoked: Vec::new(),
        }
    }

    /// The client asks for something.
    pub fn client_asked(&mut self, request: &Request) -> Fate {
        self.times_out(&request.action).map_or(Fate::Forward, |error| Fate::Answer(refusal_text(request, &error)))
    }

    /// The error in place of a request that is not carried out.
    fn times_out(&mut self, action: &str) -> Option<ApiError> {
        let catalog = &self.dialect.catalog;
        // Who cannot log in has nothing to lose by it.
        if !self.has_fault(Fault::RequestTimeout) || catalog.login.before.iter().any(|name| **name == *action) {
            return None;
        }
        self.until_timeout = self.until_timeout.saturating_sub(1);
        if self.until_timeout > 0 {
            return None;
        }
        self.until_timeout = self.random.random_range(LATER);
        let message = catalog.errors.get(TIMED_OUT).map_or_else(String::new, |error| error.message.clone());
        self.provoked.push(Provoked::Fault(Fault::RequestTimeout));
        Some(ApiError { kind: TIMED_OUT.to_owned(), message, data: None })
    }

    /// A message for the client that is not the server's own.
    pub fn tell(&mut self, now: Moment, text: String) {
        self.put(now, Duration::ZERO, text);
    }

    /// The server sends a message.
    pub fn server_sent(&mut self, now: Moment, text: &str) {
        match parse_frame(text) {
            Ok(message) if message.body == Body::Push => self.push(now, text, &message),
            Ok(message) => self.answer(now, text, &message),
            // The server's own fault; the client has enough of it.
            Err(_) => self.put(now, Duration::ZERO, text.to_owned()),
        }
        self.strike(now, text);
    }

    /// The next deed whose time has come.
    pub fn due(&mut self, now: Moment) -> Option<Deed> {
        let next = self.queue.iter().enumerate().filter(|(_, queued)| queued.due <= now);
        let (index, _) = next.min_by_key(|(index, queued)| (queued.due, *index))?;
        Some(self.queue.remove(index).deed)
    }

    /// When there is next something to do.
    pub fn next_due(&self) -> Option<Moment> {
        self.queue.iter().map(|queued| queued.due).min()
    }

    /// Whether so much waits that the server has to wait as well.
    pub fn is_full(&self) -> bool {
        self.queue.len() >= FULL
    }

    /// Lets everything that waits leave now.
    pub fn hurry(&mut self, now: Moment) {
        self.queue.iter_mut().for_each(|queued| queued.due = queued.due.min(now));
    }

    /// What was done since it was last asked for.
    pub fn provoked(&mut self) -> Vec<Provoked> {
        std::mem::take(&mut self.provoked)
    }

    fn push(&mut self, now: Moment, text: &str, message: &Message) {
        let text = self.dressed(text);
        if self.chance(Hardship::UnknownPushes, 0.25) {
            let unknown = json!({
                "action": "something_new_happened",
                "type": "push",
                "payload": { "about": "no document names this push" },
            });
            self.put(now, Duration::ZERO, unknown.to_string());
        }
        let held = if self.chance(Hardship::ShuffledPushes, 0.75) {
            HELD.mul_f64(self.random.random_range(0.0..1.0))
        } else {
            Duration::ZERO
        };
        if self.chance(Hardship::DuplicatePushes, 0.25) {
            self.put(now, held, text.clone());
        }
        self.put(now, held, text);
        let due = self.queue.last().map_or(now, |pushed| pushed.due);
        if message.correlation.is_some()
            && let Some(answer) = self.queue.iter_mut().find(|queued| queued.waits_for == message.correlation)
        {
            // Of two things that are due at the same moment the one that came first leaves first.
            answer.due = due + Duration::from_nanos(1);
            answer.waits_for = None;
            self.provoked.push(Provoked::Hardship(Hardship::PushBeforeResponse));
        }
    }

    fn answer(&mut self, now: Moment, text: &str, message: &Message) {
        let text = self.dressed(text);
        let logs_in = *message.action == *self.dialect.catalog.login.action;
        let waits = message.body == Body::Response { success: true }
            && !logs_in
            && self.has(Hardship::PushBeforeResponse)
            && self.dialect.catalog.action(&message.action).is_some_and(|action| !action.pushes.is_empty());
        if waits {
            self.put(now, WAITS, text);
            if let Some(queued) = self.queue.last_mut() {
                queued.waits_for.clone_from(&message.correlation);
            }
        } else {
            let time = self.slowness().unwrap_or_default();
            self.put(now, time, text);
        }
    }

    /// How long an answer takes, if it is a slow one.
    fn slowness(&mut self) -> Option<Duration> {
        if !self.chance(Hardship::SlowAnswers, 0.1) {
            return None;
        }
        let longest = self.dialect.catalog.timeout.saturating_sub(MARGIN);
        // Most of them take far less than the longest.
        Some(longest.mul_f64(self.random.random_range(0.0_f64..1.0).powi(3)))
    }

    /// What happens rarely, happens after a message of the server.
    fn strike(&mut self, now: Moment, text: &str) {
        match self.chosen(&[Hardship::Disconnects]) {
            None => {}
            Some(Provoked::Fault(Fault::Silence)) => self.silent_until = now + self.dialect.catalog.timeout + BEYOND,
            Some(Provoked::Fault(Fault::MalformedFrame)) => {
                let half: String = text.chars().take(text.chars().count() / 2).collect();
                self.put(now, Duration::ZERO, half);
            }
            Some(Provoked::Hardship(_)) => {
                let disconnect = &self.dialect.catalog.disconnect;
                if disconnect.reasons.contains_key(REASON) {
                    let payload = json!({ "reason": REASON });
                    let push = json!({ "action": disconnect.push, "type": "push", "payload": payload });
                    self.put(now, Duration::ZERO, push.to_string());
                }
                self.end(now, Deed::Close);
            }
            Some(Provoked::Fault(_)) => self.end(now, Deed::Cut),
        }
    }

    /// One of what happens rarely, if it is time for it. Of the hardships only some are rare, and not everywhere.
    fn chosen(&mut self, hardships: &[Hardship]) -> Option<Provoked> {
        let faults = [Fault::DroppedConnection, Fault::Silence, Fault::MalformedFrame];
        let faults = faults.into_iter().filter(|fault| self.has_fault(*fault)).map(Provoked::Fault);
        let hardships = hardships.iter().filter(|hardship| self.has(**hardship)).copied().map(Provoked::Hardship);
        let rare: Vec<Provoked> = faults.chain(hardships).collect();
        self.until_strike = self.until_strike.saturating_sub(1);
        if rare.is_empty() || self.until_strike > 0 {
            return None;
        }
        self.until_strike = self.random.random_range(LATER);
        let provoked = rare[self.random.random_range(0..rare.len())];
        self.provoked.push(provoked);
        Some(provoked)
    }

    /// Nothing that was held back comes after the end.
    fn end(&mut self, now: Moment, deed: Deed) {
        self.hurry(now);
        self.queue.push(Queued { due: now, deed, waits_for: None });
    }

    /// Lets a text leave after some time, or when a silence is over.
    fn put(&mut self, now: Moment, after: Duration, text: String) {
        let after = if self.queue.len() < MOST { after } else { Duration::ZERO };
        let due = (now + after).max(self.silent_until);
        self.queue.push(Queued { due, deed: Deed::Send(text), waits_for: None });
    }

    /// A message with members that no document names: one of the message, one of its payload.
    fn dressed(&mut self, text: &str) -> String {
        if !self.has(Hardship::UnknownMembers) {
            return text.to_owned();
        }
        let Ok(Value::Object(mut message)) = serde_json::from_str(text) else { return text.to_owned() };
        let unknown = json!({ "about": "no document names this member" });
        if let Some(payload) = message.get_mut("payload").and_then(Value::as_object_mut) {
            payload.insert("something_new".to_owned(), unknown.clone());
        }
        message.insert("something_new".to_owned(), unknown);
        self.provoked.push(Provoked::Hardship(Hardship::UnknownMembers));
        Value::Object(message).to_string()
    }

    fn chance(&mut self, hardship: Hardship, probability: f64) -> bool {
        let strikes = self.has(hardship) && self.random.random_bool(probability);
        if strikes {
            self.provoked.push(Provoked::Hardship(hardship));
        }
        strikes
    }

    fn has(&self, hardship: Hardship) -> bool {
        self.choice.hardships.contains(&hardship)
    }

    fn has_fault(&self, fault: Fault) -> bool {
        self.choice.faults.contains(&fault)
    }
}
