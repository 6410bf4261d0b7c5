//! How long a run at a load takes, so that its percentiles rest on enough samples, and how long the target may rest after it.

use std::time::Duration;

/// A run is lengthened to at most so many times the usual.
const LONGEST: u32 = 10;
/// The rest after a run that was good, as a share of its length.
const REST: u32 = 10;
/// How many times as long after one that was not: queues have to run empty.
const LONGER_AFTER_MISS: u32 = 3;
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// The times of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Loaded and not counted.
    pub warm_up: Duration,
    /// Loaded and counted.
    pub counted: Duration,
}

/// Plans the length of runs. What it needs to know it learns from them.
#[derive(Debug, Clone)]
pub struct Pace {
    usual: Times,
    /// Samples that the strictest threshold needs.
    wanted: u64,
    /// Samples per second at a load of one; none before the first run.
    yielded: Option<f64>,
}

impl Pace {
    /// Runs of that length, longer where `wanted` samples would not come together.
    pub fn new(usual: Times, wanted: u64) -> Self {
        Self { usual, wanted, yielded: None }
    }

    /// How long a run at this load takes.
    pub fn times(&self, load: f64) -> Times {
        let needed = match self.yielded {
            // A tenth more than needed: arrivals come by chance.
            Some(yielded) => self.wanted as f64 / (yielded * load) * 1.1,
            None => 0.0,
        };
        let longest = self.usual.counted * LONGEST;
        let needed = Duration::try_from_secs_f64(needed).unwrap_or(longest);
        Times { counted: needed.clamp(self.usual.counted, longest), ..self.usual }
    }

    /// Takes note of how many samples came of a run. Says whether it is worth repeating, because a longer one would yield enough, or
    /// at least twice as many.
    pub fn learn(&mut self, load: f64, times: Times, samples: u64) -> bool {
        if samples > 0 && load > 0.0 {
            self.yielded = Some(samples as f64 / times.counted.as_secs_f64() / load);
        }
        samples > 0 && samples < self.wanted && self.times(load).counted >= times.counted * 2
    }

    /// How long the target rests after a run.
    pub fn rest(&self, after: Times, good: bool) -> Duration {
        let rest = (after.warm_up + after.counted) / REST;
        (if good { rest } else { rest * LONGER_AFTER_MISS }).min(LONGEST_REST)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USUAL: Times = Times { warm_up: Duration::from_secs(2), counted: Duration::from_secs(10) };

    #[test]
    fn a_run_is_lengthened_up_to_a_limit() {
        let mut pace = Pace::new(USUAL, 1000);
        assert_eq!(pace.times(20.0), USUAL);
        // One sample an arrival: 200 of the 1000 came together.
        assert!(pace.learn(20.0, USUAL, 200));
        assert_eq!(pace.times(20.0), Times { counted: Duration::from_secs(55), ..USUAL });
        assert_eq!(pace.times(2.0), Times { counted: Duration::from_secs(100), ..USUAL });
        assert_eq!(pace.times(500.0), USUAL);
        // A longer one was made, and nothing is gained by repeating it.
        assert!(!pace.learn(20.0, pace.times(20.0), 950));
        assert!(!pace.learn(2.0, pace.times(2.0), 200));
    }

    #[test]
    fn nothing_is_learned_of_a_run_without_samples() {
        let mut pace = Pace::new(USUAL, 1000);
        assert!(!pace.learn(20.0, USUAL, 0));
        assert_eq!(pace.times(20.0), USUAL);
    }

    #[test]
    fn queues_get_time_to_run_empty() {
        let pace = Pace::new(USUAL, 1000);
        assert_eq!(pace.rest(USUAL, true), Duration::from_millis(1200));
        assert_eq!(pace.rest(USUAL, false), Duration::from_millis(3600));
        let long = Times { counted: Duration::from_secs(500), ..USUAL };
        assert_eq!(pace.rest(long, true), LONGEST_REST);
    }

    proptest! {
        #[test]
        fn a_planned_run_yields_enough_or_is_as_long_as_allowed(
            load in 0.1..10_000.0f64, next in 0.1..10_000.0f64, yielded in 0.01..50.0f64, wanted in 10u64..100_000
        ) {
            let mut pace = Pace::new(USUAL, wanted);
            let samples = (yielded * load * USUAL.counted.as_secs_f64()).round() as u64;
            prop_assume!(samples > 50);
            pace.learn(load, USUAL, samples);
            let times = pace.times(next);
            prop_assert!(times.counted >= USUAL.counted && times.counted <= USUAL.counted * LONGEST);
            let expected = yielded * next * times.counted.as_secs_f64();
            prop_assert!(times.counted == USUAL.counted * LONGEST || expected >= wanted as f64);
        }
    }
}
