//! The reference server: documented behaviour, with defects and hard but legal behaviour on request.
//!
//! Customers (customer/v0.2, customer/v0.3) and agents (agent/v0.2, agent/v3.0) of a licence meet in the same chats, over RTM (websocket and
//! socket.io) and the Web API. There is one licence on which any token `customer:NAME` or `agent:EMAIL` is good and its user is made at first
//! use, or a world file says what there is (`seed`). What no client can cause is done at the control endpoint (`control`).
//!
//! A request's way: `connection` (over a `wire`) or `web` reads it, `rtm` checks it against the schema, `desk` takes the lock and lets `actions` carry it
//! out on the `world`, which knows neither dialects nor sockets and answers with effects; `render` puts these into the words of each listener's
//! dialect, and `hub` queues them.

mod actions;
mod connection;
mod control;
mod defects;
mod desk;
mod files;
mod hardships;
mod hub;
mod identity;
mod licences;
mod provoked;
mod refusal;
mod render;
mod rtm;
mod seed;
mod server;
mod socketio;
mod turns;
mod web;
mod wire;
mod world;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use defects::{Defect, DefectError, DefectRow};
pub use hardships::Hardship;
pub use seed::{WorldFile, world_schema};
pub use server::Server;

use crate::protocol::Protocol;
use render::Spoken;

/// What a server should be like.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Decides the ids of chats and when defects strike.
    pub seed: u64,
    /// What is wrong with it.
    pub defects: Vec<Defect>,
    /// What is hard about it, though nothing is wrong.
    pub hardships: Vec<Hardship>,
    /// The catalogs and schemas to go by.
    pub protocol: Arc<Protocol>,
    /// The times to keep.
    pub timing: Timing,
}

/// How much the server takes and keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// RTM connections that may be open; who comes then is told `too_many_connections` (customer-v0.3 1184; C03-A80).
    pub connections: usize,
    /// Chats of one licence that are kept; the longest archived ones are forgotten first.
    pub chats: usize,
    /// Bytes of one RTM message. The longest documented text is 16 KB (agent-v3.0 rtm/events:212).
    pub message_bytes: usize,
    /// Requests that are worked on in a second; others wait in line. What is allowed before login, a login and a ping, has no limit.
    pub requests_per_second: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 100_000, chats: 50_000, message_bytes: 1 << 20, requests_per_second: None }
    }
}

/// The times that the server keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// A customer's connection that is silent for so long is closed (customer-v0.3 123), and one of agent/v0.2 (C-IDX:19).
    pub customer_idle: Duration,
    /// A connection of agent/v3.0 that is silent for so long is closed (rtm/intro:30).
    pub agent_idle: Duration,
    /// A connection of agent/v3.0 that has not logged in by then is closed (rtm/intro:28).
    pub agent_login: Duration,
    /// How late defects answer that answer after the documented limit.
    pub late_answer: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            customer_idle: Duration::from_secs(60),
            agent_idle: Duration::from_secs(30),
            agent_login: Duration::from_secs(30),
            late_answer: Duration::from_secs(16),
        }
    }
}

impl Timing {
    fn idle(&self, spoken: Spoken) -> Duration {
        match spoken {
            Spoken::CustomerV02 | Spoken::CustomerV03 | Spoken::AgentV02 => self.customer_idle,
            Spoken::AgentV30 => self.agent_idle,
        }
    }

    fn login_within(&self, spoken: Spoken) -> Option<Duration> {
        match spoken {
            // Just the idle rule (C03-A78).
            Spoken::CustomerV02 | Spoken::CustomerV03 | Spoken::AgentV02 => None,
            Spoken::AgentV30 => Some(self.agent_login),
        }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {addr}: {source}")]
    Bind {
        /// What was asked for.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The control endpoint would be open to other machines.
    #[error(
        "the control endpoint can do anything to the server, so it listens on this machine alone: 127.0.0.1 or ::1, not {addr}"
    )]
    NotLoopback {
        /// What was asked for.
        addr: SocketAddr,
    },
    /// The protocol data has none of the dialects that the server speaks.
    #[error("the schemas have none of the dialects that the reference server speaks")]
    NothingToSpeak,
}
