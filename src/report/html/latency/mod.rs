//! How long requests took, by action.

mod curve;
mod heat;

use std::cmp::Reverse;
use std::time::Duration;

use maud::{Markup, html};

pub(in crate::report) use curve::curves;

use super::page::{Section, Tone};
use super::svg::Frame;
use super::table::{Cell, Column, table};
use crate::protocol::Transport;
use crate::record::ActionTally;
use crate::report::format::{counted, one_line, per_second, significant};
use crate::report::{RunReport, Series};
use heat::Grid;

/// Actions with charts of their own: those with the most requests. All are in the table.
const CHARTED: usize = 24;
const FRAME: Frame = Frame { width: 520.0, height: 260.0 };

const COLUMNS: [Column; 14] = [
    Column::words("action"),
    Column::words("dialect"),
    Column::words("transport"),
    Column::numbers("sent"),
    Column::numbers("errors"),
    Column::numbers("timeouts"),
    Column::numbers("p50"),
    Column::numbers("p90"),
    Column::numbers("p99"),
    Column::numbers("p99.9"),
    Column::numbers("max"),
    Column::numbers("service p99"),
    Column::numbers("mean"),
    Column::numbers("sent/s"),
];

type Action<'a> = (&'a str, &'a str, Transport, &'a ActionTally);

/// Times of each action.
pub(super) fn section(report: &RunReport<'_>) -> Option<Section> {
    let actions: Vec<Action<'_>> = report
        .tally
        .actions()
        .map(|(dialect, transport, name, action)| (name, dialect.as_str(), transport, action))
        .collect();
    let rows: Vec<Vec<Cell>> = actions.iter().map(|action| row(*action, report.meta.duration)).collect();
    let series = Series::of(report.tally);
    let intervals = (series.width_s, series.requests.len());
    let all = ActionTally::sum(actions.iter().map(|(_, _, _, action)| *action));
    let body = html! {
        p.note {
            "Response times count from the moment at which a request was due, so a slow server cannot hide the wait that it causes; "
            "service times count from the moment at which it was really sent. Where the two part, requests had to wait before they could be sent."
        }
        (table("latency-table", "Response times of requests by action, and the 99th percentile of their service times", &COLUMNS, &rows))
        h3 { "All requests" }
        div.cards { (charts("all requests", &all, Grid::new(intervals, 120, 30))) }
        @if actions.len() > 1 { (by_action(actions, Grid::new(intervals, 60, 16))) }
    };
    (!rows.is_empty()).then(|| Section { id: "latency", title: "Latency".to_owned(), body })
}

fn row((name, dialect, transport, action): Action<'_>, span: Duration) -> Vec<Cell> {
    let rate = per_second(action.sent, span);
    let mut cells = vec![
        Cell::text(name),
        Cell::text(dialect),
        Cell::text(transport.to_string()),
        Cell::count(action.sent),
        Cell::trouble(action.failed(), Tone::Doubtful),
        Cell::trouble(action.timeouts, Tone::Bad),
    ];
    cells.extend([50.0, 90.0, 99.0, 99.9].map(|percent| Cell::time(action.response.percentile(percent))));
    cells.extend([action.response.max(), action.service.percentile(99.0), action.response.mean()].map(Cell::time));
    cells.push(rate.map_or_else(Cell::nothing, |rate| Cell::number(significant(rate), rate)));
    cells
}

fn by_action(mut actions: Vec<Action<'_>>, grid: Grid) -> Markup {
    actions.retain(|(_, _, _, action)| action.answered > 0);
    actions.sort_by_key(|(_, _, _, action)| Reverse(action.answered));
    let left_out = actions.len().saturating_sub(CHARTED);
    html! {
        details #latency-by-action {
            summary { "Charts of each action" }
            @for (name, dialect, transport, action) in actions.into_iter().take(CHARTED) {
                h3 { (one_line(name)) " " small { (dialect) " " (transport) } }
                div.cards { (charts(name, action, grid)) }
            }
            @if left_out > 0 { p.note { (counted(left_out as u64, "action")) " with fewer answers only in the table." } }
        }
    }
}

/// What the times of some requests were, and when.
fn charts(name: &str, action: &ActionTally, grid: Grid) -> Markup {
    let name = one_line(name);
    let lines = [("response time", "response", &action.response), ("service time", "service", &action.service)];
    html! {
        @if let Some(curve) = curves(FRAME, &format!("Percentiles of {name}"), &lines) { (curve) }
        @if let Some(map) = heat::map(FRAME, &format!("Response times of {name} over time"), &action.over_time, grid) { (map) }
    }
}
