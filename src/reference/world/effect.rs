//! What an action makes the server tell people. Plain data: the renderers give it the shape of a dialect.

use jiff::Timestamp;
use serde_json::Value;

use super::{ChatId, EventId, Properties, PropertyNames, Recipients, Scopes, ThreadId, UserId};

/// Something that follows from an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// People are told something.
    Push {
        /// Who hears it.
        to: Vec<UserId>,
        /// What is said.
        what: Push,
        /// Whether the request asked for just this, so that the requester's copy carries its id (customer-v0.3 154);
        /// else it is a consequence, such as a waiting chat that is routed to an agent who logs in.
        direct: bool,
    },
    /// All connections of somebody are cut.
    Disconnect {
        /// Who.
        user: UserId,
        /// One of the documented reasons (customer-v0.3 1183; agent-v3.0 rtm/pushes:200).
        reason: &'static str,
    },
}

/// Where properties hang.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The chat.
    pub chat: ChatId,
    /// A thread of it, unless the chat itself is meant.
    pub thread: Option<ThreadId>,
    /// An event of the thread.
    pub event: Option<EventId>,
}

/// Whose access is meant (agent-v3.0 353).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// A chat.
    Chat(ChatId),
    /// A customer.
    Customer(UserId),
}

/// How an access list changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessChange {
    /// Groups were added.
    Granted,
    /// Groups were removed.
    Revoked,
    /// The list was replaced.
    Set,
}

/// Where a chat goes (agent-v3.0 281).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To agents of these groups.
    Groups(Vec<i64>),
    /// To these agents.
    Agents(Vec<UserId>),
}

/// Something to tell people.
#[derive(Debug, Clone, PartialEq)]
pub enum Push {
    /// A thread began, or somebody comes to a thread that is running.
    ThreadStarted { chat: ChatId, thread: ThreadId, running: bool },
    /// An event was added to a running thread.
    EventSent { chat: ChatId, thread: ThreadId, event: EventId },
    /// A stored event changed.
    EventUpdated { chat: ChatId, thread: ThreadId, event: EventId },
    /// A thread was closed; by nobody if the router did it.
    ThreadClosed { chat: ChatId, thread: ThreadId, by: Option<UserId> },
    /// Somebody became a user of a chat.
    UserAdded { chat: ChatId, thread: Option<ThreadId>, user: UserId },
    /// Somebody is no longer a user of a chat.
    UserRemoved { chat: ChatId, thread: Option<ThreadId>, user: UserId },
    /// Somebody types, or stopped.
    Typing { chat: ChatId, thread: ThreadId, author: UserId, recipients: Recipients, is_typing: bool },
    /// An agent became a supervisor of a chat, as agents are told.
    SupervisorAdded { chat: ChatId, user: UserId },
    /// An agent is no longer a supervisor of a chat, as agents are told.
    SupervisorRemoved { chat: ChatId, user: UserId },
    /// What a customer has typed so far.
    SneakPeek { chat: ChatId, thread: ThreadId, author: UserId, text: String },
    /// Groups or agents were added to a chat's scopes or removed from them.
    ScopesChanged { chat: ChatId, added: Scopes, removed: Scopes },
    /// An access list changed, as agents are told.
    AccessChanged { change: AccessChange, resource: Resource, groups: Vec<i64> },
    /// An agent created a customer.
    CustomerCreated { customer: UserId },
    /// A customer changed: told to him once for each active chat (customer-v0.3 946), to agents once without one.
    CustomerUpdated { customer: UserId, chat: Option<ChatId> },
    /// A customer's client told of a page for the first time since he came.
    VisitStarted { customer: UserId },
    /// A customer's client told of a page.
    PageOpened { customer: UserId },
    /// A customer of whose pages was told has left.
    VisitEnded { customer: UserId, visit: i64, at: Timestamp },
    /// A customer may not come in for some days.
    CustomerBanned { customer: UserId, days: i64 },
    /// A customer may come in again.
    CustomerUnbanned { customer: UserId },
    /// An agent's routing status was set.
    AgentUpdated { agent: UserId },
    /// Properties were set; only those that changed.
    PropertiesUpdated { place: Place, properties: Properties },
    /// Properties were deleted; only those that were there.
    PropertiesDeleted { place: Place, names: PropertyNames },
    /// A thread got a tag.
    Tagged { chat: ChatId, thread: ThreadId, tag: String },
    /// A thread lost a tag.
    Untagged { chat: ChatId, thread: ThreadId, tag: String },
    /// A chat was handed over.
    Transferred { chat: ChatId, by: UserId, target: Target },
    /// Somebody has seen a chat.
    Seen { chat: ChatId, user: UserId, timestamp: i64 },
    /// Somebody has seen an event.
    EventSeen { chat: ChatId, event: EventId, user: UserId },
    /// A button of a rich message was clicked.
    Postback { chat: ChatId, thread: ThreadId, event: EventId, user: UserId, postback: String, toggled: bool },
    /// A message outside of any chat.
    Multicast { author: UserId, content: Value, kind: Option<String> },
}

impl Push {
    /// The chat that it is about, where every agent who may see that chat should know of it; and who already knows.
    pub fn concerns(&self) -> Option<(&ChatId, Option<&UserId>)> {
        match self {
            Self::Typing { chat, author, .. } => Some((chat, Some(author))),
            Self::ThreadStarted { chat, .. }
            | Self::EventSent { chat, .. }
            | Self::ThreadClosed { chat, .. }
            | Self::UserAdded { chat, .. }
            | Self::UserRemoved { chat, .. }
            | Self::SupervisorAdded { chat, .. }
            | Self::SupervisorRemoved { chat, .. }
            | Self::SneakPeek { chat, .. }
            | Self::ScopesChanged { chat, .. }
            | Self::CustomerUpdated { chat: Some(chat), .. }
            | Self::PropertiesUpdated { place: Place { chat, event: None, .. }, .. }
            | Self::Seen { chat, .. }
            | Self::EventSeen { chat, .. } => Some((chat, None)),
            _ => None,
        }
    }
}
