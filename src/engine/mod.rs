//! Runs a scenario's populations: on worker threads of our own, and, for the Web API, on goose's slots.
//!
//! Each worker is one current-thread runtime with its own pacer and recorder; only the order ledger is shared. Who
//! starts when is decided by the schedule alone: a process takes its [`Share`](crate::load::Share) of the arrivals, and each of
//! its workers a share of that.

mod coming;
mod credentials;
mod effort;
mod population;
mod progress;
mod run;
mod slots;
mod stage;
mod worker;

pub use coming::Window;
pub use credentials::{Credentials, PoolError};
pub use population::WEB_PLACES;
pub use progress::{Counts, Progress};
pub use run::{Others, Outcome, RunOptions, Wanted, run};

/// Our own failure to run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The system did not give us what a worker needs.
    #[error("cannot start a worker thread: {0}")]
    Worker(#[source] std::io::Error),
    /// The client for Web API calls could not be made.
    #[error("cannot set up the HTTP client: {0}")]
    Http(String),
    /// goose did not run.
    #[error("the Web API slots could not run: {0}")]
    Slots(String),
    /// A thread of ours panicked: our bug.
    #[error("a worker thread panicked")]
    Panicked,
}
