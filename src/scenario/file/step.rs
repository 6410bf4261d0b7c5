//! Steps as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Distribution, Steps, Time};

/// One step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "a step")]
pub(in crate::scenario) enum Step {
    Call(CallStep),
    Await(AwaitStep),
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
    Connection(ConnectionStep),
}

/// Call an action and look at the answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct CallStep {
    /// Name of the action, such as `send_event`.
    pub call: String,
    /// What is sent; `${name}` stands for a value.
    pub payload: Option<Value>,
    /// What the answer should be; by default `success`.
    pub expect: Option<Expect>,
    /// `invalid`: the payload is meant to be wrong.
    pub deliberately: Option<Deliberately>,
    /// Values to take from the answer: name → JSON pointer.
    pub capture: Option<BTreeMap<String, String>>,
    /// Values to take from the answer for the whole cast, read as `${cast.NAME}`: name → JSON pointer.
    pub share: Option<BTreeMap<String, String>>,
}

/// What an answer should be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(title = "`success`, `anything` or `{ error: TYPE }`")]
pub(in crate::scenario) enum Expect {
    /// The request succeeds.
    Success,
    /// Any answer will do.
    Anything,
    /// The request fails with this error type.
    Error(String),
}

/// How a payload is meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum Deliberately {
    /// It breaks the documented format on purpose.
    Invalid,
}

/// Wait for a push.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct AwaitStep {
    /// Name of the push, or several of which any will do.
    pub r#await: OneOrMore,
    /// What must be in the payload: JSON pointer → value.
    pub r#match: Option<BTreeMap<String, Value>>,
    /// Payloads with all of this are passed over: JSON pointer → value.
    pub unless: Option<BTreeMap<String, Value>>,
    /// How long at most; by default 15s.
    pub within: Option<Time>,
    /// Values to take from the push: name → JSON pointer.
    pub capture: Option<BTreeMap<String, String>>,
    /// Values to take from the push for the whole cast: name → JSON pointer.
    pub share: Option<BTreeMap<String, String>>,
}

/// One name, or a list of names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum OneOrMore {
    /// One.
    #[schemars(title = "a name")]
    One(String),
    /// Several.
    #[schemars(title = "a list of names", extend("minItems" = 1))]
    More(Vec<String>),
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
    /// This name has a value, which is neither null nor false.
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

impl Step {
    /// The blocks of steps in it, without those of reactions.
    pub fn blocks(&self) -> Vec<&Steps> {
        match self {
            Self::React(react) => vec![&react.during],
            Self::Repeat(repeat) => vec![&repeat.steps],
            Self::Choose(choose) => choose.choose.iter().map(|choice| &choice.steps).collect(),
            Self::If(condition) => std::iter::once(&condition.then).chain(&condition.r#else).collect(),
            Self::Group(group) => vec![&group.steps],
            Self::Parallel(parallel) => parallel.parallel.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The names that it gives to values for this actor.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        let captured = match self {
            Self::Call(call) => call.capture.as_ref(),
            Self::Await(wait) => wait.capture.as_ref(),
            _ => None,
        };
        let set = match self {
            Self::Set(set) => Some(&set.set),
            _ => None,
        };
        captured.into_iter().flat_map(BTreeMap::keys).chain(set.into_iter().flat_map(BTreeMap::keys))
    }

    /// The names that it gives to values for the whole cast.
    pub fn shares(&self) -> impl Iterator<Item = &String> {
        let shared = match self {
            Self::Call(call) => call.share.as_ref(),
            Self::Await(wait) => wait.share.as_ref(),
            _ => None,
        };
        shared.into_iter().flat_map(BTreeMap::keys)
    }
}
