//! A run, or traffic that was watched or recorded.

use std::fmt::Write as _;

use super::summary::{list, table, text};
use super::{Annotation, Level, Told};
use crate::observe::{Grade, ViolationKind};
use crate::record::ViolationTally;
use crate::report::RunReport;
use crate::report::format::{counted, duration, grouped};
use crate::report::words::judged;
use crate::verdict::{Concern, Judgement, ThresholdOutcome, ThresholdState};

/// What is told of a run. `line` knows where its scenario's file has a threshold.
pub fn run(report: &RunReport<'_>, line: &dyn Fn(&str) -> Option<usize>) -> Told {
    Told { annotations: annotations(report, line), summary: summary(report) }
}

fn annotations(report: &RunReport<'_>, line: &dyn Fn(&str) -> Option<usize>) -> Vec<Annotation> {
    let RunReport { meta, tally, verdict, checklist: _ } = *report;
    let thresholds = verdict.thresholds.iter().filter_map(|outcome| {
        let place = line(&outcome.text).map(|line| (meta.file.clone(), line));
        Some(Annotation { place, ..threshold(outcome)? })
    });
    let given_up = verdict.reasons.iter().filter(|reason| reason.about == Concern::GivenUp);
    let given_up = given_up.map(|reason| Annotation::new(Level::Error, "given up", &reason.text));
    let mut all: Vec<Annotation> = given_up.chain(thresholds).collect();
    all.extend(tally.violations.iter().filter_map(|(kind, tally)| violation(kind, tally)));
    all.extend(tally.steps.failures.iter().map(|failure| {
        let message = format!("{}, {}: {}", failure.actor, failure.step, failure.reason);
        Annotation::new(Level::Error, "a step failed", message)
    }));
    if verdict.judgement == Judgement::Inconclusive {
        all.extend(verdict.reasons.iter().map(|reason| Annotation::new(Level::Warning, "inconclusive", &reason.text)));
    }
    all.extend(meta.notes.iter().map(|note| Annotation::new(Level::Warning, "note", note)));
    all
}

fn threshold(outcome: &ThresholdOutcome) -> Option<Annotation> {
    let text = &outcome.text;
    match outcome.state {
        ThresholdState::Held => None,
        ThresholdState::Broken => {
            let observed = outcome.observed.as_deref().unwrap_or("nothing");
            let message = format!("`{text}` does not hold: it was {observed}");
            Some(Annotation::new(Level::Error, "threshold broken", message))
        }
        ThresholdState::Unmeasured => {
            let message = format!("`{text}` could not be judged: nothing of the kind was measured");
            Some(Annotation::new(Level::Warning, "threshold not measured", message))
        }
    }
}

fn violation(kind: ViolationKind, tally: &ViolationTally) -> Option<Annotation> {
    let level = match kind.grade() {
        Grade::Fail => Level::Error,
        Grade::NonStrict => Level::Warning,
        Grade::Info => return None,
    };
    let title = format!("{kind}, {} by the {}", counted(tally.count, "time"), kind.side());
    Some(Annotation::new(level, title, evidence(tally)))
}

/// The first sample, in a sentence.
fn evidence(tally: &ViolationTally) -> String {
    let Some(sample) = tally.samples.first() else { return String::new() };
    let violation = &sample.violation;
    let action = violation.action.as_ref().map(|action| format!("{action}: ")).unwrap_or_default();
    let place = violation.pointer.as_ref().map(|pointer| format!(" at `{pointer}`")).unwrap_or_default();
    let rule = [violation.requirement.as_ref().map(ToString::to_string), violation.source.clone()];
    let rule: Vec<String> = rule.into_iter().flatten().collect();
    let rule = if rule.is_empty() { String::new() } else { format!(" ({})", rule.join(", ")) };
    format!("{action}expected {}{place}, got {}{rule}", violation.expected, violation.got)
}

fn summary(report: &RunReport<'_>) -> String {
    let RunReport { meta, tally, verdict, checklist: _ } = *report;
    let mut out = format!("## chatproof: {} {}\n\n", text(&meta.scenario), judged(verdict.judgement));
    // Writing to a string does not fail.
    let _ = writeln!(out, "Against {}, seed {}, {}.\n", text(&meta.target), meta.seed, text(&duration(meta.duration)));
    list(&mut out, verdict.reasons.iter().map(|reason| &reason.text).chain(&meta.notes));
    let thresholds = verdict.thresholds.iter().map(|outcome| {
        let state = match outcome.state {
            ThresholdState::Held => "held",
            ThresholdState::Broken => "broken",
            ThresholdState::Unmeasured => "unmeasured",
        };
        vec![outcome.text.clone(), outcome.observed.clone().unwrap_or_default(), state.to_owned()]
    });
    table(&mut out, &["threshold", "observed", ""], &thresholds.collect::<Vec<_>>());
    let violations = tally.violations.iter().map(|(kind, tally)| {
        let grade = match kind.grade() {
            Grade::Info => "info",
            Grade::NonStrict => "non-strict",
            Grade::Fail => "fails",
        };
        vec![kind.to_string(), grouped(tally.count), grade.to_owned(), evidence(tally)]
    });
    table(&mut out, &["violation", "times", "", "the first"], &violations.collect::<Vec<_>>());
    let actions = tally.actions().map(|(dialect, transport, name, action)| {
        let at = |percent| action.response.percentile(percent).map(duration).unwrap_or_default();
        let (errors, timeouts) = (grouped(action.failed()), grouped(action.timeouts));
        vec![format!("{name} ({dialect}, {transport})"), grouped(action.sent), errors, timeouts, at(50.0), at(99.0)]
    });
    let heads = ["action", "sent", "errors", "timeouts", "p50", "p99"];
    table(&mut out, &heads, &actions.collect::<Vec<_>>());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::format::is_unseen;
    use crate::report::sample;

    /// Everything that is told, in one text.
    fn whole(run: &sample::Run) -> String {
        let told = super::run(&run.report(), &|text| (text == "send_event.response.p99 < 2ms").then_some(14));
        let commands: Vec<String> = Annotation::bounded(told.annotations).iter().map(ToString::to_string).collect();
        format!("{}\n\n{}", commands.join("\n"), told.summary)
    }

    #[test]
    fn passing() {
        insta::assert_snapshot!(whole(&sample::passing()));
    }

    #[test]
    fn failing() {
        insta::assert_snapshot!(whole(&sample::failing()));
    }

    #[test]
    fn observed() {
        insta::assert_snapshot!(whole(&sample::observed()));
    }

    #[test]
    fn what_a_peer_says_is_no_command_and_no_mark_up() {
        let whole = whole(&sample::hostile());
        insta::assert_snapshot!(whole);
        assert!(whole.lines().all(|line| !line.contains(is_unseen)));
        let markup = whole.lines().filter(|line| !line.starts_with("::")).any(|line| line.contains("<script>"));
        assert!(!markup, "{whole}");
    }
}
