//! The people of the licence.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{ChatId, EVERYBODY, Monitoring, UserId, Visit};

/// Somebody who visits.
#[derive(Debug, Clone)]
pub struct Customer {
    /// A UUID, computed from the name in the token.
    pub id: UserId,
    /// As the customer or an agent gave it.
    pub name: Option<String>,
    /// As the customer or an agent gave it.
    pub email: Option<String>,
    /// Address of a picture; only agents see it.
    pub avatar: Option<String>,
    /// Free text by name.
    pub fields: BTreeMap<String, String>,
    /// First login, or when an agent created him.
    pub created: Timestamp,
    /// Successful logins so far.
    pub visits: u64,
    /// When he last sent an event.
    pub last_event: Option<Timestamp>,
    /// When an agent last sent an event to one of his chats.
    pub last_agent_event: Option<Timestamp>,
    /// What he has seen, in Unix seconds.
    pub last_seen: Option<i64>,
    /// Until when he may not come in.
    pub banned_until: Option<Timestamp>,
    /// His chats, oldest first.
    pub chats: Vec<ChatId>,
    /// Groups that have access to him (A30-B47).
    pub groups: Vec<i64>,
    /// RTM connections that are logged in.
    pub connections: u32,
    /// Where he is, if anybody knows.
    pub country: Option<String>,
    /// What he does on the website, since his client told of a page.
    pub visit: Option<Visit>,
}

impl Customer {
    pub(super) fn new(id: UserId, now: Timestamp) -> Self {
        Self {
            id,
            name: None,
            email: None,
            avatar: None,
            fields: BTreeMap::new(),
            created: now,
            visits: 0,
            last_event: None,
            last_agent_event: None,
            last_seen: None,
            banned_until: None,
            chats: Vec::new(),
            groups: vec![EVERYBODY],
            connections: 0,
            country: None,
            visit: None,
        }
    }

    /// Whether he has introduced himself well enough to start a chat (customer-v0.3 732; C03-A31).
    pub fn is_introduced(&self) -> bool {
        [&self.name, &self.email].into_iter().flatten().any(|text| !text.is_empty())
    }

    /// Whether a ban is in force.
    pub fn is_banned(&self, now: Timestamp) -> bool {
        self.banned_until.is_some_and(|until| until > now)
    }
}

/// What somebody told about a customer. Absent members change nothing.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct CustomerDetails {
    /// New name.
    pub name: Option<String>,
    /// New e-mail address.
    pub email: Option<String>,
    /// New picture.
    pub avatar: Option<String>,
    /// Fields to add or overwrite (C03-A77).
    pub fields: Option<BTreeMap<String, String>>,
    /// Where he is on the website.
    pub monitoring: Option<Monitoring>,
}

/// Whether an agent wants chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutingStatus {
    /// New chats are routed to this agent.
    AcceptingChats,
    /// They are not.
    NotAcceptingChats,
}

impl RoutingStatus {
    /// The word on the wire (agent-v3.0 509).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AcceptingChats => "accepting_chats",
            Self::NotAcceptingChats => "not_accepting_chats",
        }
    }
}

/// Somebody who works here.
#[derive(Debug, Clone)]
pub struct Agent {
    /// The e-mail address of the token.
    pub id: UserId,
    /// Kept while logged out, for `reconnect` (agent-v3.0 920).
    pub routing: RoutingStatus,
    /// Set with `set_away_status`.
    pub away: bool,
    /// RTM connections that are logged in.
    pub connections: u32,
    /// Chats with an active thread that this agent is a user of, oldest first.
    pub active: Vec<ChatId>,
    /// When a chat was last routed here, as a growing number; shares chats out evenly.
    pub last_routed: i64,
    /// What the agent has seen, in Unix seconds.
    pub last_seen: Option<i64>,
    /// What people call the agent, if not by the e-mail address.
    pub called: Option<String>,
    /// The groups that the agent is in.
    pub groups: Vec<i64>,
    /// Which phones want to hear of chats: their tokens, and whether they still do (agent-v3.0 1720; agent-v0.2-methods 776).
    pub phones: BTreeMap<String, Phone>,
}

/// What a phone of an agent asked for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Phone {
    /// `ios` or `android`.
    pub platform: String,
    /// Whether it wants to be told.
    #[serde(default = "wanted")]
    pub enabled: bool,
}

fn wanted() -> bool {
    true
}

impl Agent {
    pub(super) fn new(id: UserId, groups: Vec<i64>) -> Self {
        Self {
            id,
            called: None,
            groups,
            phones: BTreeMap::new(),
            routing: RoutingStatus::AcceptingChats,
            away: false,
            connections: 0,
            active: Vec::new(),
            last_routed: 0,
            last_seen: None,
        }
    }

    /// Logged in over RTM.
    pub fn is_online(&self) -> bool {
        self.connections > 0
    }

    /// Whether a new chat may be routed here.
    pub fn is_ready(&self) -> bool {
        self.is_online() && !self.away && self.routing == RoutingStatus::AcceptingChats
    }

    /// What people call the agent: the given name, or the e-mail address up to the `@`.
    pub fn name(&self) -> &str {
        self.called.as_deref().unwrap_or_else(|| self.id.as_ref().split('@').next().unwrap_or_default())
    }

    /// Whether the agent is in one of these groups.
    pub fn is_in_any(&self, groups: &[i64]) -> bool {
        groups.iter().any(|group| self.groups.contains(group))
    }

    /// Address of a picture.
    pub fn avatar(&self) -> &'static str {
        "https://chatproof.invalid/avatars/agent.png"
    }
}
