//! The scenario file as it is written: plain data, nothing resolved. The comments on the types are what editors show.

mod assertion;
mod exchange;
mod load;
mod step;
mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::yaml;

pub(in crate::scenario) use assertion::*;
pub(in crate::scenario) use exchange::*;
pub(in crate::scenario) use load::*;
pub(in crate::scenario) use step::*;
pub(in crate::scenario) use value::*;

/// The JSON Schema (2020-12) of scenario files, for editors.
pub fn editor_schema() -> Value {
    yaml::editor_schema::<File>()
}

/// A scenario: who does what, how they arrive, and what is good enough.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a chatproof scenario", deny_unknown_fields)]
pub(in crate::scenario) struct File {
    /// Name of the scenario; by default the file's.
    pub name: Option<Part<String>>,
    /// One sentence for people.
    pub about: Option<Part<String>>,
    /// Seed of all random choices; by default 1.
    pub seed: Option<Part<u64>>,
    /// Named distributions of waiting times, for `think`.
    pub think_times: Option<Part<BTreeMap<String, Part<Distribution>>>>,
    /// Named sources of values, for `${name}`.
    pub data: Option<Part<BTreeMap<String, Part<Data>>>>,
    /// Kinds of simulated users, by name.
    pub actors: Part<BTreeMap<String, Part<Actor>>>,
    /// Actors that belong together: they start together, share values and can wait for each other.
    pub casts: Option<Part<BTreeMap<String, Part<Vec<String>>>>>,
    /// Who comes, how many, when.
    pub load: Part<Load>,
    /// What is good enough, such as `send_event.response.p99 < 250ms`.
    pub thresholds: Option<Part<Vec<Part<Threshold>>>>,
}

/// What is good enough.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum Threshold {
    /// Judged at the end.
    #[schemars(title = "a comparison")]
    Plain(String),
    /// With more to say about it.
    Detailed(DetailedThreshold),
}

/// A threshold for which a run may end early.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct DetailedThreshold {
    /// The comparison, such as `violations == 0`.
    pub that: String,
    /// Whether the run ends early, with a report, when it is broken for good; by default not.
    #[serde(default)]
    pub abort: bool,
}

/// A piece of the file that stays apart when it cannot be read, so that everything around it can still be checked.
#[derive(Debug)]
pub(in crate::scenario) enum Part<T> {
    /// As it should be.
    Good(T),
    /// Not of the right shape.
    Broken(String),
}

/// The steps of an actor or of a block.
pub(in crate::scenario) type Steps = Vec<Part<Step>>;

/// One kind of simulated user.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::scenario) struct Actor {
    /// What it speaks: a role and a version, such as `customer/v0.3`.
    pub dialect: Part<String>,
    /// Over what it speaks.
    pub transport: Part<Transport>,
    /// The pool its token comes from; by default `agents` or `customers`, by its role.
    pub credentials: Option<Part<String>>,
    /// Another member of its cast: it is the same user, by the same token.
    pub r#as: Option<Part<String>>,
    /// How its connection is kept alive while it has nothing to say; by default by pings of its transport.
    pub keep_alive: Option<Part<KeepAlive>>,
    /// What it says at login besides its token; `false` to stay logged out.
    pub login: Option<Part<Login>>,
    /// What it does, one after the other.
    #[schemars(length(min = 1))]
    pub steps: Part<Steps>,
}

/// Over what an actor speaks.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum Transport {
    /// Real-time messaging over a websocket.
    Websocket,
    /// Real-time messaging over socket.io.
    Socketio,
    /// The Web API over HTTP.
    Web,
}

/// How a connection is kept alive.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum KeepAlive {
    /// By websocket pings; over socket.io by its ping packets.
    Frames,
    /// By the action `ping`.
    Action,
    /// Not at all.
    Never,
}

/// Login of an actor.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum Login {
    /// Whether it logs in when it connects.
    #[schemars(title = "`true` or `false`")]
    Whether(bool),
    /// Members of the login payload, besides the token.
    #[schemars(title = "the members of the login payload")]
    With(Map<String, Value>),
}

impl<T> Part<T> {
    /// The piece, if it is as it should be.
    pub fn good(&self) -> Option<&T> {
        match self {
            Self::Good(piece) => Some(piece),
            Self::Broken(_) => None,
        }
    }
}

impl<'de, T: for<'a> Deserialize<'a>> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A missing member arrives here as an error, too, which makes it a broken part of its surroundings.
        Ok(match Value::deserialize(deserializer) {
            Ok(value) => T::deserialize(value).map_or_else(|error| Self::Broken(error.to_string()), Self::Good),
            Err(error) => Self::Broken(error.to_string()),
        })
    }
}

impl<T: JsonSchema> JsonSchema for Part<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
