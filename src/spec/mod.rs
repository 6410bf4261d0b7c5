//! Shows and compares what the documents say.
//!
//! Everything here is computed from a [`Dialect`](crate::protocol::Dialect); the models serialise to the JSON that
//! `chatproof spec --json` prints.

mod condition;
mod diff;
mod entry;
mod message;
mod overview;
mod payload;
mod shape;

#[cfg(test)]
mod tests;

pub use diff::{Area, Aspect, Change, Diff};
pub use entry::{Action, Entry, LimitRow, Push, Upload, What};
pub use message::{MemberRow, Message};
pub use overview::{LevelCounts, Overview, RequirementCounts};
