//! What two connections were told of one thread.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observe::ConnectionId;
use crate::protocol::DialectName;

/// What two connections were told of one thread by pushes: evidence for what is wrong with its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SideBySide {
    /// The thread's id.
    pub thread: String,
    /// The connection where it was noticed.
    pub here: Sequence,
    /// Another one that was told of the thread.
    pub there: Sequence,
}

/// The last events that a connection was told of, at most twelve, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sequence {
    /// Which connection.
    pub connection: ConnectionId,
    /// What is spoken there.
    pub dialect: DialectName,
    /// The events.
    pub events: Vec<Told>,
}

/// An event as a push told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// Its id; nothing when that was forgotten since.
    pub event: Option<String>,
    /// Its `order`, if it had one.
    pub order: Option<i64>,
}
