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
    #[cfg(test)]
    pub(super) fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Key = Key(1);
    const OTHER: Key = Key(2);
    const THREAD: Key = Key(10);
    const NEXT: Key = Key(11);

    fn s(seconds: f64) -> Moment {
        Moment::default() + Duration::from_secs_f64(seconds)
    }

    /// Whether the user must see an event sent at that second and acknowledged a tenth later.
    fn must_see(chat: &Chat, thread: Key, sent: f64) -> bool {
        chat.belongs(USER, Sent { thread, sent: s(sent), acknowledged: s(sent + 0.1) })
    }

    fn with(change: impl FnOnce(&mut Chat)) -> Chat {
        let mut chat = Chat::default();
        chat.shown(&[USER, OTHER], s(10.0));
        change(&mut chat);
        chat
    }

    #[test]
    fn a_member_must_see_what_was_sent_after_he_was_known() {
        let chat = with(|chat| chat.shown(&[USER], s(20.0)));
        assert!(must_see(&chat, THREAD, 10.0) && must_see(&chat, THREAD, 30.0));
        assert!(!must_see(&chat, THREAD, 9.9));
        assert!(!must_see(&Chat::default(), THREAD, 30.0));
    }

    #[test]
    fn whoever_left_must_see_what_came_well_before() {
        for leave in [
            (|chat: &mut Chat| chat.removed(USER, s(20.0))) as fn(&mut Chat),
            |chat| chat.shown(&[OTHER], s(20.0)),
            |chat| chat.became_unclear(s(20.0)),
        ] {
            let chat = with(leave);
            assert!(must_see(&chat, THREAD, 17.0));
            assert!(!must_see(&chat, THREAD, 18.5) && !must_see(&chat, THREAD, 21.0));
        }
    }

    #[test]
    fn old_news_lets_nobody_in_and_new_news_does() {
        for leave in
            [(|chat: &mut Chat| chat.removed(USER, s(20.0))) as fn(&mut Chat), |chat| chat.became_unclear(s(20.0))]
        {
            let old = with(|chat| (leave(chat), chat.added(USER, s(21.0))).1);
            assert!(!must_see(&old, THREAD, 30.0));
            let new = with(|chat| (leave(chat), chat.added(USER, s(23.0))).1);
            assert!(must_see(&new, THREAD, 30.0) && !must_see(&new, THREAD, 22.0));
        }
        let unclear = with(|chat| {
            chat.became_unclear(s(20.0));
            chat.added(Key(3), s(21.0));
        });
        assert!(!unclear.members.contains_key(&Key(3)));
        let mut unknown = Chat::default();
        unknown.removed(USER, s(20.0));
        unknown.added(USER, s(20.5));
        assert!(!must_see(&unknown, THREAD, 30.0));
    }

    #[test]
    fn after_a_closing_membership_has_to_be_shown_again() {
        let closed = with(|chat| chat.closed(THREAD, s(20.0)));
        assert!(must_see(&closed, THREAD, 19.5), "sent into the thread before it was closed");
        assert!(!must_see(&closed, NEXT, 19.5), "sent before, but it began the next thread");
        assert!(!must_see(&closed, THREAD, 20.5) && !must_see(&closed, NEXT, 30.0));
        let mut reopened = closed;
        reopened.shown(&[USER], s(25.0));
        assert!(must_see(&reopened, NEXT, 30.0));
        reopened.closed(THREAD, s(26.0));
        assert!(must_see(&reopened, NEXT, 30.0), "the same closing, told late");
    }

    #[test]
    fn members_are_bounded() {
        let mut chat = Chat::default();
        for n in 0..10_000 {
            chat.added(Key(n), s(1.0));
            chat.removed(Key(20_000 + n), s(1.0));
        }
        assert_eq!(chat.members.len(), LIMIT);
    }
}
