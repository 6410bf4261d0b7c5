//! The one way that tables are made: sortable, filterable, and with values that can be copied.

use std::fmt::Display;
use std::time::Duration;

use maud::{Markup, Render, html};

use super::page::Tone;
use crate::report::format::{duration, grouped, micros, one_line};

/// Rows from which on a table has a field to filter it by.
const MANY: usize = 9;

/// A column.
pub(in crate::report) struct Column {
    title: &'static str,
    number: bool,
}

impl Column {
    /// A column of words.
    pub const fn words(title: &'static str) -> Self {
        Self { title, number: false }
    }

    /// A column of numbers, which are aligned to the right.
    pub const fn numbers(title: &'static str) -> Self {
        Self { title, number: true }
    }
}

/// A field of a table.
pub(in crate::report) struct Cell {
    body: Markup,
    sort: Option<String>,
    copy: bool,
    tone: Tone,
}

impl Cell {
    /// A text, also one that a peer sent.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self { body: one_line(text.as_ref()).render(), sort: None, copy: false, tone: Tone::Plain }
    }

    /// Something else than a text; it is sorted by a text.
    pub fn markup(body: Markup, sort: impl AsRef<str>) -> Self {
        Self { body, sort: Some(one_line(sort.as_ref())), copy: false, tone: Tone::Plain }
    }

    /// A number as people read it, and exactly, for sorting and copying.
    pub fn number(shown: impl Render, exact: impl Display) -> Self {
        Self { body: shown.render(), sort: Some(exact.to_string()), copy: true, tone: Tone::Plain }
    }

    /// A duration; exactly, it is in microseconds. None is an empty cell.
    pub fn time(time: Option<Duration>) -> Self {
        time.map_or_else(Self::nothing, |time| Self::number(duration(time), micros(time)))
    }

    /// A number of things.
    pub fn count(count: u64) -> Self {
        Self::number(grouped(count), count)
    }

    /// A number of things that better were none.
    pub fn trouble(count: u64, tone: Tone) -> Self {
        Self::count(count).with_tone(if count > 0 { tone } else { Tone::Plain })
    }

    /// Nothing.
    pub fn nothing() -> Self {
        Self::text("")
    }

    /// The same in a colour.
    pub fn with_tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    fn markup_in(&self, column: &Column) -> Markup {
        let class = match (column.number, self.tone) {
            (false, Tone::Plain) => None,
            (true, Tone::Plain) => Some("n".to_owned()),
            (false, tone) => Some(tone.class().to_owned()),
            (true, tone) => Some(format!("n {}", tone.class())),
        };
        html! { td class=[class] data-sort=[&self.sort] data-copy=[self.copy.then_some("")] { (self.body) } }
    }
}

/// A table. The caption tells what its numbers are.
pub(in crate::report) fn table(id: &str, caption: &str, columns: &[Column], rows: &[Vec<Cell>]) -> Markup {
    html! {
        div.table {
            div.tools {
                @if rows.len() >= MANY {
                    label.scripted {
                        "Filter " input type="search" data-filter=(id) autocomplete="off" spellcheck="false";
                    }
                    output.scripted data-count=(id) {}
                }
                button.scripted type="button" data-copy-table=(id) { "Copy table" }
            }
            div.box tabindex="0" role="region" aria-label=(caption) {
                table id=(id) data-sortable {
                    caption { (caption) }
                    thead { tr { @for column in columns { th scope="col" class=[column.number.then_some("n")] { (column.title) } } } }
                    tbody {
                        @for row in rows {
                            tr { @for (cell, column) in row.iter().zip(columns) { (cell.markup_in(column)) } }
                        }
                    }
                }
            }
        }
    }
}

/// A part of a whole, as number and as bar.
pub(in crate::report) fn share(part: usize, whole: usize) -> Cell {
    if whole == 0 {
        return Cell::nothing();
    }
    let percent = format!("{:.0} %", 100.0 * part as f64 / whole as f64);
    // What is nearly all is not all.
    let percent = if part < whole && percent == "100 %" { "99 %".to_owned() } else { percent };
    let bar = html! { (percent) meter min="0" max=(whole) value=(part) { (part) " of " (whole) } };
    Cell::number(bar, part as f64 / whole as f64)
}

/// A field to filter a table by the whole text of a column.
pub(in crate::report) fn choice(
    table: &str,
    column: usize,
    label: &str,
    values: impl IntoIterator<Item = impl AsRef<str>>,
) -> Markup {
    html! {
        label.scripted {
            (label) " "
            select data-filter=(table) data-column=(column) {
                option value="" { "all" }
                @for value in values { option { (value.as_ref()) } }
            }
        }
    }
}
