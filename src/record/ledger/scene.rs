//! One observation, as the checks of the ledger see it.

use serde_json::Value;

use super::event::Ack;
use super::place::Place;
use super::unplaced::Unplaced;
use super::{Key, Ledger};
use crate::observe::{ConnectionId, Moment, Observation, Transcript, ViolationKind};
use crate::protocol::Channel;
use crate::record::{SideBySide, Tally};

/// What a check needs to know about the observation at hand.
pub(super) struct Scene<'a> {
    pub(super) connection: ConnectionId,
    pub(super) at: Moment,
    pub(super) user: Option<Key>,
    pub(super) tally: &'a mut Tally,
    pub(super) action: &'a str,
    pub(super) observation: &'a Observation<'a>,
    pub(super) ledger: &'a Ledger,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        ledger: &'a Ledger,
        observation: &'a Observation<'a>,
        tally: &'a mut Tally,
        action: &'a str,
    ) -> Self {
        let user = observation.user.map(|id| ledger.keys.key(id));
        Self { connection: observation.connection, at: observation.at, user, tally, action, observation, ledger }
    }

    /// The connection with its dialect. Counts references, which all worker threads share, so it is not for every message.
    pub(super) fn place(&self) -> Place {
        Place::of(self.observation)
    }

    /// This push, to be looked at when the thread of its event is known.
    pub(super) fn unplaced(&self, chat: Option<Key>, event: &Value) -> Unplaced {
        Unplaced::new(self.observation, self.action, chat, event)
    }

    /// Whether pushes can come on this connection.
    pub(super) fn gets_pushes(&self) -> bool {
        self.observation.transport.channel() == Channel::Rtm
    }

    /// Something is wrong on this connection.
    pub(super) fn violated(&mut self, kind: ViolationKind, expected: String, got: String) {
        self.violated_between(kind, expected, got, |_| None);
    }

    /// The same, where it shows in what this connection and another one were told.
    pub(super) fn violated_between(
        &mut self,
        kind: ViolationKind,
        expected: String,
        got: String,
        observers: impl FnOnce(&Transcript) -> Option<SideBySide>,
    ) {
        let transcript = self.observation.transcript;
        let (expected, got) = (transcript.redact(&expected), transcript.redact(&got));
        let violation = self.place().violation(kind, self.at, Some(self.action), expected, got);
        self.tally.violations.add_between(violation, || (transcript.frames(), observers(transcript)));
    }

    /// An acknowledged event arrived at a receiver, so long after it was sent.
    pub(super) fn delivered(&mut self, receiver: &Place, arrived: Moment, ack: Ack) {
        if receiver.connection != ack.connection {
            let dialect = self.tally.dialects.entry(receiver.dialect.name.clone()).or_default();
            dialect.delivery.record(arrived.since(ack.sent));
        }
    }
}
