//! Commands to GitHub's runner: lines of standard output that begin with two colons.

use std::fmt;

use crate::report::format::{one_line, shortened};

/// GitHub shows so many annotations of a level in a step.
const SHOWN: usize = 10;
/// Longest message.
const LONGEST: usize = 1_000;

/// How bad something is, as GitHub has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Red.
    Error,
    /// Yellow.
    Warning,
    /// Worth knowing.
    Notice,
}

/// A remark, perhaps on a line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// How bad it is.
    pub level: Level,
    /// The file and the line in it.
    pub place: Option<(String, usize)>,
    /// What it is about.
    pub title: String,
    /// What there is to say.
    pub message: String,
}

impl Annotation {
    /// A remark on nothing in a file.
    pub fn new(level: Level, title: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level, place: None, title: title.into(), message: message.into() }
    }

    /// As many as GitHub shows, the worst first; the last of a level says how many more there are.
    pub fn bounded(mut all: Vec<Self>) -> Vec<Self> {
        all.sort_by_key(|annotation| annotation.level);
        let mut shown: Vec<Self> = Vec::new();
        for same in all.chunk_by(|one, other| one.level == other.level) {
            let few = same.len() <= SHOWN;
            let kept = if few { same.len() } else { SHOWN - 1 };
            shown.extend(same.iter().take(kept).cloned());
            if let Some(first) = same.first().filter(|_| !few) {
                let more = format!("and {} more, which are in the report", same.len() - kept);
                shown.push(Self::new(first.level, "more", more));
            }
        }
        shown
    }
}

impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, place, title, message } = self;
        let level = match level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
        };
        write!(f, "::{level} ")?;
        if let Some((file, line)) = place {
            write!(f, "file={},line={line},", property(file))?;
        }
        // Several lines are fine here, but each must be seen as it is.
        let lines: Vec<String> = message.lines().map(one_line).collect();
        let text = lines.join("\n");
        write!(f, "title={}::{}", property(title), data(&shortened(&text, LONGEST)))
    }
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command, where colons and commas separate.
fn property(text: &str) -> String {
    data(&one_line(text)).replace(':', "%3A").replace(',', "%2C")
}

/// While it lasts GitHub obeys no command: what people read on standard output and error repeats what peers say, and a line of that may look
/// like a command. The word that ends it must be one that no peer can guess.
#[derive(Debug, Clone)]
pub struct Silence {
    word: String,
}

impl Silence {
    /// One that ends with this word.
    pub fn until(word: String) -> Self {
        Self { word }
    }

    /// The command that begins it.
    pub fn begin(&self) -> String {
        format!("::stop-commands::{}", self.word)
    }

    /// The command that ends it.
    pub fn end(&self) -> String {
        format!("::{}::", self.word)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_separates_is_written_in_hexadecimal() {
        let annotation = Annotation {
            level: Level::Error,
            place: Some(("a,b:c.yaml".to_owned(), 14)),
            title: "100%: no,\n yes".to_owned(),
            message: "first: 5%,\r\nsecond".to_owned(),
        };
        assert_eq!(
            annotation.to_string(),
            "::error file=a%2Cb%3Ac.yaml,line=14,title=100%25%3A no%2C yes::first: 5%25,%0Asecond"
        );
        let plain = Annotation::new(Level::Warning, "t", "m").to_string();
        assert_eq!(plain, "::warning title=t::m");
    }

    #[test]
    fn of_many_the_last_says_how_many_more_there_are() {
        let made = |level: Level, count: usize| (0..count).map(move |n| Annotation::new(level, "t", format!("{n}")));
        let few = Annotation::bounded(made(Level::Notice, 10).chain(made(Level::Error, 1)).collect());
        assert_eq!(few.len(), 11);
        assert_eq!((few[0].level, &*few[10].message), (Level::Error, "9"));
        let many = Annotation::bounded(made(Level::Error, 11).chain(made(Level::Warning, 2)).collect());
        assert_eq!(many.len(), 12);
        assert_eq!((&*many[8].message, &*many[9].message), ("8", "and 2 more, which are in the report"));
    }

    proptest! {
        /// However a peer's text looks, it is one command with the properties that we gave it.
        #[test]
        fn an_annotation_is_one_line_and_its_parts_stay_apart(
            file in any::<String>(), title in any::<String>(), message in any::<String>(),
        ) {
            let place = Some((file, 3));
            let text = Annotation { level: Level::Error, place, title, message }.to_string();
            prop_assert!(!text.contains(['\n', '\r']));
            let (head, _) = text["::error ".len()..].split_once("::").unwrap();
            let names: Vec<&str> = head.split(',').map(|part| part.split_once('=').unwrap().0).collect();
            prop_assert_eq!(names, ["file", "line", "title"]);
        }
    }
}
