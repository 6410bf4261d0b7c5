//! What a client that is not ours was shown to cope with, and how both sides fared.

use maud::{Markup, html};

use super::frames::{Room, Unfolded, frames};
use super::page::{Badge, Section, Tone};
use super::table::{Cell, Column, table};
use crate::observe::{Grade, Side};
use crate::record::{Finding, ItemOutcome, ItemState};
use crate::report::RunReport;
use crate::report::format::{counted, grouped, moment, one_line};

/// What each side comes to, where neither of them is ours.
pub(super) fn sides(report: &RunReport<'_>) -> Option<Section> {
    const COLUMNS: [Column; 5] = [
        Column::words("side"),
        Column::words("verdict"),
        Column::numbers("violations"),
        Column::numbers("non-strict"),
        Column::numbers("worth knowing"),
    ];
    let sides = report.verdict.sides?;
    let rows = Side::ALL.map(|side| {
        let badge = Badge::of(sides.of(side));
        let number = |grade| {
            let count = report.tally.violations.graded(side, grade);
            Cell::number(grouped(count), count)
        };
        vec![
            Cell::text(side.to_string()),
            Cell::markup(badge.markup(), &badge.word),
            number(Grade::Fail),
            number(Grade::NonStrict),
            number(Grade::Info),
        ]
    });
    let body = table("sides-table", "Each side is judged by what it sent", &COLUMNS, &rows);
    Some(Section { id: "sides", title: "Sides".to_owned(), body })
}

/// Each item with what became of it, and the times that it was broken.
pub(super) fn section(report: &RunReport<'_>) -> Option<Section> {
    const COLUMNS: [Column; 5] = [
        Column::words("outcome"),
        Column::words("item"),
        Column::words("what is looked at"),
        Column::numbers("shown"),
        Column::numbers("broken"),
    ];
    let checklist = report.checklist?;
    let rows: Vec<Vec<Cell>> = checklist
        .iter()
        .map(|outcome| {
            let badge = badge(outcome.state);
            vec![
                Cell::markup(badge.markup(), &badge.word),
                Cell::text(outcome.item.name()),
                Cell::text(outcome.item.about()),
                Cell::number(grouped(outcome.shown), outcome.shown),
                Cell::number(grouped(outcome.broken), outcome.broken),
            ]
        })
        .collect();
    let mut room = Room::default();
    let caption =
        "What the client was shown to cope with, by what it sends. No document demands it, so it changes no verdict.";
    let body = html! {
        (table("checklist-table", caption, &COLUMNS, &rows))
        @for outcome in checklist.iter().filter(|outcome| !outcome.findings.is_empty()) { (broken(outcome, &mut room)) }
    };
    Some(Section { id: "checklist", title: "Checklist".to_owned(), body })
}

fn badge(state: ItemState) -> Badge {
    let (word, tone) = match state {
        ItemState::Shown => ("shown", Tone::Good),
        ItemState::Broken => ("broken", Tone::Bad),
        ItemState::NotExercised => ("not exercised", Tone::Plain),
    };
    Badge { word: word.to_owned(), tone }
}

fn broken(outcome: &ItemOutcome, room: &mut Room) -> Markup {
    html! {
        details.finding {
            summary {
                (badge(outcome.state).markup()) " " code { (outcome.item.name()) } " " (counted(outcome.broken, "time"))
            }
            @for Finding { at, connection, what, frames: passed } in &outcome.findings {
                article.sample {
                    p.place { (moment(*at)) " on connection " (connection.0) ": " (one_line(what)) }
                    @let last = passed.len().checked_sub(1);
                    (frames(passed, last.map(|frame| Unfolded { frame, pointer: None, is_wrong: false }), room))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn items_are_told_with_what_broke_them() {
        let observed = sample::observed();
        let shown = section(&observed.report()).unwrap().body.0;
        let row = |name: &str| {
            let before = shown.find(&format!("<td>{name}</td>")).unwrap();
            shown[..before].rsplit_once("<tr>").unwrap().1.to_owned()
        };
        assert!(row("reconnects").contains("badge good\">shown<"), "{}", row("reconnects"));
        assert!(row("closes_cleanly").contains("badge bad\">broken<"));
        assert!(row("takes_unknown_pushes").contains("not exercised"));
        assert!(shown.contains("+2.000s on connection 17: it was gone without a closing frame"), "{shown}");
        assert_eq!(shown.matches("<details class=\"finding\">").count(), 1);
        assert!(section(&sample::failing().report()).is_none());
    }

    #[test]
    fn each_side_has_its_verdict_and_its_faults() {
        let observed = sample::observed();
        let shown = sides(&observed.report()).unwrap().body.0;
        let (_, client) = shown.split_once("<td>client</td>").unwrap();
        assert!(client.contains("badge bad\">failed<"), "{client}");
        let numbers: Vec<&str> =
            shown.split("data-sort=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(numbers, ["passed, non-strict", "0", "1", "0", "failed", "1", "1", "0"]);
        assert!(sides(&sample::failing().report()).is_none());
    }
}
