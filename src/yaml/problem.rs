//! What is wrong with a file, shown with its place.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Bytes of the file; absent when the file could not be read at all.
    range: Option<(usize, usize)>,
    /// What was found.
    message: String,
    /// A remark under the place.
    label: Option<String>,
    /// What is allowed.
    help: Option<String>,
}

impl Problem {
    /// Something wrong at a place.
    pub fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { range: Some((range.start, range.end)), message: message.into(), label: None, help: None }
    }

    /// Something wrong with the file as a whole.
    pub fn with_the_file(message: impl Into<String>) -> Self {
        Self { range: None, message: message.into(), label: None, help: None }
    }

    /// Adds a remark under the place.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds what is allowed.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds both a did-you-mean, when a known name is near, and the list of what is allowed.
    pub fn allowed<'a>(self, found: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let with_label = match nearest(found, known.iter().copied()) {
            Some(name) => self.label(format!("did you mean `{name}`?")),
            None => self,
        };
        match known.is_empty() {
            true => with_label,
            false => with_label.help(format!("allowed: {}", list(&known))),
        }
    }
}

/// The known name that somebody who wrote `found` most likely meant.
pub fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&found, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= name.chars().count().max(found.chars().count()) / 3)
        .min()
        .map(|(_, name)| name)
}

/// Names as they stand in a sentence: `` `a`, `b` ``.
pub fn list(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Everything that is wrong with a file, in the order of the file.
#[derive(Debug, Clone)]
pub struct FileErrors {
    path: PathBuf,
    text: String,
    problems: Vec<Problem>,
}

impl FileErrors {
    /// These problems of a file with this text.
    pub fn new(path: &Path, text: String, mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self { path: path.to_owned(), text, problems }
    }

    /// How many things are wrong.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// All of it for people: each problem with file, line, column, the line itself, and what is allowed there.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
        let path = self.path.display().to_string();
        let mut shown: Vec<String> =
            self.problems.iter().map(|problem| renderer.render(&[self.group(problem, &path)])).collect();
        if self.problems.len() > 1 {
            shown.push(format!("{} problems in {path}", self.problems.len()));
        }
        shown.join("\n\n")
    }

    fn group<'a>(&'a self, problem: &'a Problem, path: &'a str) -> Group<'a> {
        let title = Level::ERROR.primary_title(problem.message.as_str());
        let Some((start, end)) = problem.range else { return Group::with_title(title) };
        let annotation = AnnotationKind::Primary.span(self.drawable(start, end)).label(problem.label.as_deref());
        let group = title.element(Snippet::source(self.text.as_str()).path(path).annotation(annotation));
        match &problem.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        }
    }

    /// The range on its first line only, on character boundaries.
    fn drawable(&self, start: usize, end: usize) -> Range<usize> {
        let boundary = |at: usize| (0..=at.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at));
        let start = boundary(start).unwrap_or(0);
        let line = self.text[start..].find(['\r', '\n']).map_or(self.text.len(), |length| start + length);
        start..boundary(end.min(line)).unwrap_or(start).max(start)
    }
}

impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for FileErrors {}
