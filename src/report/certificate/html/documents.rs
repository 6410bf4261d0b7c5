//! What is wrong with the documents, and where their words and our reading of them judge what was seen differently.

use maud::html;

use crate::certify::Certification;
use crate::report::format::{grouped, one_line};
use crate::report::html::{Cell, Column, Section, choice, cite, table};

/// What the owners of the documents should mend.
pub(super) fn findings(certification: &Certification) -> Option<Section> {
    const COLUMNS: [Column; 5] = [
        Column::words("id"),
        Column::words("kind"),
        Column::words("about"),
        Column::words("we read"),
        Column::words("document"),
    ];
    let found = certification.certificates.iter().flat_map(|certificate| {
        certificate.documents.iter().map(|finding| {
            vec![
                Cell::markup(html! { code.id { (finding.id) } }, finding.id.to_string()),
                Cell::text(finding.kind.to_string()),
                Cell::text(&finding.about),
                Cell::text(&finding.taken),
                Cell::text(cite(&certificate.document, &finding.lines)),
            ]
        })
    });
    let rows: Vec<Vec<Cell>> = found.collect();
    let kinds = certification.certificates.iter().flat_map(|certificate| &certificate.documents);
    let kinds: std::collections::BTreeSet<String> = kinds.map(|finding| finding.kind.to_string()).collect();
    let body = html! {
        div.choices { (choice("findings-table", 1, "Kind", &kinds)) }
        (table("findings-table", "Contradictions and gaps of the documents, for their owners", &COLUMNS, &rows))
    };
    (!rows.is_empty()).then(|| Section { id: "findings", title: "Document findings".to_owned(), body })
}

/// Messages that the words and our reading judge differently.
pub(super) fn differences(certification: &Certification) -> Option<Section> {
    const COLUMNS: [Column; 6] = [
        Column::words("dialect"),
        Column::words("message"),
        Column::words("expected"),
        Column::words("by"),
        Column::words("document"),
        Column::numbers("times"),
    ];
    let differences = certification.certificates.iter().flat_map(|certificate| {
        certificate.differences.iter().map(|difference| {
            let source = difference.source.as_deref().unwrap_or_default();
            vec![
                Cell::text(certificate.dialect.as_str()),
                Cell::markup(html! { code { (one_line(&difference.at)) } }, &difference.at),
                Cell::text(&difference.expected),
                Cell::text(if difference.breaks_the_words { "the documents' words" } else { "our reading" }),
                Cell::text(source),
                Cell::number(grouped(difference.count), difference.count),
            ]
        })
    });
    let rows: Vec<Vec<Cell>> = differences.collect();
    let caption = "Where the target keeps only one of the documents' words and our reading of them";
    let body = table("differences-table", caption, &COLUMNS, &rows);
    (!rows.is_empty()).then(|| Section { id: "differences", title: "Readings".to_owned(), body })
}
