//! Connections, errors, pushes and how soon events arrived.

use maud::html;

use super::latency::curves;
use super::page::{Section, Tone};
use super::svg::Frame;
use super::table::{Cell, Column, table};
use crate::record::Latency;
use crate::report::RunReport;
use crate::report::format::{grouped, per_second, significant};
use crate::report::words::closed;

const ERRORS: [Column; 6] = [
    Column::words("action"),
    Column::words("dialect"),
    Column::words("transport"),
    Column::words("what came"),
    Column::numbers("times"),
    Column::numbers("of all answers"),
];

/// Answers that say failure, by their type, and those that came too late.
pub(super) fn errors(report: &RunReport<'_>) -> Option<Section> {
    let mut rows = Vec::new();
    for (dialect, transport, name, action) in report.tally.actions() {
        let late = (action.late > 0).then_some(("an answer after the documented limit", action.late));
        let errors = action.errors.iter().map(|(kind, count)| (kind.as_str(), *count)).chain(late);
        rows.extend(errors.map(|(what, count)| {
            let share = 100.0 * count as f64 / action.answered.max(1) as f64;
            vec![
                Cell::text(name),
                Cell::text(dialect.as_str()),
                Cell::text(transport.to_string()),
                Cell::text(what),
                Cell::count(count).with_tone(Tone::Doubtful),
                Cell::number(format!("{}%", significant(share)), share),
            ]
        }));
    }
    let body = table("errors-table", "Answers that say failure, by error type, and late ones", &ERRORS, &rows);
    (!rows.is_empty()).then(|| Section { id: "errors", title: "Errors".to_owned(), body })
}

const CONNECTIONS: [Column; 7] = [
    Column::words("dialect"),
    Column::words("transport"),
    Column::numbers("opened"),
    Column::numbers("connect p50"),
    Column::numbers("p99"),
    Column::numbers("max"),
    Column::words("how they ended"),
];

/// How connections came and went.
pub(super) fn connections(report: &RunReport<'_>) -> Option<Section> {
    let transports = report.tally.transports().filter(|(_, _, tally)| tally.opened > 0);
    let rows: Vec<Vec<Cell>> = transports
        .map(|(dialect, transport, tally)| {
            let endings = tally.closings.iter().map(|(how, count)| format!("{} {}", grouped(*count), closed(*how)));
            vec![
                Cell::text(dialect.as_str()),
                Cell::text(transport.to_string()),
                Cell::count(tally.opened),
                Cell::time(tally.connect.percentile(50.0)),
                Cell::time(tally.connect.percentile(99.0)),
                Cell::time(tally.connect.max()),
                Cell::text(endings.collect::<Vec<_>>().join(", ")),
            ]
        })
        .collect();
    let caption =
        "Connections that were established, and how long that took from the attempt to the finished handshake";
    let body = table("connections-table", caption, &CONNECTIONS, &rows);
    (!rows.is_empty()).then(|| Section { id: "connections", title: "Connections".to_owned(), body })
}

const DELIVERY: [Column; 7] = [
    Column::words("receivers"),
    Column::numbers("events"),
    Column::numbers("mean"),
    Column::numbers("p50"),
    Column::numbers("p99"),
    Column::numbers("p99.9"),
    Column::numbers("max"),
];
const PUSHES: [Column; 5] = [
    Column::words("push"),
    Column::words("dialect"),
    Column::numbers("arrived"),
    Column::numbers("per second"),
    Column::numbers("bytes each"),
];
const CHART: Frame = Frame { width: 520.0, height: 240.0 };

/// How soon events arrived at the others, and which pushes there were.
pub(super) fn delivery(report: &RunReport<'_>) -> Option<Section> {
    let dialects = &report.tally.dialects;
    let delivered: Vec<_> = dialects.iter().filter(|(_, tally)| !tally.delivery.is_empty()).collect();
    let times = delivered.iter().map(|(dialect, tally)| {
        let times = &tally.delivery;
        let mut cells = vec![Cell::text(dialect.as_str()), Cell::count(times.count()), Cell::time(times.mean())];
        cells.extend([50.0, 99.0, 99.9].map(|percent| Cell::time(times.percentile(percent))));
        cells.push(Cell::time(times.max()));
        cells
    });
    let times: Vec<Vec<Cell>> = times.collect();
    let mut pushes = Vec::new();
    for (dialect, tally) in dialects {
        pushes.extend(tally.pushes.iter().map(|(name, push)| {
            let rate = per_second(push.count, report.meta.duration);
            vec![
                Cell::text(name),
                Cell::text(dialect.as_str()),
                Cell::count(push.count),
                rate.map_or_else(Cell::nothing, |rate| Cell::number(significant(rate), rate)),
                Cell::count(push.bytes / push.count.max(1)),
            ]
        }));
    }
    let all = Latency::sum(delivered.iter().map(|(_, tally)| &tally.delivery));
    let body = html! {
        @if !times.is_empty() {
            p.note {
                "From the sender's actual send to the arrival of the push at another connection: the time that people in a chat wait for each "
                "other's words. Only events that this process sent and received itself are timed."
            }
            (table("delivery-table", "Delivery of events by the receivers' dialect", &DELIVERY, &times))
            div.cards {
                @if let Some(curve) = curves(CHART, "Percentiles of delivery", &[("delivery", "response", &all)]) { (curve) }
            }
        }
        (table("pushes-table", "Pushes that arrived", &PUSHES, &pushes))
    };
    (!pushes.is_empty()).then(|| Section { id: "delivery", title: "Delivery of pushes".to_owned(), body })
}
