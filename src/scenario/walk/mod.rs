//! Walks one actor through its steps.
//!
//! An actor is one task: its script and the pump of its connection are polled side by side, so a frame costs no hand-over
//! between tasks. Whoever runs actors (the engine) gives them their [`Surroundings`].

mod actor;
mod cast;
mod connection;
mod draw;
mod exchange;
mod inbox;
mod proof;
mod react;
mod refuse;
mod strand;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use actor::{ActorOutcome, Instance, walk};
pub use cast::Cast;

use crate::observe::{Clock, ConnectionId, Moment};
use crate::protocol::{DialectName, RequirementId};
use crate::session::{SessionContext, Token};

/// What an actor needs from whoever runs it.
pub trait Surroundings: Send + Sync {
    /// Resolves at a moment, as exactly as the system can.
    fn until(&self, moment: Moment) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Takes note of a step whose expectation was not met.
    fn step_failed(&self, failure: StepFailure);

    /// Takes note of a step that could not be carried out because our machine has no more sockets, or that failed in a cast to which
    /// that happened.
    fn exhausted(&self, failure: StepFailure);

    /// Takes note of what came of a step that proves something. What is told here is not told as a failed step as well.
    fn proved(&self, proof: Proof);

    /// A token of this pool that nobody else uses now.
    ///
    /// # Errors
    /// In words, when the pool is unknown or empty.
    fn take_token(&self, pool: &str) -> Result<Token, String>;

    /// The actor is done with its token.
    fn return_token(&self, pool: &str, token: Token);
}

/// What the actors of one worker share.
#[derive(Clone)]
pub struct Stage {
    /// Time, tokens, and where failures go.
    pub surroundings: Arc<dyn Surroundings>,
    /// The run's time.
    pub clock: Clock,
    /// When arrivals began: what a step's `at` counts from.
    pub begin: Moment,
    /// How to reach the server; each actor puts its own dialect in.
    pub session: SessionContext,
    /// Cancelled when actors should come to their end: loops and stays that last until the wind-down are over.
    pub wind_down: CancellationToken,
}

/// A step whose expectation was not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailure {
    /// Name and number of the actor, such as `customer 17`.
    pub actor: String,
    /// JSON pointer of the step in the scenario file.
    pub step: String,
    /// When.
    pub at: Moment,
    /// What was expected and what happened.
    pub reason: String,
}

/// What came of a step that proves something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Name of the step.
    pub name: String,
    /// The requirements that it proves.
    pub requirements: Vec<RequirementId>,
    /// What the actor speaks.
    pub dialect: DialectName,
    /// Name and number of the actor, such as `customer 17`.
    pub actor: String,
    /// JSON pointer of the step in the scenario file.
    pub step: String,
    /// The actor's connection at that time; over the Web API, the one that stands for its calls.
    pub connection: Option<ConnectionId>,
    /// When.
    pub at: Moment,
    /// How it went.
    pub outcome: ProofOutcome,
}

/// How a step that proves something went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProofOutcome {
    /// Everything was as expected.
    Held,
    /// The server did something else than expected.
    Broken {
        /// What was expected and what happened.
        reason: String,
    },
    /// The step could not be carried out, which is no evidence against the server.
    Unfit {
        /// What was in the way.
        reason: String,
    },
}
