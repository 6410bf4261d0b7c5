//! Waiting times, and where named values come from.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A named or literal distribution of waiting times.
#[derive(Debug, Clone, PartialEq)]
pub struct Pause {
    /// Its shape.
    pub shape: Shape,
    /// Draws beyond this are cut.
    pub at_most: Option<Duration>,
}

/// The shape of a distribution of waiting times.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Always the same.
    Constant(Duration),
    /// Anything between two bounds.
    Uniform {
        /// Lower bound.
        from: Duration,
        /// Upper bound.
        to: Duration,
    },
    /// Bell-shaped; negative draws are cut to zero.
    Normal {
        /// Mean.
        mean: Duration,
        /// Standard deviation.
        deviation: Duration,
    },
    /// Long-tailed, as people are.
    Lognormal {
        /// Half of the draws are shorter.
        median: Duration,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Memoryless.
    Exponential {
        /// Mean.
        mean: Duration,
    },
}

/// Where a named value comes from.
#[derive(Debug, Clone)]
pub struct DataSource {
    /// What it draws.
    pub draw: Draw,
    /// A new value for every use, or one for each actor.
    pub each: Each,
}

/// How often a source draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Each {
    /// Once for an actor.
    Actor,
    /// Anew at every use.
    Use,
}

/// What a source draws.
#[derive(Debug, Clone)]
pub enum Draw {
    /// One of these.
    Pick(Vec<Value>),
    /// A made-up value.
    Fake(Fake),
    /// A row of a CSV file, as an object of its columns.
    Rows {
        /// The rows.
        rows: Arc<Vec<Value>>,
        /// In which order.
        order: RowOrder,
    },
}

/// In which order rows are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RowOrder {
    /// Actor n gets row n; from the start again when they run out.
    Sequential,
    /// Drawn by seed.
    Random,
}

/// Kinds of made-up values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fake {
    /// First and last name of a person.
    Name,
    /// An address that no mail reaches.
    Email,
    /// One sentence.
    Sentence,
    /// A few sentences.
    Paragraph,
    /// A single word.
    Word,
    /// A UUID of version 4.
    Uuid,
    /// Whole number below a million.
    Number,
}
