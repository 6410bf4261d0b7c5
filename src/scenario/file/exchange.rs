//! Steps that look at what a server says, as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Assertion, Time};
use crate::protocol::NegativeClass;

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
    /// What should hold of the answer's payload.
    #[schemars(length(min = 1))]
    pub assert: Option<Vec<Assertion>>,
    /// `invalid`: the payload is meant to be wrong, or the action not to be there.
    pub deliberately: Option<Deliberately>,
    /// Over the Web API, the `Authorization` header in place of the token's; `none` for no header.
    pub authorization: Option<String>,
    /// Over the Web API, changes of the URL's query: member → value, or null to leave it out.
    pub query: Option<BTreeMap<String, Value>>,
    /// Over the Web API, the media type of the body in place of the documented one.
    pub content_type: Option<String>,
    /// The file that is sent, for an action that takes one.
    pub upload: Option<Upload>,
    /// Values to take from the answer: name → JSON pointer.
    pub capture: Option<BTreeMap<String, String>>,
    /// Values to take from the answer for the whole cast, read as `${cast.NAME}`: name → JSON pointer.
    pub share: Option<BTreeMap<String, String>>,
}

/// What an answer should be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(title = "`success`, `refused`, `anything` or `{ error: TYPE }`")]
pub(in crate::scenario) enum Expect {
    /// The request succeeds.
    Success,
    /// The request fails with some documented error.
    Refused,
    /// Any answer will do.
    Anything,
    /// The request fails with this error type, or with one of these.
    Error(OneOrMore),
}

/// A made-up file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Upload {
    /// Its size.
    #[schemars(range(max = 100_000_000))]
    pub bytes: usize,
    /// Its name; by default `file`.
    pub name: Option<String>,
    /// Its media type; by default `application/octet-stream`.
    pub r#type: Option<String>,
}

/// How a payload is meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum Deliberately {
    /// It breaks the documented format on purpose, or there is no such action.
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
    /// What should hold of the payload.
    #[schemars(length(min = 1))]
    pub assert: Option<Vec<Assertion>>,
    /// Values to take from the push: name → JSON pointer.
    pub capture: Option<BTreeMap<String, String>>,
    /// Values to take from the push for the whole cast: name → JSON pointer.
    pub share: Option<BTreeMap<String, String>>,
}

/// Make sure that a push does not come.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct NeverStep {
    /// Name of the push, or several of which none may come; or `anything`.
    pub never: OneOrMore,
    /// Only payloads with all of this count: JSON pointer → value.
    pub r#match: Option<BTreeMap<String, Value>>,
    /// Payloads with all of this do not count: JSON pointer → value.
    pub unless: Option<BTreeMap<String, Value>>,
    /// How long to look out for it; by default 500ms.
    pub r#for: Option<Time>,
}

/// Send what the server must refuse, and see that it does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RefusesStep {
    /// Which requests.
    pub refuses: Refuses,
}

/// Requests that the server must refuse.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Refuses {
    /// Name of the action.
    pub action: String,
    /// A valid payload, from which every mistake is generated.
    pub payload: Option<Value>,
    /// Send the payload as it is, for this reason to be refused: `banned`, `bad_token`, `unknown_action` …
    pub class: Option<NegativeClass>,
    /// What must be the same before and after.
    pub unchanged: Option<Question>,
}

/// A request whose answer tells whether something changed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Question {
    /// Name of the action.
    pub action: String,
    /// Its payload.
    pub payload: Option<Value>,
}

/// Compare values that are known.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct CheckStep {
    /// What should hold, each with a `value`.
    #[schemars(length(min = 1))]
    pub check: Vec<Assertion>,
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
