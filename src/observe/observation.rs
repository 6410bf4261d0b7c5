//! The facts that recorders, judges and proxies work on.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Input, Moment, Transcript, Violation};
use crate::protocol::{Dialect, Transport};

/// Number of a connection, unique in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ConnectionId(pub u64);

/// One fact of one connection.
#[derive(Debug)]
pub struct Observation<'a> {
    /// When it happened.
    pub at: Moment,
    /// Where.
    pub connection: ConnectionId,
    /// What is spoken there.
    pub dialect: &'a Arc<Dialect>,
    /// Over what.
    pub transport: Transport,
    /// Id of the user that logged in there, once known.
    pub user: Option<&'a str>,
    /// The connection's last frames.
    pub transcript: &'a Transcript,
    /// What happened.
    pub fact: Fact<'a>,
}

/// What can happen.
#[derive(Debug)]
pub enum Fact<'a> {
    /// The connection was established, `took` after the attempt began.
    Connected {
        /// From the attempt to the finished handshake.
        took: Duration,
    },
    /// A request went out.
    Sent(Sent<'a>),
    /// A request was answered, in time or late.
    Answered(Answer<'a>),
    /// The documented limit passed without an answer. Whether one still comes decides the kind of violation later.
    TimedOut {
        /// The action of the request.
        action: &'a str,
    },
    /// A push arrived.
    Pushed(Pushed<'a>),
    /// The peer did something wrong.
    Violated(Violation),
    /// A ping was answered by a pong.
    Ponged,
    /// A client that is not ours sent a ping or a pong.
    Pinged,
    /// The connection is over.
    Closed {
        /// How it ended.
        how: Closing,
        /// Whether it was told when it was established. Nothing is over the Web API, and a recording may begin later.
        was_connected: bool,
    },
}

/// A request on its way.
#[derive(Debug)]
pub struct Sent<'a> {
    /// Name of the action.
    pub action: &'a str,
    /// When it should have been sent.
    pub intended: Moment,
    /// What it asks for, as far as a client that is not ours could be understood; ours is not read again.
    pub payload: Option<&'a Value>,
    /// Size of the frame or body.
    pub bytes: usize,
}

/// An answer and the request that it belongs to.
#[derive(Debug)]
pub struct Answer<'a> {
    /// Name of the action.
    pub action: &'a str,
    /// When the request should have been sent: response time starts here.
    pub intended: Moment,
    /// When it was really sent: service time and the documented limit start here.
    pub sent: Moment,
    /// Whether the request was carried out.
    pub success: bool,
    /// The response payload, or `{"error": …}`.
    pub payload: &'a Value,
    /// Whether it came after the documented limit.
    pub late: bool,
    /// Size of the frame or body.
    pub bytes: usize,
}

/// A push.
#[derive(Debug)]
pub struct Pushed<'a> {
    /// Name of the push.
    pub action: &'a str,
    /// The correlation id, if it has one.
    pub correlation: Option<&'a str>,
    /// Its payload.
    pub payload: &'a Value,
    /// Size of the frame.
    pub bytes: usize,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// We closed it.
    ByUs,
    /// A client that is not ours closed it properly.
    ByClient,
    /// The server closed it properly.
    ByServer,
    /// A client that is not ours was gone without a closing handshake.
    DroppedByClient,
    /// It broke without a closing handshake.
    Broken,
    /// We ended it, because the server left our pings without any sign of life.
    ServerSilent,
}

/// Whoever wants to know what happens on connections.
pub trait Observer: Send + Sync {
    /// Takes note. Called on the hot path.
    fn observe(&self, observation: &Observation<'_>);

    /// Whether [`Observer::input`] is worth calling. Asked once for each connection, so that nobody pays for it who keeps no
    /// recording.
    fn wants_inputs(&self) -> bool {
        false
    }

    /// Takes note of what goes into a conversation, before the conversation makes anything of it.
    fn input(&self, _: &Input<'_>) {}
}
