//! The file that a run leaves beside its reports.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::load::Share;
use crate::record::Tally;
use crate::report::{Meta, micros, write_json};

/// The number of this format. It rises when a reader of the former one could be misled or could not read it.
const FORMAT: u32 = 1;

/// What a run of chatproof, or a share of one, measured: all that `chatproof merge` needs. Moments are nanoseconds since
/// the run's start, the same for all shares of a run; histograms are base64 of HdrHistogram's V2 format with deflate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "chatproof tally")]
pub struct TallyFile {
    /// The number of this format.
    format: Format,
    /// SHA-256 over all that shares of one run have in common: the scenario, its data files, what the command line put in
    /// place of the scenario's load, and the licence.
    pub fingerprint: String,
    /// Which part of the run this is: `2/5` is the second of five.
    pub share: Share,
    /// How long arrivals were to go on, in microseconds.
    #[serde(rename = "planned_us", with = "micros")]
    #[schemars(with = "u64")]
    pub planned: Duration,
    /// The scenario's thresholds, such as `send_event.response.p99 < 250ms`.
    pub thresholds: Vec<String>,
    /// Why the run was given up before its time, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
    /// What ran, where and how.
    pub meta: Meta,
    /// What was measured and found.
    pub tally: Tally,
}

/// The one format that is written and read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
struct Format;

/// A tally file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TallyFileError {
    /// It cannot be read at all.
    #[error("cannot read the tally {path}: {source}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no tally.
    #[error(
        "{path} is not a tally: {source}; tallies are called tally.json and lie in the report folders of `chatproof run`",
        path = .path.display()
    )]
    NotATally {
        /// The file.
        path: PathBuf,
        /// What does not fit, and where.
        source: serde_json::Error,
    },
    /// It is the report of a run, which people confuse with its tally.
    #[error("{} is a report; give the tally.json that lies beside it, or their folder", .0.display())]
    AReport(PathBuf),
    /// Another chatproof wrote it.
    #[error(
        "{path} has the tally format {found}, written by chatproof {version}, and this chatproof ({ours}) reads format {FORMAT}; \
         use the version that wrote it",
        path = .path.display(), ours = env!("CARGO_PKG_VERSION")
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The version that wrote it.
        version: String,
    },
}

/// What any format has, so that another one can be told from what is no tally.
#[derive(Deserialize)]
#[serde(expecting = "an object with `format` and `meta`")]
struct AnyFormat {
    format: u32,
    meta: AnyMeta,
    /// What reports have and tallies have not.
    verdict: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(expecting = "what ran, as an object")]
struct AnyMeta {
    version: String,
}

impl TallyFile {
    /// A tally and what belongs to it.
    pub fn new(
        (fingerprint, share): (String, Share),
        (planned, thresholds): (Duration, Vec<String>),
        (mut meta, tally): (Meta, Tally),
    ) -> Self {
        // As it is written, so that reports say the same when they are rendered again.
        meta.duration = Duration::from_micros(u64::try_from(meta.duration.as_micros()).unwrap_or(u64::MAX));
        Self { format: Format, fingerprint, share, planned, thresholds, given_up: None, meta, tally }
    }

    /// Writes it as JSON that fits `reports/tally.schema.json`.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write_json(self, out)
    }

    /// Reads a file, or the `tally.json` of a folder.
    ///
    /// # Errors
    /// When it cannot be read, is no tally, or has another format.
    pub fn read(path: &Path) -> Result<Self, TallyFileError> {
        let path = if path.is_dir() { path.join("tally.json") } else { path.to_owned() };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&path, &text),
            Err(source) => Err(TallyFileError::Unreadable { path, source }),
        }
    }

    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, TallyFileError> {
        let not_a_tally = |source| TallyFileError::NotATally { path: path.to_owned(), source };
        let AnyFormat { format, meta, verdict } = serde_json::from_str(text).map_err(not_a_tally)?;
        if verdict.is_some() {
            return Err(TallyFileError::AReport(path.to_owned()));
        }
        if format != FORMAT {
            return Err(TallyFileError::OtherFormat { path: path.to_owned(), found: format, version: meta.version });
        }
        serde_json::from_str(text).map_err(not_a_tally)
    }
}

impl From<Format> for u32 {
    fn from(_: Format) -> Self {
        FORMAT
    }
}

impl TryFrom<u32> for Format {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        if number == FORMAT { Ok(Self) } else { Err(format!("the format {number}, and only {FORMAT} is known")) }
    }
}

impl JsonSchema for Format {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Format".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "const": FORMAT })
    }
}
