//! Markdown in which foreign texts stay texts.

use std::fmt::Write as _;

use crate::report::format::{one_line, shortened};

/// Widest foreign text.
const LONGEST: usize = 300;
/// Rows of a table. A summary may have a megabyte.
const ROWS: usize = 100;

/// A foreign text: no mark-up, no HTML, no link, in one line.
pub fn text(foreign: &str) -> String {
    let line = one_line(foreign);
    let line = shortened(&line, LONGEST);
    let mut safe = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        // CommonMark takes a backslash before any of these, and a colon or a dot after one makes no link of an address.
        if c.is_ascii_punctuation() {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

/// A list of sentences.
pub fn list(out: &mut String, sentences: impl IntoIterator<Item = impl AsRef<str>>) {
    for sentence in sentences.into_iter().take(ROWS) {
        // Writing to a string does not fail.
        let _ = writeln!(out, "* {}", text(sentence.as_ref()));
    }
    out.push('\n');
}

/// A table, with a line about the rows that it has no room for. Nothing if there are none.
pub fn table(out: &mut String, heads: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "| {} |\n|{}", heads.join(" | "), "---|".repeat(heads.len()));
    for row in rows.iter().take(ROWS) {
        let cells: Vec<String> = row.iter().map(|cell| text(cell)).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out.push('\n');
    if let more @ 1.. = rows.len().saturating_sub(ROWS) {
        let _ = writeln!(out, "And {more} more, which are in the report.\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_table_has_a_line_a_row_and_an_end() {
        let mut out = String::new();
        table(&mut out, &["a", "b"], &[vec!["x|y".to_owned(), "<b>&*".to_owned()]]);
        assert_eq!(out, "| a | b |\n|---|---|\n| x\\|y | \\<b\\>\\&\\* |\n\n");
        let mut out = String::new();
        table(&mut out, &["a"], &vec![vec!["x".to_owned()]; ROWS + 2]);
        assert_eq!(out.lines().count(), 2 + ROWS + 1 + 1 + 1);
        assert!(out.ends_with("And 2 more, which are in the report.\n\n"));
        let mut out = String::new();
        table(&mut out, &["a"], &[]);
        list(&mut out, ["one # two"]);
        assert_eq!(out, "* one \\# two\n\n");
    }

    proptest! {
        #[test]
        fn nothing_foreign_is_mark_up(foreign in any::<String>()) {
            let safe = text(&foreign);
            prop_assert!(!safe.contains(['\n', '\r']));
            // Every mark has a backslash of its own before it.
            let mut chars = safe.chars();
            while let Some(c) = chars.next() {
                if c == '\\' {
                    prop_assert!(chars.next().is_some_and(|c| c.is_ascii_punctuation()));
                } else {
                    prop_assert!(!c.is_ascii_punctuation(), "{}", safe);
                }
            }
        }
    }
}
