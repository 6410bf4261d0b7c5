//! From a tally and thresholds to a verdict.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::measure::measured;
use super::threshold::{Comparison, Limit, Metric, Only, Threshold};
use crate::observe::{Grade, Side, ViolationKind};
use crate::record::Tally;

/// What a run comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// In a word.
    pub judgement: Judgement,
    /// Why; the most important first. Empty when there is nothing to say against the run.
    pub reasons: Vec<Reason>,
    /// The scenario's thresholds in its order, then the rules that always hold.
    pub thresholds: Vec<ThresholdOutcome>,
    /// What each side comes to, where neither of them is ours.
    pub sides: Option<Sides>,
}

/// Something to be said against a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// In a sentence.
    pub text: String,
    /// What it is about, for those who want to see more of it.
    pub about: Concern,
}

/// What a reason is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// Violations of one kind.
    Violation(ViolationKind),
    /// Steps that failed.
    Steps,
    /// A threshold that did not hold, or that nothing was measured for.
    Threshold(ThresholdState),
    /// That nothing was checked.
    Silence,
    /// That it was given up early.
    GivenUp,
}

/// What each side comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// The server.
    pub server: Judgement,
    /// The client.
    pub client: Judgement,
}

impl Verdict {
    /// The same of a run that was given up for this reason.
    #[must_use]
    pub fn given_up(mut self, reason: String) -> Self {
        self.judgement = Judgement::Failed;
        self.reasons.insert(0, Reason { text: reason, about: Concern::GivenUp });
        self
    }
}

impl Sides {
    /// What one side comes to.
    pub fn of(self, side: Side) -> Judgement {
        match side {
            Side::Server => self.server,
            Side::Client => self.client,
        }
    }
}

/// A verdict in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Something was checked, and all of it held.
    Passed,
    /// The same, but for things that are legal by the letter and that no good server does.
    NonStrict,
    /// Something did not hold.
    Failed,
    /// Nothing was checked, or something that was asked for could not be measured.
    Inconclusive,
}

/// What became of a threshold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThresholdOutcome {
    /// The threshold, in its canonical text.
    pub text: String,
    /// What was measured; none when nothing was.
    pub observed: Option<String>,
    /// Whether it held.
    pub state: ThresholdState,
    /// Whether it is one of the rules that hold for every run.
    pub built_in: bool,
}

/// Whether a threshold held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdState {
    /// It did.
    Held,
    /// It did not.
    Broken,
    /// Nothing of the kind happened, so nobody knows.
    Unmeasured,
}

/// Judges a run that took so long. What is legal by the letter only matters when no threshold says how much of it is good
/// enough.
pub fn judge(tally: &Tally, thresholds: &[Threshold], elapsed: Duration) -> Verdict {
    let always = built_in().into_iter().filter(|rule| thresholds.iter().all(|own| own.metric != rule.metric));
    let always: Vec<Threshold> = always.collect();
    let own = thresholds.iter().map(|threshold| outcome(threshold, tally, elapsed, false));
    let outcomes: Vec<ThresholdOutcome> =
        own.chain(always.iter().map(|rule| outcome(rule, tally, elapsed, true))).collect();
    let any = |state| outcomes.iter().any(|outcome| outcome.state == state);
    let nothing = is_silent(tally);
    let not_strict = tally.violations.graded(Side::Server, Grade::NonStrict) > 0
        && thresholds.iter().all(|threshold| threshold.metric != Metric::NonStrict);
    let judgement = if any(ThresholdState::Broken) {
        Judgement::Failed
    } else if nothing || any(ThresholdState::Unmeasured) {
        Judgement::Inconclusive
    } else if not_strict {
        Judgement::NonStrict
    } else {
        Judgement::Passed
    };
    let reasons = reasons(tally, &outcomes, nothing, Told::Server);
    Verdict { judgement, reasons, thresholds: outcomes, sides: None }
}

/// Judges both sides of traffic that is not ours.
pub fn judge_observed(tally: &Tally, elapsed: Duration) -> Verdict {
    let [violations, timeouts, _] = built_in();
    let of_client =
        Threshold { metric: Metric::ClientViolations, comparison: Comparison::Equal, limit: Limit::Count(0) };
    let outcomes = [violations, timeouts, of_client].map(|rule| outcome(&rule, tally, elapsed, true));
    let broken = outcomes.each_ref().map(|outcome| outcome.state == ThresholdState::Broken);
    let asked = tally.actions().any(|(_, _, _, action)| action.sent > 0);
    let judged = |side, failed: bool, seen: bool| match tally.violations.graded(side, Grade::NonStrict) {
        _ if failed => Judgement::Failed,
        _ if !seen => Judgement::Inconclusive,
        0 => Judgement::Passed,
        _ => Judgement::NonStrict,
    };
    let nothing = is_silent(tally);
    let sides = Sides {
        server: judged(Side::Server, broken[0] || broken[1], !nothing),
        client: judged(Side::Client, broken[2], asked),
    };
    let judgement = match (sides.server, sides.client) {
        (Judgement::Failed, _) | (_, Judgement::Failed) => Judgement::Failed,
        (Judgement::Inconclusive, _) | (_, Judgement::Inconclusive) => Judgement::Inconclusive,
        (Judgement::NonStrict, _) | (_, Judgement::NonStrict) => Judgement::NonStrict,
        (Judgement::Passed, Judgement::Passed) => Judgement::Passed,
    };
    let mut reasons = reasons(tally, &outcomes, nothing, Told::BothSides);
    if sides.client == Judgement::Inconclusive {
        let text = "nothing was checked of the client: it sent no request".to_owned();
        reasons.push(Reason { text, about: Concern::Silence });
    }
    Verdict { judgement, reasons, thresholds: outcomes.into(), sides: Some(sides) }
}

/// Whether a server said nothing that could be judged.
fn is_silent(tally: &Tally) -> bool {
    tally.pushes() == 0 && tally.actions().all(|(_, _, _, action)| action.answered == 0)
}

/// Whose faults are told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// The server's: our own client is not judged.
    Server,
    /// Those of both, each with its side.
    BothSides,
}

/// The rules that hold for every run, unless its scenario says something else about the same metric.
fn built_in() -> [Threshold; 3] {
    let none = |metric| Threshold { metric, comparison: Comparison::Equal, limit: Limit::Count(0) };
    [none(Metric::Violations(None)), none(Metric::Timeouts(Only::default())), none(Metric::FailedSteps)]
}

fn outcome(threshold: &Threshold, tally: &Tally, elapsed: Duration, built_in: bool) -> ThresholdOutcome {
    let measured = measured(&threshold.metric, tally, elapsed);
    let holds = measured.and_then(|measured| holds(threshold.comparison, measured, threshold.limit));
    let state = match holds {
        Some(true) => ThresholdState::Held,
        Some(false) => ThresholdState::Broken,
        None => ThresholdState::Unmeasured,
    };
    ThresholdOutcome { text: threshold.to_string(), observed: measured.map(readable), state, built_in }
}

/// None when a metric and its limit have different units, which the parser never makes.
pub(super) fn holds(comparison: Comparison, measured: Limit, limit: Limit) -> Option<bool> {
    Some(match (measured, limit) {
        (Limit::Time(measured), Limit::Time(limit)) => comparison.holds(&measured, &limit),
        (Limit::Count(measured), Limit::Count(limit)) => comparison.holds(&measured, &limit),
        (Limit::Percent(measured), Limit::Percent(limit)) => comparison.holds(&measured, &limit),
        (Limit::PerSecond(measured), Limit::PerSecond(limit)) => comparison.holds(&measured, &limit),
        _ => return None,
    })
}

/// A measured value with as many digits as people want.
pub(super) fn readable(value: Limit) -> String {
    match value {
        Limit::Time(time) if time.as_micros() >= 10_000_000 => format!("{:.1}s", time.as_secs_f64()),
        Limit::Time(time) if time.as_micros() >= 1_000_000 => format!("{:.2}s", time.as_secs_f64()),
        Limit::Time(time) if time.as_micros() >= 10_000 => format!("{:.1}ms", time.as_secs_f64() * 1e3),
        Limit::Time(time) if time.as_micros() >= 1_000 => format!("{:.2}ms", time.as_secs_f64() * 1e3),
        Limit::Time(time) => format!("{}us", time.as_micros()),
        Limit::Count(count) => count.to_string(),
        Limit::Percent(percent) => format!("{percent:.2}%"),
        Limit::PerSecond(rate) => format!("{rate:.1}/s"),
    }
}

/// What is wrong by grade, then thresholds, then what could not be judged.
fn reasons(tally: &Tally, outcomes: &[ThresholdOutcome], nothing: bool, told: Told) -> Vec<Reason> {
    let mut reasons = violations(tally, Grade::Fail, "", told);
    let mut tell = |about, text| reasons.push(Reason { text, about });
    if let Some(first) = tally.steps.failures.first() {
        let (count, actor, step, reason) = (tally.steps.failed, &first.actor, &first.step, &first.reason);
        tell(Concern::Steps, format!("{count} × a step failed: {actor}, {step}: {reason}"));
    }
    for outcome in outcomes.iter().filter(|outcome| outcome.state == ThresholdState::Broken) {
        let observed = outcome.observed.as_deref().unwrap_or("nothing");
        tell(Concern::Threshold(outcome.state), format!("`{}` does not hold: it was {observed}", outcome.text));
    }
    if nothing {
        tell(Concern::Silence, "nothing was checked: there was no answer and no push".to_owned());
    }
    for outcome in outcomes.iter().filter(|outcome| outcome.state == ThresholdState::Unmeasured) {
        let text = format!("`{}` could not be judged: nothing of the kind was measured", outcome.text);
        tell(Concern::Threshold(outcome.state), text);
    }
    reasons.extend(violations(tally, Grade::NonStrict, " (not strict)", told));
    reasons
}

/// Each kind of a grade with its first sample; the most frequent first.
fn violations(tally: &Tally, grade: Grade, mark: &str, told: Told) -> Vec<Reason> {
    let mut kinds: Vec<_> = tally.violations.iter().filter(|(kind, _)| kind.grade() == grade).collect();
    kinds.sort_by_key(|(kind, violations)| (std::cmp::Reverse(violations.count), *kind));
    let sentence = |sample: &crate::record::Sample| {
        let violation = &sample.violation;
        let action = violation.action.as_ref().map(|action| format!("{action}: ")).unwrap_or_default();
        let place = violation.pointer.as_ref().map(|pointer| format!(" at `{pointer}`")).unwrap_or_default();
        format!("{action}expected {}{place}, got {}", violation.expected, violation.got)
    };
    let first = |tally: &crate::record::ViolationTally| tally.samples.first().map(sentence).unwrap_or_default();
    let side = |kind: ViolationKind| match told {
        Told::Server => String::new(),
        Told::BothSides => format!("{}: ", kind.side()),
    };
    let line = |(kind, tally): (ViolationKind, &crate::record::ViolationTally)| Reason {
        text: format!("{}{} × {kind}{mark}: {}", side(kind), tally.count, first(tally)),
        about: Concern::Violation(kind),
    };
    kinds.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use crate::observe::{ConnectionId, Moment, Violation};
    use crate::protocol::Transport;
    use crate::record::{ActionTally, StepFailure};

    use super::*;

    /// 100 answers to `send_event` of 1 to 100 ms, one of them an error, over websocket by agents.
    fn tally() -> Tally {
        let mut action = ActionTally { sent: 100, answered: 100, succeeded: 99, ..ActionTally::default() };
        action.errors.insert("validation".to_owned(), 1);
        for n in 1..=100 {
            action.response.record(Duration::from_millis(n));
            action.service.record(Duration::from_millis(n) / 2);
        }
        let mut tally = Tally::default();
        let dialect = tally.dialects.entry("agent/v3.0".into()).or_default();
        dialect.transports.entry(Transport::Websocket).or_default().actions.insert("send_event".to_owned(), action);
        tally
    }

    fn violated(mut tally: Tally, kind: ViolationKind) -> Tally {
        let violation = Violation {
            kind,
            at: Moment(1),
            connection: ConnectionId(1),
            dialect: "agent/v3.0".into(),
            transport: Transport::Websocket,
            action: Some("incoming_event".to_owned()),
            requirement: None,
            source: None,
            pointer: None,
            keyword: None,
            place: None,
            expected: "one".to_owned(),
            got: "two".to_owned(),
        };
        tally.violations.add(violation, Vec::new);
        tally
    }

    fn verdict(tally: &Tally, thresholds: &[&str]) -> Verdict {
        let thresholds: Vec<Threshold> = thresholds.iter().map(|text| text.parse().unwrap()).collect();
        judge(tally, &thresholds, Duration::from_secs(20))
    }

    fn told(verdict: &Verdict) -> Vec<&str> {
        verdict.reasons.iter().map(|reason| reason.text.as_str()).collect()
    }

    fn state(tally: &Tally, threshold: &str) -> (ThresholdState, Option<String>) {
        let outcome = verdict(tally, &[threshold]).thresholds.swap_remove(0);
        (outcome.state, outcome.observed)
    }

    #[test]
    fn a_run_without_fault_passes_by_the_rules_that_always_hold() {
        let verdict = verdict(&tally(), &[]);
        assert_eq!((verdict.judgement, verdict.reasons.len()), (Judgement::Passed, 0));
        let rules: Vec<_> =
            verdict.thresholds.iter().map(|outcome| (outcome.text.as_str(), outcome.built_in)).collect();
        assert_eq!(rules, [("violations == 0", true), ("timeouts == 0", true), ("failed_steps == 0", true)]);
    }

    #[test]
    fn each_metric_is_measured() {
        use ThresholdState::{Broken, Held, Unmeasured};
        let mut tally = tally();
        tally.schedule.dropped = 2;
        tally.schedule.lag.record(Duration::from_micros(30));
        tally.ordering.reordered = 3;
        for (threshold, expected, observed) in [
            ("send_event.response.p50 < 51ms", Held, Some("50.0ms")),
            ("send_event.response.max > 100ms", Held, Some("100.0ms")),
            ("send_event.service.p50 > 25ms", Held, Some("25.0ms")),
            ("send_event{transport:websocket}.service.mean < 30ms", Held, Some("25.3ms")),
            ("send_event{transport:web}.service.mean < 30ms", Unmeasured, None),
            ("send_event{dialect:customer/v0.3}.errors == 0", Unmeasured, None),
            ("send_event.errors == 0", Broken, Some("1")),
            ("send_event.errors <= 1%", Held, Some("1.00%")),
            ("errors < 1%", Broken, Some("1.00%")),
            ("send_event.rate >= 5/s", Held, Some("5.0/s")),
            ("send_event.count != 100", Broken, Some("100")),
            ("ping.count >= 1", Broken, Some("0")),
            ("ping.timeouts == 0", Unmeasured, None),
            ("delivery.p99 < 1s", Unmeasured, None),
            ("connect.p99 < 1s", Unmeasured, None),
            ("lag.max < 1ms", Held, Some("30us")),
            ("dropped == 0", Broken, Some("2")),
            ("reordered == 3", Held, Some("3")),
            ("late == 0", Held, Some("0")),
        ] {
            assert_eq!(state(&tally, threshold), (expected, observed.map(str::to_owned)), "{threshold}");
        }
    }

    #[test]
    fn delivery_is_measured_over_all_receivers_or_one_dialect() {
        let mut tally = tally();
        for (dialect, ms) in [("agent/v3.0", 10), ("customer/v0.3", 30)] {
            tally.dialects.entry(dialect.into()).or_default().delivery.record(Duration::from_millis(ms));
        }
        assert_eq!(state(&tally, "delivery.max < 20ms").0, ThresholdState::Broken);
        assert_eq!(state(&tally, "delivery{dialect:agent/v3.0}.max < 20ms").0, ThresholdState::Held);
    }

    #[test]
    fn a_violation_fails_unless_the_scenario_allows_it() {
        let tally = violated(violated(tally(), ViolationKind::LostEvent), ViolationKind::ReorderedDelivery);
        let strict = verdict(&tally, &[]);
        assert_eq!(strict.judgement, Judgement::Failed);
        assert_eq!(
            told(&strict),
            ["1 × lost_event: incoming_event: expected one, got two", "`violations == 0` does not hold: it was 1"]
        );
        let about: Vec<Concern> = strict.reasons.iter().map(|reason| reason.about).collect();
        assert_eq!(about, [Concern::Violation(ViolationKind::LostEvent), Concern::Threshold(ThresholdState::Broken)]);
        assert_eq!(verdict(&tally, &["violations <= 1"]).judgement, Judgement::Passed);
        assert_eq!(verdict(&tally, &["violations <= 1", "violations.lost_event == 0"]).judgement, Judgement::Failed);
    }

    #[test]
    fn what_is_not_strict_passes_with_a_mark_or_as_the_scenario_says() {
        let tally = violated(tally(), ViolationKind::DuplicatePush);
        assert_eq!(verdict(&tally, &[]).judgement, Judgement::NonStrict);
        assert_eq!(verdict(&tally, &["non_strict <= 1"]).judgement, Judgement::Passed);
        assert_eq!(verdict(&tally, &["non_strict == 0"]).judgement, Judgement::Failed);
    }

    #[test]
    fn nothing_checked_is_not_a_pass() {
        let nothing = verdict(&Tally::default(), &[]);
        assert_eq!(nothing.judgement, Judgement::Inconclusive);
        assert_eq!(told(&nothing), ["nothing was checked: there was no answer and no push"]);
        let unmeasured = verdict(&tally(), &["ping.response.p99 < 1s"]);
        assert_eq!(unmeasured.judgement, Judgement::Inconclusive);
        assert_eq!(unmeasured.reasons.len(), 1);
    }

    #[test]
    fn a_failed_step_or_a_timeout_fails() {
        let mut failed = tally();
        failed.steps.failed = 2;
        let text = |text: &str| text.to_owned();
        let failure =
            StepFailure { at: Moment(1), actor: text("ann"), step: text("steps[1]"), reason: text("no push") };
        failed.steps.failures.push(failure);
        let verdict = verdict(&failed, &[]);
        assert_eq!(verdict.judgement, Judgement::Failed);
        assert_eq!(told(&verdict)[0], "2 × a step failed: ann, steps[1]: no push");
        let mut late = tally();
        let dialect = late.dialects.get_mut("agent/v3.0").unwrap();
        dialect.transports.get_mut(&Transport::Websocket).unwrap().actions.get_mut("send_event").unwrap().timeouts = 1;
        assert_eq!(judge(&late, &[], Duration::ZERO).judgement, Judgement::Failed);
    }

    #[test]
    fn each_side_of_what_is_not_ours_has_a_verdict_of_its_own() {
        use Judgement::{Failed, Inconclusive, NonStrict, Passed};
        let judged = |tally: Tally| {
            let verdict = judge_observed(&tally, Duration::from_secs(1));
            let sides = verdict.sides.unwrap();
            (verdict.judgement, sides.of(Side::Server), sides.of(Side::Client))
        };
        assert_eq!(judged(tally()), (Passed, Passed, Passed));
        assert_eq!(judged(violated(tally(), ViolationKind::LostEvent)), (Failed, Failed, Passed));
        assert_eq!(judged(violated(tally(), ViolationKind::ReusedCorrelation)), (Failed, Passed, Failed));
        assert_eq!(judged(violated(tally(), ViolationKind::DuplicatePush)), (NonStrict, NonStrict, Passed));
        assert_eq!(judged(violated(tally(), ViolationKind::MissingPing)), (NonStrict, Passed, NonStrict));
        assert_eq!(judged(violated(tally(), ViolationKind::Uncorrelated)), (Passed, Passed, Passed));
        assert_eq!(judged(Tally::default()), (Inconclusive, Inconclusive, Inconclusive));
        let spoilt = violated(Tally::default(), ViolationKind::MalformedRequest);
        assert_eq!(judged(spoilt), (Failed, Inconclusive, Failed));
    }

    #[test]
    fn the_reasons_name_the_side_and_our_own_client_is_not_judged() {
        let tally = violated(violated(tally(), ViolationKind::ReusedCorrelation), ViolationKind::DuplicatePush);
        let verdict = judge_observed(&tally, Duration::from_secs(1));
        assert_eq!(
            told(&verdict),
            [
                "client: 1 × reused_correlation: incoming_event: expected one, got two",
                "`client_violations == 0` does not hold: it was 1",
                "server: 1 × duplicate_push (not strict): incoming_event: expected one, got two",
            ]
        );
        assert_eq!(judge(&tally, &[], Duration::from_secs(1)).judgement, Judgement::NonStrict);
    }
}
