//! World files: what there is before anybody comes.

mod build;
mod file;

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use self::build::Builder;
use self::file::File;
use super::hardships::Habits;
use super::licences::Licences;
use crate::protocol::Protocol;
use crate::yaml::{self, FileErrors, Problem};

/// A world file that was found to be good.
#[derive(Debug, Clone)]
pub struct WorldFile(File);

impl WorldFile {
    /// Reads a world file.
    ///
    /// # Errors
    /// Everything that is wrong with it at once, each with its place in the file.
    pub fn load(path: &Path, protocol: &Protocol) -> Result<Self, FileErrors> {
        Self::parse(path, yaml::text(path)?, protocol)
    }

    /// Reads a world file whose text is at hand; `path` is what messages call it.
    ///
    /// # Errors
    /// Everything that is wrong with it at once, each with its place in the text.
    pub fn parse(path: &Path, text: String, protocol: &Protocol) -> Result<Self, FileErrors> {
        Self::read(&text, protocol).map_err(|problems| FileErrors::new(path, without_tokens(&text), problems))
    }

    fn read(text: &str, protocol: &Protocol) -> Result<Self, Vec<Problem>> {
        let document = yaml::read(text).map_err(|problem| vec![problem])?;
        let problems = yaml::check(&document, &world_schema());
        if !problems.is_empty() {
            return Err(problems);
        }
        let file =
            File::deserialize(&document.value).map_err(|error| vec![Problem::with_the_file(error.to_string())])?;
        // Nothing says better whether a world can be made of it than making one.
        let (_, slips) = Builder::build(&file, 0, Habits::default(), Some(protocol));
        if slips.is_empty() {
            return Ok(Self(file));
        }
        Err(slips
            .into_iter()
            .map(|slip| {
                let problem = Problem::new(document.places.value(&slip.pointer), slip.message);
                match slip.help {
                    Some(help) => problem.help(help),
                    None => problem,
                }
            })
            .collect())
    }

    /// Whether tokens that the file does not name are good as well.
    pub fn is_open(&self) -> bool {
        self.0.open == Some(true)
    }

    /// The licences that the file describes.
    pub(super) fn licences(&self, seed: u64, habits: Habits) -> Licences {
        Builder::build(&self.0, seed, habits, None).0
    }
}

/// The text with stars for tokens, byte for byte: what is wrong with a line is shown with the whole line.
fn without_tokens(text: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut pieces = text.split("token:");
    hidden.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        hidden.push_str("token:");
        let end = piece.find([',', '}', '\r', '\n']).unwrap_or(piece.len());
        let (token, rest) = piece.split_at(end);
        for letter in token.chars() {
            match letter {
                ' ' => hidden.push(' '),
                _ => (0..letter.len_utf8()).for_each(|_| hidden.push('*')),
            }
        }
        hidden.push_str(rest);
    }
    hidden
}

/// The JSON Schema (2020-12) of world files, for editors.
pub fn world_schema() -> Value {
    yaml::editor_schema::<File>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_shown_with_what_is_wrong_and_every_byte_keeps_its_place() {
        let text = "licences:\n  - { id: x, agents: [{ email: a, token: s3crét }] }\n  # token: s3crét\n";
        let hidden = without_tokens(text);
        assert!(!hidden.contains("s3cr") && hidden.contains("{ email: a, token: ******* }] }"), "{hidden}");
        assert_eq!(hidden.len(), text.len());
        let errors = WorldFile::parse(Path::new("w"), text.to_owned(), &Protocol::embedded().unwrap()).unwrap_err();
        assert!(errors.count() > 0 && !errors.to_string().contains("s3cr"), "{errors}");
    }
}
