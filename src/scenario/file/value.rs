//! Times, rates, distributions and data sources as they are written.

use std::borrow::Cow;
use std::time::Duration;

use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::scenario::plan::{Each, Fake, RowOrder};
use crate::scenario::units::{DURATION_PATTERN, RATE_PATTERN, parse_duration, parse_rate};

/// A distribution of waiting times.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
#[schemars(title = "a distribution")]
pub(in crate::scenario) enum Distribution {
    /// Always the same.
    Constant(Time),
    /// Anything between two bounds.
    Uniform {
        /// Lower bound.
        from: Time,
        /// Upper bound.
        to: Time,
    },
    /// Bell-shaped; what falls below zero counts as zero.
    Normal {
        /// Mean.
        mean: Time,
        /// Standard deviation.
        deviation: Time,
        /// Longer waits are cut to this.
        at_most: Option<Time>,
    },
    /// Long-tailed, as people are.
    Lognormal {
        /// Half of the waits are shorter.
        median: Time,
        /// Standard deviation of the logarithm; 0.5 is moderate, 1 is wide.
        #[schemars(range(min = 0, max = 10))]
        sigma: f64,
        /// Longer waits are cut to this.
        at_most: Option<Time>,
    },
    /// Memoryless.
    Exponential {
        /// Mean.
        mean: Time,
        /// Longer waits are cut to this.
        at_most: Option<Time>,
    },
}

/// Where a named value comes from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "a data source")]
pub(in crate::scenario) enum Data {
    Pick(PickData),
    Fake(FakeData),
    Rows(RowsData),
}

/// One of several values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct PickData {
    /// The values.
    #[schemars(length(min = 1))]
    pub pick: Vec<Value>,
    /// How often a new one is drawn; by default once for each actor.
    pub each: Option<Each>,
}

/// A made-up value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct FakeData {
    /// Of what kind.
    pub fake: Fake,
    /// How often a new one is drawn; by default once for each actor.
    pub each: Option<Each>,
}

/// A row of a CSV file, read as `${name:/column}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RowsData {
    /// The file, relative to the scenario; its first line names the columns.
    pub csv: String,
    /// In which order rows are handed out; by default `sequential`.
    pub order: Option<RowOrder>,
    /// How often a new one is drawn; by default once for each actor.
    pub each: Option<Each>,
}

/// A number of actors.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(in crate::scenario) struct Count(pub usize);

/// A duration.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::scenario) struct Time(pub Duration);

/// Arrivals per second.
#[derive(Debug, Clone, Copy)]
pub(in crate::scenario) struct Rate(pub f64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "a duration",
            "type": "string",
            "pattern": DURATION_PATTERN,
            "examples": ["250ms", "2s", "1m30s"],
        })
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_rate(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "a rate",
            "type": "string",
            "pattern": RATE_PATTERN,
            "examples": ["5/s", "300/min", "20/h"],
        })
    }
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "a number of actors",
            "type": "integer",
            "minimum": 1,
            "maximum": 1_000_000,
        })
    }
}
