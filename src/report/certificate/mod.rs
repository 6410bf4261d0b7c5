//! Renders a certification: for people, for programs and for build servers.

mod html;
mod junit;
mod terminal;

use std::io::{self, Write};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

pub use html::html;
pub use junit::junit;
pub use terminal::terminal;

use crate::certify::Certification;

/// What a certification's report tells besides its result.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CertifyMeta {
    /// Version of chatproof.
    pub version: String,
    /// Who was certified.
    pub target: String,
    /// When, in UTC.
    pub started: String,
    /// How long it took, in seconds.
    #[serde(serialize_with = "seconds")]
    #[schemars(with = "f64")]
    pub duration: Duration,
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// The number of the JSON format. It rises when a reader of the former one could be misled; new members do not raise it.
const FORMAT: u32 = 1;

/// What a certification came to, requirement by requirement.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "chatproof certificate")]
struct Document<'a> {
    /// The number of this format. It rises when a reader of the former one could be misled; new members do not raise it.
    #[schemars(extend("const" = FORMAT))]
    format: u32,
    meta: &'a CertifyMeta,
    #[serde(flatten)]
    certification: &'a Certification,
}

/// Writes everything as JSON that fits `reports/certificate.schema.json`.
///
/// # Errors
/// When the writer fails.
pub fn json(certification: &Certification, meta: &CertifyMeta, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Document { format: FORMAT, meta, certification })?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use schemars::generate::SchemaSettings;

    use super::*;

    /// On a difference the file is rewritten, so that the change of contract can be read with `git diff`.
    #[test]
    fn the_published_schema_is_what_the_types_say() {
        let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Document>();
        let contract = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/certificate.schema.json");
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        if published != contract {
            std::fs::write(&path, contract).unwrap();
            panic!("reports/certificate.schema.json was out of date and has been rewritten");
        }
    }
}
