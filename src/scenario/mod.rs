//! Parses a scenario file and walks one actor through it.

mod assert;
mod compile;
mod file;
mod plan;
mod template;
mod units;
mod walk;

pub use compile::{ThresholdCheck, ThresholdProblem, load, load_text};
pub use file::editor_schema;
pub use plan::*;
pub use template::{Hole, Lookup, Template, TemplateError};
pub use units::{UnitError, parse_duration, parse_rate};
pub use walk::{ActorOutcome, Cast, Instance, Proof, ProofOutcome, Stage, StepFailure, Surroundings, walk};

pub use crate::yaml::{FileErrors, nearest};
