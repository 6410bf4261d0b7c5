//! The certificate for people: each dialect's verdict and numbers, then what does not pass, with its evidence.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::CertifyMeta;
use crate::certify::{Blame, Certificate, Certification, CheckOutcome, CheckState, Counts, Coverage, Row, RowVerdict};
use crate::observe::{Direction, Grade, TranscriptFrame};
use crate::protocol::{Level, Transport};
use crate::report::Style;
use crate::report::format::{moment, one_line, shortened};
use crate::report::terminal::{Cell, Column, Line, Page, Table};
use crate::verdict::Judgement;

/// Frames shown of a broken check; the JSON report has all that were kept.
const FRAMES: usize = 4;
/// Widest text shown of what was expected and got.
const LONGEST: usize = 400;
/// Names shown of what was never seen.
const UNSEEN: usize = 12;
/// Rows shown without their evidence, of those that were only not exercised.
const QUIET: usize = 30;

/// Writes the certification as text.
///
/// # Errors
/// When the writer fails.
pub fn terminal(
    certification: &Certification,
    meta: &CertifyMeta,
    out: &mut impl Write,
    style: Style,
) -> io::Result<()> {
    let mut page = Page::new(out, style.color, style.width.clamp(60, 100));
    let mut how = vec![format!("profile {}", certification.profile), format!("seed {}", certification.seed)];
    how.extend((certification.transport == Transport::Socketio).then(|| "over socket.io".to_owned()));
    how.extend(certification.quick.then(|| "slow cases left out".to_owned()));
    how.push(format!("{:.1} s", meta.duration.as_secs_f64()));
    page.heading("Certification", &format!("of {}", one_line(&meta.target)))?;
    page.paragraph(2, &how.join(", "))?;
    for certificate in &certification.certificates {
        dialect(&mut page, certificate)?;
    }
    for certificate in &certification.certificates {
        evidence(&mut page, certificate)?;
    }
    page.heading("Verdict", "")?;
    for certificate in &certification.certificates {
        let (style, word) = judged(&page, certificate.judgement);
        let waived = match certificate.accepted == certificate.judgement {
            true => String::new(),
            false => format!(", with the waivers {}", judged(&page, certificate.accepted).1),
        };
        writeln!(page.out, "  {:<14}{style}{word}{style:#}{waived}", certificate.dialect.as_str())?;
    }
    Ok(())
}

fn judged<W: Write>(page: &Page<'_, W>, judgement: Judgement) -> (anstyle::Style, &'static str) {
    match judgement {
        Judgement::Passed => (page.palette.good, "passed"),
        Judgement::NonStrict => (page.palette.doubtful, "non-strict"),
        Judgement::Failed => (page.palette.bad, "failed"),
        Judgement::Inconclusive => (page.palette.bad, "inconclusive"),
    }
}

fn dialect(page: &mut Page<'_, impl Write>, certificate: &Certificate) -> io::Result<()> {
    let (style, word) = judged(page, certificate.judgement);
    let bold = page.palette.title;
    writeln!(page.out)?;
    writeln!(page.out, "{bold}{}{bold:#}  {style}{word}{style:#}", certificate.dialect)?;
    let counts = &certificate.counts;
    let levels = Level::ALL.iter().filter_map(|level| {
        let (all, checked) = counts.levels.get(level)?;
        Some(format!("{all} {level} ({checked} checked)"))
    });
    page.labelled("rows", &levels.collect::<Vec<_>>().join(", "))?;
    page.labelled("verdicts", &verdicts(&counts.verdicts))?;
    if !counts.excluded.is_empty() {
        let reasons = counts.excluded.iter().map(|(reason, count)| format!("{count} {reason}"));
        page.labelled("excluded", &reasons.collect::<Vec<_>>().join(", "))?;
    }
    if !certificate.not_offered.is_empty() {
        page.labelled("not offered", &certificate.not_offered.join(", "))?;
    }
    coverage(page, &certificate.coverage)?;
    let (findings, differences) = (certificate.documents.len(), certificate.differences.len());
    let document = &certificate.document;
    page.labelled("document", &format!("{findings} findings for the owner of {document}, {differences} places where its words and our reading judge what was seen differently (certificate.json)"))?;
    matrix(page, counts)
}

/// Requirements by section of the document and verdict.
fn matrix(page: &mut Page<'_, impl Write>, counts: &Counts) -> io::Result<()> {
    let shown: Vec<RowVerdict> =
        RowVerdict::ALL.into_iter().filter(|verdict| counts.verdicts.contains_key(verdict)).collect();
    let mut columns = vec![Column { title: "section", gives_way: 0 }];
    columns.extend(shown.iter().map(|verdict| Column { title: verdict.name(), gives_way: 0 }));
    let rows: Vec<Line> = counts
        .sections
        .iter()
        .map(|(section, verdicts)| {
            let number = |verdict| verdicts.get(verdict).map(ToString::to_string).unwrap_or_default();
            let numbers = shown.iter().map(|verdict| Cell::from(number(verdict)));
            Line::Cells(std::iter::once(Cell::from(one_line(section))).chain(numbers).collect())
        })
        .collect();
    Table::new(&columns, &rows, page.width).write(page)
}

fn verdicts(counts: &BTreeMap<RowVerdict, usize>) -> String {
    let parts = RowVerdict::ALL.iter().filter_map(|verdict| Some((verdict.name(), counts.get(verdict)?)));
    parts.map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

fn coverage(page: &mut Page<'_, impl Write>, coverage: &Coverage) -> io::Result<()> {
    let parts = [
        ("responses", coverage.responses),
        ("pushes", coverage.pushes),
        ("error types", coverage.errors),
        ("members", coverage.members),
        ("listed values", coverage.values),
    ];
    let seen = parts.map(|(what, (all, seen))| format!("{seen} of {all} {what}"));
    page.labelled("seen", &seen.join(", "))?;
    if !coverage.unseen.is_empty() {
        let shown = coverage.unseen.iter().take(UNSEEN).map(|name| one_line(name)).collect::<Vec<_>>().join(", ");
        let more = coverage.unseen.len().saturating_sub(UNSEEN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        page.labelled("not seen", &format!("{shown}{more}"))?;
    }
    Ok(())
}

/// What does not pass, the worst first, with its evidence.
fn evidence(page: &mut Page<'_, impl Write>, certificate: &Certificate) -> io::Result<()> {
    let worth_telling = |row: &&Row| !matches!(row.verdict, RowVerdict::Pass | RowVerdict::Excluded);
    let mut rows: Vec<&Row> = certificate.rows.iter().filter(worth_telling).collect();
    if rows.is_empty() && certificate.unattributed.is_empty() && certificate.prerequisites.is_empty() {
        return Ok(());
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.verdict));
    page.heading(certificate.dialect.as_str(), "what does not pass")?;
    for text in &certificate.prerequisites {
        page.labelled("prerequisite", &shortened(&one_line(text), LONGEST))?;
    }
    for one in &certificate.unattributed {
        let word = if one.fails { "fail" } else { "non-strict" };
        let style = page.palette.grade(if one.fails { Grade::Fail } else { Grade::NonStrict });
        writeln!(page.out, "  {style}{word:<10}{style:#}  {}", one_line(&one.kind))?;
        page.paragraph(4, &shortened(&one_line(&one.detail), LONGEST))?;
        frames(page, &one.frames)?;
    }
    let quiet = rows.iter().filter(|row| row.verdict == RowVerdict::NotExercised).count();
    for (n, row) in rows.iter().enumerate() {
        if row.verdict == RowVerdict::NotExercised && n + quiet > rows.len() + QUIET {
            continue;
        }
        requirement(page, certificate, row)?;
    }
    Ok(())
}

fn requirement(page: &mut Page<'_, impl Write>, certificate: &Certificate, row: &Row) -> io::Result<()> {
    let style = match row.verdict {
        RowVerdict::Fail | RowVerdict::Inconclusive => page.palette.bad,
        RowVerdict::NonStrict => page.palette.doubtful,
        _ => page.palette.faint,
    };
    let (bold, faint) = (page.palette.title, page.palette.faint);
    let blame = match row.blame {
        Some(Blame::Server) => " (server)",
        Some(Blame::Client) => " (client)",
        Some(Blame::Harness) | None => "",
        Some(Blame::Document) => " (disputed in the document)",
    };
    let lines = row.lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (id, level, word) = (&row.id, row.level, row.verdict.name());
    writeln!(
        page.out,
        "  {style}{word}{style:#}{blame}  {bold}{id}{bold:#}  {faint}{level}, {} {lines}{faint:#}",
        certificate.document
    )?;
    page.paragraph(4, &one_line(&row.statement))?;
    if let Some(waived) = &row.waived {
        page.paragraph(4, &format!("waived: {}", one_line(waived)))?;
    }
    for check in row.checks.iter().filter(|check| check.state != CheckState::Held) {
        outcome(page, check)?;
    }
    Ok(())
}

fn outcome(page: &mut Page<'_, impl Write>, check: &CheckOutcome) -> io::Result<()> {
    let place = [check.case.as_deref(), check.step.as_deref()];
    let place: Vec<String> = place.into_iter().flatten().map(one_line).map(|text| text.to_string()).collect();
    let place = if place.is_empty() { String::new() } else { format!(" ({})", place.join(", ")) };
    page.paragraph(4, &format!("{}{place}: {}", check.check, shortened(&one_line(&check.detail), LONGEST)))?;
    frames(page, &check.frames)
}

fn frames(page: &mut Page<'_, impl Write>, frames: &[TranscriptFrame]) -> io::Result<()> {
    let hidden = frames.len().saturating_sub(FRAMES);
    for frame in &frames[hidden..] {
        let arrow = match frame.direction {
            Direction::ToServer => "→",
            Direction::ToClient => "←",
        };
        let line = format!("      {:>9} {arrow} {}", moment(frame.at), one_line(&frame.text));
        let faint = page.palette.faint;
        writeln!(page.out, "{faint}{}{faint:#}", shortened(&line, page.width))?;
    }
    Ok(())
}
