//! What does not pass, the worst first: each requirement with what its checks said and the frames around it.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::{anchor, badge, has_evidence};
use crate::certify::{Blame, Certificate, Certification, CheckOutcome, CheckState, Row, Unattributed};
use crate::observe::{Direction, TranscriptFrame};
use crate::report::format::one_line;
use crate::report::html::{Badge, Room, Section, Tone, Unfolded, cite, frames};

/// All that does not pass, by dialect.
pub(super) fn section(certification: &Certification) -> Option<Section> {
    let mut room = Room::default();
    let several = certification.certificates.len() > 1;
    let parts: Vec<Markup> =
        certification.certificates.iter().filter_map(|certificate| of(certificate, several, &mut room)).collect();
    let body = html! { @for part in &parts { (part) } };
    (!parts.is_empty()).then(|| Section { id: "broken", title: "What does not pass".to_owned(), body })
}

fn of(certificate: &Certificate, several: bool, room: &mut Room) -> Option<Markup> {
    let mut rows: Vec<&Row> = certificate.rows.iter().filter(|row| has_evidence(row.verdict)).collect();
    if rows.is_empty() && certificate.unattributed.is_empty() && certificate.prerequisites.is_empty() {
        return None;
    }
    rows.sort_by_key(|row| Reverse(row.verdict));
    Some(html! {
        @if several { h3 { (certificate.dialect) } }
        @if !certificate.prerequisites.is_empty() {
            p { "Steps that should have prepared something, and did not:" }
            ul { @for text in &certificate.prerequisites { li { (one_line(text)) } } }
        }
        @for (number, row) in rows.iter().enumerate() { (requirement(certificate, row, number == 0, room)) }
        @for one in &certificate.unattributed { (unattributed(one, room)) }
    })
}

fn requirement(certificate: &Certificate, row: &Row, open: bool, room: &mut Room) -> Markup {
    let fault = match row.blame {
        Some(Blame::Server) => Some("the server breaks a promise"),
        Some(Blame::Client) => Some("the client breaks a promise"),
        Some(Blame::Document) => Some("the documents leave it in dispute"),
        Some(Blame::Harness) => Some("this run could not show it"),
        None => None,
    };
    html! {
        details.finding open[open] {
            summary {
                (badge(row.verdict).markup()) " " code.id { (row.id) } " "
                span.about { (one_line(&row.statement)) }
            }
            div id=(anchor(&row.id)) {
                dl {
                    dt { "document" } dd { (one_line(&cite(&certificate.document, &row.lines))) ", “" (one_line(&row.section)) "”" }
                    dt { "level" } dd { (row.level) }
                    @if let Some(fault) = fault { dt { "fault" } dd { (fault) } }
                    @if let Some(waived) = &row.waived { dt { "waived" } dd { (one_line(waived)) } }
                }
                @for check in row.checks.iter().filter(|check| check.state != CheckState::Held) { (outcome(check, room)) }
            }
        }
    }
}

fn outcome(check: &CheckOutcome, room: &mut Room) -> Markup {
    let (word, tone) = state(check.state);
    let badge = Badge { word: word.to_owned(), tone };
    html! {
        article.sample {
            p.place { (badge.markup()) " " code { (one_line(&check.check)) } }
            dl {
                @if !check.detail.is_empty() { dt { "what" } dd { (one_line(&check.detail)) } }
                @if let Some(case) = &check.case { dt { "case" } dd { (one_line(case)) } }
                @if let Some(step) = &check.step { dt { "step" } dd { (one_line(step)) } }
            }
            (frames(&check.frames, unfolded(&check.frames, check.pointer.as_deref()), room))
        }
    }
}

fn state(state: CheckState) -> (&'static str, Tone) {
    match state {
        CheckState::Held => ("held", Tone::Good),
        CheckState::NotRun => ("not exercised", Tone::Plain),
        CheckState::LeftOut => ("left out", Tone::Plain),
        CheckState::Unfit => ("could not be carried out", Tone::Doubtful),
        CheckState::BrokenInfo => ("broken, only worth knowing", Tone::Plain),
        CheckState::BrokenNonStrict => ("broken, legal by the letter", Tone::Doubtful),
        CheckState::Broken => ("broken", Tone::Bad),
    }
}

fn unattributed(one: &Unattributed, room: &mut Room) -> Markup {
    let (word, tone) = if one.fails { ("fail", Tone::Bad) } else { ("non-strict", Tone::Doubtful) };
    let badge = Badge { word: word.to_owned(), tone };
    html! {
        details.finding {
            summary { (badge.markup()) " " code { (one_line(&one.kind)) } span.about { " – belongs to no requirement" } }
            article.sample {
                dl {
                    dt { "what" } dd { (one_line(&one.detail)) }
                    @if let Some(source) = &one.source { dt { "document" } dd { (one_line(source)) } }
                }
                (frames(&one.frames, unfolded(&one.frames, one.pointer.as_deref()), room))
            }
        }
    }
}

/// With a pointer it is the server's last frame that is wrong. Without, the last frame is where to begin to read.
fn unfolded<'a>(frames: &[TranscriptFrame], pointer: Option<&'a str>) -> Option<Unfolded<'a>> {
    let of_server = || frames.iter().rposition(|frame| frame.direction == Direction::ToClient);
    let frame = if pointer.is_some() { of_server() } else { frames.len().checked_sub(1) };
    frame.map(|frame| Unfolded { frame, pointer, is_wrong: pointer.is_some() })
}
