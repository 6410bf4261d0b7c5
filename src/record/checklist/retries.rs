//! Sends of which nobody knows whether they were carried out, and whether they are repeated blindly.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use serde_json::Value;

use crate::observe::{Answer, Moment};
use crate::protocol::Dialect;

/// The error type that leaves it open whether a request was carried out.
const UNCERTAIN: &str = "request_timeout";
/// Sends remembered of a user.
const SENDS: usize = 64;
/// How long after it the same content counts as repeated; later somebody may just say the same again.
const REPEATED_WITHIN: Duration = Duration::from_secs(60);

/// The sends of one user.
#[derive(Debug, Default)]
pub(super) struct Retries {
    outstanding: VecDeque<Send>,
    uncertain: VecDeque<Send>,
}

#[derive(Debug)]
struct Send {
    action: Box<str>,
    /// Hash of everything but the `custom_id`.
    content: u64,
    custom_id: Option<u64>,
    sent: Moment,
    /// Since when nobody knows what became of it, and whether the client has done something since.
    since: Moment,
    lived_on: bool,
}

/// What a new send is to the uncertain ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repetition {
    /// None of them.
    New,
    /// One of them again, under the same `custom_id`.
    Safe,
    /// One of them again, and a server cannot know that.
    Blind,
}

impl Retries {
    /// Something was requested; a request that creates events is a send.
    pub(super) fn sent(&mut self, dialect: &Dialect, action: &str, payload: &Value, at: Moment) -> Repetition {
        let since = |send: &Send| at.since(send.since) <= REPEATED_WITHIN;
        self.uncertain.iter_mut().filter(|send| since(send)).for_each(|send| send.lived_on = true);
        let Some(sends) = dialect.catalog.action(action).and_then(|spec| spec.sends.as_deref()) else {
            return Repetition::New;
        };
        let custom_id = payload.pointer(sends).and_then(|event| event.get("custom_id")).and_then(Value::as_str);
        let mut content = payload.clone();
        if let Some(Value::Object(event)) = content.pointer_mut(sends) {
            event.remove("custom_id");
        }
        let (content, custom_id) = (hash(&content.to_string()), custom_id.map(hash));
        let same = |send: &Send| *send.action == *action && send.content == content && since(send);
        let repetition = match self.uncertain.iter().position(same).and_then(|place| self.uncertain.remove(place)) {
            None => Repetition::New,
            Some(before) if before.custom_id.is_some() && before.custom_id == custom_id => Repetition::Safe,
            Some(_) => Repetition::Blind,
        };
        let send = Send { action: action.into(), content, custom_id, sent: at, since: at, lived_on: false };
        push(&mut self.outstanding, send);
        repetition
    }

    /// An answer came. One that says `request_timeout` leaves its send uncertain.
    pub(super) fn answered(&mut self, answer: &Answer<'_>, at: Moment) {
        let same = |send: &Send| *send.action == *answer.action && send.sent == answer.sent;
        let uncertain = crate::message::ApiError::kind_of(answer.payload) == Some(UNCERTAIN);
        if let Some(send) = self.outstanding.iter().position(same).and_then(|place| self.outstanding.remove(place))
            && uncertain
        {
            push(&mut self.uncertain, Send { since: at, ..send });
        }
        if !uncertain {
            // A late answer ends the uncertainty.
            self.uncertain.retain(|send| !same(send));
        }
    }

    /// The documented limit passed for the oldest request of that action.
    pub(super) fn timed_out(&mut self, action: &str, at: Moment) {
        let oldest = self.outstanding.iter().position(|send| *send.action == *action);
        if let Some(send) = oldest.and_then(|place| self.outstanding.remove(place)) {
            push(&mut self.uncertain, Send { since: at, ..send });
        }
    }

    /// How many uncertain sends were not repeated though the client went on.
    pub(super) fn left_alone(&self) -> u64 {
        self.uncertain.iter().filter(|send| send.lived_on).count() as u64
    }
}

fn push(queue: &mut VecDeque<Send>, send: Send) {
    if queue.len() == SENDS {
        queue.pop_front();
    }
    queue.push_back(send);
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
