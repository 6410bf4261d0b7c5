//! Chats and their threads.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde_json::Value;

use super::{ChatId, Event, EventId, Recipients, ThreadId, UserId};

/// Namespace → name → bare value. The dialects wrap each value in `{"value": …}` (C03-A16; A30-Q04).
pub type Properties = BTreeMap<String, BTreeMap<String, Value>>;

/// Namespace → names, of properties to delete (agent-v3.0 1071).
pub type PropertyNames = BTreeMap<String, Vec<String>>;

/// What an agent who is no user of a chat hears about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Following {
    /// Everything, until the chat is reactivated or unfollowed (agent-v3.0 121).
    Everything,
    /// Key changes only, after `unfollow_chat` (agent-v3.0 293).
    KeyChanges,
}

/// A conversation between one customer and agents.
#[derive(Debug, Clone)]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// Grows with every new thread; newest chats first in lists.
    pub order: i64,
    /// At most one customer (A30-B51). An agent can start a chat without any.
    pub customer: Option<UserId>,
    /// The agents who are users of the chat.
    pub agents: Vec<UserId>,
    /// Agents who listen without being users.
    pub followers: BTreeMap<UserId, Following>,
    /// Agents who talk with the other agents only; no customer knows of them (agent-v0.2 312).
    pub supervisors: Vec<UserId>,
    /// Its properties.
    pub properties: Properties,
    /// Groups whose agents may see it; group 0 stands for all agents.
    pub groups: Vec<i64>,
    /// Further agents who may see it (agent-v0.2 723).
    pub scoped_agents: Vec<UserId>,
    /// Oldest first; only the last can be active (C03-B94).
    pub threads: Vec<Thread>,
}

impl Chat {
    /// The thread of that id.
    pub fn thread(&self, id: &ThreadId) -> Option<&Thread> {
        self.threads.iter().rev().find(|thread| thread.id == *id)
    }

    pub(super) fn thread_mut(&mut self, id: &ThreadId) -> Option<&mut Thread> {
        self.threads.iter_mut().rev().find(|thread| thread.id == *id)
    }

    /// The newest thread.
    pub fn last_thread(&self) -> Option<&Thread> {
        self.threads.last()
    }

    /// The thread that is open, if any.
    pub fn active_thread(&self) -> Option<&Thread> {
        self.threads.last().filter(|thread| thread.active)
    }

    /// Whether one of its threads is open.
    pub fn is_active(&self) -> bool {
        self.active_thread().is_some()
    }

    /// Whether the user is part of the chat.
    pub fn has_user(&self, user: &UserId) -> bool {
        self.customer.as_ref() == Some(user) || self.agents.contains(user)
    }

    /// The customer first, then the agents.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.customer.iter().chain(&self.agents)
    }

    /// Who hears what is meant for `recipients`: users, supervisors and followers.
    pub fn listeners(&self, recipients: Recipients) -> Vec<UserId> {
        let customer = self.customer.iter().filter(|_| recipients == Recipients::All);
        let followers = self.followers.iter().filter(|(_, how)| **how == Following::Everything).map(|(id, _)| id);
        let supervisors = self.supervisors.iter().filter(|id| !self.followers.contains_key(*id));
        customer.chain(&self.agents).chain(supervisors).chain(followers).cloned().collect()
    }

    /// Who hears of a key change: everybody, and those who stopped following too (A30-B44).
    pub fn key_listeners(&self) -> Vec<UserId> {
        let supervisors = self.supervisors.iter().filter(|id| !self.followers.contains_key(*id));
        self.users().chain(supervisors).chain(self.followers.keys()).cloned().collect()
    }
}

/// One stretch of a chat.
#[derive(Debug, Clone)]
pub struct Thread {
    /// Its id.
    pub id: ThreadId,
    /// Grows within the chat; does not fit 32 bits (A30-Q06).
    pub order: i64,
    /// When it was opened.
    pub started: Timestamp,
    /// Open for events.
    pub active: bool,
    /// Everybody who has been part of it.
    pub users: Vec<UserId>,
    /// Oldest first.
    pub events: VecDeque<Event>,
    /// How many events it ever had; numbers the next one.
    pub(super) numbered: i64,
    /// Its properties.
    pub properties: Properties,
    /// Its tags.
    pub tags: BTreeSet<String>,
}

impl Thread {
    pub(super) fn new(
        id: ThreadId,
        order: i64,
        started: Timestamp,
        users: Vec<UserId>,
        properties: Properties,
    ) -> Self {
        Self {
            id,
            order,
            started,
            active: true,
            users,
            events: VecDeque::new(),
            numbered: 0,
            properties,
            tags: BTreeSet::new(),
        }
    }

    /// The event of that id.
    pub fn event(&self, id: &EventId) -> Option<&Event> {
        self.events.iter().rev().find(|event| event.id == *id)
    }

    pub(super) fn event_mut(&mut self, id: &EventId) -> Option<&mut Event> {
        self.events.iter_mut().rev().find(|event| event.id == *id)
    }

    /// The events that somebody with these eyes may see.
    pub fn events_for(&self, eyes: Recipients) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter().filter(move |event| eyes == Recipients::Agents || event.recipients == Recipients::All)
    }

    pub(super) fn joined(&mut self, user: &UserId) {
        if !self.users.contains(user) {
            self.users.push(user.clone());
        }
    }
}
