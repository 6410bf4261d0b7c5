//! A table whose columns are as wide as their contents, and which gives up its least important columns when the
//! terminal is narrow.

use std::io::{self, Write};

use anstyle::Style;
use textwrap::core::display_width;

use super::page::{Page, Palette};
use crate::report::format::shortened;

/// Space between columns.
const GAP: usize = 2;

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub title: &'static str,
    /// When the table is too wide, columns go in the order of this number; those with 0 stay.
    pub gives_way: u8,
}

/// One field of a row. The text must be free of unseen characters.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    pub text: String,
    pub style: Style,
}

/// A line of the table.
#[derive(Debug)]
pub enum Row {
    /// A heading over the rows that follow, and a remark.
    Group(String, String),
    /// A field for each column; the first is aligned to the left, the others to the right.
    Cells(Vec<Cell>),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, style: Style::new() }
    }
}

/// Rows with the widths that their columns need.
#[derive(Debug)]
pub struct Table<'a> {
    columns: &'a [Column],
    rows: &'a [Row],
    widths: Vec<usize>,
    kept: Vec<bool>,
}

impl<'a> Table<'a> {
    /// Fits the rows into so many columns of the terminal.
    pub fn new(columns: &'a [Column], rows: &'a [Row], room: usize) -> Self {
        let mut widths: Vec<usize> = columns.iter().map(|column| display_width(column.title)).collect();
        for row in rows {
            let Row::Cells(cells) = row else { continue };
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = display_width(&cell.text).max(*width);
            }
        }
        let mut table = Self { columns, rows, widths, kept: vec![true; columns.len()] };
        table.give_way(room);
        table
    }

    /// Leaves out columns until the rest fits; when even the indispensable ones do not, the first gets narrower.
    fn give_way(&mut self, room: usize) {
        loop {
            let kept = || (0..self.columns.len()).filter(|&n| self.kept[n]);
            let used: usize = kept().map(|n| self.widths[n] + GAP).sum();
            if used <= room {
                return;
            }
            let least = kept().filter(|&n| self.columns[n].gives_way > 0).min_by_key(|&n| self.columns[n].gives_way);
            match least {
                Some(least) => self.kept[least] = false,
                None => {
                    self.widths[0] = self.widths[0].saturating_sub(used - room).max(1);
                    return;
                }
            }
        }
    }

    /// Whether there was room for a column.
    pub fn shows(&self, column: usize) -> bool {
        self.kept[column]
    }

    /// Writes the titles and the rows.
    pub fn write(&self, page: &mut Page<'_, impl Write>) -> io::Result<()> {
        let Palette { faint, title: bold, .. } = page.palette;
        let titles = self.columns.iter().map(|column| Cell { text: column.title.to_owned(), style: faint });
        self.line(page, &titles.collect::<Vec<_>>())?;
        for row in self.rows {
            match row {
                Row::Group(title, remark) if remark.is_empty() => writeln!(page.out, "{bold}{title}{bold:#}")?,
                Row::Group(title, remark) => {
                    let remark = shortened(remark, page.width.saturating_sub(display_width(title) + GAP));
                    writeln!(page.out, "{bold}{title}{bold:#}{:GAP$}{faint}{remark}{faint:#}", "")?;
                }
                Row::Cells(cells) => self.line(page, cells)?,
            }
        }
        Ok(())
    }

    fn line(&self, page: &mut Page<'_, impl Write>, cells: &[Cell]) -> io::Result<()> {
        // Spaces are written only before something, so that no line ends in them.
        let mut owed = GAP;
        for (n, Cell { text, style }) in cells.iter().enumerate().filter(|(n, _)| self.kept[*n]) {
            let text = shortened(text, self.widths[n]);
            let pad = self.widths[n] - display_width(&text);
            let (before, after) = if n == 0 { (0, pad) } else { (pad, 0) };
            owed += before;
            if text.is_empty() {
                owed += after + GAP;
            } else {
                write!(page.out, "{:owed$}{style}{text}{style:#}", "")?;
                owed = after + GAP;
            }
        }
        writeln!(page.out)
    }
}
