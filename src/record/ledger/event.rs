//! What is known of one event, and whether two sightings agree.

use serde_json::Value;

use super::{Key, Keys, Name};
use crate::observe::{ConnectionId, Moment};

/// Our engine begins the `custom_id` of each event that it sends with this, and never uses one twice.
const NONCE: &str = "cp-";

/// The members of an event that never change, as far as a sighting shows them.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) order: Option<i64>,
    pub(super) author: Option<Name>,
    pub(super) kind: Option<Name>,
    /// Hash and length.
    pub(super) text: Option<(Key, usize)>,
    /// Only when it is a nonce of ours.
    pub(super) nonce: Option<Key>,
    pub(super) agents_only: Option<bool>,
}

/// The same members as one sighting shows them, before anything is kept of them.
#[derive(Debug)]
pub(super) struct Sighted<'a> {
    pub(super) order: Option<i64>,
    author: Option<(Key, &'a str)>,
    kind: Option<(Key, &'a str)>,
    text: Option<(Key, usize)>,
    nonce: Option<Key>,
    agents_only: Option<bool>,
}

/// One member that differs between two sightings.
pub(super) struct Difference {
    pub(super) before: String,
    pub(super) now: String,
}

impl<'a> Sighted<'a> {
    pub(super) fn read(event: &'a Value, keys: &Keys) -> Self {
        let text = |member: &str| event.get(member).and_then(Value::as_str);
        let keyed = |text: &'a str| (keys.key(text), text);
        Self {
            order: event.get("order").and_then(Value::as_i64),
            author: text("author_id").map(keyed),
            kind: text("type").map(keyed),
            text: text("text").map(|text| (keys.key(text), text.len())),
            nonce: text("custom_id").filter(|id| id.starts_with(NONCE)).map(|id| keys.key(id)),
            agents_only: text("recipients").map(|recipients| recipients == "agents"),
        }
    }
}

impl Members {
    /// Whether it is known who sent it, with which of our nonces.
    pub(super) fn is_ours(&self) -> bool {
        self.nonce.is_some() && self.author.is_some()
    }

    /// Whether both come from one send of ours.
    pub(super) fn same_send(&self, other: &Self) -> bool {
        let key = |members: &Self| Some((members.nonce?, members.author.as_ref()?.key));
        key(self).is_some() && key(self) == key(other)
    }

    /// Takes over what was not known. Returns what differs; dialects show different members, so only those count that
    /// both sightings have.
    pub(super) fn learn(&mut self, other: &Sighted<'_>, text_may_change: bool) -> Option<Difference> {
        let mut difference = None;
        let mut differs = |member: &str, before: String, now: String| {
            difference
                .get_or_insert(Difference { before: format!("`{member}` {before}"), now: format!("`{member}` {now}") });
        };
        match (self.order, other.order) {
            (Some(before), Some(now)) if before != now => differs("order", before.to_string(), now.to_string()),
            (before, now) => self.order = before.or(now),
        }
        for (member, before, now) in
            [("author_id", &mut self.author, other.author), ("type", &mut self.kind, other.kind)]
        {
            match (&*before, now) {
                (Some(before), Some((key, now))) if before.key != key => {
                    differs(member, before.quoted(), Name::new(key, now).quoted());
                }
                (None, Some((key, now))) => *before = Some(Name::new(key, now)),
                _ => {}
            }
        }
        match (self.text, other.text) {
            (Some(before), Some(now)) if before != now && !text_may_change => {
                differs("text", format!("of {} bytes", before.1), format!("of {} bytes, another one", now.1));
            }
            (before, now) => self.text = before.or(now),
        }
        self.nonce = self.nonce.or(other.nonce);
        self.agents_only = match (self.agents_only, other.agents_only) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (before, now) => before.or(now),
        };
        difference
    }
}

/// An event's creation was confirmed to whoever asked for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ack {
    /// Whose request it was.
    pub(super) connection: ConnectionId,
    /// When the request was sent.
    pub(super) sent: Moment,
    /// When the answer arrived.
    pub(super) at: Moment,
}

/// A set of a thread's watchers, by their index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Watchers(u64);

impl Watchers {
    /// How many indices there are.
    pub(super) const LIMIT: usize = u64::BITS as usize;

    pub(super) fn has(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }

    /// Adds one; whether it was new.
    pub(super) fn add(&mut self, index: usize) -> bool {
        let new = !self.has(index);
        self.0 |= 1 << index;
        new
    }
}

/// One event of a thread.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) id: Name,
    pub(super) members: Members,
    /// When it was first seen anywhere.
    pub(super) first: Moment,
    /// Who saw it then.
    pub(super) first_seen_by: ConnectionId,
    /// Who saw it in any way.
    pub(super) reached: Watchers,
    /// Who got it in a push of its own.
    pub(super) pushed: Watchers,
    /// Who got it in the push that announces its thread.
    pub(super) announced: Watchers,
    /// To which customers it leaked.
    pub(super) leaked: Watchers,
    /// Whether sightings were found to differ already.
    pub(super) differed: bool,
    /// Whether a push said that it changed.
    pub(super) updated: bool,
    pub(super) ack: Option<Ack>,
    /// Whether it is known who has to see it.
    pub(super) expected: bool,
    /// Arrivals by push before the acknowledgement: watcher and moment.
    pub(super) early: Vec<(usize, Moment)>,
}

impl Event {
    pub(super) fn new(id: Name, first: Moment, first_seen_by: ConnectionId) -> Self {
        Self {
            id,
            members: Members::default(),
            first,
            first_seen_by,
            reached: Watchers::default(),
            pushed: Watchers::default(),
            announced: Watchers::default(),
            leaked: Watchers::default(),
            differed: false,
            updated: false,
            ack: None,
            expected: false,
            early: Vec::new(),
        }
    }
}
