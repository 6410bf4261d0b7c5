//! Parses a scenario file and walks one actor through it.

mod plan;
mod template;
mod walk;

pub use plan::*;
pub use template::{Hole, Lookup, Template, TemplateError};
pub use walk::{ActorOutcome, Cast, Instance, Stage, StepFailure, Surroundings, walk};
