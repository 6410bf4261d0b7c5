//! What ran, the verdict and the thresholds.

use std::io::{self, Write};

use textwrap::core::display_width;

use super::page::Page;
use crate::observe::Side;
use crate::report::format::{counted, duration, one_line, shortened};
use crate::report::words::{INTERRUPTED, meaning};
use crate::report::{Meta, RunReport};
use crate::verdict::{ThresholdState, Verdict};

/// Widest reason shown; the JSON report has all of it.
const LONGEST: usize = 240;

/// Who ran what against whom, and under which load.
pub fn what_ran(page: &mut Page<'_, impl Write>, meta: &Meta) -> io::Result<()> {
    let bold = page.palette.title;
    let about = if meta.about.is_empty() { String::new() } else { format!(": {}", one_line(&meta.about)) };
    let scenario = one_line(&meta.scenario);
    let room = page.width.saturating_sub(display_width(&scenario));
    writeln!(page.out, "{bold}{scenario}{bold:#}{}", shortened(&about, room))?;
    let dialects = meta.dialects.join(", ");
    page.labelled("target", &format!("{} · {}", one_line(&meta.target), one_line(&dialects)))?;
    for (n, population) in meta.load.iter().enumerate() {
        page.labelled(if n == 0 { "load" } else { "" }, &one_line(population))?;
    }
    // What was only watched had neither seed nor workers.
    let made = match meta.workers {
        0 => String::new(),
        workers => format!(
            " · seed {} · {} on {}",
            meta.seed,
            counted(workers as u64, "worker"),
            counted(meta.cores as u64, "core")
        ),
    };
    let (took, started) = (duration(meta.duration), one_line(&meta.started));
    let run = format!("{took} from {started}{made} · chatproof {}", one_line(&meta.version));
    page.labelled("run", &run)?;
    for note in &meta.notes {
        page.labelled("note", &one_line(note))?;
    }
    Ok(())
}

/// The verdict in plain words, and its reasons.
pub fn verdict(page: &mut Page<'_, impl Write>, report: &RunReport<'_>) -> io::Result<()> {
    let (style, word) = page.palette.judgement(report.verdict.judgement);
    let meaning = meaning(report.verdict);
    writeln!(page.out, "\n{style}{word}{style:#}  {meaning}")?;
    if let Some(sides) = report.verdict.sides {
        for side in Side::ALL {
            let (style, word) = page.palette.judgement(sides.of(side));
            page.labelled(&side.to_string(), &format!("{style}{word}{style:#}"))?;
        }
    }
    for reason in &report.verdict.reasons {
        page.paragraph(2, &format!("- {}", shortened(&one_line(&reason.text), LONGEST)))?;
    }
    if report.meta.interrupted {
        page.paragraph(2, &format!("- {INTERRUPTED}"))?;
    }
    Ok(())
}

/// Each threshold with what was observed.
pub fn thresholds(page: &mut Page<'_, impl Write>, verdict: &Verdict) -> io::Result<()> {
    if verdict.thresholds.is_empty() {
        return Ok(());
    }
    page.heading("Thresholds", "")?;
    let widest = verdict.thresholds.iter().map(|threshold| display_width(&threshold.text)).max().unwrap_or(0);
    for threshold in &verdict.thresholds {
        let (style, sign, word) = match threshold.state {
            ThresholdState::Held => (page.palette.good, "✓", "held"),
            ThresholdState::Broken => (page.palette.bad, "✗", "broken"),
            ThresholdState::Unmeasured => (page.palette.doubtful, "?", "unmeasured"),
        };
        let text = one_line(&threshold.text);
        let pad = widest.saturating_sub(display_width(&text));
        let observed =
            threshold.observed.as_deref().map_or(String::new(), |value| format!("  observed {}", one_line(value)));
        let always = if threshold.built_in { " (asked of every run)" } else { "" };
        let line = format!("{style}{sign} {word:<10}{style:#}  {text}{:pad$}{observed}{always}", "");
        page.paragraph(2, line.trim_end())?;
    }
    Ok(())
}
