//! A certification.

use std::fmt::Write as _;

use super::summary::{list, table, text};
use super::{Annotation, Level, Told};
use crate::certify::{Certificate, Certification, CheckState, Row, RowVerdict};
use crate::report::certificate::CertifyMeta;
use crate::report::words::judged;

/// What is told of a certification. What is waived is not told.
pub fn certificate(certification: &Certification, meta: &CertifyMeta) -> Told {
    let annotations = certification.certificates.iter().flat_map(annotations).collect();
    let mut summary = format!("## chatproof: certification of {}\n\n", text(&meta.target));
    certification.certificates.iter().for_each(|certificate| tell(&mut summary, certificate));
    Told { annotations, summary }
}

fn annotations(certificate: &Certificate) -> Vec<Annotation> {
    let dialect = &certificate.dialect;
    let rows = certificate.rows.iter().filter_map(|row| {
        let level = level(row)?;
        let message = format!("{}\n{}", row.statement, detail(row));
        Some(Annotation::new(level, format!("{} ({dialect}): {}", row.id, row.verdict.name()), message))
    });
    let mut all: Vec<Annotation> = rows.collect();
    let failing = certificate.unattributed.iter().filter(|one| one.fails);
    all.extend(failing.map(|one| Annotation::new(Level::Error, format!("{} ({dialect})", one.kind), &one.detail)));
    let prepared = certificate.prerequisites.iter();
    all.extend(prepared.map(|step| Annotation::new(Level::Error, format!("prerequisite ({dialect})"), step)));
    all
}

/// How bad a requirement is; none when there is nothing to say about it.
fn level(row: &Row) -> Option<Level> {
    if row.waived.is_some() {
        return None;
    }
    match row.verdict {
        RowVerdict::Pass | RowVerdict::Excluded | RowVerdict::Info => None,
        // Nobody asked for slow cases.
        RowVerdict::NotExercised if row.checks.iter().all(|check| check.state <= CheckState::LeftOut) => None,
        RowVerdict::NotExercised | RowVerdict::Inconclusive | RowVerdict::NonStrict => Some(Level::Warning),
        RowVerdict::Fail => Some(Level::Error),
    }
}

/// What the most telling check said, and where the sentence stands.
fn detail(row: &Row) -> String {
    let most = row.checks.iter().max_by_key(|check| check.state);
    let lines: Vec<String> = row.lines.iter().map(ToString::to_string).collect();
    format!("{} (line {})", most.map(|check| check.detail.as_str()).unwrap_or_default(), lines.join(", "))
}

fn tell(out: &mut String, certificate: &Certificate) {
    let word = judged(certificate.judgement);
    let verdicts = certificate.counts.verdicts.iter().map(|(verdict, count)| format!("{count} {}", verdict.name()));
    let verdicts: Vec<String> = verdicts.collect();
    // Writing to a string does not fail.
    let _ = writeln!(out, "### {} {word}\n\n{}\n", text(certificate.dialect.as_str()), text(&verdicts.join(", ")));
    list(out, certificate.reasons.iter().map(|objection| &objection.text));
    let rows = certificate.rows.iter().filter(|row| level(row).is_some());
    let rows: Vec<Vec<String>> = rows
        .map(|row| vec![row.id.to_string(), row.verdict.name().to_owned(), row.statement.clone(), detail(row)])
        .collect();
    table(out, &["requirement", "", "", "what was seen"], &rows);
}
