//! A run, or a search for the highest load, that can be watched while it goes on, by people and by their systems.
//!
//! Nothing here is on the way of a message: whoever watches empties the recorders about once a second and does the rest on its own.

mod board;
mod metrics;
mod otlp;
mod phase;
mod prometheus;
mod search;
mod server;
mod view;

pub use board::{Board, RunBoard};
pub use metrics::{BOUNDS, Buckets, Labels, Metric, Points, metrics};
pub use otlp::{Push, PushError};
pub use phase::Phase;
pub use search::SearchBoard;
pub use server::Server;
pub use view::{View, Watch};
