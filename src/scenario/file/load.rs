//! Populations and their arrivals as they are written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Count, Part, Rate, Time};
use crate::scenario::plan::Spacing;

/// Who comes, how many, when.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::scenario) struct Load {
    /// How long actors keep arriving.
    pub r#for: Part<Time>,
    /// How long actors may take to finish after that; by default 20s.
    pub wind_down: Option<Part<Time>>,
    /// Who comes how.
    #[schemars(length(min = 1))]
    pub populations: Part<Vec<Part<Population>>>,
}

/// Actors or casts of one kind, and the way they come: exactly one of `standing`, `arrive`, `concurrent`, `together`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Population {
    /// Name of the actor.
    pub actor: Option<String>,
    /// Name of the cast, in place of an actor.
    pub cast: Option<String>,
    /// There for the whole run, started before everybody else.
    pub standing: Option<Standing>,
    /// Open model: they arrive at a rate, whoever is still there.
    pub arrive: Option<Arrive>,
    /// Closed model: so many at a time; who finishes is replaced.
    pub concurrent: Option<Concurrent>,
    /// All at once.
    pub together: Option<Together>,
}

/// A standing population.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum Standing {
    Count(Count),
    Detailed(DetailedStanding),
}

/// A standing population that takes some time to come.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct DetailedStanding {
    /// How many.
    pub count: Count,
    /// Over which time they come; by default at once.
    pub ramp: Option<Time>,
}

/// Arrivals at a rate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum Arrive {
    Steady(SteadyArrivals),
    Staged(StagedArrivals),
}

/// Arrivals at a steady rate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct SteadyArrivals {
    /// How many a second, minute or hour.
    pub rate: Rate,
    /// How they are spread; by default `poisson`.
    pub spacing: Option<Spacing>,
    /// While this many are present, arrivals are dropped (and counted as dropped).
    pub at_most: Option<Count>,
}

/// Arrivals at a changing rate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct StagedArrivals {
    /// The rate over time; the last one holds until the end.
    #[schemars(length(min = 1))]
    pub stages: Vec<RateStage>,
    /// How they are spread; by default `poisson`.
    pub spacing: Option<Spacing>,
    /// While this many are present, arrivals are dropped (and counted as dropped).
    pub at_most: Option<Count>,
}

/// A piece of a changing rate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum RateStage {
    Change(RateChange),
    Hold(Hold),
}

/// The rate goes evenly to another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RateChange {
    /// The rate at the end.
    pub to: Rate,
    /// How long it takes.
    pub over: Time,
    /// The rate at the start; by default where the stage before ended, or zero.
    pub from: Option<Rate>,
}

/// Everything stays as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Hold {
    /// How long.
    pub hold: Time,
}

/// A number of concurrent actors.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum Concurrent {
    Count(Count),
    Ramped(RampedUsers),
    Staged(StagedUsers),
}

/// A number of concurrent actors that takes some time to come.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RampedUsers {
    /// How many.
    pub users: Count,
    /// Over which time they come; by default at once.
    pub ramp: Option<Time>,
}

/// A changing number of concurrent actors.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct StagedUsers {
    /// The number over time; the last one holds until the end.
    #[schemars(length(min = 1))]
    pub stages: Vec<UserStage>,
}

/// A piece of a changing number.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum UserStage {
    Change(UserChange),
    Hold(Hold),
}

/// The number goes evenly to another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct UserChange {
    /// The number at the end.
    #[schemars(range(max = 1_000_000))]
    pub to: usize,
    /// How long it takes.
    pub over: Time,
    /// The number at the start; by default where the stage before ended, or zero.
    #[schemars(range(max = 1_000_000))]
    pub from: Option<usize>,
}

/// A crowd.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum Together {
    Count(Count),
    Detailed(Crowd),
}

/// A crowd that comes at some moment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Crowd {
    /// How many.
    pub count: Count,
    /// When, from the start of the load; by default at once.
    pub at: Option<Time>,
}
