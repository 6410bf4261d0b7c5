//! Events as the licence keeps them, whatever dialect they came in.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{EventId, Form, Properties, UserId};

/// Who may see an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recipients {
    /// Everybody in the chat.
    #[default]
    All,
    /// Agents only; such an event never reaches a customer (A30-B76).
    Agents,
}

impl Recipients {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Agents => "agents",
        }
    }
}

/// What an event says.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A filled form; the dialects write its fields differently.
    Form(Form),
    /// Any other type: the members that belong to the type, as they came.
    Plain {
        /// `message`, `custom`, `annotation`, `rich_message`, `file` or `system_message`.
        kind: &'static str,
        /// For instance `text`.
        members: Map<String, Value>,
    },
}

impl Body {
    /// The event's `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Form(_) => "filled_form",
            Self::Plain { kind, .. } => kind,
        }
    }

    /// Annotations neither start a thread nor lengthen it (customer-v0.3 306).
    pub fn is_annotation(&self) -> bool {
        self.kind() == "annotation"
    }
}

/// An event that somebody wants to send; id, order and timestamp are the server's (customer-v0.3 274-279).
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The sender's own id, echoed.
    pub custom_id: Option<String>,
    /// Who may see it.
    pub recipients: Recipients,
    /// Properties it comes with.
    pub properties: Properties,
    /// What it says.
    pub body: Body,
}

/// An event of a thread.
#[derive(Debug, Clone)]
pub struct Event {
    /// Unique on the licence.
    pub id: EventId,
    /// The sender's own id.
    pub custom_id: Option<String>,
    /// Grows within the thread (A30-B104).
    pub order: i64,
    /// Who sent it; nobody sent a system message (customer-v0.3 289-300).
    pub author: Option<UserId>,
    /// When it was stored.
    pub at: Timestamp,
    /// Who may see it.
    pub recipients: Recipients,
    /// Set with it, or later.
    pub properties: Properties,
    /// What it says.
    pub body: Body,
}
