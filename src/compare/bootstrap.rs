//! How else the numbers of a run could have come out: a block bootstrap over its intervals.
//!
//! Requests of one second have much in common (a pause of the server, a burst of arrivals), so it is intervals that are drawn again, not
//! requests; and what happens in one interval goes on in the next, so they are drawn in blocks of neighbours. The blocks wrap around at the end,
//! so that every interval is drawn as often as any other. Künsch (1989) has the blocks, Politis and Romano (1992) the circle.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::figure::Figure;
use crate::record::{Stretch, Timeline};
use crate::verdict::Statistic;

/// How often a run is drawn again.
pub(super) const DRAWS: usize = 1000;
/// Intervals with answers that a run needs at least. With fewer, any claim would rest on the luck of two or three blocks.
pub const FEWEST_INTERVALS: usize = 8;

/// A run that was drawn again and again.
#[derive(Debug)]
pub(super) struct Redrawn {
    /// Blocks that make up the run.
    pub blocks: f64,
    /// Of each draw, how far its figures are from those of the run: the logarithm of the quotient, in the order of [`Figure::OF_INTERVALS`].
    pub deviations: Vec<[f64; Figure::OF_INTERVALS.len()]>,
}

/// A run's intervals as numbers to be added up.
struct Intervals {
    /// Answers and timeouts of each interval, from the first in which something was answered to the last.
    requests: Vec<f64>,
    /// The durations that occurred, in seconds: from where to where each step goes.
    steps: Vec<(f64, f64)>,
    /// Step, interval, and how many answers fell there; by step.
    cells: Vec<(usize, usize, f64)>,
}

/// Draws a run again and again. Nothing when it has too few intervals.
pub(super) fn redraw(timeline: &Timeline<Stretch>, seed: u64) -> Result<Redrawn, usize> {
    let busy = timeline.intervals().filter(|(_, stretch)| stretch.response.count() > 0).count();
    if busy < FEWEST_INTERVALS {
        return Err(busy);
    }
    let intervals = Intervals::of(timeline);
    let count = intervals.requests.len();
    // Blocks that grow with the cube root are of the order that is best for the variance of a mean.
    let block = (count as f64).cbrt().round() as usize;
    let whole = intervals.figures(&vec![1.0; count]);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let draw = |_| {
        let mut weights = vec![0.0; count];
        let starts = std::iter::repeat_with(|| random.random_range(0..count));
        let drawn = starts.flat_map(|start| (start..start + block).map(|place| place % count));
        drawn.take(count).for_each(|place| weights[place] += 1.0);
        let drawn = intervals.figures(&weights);
        std::array::from_fn(|n| (drawn[n] / whole[n]).ln())
    };
    // Where only few intervals have answers, a draw may have none: it tells nothing.
    let told =
        |deviations: &[f64; Figure::OF_INTERVALS.len()]| deviations.iter().all(|deviation| deviation.is_finite());
    let deviations = (0..DRAWS).map(draw).filter(told).collect();
    Ok(Redrawn { blocks: count as f64 / block as f64, deviations })
}

impl Intervals {
    fn of(timeline: &Timeline<Stretch>) -> Self {
        let busy = || timeline.intervals().filter(|(_, stretch)| stretch.response.count() > 0);
        let first = busy().next().map_or(0, |(number, _)| number);
        let count = busy().last().map_or(0, |(number, _)| number - first + 1) as usize;
        let mut requests = vec![0.0; count];
        let mut places = Vec::new();
        for (number, stretch) in timeline.intervals() {
            let Some(place) = number.checked_sub(first).map(|place| place as usize).filter(|place| *place < count)
            else {
                continue;
            };
            requests[place] = (stretch.answered as f64) + (stretch.timeouts as f64);
            places.extend(stretch.response.steps().map(|(step, answers)| (step.start, step.end, place, answers)));
        }
        places.sort_unstable();
        let (mut steps, mut cells): (Vec<(f64, f64)>, Vec<_>) = (Vec::new(), Vec::with_capacity(places.len()));
        let mut last: Option<Duration> = None;
        for (from, to, place, answers) in places {
            if last.replace(from) != Some(from) {
                steps.push((from.as_secs_f64(), to.as_secs_f64()));
            }
            cells.push((steps.len() - 1, place, answers as f64));
        }
        Self { requests, steps, cells }
    }

    /// The figures of the run in which each interval occurs so many times.
    fn figures(&self, weights: &[f64]) -> [f64; Figure::OF_INTERVALS.len()] {
        let mut counts = vec![0.0; self.steps.len()];
        for &(step, place, answers) in &self.cells {
            counts[step] += answers * weights[place];
        }
        let answers: f64 = counts.iter().sum();
        let requests: f64 = self.requests.iter().zip(weights).map(|(requests, weight)| requests * weight).sum();
        Figure::OF_INTERVALS.map(|figure| match figure {
            Figure::Time(Statistic::Percentile(percent)) => self.ranked(&counts, percent / 100.0 * answers),
            Figure::Time(_) => self.sum(&counts) / answers,
            _ => requests,
        })
    }

    /// The duration of that rank: between the ends of its step as far as its rank is between those of the step, so that it does not jump from step to step.
    fn ranked(&self, counts: &[f64], rank: f64) -> f64 {
        let mut before = 0.0;
        for (&(from, to), &count) in self.steps.iter().zip(counts) {
            if count > 0.0 && before + count >= rank {
                return from + (to - from) * (rank - before) / count;
            }
            before += count;
        }
        f64::NAN
    }

    fn sum(&self, counts: &[f64]) -> f64 {
        self.steps.iter().zip(counts).map(|((from, to), count)| (from + to) / 2.0 * count).sum()
    }
}
