//! How far a run has come in its own plan.

use std::time::Duration;

use crate::engine::Window;
use crate::observe::Moment;
use crate::scenario::{Arrivals, Load};

/// How close to the highest load of the plan is called that load.
const NEARLY: f64 = 0.995;

/// What a run is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// People come, and the load is not, or no more, as high as it is to be.
    Arriving,
    /// Every population comes at its highest rate, or is there in its highest number.
    FullLoad,
    /// Nobody comes any more, and those who are there come to their end.
    Draining,
}

impl Phase {
    /// The phase of a run with this load at a moment.
    pub fn of(load: &Load, window: Window, now: Moment) -> Self {
        if now >= window.end {
            return Self::Draining;
        }
        let full = |since: Duration| load.populations.iter().all(|population| is_full(&population.arrivals, since));
        if now >= window.begin && full(now.since(window.begin)) { Self::FullLoad } else { Self::Arriving }
    }
}

/// Whether a population is at its highest load, so long after arrivals began.
fn is_full(arrivals: &Arrivals, since: Duration) -> bool {
    match arrivals {
        Arrivals::Open { stages, .. } => is_highest(stages.iter().map(|s| (s.from, s.to, s.over)), since),
        Arrivals::Closed { stages } => is_highest(stages.iter().map(|s| (s.from as f64, s.to as f64, s.over)), since),
        // They come before.
        Arrivals::Standing { .. } => true,
        Arrivals::Together { at, .. } => since >= *at,
    }
}

fn is_highest(stages: impl Iterator<Item = (f64, f64, Duration)> + Clone, since: Duration) -> bool {
    let highest = stages.clone().map(|(from, to, _)| from.max(to)).fold(0.0, f64::max);
    let (mut level, mut left) = (0.0, since);
    for (from, to, over) in stages {
        if left < over {
            level = from + (to - from) * (left.as_secs_f64() / over.as_secs_f64());
            break;
        }
        // The last one holds until the end.
        level = to;
        left -= over;
    }
    level >= highest * NEARLY
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Arriving => "arriving",
            Self::FullLoad => "at full load",
            Self::Draining => "draining",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Population, RateStage, Spacing};

    fn load(arrivals: Vec<Arrivals>) -> Load {
        let populations = arrivals.into_iter().enumerate().map(|(number, arrivals)| Population {
            name: format!("p{number}"),
            members: Vec::new(),
            arrivals,
        });
        Load {
            duration: Duration::from_secs(60),
            wind_down: Duration::from_secs(5),
            populations: populations.collect(),
        }
    }

    fn at(load: &Load, second: f64) -> Phase {
        let window = Window::of(load, false);
        Phase::of(load, window, window.begin + Duration::from_secs_f64(second))
    }

    #[test]
    fn a_spike_is_at_full_load_on_its_top_only() {
        let stage = |from, to, over| RateStage { from, to, over: Duration::from_secs(over) };
        let stages = vec![stage(0.0, 10.0, 10), stage(10.0, 10.0, 20), stage(10.0, 1.0, 10)];
        let load = load(vec![Arrivals::Open { stages, spacing: Spacing::Even, at_most: None }]);
        let phases: Vec<_> = [0.0, 9.0, 10.0, 29.9, 35.0, 59.9, 60.0].map(|second| at(&load, second)).into();
        use Phase as P;
        let expected = [P::Arriving, P::Arriving, P::FullLoad, P::FullLoad, P::Arriving, P::Arriving, P::Draining];
        assert_eq!(phases, expected);
    }

    #[test]
    fn it_is_full_when_everybody_is_there() {
        let standing = Arrivals::Standing { count: 4, ramp: Duration::from_secs(3) };
        let together = Arrivals::Together { count: 9, at: Duration::from_secs(5) };
        let load = load(vec![standing, together]);
        let start = Phase::of(&load, Window::of(&load, false), Moment::default());
        assert_eq!((start, at(&load, 4.0), at(&load, 5.0)), (Phase::Arriving, Phase::Arriving, Phase::FullLoad));
    }
}
