//! Renders what a run found, for people ([`terminal`], [`html`](html())), programs ([`json`]) and build servers ([`junit`]).
//!
//! Each report is a pure function of one [`RunReport`]: it reads no clock, no environment and no file, and the same
//! value gives the same bytes. Texts that came from a peer never reach a reader raw.

pub mod capacity;
pub mod certificate;
pub mod compare;
mod format;
pub mod github;
mod hlog;
mod html;
mod json;
mod junit;
mod meta;
#[cfg(test)]
pub(crate) mod sample;
mod series;
pub mod spec;
mod terminal;
mod words;

pub use capacity::CapacityReport;
pub use compare::{CompareReport, Compared};
pub(crate) use format::{duration, grouped, significant};
pub use hlog::hlog;
pub use html::{html, live_content, live_page};
pub use json::{json, write_json};
pub use junit::junit;
pub use meta::Meta;
pub(crate) use meta::micros;
pub use series::{ActionSeries, Interval, Series};
pub use terminal::{Style, terminal};

use crate::record::{ItemOutcome, Tally};
use crate::verdict::Verdict;

/// All that a report tells about.
#[derive(Debug, Clone, Copy)]
pub struct RunReport<'a> {
    /// What ran.
    pub meta: &'a Meta,
    /// What was measured and found.
    pub tally: &'a Tally,
    /// How that was judged.
    pub verdict: &'a Verdict,
    /// What a client that is not ours was shown to cope with, if that was asked for.
    pub checklist: Option<&'a [ItemOutcome]>,
}
