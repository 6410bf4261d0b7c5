//! How events were ordered and delivered, how the generator kept its schedule, how the actors fared.

use std::io::{self, Write};

use super::page::Page;
use crate::record::{Effort, Ordering, Schedule, Steps, Tally};
use crate::report::format::{counted, duration, grouped, moment, one_line, percent};
use crate::report::words::fates;

/// Ordering, generator and actors, each in a line or two.
pub fn numbers(page: &mut Page<'_, impl Write>, tally: &Tally) -> io::Result<()> {
    let Tally { ordering, schedule, effort, actors, .. } = tally;
    if ordering.events == 0 && schedule.due == 0 && actors.started == 0 {
        return Ok(());
    }
    page.heading("Conduct", "")?;
    if ordering.events > 0 {
        page.labelled("order", &order(ordering))?;
        page.labelled("delivery", &delivery(ordering))?;
    }
    if schedule.due > 0 {
        page.labelled("generator", &generator(schedule, effort))?;
    }
    if actors.started > 0 {
        page.labelled("actors", &fates(actors))?;
    }
    Ok(())
}

fn order(ordering: &Ordering) -> String {
    let mut text = format!(
        "{} in {}; {} of {} reordered ({}",
        counted(ordering.events, "event"),
        counted(ordering.threads, "thread"),
        grouped(ordering.reordered),
        counted(ordering.arrivals, "arrival"),
        percent(ordering.reordered, ordering.arrivals),
    );
    if let Some((&most, _)) = ordering.extents.last_key_value() {
        text += &format!(", at most {}", counted(u64::from(most), "place"));
    }
    text.push(')');
    if ordering.evicted > 0 {
        text += &format!("; {} forgotten to save memory", counted(ordering.evicted, "thread"));
    }
    text
}

fn delivery(ordering: &Ordering) -> String {
    format!(
        "{} of acknowledged events expected; {} lost, {} impossible to judge",
        counted(ordering.expected, "arrival"),
        grouped(ordering.lost),
        grouped(ordering.indeterminate),
    )
}

fn generator(schedule: &Schedule, effort: &Effort) -> String {
    let mut text = format!(
        "{} due, {} started, {} dropped",
        counted(schedule.due, "arrival"),
        grouped(schedule.started),
        grouped(schedule.dropped),
    );
    if let (Some(p50), Some(p99)) = (schedule.lag.percentile(50.0), schedule.lag.percentile(99.0)) {
        text += &format!("; late by {} at p50, {} at p99", duration(p50), duration(p99));
    }
    if let (Some(p50), Some(p99)) = (schedule.delay.percentile(50.0), schedule.delay.percentile(99.0)) {
        text += &format!("; its threads late by {} at p50, {} at p99", duration(p50), duration(p99));
    }
    if let Some(cores) = effort.cores() {
        text += &format!("; {cores:.2} cores used");
    }
    if let Some(busy) = effort.machine() {
        text += &format!("; the machine {:.0}% busy", busy * 100.0);
    }
    text
}

/// The first steps that did not do what the scenario expects.
pub fn failed_steps(page: &mut Page<'_, impl Write>, steps: &Steps) -> io::Result<()> {
    if steps.failed == 0 {
        return Ok(());
    }
    let remark = if steps.failed > steps.failures.len() as u64 {
        format!("{}, the first:", grouped(steps.failed))
    } else {
        grouped(steps.failed)
    };
    page.heading("Failed steps", &remark)?;
    for failure in &steps.failures {
        let text = format!(
            "{} {}, {}: {}",
            moment(failure.at),
            one_line(&failure.actor),
            one_line(&failure.step),
            one_line(&failure.reason),
        );
        page.paragraph(2, &text)?;
    }
    Ok(())
}
