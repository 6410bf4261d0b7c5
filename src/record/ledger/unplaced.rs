//! Pushes of events that do not say which thread these are in: they wait until somebody else's sighting tells.
//!
//! agent/v0.2 pushes events like that (A02-A51). The sender's answer names the thread, and may well come later than the push.

use std::sync::Arc;

use serde_json::Value;

use super::Key;
use crate::observe::{ConnectionId, Fact, Moment, Observation, Pushed, Transcript};
use crate::protocol::{Dialect, Transport};

/// Pushes kept of one event: more connections are not watched in a thread either.
pub(super) const PUSHES: usize = super::event::Watchers::LIMIT;

/// A push that waits.
#[derive(Debug)]
pub(super) struct Unplaced {
    pub(super) at: Moment,
    pub(super) chat: Option<Key>,
    pub(super) event: Value,
    connection: ConnectionId,
    dialect: Arc<Dialect>,
    transport: Transport,
    user: Option<Box<str>>,
    transcript: Transcript,
    action: Box<str>,
}

impl Unplaced {
    /// Keeps what is needed to look at an event of this push later.
    pub(super) fn new(observation: &Observation<'_>, action: &str, chat: Option<Key>, event: &Value) -> Self {
        Self {
            at: observation.at,
            chat,
            event: event.clone(),
            connection: observation.connection,
            dialect: Arc::clone(observation.dialect),
            transport: observation.transport,
            user: observation.user.map(Into::into),
            transcript: observation.transcript.latest(),
            action: action.into(),
        }
    }

    /// Name of the push.
    pub(super) fn action(&self) -> &str {
        &self.action
    }

    /// The push as it was observed, as far as an event of it is concerned.
    pub(super) fn observation(&self) -> Observation<'_> {
        let pushed = Pushed { action: &self.action, correlation: None, payload: &self.event, bytes: 0 };
        Observation {
            at: self.at,
            connection: self.connection,
            dialect: &self.dialect,
            transport: self.transport,
            user: self.user.as_deref(),
            transcript: &self.transcript,
            fact: Fact::Pushed(pushed),
        }
    }
}
