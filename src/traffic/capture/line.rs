//! The lines of a capture. `reports/capture.schema.json` says the same for others.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::message::WebAnswer;
use crate::observe::{Closing, ConnectionId, Direction, Moment};
use crate::protocol::{DialectName, Transport};

/// The version of the format. Readers take no other.
pub(in crate::traffic) const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::traffic) struct Header {
    pub chatproof: Format,
    pub version: u32,
    /// When the recording began, as RFC 3339 text.
    pub started: String,
    /// What wrote it.
    pub tool: String,
    pub client: Client,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::traffic) enum Format {
    Capture,
}

/// Whose client was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Client {
    /// Ours, in a run or a certification: it is not judged.
    Ours,
    /// Somebody else's, watched on its way: it is judged as well.
    Observed,
}

/// Any further line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::traffic) struct Line<'a> {
    /// Nanoseconds since the recording began, or since its case did.
    pub at: Moment,
    /// The certification case that it belongs to. Each has its own time, its own connections and a server of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<Cow<'a, str>>,
    #[serde(flatten)]
    pub entry: Entry<'a>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::traffic) enum Entry<'a> {
    Opened {
        connection: ConnectionId,
        dialect: DialectName,
        transport: Transport,
        /// Nanoseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        took: Option<u64>,
    },
    User {
        connection: ConnectionId,
        id: Cow<'a, str>,
    },
    Frame {
        connection: ConnectionId,
        direction: Direction,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        intended: Option<Moment>,
        text: Cow<'a, str>,
    },
    Call {
        connection: ConnectionId,
        number: u64,
        action: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        intended: Option<Moment>,
        body: Cow<'a, str>,
        /// Why no payload can be read from the body; which is not kept then, for it may hold what nobody can find there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unreadable: Option<Cow<'a, str>>,
    },
    Answer {
        connection: ConnectionId,
        /// Number of the call.
        call: u64,
        #[serde(flatten)]
        outcome: Outcome<'a>,
        body: Cow<'a, str>,
    },
    Garbage {
        connection: ConnectionId,
        direction: Direction,
        what: Cow<'a, str>,
    },
    /// From the client.
    Ping {
        connection: ConnectionId,
    },
    /// From the server.
    Pong {
        connection: ConnectionId,
    },
    /// A request that did not reach the server.
    Withheld {
        connection: ConnectionId,
        /// The number of the call; over RTM, how many frames of the client there were up to it that are requests.
        number: u64,
    },
    Closed {
        connection: ConnectionId,
        how: Closing,
    },
    /// Nothing follows, of the case or of the whole recording.
    End {},
}

impl Line<'_> {
    /// Whether it is the last one of the whole recording.
    pub fn is_last(&self) -> bool {
        self.case.is_none() && matches!(self.entry, Entry::End {})
    }
}

impl Entry<'_> {
    /// The connection that it is about.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Opened { connection, .. }
            | Self::User { connection, .. }
            | Self::Frame { connection, .. }
            | Self::Call { connection, .. }
            | Self::Answer { connection, .. }
            | Self::Garbage { connection, .. }
            | Self::Ping { connection }
            | Self::Pong { connection }
            | Self::Withheld { connection, .. }
            | Self::Closed { connection, .. } => Some(*connection),
            Self::End {} => None,
        }
    }
}

/// What the answer to a call says.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub(in crate::traffic) enum Outcome<'a> {
    /// A 2xx status.
    Done,
    /// Another status.
    Refused,
    /// The body is no JSON object, or could not be read to its end.
    Unreadable { reason: Cow<'a, str> },
}

impl<'a> From<&'a WebAnswer> for Outcome<'a> {
    fn from(answer: &'a WebAnswer) -> Self {
        match answer {
            WebAnswer::Done(_) => Self::Done,
            WebAnswer::Refused(_) => Self::Refused,
            WebAnswer::Unreadable(reason) => Self::Unreadable { reason: reason.into() },
        }
    }
}
