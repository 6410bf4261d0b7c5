//! Whether a run tells of the target, or of the generator.

use std::time::Duration;

use crate::record::Tally;

/// Median lag of arrivals, or median delay of the worker threads, from which on the generator was the bottleneck: people would notice
/// it, and every number is larger by it.
const SATURATED: Duration = Duration::from_millis(50);

/// Lag that one arrival in a hundred has when the machine had no time for the generator for a moment, and so perhaps none for a target on the
/// same machine either.
const STALLED: Duration = Duration::from_millis(20);

/// Whether the generator could not keep its schedule, or had no more sockets.
pub fn is_saturated(tally: &Tally) -> bool {
    let late = [&tally.schedule.lag, &tally.schedule.delay].map(|latency| latency.percentile(50.0));
    tally.schedule.exhausted > 0 || late.into_iter().flatten().any(|median| median > SATURATED)
}

/// What the generator lacked, if it lacked something that can be had.
pub fn lack(tally: &Tally) -> Option<String> {
    let stopped = tally.schedule.exhausted;
    (stopped > 0).then(|| {
        format!("{stopped} × an actor had to stop: this machine has no more sockets; raise the limit of open files (`ulimit -n`)")
    })
}

/// Whether the generator kept its schedule but for pauses, which are in the times that it measured.
pub fn has_stalled(tally: &Tally) -> bool {
    tally.schedule.lag.percentile(99.0).is_some_and(|lag| lag > STALLED)
}

/// Whether the target was asked and let nobody do anything.
pub fn is_refused(tally: &Tally) -> bool {
    let asked = tally.actions().any(|(_, _, _, action)| action.failed() > 0);
    asked && tally.actions().all(|(_, _, _, action)| action.succeeded == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Transport;

    #[test]
    fn a_median_that_people_would_notice_saturates() {
        for by_delay in [false, true] {
            let late = |ms: &[u64]| {
                let mut tally = Tally::default();
                let schedule = &mut tally.schedule;
                let latency = if by_delay { &mut schedule.delay } else { &mut schedule.lag };
                ms.iter().for_each(|ms| latency.record(Duration::from_millis(*ms)));
                is_saturated(&tally)
            };
            assert!(!late(&[]) && !late(&[1, 2, 900]) && late(&[1, 60, 900]));
        }
    }

    #[test]
    fn a_machine_without_sockets_saturates() {
        let mut tally = Tally::default();
        assert!(!is_saturated(&tally) && lack(&tally).is_none());
        tally.schedule.exhausted = 2;
        let said =
            "2 × an actor had to stop: this machine has no more sockets; raise the limit of open files (`ulimit -n`)";
        assert!(is_saturated(&tally) && lack(&tally).as_deref() == Some(said));
    }

    #[test]
    fn a_pause_shows_in_the_last_percent() {
        let stalled = |late: u64| {
            let mut tally = Tally::default();
            (0..1000).for_each(|n| tally.schedule.lag.record(Duration::from_millis(if n < late { 30 } else { 1 })));
            has_stalled(&tally)
        };
        assert!(!has_stalled(&Tally::default()) && !stalled(5) && stalled(50));
    }

    #[test]
    fn a_target_that_refuses_everything_is_told_from_one_that_refuses_something_and_from_silence() {
        let answered = |succeeded: u64, failed: u64| {
            let mut tally = Tally::default();
            let transport = tally.dialects.entry("agent/v3.0".into()).or_default().transports.entry(Transport::Web);
            let action = transport.or_default().actions.entry("login".to_owned()).or_default();
            action.succeeded = succeeded;
            action.errors.insert("authentication".to_owned(), failed);
            is_refused(&tally)
        };
        assert!(answered(0, 3) && !answered(1, 3) && !answered(0, 0) && !is_refused(&Tally::default()));
    }
}
