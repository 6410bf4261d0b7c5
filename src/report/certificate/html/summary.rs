//! What each dialect comes to, in numbers.

use crate::certify::{Certificate, Certification, RowVerdict};
use crate::report::html::{Badge, Cell, Column, Section, share, table};

const COLUMNS: [Column; 10] = [
    Column::words("dialect"),
    Column::words("verdict"),
    Column::words("with waivers"),
    Column::numbers("requirements"),
    Column::numbers("checked"),
    Column::numbers("passed"),
    Column::numbers("failed"),
    Column::numbers("non-strict"),
    Column::numbers("inconclusive"),
    Column::numbers("not exercised"),
];

/// A row for each dialect.
pub(super) fn section(certification: &Certification) -> Section {
    let rows: Vec<Vec<Cell>> = certification.certificates.iter().map(row).collect();
    let caption = "Requirements by dialect. The share that passed is of those that something checks.";
    Section { id: "summary", title: "Summary".to_owned(), body: table("summary-table", caption, &COLUMNS, &rows) }
}

fn row(certificate: &Certificate) -> Vec<Cell> {
    let of = |verdict: RowVerdict| certificate.counts.verdicts.get(&verdict).copied().unwrap_or(0);
    let number = |verdict| Cell::number(of(verdict), of(verdict));
    let all: usize = certificate.counts.verdicts.values().sum();
    let checked = all - of(RowVerdict::Excluded);
    let judged = |judgement| {
        let badge = Badge::of(judgement);
        Cell::markup(badge.markup(), &badge.word)
    };
    vec![
        Cell::text(certificate.dialect.as_str()),
        judged(certificate.judgement),
        judged(certificate.accepted),
        Cell::number(all, all),
        Cell::number(checked, checked),
        share(of(RowVerdict::Pass), checked),
        number(RowVerdict::Fail),
        number(RowVerdict::NonStrict),
        number(RowVerdict::Inconclusive),
        number(RowVerdict::NotExercised),
    ]
}
