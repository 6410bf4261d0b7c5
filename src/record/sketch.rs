//! A rough distribution of durations, small enough to keep many.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::merge::Merge;

/// Longest duration told apart, in microseconds, as in `Latency`; what is longer counts as this.
const HIGHEST: u64 = 60_000_000;
/// Steps between a power of two and the next, so that a step is less than a hundredth: 128.
const STEPS: u32 = 7;

/// How many durations fell into each step, of which there are 128 between a power of two of microseconds and the next. Only what occurred
/// takes room, where a `Latency` takes 68 KiB. In files it is a text such as `812 815*3`: one duration in step 812, three in 815.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub struct Sketch(BTreeMap<u16, u64>);

/// A text is no sketch.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no step with a count, such as `812` or `815*3`")]
pub struct SketchError(String);

impl Sketch {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        *self.0.entry(step(u64::try_from(duration.as_micros()).unwrap_or(HIGHEST))).or_default() += 1;
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.0.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The duration that `percent` (0 to 100) of all do not exceed, told as the least of its step, so less than a hundredth too short; none
    /// when nothing was counted.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let rank = (percent.clamp(0.0, 100.0) / 100.0 * self.count() as f64).ceil().max(1.0) as u64;
        let mut seen = 0_u64;
        let reaches = |(_, count): &(Range<Duration>, u64)| {
            seen = seen.saturating_add(*count);
            seen >= rank
        };
        self.steps().find(reaches).or_else(|| self.steps().last()).map(|(step, _)| step.start)
    }

    /// The durations of each step that occurred, and how many fell into it, from short to long.
    pub fn steps(&self) -> impl Iterator<Item = (Range<Duration>, u64)> {
        let from = |step| Duration::from_micros(least(step));
        self.0.iter().map(move |(step, count)| (from(*step)..from(*step + 1), *count))
    }
}

/// Below 256 µs a step is a microsecond; from there on the steps double with every power of two.
fn step(micros: u64) -> u16 {
    let micros = micros.min(HIGHEST);
    let coarse = micros.max(1).ilog2().saturating_sub(STEPS);
    // At most 2,532, for a minute.
    ((u64::from(coarse) << STEPS) + (micros >> coarse)) as u16
}

fn least(step: u16) -> u64 {
    let coarse = (u64::from(step) >> STEPS).saturating_sub(1);
    (u64::from(step) - (coarse << STEPS)) << coarse
}

impl Merge for Sketch {
    fn absorb(&mut self, other: Self) {
        self.0.absorb(other.0);
    }
}

impl From<Sketch> for String {
    fn from(sketch: Sketch) -> Self {
        let text = |(step, count): (u16, u64)| if count == 1 { step.to_string() } else { format!("{step}*{count}") };
        sketch.0.into_iter().map(text).collect::<Vec<_>>().join(" ")
    }
}

impl TryFrom<String> for Sketch {
    type Error = SketchError;

    fn try_from(text: String) -> Result<Self, SketchError> {
        let mut sketch = Self::default();
        for word in text.split_whitespace() {
            let (name, count) = word.split_once('*').unwrap_or((word, "1"));
            match (name.parse::<u16>(), count.parse::<u64>()) {
                (Ok(name), Ok(count)) if name <= step(HIGHEST) && count > 0 => {
                    sketch.0.entry(name).or_default().absorb(count);
                }
                _ => return Err(SketchError(word.to_owned())),
            }
        }
        Ok(sketch)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(micros: &[u64]) -> Sketch {
        let mut sketch = Sketch::default();
        micros.iter().for_each(|&us| sketch.record(Duration::from_micros(us)));
        sketch
    }

    #[test]
    fn short_durations_are_told_apart_by_the_microsecond_and_more_than_a_minute_counts_as_one() {
        let steps: Vec<_> = of(&[0, 1, 255, 256, 257, 258, 90_000_000]).steps().collect();
        let micros = |from, to, count| (Duration::from_micros(from)..Duration::from_micros(to), count);
        // From 2^25 µs on a step is 2^18 µs, and a minute falls into the 228th of them.
        let minute = 228 << 18;
        let short = [micros(0, 1, 1), micros(1, 2, 1), micros(255, 256, 1), micros(256, 258, 2), micros(258, 260, 1)];
        assert_eq!(steps[..5], short);
        assert_eq!(steps[5..], [micros(minute, minute + (1 << 18), 1)]);
    }

    #[test]
    fn a_percentile_is_not_exceeded_by_so_many() {
        let sketch = of(&(1..=200).collect::<Vec<_>>());
        let percentile = |percent| sketch.percentile(percent).map(|found| found.as_micros());
        assert_eq!([0.0, 50.0, 99.0, 99.9, 100.0].map(percentile), [1, 100, 198, 200, 200].map(Some));
        assert_eq!(of(&[7]).percentile(50.0), Some(Duration::from_micros(7)));
        assert_eq!(Sketch::default().percentile(50.0), None);
    }

    #[test]
    fn what_is_no_sketch_is_refused_with_the_word() {
        for (text, word) in [("1 x*3", "x*3"), ("5*0", "5*0"), ("2533", "2533"), ("7*-1", "7*-1")] {
            let error = Sketch::try_from(text.to_owned()).unwrap_err();
            assert_eq!(error.to_string(), format!("`{word}` is no step with a count, such as `812` or `815*3`"));
        }
    }

    proptest! {
        #[test]
        fn a_step_is_less_than_a_hundredth_and_none_is_out_of_order(a in 0..=HIGHEST, b in 0..=HIGHEST) {
            let found = least(step(a));
            prop_assert!(found <= a && (a - found) as f64 <= a as f64 / 100.0, "{} for {}", found, a);
            prop_assert!(a > b || step(a) <= step(b));
        }

        #[test]
        fn percentiles_are_those_of_the_exact_histogram_but_for_a_hundredth(
            micros in proptest::collection::vec(0..60_000_000u64, 1..200), percent in 0.0..100.0,
        ) {
            let mut exact = crate::record::Latency::default();
            micros.iter().for_each(|&us| exact.record(Duration::from_micros(us)));
            let exact = exact.percentile(percent).unwrap().as_micros() as f64;
            let found = of(&micros).percentile(percent).unwrap().as_micros() as f64;
            prop_assert!(found <= exact && found >= exact * 0.989 - 1.0, "{} for {}", found, exact);
        }

        #[test]
        fn what_is_written_reads_back(micros in proptest::collection::vec(0..100_000_000u64, 0..50)) {
            let text = serde_json::to_string(&of(&micros)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Sketch>(&text).unwrap(), of(&micros));
        }
    }
}
