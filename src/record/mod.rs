//! Folds observations into a [`Tally`]: latencies, answers, timeouts, order of events, violations.
//!
//! One [`Recorder`] per worker thread, one [`Ledger`] for all of them. Tallies merge without loss.

mod checklist;
mod latency;
mod ledger;
mod merge;
mod recorder;
mod side_by_side;
mod sketch;
mod tally;
#[cfg(test)]
mod tests;
mod timeline;
mod violations;

pub use checklist::{Checklist, Finding, Item, ItemOutcome, ItemState, Provocation};
pub use latency::{Latency, LatencyError};
pub use ledger::Ledger;
pub use recorder::Recorder;
pub use side_by_side::{Sequence, SideBySide, Told};
pub use sketch::{Sketch, SketchError};
pub use tally::{
    ActionTally, Actors, DialectTally, Effort, Ordering, PushTally, Schedule, StepFailure, Steps, Tally, TransportTally,
};
pub use timeline::{Stretch, Timeline, TimelineError, Turnover};
pub use violations::{Sample, ViolationTally, Violations};
