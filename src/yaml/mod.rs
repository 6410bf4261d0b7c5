//! Reads YAML files that people write, and shows what is wrong with them and where: a file is read as JSON with the place of each part,
//! held against the schema of the type that it is for, and then taken apart by whoever knows what it means.

mod problem;
mod read;
mod shape;

use std::path::Path;

pub use problem::{FileErrors, Problem, list, nearest};
pub use read::{Document, Places, join, read};
pub use shape::{check, editor_schema};

/// The text of a file.
///
/// # Errors
/// When it cannot be read, or is not UTF-8.
pub fn text(path: &Path) -> Result<String, FileErrors> {
    let unreadable = |reason: String| FileErrors::new(path, String::new(), vec![Problem::with_the_file(reason)]);
    let bytes = std::fs::read(path).map_err(|error| unreadable(format!("cannot read {}: {error}", path.display())))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        unreadable(format!("{} is not UTF-8 text (line {line})", path.display()))
    })?;
    // A byte order mark is no part of the text.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
