//! Where the schema files come from: the binary itself, or a folder.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::ProtocolError;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schemas");

/// The text of every file of a schema folder, by its path relative to the folder (with `/` on all systems).
#[derive(Debug)]
pub struct SchemaFiles {
    files: BTreeMap<String, String>,
}

impl SchemaFiles {
    /// What was compiled into the binary.
    pub fn embedded() -> Self {
        let mut files = BTreeMap::new();
        collect_embedded(&EMBEDDED, &mut files);
        Self { files }
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// When the folder or one of its files cannot be read, or no dialect is in it.
    pub fn from_dir(dir: &Path) -> Result<Self, ProtocolError> {
        let mut files = BTreeMap::new();
        collect_dir(dir, "", &mut files)?;
        let files = Self { files };
        if files.dialect_folders().is_empty() {
            return Err(ProtocolError::Unreadable {
                path: dir.display().to_string(),
                reason: "no schema files in this folder: no folder in it has a catalog.yaml".into(),
            });
        }
        Ok(files)
    }

    /// The folders that have a catalog, such as `customer/v0.3`.
    pub fn dialect_folders(&self) -> Vec<String> {
        self.files.keys().filter_map(|path| path.strip_suffix("/catalog.yaml")).map(str::to_owned).collect()
    }

    /// Text of one file.
    ///
    /// # Errors
    /// [`ProtocolError::Unreadable`] when there is none.
    pub fn text(&self, path: &str) -> Result<&str, ProtocolError> {
        self.files
            .get(path)
            .map(String::as_str)
            .ok_or_else(|| ProtocolError::Unreadable { path: path.to_owned(), reason: "there is no such file".into() })
    }

    /// Paths and texts of all JSON files below a folder.
    pub fn json_below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files.iter().filter_map(move |(path, text)| {
            let below = path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
            (below && path.ends_with(".json")).then_some((path.as_str(), text.as_str()))
        })
    }
}

/// The rows of a list of a dialect; none when there is no such file.
pub(super) fn rows<T: serde::de::DeserializeOwned>(files: &SchemaFiles, path: &str) -> Result<Vec<T>, ProtocolError> {
    match files.files.get(path) {
        None => Ok(Vec::new()),
        Some(text) => serde_saphyr::from_str(text)
            .map_err(|error| ProtocolError::Inconsistent { path: path.to_owned(), reason: error.to_string() }),
    }
}

fn collect_embedded(dir: &Dir<'_>, files: &mut BTreeMap<String, String>) {
    for file in dir.files() {
        if let Some(text) = file.contents_utf8() {
            files.insert(file.path().to_string_lossy().replace('\\', "/"), text.to_owned());
        }
    }
    for below in dir.dirs() {
        collect_embedded(below, files);
    }
}

fn collect_dir(dir: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<(), ProtocolError> {
    let unreadable = |error: std::io::Error| ProtocolError::Unreadable {
        path: dir.display().to_string(),
        reason: error.to_string(),
    };
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            collect_dir(&path, &format!("{name}/"), files)?;
        } else if matches!(path.extension().and_then(|e| e.to_str()), Some("json" | "yaml")) {
            let text = std::fs::read_to_string(&path)
                .map_err(|e| ProtocolError::Unreadable { path: name.clone(), reason: e.to_string() })?;
            files.insert(name, text);
        }
    }
    Ok(())
}
