//! What a client was shown to cope with.

use std::io::{self, Write};

use super::page::Page;
use super::violations::frame_line;
use crate::record::{Finding, ItemOutcome, ItemState};
use crate::report::format::{counted, moment, one_line};

/// Frames shown of a time that an item was broken; the JSON report has all of them.
const FRAMES: usize = 4;

/// Each item with what became of it, and the first time that it was broken.
pub fn list(page: &mut Page<'_, impl Write>, checklist: Option<&[ItemOutcome]>) -> io::Result<()> {
    let Some(checklist) = checklist else { return Ok(()) };
    page.heading("Checklist", "what the client was shown to cope with, by what it sends")?;
    let widest = checklist.iter().map(|outcome| outcome.item.name().len()).max().unwrap_or(0);
    for outcome in checklist {
        let (style, sign, word) = match outcome.state {
            ItemState::Shown => (page.palette.good, "✓", "shown"),
            ItemState::Broken => (page.palette.bad, "✗", "broken"),
            ItemState::NotExercised => (page.palette.faint, "–", "not exercised"),
        };
        let times = match outcome.state {
            ItemState::Shown => counted(outcome.shown, "time"),
            ItemState::Broken => format!("{} of {}", outcome.broken, counted(outcome.broken + outcome.shown, "time")),
            ItemState::NotExercised => String::new(),
        };
        let line = format!("{style}{sign} {word:<13}{style:#}  {:<widest$}  {times}", outcome.item.name());
        page.paragraph(2, line.trim_end())?;
        if outcome.state != ItemState::NotExercised {
            page.paragraph(4, outcome.item.about())?;
        }
        if let Some(finding) = outcome.findings.first() {
            evidence(page, finding)?;
        }
    }
    Ok(())
}

fn evidence(page: &mut Page<'_, impl Write>, finding: &Finding) -> io::Result<()> {
    let Finding { at, connection, what, frames } = finding;
    page.paragraph(4, &format!("{} on connection {}: {}", moment(*at), connection.0, one_line(what)))?;
    let hidden = frames.len().saturating_sub(FRAMES);
    frames[hidden..].iter().try_for_each(|frame| frame_line(page, frame))
}
