//! The report that people open in a browser: one file, which needs nothing else.
//!
//! Everything is drawn here, so that a page says the same without its script; that only sorts, filters, copies, and draws the
//! charts over time. Whatever a peer said goes through maud's escaping.

mod checklist;
mod documents;
mod frame_text;
mod frames;
mod head;
mod latency;
mod live;
mod observers;
mod ordering;
mod over_time;
mod page;
mod ran;
mod svg;
mod table;
#[cfg(test)]
mod tests;
mod traffic;
mod violations;

use std::io::{self, Write};

use super::RunReport;
pub(in crate::report) use documents::cite;
pub(in crate::report) use frames::{Room, Unfolded, frames};
pub use live::{live_content, live_page};
pub(in crate::report) use page::{Badge, Cause, Head, Section, Tone, content, live, page};
pub(in crate::report) use svg::{Axis, Edge, Frame, Scale, path, time};
pub(in crate::report) use table::{Cell, Column, choice, share, table};
#[cfg(test)]
pub(in crate::report) use tests::assert_links;

/// Writes the report as a page.
///
/// # Errors
/// When the writer fails.
pub fn html(report: &RunReport<'_>, out: &mut impl Write) -> io::Result<()> {
    out.write_all(page(&head::of(report), &sections(report)).into_string().as_bytes())
}

/// Whatever there is to tell, in the order in which a reader asks.
fn sections(report: &RunReport<'_>) -> Vec<Section> {
    let sections = [
        checklist::sides(report),
        head::thresholds(report),
        ran::failed_steps(report),
        ran::section(report),
        latency::section(report),
        over_time::section(report),
        traffic::errors(report),
        traffic::connections(report),
        traffic::delivery(report),
        ordering::section(report),
        violations::section(report),
        checklist::section(report),
    ];
    sections.into_iter().flatten().collect()
}
