//! The report for build servers. It is red exactly when the verdict is.
//!
//! What makes a verdict fail is a failure, what could not be judged an error. What a run may pass with, a violation
//! that is merely not strict or one that the scenario's thresholds tolerate, is a skipped case with its reason: seen,
//! but neither red nor green.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::RunReport;
use super::format::{counted, duration, moment, one_line, seen};
use crate::observe::{Grade, Side, ViolationKind};
use crate::protocol::{DialectName, Transport};
use crate::record::{ActionTally, Sample, StepFailure, Tally, ViolationTally};
use crate::verdict::{Judgement, ThresholdOutcome, ThresholdState, Verdict};

/// Writes the report as JUnit XML: a suite each for the verdict, thresholds, violations, failed steps and actions.
///
/// # Errors
/// When the writer fails.
pub fn junit(report: &RunReport<'_>, out: &mut impl Write) -> io::Result<()> {
    let RunReport { meta, tally, verdict, checklist: _ } = *report;
    let mut document = Report::new(format!("chatproof {}", one_line(&meta.scenario)));
    document.set_time(meta.duration);
    document.timestamp = meta.started.parse().ok();
    let mut suites = [
        suite("verdict", verdicts(verdict)),
        suite("thresholds", verdict.thresholds.iter().map(threshold)),
        suite("violations", violations(tally, verdict)),
        suite("steps", steps(tally, verdict)),
        suite("actions", actions(tally, verdict)),
    ];
    for (name, value) in [("file", &meta.file), ("target", &meta.target), ("seed", &meta.seed.to_string())] {
        suites[0].add_property((one_line(name), one_line(value)));
    }
    document.add_test_suites(suites.into_iter().filter(|suite| suite.tests > 0));
    document.serialize(out).map_err(io::Error::other)
}

fn suite(name: &str, cases: impl IntoIterator<Item = TestCase>) -> TestSuite {
    let mut suite = TestSuite::new(name);
    suite.add_test_cases(cases);
    suite
}

fn case(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(one_line(name), status);
    case.set_classname(one_line(class));
    case
}

fn wrong(kind: NonSuccessKind, name: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(name).set_message(one_line(message));
    status
}

fn passable(name: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_type(name).set_message(one_line(message));
    status
}

/// What fails a run unless its thresholds say otherwise, as they must have when it did not fail.
fn fault(verdict: &Verdict, name: &str, message: &str) -> TestCaseStatus {
    match verdict.judgement {
        Judgement::Failed => wrong(NonSuccessKind::Failure, name, message),
        _ => passable(name, &format!("tolerated by the thresholds: {message}")),
    }
}

/// A case with a longer text: of what is wrong, or beside a success.
fn told(class: &str, name: &str, mut status: TestCaseStatus, text: String) -> TestCase {
    let success = matches!(status, TestCaseStatus::Success { .. });
    if !success && !text.is_empty() {
        status.set_description(&text);
    }
    let mut case = case(class, name, status);
    if success && !text.is_empty() {
        case.set_system_out(text);
    }
    case
}

/// The verdict, and that on each side where neither is ours.
fn verdicts(verdict: &Verdict) -> Vec<TestCase> {
    let reasons: Vec<String> = verdict.reasons.iter().map(|reason| one_line(&reason.text)).collect();
    let mut cases = vec![told("verdict", "verdict", judged(verdict.judgement), reasons.join("\n"))];
    if let Some(sides) = verdict.sides {
        cases.extend(Side::ALL.map(|side| case("verdict", &side.to_string(), judged(sides.of(side)))));
    }
    cases
}

fn judged(judgement: Judgement) -> TestCaseStatus {
    match judgement {
        Judgement::Passed | Judgement::NonStrict => TestCaseStatus::success(),
        Judgement::Failed => wrong(NonSuccessKind::Failure, "failed", "not everything held"),
        Judgement::Inconclusive => wrong(NonSuccessKind::Error, "inconclusive", "too little was seen to judge"),
    }
}

fn threshold(outcome: &ThresholdOutcome) -> TestCase {
    let observed = outcome.observed.as_deref().unwrap_or("nothing");
    let status = match outcome.state {
        ThresholdState::Held => TestCaseStatus::success(),
        ThresholdState::Broken => wrong(NonSuccessKind::Failure, "broken", &format!("observed {observed}")),
        ThresholdState::Unmeasured => wrong(NonSuccessKind::Error, "unmeasured", "nothing of the kind was measured"),
    };
    case("thresholds", &outcome.text, status)
}

fn violations(tally: &Tally, verdict: &Verdict) -> Vec<TestCase> {
    let case = |(kind, tally): (ViolationKind, &ViolationTally)| {
        let message = counted(tally.count, "time");
        let (class, status) = match kind.grade() {
            Grade::Fail => ("violations.fail", fault(verdict, kind.name(), &message)),
            Grade::NonStrict => ("violations.non_strict", passable(kind.name(), &format!("not strict: {message}"))),
            Grade::Info => ("violations.info", TestCaseStatus::success()),
        };
        let evidence: Vec<String> = tally.samples.iter().map(evidence).collect();
        let class = match verdict.sides {
            Some(_) => format!("{class}.{}", kind.side()),
            None => class.to_owned(),
        };
        told(&class, kind.name(), status, evidence.join("\n\n"))
    };
    tally.violations.iter().map(case).collect()
}

fn evidence(sample: &Sample) -> String {
    let violation = &sample.violation;
    let optional =
        |name: &str, text: Option<&str>| text.map_or(String::new(), |text| format!("\n{name}: {}", seen(text)));
    let requirement = violation.requirement.as_ref().map(ToString::to_string);
    format!(
        "at: {}\nconnection: {} ({} {}){}{}{}{}{}\nexpected: {}\ngot: {}",
        moment(violation.at),
        violation.connection.0,
        violation.dialect,
        violation.transport,
        optional("action", violation.action.as_deref()),
        optional("pointer", violation.pointer.as_deref()),
        optional("keyword", violation.keyword.as_deref()),
        optional("requirement", requirement.as_deref()),
        optional("document", violation.source.as_deref()),
        seen(&violation.expected),
        seen(&violation.got),
    )
}

fn steps(tally: &Tally, verdict: &Verdict) -> Vec<TestCase> {
    let case = |failure: &StepFailure| {
        case(&format!("steps.{}", failure.actor), &failure.step, fault(verdict, "step", &failure.reason))
    };
    tally.steps.failures.iter().map(case).collect()
}

fn actions(tally: &Tally, verdict: &Verdict) -> Vec<TestCase> {
    let case = |(dialect, transport, name, action): (&DialectName, Transport, &str, &ActionTally)| {
        let status = match action.timeouts {
            0 => TestCaseStatus::success(),
            timeouts => {
                let requests = counted(timeouts, "request");
                fault(verdict, "timeout", &format!("{requests} without an answer in the documented time"))
            }
        };
        let mut case = told(&format!("{dialect}.{transport}"), name, status, numbers(action));
        if let Some(mean) = action.response.mean() {
            case.set_time(mean);
        }
        case
    };
    tally.actions().map(case).collect()
}

fn numbers(action: &ActionTally) -> String {
    let mut text = format!("{} sent, {} answered, {} errors", action.sent, action.answered, action.failed());
    for (name, percent) in [("p50", 50.0), ("p99", 99.0)] {
        if let Some(time) = action.response.percentile(percent) {
            text += &format!(", {name} {}", duration(time));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::format::is_unseen;
    use crate::report::sample;

    fn written(sample: &sample::Run) -> String {
        let mut bytes = Vec::new();
        junit(&sample.report(), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn passing() {
        insta::assert_snapshot!(written(&sample::passing()));
    }

    #[test]
    fn failing() {
        insta::assert_snapshot!(written(&sample::failing()));
    }

    #[test]
    fn observed() {
        insta::assert_snapshot!(written(&sample::observed()));
    }

    #[test]
    fn empty() {
        insta::assert_snapshot!(written(&sample::empty()));
    }

    #[test]
    fn it_is_red_exactly_when_the_verdict_is() {
        let counts = |sample: &sample::Run| {
            let report = Report::deserialize_from_str(&written(sample)).unwrap();
            (report.failures > 0, report.errors > 0)
        };
        assert_eq!(counts(&sample::passing()), (false, false));
        assert_eq!(counts(&sample::empty()), (false, true));
        assert!(counts(&sample::failing()).0);
        let mut tolerated = sample::failing();
        tolerated.verdict = Verdict { judgement: Judgement::Passed, ..sample::passing().verdict };
        assert_eq!(counts(&tolerated), (false, false));
    }

    #[test]
    fn foreign_texts_cannot_leave_their_element() {
        let text = written(&sample::hostile());
        assert!(!text.contains(|c: char| c != '\n' && is_unseen(c)));
        let report = Report::deserialize_from_str(&text).unwrap();
        let suite = report.test_suites.iter().find(|suite| suite.name.as_str() == "violations").unwrap();
        let TestCaseStatus::NonSuccess { description: Some(description), .. } = &suite.test_cases[0].status else {
            panic!("{suite:?}")
        };
        assert!(description.contains("]]><script>&quot;--></failure>"), "{description:?}");
    }
}
