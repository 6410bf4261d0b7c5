//! Decides when something starts, never what: one absolute schedule, and a pacer that keeps it.

mod pacer;
mod schedule;
mod share;

pub use pacer::Pacer;
pub use schedule::{Profile, Spacing, Stage, UserStage, presence, schedule};
pub use share::{Share, ShareError};
