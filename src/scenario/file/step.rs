//! Steps as they are written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{AwaitStep, CallStep, CheckStep, Distribution, NeverStep, OneOrMore, RefusesStep, Steps, Time};

/// One step: what to do, and what that proves.
#[derive(Debug)]
pub(in crate::scenario) struct Step {
    /// What to do.
    pub deed: Deed,
    /// Ids of the requirements that it proves.
    pub proves: Option<Vec<String>>,
    /// What it is called.
    pub name: Option<String>,
}

/// What to do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "a step")]
pub(in crate::scenario) enum Deed {
    Call(CallStep),
    Await(AwaitStep),
    Never(NeverStep),
    /// Send what the server must refuse.
    Refuses(RefusesStep),
    Check(CheckStep),
    React(ReactStep),
    Think(ThinkStep),
    At(AtStep),
    Stay(StayStep),
    Repeat(RepeatStep),
    Choose(ChooseStep),
    If(IfStep),
    Group(GroupStep),
    Parallel(ParallelStep),
    Meet(MeetStep),
    WaitFor(WaitForStep),
    Set(SetStep),
    Closes(ClosesStep),
    Reconnect(ReconnectStep),
    Connection(ConnectionStep),
}

/// React to pushes while other steps go on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ReactStep {
    /// What to react to, and how.
    #[schemars(length(min = 1))]
    pub react: Vec<Reaction>,
    /// The steps during which the reactions live.
    #[schemars(length(min = 1))]
    pub during: Steps,
}

/// What to do when a push comes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Reaction {
    /// Name of the push, or several of which any will do.
    pub on: OneOrMore,
    /// What must be in the payload: JSON pointer → value.
    pub r#match: Option<BTreeMap<String, Value>>,
    /// Payloads with all of this are passed over: JSON pointer → value.
    pub unless: Option<BTreeMap<String, Value>>,
    /// Values to take from the push: name → JSON pointer.
    pub capture: Option<BTreeMap<String, String>>,
    /// What to do; `${push:/pointer}` reads the push.
    #[schemars(length(min = 1))]
    pub steps: Steps,
}

/// Wait for a while.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ThinkStep {
    /// Name of a think time, a duration, or a distribution.
    pub think: Think,
}

/// Wait for a moment of the run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct AtStep {
    /// The moment, counted from the start of the load.
    pub at: Time,
}

/// How long to wait.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum Think {
    /// Name of a think time, or a duration.
    #[schemars(title = "the name of a think time or a duration")]
    Text(String),
    /// A distribution.
    Inline(Distribution),
}

/// Stay until the run winds down, or for a while.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct StayStep {
    /// `until_wind_down` or the longest time to stay.
    pub stay: Stay,
}

/// How long to stay.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum Stay {
    Until(Until),
    AtMost(Time),
}

/// The moment at which the load ends.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum Until {
    /// Until the load's time is over.
    UntilWindDown,
}

/// Do steps several times.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RepeatStep {
    /// How often, or `until_wind_down`.
    pub repeat: Times,
    /// What.
    #[schemars(length(min = 1))]
    pub steps: Steps,
}

/// How often.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum Times {
    /// This often.
    #[schemars(title = "a whole number above zero", extend("minimum" = 1))]
    Number(u64),
    Until(Until),
}

/// Do one of several things.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ChooseStep {
    /// The things and how often each is chosen.
    #[schemars(length(min = 1))]
    pub choose: Vec<Choice>,
}

/// One of several things to do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Choice {
    /// How often it is chosen, compared with the others.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub weight: f64,
    /// What to do.
    #[schemars(length(min = 1))]
    pub steps: Steps,
}

/// Do something only when a condition holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct IfStep {
    /// The condition.
    pub r#if: Condition,
    /// What to do when it holds.
    #[schemars(length(min = 1))]
    pub then: Steps,
    /// What to do when not.
    #[schemars(length(min = 1))]
    pub r#else: Option<Steps>,
}

/// When `if` holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(title = "a condition")]
pub(in crate::scenario) enum Condition {
    /// This name, or `name:/pointer`, has a value, which is neither null nor false.
    Known(String),
    /// Two values are equal.
    Equal([Value; 2]),
    /// Drawn with this probability.
    #[schemars(extend("properties" = {"chance": {"type": "number", "minimum": 0, "maximum": 1}}))]
    Chance(f64),
}

/// Steps under a name, which failures show.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct GroupStep {
    /// The name.
    pub group: String,
    /// The steps.
    #[schemars(length(min = 1))]
    pub steps: Steps,
}

/// Several lists of steps at the same time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ParallelStep {
    /// The lists; the step is done when all are.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub parallel: Vec<Steps>,
}

/// Wait until every member of the cast has come here.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct MeetStep {
    /// Name of the meeting.
    pub meet: String,
}

/// Wait until a member of the cast has shared a value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct WaitForStep {
    /// The shared name.
    pub wait_for: String,
    /// How long at most; by default 15s.
    pub within: Option<Time>,
}

/// Give names to values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct SetStep {
    /// Name → value.
    #[schemars(extend("minProperties" = 1))]
    pub set: BTreeMap<String, Value>,
}

/// A step about the connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum ConnectionStep {
    /// Close the connection.
    Disconnect,
    /// Close the connection if it is open, connect and log in again.
    Reconnect,
}

/// Wait until the server ends the connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ClosesStep {
    /// When; `{}` for soon.
    pub closes: Closing,
}

/// When the server should end a connection, counted from the end of the step before.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Closing {
    /// How long it may take; by default 15s, or as long as it likes when there is a `not_before`.
    pub within: Option<Time>,
    /// How long the connection has to stay open; by default not at all.
    pub not_before: Option<Time>,
}

/// Close the connection if it is open, and connect again in another way.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ReconnectStep {
    /// In which way.
    pub reconnect: Reconnecting,
}

/// Another way to connect.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Reconnecting {
    /// Changes of the URL's query: member → value, or null to leave it out.
    pub query: Option<BTreeMap<String, Value>>,
    /// What the server should do; by default `success`.
    pub expect: Option<Welcome>,
}

/// What a server should do with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum Welcome {
    /// Take it, and let the actor log in.
    Success,
    /// Refuse the handshake, or end the connection within 5 s. Nobody logs in.
    Refused,
}

/// Members that every step that is a mapping may have besides its own.
const EXAMINATION: [&str; 2] = ["proves", "name"];

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        let [proves, name] = EXAMINATION.map(|member| value.as_object_mut().and_then(|map| map.remove(member)));
        let read = || -> serde_json::Result<Self> {
            Ok(Self {
                deed: serde_json::from_value(value)?,
                proves: proves.map(serde_json::from_value).transpose()?,
                name: name.map(serde_json::from_value).transpose()?,
            })
        };
        read().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let schema = Deed::json_schema(generator);
        let members = json!({
            "proves": {
                "description": "Ids of the requirements that this step proves, such as `C03-B14`; needs a `name`.",
                "type": "array",
                "items": { "type": "string" },
                "minItems": 1,
            },
            "name": { "description": "What it is called, such as `closing_causes_thread_closed`.", "type": "string" },
        });
        let branches = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        for branch in branches.filter_map(|branch| branch["$ref"].as_str()) {
            let name = branch.rsplit('/').next().unwrap_or_default();
            let properties = generator.definitions_mut().get_mut(name).and_then(|schema| schema.get_mut("properties"));
            if let (Some(Value::Object(properties)), Value::Object(members)) = (properties, members.clone()) {
                properties.extend(members);
            }
        }
        schema
    }
}

impl Step {
    /// The blocks of steps in it, without those of reactions.
    pub fn blocks(&self) -> Vec<&Steps> {
        match &self.deed {
            Deed::React(react) => vec![&react.during],
            Deed::Repeat(repeat) => vec![&repeat.steps],
            Deed::Choose(choose) => choose.choose.iter().map(|choice| &choice.steps).collect(),
            Deed::If(condition) => std::iter::once(&condition.then).chain(&condition.r#else).collect(),
            Deed::Group(group) => vec![&group.steps],
            Deed::Parallel(parallel) => parallel.parallel.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The names that it gives to values for this actor.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        let captured = match &self.deed {
            Deed::Call(call) => call.capture.as_ref(),
            Deed::Await(wait) => wait.capture.as_ref(),
            _ => None,
        };
        let set = match &self.deed {
            Deed::Set(set) => Some(&set.set),
            _ => None,
        };
        captured.into_iter().flat_map(BTreeMap::keys).chain(set.into_iter().flat_map(BTreeMap::keys))
    }

    /// The names that it gives to values for the whole cast.
    pub fn shares(&self) -> impl Iterator<Item = &String> {
        let shared = match &self.deed {
            Deed::Call(call) => call.share.as_ref(),
            Deed::Await(wait) => wait.share.as_ref(),
            _ => None,
        };
        shared.into_iter().flat_map(BTreeMap::keys)
    }
}
