//! Says what exists: catalogs, compiled schemas and the documents' lines behind them.
//!
//! The data is in `schemas/` (see `schemas/README.md` for its format); this module reads it once and answers
//! questions about it. It knows no action by name.

mod catalog;
mod coverage;
mod errata;
mod fingerprint;
mod mutations;
mod names;
mod node;
mod requirements;
mod routes;
mod schemas;
mod sentences;
mod source;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub use catalog::{
    ActionSpec, BodyStyle, Carries, Catalog, CorrelationName, DisconnectSpec, Effect, ErrorSpec, Limit, LoginSpec,
    Multipart, PushSpec, RtmSpec, Rule, WebSpec,
};
pub use coverage::{Place, Seen, Spot};
pub use errata::{Cap, Erratum, ErratumKind, Patch, Reading, Resolution};
pub use fingerprint::{Fingerprints, sha256};
pub use mutations::{Mutation, mutations, mutations_of};
pub use names::{Channel, DialectName, ErratumId, Line, RequirementId, Role, Transport};
pub use node::Node;
pub use requirements::{Basis, Check, Exclusion, Level, NegativeClass, Reason, Requirement};
pub use routes::{Route, Routes};
pub use schemas::{Kind, Mismatch, MismatchKind, Schemas};
pub use sentences::Sentences;
pub use source::SchemaFiles;

/// Our own failure to read the protocol data; a peer cannot cause it.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// A file of the schema folder could not be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// File or folder, relative to the schema folder.
        path: String,
        /// What the system or parser said.
        reason: String,
    },
    /// A schema or catalog does not hold together.
    #[error("{path}: {reason}")]
    Inconsistent {
        /// File, relative to the schema folder.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody has described this dialect.
    #[error("unknown dialect `{wanted}`; known: {known}")]
    UnknownDialect {
        /// What was asked for.
        wanted: String,
        /// Comma-separated list of what there is.
        known: String,
    },
}

/// One documented API version of one role: its catalog and its compiled schemas.
#[derive(Debug)]
pub struct Dialect {
    /// Such as `customer/v0.3`.
    pub name: DialectName,
    /// What the dialect has.
    pub catalog: Catalog,
    /// Validators for all of its payloads and envelopes.
    pub schemas: Schemas,
    /// The sentences of its documents that can be checked.
    pub requirements: BTreeMap<RequirementId, Requirement>,
    /// The contradictions and gaps of its documents.
    pub errata: BTreeMap<ErratumId, Erratum>,
    /// Hashes of all of this.
    pub fingerprints: Fingerprints,
}

impl Dialect {
    /// The sentence of the documents behind a check, if the catalog names one.
    pub fn rule(&self, violation_kind: &str) -> Option<&Rule> {
        self.catalog.rules.get(violation_kind)
    }

    /// The erratum whose reading a constraint of the schemas is, by the constraint's comment.
    pub fn erratum(&self, comment: &str) -> Option<&Erratum> {
        let mut words = comment.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        words.find_map(|word| self.errata.get(&ErratumId(word.into())))
    }

    /// The schemas of the documents' own words: those of our reading, with the errata's literal wording put in.
    ///
    /// # Errors
    /// When a patch does not fit its file.
    pub fn literal(&self) -> Result<Schemas, ProtocolError> {
        let patches = self.errata.values().flat_map(|erratum| &erratum.literal);
        self.schemas.patched(patches)
    }
}

/// All dialects.
#[derive(Debug)]
pub struct Protocol {
    dialects: BTreeMap<DialectName, Arc<Dialect>>,
}

impl Protocol {
    /// Compiles the dialects that are built into the binary.
    ///
    /// # Errors
    /// Only when the built-in data is broken, which the tests rule out.
    pub fn embedded() -> Result<Self, ProtocolError> {
        Self::read(&SchemaFiles::embedded())
    }

    /// Compiles the dialects of a folder laid out as `schemas/README.md` says.
    ///
    /// # Errors
    /// When a file cannot be read or does not fit the format.
    pub fn from_dir(dir: &Path) -> Result<Self, ProtocolError> {
        Self::read(&SchemaFiles::from_dir(dir)?)
    }

    fn read(files: &SchemaFiles) -> Result<Self, ProtocolError> {
        let mut dialects = BTreeMap::new();
        for folder in files.dialect_folders() {
            let catalog = Catalog::read(files, &folder)?;
            let schemas = Schemas::compile(files, &folder, &catalog)?;
            let name = catalog.dialect.clone();
            let requirements = requirements::read(files, &folder)?;
            let errata = errata::read(files, &folder)?;
            let fingerprints = Fingerprints::of(files, &folder);
            let dialect = Dialect { name: name.clone(), catalog, schemas, requirements, errata, fingerprints };
            dialects.insert(name, Arc::new(dialect));
        }
        Ok(Self { dialects })
    }

    /// The dialect of that name.
    ///
    /// # Errors
    /// [`ProtocolError::UnknownDialect`], naming those that exist.
    pub fn dialect(&self, name: &str) -> Result<&Arc<Dialect>, ProtocolError> {
        self.dialects.get(name).ok_or_else(|| ProtocolError::UnknownDialect {
            wanted: name.to_owned(),
            known: self.dialects.keys().map(DialectName::as_str).collect::<Vec<_>>().join(", "),
        })
    }

    /// All dialects, by name.
    pub fn dialects(&self) -> impl Iterator<Item = &Arc<Dialect>> {
        self.dialects.values()
    }
}
