//! Populations and the way they come.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Actor;

/// How actors come.
#[derive(Debug, Clone)]
pub struct Load {
    /// How long arrivals go on.
    pub duration: Duration,
    /// How long running actors may take to finish after that.
    pub wind_down: Duration,
    /// Who comes how.
    pub populations: Vec<Population>,
}

/// Some actors, or casts of actors, and the way they come.
#[derive(Debug, Clone)]
pub struct Population {
    /// The name of the actor or cast.
    pub name: String,
    /// The actors that start together: one, or all members of a cast.
    pub members: Vec<Arc<Actor>>,
    /// How they come.
    pub arrivals: Arrivals,
}

/// How a population comes.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// Open model: at a rate, whoever is still there.
    Open {
        /// Pieces of the rate over time; the last one holds until the end.
        stages: Vec<RateStage>,
        /// Even or Poisson.
        spacing: Spacing,
        /// Arrivals beyond this many present actors are dropped.
        at_most: Option<usize>,
    },
    /// Closed model: a number of concurrent actors; who finishes is replaced.
    Closed {
        /// Pieces of the number over time; the last one holds until the end.
        stages: Vec<UserStage>,
    },
    /// There for the whole run, started before everybody else.
    Standing {
        /// How many.
        count: usize,
        /// Over which time they come.
        ramp: Duration,
    },
    /// All at once.
    Together {
        /// How many.
        count: usize,
        /// When.
        at: Duration,
    },
}

/// A piece of a changing rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateStage {
    /// Arrivals per second at its start.
    pub from: f64,
    /// Arrivals per second at its end.
    pub to: f64,
    /// How long it takes.
    pub over: Duration,
}

/// A piece of a changing number of users.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UserStage {
    /// Users at its start.
    pub from: usize,
    /// Users at its end.
    pub to: usize,
    /// How long it takes.
    pub over: Duration,
}

/// How arrivals are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Spacing {
    /// At equal distances (in rate-weighted time).
    Even,
    /// As independent people come.
    Poisson,
}
