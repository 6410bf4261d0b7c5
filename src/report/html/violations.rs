//! What was done wrong, by kind: each sample with the sentence that it breaks and the frames around it.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::documents;
use super::frames::{Room, Unfolded, frames};
use super::observers::{side_by_side, telling};
use super::page::{Badge, Section, Tone};
use super::table::{Cell, Column, table};
use crate::observe::{Direction, Grade, Side, TranscriptFrame, Violation, ViolationKind};
use crate::record::{Sample, ViolationTally};
use crate::report::RunReport;
use crate::report::format::{counted, moment, one_line};

/// Where links find a kind.
pub(super) fn anchor(kind: ViolationKind) -> String {
    format!("violation-{kind}")
}

/// All kinds, the worst first; by side, where neither of them is ours.
pub(super) fn section(report: &RunReport<'_>) -> Option<Section> {
    let violations = &report.tally.violations;
    if violations.is_empty() {
        return None;
    }
    let mut kinds: Vec<_> = violations.iter().collect();
    kinds.sort_by_key(|(kind, tally)| (Reverse(kind.grade()), Reverse(tally.count)));
    let mut room = Room::default();
    let body = match report.verdict.sides {
        None => list(&kinds, &mut room),
        Some(_) => html! {
            @for side in Side::ALL {
                @let of_side: Vec<_> = kinds.iter().filter(|(kind, _)| kind.side() == side).copied().collect();
                @if !of_side.is_empty() {
                    h3 { "By the " (side) }
                    (list(&of_side, &mut room))
                }
            }
        },
    };
    Some(Section { id: "violations", title: "Violations".to_owned(), body })
}

fn list(kinds: &[(ViolationKind, &ViolationTally)], room: &mut Room) -> Markup {
    html! {
        @for (number, (kind, tally)) in kinds.iter().enumerate() {
            details.finding open[number == 0] {
                summary {
                    (badge(kind.grade()).markup()) " " code { (kind) } " " (counted(tally.count, "time"))
                    span.about { " – " (kind.about()) }
                }
                // Browsers unfold what a link into it leads to.
                div id=(anchor(*kind)) {
                    @if tally.count > tally.samples.len() as u64 {
                        p.note { "The first " (tally.samples.len()) " of them:" }
                    }
                    @for sample in &tally.samples { (one(sample, room)) }
                }
            }
        }
    }
}

/// Kinds that the order ledger finds by comparing what it was told before with what it is told now.
const OF_ORDER: [ViolationKind; 8] = [
    ViolationKind::ObserversDisagree,
    ViolationKind::EventChanged,
    ViolationKind::DuplicateOrder,
    ViolationKind::DuplicateEvent,
    ViolationKind::LostEvent,
    ViolationKind::ThreadStartTwice,
    ViolationKind::CausalOrder,
    ViolationKind::ReorderedDelivery,
];

/// An example of each kind that is about the order of events: what is known of the thread from one observer, and beside it what
/// another, or the same one later, was told.
pub(super) fn of_order(report: &RunReport<'_>) -> Option<Markup> {
    const COLUMNS: [Column; 4] = [
        Column::words("kind"),
        Column::words("as it should be, by what was seen before"),
        Column::words("what came"),
        Column::words("at"),
    ];
    let firsts = OF_ORDER.into_iter().filter_map(|kind| {
        let samples = &report.tally.violations.get(kind)?.samples;
        Some((kind, samples.first()?, telling(samples.iter().filter_map(|sample| sample.observers.as_ref()))))
    });
    let examples: Vec<_> = firsts.collect();
    let rows: Vec<Vec<Cell>> = examples
        .iter()
        .map(|(kind, sample, _)| {
            let (kind, violation) = (*kind, &sample.violation);
            let link = html! { a href={ "#" (anchor(kind)) } { (kind) } };
            vec![
                Cell::markup(link, kind.name()),
                Cell::text(&violation.expected),
                Cell::text(&violation.got),
                Cell::text(format!("connection {}, {}", violation.connection.0, moment(violation.at))),
            ]
        })
        .collect();
    let caption = "The first example of each kind: one observer's view of a thread beside the other's";
    (!rows.is_empty()).then(|| {
        html! {
            (table("order-examples-table", caption, &COLUMNS, &rows))
            @for (kind, _, observers) in &examples {
                @if let Some(observers) = observers { (side_by_side(*kind, observers)) }
            }
        }
    })
}

/// How bad something is, as a badge.
fn badge(grade: Grade) -> Badge {
    let word = match grade {
        Grade::Info => "info",
        Grade::NonStrict => "non-strict",
        Grade::Fail => "fail",
    };
    Badge { word: word.to_owned(), tone: Tone::of_grade(grade) }
}

fn one(sample: &Sample, room: &mut Room) -> Markup {
    let violation = &sample.violation;
    let offending = offending(violation, &sample.transcript);
    html! {
        article.sample {
            p.place {
                (moment(violation.at)) " on connection " (violation.connection.0) " ("
                (one_line(violation.dialect.as_str())) ", " (violation.transport) ")"
                @if let Some(action) = &violation.action { ": " code { (one_line(action)) } }
            }
            dl {
                dt { "expected" } dd { (one_line(&violation.expected)) }
                dt { "got" } dd { (one_line(&violation.got)) }
                @if let Some(pointer) = &violation.pointer { dt { "at" } dd { code { (one_line(pointer)) } } }
                (documents::of(violation))
            }
            (frames(&sample.transcript, offending, room))
        }
    }
}

/// The frame that a violation is about: the last one of whoever is to blame, or the request that nobody answered.
fn offending<'a>(violation: &'a Violation, frames: &[TranscriptFrame]) -> Option<Unfolded<'a>> {
    let pointer = violation.pointer.as_deref();
    let action = violation.action.as_deref();
    let frame = match violation.kind {
        ViolationKind::MissingPing => None,
        ViolationKind::NoAnswer => frames.iter().rposition(|frame| {
            let named =
                || serde_json::from_str::<Named>(&frame.text).is_ok_and(|request| Some(&*request.action) == action);
            frame.direction == Direction::ToServer && named()
        }),
        kind => {
            let from = match kind.side() {
                Side::Server => Direction::ToClient,
                Side::Client => Direction::ToServer,
            };
            frames.iter().rposition(|frame| frame.direction == from)
        }
    };
    frame.map(|frame| Unfolded { frame, pointer, is_wrong: true })
}

/// What a request says it wants.
#[derive(serde::Deserialize)]
struct Named {
    action: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Moment;
    use crate::report::sample;

    fn shown(sample: &sample::Run) -> String {
        section(&sample.report()).unwrap().body.0
    }

    #[test]
    fn a_sample_leads_to_the_place_in_its_frame_and_to_the_sentence() {
        let shown = shown(&sample::failing());
        let (_, kind) = shown.split_once("<div id=\"violation-wrong_type\">").unwrap();
        let (kind, _) = kind.split_once("<div id=").unwrap();
        assert!(kind.contains("<dt>expected</dt><dd>an integer</dd><dt>got</dt><dd>&quot;17&quot;</dd>"), "{kind}");
        assert!(kind.contains("<dd>customer-v0.3, line 598</dd>"), "{kind}");
        assert!(kind.contains("A response repeats the request_id of its request, once."), "{kind}");
        assert!(kind.contains("<mark>&quot;order&quot;: &quot;17&quot;</mark>"), "{kind}");
        assert_eq!(kind.matches("<mark>").count(), 2, "one in each of two samples");
    }

    #[test]
    fn the_worst_come_first_and_nothing_shows_nothing() {
        let text = shown(&sample::failing());
        let places = ["wrong_type", "no_answer", "duplicate_push", "reordered_delivery"]
            .map(|kind| text.find(&format!("violation-{kind}")).unwrap());
        assert!(places.is_sorted(), "{places:?}");
        assert!(section(&sample::passing().report()).is_none());
    }

    #[test]
    fn examples_of_order_stand_side_by_side() {
        let shown = of_order(&sample::failing().report()).unwrap().0;
        assert!(shown.contains("<td>order 7 or more</td><td>order 4</td><td>connection 17, +1.235s</td>"), "{shown}");
        assert!(shown.contains("href=\"#violation-reordered_delivery\""), "{shown}");
        assert!(!shown.contains("wrong_type"), "{shown}");
        assert!(shown.contains("reordered_delivery: thread PT1 as two connections were told it."), "{shown}");
        assert!(of_order(&sample::passing().report()).is_none());
    }

    #[test]
    fn of_traffic_of_others_the_sides_are_told_apart() {
        let text = shown(&sample::observed());
        let place = |part: &str| text.find(part).unwrap();
        assert!(place("By the server") < place("violation-duplicate_push"));
        assert!(place("violation-duplicate_push") < place("By the client"));
        assert!(place("By the client") < place("violation-missing_ping"));
        assert!(!shown(&sample::failing()).contains("By the server"));
    }

    #[test]
    fn the_offending_frame_is_that_of_whoever_is_to_blame() {
        let frame = |direction, text: &str| TranscriptFrame { at: Moment(0), direction, text: text.into() };
        let frames = [
            frame(Direction::ToServer, r#"{"action":"send_event"}"#),
            frame(Direction::ToClient, "{}"),
            frame(Direction::ToServer, r#"{"action":"ping"}"#),
            frame(Direction::ToClient, "[]"),
            frame(Direction::ToServer, "?"),
        ];
        let failing = sample::failing();
        let (_, tally) = failing.tally.violations.iter().next().unwrap();
        let of = |kind| {
            let violation = Violation { kind, ..tally.samples[0].violation.clone() };
            offending(&violation, &frames).map(|offending| offending.frame)
        };
        assert_eq!(of(ViolationKind::WrongType), Some(3));
        assert_eq!(of(ViolationKind::RequestType), Some(4));
        assert_eq!(of(ViolationKind::NoAnswer), Some(0));
        assert_eq!(of(ViolationKind::MissingPing), None);
    }

    #[test]
    fn frames_beyond_the_room_are_counted_but_those_that_are_wrong_stay() {
        let frame = |text: &str| TranscriptFrame { at: Moment(0), direction: Direction::ToClient, text: text.into() };
        let all = [frame("[1]"), frame("[2]"), frame("[3]")];
        let offending = Some(Unfolded { frame: 2, pointer: None, is_wrong: true });
        let shown = |room: &mut Room| frames(&all, offending, room).0;
        let mut room = Room::default();
        assert!(shown(&mut room).contains("[1]"));
        let mut last = String::new();
        for _ in 0..4000 {
            last = shown(&mut room);
        }
        assert!(!last.contains("<code>[1]") && last.contains("Left out to keep this page small: 2 more."), "{last}");
        assert!(last.contains("  3\n"), "{last}");
    }
}
