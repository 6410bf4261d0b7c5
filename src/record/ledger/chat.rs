//! Who takes part in a chat, as far as the connections of this process were told.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::{Key, Place};
use crate::observe::{ConnectionId, Moment};

/// News about a chat reach different connections at different times; within this of each other they may be told in any order.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// Users and subscriptions known of a chat: more than people talk in one. Of further ones nothing is expected.
const LIMIT: usize = 256;

/// One chat.
#[derive(Debug, Default)]
pub(super) struct Chat {
    members: HashMap<Key, Membership>,
    subscriptions: Vec<Subscriber>,
    /// The thread that was closed last, and when that was first seen.
    closing: Option<(Key, Moment)>,
    /// When it last became unclear who belongs to it.
    unclear: Option<Moment>,
}

/// When a user was known to belong to a chat.
#[derive(Debug, Clone, Copy)]
struct Membership {
    since: Moment,
    until: Option<Moment>,
}

/// A connection that gets the chat's pushes.
#[derive(Debug, Clone)]
pub(super) struct Subscriber {
    pub(super) place: Place,
    pub(super) user: Key,
    pub(super) since: Moment,
}

/// An event that was asked for and confirmed, seen from its chat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) thread: Key,
    pub(super) sent: Moment,
    pub(super) acknowledged: Moment,
}

impl Chat {
    pub(super) fn subscribe(&mut self, subscriber: Subscriber) {
        let known = self.subscriptions.iter().any(|known| known.place.connection == subscriber.place.connection);
        if !known && self.subscriptions.len() < LIMIT {
            self.subscriptions.push(subscriber);
        }
    }

    pub(super) fn unsubscribe(&mut self, gone: impl Fn(ConnectionId) -> bool) {
        self.subscriptions.retain(|subscriber| !gone(subscriber.place.connection));
    }

    /// The whole list of users was shown.
    pub(super) fn shown(&mut self, users: &[Key], at: Moment) {
        for (user, membership) in &mut self.members {
            if !users.contains(user) {
                membership.until.get_or_insert(at);
            }
        }
        users.iter().for_each(|&user| self.added(user, at));
    }

    pub(super) fn added(&mut self, user: Key, at: Moment) {
        // Shortly after a removal it may be an old piece of news.
        if self.unclear.is_some_and(|unclear| at.since(unclear) < GRACE) {
            return;
        }
        let closed = self.closing.map(|(_, closed)| closed);
        if self.members.len() == LIMIT && !self.members.contains_key(&user) {
            return;
        }
        let membership = self.members.entry(user).or_insert(Membership { since: at, until: None });
        let over = match membership.until {
            Some(until) if at.since(until) < GRACE => return,
            Some(_) => true,
            None => closed.is_some_and(|closed| membership.since <= closed && closed < at),
        };
        if over {
            *membership = Membership { since: at, until: None };
        }
    }

    pub(super) fn removed(&mut self, user: Key, at: Moment) {
        if let Some(membership) = self.members.get_mut(&user) {
            membership.until.get_or_insert(at);
        } else if self.members.len() < LIMIT {
            // A later piece of old news must not let him in.
            self.members.insert(user, Membership { since: at, until: Some(at) });
        }
    }

    pub(super) fn closed(&mut self, thread: Key, at: Moment) {
        if self.closing.is_none_or(|(last, _)| last != thread) {
            self.closing = Some((thread, at));
        }
    }

    pub(super) fn became_unclear(&mut self, at: Moment) {
        self.unclear = self.unclear.max(Some(at));
        for membership in self.members.values_mut() {
            membership.until.get_or_insert(at);
        }
    }

    /// The connections that have to see an event, its sender's aside.
    pub(super) fn entitled(&self, event: Sent) -> impl Iterator<Item = &Subscriber> {
        self.subscriptions
            .iter()
            .filter(move |subscriber| subscriber.since <= event.sent && self.belongs(subscriber.user, event))
    }

    /// Whether a user surely belonged to the chat while an event was created and delivered.
    pub(super) fn belongs(&self, user: Key, event: Sent) -> bool {
        let Some(membership) = self.members.get(&user) else { return false };
        let was_in = membership.since <= event.sent;
        let stayed = membership.until.is_none_or(|until| until > event.acknowledged + GRACE);
        // When a thread is closed the next one may be given to others.
        let not_closed = self
            .closing
            .is_none_or(|(thread, at)| at < membership.since || (thread == event.thread && event.sent <= at));
        was_in && stayed && not_closed
    }
}

/// Whether a user object says that the user has left, as those of agents do after they were replaced.
pub(super) fn is_present(user: &Value) -> bool {
    user.get("present").and_then(Value::as_bool) != Some(false)
}
