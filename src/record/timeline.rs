//! What happened over time, in a bounded number of intervals.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::merge::{Merge, merge_members};
use super::sketch::Sketch;
use crate::observe::Moment;

/// Intervals kept; when a moment is beyond them, each becomes twice as wide.
const INTERVALS: u64 = 120;
const SECOND: u64 = 1_000_000_000;
/// Seconds that the widest interval has. Moments reach to 2^64 ns, which is less than 2^35 s.
const WIDEST: u64 = 1 << 34;

/// What happened in each interval of a run. All are equally wide: a second, or as many times doubled as it takes for 120 of them to reach to
/// the last moment. They are counted from the run's start, so those of worker threads, processes and shares line up, and timelines of
/// different widths merge without loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written<T>")]
#[serde(bound(deserialize = "T: Merge + Default + Deserialize<'de>"))]
pub struct Timeline<T> {
    /// Seconds that an interval is wide: a power of two.
    width_s: u64,
    /// What happened, by the number of the interval; interval n begins n widths after the run's start. One in which nothing happened is
    /// left out.
    intervals: BTreeMap<u64, T>,
}

/// Requests of one action in one interval, by the moment of the answer or of the timeout.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stretch {
    /// Requests that were answered, in time or late.
    pub answered: u64,
    /// Of these, answers that say failure.
    pub failed: u64,
    /// Requests without an answer within the documented limit.
    pub timeouts: u64,
    /// From the intended moment to the answer.
    pub response: Sketch,
}

/// Who came and who went in one interval. Who is there at its end follows from all intervals up to it; a number of those who are there
/// could not be put together from parts that know of different moments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Turnover {
    /// How many came.
    pub came: u64,
    /// How many went.
    pub went: u64,
}

merge_members! {
    Stretch { answered, failed, timeouts, response }
    Turnover { came, went }
}

/// A timeline as a file has it, of which nothing is known yet.
#[derive(Deserialize, JsonSchema)]
struct Written<T> {
    width_s: u64,
    intervals: BTreeMap<u64, T>,
}

/// A file has a timeline that no recorder makes.
#[derive(Debug, thiserror::Error)]
pub enum TimelineError {
    /// Its intervals would not line up with those of others.
    #[error("intervals of {0} s; they are a power of two wide, and at most 2^34 s")]
    Width(u64),
    /// It has too many.
    #[error("interval {0}; they are numbered from 0 to 119")]
    Beyond(u64),
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self { width_s: 1, intervals: BTreeMap::new() }
    }
}

impl<T: Merge + Default> Timeline<T> {
    /// The interval of a moment, to be changed.
    pub fn at(&mut self, moment: Moment) -> &mut T {
        let second = moment.0 / SECOND;
        while second / self.width_s >= INTERVALS {
            self.widen();
        }
        self.intervals.entry(second / self.width_s).or_default()
    }

    /// Neighbours become one.
    fn widen(&mut self) {
        self.width_s *= 2;
        for (number, part) in std::mem::take(&mut self.intervals) {
            self.intervals.entry(number / 2).or_default().absorb(part);
        }
    }
}

impl<T: Merge + Default + Clone> Timeline<T> {
    /// The same in intervals that are at least so many seconds wide, to be laid beside another one.
    pub fn widened(&self, width_s: u64) -> Self {
        let mut wide = self.clone();
        // The widest there is reaches to the last moment of all.
        while wide.width_s < width_s.min(WIDEST) {
            wide.widen();
        }
        wide
    }

    /// All of them in one.
    pub fn sum<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self
    where
        T: 'a,
    {
        parts.into_iter().cloned().fold(Self::default(), |mut sum, part| {
            sum.absorb(part);
            sum
        })
    }
}

impl<T> Timeline<T> {
    /// Seconds that an interval is wide.
    pub fn width_s(&self) -> u64 {
        self.width_s
    }

    /// The intervals in which something happened, with their numbers from the run's start.
    pub fn intervals(&self) -> impl Iterator<Item = (u64, &T)> {
        self.intervals.iter().map(|(number, part)| (*number, part))
    }
}

impl<T: Merge + Default> Merge for Timeline<T> {
    fn absorb(&mut self, mut other: Self) {
        while self.width_s < other.width_s {
            self.widen();
        }
        while other.width_s < self.width_s {
            other.widen();
        }
        self.intervals.absorb(other.intervals);
    }
}

impl<T> TryFrom<Written<T>> for Timeline<T> {
    type Error = TimelineError;

    fn try_from(Written { width_s, intervals }: Written<T>) -> Result<Self, TimelineError> {
        if !width_s.is_power_of_two() || width_s > WIDEST {
            return Err(TimelineError::Width(width_s));
        }
        match intervals.keys().next_back() {
            Some(last) if *last >= INTERVALS => Err(TimelineError::Beyond(*last)),
            _ => Ok(Self { width_s, intervals }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    type Answer = (u64, u64);

    /// Answers by their second and their microseconds.
    fn of(answers: &[Answer]) -> Timeline<Stretch> {
        let mut timeline = Timeline::<Stretch>::default();
        for &(second, micros) in answers {
            let stretch = timeline.at(Moment(second * SECOND + 1));
            stretch.answered += 1;
            stretch.response.record(Duration::from_micros(micros));
        }
        timeline
    }

    #[test]
    fn intervals_double_when_there_are_too_many_and_nothing_is_lost() {
        let mut timeline = of(&[(0, 5), (1, 6), (119, 7)]);
        assert_eq!(timeline.width_s(), 1);
        assert_eq!(timeline.intervals().map(|(number, _)| number).collect::<Vec<_>>(), [0, 1, 119]);
        timeline.absorb(of(&[(120, 8)]));
        assert_eq!(timeline.width_s(), 2);
        let counts: Vec<_> = timeline.intervals().map(|(number, part)| (number, part.response.count())).collect();
        assert_eq!(counts, [(0, 2), (59, 1), (60, 1)]);
    }

    #[test]
    fn intervals_are_as_wide_as_asked_and_never_narrower_than_they_were() {
        let timeline = of(&[(0, 5), (3, 6), (4, 7)]);
        let counts = |width: u64| {
            let wide = timeline.widened(width);
            let counts: Vec<_> = wide.intervals().map(|(number, part)| (number, part.answered)).collect();
            (wide.width_s(), counts)
        };
        assert_eq!(counts(1), (1, vec![(0, 1), (3, 1), (4, 1)]));
        assert_eq!(counts(4), (4, vec![(0, 2), (1, 1)]));
        assert_eq!(of(&[(200, 5)]).widened(1).width_s(), 2);
        assert_eq!(counts(u64::MAX), (WIDEST, vec![(0, 3)]));
    }

    #[test]
    fn an_hour_of_an_action_takes_little_room() {
        // Durations from 1 ms to 100 ms, as wide a spread as a loaded server has.
        let answers: Vec<_> = (0..360_000).map(|n| (n / 100, 1_000 + n * 7_919 % 99_000)).collect();
        let text = serde_json::to_string(&of(&answers)).unwrap();
        assert!(text.len() < 1 << 20, "{}", text.len());
    }

    #[test]
    fn a_timeline_that_no_recorder_makes_is_refused() {
        let read = |text: &str| serde_json::from_str::<Timeline<u64>>(text).map_err(|error| error.to_string());
        assert!(read(r#"{"width_s":4,"intervals":{"119":1}}"#).is_ok());
        let width = "intervals of 3 s; they are a power of two wide, and at most 2^34 s";
        assert_eq!(read(r#"{"width_s":3,"intervals":{}}"#), Err(width.to_owned()));
        let beyond = "interval 120; they are numbered from 0 to 119";
        assert_eq!(read(r#"{"width_s":1,"intervals":{"120":1}}"#), Err(beyond.to_owned()));
    }

    #[test]
    fn the_last_moment_of_all_has_an_interval() {
        let mut timeline = Timeline::<u64>::default();
        *timeline.at(Moment(u64::MAX)) += 1;
        let text = serde_json::to_string(&timeline).unwrap();
        assert_eq!(serde_json::from_str::<Timeline<u64>>(&text).unwrap(), timeline);
    }

    /// How many are there at the end of each interval.
    fn present(timeline: &Timeline<Turnover>) -> Vec<(u64, i64)> {
        let sum = |present: &mut i64, (number, turnover): (u64, &Turnover)| {
            *present += turnover.came as i64 - turnover.went as i64;
            Some((number, *present))
        };
        timeline.intervals().scan(0, sum).collect()
    }

    /// Of those who came in one second and went in another.
    fn turnover(stays: &[(u64, u64)]) -> Timeline<Turnover> {
        let mut timeline = Timeline::<Turnover>::default();
        for &(came, lasted) in stays {
            timeline.at(Moment(came * SECOND)).came += 1;
            timeline.at(Moment((came + lasted) * SECOND + 1)).went += 1;
        }
        timeline
    }

    fn answers() -> impl Strategy<Value = Vec<Answer>> {
        // Seconds of short runs and of long ones, so that widths differ.
        let second = prop_oneof![0..100u64, 0..1_000u64, 0..100_000u64];
        proptest::collection::vec((second, 0..10_000_000u64), 0..20)
    }

    proptest! {
        #[test]
        fn any_grouping_and_order_gives_what_one_recorder_would(a in answers(), b in answers(), c in answers()) {
            let whole = of(&[a.clone(), b.clone(), c.clone()].concat());
            let mut left = of(&a);
            left.absorb(of(&b));
            left.absorb(of(&c));
            let mut right = of(&c);
            right.absorb(of(&b));
            let mut turned = of(&[]);
            turned.absorb(right);
            turned.absorb(of(&a));
            prop_assert_eq!(&left, &whole);
            prop_assert_eq!(&turned, &whole);
            let text = serde_json::to_string(&whole).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timeline<Stretch>>(&text).unwrap(), whole);
        }

        #[test]
        fn who_is_there_at_the_end_of_an_interval_is_known_in_any_grouping_order_and_width(
            stays in proptest::collection::vec((prop_oneof![0..100u64, 0..10_000u64], 0..500u64), 0..20),
            parts in 1usize..5,
            backwards: bool,
            width in 0u32..8,
        ) {
            let mut tallies: Vec<_> = stays.chunks(stays.len().div_ceil(parts).max(1)).map(turnover).collect();
            if backwards {
                tallies.reverse();
            }
            let merged = Timeline::sum(&tallies);
            prop_assert_eq!(&merged, &turnover(&stays));
            let wide = merged.widened(1 << width);
            for (number, present) in present(&wide) {
                // All that happens happens within the first nanoseconds of a second.
                let last = (number + 1) * wide.width_s() - 1;
                let there = stays.iter().filter(|(came, lasted)| *came <= last && came + lasted > last).count();
                prop_assert_eq!(present, there as i64, "at the end of second {}", last);
            }
        }
    }
}
