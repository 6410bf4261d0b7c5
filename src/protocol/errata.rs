//! `errata.yaml`: contradictions and gaps of the documents, and the readings that we took.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ErratumId, Line, ProtocolError, SchemaFiles};

/// A contradiction or gap in the documents.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Erratum {
    /// Its id.
    pub id: ErratumId,
    /// What is the matter with the passage.
    pub kind: ErratumKind,
    /// What is wrong or open, in a sentence.
    pub about: String,
    /// What the documents can be read to say; the first and, if there are two, the second reading.
    pub readings: Vec<Reading>,
    /// Which reading we took.
    pub resolution: Resolution,
    /// What that means, in a sentence.
    pub taken: String,
    /// The worst that breaking the reading we took may count. None for a slip without consequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Cap>,
    /// What to change in the schema files to get the documents' own words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub literal: Vec<Patch>,
}

/// What is the matter with a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErratumKind {
    /// Two passages say different things.
    Contradiction,
    /// Something that a reader needs is not said.
    Missing,
    /// A slip of the pen.
    Typo,
    /// It is said, but not precisely enough.
    Underspecified,
}

impl fmt::Display for ErratumKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contradiction => "contradiction",
            Self::Missing => "missing",
            Self::Typo => "typo",
            Self::Underspecified => "underspecified",
        })
    }
}

/// One way to read the documents.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// In a sentence.
    pub says: String,
    /// Where that stands.
    #[serde(default)]
    pub lines: Vec<Line>,
}

/// Which reading we took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Resolution {
    /// Either will do.
    AcceptEither,
    /// The first.
    PreferFirst,
    /// The second.
    PreferSecond,
    /// The documents say nothing that could be checked.
    Unspecified,
    /// A slip without any consequence.
    Editorial,
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AcceptEither => "either reading is accepted",
            Self::PreferFirst => "the first reading",
            Self::PreferSecond => "the second reading",
            Self::Unspecified => "left open",
            Self::Editorial => "a slip",
        })
    }
}

/// The worst that breaking a disputed reading may count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cap {
    /// Only worth knowing.
    Info,
    /// Never a failure.
    NonStrict,
    /// As bad as any other.
    Fail,
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::NonStrict => "non-strict",
            Self::Fail => "fail",
        })
    }
}

/// A change of a schema file that gives the documents' own words.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// The file, relative to the dialect's folder.
    pub file: String,
    /// JSON pointer to what changes; a last member that does not exist is added.
    pub at: String,
    /// What to put there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// Take it away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove: bool,
}

impl Patch {
    /// Changes a schema file.
    ///
    /// # Errors
    /// In words, when there is no such place or the patch says nothing.
    pub(super) fn apply(&self, document: &mut Value) -> Result<(), String> {
        let (parent, last) =
            self.at.rsplit_once('/').ok_or_else(|| format!("`at: {}` is not a JSON pointer", self.at))?;
        let last = last.replace("~1", "/").replace("~0", "~");
        let nowhere = || format!("{} has nothing at `{parent}`", self.file);
        match (document.pointer_mut(parent).ok_or_else(nowhere)?, &self.schema, self.remove) {
            (Value::Object(members), Some(schema), false) => {
                members.insert(last, schema.clone());
                Ok(())
            }
            (Value::Object(members), None, true) => match members.remove(&last) {
                Some(_) => Ok(()),
                None => Err(format!("{} has nothing at `{}` to remove", self.file, self.at)),
            },
            (Value::Array(items), schema, remove) => {
                let index = last.parse::<usize>().ok().filter(|index| *index < items.len());
                let index = index.ok_or_else(|| format!("{} has no item at `{}`", self.file, self.at))?;
                match schema {
                    Some(schema) if !remove => items[index] = schema.clone(),
                    None if remove => drop(items.remove(index)),
                    _ => return Err(format!("the patch of {} needs either `schema` or `remove`", self.file)),
                }
                Ok(())
            }
            (_, None, false) | (_, Some(_), true) => {
                Err(format!("the patch of {} needs either `schema` or `remove`", self.file))
            }
            _ => Err(nowhere()),
        }
    }
}

/// Reads the errata of a dialect; a folder without the file has none.
pub(super) fn read(files: &SchemaFiles, folder: &str) -> Result<BTreeMap<ErratumId, Erratum>, ProtocolError> {
    let rows: Vec<Erratum> = super::source::rows(files, &format!("{folder}/errata.yaml"))?;
    let mut errata = BTreeMap::new();
    for row in rows {
        let inconsistent =
            |reason: String| ProtocolError::Inconsistent { path: format!("{folder}/errata.yaml"), reason };
        if !matches!(row.readings.len(), 1 | 2) {
            return Err(inconsistent(format!(
                "{} has {} readings; one or two are possible",
                row.id,
                row.readings.len()
            )));
        }
        if row.cap.is_none() != (row.resolution == Resolution::Editorial) {
            return Err(inconsistent(format!("{} needs a `cap`, unless its resolution is EDITORIAL", row.id)));
        }
        if let Some(twice) = errata.insert(row.id.clone(), row) {
            return Err(inconsistent(format!("{} is there twice", twice.id)));
        }
    }
    Ok(errata)
}
