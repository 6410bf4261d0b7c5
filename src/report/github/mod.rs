//! What GitHub Actions shows of a run: annotations, which are commands on standard output, and the summary of the step, which is
//! Markdown in a file of GitHub's.
//!
//! Peers have a say in both, so nothing of theirs arrives raw: not in a command, not in Markdown, and not in the other lines of
//! standard output, where GitHub would obey it as well (see [`Silence`]).

mod capacity;
mod certificate;
mod command;
mod run;
mod summary;

pub use command::{Annotation, Level, Silence};

/// What is told of one report.
#[derive(Debug, Default)]
pub struct Told {
    /// What is wrong, the most important first.
    pub annotations: Vec<Annotation>,
    /// Markdown.
    pub summary: String,
}

pub use capacity::capacity;
pub use certificate::certificate;
pub use run::run;
