//! Finds the highest load that is still good enough: which load to try next, how long, and what the tried ones tell.
//!
//! Pure: no IO, no clock. Somebody else makes the load and says how it went.

mod knee;
mod pace;
mod point;
mod search;
mod usl;

pub use knee::knee;
pub use pace::{Pace, Times};
pub use point::{Course, Percentiles, Point, Unit};
pub use search::{Finding, Next, Outcome, Purpose, Range, Search};
pub use usl::{Fit, Peak, fit};
