//! What ran, as far as the tally does not know.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What ran, where and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Meta {
    /// Version of chatproof.
    pub version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// What the scenario is about, in a sentence or two; empty when it does not say.
    pub about: String,
    /// The scenario's file, as the user named it.
    pub file: String,
    /// Whom the run talked to: a URL, or `embedded reference server`.
    pub target: String,
    /// The dialects that the scenario speaks, such as `customer/v0.3`.
    pub dialects: Vec<String>,
    /// The seed of every random choice.
    pub seed: u64,
    /// When the run started, as RFC 3339 text.
    pub started: String,
    /// How long the run took, in microseconds.
    #[serde(rename = "duration_us", with = "micros")]
    #[schemars(with = "u64")]
    pub duration: Duration,
    /// The load of each population, a sentence each.
    pub load: Vec<String>,
    /// Processor cores of the machine; of all of them, when the run had shares on several.
    pub cores: usize,
    /// Worker threads that made the load, on all machines.
    pub workers: usize,
    /// Whether the user ended the run before its time.
    pub interrupted: bool,
    /// Anything else that a reader should know, a sentence each.
    pub notes: Vec<String>,
}

/// Durations in files: whole microseconds.
pub(crate) mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(super::super::format::micros(*duration))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let meta = Meta { duration: Duration::from_micros(30_200_001), seed: u64::MAX, ..Meta::default() };
        let text = serde_json::to_string(&meta).unwrap();
        assert!(text.contains("\"duration_us\":30200001"), "{text}");
        assert_eq!(serde_json::from_str::<Meta>(&text).unwrap(), meta);
    }
}
