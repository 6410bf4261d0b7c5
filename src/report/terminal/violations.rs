//! What the peer did wrong: each kind with its count, the sentence that it breaks, and one sample.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::page::Page;
use crate::observe::{Direction, Grade, Side, TranscriptFrame, Violation, ViolationKind};
use crate::record::{Sample, ViolationTally};
use crate::report::RunReport;
use crate::report::format::{counted, moment, one_line, shortened};

/// Frames shown of a sample; the JSON report has all of them.
const FRAMES: usize = 4;
/// Widest text shown of what was expected and got; the JSON report has all of it.
const LONGEST: usize = 240;

/// All kinds, the worst first; by side, where neither of them is ours.
pub fn list(page: &mut Page<'_, impl Write>, report: &RunReport<'_>) -> io::Result<()> {
    let violations = &report.tally.violations;
    if report.verdict.sides.is_none() {
        return section(page, "Violations", violations.iter().collect());
    }
    Side::ALL.into_iter().try_for_each(|side| {
        let of_side = violations.iter().filter(|(kind, _)| kind.side() == side);
        section(page, &format!("Violations of the {side}"), of_side.collect())
    })
}

fn section(
    page: &mut Page<'_, impl Write>,
    heading: &str,
    mut kinds: Vec<(ViolationKind, &ViolationTally)>,
) -> io::Result<()> {
    if kinds.is_empty() {
        return Ok(());
    }
    kinds.sort_by_key(|(kind, tally)| (Reverse(kind.grade()), Reverse(tally.count)));
    page.heading(heading, "by kind, each with its first sample")?;
    for (kind, tally) in kinds {
        title(page, kind, tally)?;
        if let Some(sample) = tally.samples.first() {
            evidence(page, sample)?;
        }
    }
    Ok(())
}

fn title(page: &mut Page<'_, impl Write>, kind: ViolationKind, tally: &ViolationTally) -> io::Result<()> {
    let (grade, bold, faint) = (page.palette.grade(kind.grade()), page.palette.title, page.palette.faint);
    let word = match kind.grade() {
        Grade::Info => "info",
        Grade::NonStrict => "non-strict",
        Grade::Fail => "fail",
    };
    let count = counted(tally.count, "time");
    let rule = tally.samples.first().map_or(String::new(), |sample| rule(&sample.violation));
    let rule = shortened(&rule, page.width.saturating_sub(14 + kind.name().len() + 2 + count.len() + 3)).into_owned();
    writeln!(page.out, "  {grade}{word:<10}{grade:#}  {bold}{kind}{bold:#}  {count}{faint}{rule}{faint:#}")
}

/// ` · C03-B14 · customer-v0.3 598`
fn rule(violation: &Violation) -> String {
    let requirement = violation.requirement.as_ref().map(ToString::to_string);
    [requirement.as_deref(), violation.source.as_deref()]
        .into_iter()
        .flatten()
        .map(|part| format!(" · {}", one_line(part)))
        .collect()
}

fn evidence(page: &mut Page<'_, impl Write>, sample: &Sample) -> io::Result<()> {
    let violation = &sample.violation;
    let mut place = format!(
        "{} on connection {} ({} {})",
        moment(violation.at),
        violation.connection.0,
        violation.dialect,
        violation.transport,
    );
    for part in [&violation.action, &violation.pointer].into_iter().flatten() {
        place += &format!(" {}", one_line(part));
    }
    page.paragraph(4, &place)?;
    page.paragraph(4, &format!("expected {}", shortened(&one_line(&violation.expected), LONGEST)))?;
    page.paragraph(4, &format!("got      {}", shortened(&one_line(&violation.got), LONGEST)))?;
    let hidden = sample.transcript.len().saturating_sub(FRAMES);
    sample.transcript[hidden..].iter().try_for_each(|frame| frame_line(page, frame))
}

/// A frame in a line.
pub(super) fn frame_line(page: &mut Page<'_, impl Write>, frame: &TranscriptFrame) -> io::Result<()> {
    let arrow = match frame.direction {
        Direction::ToServer => "→",
        Direction::ToClient => "←",
    };
    let line = format!("      {:>9} {arrow} {}", moment(frame.at), one_line(&frame.text));
    let faint = page.palette.faint;
    writeln!(page.out, "{faint}{}{faint:#}", shortened(&line, page.width))
}
