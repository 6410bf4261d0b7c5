//! Hashes of the protocol data, so that an attestation says what was certified.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::SchemaFiles;

/// SHA-256 of the files of a dialect, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fingerprints {
    /// `catalog.yaml`.
    pub catalog: String,
    /// All schema files with their names.
    pub schemas: String,
    /// `requirements.yaml`.
    pub requirements: String,
    /// `errata.yaml`.
    pub errata: String,
}

impl Fingerprints {
    pub(super) fn of(files: &SchemaFiles, folder: &str) -> Self {
        let file = |name: &str| sha256(files.text(&format!("{folder}/{name}")).unwrap_or_default().as_bytes());
        let mut schemas = String::new();
        for (path, text) in files.json_below(folder) {
            schemas.push_str(path);
            schemas.push('\n');
            schemas.push_str(text);
        }
        Self {
            catalog: file("catalog.yaml"),
            schemas: sha256(schemas.as_bytes()),
            requirements: file("requirements.yaml"),
            errata: file("errata.yaml"),
        }
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
