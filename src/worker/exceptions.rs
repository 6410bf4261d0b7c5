//! What Locust shows under «Exceptions»: violations that fail a run, and steps that did not do what the scenario expects.
//!
//! Locust counts its exceptions itself, one for each message. A broken server could cause any number, so there is one message
//! for each kind and report, with the number in its text; the exact counts are in the tallies.

use std::collections::BTreeMap;

use super::message::Exception;
use crate::observe::{Grade, Side, ViolationKind};
use crate::record::Tally;

/// Tells what a tally that grows has more each time.
#[derive(Debug, Default)]
pub struct Alarm {
    violations: BTreeMap<ViolationKind, u64>,
    failed_steps: u64,
}

impl Alarm {
    /// What has come since the last time.
    pub fn raise(&mut self, tally: &Tally) -> Vec<Exception> {
        let mut raised = Vec::new();
        for (kind, seen) in tally.violations.iter() {
            if kind.side() != Side::Server || kind.grade() != Grade::Fail {
                continue;
            }
            let before = self.violations.insert(kind, seen.count).unwrap_or_default();
            let more = seen.count.saturating_sub(before);
            if more == 0 {
                continue;
            }
            let example = seen.samples.first().map(|sample| &sample.violation).map_or_else(String::new, |violation| {
                let action = violation.action.as_deref().unwrap_or("the connection");
                format!("; the first was in {action}: expected {}, got {}", violation.expected, violation.got)
            });
            raised.push(Exception {
                msg: format!("{more} × {}{example}", kind.name()),
                traceback: format!("violation: {}", kind.name()),
            });
        }
        let more = tally.steps.failed.saturating_sub(self.failed_steps);
        self.failed_steps = tally.steps.failed;
        if more > 0 {
            let example = tally.steps.failures.first().map_or_else(String::new, |failure| {
                format!("; the first was of {} at {}: {}", failure.actor, failure.step, failure.reason)
            });
            raised.push(Exception {
                msg: format!("{more} × a step did not do what the scenario expects{example}"),
                traceback: "failed steps".to_owned(),
            });
        }
        raised
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{ConnectionId, Moment, Violation};
    use crate::protocol::Transport;
    use crate::record::StepFailure;

    fn violation(kind: ViolationKind) -> Violation {
        Violation {
            kind,
            at: Moment(1),
            connection: ConnectionId(1),
            dialect: "customer/v0.3".into(),
            transport: Transport::Websocket,
            action: Some("send_event".to_owned()),
            requirement: None,
            source: None,
            pointer: None,
            keyword: None,
            place: None,
            expected: "this".to_owned(),
            got: "that".to_owned(),
        }
    }

    #[test]
    fn each_kind_is_told_once_a_report_and_only_what_is_new() {
        let mut tally = Tally::default();
        let mut alarm = Alarm::default();
        assert_eq!(alarm.raise(&tally), []);
        for _ in 0..3 {
            tally.violations.add(violation(ViolationKind::DuplicateEvent), Vec::new);
        }
        let told = |count: u32| Exception {
            msg: format!("{count} × duplicate_event; the first was in send_event: expected this, got that"),
            traceback: "violation: duplicate_event".to_owned(),
        };
        assert_eq!(alarm.raise(&tally), [told(3)]);
        assert_eq!(alarm.raise(&tally), []);
        tally.violations.add(violation(ViolationKind::DuplicateEvent), Vec::new);
        assert_eq!(alarm.raise(&tally), [told(1)]);
    }

    #[test]
    fn what_does_not_fail_a_run_is_no_exception() {
        let mut tally = Tally::default();
        let harmless =
            ViolationKind::ALL.iter().filter(|kind| kind.grade() != Grade::Fail || kind.side() != Side::Server);
        harmless.for_each(|kind| tally.violations.add(violation(*kind), Vec::new));
        assert!(!tally.violations.is_empty());
        assert_eq!(Alarm::default().raise(&tally), []);
    }

    #[test]
    fn a_failed_step_is_told_with_its_place() {
        let mut tally = Tally::default();
        tally.steps.failed = 2;
        tally.steps.failures.push(StepFailure {
            at: Moment(1),
            actor: "customer 3".to_owned(),
            step: "/actors/customer/steps/0".to_owned(),
            reason: "no push within 5s".to_owned(),
        });
        let told = "2 × a step did not do what the scenario expects; the first was of customer 3 at /actors/customer/steps/0: \
                    no push within 5s";
        let exception = Exception { msg: told.to_owned(), traceback: "failed steps".to_owned() };
        assert_eq!(Alarm::default().raise(&tally), [exception]);
    }
}
