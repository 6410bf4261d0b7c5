//! What the server is told to do, and what a truthful measurement of it must say.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How long answers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delays {
    /// All the same.
    Constant,
    /// Eight of nine are fast: not nine of ten, where whatever else happened on the machine would decide which of the two p90 is.
    Bimodal,
    /// A few are a thousand times as slow as most.
    LongTailed,
    /// Always fast, but nothing is answered in the last 2 s of every 10 s.
    Stalling,
}

const EVERY: Duration = Duration::from_secs(10);
const STALLS_AT: Duration = Duration::from_secs(8);

impl Delays {
    pub const ALL: [Self; 4] = [Self::Constant, Self::Bimodal, Self::LongTailed, Self::Stalling];

    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant 20 ms",
            Self::Bimodal => "5 ms, every ninth 80 ms",
            Self::LongTailed => "long-tailed, 2 ms to 2 s",
            Self::Stalling => "3 ms, 2 s stall every 10 s",
        }
    }

    /// How long the answer takes of the `number`th request, which comes at `at`, counted from the first.
    pub fn of(self, number: u64, at: Duration) -> Duration {
        match self {
            Self::Constant => Duration::from_millis(20),
            Self::Bimodal if number % 9 == 8 => Duration::from_millis(80),
            Self::Bimodal => Duration::from_millis(5),
            Self::LongTailed => {
                let uniform: f64 = ChaCha8Rng::seed_from_u64(number).random();
                // Pareto's distribution with the exponent 1.2.
                Duration::from_secs_f64((0.002 * (1.0 - uniform).powf(-1.0 / 1.2)).min(2.0))
            }
            Self::Stalling => {
                let within = Duration::from_nanos((at.as_nanos() % EVERY.as_nanos()) as u64);
                let stalled = if within >= STALLS_AT { EVERY - within } else { Duration::ZERO };
                stalled + Duration::from_millis(3)
            }
        }
    }
}

/// The value that `percent` of all do not exceed.
pub fn percentile(sorted: &[Duration], percent: f64) -> Duration {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}
