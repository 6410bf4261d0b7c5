//! What the documents say, for people: the models of [`crate::spec`] as tables.

mod columns;
mod diff;
mod entry;
mod rows;

use std::io::{self, Write};

use crate::protocol::Dialect;
use crate::report::Style;
use crate::report::terminal::Page;
use crate::spec::{Diff, Entry, Overview};

/// How much there is of each dialect.
///
/// # Errors
/// When the writer fails.
pub fn dialects(overviews: &[Overview], out: &mut impl Write, style: Style) -> io::Result<()> {
    rows::dialects(&mut page(out, style), overviews)
}

/// Everything about an action or push, one dialect after the other.
///
/// # Errors
/// When the writer fails.
pub fn entries(entries: &[Entry<'_>], out: &mut impl Write, style: Style) -> io::Result<()> {
    let mut page = page(out, style);
    for (number, entry) in entries.iter().enumerate() {
        if number > 0 {
            writeln!(page.out)?;
        }
        entry::write(&mut page, entry)?;
    }
    Ok(())
}

/// The requirements of each dialect, and how many there are of each kind.
///
/// # Errors
/// When the writer fails.
pub fn requirements(dialects: &[&Dialect], out: &mut impl Write, style: Style) -> io::Result<()> {
    rows::requirements(&mut page(out, style), dialects)
}

/// The errata of each dialect.
///
/// # Errors
/// When the writer fails.
pub fn errata(dialects: &[&Dialect], out: &mut impl Write, style: Style) -> io::Result<()> {
    rows::errata(&mut page(out, style), dialects)
}

/// What a client must change.
///
/// # Errors
/// When the writer fails.
pub fn diff(diff: &Diff, out: &mut impl Write, style: Style) -> io::Result<()> {
    diff::write(&mut page(out, style), diff)
}

fn page<W: Write>(out: &mut W, style: Style) -> Page<'_, W> {
    Page::new(out, style.color, style.width.clamp(60, 100))
}
