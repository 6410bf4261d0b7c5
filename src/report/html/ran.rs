//! What was run, and how well the generator did it.

use maud::{Markup, html};

use super::page::{Badge, Section, Tone};
use super::table::{Cell, Column, table};
use crate::record::{Actors, Tally};
use crate::report::format::{counted, duration, grouped, moment, one_line};
use crate::report::{Meta, RunReport};
use crate::verdict::{has_stalled, is_saturated};

/// Scenario, target, load and machine.
pub(super) fn section(report: &RunReport<'_>) -> Option<Section> {
    let RunReport { meta, tally, .. } = *report;
    let body = html! {
        dl {
            @for (name, value) in facts(meta) { dt { (name) } dd { (value) } }
            @for note in &meta.notes { dt { "note" } dd { (one_line(note)) } }
            @if tally.actors.started > 0 { dt { "actors" } dd { (fates(&tally.actors)) } }
        }
        @if tally.schedule.due > 0 { (generator(tally)) }
    };
    Some(Section { id: "run", title: "What was run".to_owned(), body })
}

fn facts(meta: &Meta) -> Vec<(&'static str, String)> {
    let mut facts = vec![("scenario", one_line(&meta.file)), ("target", one_line(&meta.target))];
    facts.push(("dialects", one_line(&meta.dialects.join(", "))));
    facts.extend(meta.load.iter().map(|population| ("load", one_line(population))));
    facts.push(("took", format!("{} from {}", duration(meta.duration), one_line(&meta.started))));
    // What was only watched had neither seed nor workers.
    if meta.workers > 0 {
        facts.push(("seed", meta.seed.to_string()));
        let workers = counted(meta.workers as u64, "worker thread");
        facts.push(("generator", format!("{workers} on {}", counted(meta.cores as u64, "core"))));
    }
    facts.push(("chatproof", one_line(&meta.version)));
    facts
}

fn fates(actors: &Actors) -> String {
    format!(
        "{} started; {} finished, {} gave up, {} stopped by the end of the run",
        grouped(actors.started),
        grouped(actors.finished),
        grouped(actors.failed),
        grouped(actors.interrupted),
    )
}

const COLUMNS: [Column; 6] = [
    Column::words("what was late"),
    Column::numbers("counted"),
    Column::numbers("p50"),
    Column::numbers("p99"),
    Column::numbers("p99.9"),
    Column::numbers("max"),
];

/// Whether the numbers are the target's or the generator's own.
fn generator(tally: &Tally) -> Markup {
    let (schedule, effort) = (&tally.schedule, &tally.effort);
    let (tone, word, meaning) = if is_saturated(tally) {
        (
            Tone::Bad,
            "saturated",
            "The generator could not keep its schedule, so the numbers are its own, not the target's.",
        )
    } else if has_stalled(tally) {
        (
            Tone::Doubtful,
            "paused",
            "The generator kept its schedule but for pauses, which are in the times that it measured.",
        )
    } else {
        (Tone::Good, "on time", "The generator kept its schedule, so the numbers are the target's.")
    };
    let late =
        [("arrivals, behind their schedule", &schedule.lag), ("worker threads, behind their timers", &schedule.delay)];
    let rows = late.iter().filter(|(_, latency)| !latency.is_empty()).map(|(name, latency)| {
        let mut cells = vec![Cell::text(name), Cell::count(latency.count())];
        cells.extend([50.0, 99.0, 99.9].map(|percent| Cell::time(latency.percentile(percent))));
        cells.push(Cell::time(latency.max()));
        cells
    });
    html! {
        h3 #generator { "Generator" }
        p { (Badge { word: word.to_owned(), tone }.markup()) " " (meaning) }
        dl {
            dt { "arrivals" }
            dd { (grouped(schedule.due)) " due, " (grouped(schedule.started)) " started, " (grouped(schedule.dropped)) " dropped" }
            @if let Some(cores) = effort.cores() { dt { "processors" } dd { (format!("{cores:.2}")) " used on average" } }
            @if let Some(busy) = effort.machine() { dt { "machine" } dd { (format!("{:.0}%", busy * 100.0)) " busy, with whatever" } }
        }
        (table("generator-table", "How late the generator was", &COLUMNS, &rows.collect::<Vec<_>>()))
    }
}

const FAILURES: [Column; 4] =
    [Column::numbers("at"), Column::words("actor"), Column::words("step"), Column::words("what happened")];

/// The first steps that did not do what the scenario expects.
pub(super) fn failed_steps(report: &RunReport<'_>) -> Option<Section> {
    let steps = &report.tally.steps;
    let rows: Vec<Vec<Cell>> = steps
        .failures
        .iter()
        .map(|failure| {
            let at = Cell::number(moment(failure.at), failure.at.0);
            vec![at, Cell::text(&failure.actor), Cell::text(&failure.step), Cell::text(&failure.reason)]
        })
        .collect();
    let caption = match steps.failed - steps.failures.len().min(steps.failed as usize) as u64 {
        0 => "Steps that did not do what the scenario expects".to_owned(),
        more => {
            format!("The first steps that did not do what the scenario expects; {} more did not either", grouped(more))
        }
    };
    let body = table("failed-steps-table", &caption, &FAILURES, &rows);
    (steps.failed > 0).then(|| Section { id: "failed-steps", title: "Failed steps".to_owned(), body })
}
