//! Renders a certification: for people, for programs and for build servers.

mod html;
mod junit;
mod terminal;

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

pub use html::html;
pub use junit::junit;
pub use terminal::terminal;

use crate::certify::Certification;

/// What a certification's report tells besides its result.
#[derive(Debug, Clone, Serialize)]
pub struct CertifyMeta {
    /// Version of chatproof.
    pub version: String,
    /// Who was certified.
    pub target: String,
    /// When, in UTC.
    pub started: String,
    /// How long it took.
    #[serde(serialize_with = "seconds")]
    pub duration: Duration,
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// Version of the JSON format.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    meta: &'a CertifyMeta,
    #[serde(flatten)]
    certification: &'a Certification,
}

/// Writes everything as JSON.
///
/// # Errors
/// When the writer fails.
pub fn json(certification: &Certification, meta: &CertifyMeta, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Document { format: FORMAT, meta, certification })?;
    writeln!(out)
}
