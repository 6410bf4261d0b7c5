//! The requirements: by section of the documents, those that were not tested and why, those that are waived, and all of them.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::{anchor, badge, has_evidence};
use crate::certify::{Certificate, Certification, CheckState, Row, RowVerdict};
use crate::report::format::one_line;
use crate::report::html::{Cell, Column, Section, choice, cite, share, table};

/// All rows with their certificates.
fn rows(certification: &Certification) -> impl Iterator<Item = (&Certificate, &Row)> {
    let certificates = certification.certificates.iter();
    certificates.flat_map(|certificate| certificate.rows.iter().map(move |row| (certificate, row)))
}

/// How much passed of each section of the documents.
pub(super) fn sections_of_documents(certification: &Certification) -> Option<Section> {
    let seen: BTreeSet<RowVerdict> = rows(certification).map(|(_, row)| row.verdict).collect();
    let mut columns = vec![Column::words("dialect"), Column::words("section"), Column::numbers("passed")];
    columns.extend(seen.iter().map(|verdict| Column::numbers(verdict.name())));
    let sections = certification.certificates.iter().flat_map(|certificate| {
        certificate.counts.sections.iter().map(move |(section, verdicts)| (certificate, section, verdicts))
    });
    let lines: Vec<Vec<Cell>> = sections
        .map(|(certificate, section, verdicts)| {
            let of = |verdict: RowVerdict| verdicts.get(&verdict).copied().unwrap_or(0);
            let checked = verdicts.values().sum::<usize>() - of(RowVerdict::Excluded);
            let mut cells = vec![
                Cell::text(certificate.dialect.as_str()),
                Cell::text(section),
                share(of(RowVerdict::Pass), checked),
            ];
            let number = |verdict| match of(verdict) {
                0 => Cell::nothing(),
                count => Cell::number(count, count),
            };
            cells.extend(seen.iter().map(|verdict| number(*verdict)));
            cells
        })
        .collect();
    let body = html! {
        div.choices { (dialects(certification, "sections-table", 0)) }
        (table("sections-table", "Requirements by section of the documents, and what came of them", &columns, &lines))
    };
    (!lines.is_empty()).then(|| Section { id: "sections", title: "By section".to_owned(), body })
}

/// What nothing is known about, and why.
pub(super) fn not_tested(certification: &Certification) -> Option<Section> {
    const COLUMNS: [Column; 6] = [
        Column::words("id"),
        Column::words("dialect"),
        Column::words("level"),
        Column::words("statement"),
        Column::words("why"),
        Column::words("because"),
    ];
    let untested = rows(certification).filter(|(_, row)| !has_evidence(row.verdict) && row.verdict != RowVerdict::Pass);
    let lines: Vec<Vec<Cell>> = untested
        .map(|(certificate, row)| {
            let (why, because) = reason(row);
            vec![
                Cell::markup(html! { code.id id=(anchor(&row.id)) { (row.id) } }, row.id.to_string()),
                Cell::text(certificate.dialect.as_str()),
                Cell::text(row.level.to_string()),
                Cell::text(&row.statement),
                Cell::text(why),
                Cell::text(because),
            ]
        })
        .collect();
    let body = table("untested-table", "Requirements of which this run says nothing", &COLUMNS, &lines);
    (!lines.is_empty()).then(|| Section { id: "untested", title: "Not tested".to_owned(), body })
}

/// Why a requirement was not tested: in a word, and in a sentence.
fn reason(row: &Row) -> (String, String) {
    if let Some(excluded) = &row.excluded {
        return (excluded.reason.to_string(), excluded.because.clone());
    }
    let check = row.checks.iter().max_by_key(|check| check.state);
    let why = match check.map(|check| check.state) {
        Some(CheckState::LeftOut) => "left out",
        _ => "not exercised",
    };
    (why.to_owned(), check.map(|check| check.detail.clone()).unwrap_or_default())
}

/// What somebody answers for that does not pass.
pub(super) fn waived(certification: &Certification) -> Option<Section> {
    const COLUMNS: [Column; 4] =
        [Column::words("id"), Column::words("verdict"), Column::words("statement"), Column::words("waived because")];
    let lines: Vec<Vec<Cell>> = rows(certification)
        .filter_map(|(_, row)| {
            let waived = row.waived.as_ref()?;
            Some(vec![link(row), verdict(row), Cell::text(&row.statement), Cell::text(waived)])
        })
        .collect();
    let caption = "Waivers do not change the verdict, only what it is accepted as";
    let body = table("waived-table", caption, &COLUMNS, &lines);
    (!lines.is_empty()).then(|| Section { id: "waived", title: "Waived".to_owned(), body })
}

/// Every requirement.
pub(super) fn requirements(certification: &Certification) -> Option<Section> {
    const COLUMNS: [Column; 7] = [
        Column::words("id"),
        Column::words("verdict"),
        Column::words("level"),
        Column::words("dialect"),
        Column::words("section"),
        Column::words("statement"),
        Column::words("document"),
    ];
    let lines: Vec<Vec<Cell>> = rows(certification)
        .map(|(certificate, row)| {
            vec![
                link(row),
                verdict(row),
                Cell::text(row.level.to_string()),
                Cell::text(certificate.dialect.as_str()),
                Cell::text(&row.section),
                Cell::text(&row.statement),
                Cell::text(cite(&certificate.document, &row.lines)),
            ]
        })
        .collect();
    let of = |tell: fn(&Row) -> String| rows(certification).map(|(_, row)| tell(row)).collect::<BTreeSet<_>>();
    let verdicts: BTreeSet<RowVerdict> = rows(certification).map(|(_, row)| row.verdict).collect();
    const TABLE: &str = "requirements-table";
    let body = html! {
        div.choices {
            (choice(TABLE, 1, "Verdict", verdicts.iter().rev().map(|verdict| verdict.name())))
            (choice(TABLE, 2, "Level", of(|row| row.level.to_string())))
            (dialects(certification, TABLE, 3))
            (choice(TABLE, 4, "Section", of(|row| one_line(&row.section))))
        }
        (table(TABLE, "All requirements, in our words, with the lines of the documents", &COLUMNS, &lines))
    };
    (!lines.is_empty()).then(|| Section { id: "requirements", title: "Requirements".to_owned(), body })
}

fn dialects(certification: &Certification, table: &str, column: usize) -> Markup {
    let names: Vec<&str> = certification.certificates.iter().map(|certificate| certificate.dialect.as_str()).collect();
    html! { @if names.len() > 1 { (choice(table, column, "Dialect", names)) } }
}

fn verdict(row: &Row) -> Cell {
    Cell::markup(badge(row.verdict).markup(), row.verdict.name())
}

/// The id, which leads to what is known of the requirement, if that is more than that it passes.
fn link(row: &Row) -> Cell {
    let id = html! { code.id { (row.id) } };
    let leads = row.verdict != RowVerdict::Pass;
    let body = html! { @if leads { a href={ "#" (anchor(&row.id)) } { (id) } } @else { (id) } };
    Cell::markup(body, row.id.to_string())
}
