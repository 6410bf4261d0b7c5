//! Requests, connections and pushes with their times.

use std::io::{self, Write};
use std::time::Duration;

use super::page::Page;
use super::table::{Cell, Column, Row, Table};
use crate::record::{ActionTally, Latency, Tally, TransportTally};
use crate::report::RunReport;
use crate::report::format::{counted, duration, grouped, one_line, per_second, significant};
use crate::report::words::closed;

const COLUMNS: [Column; 11] = [
    Column { title: "", gives_way: 0 },
    Column { title: "count", gives_way: 0 },
    Column { title: "rate/s", gives_way: 4 },
    Column { title: "errors", gives_way: 0 },
    Column { title: "timeout", gives_way: 0 },
    Column { title: "p50", gives_way: 0 },
    Column { title: "p90", gives_way: 3 },
    Column { title: "p99", gives_way: 0 },
    Column { title: "p99.9", gives_way: 2 },
    Column { title: "max", gives_way: 5 },
    Column { title: "service", gives_way: 1 },
];

/// One row an action, under its dialect and transport; then one row a dialect for pushes.
pub fn table(page: &mut Page<'_, impl Write>, report: &RunReport<'_>) -> io::Result<()> {
    let tally = report.tally;
    if tally.dialects.is_empty() {
        return Ok(());
    }
    let (span, palette) = (report.meta.duration, page.palette);
    let mut rows = Vec::new();
    for (dialect, transport, tally) in tally.transports() {
        rows.push(Row::Group(format!("{dialect} {transport}"), connections(tally)));
        if !tally.connect.is_empty() {
            rows.push(row("(connect)", tally.opened, span, [Cell::default(), Cell::default()], &tally.connect, None));
        }
        for (name, action) in &tally.actions {
            let troubles = [trouble(action.failed(), palette.doubtful), trouble(action.timeouts, palette.bad)];
            rows.push(row(name, action.sent, span, troubles, &action.response, action.service.percentile(99.0)));
        }
    }
    if tally.pushes() > 0 {
        rows.push(Row::Group("pushes".into(), "from the sender's send to the arrival at another connection".into()));
        for (dialect, tally) in &tally.dialects {
            let count = tally.pushes.values().map(|push| push.count).sum();
            rows.push(row(dialect.as_str(), count, span, [Cell::default(), Cell::default()], &tally.delivery, None));
        }
    }
    let table = Table::new(&COLUMNS, &rows, page.width);
    let service = if table.shows(COLUMNS.len() - 1) { "; service: p99 from the actual send" } else { "" };
    page.heading("Traffic", &format!("from the intended moment to the answer{service}"))?;
    table.write(page)
}

fn row(
    name: &str,
    count: u64,
    span: Duration,
    troubles: [Cell; 2],
    times: &Latency,
    service_p99: Option<Duration>,
) -> Row {
    let text = |time: Option<Duration>| Cell::from(time.map_or(String::new(), duration));
    let rate = per_second(count, span).map_or(String::new(), significant);
    let mut cells = vec![one_line(name).into(), grouped(count).into(), rate.into()];
    cells.extend(troubles);
    cells.extend([50.0, 90.0, 99.0, 99.9].map(|percent| text(times.percentile(percent))));
    cells.extend([text(times.max()), text(service_p99)]);
    Row::Cells(cells)
}

fn trouble(count: u64, style: anstyle::Style) -> Cell {
    Cell { text: grouped(count), style: if count > 0 { style } else { anstyle::Style::new() } }
}

fn connections(tally: &TransportTally) -> String {
    if tally.opened == 0 {
        return String::new();
    }
    let mut text = counted(tally.opened, "connection");
    for (closing, count) in &tally.closings {
        let how = closed(*closing);
        text += &format!(", {} {how}", grouped(*count));
    }
    text
}

/// Errors by type, and late answers, of the actions that have some.
pub fn errors(page: &mut Page<'_, impl Write>, tally: &Tally) -> io::Result<()> {
    let troubled: Vec<_> = tally.actions().filter(|(_, _, _, action)| action.failed() > 0 || action.late > 0).collect();
    if troubled.is_empty() {
        return Ok(());
    }
    page.heading("Errors", "")?;
    for (dialect, transport, name, action) in troubled {
        page.paragraph(2, &format!("{dialect} {transport} {}: {}", one_line(name), troubles(action)))?;
    }
    Ok(())
}

fn troubles(action: &ActionTally) -> String {
    let mut errors: Vec<(&str, u64)> = action.errors.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    errors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut parts: Vec<String> =
        errors.into_iter().map(|(kind, count)| format!("{} {}", grouped(count), one_line(kind))).collect();
    if action.late > 0 {
        parts.push(counted(action.late, "late answer"));
    }
    parts.join(", ")
}
