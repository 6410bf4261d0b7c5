//! Captures: what is in a line, and how one is written.

mod line;
mod reader;
mod writer;

pub use line::Client;
pub(in crate::traffic) use line::{Entry, Line, Outcome};
pub(in crate::traffic) use reader::Lines;
pub use writer::{CaptureError, CaptureWriter};
