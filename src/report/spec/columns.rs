//! A table of texts: when the terminal is narrow, the widest columns wrap.

use std::borrow::Cow;
use std::io::{self, Write};

use textwrap::core::{Word, display_width};

use crate::report::format::one_line;
use crate::report::terminal::Page;

/// Space between columns, and before the first.
const GAP: usize = 2;

/// No column gets narrower.
const NARROWEST: usize = 6;

/// Rows of texts under titles. A column without any text is left out; one of numbers alone is aligned to the right.
#[derive(Debug)]
pub struct Columns {
    titles: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Heading(String),
    Cells(Vec<String>),
}

impl Columns {
    pub fn new(titles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { titles: titles.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// A heading over the rows that follow.
    pub fn heading(&mut self, text: &str) {
        self.rows.push(Row::Heading(one_line(text)));
    }

    /// A row with a text for each column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        self.rows.push(Row::Cells(cells.into_iter().map(|cell| one_line(cell.as_ref())).collect()));
    }

    fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(move |row| match row {
            Row::Cells(cells) => cells.get(column).map(String::as_str).filter(|cell| !cell.is_empty()),
            Row::Heading(_) => None,
        })
    }

    /// The width of each column; 0 for one that is left out.
    fn widths(&self, room: usize) -> Vec<usize> {
        let natural = |column: usize| {
            let widest = self.cells(column).map(display_width).max()?;
            Some(widest.max(display_width(&self.titles[column])))
        };
        let mut widths: Vec<usize> = (0..self.titles.len()).map(|column| natural(column).unwrap_or(0)).collect();
        let gaps = GAP * widths.iter().filter(|width| **width > 0).count();
        while widths.iter().sum::<usize>() + gaps > room {
            match widths.iter_mut().max() {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                _ => break,
            }
        }
        widths
    }

    /// Writes titles and rows.
    pub fn write(&self, page: &mut Page<'_, impl Write>) -> io::Result<()> {
        let widths = self.widths(page.width);
        let right: Vec<bool> = (0..widths.len())
            .map(|column| self.cells(column).all(|cell| cell.chars().all(|c| c.is_ascii_digit() || c == ',')))
            .collect();
        let (faint, bold) = (page.palette.faint, page.palette.title);
        if self.titles.iter().any(|title| !title.is_empty()) {
            for line in lines(&self.titles, &widths, &right) {
                writeln!(page.out, "{faint}{line}{faint:#}")?;
            }
        }
        for row in &self.rows {
            match row {
                Row::Heading(text) => {
                    for line in wrapped(text, page.width) {
                        writeln!(page.out, "{bold}{line}{bold:#}")?;
                    }
                }
                Row::Cells(cells) => {
                    for line in lines(cells, &widths, &right) {
                        writeln!(page.out, "{line}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// One row as lines of the terminal.
fn lines(cells: &[String], widths: &[usize], right: &[bool]) -> Vec<String> {
    let kept = || (0..widths.len().min(cells.len())).filter(|column| widths[*column] > 0);
    let texts: Vec<(usize, Vec<Cow<'_, str>>)> =
        kept().map(|column| (column, wrapped(&cells[column], widths[column]))).collect();
    let height = texts.iter().map(|(_, lines)| lines.len()).max().unwrap_or(0);
    let line = |number: usize| {
        let mut line = String::new();
        for (column, lines) in &texts {
            let text = lines.get(number).map_or("", |line| line);
            let pad = " ".repeat(widths[*column].saturating_sub(display_width(text)));
            let (before, after) = if right[*column] { (pad.as_str(), "") } else { ("", pad.as_str()) };
            line += &format!("{:GAP$}{before}{text}{after}", "");
        }
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

fn wrapped(text: &str, width: usize) -> Vec<Cow<'_, str>> {
    let options = textwrap::Options::new(width)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::Custom(words));
    textwrap::wrap(text, options)
}

/// Words, and the parts of long names such as `step:closing_causes_thread_closed` and `/chat/thread/events`.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let spaced = textwrap::WordSeparator::AsciiSpace.find_words(line);
    Box::new(spaced.flat_map(|word| {
        let mut parts: Vec<Word<'_>> = word.word.split_inclusive(['_', '/', ':', '.']).map(Word::from).collect();
        match parts.pop() {
            None => vec![word],
            Some(last) => {
                parts.push(Word { whitespace: word.whitespace, ..last });
                parts
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(columns: &Columns, width: usize) -> String {
        let mut bytes = Vec::new();
        columns.write(&mut Page::new(&mut bytes, false, width)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_widest_column_wraps_and_an_empty_one_goes() {
        let mut columns = Columns::new(["id", "when", "statement", "n"]);
        columns.heading("Section");
        columns.row(["C03-B14", "", "The response repeats the id.", "7"]);
        columns.row(["C03-B15", "", "Short.", "12"]);
        let expected = "  id       statement           n
Section
  C03-B14  The response        7
           repeats the id.
  C03-B15  Short.             12
";
        assert_eq!(written(&columns, 32), expected);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_room_and_no_word_is_lost(
            rows in proptest::collection::vec(proptest::collection::vec("[a-z]{0,5}( [a-z]{1,5}){0,9}", 3), 1..6),
            width in 40..100usize,
        ) {
            let mut columns = Columns::new(["a", "b", "c"]);
            rows.iter().for_each(|row| columns.row(row));
            let text = written(&columns, width);
            prop_assert!(text.lines().all(|line| display_width(line) <= width), "{}", text);
            for word in rows.iter().flatten().flat_map(|cell| cell.split_whitespace()) {
                prop_assert!(text.contains(word), "{word} is not in\n{text}");
            }
        }
    }
}
