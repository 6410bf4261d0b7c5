//! One actor's client: real-time messaging over a websocket or socket.io, or the Web API.
//!
//! A session moves bytes and keeps time; what the bytes mean is the business of its
//! [`Conversation`](crate::observe::Conversation), which tells the observer about everything.

mod backoff;
mod connect;
mod framing;
mod heartbeat;
mod rtm;
mod socketio;
mod target;
mod tcp;
mod token;
mod trust;
mod variation;
mod web;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

pub use backoff::Backoff;
pub use connect::{SessionError, Wire, reach};
pub use rtm::{PING, PingStyle, RtmSession};
pub use target::{Target, TargetError};
pub use token::Token;
pub use trust::{Trust, TrustError};
pub use variation::{Authorization, Query, Upload, Variation};
pub use web::WebSession;

use crate::observe::{Clock, ConnectionId, Moment, Observer};
use crate::protocol::Dialect;

/// Largest message or body taken from a peer, in bytes.
const LARGEST: usize = 16 << 20;

/// Hands out connection numbers that are unique in a run. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct IdSource(Arc<AtomicU64>);

impl IdSource {
    /// Numbers from `first` on, for workers that share a run.
    pub fn starting_at(first: u64) -> Self {
        Self(Arc::new(AtomicU64::new(first)))
    }

    /// The next number.
    pub fn next_id(&self) -> ConnectionId {
        ConnectionId(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// What the sessions of one dialect on one worker share.
#[derive(Clone)]
pub struct SessionContext {
    /// Whom to talk to.
    pub target: Arc<Target>,
    /// What to speak.
    pub dialect: Arc<Dialect>,
    /// Who is told what happens.
    pub observer: Arc<dyn Observer>,
    /// The run's time.
    pub clock: Clock,
    /// Numbers for new connections.
    pub ids: IdSource,
    /// The client for Web API calls; its connection pool is shared, so it should not follow redirects.
    pub http: reqwest::Client,
    /// How RTM connections are kept alive.
    pub pings: PingStyle,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum CallOutcome {
    /// An answer came within the documented limit.
    Answered {
        /// Whether the request was carried out.
        success: bool,
        /// The response payload, or `{"error": …}`.
        payload: Value,
    },
    /// The documented limit passed. A later answer is recorded as late.
    TimedOut,
    /// The request was sent, and then the connection ended, so no answer can come.
    Closed,
    /// The request was sent, but its answer could not be read; the text says why.
    Failed(String),
    /// The request was not sent; the text says why.
    NotSent(String),
    /// The request was not sent, because our own machine has no more sockets; the text says what the system said.
    Exhausted(String),
}

/// A client of either family of transports.
#[expect(
    clippy::large_enum_variant,
    reason = "a connection is worth its size, and a box would cost one more allocation"
)]
pub enum Session {
    /// Real-time messaging.
    Rtm(RtmSession),
    /// Web API.
    Web(WebSession),
}

impl Session {
    /// Sends a request and waits for its answer; `intended` is when it should have been sent. Only calls of the Web API can
    /// be varied.
    pub async fn call(&self, action: &str, payload: &Value, variation: &Variation, intended: Moment) -> CallOutcome {
        match self {
            Self::Rtm(session) => session.call(action, payload, intended).await,
            // In a box: an HTTP client's request is large, and who calls over a connection would have room for it, too.
            Self::Web(session) => Box::pin(session.call_varied(action, payload, variation, intended)).await,
        }
    }

    /// Its connection; over the Web API the one that stands for the present calls, once there was one.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Rtm(session) => Some(session.connection()),
            Self::Web(session) => session.connection(),
        }
    }

    /// Ends the session properly.
    pub async fn close(&self) {
        match self {
            Self::Rtm(session) => session.close().await,
            Self::Web(session) => session.close(),
        }
    }
}
