//! How a run was judged and why, and the thresholds.

use maud::html;

use super::page::{Badge, Cause, Head, Section, Tone};
use super::table::{Cell, Column, table};
use super::violations;
use crate::report::RunReport;
use crate::report::format::{duration, one_line};
use crate::report::words::{INTERRUPTED, meaning};
use crate::verdict::{Concern, Reason, ThresholdState};

/// What a reader sees first.
pub(super) fn of(report: &RunReport<'_>) -> Head {
    let RunReport { meta, verdict, .. } = *report;
    let mut causes: Vec<Cause> = verdict.reasons.iter().map(cause).collect();
    if meta.interrupted {
        causes.push(Cause { text: INTERRUPTED.to_owned(), more: None, tone: Tone::Doubtful });
    }
    Head {
        kind: if verdict.sides.is_some() { "Traffic of others" } else { "Run" },
        title: one_line(&meta.scenario),
        about: one_line(&meta.about),
        badge: Badge::of(verdict.judgement),
        meaning: meaning(verdict).to_owned(),
        causes,
        facts: vec![
            one_line(&meta.target),
            one_line(&meta.dialects.join(", ")),
            format!("{} from {}", duration(meta.duration), one_line(&meta.started)),
            format!("chatproof {}", one_line(&meta.version)),
        ],
    }
}

fn cause(reason: &Reason) -> Cause {
    let (tone, more) = match reason.about {
        Concern::Violation(kind) => (Tone::of_grade(kind.grade()), Some(violations::anchor(kind))),
        Concern::Steps => (Tone::Bad, Some("failed-steps".to_owned())),
        Concern::Threshold(ThresholdState::Broken) => (Tone::Bad, Some("thresholds".to_owned())),
        Concern::Threshold(_) => (Tone::Doubtful, Some("thresholds".to_owned())),
        Concern::Silence => (Tone::Doubtful, None),
        Concern::GivenUp => (Tone::Bad, None),
    };
    Cause { text: one_line(&reason.text), more, tone }
}

const COLUMNS: [Column; 4] =
    [Column::words("outcome"), Column::words("threshold"), Column::words("observed"), Column::words("asked by")];

/// Each threshold with what was observed.
pub(super) fn thresholds(report: &RunReport<'_>) -> Option<Section> {
    let rows: Vec<Vec<Cell>> = report.verdict.thresholds.iter().map(row).collect();
    let body = table("thresholds-table", "What was asked of the run, and what came of it", &COLUMNS, &rows);
    (!rows.is_empty()).then(|| Section { id: "thresholds", title: "Thresholds".to_owned(), body })
}

fn row(outcome: &crate::verdict::ThresholdOutcome) -> Vec<Cell> {
    let (word, tone) = match outcome.state {
        ThresholdState::Held => ("held", Tone::Good),
        ThresholdState::Broken => ("broken", Tone::Bad),
        ThresholdState::Unmeasured => ("unmeasured", Tone::Doubtful),
    };
    let badge = Badge { word: word.to_owned(), tone };
    vec![
        Cell::markup(badge.markup(), word),
        Cell::markup(html! { code { (one_line(&outcome.text)) } }, &outcome.text),
        Cell::text(outcome.observed.as_deref().unwrap_or("nothing")),
        Cell::text(if outcome.built_in { "every run" } else { "the scenario" }),
    ]
}
