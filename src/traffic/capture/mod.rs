//! Captures: what is in a line, and how one is written.

mod line;
mod writer;

pub use line::Client;
pub use writer::{CaptureError, CaptureWriter};
