//! Who comes when: a pure function of the population, the seed and the share.

use std::time::Duration;

use crate::load::{self, Profile, Share};
use crate::observe::Moment;
use crate::scenario::{Arrivals, Load, Spacing, UserStage};

/// For the worker threads to come up, so that the first actors are not late.
const GET_READY: Duration = Duration::from_millis(100);
/// How long the standing populations have to come before the arrivals begin.
const HEAD_START: Duration = Duration::from_secs(1);

/// The time in which a run's actors come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// When the first of the standing populations come.
    pub start: Moment,
    /// When arrivals begin; standing populations come before.
    pub begin: Moment,
    /// When arrivals end.
    pub end: Moment,
}

impl Window {
    /// That of a run with this load. Nobody stands when it is somebody else who says how many walk.
    pub fn of(load: &Load, wanted: bool) -> Self {
        let ramps = load.populations.iter().filter_map(|population| match population.arrivals {
            Arrivals::Standing { ramp, .. } if !wanted => Some(ramp + HEAD_START),
            _ => None,
        });
        // Not from now on: all shares of a run have the same moments.
        let start = Moment::default() + GET_READY;
        let begin = start + ramps.max().unwrap_or_default();
        Self { start, begin, end: begin + load.duration }
    }
}

/// Somebody comes: an actor, or a cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Coming {
    /// Number in its population, over all shares.
    pub number: u64,
    pub due: Moment,
}

/// A place of a closed population. Whoever ends there is replaced while the place is open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    user: u64,
    of: u64,
    /// When it is open: from and until.
    pub spans: Vec<(Moment, Moment)>,
}

impl Place {
    /// Number in the population of whoever takes the place in this round, counted from 0.
    pub fn number(&self, round: u64) -> u64 {
        round * self.of + self.user
    }
}

/// The comings of a share, in the order of time. There are none of a closed population, which has [`places`].
pub(super) fn comings(
    arrivals: &Arrivals,
    share: Share,
    seed: u64,
    window: Window,
) -> Box<dyn Iterator<Item = Coming> + Send> {
    let Window { start, begin, end } = window;
    match *arrivals {
        Arrivals::Open { ref stages, spacing, .. } => {
            let profile = Profile {
                stages: stages.iter().map(|s| load::Stage { from: s.from, to: s.to, over: s.over }).collect(),
                spacing: match spacing {
                    Spacing::Even => load::Spacing::Even,
                    Spacing::Poisson => load::Spacing::Poisson,
                },
            };
            let all = (0..).zip(load::schedule(&profile, seed, end.since(begin)));
            let mine = all.filter(move |(number, _)| share.has(*number));
            Box::new(mine.map(move |(number, offset)| Coming { number, due: begin + offset }))
        }
        Arrivals::Standing { count, ramp } => {
            let due = move |number| start + ramp.mul_f64(number as f64 / count as f64);
            Box::new(share.below(count as u64).map(move |number| Coming { number, due: due(number) }))
        }
        Arrivals::Together { count, at } => {
            Box::new(share.below(count as u64).map(move |number| Coming { number, due: begin + at }))
        }
        Arrivals::Closed { .. } => Box::new(std::iter::empty()),
    }
}

/// The places of a share of a closed population.
pub(super) fn places(stages: &[UserStage], share: Share, window: Window) -> impl Iterator<Item = Place> {
    let of = most(stages);
    let stages: Vec<_> = stages.iter().map(|s| load::UserStage { from: s.from, to: s.to, over: s.over }).collect();
    share.below(of).map(move |user| {
        let spans =
            load::presence(&stages, usize::try_from(user).unwrap_or(usize::MAX), window.end.since(window.begin));
        let moment = |offset: Duration| window.begin + offset;
        Place { user, of, spans: spans.into_iter().map(|(from, to)| (moment(from), moment(to))).collect() }
    })
}

/// The most users of a closed population at the same time.
pub(super) fn most(stages: &[UserStage]) -> u64 {
    stages.iter().map(|stage| stage.from.max(stage.to)).max().unwrap_or(0) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scenario::RateStage;

    fn window(seconds: u64) -> Window {
        let begin = Moment::default() + Duration::from_secs(2);
        Window {
            start: Moment::default() + Duration::from_millis(100),
            begin,
            end: begin + Duration::from_secs(seconds),
        }
    }

    fn shares(of: u64) -> impl Iterator<Item = Share> {
        (1..=of).filter_map(move |number| Share::new(number, of))
    }

    /// Each part of `of`, divided among so many worker threads.
    fn threads(of: u64, workers: u64) -> Vec<Share> {
        shares(of).flat_map(|share| shares(workers).map(move |worker| share.divided(worker))).collect()
    }

    fn seconds(within: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
        within.prop_map(Duration::from_secs)
    }

    fn arrivals() -> impl Strategy<Value = Arrivals> {
        let rate = (0.0..30.0, 0.0..30.0, seconds(0..5)).prop_map(|(from, to, over)| RateStage { from, to, over });
        let spacing = prop_oneof![Just(Spacing::Even), Just(Spacing::Poisson)];
        prop_oneof![
            (proptest::collection::vec(rate, 1..4), spacing, proptest::option::of(0usize..9))
                .prop_map(|(stages, spacing, at_most)| Arrivals::Open { stages, spacing, at_most }),
            (1usize..60, seconds(0..9)).prop_map(|(count, ramp)| Arrivals::Standing { count, ramp }),
            (1usize..60, seconds(0..9)).prop_map(|(count, at)| Arrivals::Together { count, at }),
        ]
    }

    proptest! {
        #[test]
        fn all_shares_together_are_the_run_of_one_machine(
            arrivals in arrivals(), seed: u64, of in 1u64..9, workers in 1u64..4, length in 1u64..9,
        ) {
            let whole: Vec<_> = comings(&arrivals, Share::WHOLE, seed, window(length)).collect();
            prop_assert_eq!(whole.iter().map(|coming| coming.number).collect::<Vec<_>>(), (0..whole.len() as u64).collect::<Vec<_>>());
            let mut parts = Vec::new();
            for share in threads(of, workers) {
                let part: Vec<_> = comings(&arrivals, share, seed, window(length)).collect();
                prop_assert!(part.is_sorted_by_key(|coming| coming.due));
                parts.extend(part);
            }
            parts.sort_by_key(|coming| coming.number);
            prop_assert_eq!(parts, whole);
        }

        #[test]
        fn all_shares_together_have_the_places_of_one_machine(
            stages in proptest::collection::vec((0usize..20, 0usize..20, seconds(1..6)), 1..4),
            of in 1u64..9, workers in 1u64..4, rounds in 1u64..5,
        ) {
            let stages: Vec<_> = stages.into_iter().map(|(from, to, over)| UserStage { from, to, over }).collect();
            let whole: Vec<_> = places(&stages, Share::WHOLE, window(9)).collect();
            let mut parts: Vec<_> =
                threads(of, workers).into_iter().flat_map(|share| places(&stages, share, window(9))).collect();
            parts.sort();
            prop_assert_eq!(&parts, &whole);
            // Whoever replaces whom, nobody has the number of somebody else.
            let mut numbers: Vec<_> =
                parts.iter().flat_map(|place| (0..rounds).map(|round| place.number(round))).collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (0..rounds * most(&stages)).collect::<Vec<_>>());
        }
    }
}
