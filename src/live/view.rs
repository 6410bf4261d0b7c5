//! What there is to say of a run at one moment.

use std::time::Duration;

use super::Phase;
use crate::engine::{Counts, Progress};
use crate::observe::Moment;
use crate::record::{Effort, Latency, Tally};
use crate::scenario::Load;

/// A run at one moment. What changes fast is told of the time since the look before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// What the run is at; nothing before it began.
    pub phase: Option<Phase>,
    /// Since the first could come.
    pub elapsed: Duration,
    /// From the first who could come to the last.
    pub length: Duration,
    /// Actors that have started.
    pub came: u64,
    /// Actors that walk.
    pub present: usize,
    /// Answers and pushes a second.
    pub messages: f64,
    /// Of the response times.
    pub p99: Option<Duration>,
    /// Violations of any grade, from the beginning.
    pub violations: u64,
    /// Requests without an answer within the documented limit, from the beginning.
    pub timeouts: u64,
    /// Median lag of arrivals.
    pub lag: Option<Duration>,
    /// Processors that this process used.
    pub cores: Option<f64>,
    /// How busy the machine was, from 0 to 1.
    pub machine: Option<f64>,
}

impl View {
    /// Time until the last may come; nothing once that is past.
    pub fn remaining(&self) -> Option<Duration> {
        self.length.checked_sub(self.elapsed).filter(|left| !left.is_zero())
    }
}

/// Watches a run and remembers how it was when it last looked.
#[derive(Debug, Default)]
pub struct Watch {
    before: Seen,
}

/// What a later look is compared with.
#[derive(Debug, Clone, Default)]
struct Seen {
    at: Moment,
    counts: Counts,
    response: Latency,
    lag: Latency,
    effort: Effort,
    violations: u64,
}

impl Watch {
    /// Looks at a run with this load.
    pub fn look(&mut self, progress: &Progress, load: &Load) -> View {
        let Some((clock, window)) = progress.began() else { return View::default() };
        let counts = progress.counts();
        let now = progress.look(|tally| seen(tally, counts, clock.now()));
        let before = std::mem::replace(&mut self.before, now.clone());
        let view = compared(&before, &now);
        View {
            phase: Some(Phase::of(load, window, now.at)),
            elapsed: now.at.since(window.start),
            length: window.end.since(window.start),
            ..view
        }
    }
}

fn seen(tally: &Tally, counts: Counts, at: Moment) -> Seen {
    Seen {
        at,
        counts,
        response: Latency::sum(tally.actions().map(|(_, _, _, action)| &action.response)),
        lag: tally.schedule.lag.clone(),
        effort: tally.effort.clone(),
        violations: tally.violations.iter().map(|(_, kind)| kind.count).sum(),
    }
}

fn compared(before: &Seen, now: &Seen) -> View {
    let messages = |seen: &Seen| seen.counts.answers + seen.counts.pushes;
    let seconds = now.at.since(before.at).as_secs_f64();
    let effort = now.effort.since(&before.effort);
    let since = messages(now).saturating_sub(messages(before)) as f64;
    View {
        came: now.counts.came,
        present: now.counts.present,
        messages: if seconds > 0.0 { since / seconds } else { 0.0 },
        p99: now.response.since(&before.response).percentile(99.0),
        // The ledger finds some that no single connection shows; what other processes find is only in the counts.
        violations: now.violations.max(now.counts.violations),
        timeouts: now.counts.timeouts,
        lag: now.lag.since(&before.lag).percentile(50.0),
        cores: effort.cores(),
        machine: effort.machine(),
        ..View::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(millis: &[u64]) -> Latency {
        let mut latency = Latency::default();
        millis.iter().for_each(|ms| latency.record(Duration::from_millis(*ms)));
        latency
    }

    fn at(second: u64) -> Moment {
        Moment::default() + Duration::from_secs(second)
    }

    #[test]
    fn what_changes_fast_is_of_the_time_since_the_look_before() {
        let slow = Seen {
            at: at(10),
            counts: Counts { present: 5, came: 8, answers: 100, timeouts: 1, pushes: 50, violations: 2 },
            response: latency(&[500; 100]),
            lag: latency(&[90; 8]),
            effort: Effort { elapsed_us: 10_000_000, cpu_us: 9_000_000, machine_us: 10_000_000 },
            violations: 3,
        };
        let mut fast = slow.clone();
        fast.at = at(12);
        fast.counts = Counts { present: 4, came: 9, answers: 140, timeouts: 1, pushes: 70, violations: 2 };
        fast.response = latency(&[[500; 100].as_slice(), &[10; 40]].concat());
        fast.lag = latency(&[90, 90, 90, 90, 90, 90, 90, 90, 1]);
        fast.effort = Effort { elapsed_us: 12_000_000, cpu_us: 10_000_000, machine_us: 11_000_000 };
        let view = compared(&slow, &fast);
        let millis = |latency: Option<Duration>| latency.map(|latency| latency.as_millis());
        assert_eq!((millis(view.p99), millis(view.lag)), (Some(10), Some(1)));
        assert_eq!((view.messages, view.cores, view.machine), (30.0, Some(0.5), Some(0.5)));
        assert_eq!((view.came, view.present, view.violations, view.timeouts), (9, 4, 3, 1));
        // Nothing new: nothing to tell of it.
        let still = compared(&fast, &Seen { at: at(13), ..fast.clone() });
        assert_eq!((still.p99, still.lag, still.messages, still.violations), (None, None, 0.0, 3));
    }

    #[test]
    fn a_run_that_has_not_begun_has_no_phase() {
        let load = Load { duration: Duration::ZERO, wind_down: Duration::ZERO, populations: Vec::new() };
        assert_eq!(Watch::default().look(&Progress::default(), &load), View::default());
    }
}
