//! What a capacity run measured, run by run.

use std::time::Duration;

use super::Times;
use super::search::{Finding, Outcome, Purpose};

/// What a load is a number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Arrivals a second.
    PerSecond,
    /// People who are there at the same time.
    People,
}

/// A whole search.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The population whose load was varied.
    pub population: String,
    /// What its load is a number of.
    pub unit: Unit,
    /// The action whose times the points have; none for all requests.
    pub action: Option<String>,
    /// Samples that the strictest threshold needs; none when no threshold needs any.
    pub wanted: Option<u64>,
    /// All runs, in the order in which they were made.
    pub points: Vec<Point>,
    /// What they came to.
    pub finding: Finding,
}

/// One run at one load.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The load.
    pub load: f64,
    /// Why it was tried.
    pub purpose: Purpose,
    /// How it went.
    pub outcome: Outcome,
    /// Why, in sentences, unless everything held.
    pub reasons: Vec<String>,
    /// How long it took.
    pub times: Times,
    /// Answers a second while it was counted, to all requests.
    pub throughput: f64,
    /// Mean response time of all requests.
    pub mean: Option<Duration>,
    /// Response times of the action that is looked at.
    pub response: Option<Percentiles>,
    /// Answers to all requests.
    pub answered: u64,
    /// Of these, those that say failure.
    pub errors: u64,
    /// Violations of the grade that fails, and requests without an answer in time.
    pub violations: u64,
    /// Samples of the threshold that needs most of them; none when no threshold needs any.
    pub samples: Option<u64>,
    /// Median lag of arrivals.
    pub lag: Option<Duration>,
    /// Arrivals that could not start.
    pub dropped: u64,
}

/// Some percentiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    /// The median.
    pub p50: Duration,
    /// What 90 of 100 do not exceed.
    pub p90: Duration,
    /// What 99 of 100 do not exceed.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Point {
    /// Requests that were under way at the same time, on average: by Little's law, those that are answered in a second times the seconds
    /// that each takes.
    pub fn concurrency(&self) -> Option<f64> {
        self.mean.map(|mean| self.throughput * mean.as_secs_f64())
    }
}

impl Course {
    /// The runs of which the target decided the outcome, by load.
    pub fn of_target(&self) -> Vec<&Point> {
        let mut points: Vec<&Point> = self
            .points
            .iter()
            .filter(|point| !matches!(point.outcome, Outcome::Strained | Outcome::Unmeasured))
            .collect();
        points.sort_by(|a, b| a.load.total_cmp(&b.load));
        points
    }
}
