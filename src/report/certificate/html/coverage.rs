//! What was seen of the schemas, what never was, and what they do not know.

use maud::html;

use crate::certify::Certification;
use crate::report::html::{Cell, Column, Section, share, table};

/// How much of each dialect's schemas the target showed.
pub(super) fn section(certification: &Certification) -> Option<Section> {
    const SEEN: [Column; 5] = [
        Column::words("dialect"),
        Column::words("what"),
        Column::numbers("described"),
        Column::numbers("seen"),
        Column::numbers("share"),
    ];
    const UNSEEN: [Column; 2] = [Column::words("dialect"), Column::words("never seen")];
    const UNKNOWN: [Column; 3] = [Column::words("dialect"), Column::words("in no schema"), Column::numbers("times")];
    let certificates = || certification.certificates.iter();
    let seen: Vec<Vec<Cell>> = certificates()
        .flat_map(|certificate| {
            let coverage = &certificate.coverage;
            let parts = [
                ("responses", coverage.responses),
                ("pushes", coverage.pushes),
                ("error types", coverage.errors),
                ("members", coverage.members),
                ("listed values", coverage.values),
            ];
            parts.map(|(what, (all, seen))| {
                let (dialect, what) = (Cell::text(certificate.dialect.as_str()), Cell::text(what));
                vec![dialect, what, Cell::number(all, all), Cell::number(seen, seen), share(seen, all)]
            })
        })
        .collect();
    let unseen: Vec<Vec<Cell>> = certificates()
        .flat_map(|certificate| {
            let names = certificate.coverage.unseen.iter();
            names.map(|name| vec![Cell::text(certificate.dialect.as_str()), Cell::text(name)])
        })
        .collect();
    let unknown: Vec<Vec<Cell>> = certificates()
        .flat_map(|certificate| {
            certificate.coverage.unknown.iter().map(|(name, count)| {
                vec![Cell::text(certificate.dialect.as_str()), Cell::text(name), Cell::number(count, count)]
            })
        })
        .collect();
    let body = html! {
        (table("coverage-table", "What of the schemas the target's messages showed", &SEEN, &seen))
        @if !unknown.is_empty() {
            details {
                summary { "Seen, but in no schema (" (unknown.len()) ")" }
                (table("unknown-table", "Members and values that the documents do not name", &UNKNOWN, &unknown))
            }
        }
        @if !unseen.is_empty() {
            details {
                summary { "Never seen (" (unseen.len()) ")" }
                (table("unseen-table", "What the schemas describe and no message showed", &UNSEEN, &unseen))
            }
        }
    };
    (!seen.is_empty()).then(|| Section { id: "coverage", title: "Schema coverage".to_owned(), body })
}
