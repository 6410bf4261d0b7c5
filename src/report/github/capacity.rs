//! A search for the highest load.

use std::fmt::Write as _;

use super::summary::{table, text};
use super::{Annotation, Level, Told};
use crate::capacity::Finding;
use crate::report::CapacityReport;
use crate::report::capacity::{load, outcome};
use crate::report::format::{duration, grouped, significant};

/// What is told of a search.
pub fn capacity(report: &CapacityReport<'_>) -> Told {
    let (meta, course) = (report.meta, report.course);
    let level = match course.finding {
        Finding::Between { .. } | Finding::AtLeast { .. } => Level::Notice,
        Finding::Generator { .. } | Finding::Open { .. } => Level::Warning,
        Finding::BelowLowest { .. } => Level::Error,
    };
    let found = Annotation::new(level, "capacity", report.sentence());
    let notes = meta.notes.iter().map(|note| Annotation::new(Level::Warning, "note", note));
    let annotations = std::iter::once(found).chain(notes).collect();
    let mut summary = format!("## chatproof: capacity of {}\n\n", text(&meta.target));
    // Writing to a string does not fail.
    let _ = writeln!(summary, "{}\n", text(&report.sentence()));
    let points = course.points.iter().map(|point| {
        let time = |pick: fn(&crate::capacity::Percentiles) -> std::time::Duration| {
            point.response.as_ref().map(|response| duration(pick(response))).unwrap_or_default()
        };
        vec![
            load(course.unit, point.load),
            outcome(point.outcome).to_owned(),
            time(|response| response.p50),
            time(|response| response.p99),
            grouped(point.errors),
            significant(point.throughput),
            point.reasons.first().cloned().unwrap_or_default(),
        ]
    });
    let heads = ["load", "outcome", "p50", "p99", "errors", "answers/s", "why"];
    table(&mut summary, &heads, &points.collect::<Vec<_>>());
    Told { annotations, summary }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::capacity::samples;

    #[test]
    fn what_was_found_is_as_good_or_bad_as_it_is_and_every_load_has_a_row() {
        let levels: Vec<Level> = samples::all()
            .iter()
            .map(|course| capacity(&samples::report(course)).annotations.remove(0).level)
            .collect();
        assert_eq!(levels[..4], [Level::Notice, Level::Notice, Level::Error, Level::Warning]);
        let found = samples::found();
        let told = capacity(&samples::report(&found));
        let sentence = "120/s is good enough and 123/s is too much, 2.50% more; both were confirmed";
        assert_eq!(told.annotations, [Annotation::new(Level::Notice, "capacity", sentence)]);
        let rows = told.summary.lines().filter(|line| line.starts_with("| ")).count();
        assert_eq!(rows, 1 + found.points.len(), "{}", told.summary);
    }
}
