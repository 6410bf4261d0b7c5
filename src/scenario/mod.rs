//! Parses a scenario file and walks one actor through it.

mod plan;
mod template;

pub use plan::*;
pub use template::{Hole, Lookup, Template, TemplateError};
