//! How long requests took, by action.

use std::time::Duration;

use super::page::{Section, Tone};
use super::table::{Cell, Column, table};
use crate::protocol::Transport;
use crate::record::ActionTally;
use crate::report::RunReport;
use crate::report::format::{duration, grouped, micros, per_second, significant};

const COLUMNS: [Column; 14] = [
    Column::words("action"),
    Column::words("dialect"),
    Column::words("transport"),
    Column::numbers("sent"),
    Column::numbers("per second"),
    Column::numbers("errors"),
    Column::numbers("timeouts"),
    Column::numbers("mean"),
    Column::numbers("p50"),
    Column::numbers("p90"),
    Column::numbers("p99"),
    Column::numbers("p99.9"),
    Column::numbers("max"),
    Column::numbers("service p99"),
];

/// Times of each action.
pub(super) fn section(report: &RunReport<'_>) -> Option<Section> {
    let span = report.meta.duration;
    let rows: Vec<Vec<Cell>> = report
        .tally
        .actions()
        .map(|(dialect, transport, name, action)| row((name, dialect.as_str(), transport), action, span))
        .collect();
    let caption = "Response times, from the intended moment to the answer; service time from the actual send";
    let body = table("latency-table", caption, &COLUMNS, &rows);
    (!rows.is_empty()).then(|| Section { id: "latency", title: "Latency".to_owned(), body })
}

fn row((name, dialect, transport): (&str, &str, Transport), action: &ActionTally, span: Duration) -> Vec<Cell> {
    let rate = per_second(action.sent, span);
    let mut cells = vec![
        Cell::text(name),
        Cell::text(dialect),
        Cell::text(transport.to_string()),
        Cell::number(grouped(action.sent), action.sent),
        rate.map_or_else(Cell::nothing, |rate| Cell::number(significant(rate), rate)),
        trouble(action.failed(), Tone::Doubtful),
        trouble(action.timeouts, Tone::Bad),
        time(action.response.mean()),
    ];
    cells.extend([50.0, 90.0, 99.0, 99.9].map(|percent| time(action.response.percentile(percent))));
    cells.extend([time(action.response.max()), time(action.service.percentile(99.0))]);
    cells
}

/// A time for people; exactly, it is in microseconds.
fn time(time: Option<Duration>) -> Cell {
    time.map_or_else(Cell::nothing, |time| Cell::number(duration(time), micros(time)))
}

fn trouble(count: u64, tone: Tone) -> Cell {
    Cell::number(grouped(count), count).with_tone(if count > 0 { tone } else { Tone::Plain })
}
