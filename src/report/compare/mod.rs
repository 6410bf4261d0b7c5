//! Renders the comparison of two runs: for people and for programs.

mod document;
mod terminal;

pub use document::json;
pub use terminal::terminal;

use super::Meta;
use crate::compare::{Differences, FEWEST_INTERVALS, Outcome};

/// All that the report of a comparison tells about.
#[derive(Debug, Clone, Copy)]
pub struct CompareReport<'a> {
    /// The run that the other one is held against.
    pub base: Compared<'a>,
    /// The other one.
    pub new: Compared<'a>,
    /// What differs.
    pub differences: &'a Differences,
    /// The part of the base that a difference may have, such as 0.05.
    pub tolerance: f64,
    /// What else a reader should know, a sentence each.
    pub notes: &'a [String],
}

/// One of the two runs.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// Its tally, as the user named it.
    pub tally: &'a str,
    /// What ran.
    pub meta: &'a Meta,
}

impl CompareReport<'_> {
    /// What it comes to, in a sentence.
    fn sentence(&self) -> String {
        match self.differences.outcome() {
            Outcome::Worse => "the new run is worse".to_owned(),
            Outcome::NotWorse => "nothing is worse".to_owned(),
            Outcome::Unknown if self.differences.actions.is_empty() => {
                "nothing can be compared: the runs have no action in common".to_owned()
            }
            Outcome::Unknown => {
                format!("nothing can be told of response times: {}. Let both runs take longer", wanted())
            }
        }
    }
}

/// What it takes to know something.
fn wanted() -> String {
    format!(
        "a figure takes {FEWEST_INTERVALS} intervals with answers in both runs, p50 takes 20 answers, p90 and the mean 100, p99 1,000"
    )
}
