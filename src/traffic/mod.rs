//! Recordings: written beside a run, read back, and imported from browsers.
//!
//! A capture is a file of JSON lines, one for each input of a [`Conversation`](crate::observe::Conversation), so whoever reads it can
//! hold the same conversations again. `reports/capture.schema.json` describes it.

mod capture;
mod check;
mod replay;
mod secrets;
#[cfg(test)]
mod tests;

pub use capture::{CaptureError, CaptureWriter, Client};
pub use check::{Damage, Damages, Recording, UnreadableFile, check};
pub use replay::Replayed;
