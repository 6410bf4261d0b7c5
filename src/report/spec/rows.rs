//! Dialects, requirements and errata.

use std::io::{self, Write};

use super::columns::Columns;
use crate::protocol::{Dialect, Erratum, Level, Line, Requirement};
use crate::report::format::{counted, grouped};
use crate::report::terminal::Page;
use crate::spec::{Overview, RequirementCounts};

/// A column a dialect, so that they can be compared.
pub fn dialects(page: &mut Page<'_, impl Write>, overviews: &[Overview]) -> io::Result<()> {
    let titles = std::iter::once("").chain(overviews.iter().map(|overview| overview.dialect.as_str()));
    let mut table = Columns::new(titles);
    let mut row = |label: &str, count: &dyn Fn(&Overview) -> usize| {
        let counts = overviews.iter().map(|overview| grouped(count(overview) as u64));
        table.row(std::iter::once(label.to_owned()).chain(counts));
    };
    row("actions", &|overview| overview.actions);
    row("· only named", &|overview| overview.indexed_only);
    row("pushes", &|overview| overview.pushes);
    row("objects", &|overview| overview.objects);
    row("error types", &|overview| overview.errors);
    row("requirements", &|overview| overview.requirements.total);
    for level in Level::ALL {
        let count = |overview: &Overview| overview.requirements.levels.get(&level).map_or(0, |counts| counts.total);
        row(&format!("· {level}"), &count);
    }
    row("· checked", &|overview| overview.requirements.checked);
    row("· excluded", &|overview| overview.requirements.excluded);
    row("errata", &|overview| overview.errata);
    table.write(page)
}

/// The rows by section, then the counts.
pub fn requirements(page: &mut Page<'_, impl Write>, dialects: &[&Dialect]) -> io::Result<()> {
    for (number, dialect) in dialects.iter().enumerate() {
        title(
            page,
            number,
            &format!("{} · {}", dialect.name, counted(dialect.requirements.len() as u64, "requirement")),
        )?;
        if dialect.requirements.is_empty() {
            continue;
        }
        let mut table = Columns::new(["id", "level", "lines", "statement", "checked by"]);
        let mut section = "";
        for requirement in dialect.requirements.values() {
            if requirement.section != section {
                section = &requirement.section;
                table.heading(section);
            }
            let (id, level) = (requirement.id.to_string(), requirement.level.to_string());
            table.row([id, level, lines(&requirement.lines), statement(requirement), proof(requirement)]);
        }
        table.write(page)?;
        counts(page, &RequirementCounts::of(dialect.requirements.values()))?;
    }
    Ok(())
}

fn counts(page: &mut Page<'_, impl Write>, counts: &RequirementCounts) -> io::Result<()> {
    page.heading("Counts", "")?;
    let mut table = Columns::new(["", "all", "checked", "excluded"]);
    let numbers = |numbers: [usize; 3]| numbers.map(|number| grouped(number as u64));
    for (level, counts) in &counts.levels {
        let [total, checked, excluded] = numbers([counts.total, counts.checked, counts.excluded]);
        table.row([level.to_string(), total, checked, excluded]);
    }
    let [total, checked, excluded] = numbers([counts.total, counts.checked, counts.excluded]);
    table.row(["together".to_owned(), total, checked, excluded]);
    table.write(page)?;
    for (reason, number) in &counts.reasons {
        page.paragraph(2, &format!("{} excluded: {reason}", grouped(*number as u64)))?;
    }
    Ok(())
}

/// The statement, with the errata that bear on it.
fn statement(requirement: &Requirement) -> String {
    let errata = requirement.errata.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if errata.is_empty() { requirement.statement.clone() } else { format!("{} ({errata})", requirement.statement) }
}

/// What checks it, or why nothing does.
pub fn proof(requirement: &Requirement) -> String {
    match &requirement.excluded {
        Some(exclusion) => format!("– {}: {}", exclusion.reason, exclusion.because),
        None => requirement.check.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// A row an erratum.
pub fn errata(page: &mut Page<'_, impl Write>, dialects: &[&Dialect]) -> io::Result<()> {
    for (number, dialect) in dialects.iter().enumerate() {
        title(page, number, &format!("{} · {}", dialect.name, counted_errata(dialect.errata.len())))?;
        if dialect.errata.is_empty() {
            continue;
        }
        let mut table = Columns::new(["id", "kind", "lines", "about", "taken", "cap"]);
        for erratum in dialect.errata.values() {
            let read: Vec<String> = erratum.readings.iter().map(|reading| lines(&reading.lines)).collect();
            let read = read.into_iter().filter(|lines| !lines.is_empty()).collect::<Vec<_>>().join(" / ");
            let cap = erratum.cap.map_or("editorial".to_owned(), |cap| cap.to_string());
            let (id, kind) = (erratum.id.to_string(), erratum.kind.to_string());
            table.row([id, kind, read, erratum.about.clone(), taken(erratum), cap]);
        }
        table.write(page)?;
    }
    Ok(())
}

fn taken(erratum: &Erratum) -> String {
    format!("{} ({})", erratum.taken, erratum.resolution)
}

fn counted_errata(number: usize) -> String {
    if number == 1 { "1 erratum".to_owned() } else { format!("{} errata", grouped(number as u64)) }
}

fn title(page: &mut Page<'_, impl Write>, number: usize, text: &str) -> io::Result<()> {
    if number > 0 {
        writeln!(page.out)?;
    }
    let bold = page.palette.title;
    writeln!(page.out, "{bold}{text}{bold:#}")
}

/// Line numbers in a row.
pub fn lines(lines: &[Line]) -> String {
    lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
