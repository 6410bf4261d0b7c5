//! Newtypes for the names that the documents use.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A documented API version of one role, such as `agent/v3.0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DialectName(Arc<str>);

impl DialectName {
    /// The name as the folders and scenario files spell it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for DialectName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl Borrow<str> for DialectName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DialectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who speaks a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Somebody on the licence owner's side.
    Agent,
    /// A visitor.
    Customer,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agent => "agent",
            Self::Customer => "customer",
        })
    }
}

/// The two families of transports that the catalogs tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Real-time messaging: one connection, pushes at any time.
    Rtm,
    /// One HTTP request, one answer.
    Web,
}

/// How frames travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Real-time messaging over a websocket.
    Websocket,
    /// Real-time messaging over socket.io.
    Socketio,
    /// The Web API over HTTP.
    Web,
}

impl Transport {
    /// The family this transport belongs to.
    pub fn channel(self) -> Channel {
        match self {
            Self::Websocket | Self::Socketio => Channel::Rtm,
            Self::Web => Channel::Web,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Websocket => "websocket",
            Self::Socketio => "socketio",
            Self::Web => "web",
        })
    }
}

/// The stable id of one checkable sentence of the documents, such as `C03-B14`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RequirementId(pub Arc<str>);

impl fmt::Display for RequirementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The stable id of a contradiction or gap in the documents, such as `C03-A16`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ErratumId(pub Arc<str>);

impl fmt::Display for ErratumId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! in_natural_order {
    ($($id:ident),+) => {$(
        impl Ord for $id {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                natural(&self.0).cmp(&natural(&other.0))
            }
        }

        impl PartialOrd for $id {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }
    )+};
}

in_natural_order!(RequirementId, ErratumId);

/// `C03-B9` comes before `C03-B10`.
fn natural(id: &str) -> (&str, u64, &str) {
    let end = id.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    (&id[..end], id[end..].parse().unwrap_or_default(), id)
}

/// Where a document says something: a line of the dialect's own document, or a mark of a companion page such as `rtm/pushes:200`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Line {
    /// A line number of the dialect's document.
    Own(u32),
    /// A companion page's name and line.
    Companion(String),
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(line) => write!(f, "{line}"),
            Self::Companion(mark) => f.write_str(mark),
        }
    }
}
