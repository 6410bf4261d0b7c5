//! `catalog.yaml` as types. The format is described in `schemas/README.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::{Channel, DialectName, Line, ProtocolError, RequirementId, Role, SchemaFiles};

/// What a dialect has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// The dialect's name, equal to its folder.
    pub dialect: DialectName,
    /// File name of the document, without extension.
    pub document: String,
    /// Real-time transports.
    pub rtm: RtmSpec,
    /// The Web API.
    pub web: WebSpec,
    /// Documented limit for an answer, from the moment the request was sent.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
    /// How a connection logs in.
    pub login: LoginSpec,
    /// The documented error types.
    pub errors: BTreeMap<String, ErrorSpec>,
    /// The push that announces a forced disconnect.
    pub disconnect: DisconnectSpec,
    /// Within what each `order` is unique.
    pub ordering: BTreeMap<String, serde_json::Value>,
    /// Violation kind to the sentence that it breaks.
    pub rules: BTreeMap<String, Rule>,
    /// The actions by name.
    pub actions: BTreeMap<String, ActionSpec>,
    /// The pushes by name.
    pub pushes: BTreeMap<String, PushSpec>,
}

/// Real-time transports: paths and the rules of staying connected.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RtmSpec {
    /// Paths of the websocket; the documented one first, then aliases in use.
    pub websocket: Vec<String>,
    /// Paths of socket.io.
    #[serde(default)]
    pub socketio: Vec<String>,
    /// Members that the URL's query must have.
    #[serde(default)]
    pub query: Vec<String>,
    /// What requests call their correlation id.
    #[serde(default)]
    pub correlation: CorrelationName,
    /// A silent connection is closed after about this long.
    #[serde(deserialize_with = "duration")]
    pub idle_close: Duration,
    /// The longest silence after which a server may still be open, where documents disagree.
    #[serde(default, deserialize_with = "optional_duration")]
    pub idle_close_at_most: Option<Duration>,
    /// How often a client should ping.
    #[serde(deserialize_with = "duration")]
    pub ping_every: Duration,
    /// A connection that has not logged in by then is closed.
    #[serde(default, deserialize_with = "optional_duration")]
    pub login_within: Option<Duration>,
}

/// What a frame calls the id that ties a response to its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrelationName {
    /// The name since the end of 2017 (customer-v0.3 130).
    #[default]
    RequestId,
    /// The name before (C02-A10).
    Id,
}

/// The Web API: paths and bodies.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSpec {
    /// Path templates with `{action}`; the documented one first.
    pub path: Vec<String>,
    /// Members that the URL's query must have.
    #[serde(default)]
    pub query: Vec<String>,
    /// How a request body wraps the payload.
    pub request_body: BodyStyle,
    /// Whether servers also take a body without the wrapper.
    #[serde(default)]
    pub accepts_bare: bool,
}

/// How a Web request body holds the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyStyle {
    /// `{"payload": {…}}`.
    Wrapped,
    /// The payload itself.
    Bare,
}

/// How a connection logs in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginSpec {
    /// The action that does it.
    pub action: String,
    /// Pointer into its response to the id of the user.
    pub user_id: String,
    /// Actions that are allowed before.
    pub before: Vec<String>,
}

/// A documented error type.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorSpec {
    /// Its default message.
    pub message: String,
    /// Where it is documented.
    pub line: Line,
}

/// The push that announces a forced disconnect.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisconnectSpec {
    /// Name of the push.
    pub push: String,
    /// The documented reasons and where.
    pub reasons: BTreeMap<String, Line>,
}

/// The sentence of the documents that a check rests on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its id.
    pub requirement: RequirementId,
    /// Where it stands.
    pub line: Line,
}

/// One action.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionSpec {
    /// Where it is documented.
    pub line: Line,
    /// On which transports it exists.
    #[serde(default)]
    pub transports: Vec<Channel>,
    /// Which pushes it may cause.
    #[serde(default)]
    pub pushes: Vec<String>,
    /// Token scopes of which any one suffices.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Documented bounds and defaults of request members.
    #[serde(default)]
    pub limits: BTreeMap<String, Limit>,
    /// Where the response carries events.
    pub answers: Option<Carries>,
    /// Pointer to the event or events that the request asks to create.
    pub sends: Option<String>,
    /// How a file travels, for the uploading actions.
    pub multipart: Option<Multipart>,
    /// Its own path of the Web API, in place of the dialect's pattern.
    pub path: Option<String>,
    /// Named by the document without a description: no schema files.
    #[serde(default)]
    pub indexed_only: bool,
    /// Whether the documents can be read to ask for no answer at all.
    #[serde(default)]
    pub may_stay_unanswered: bool,
    /// Described only by a neighbouring page.
    #[serde(default)]
    pub companion: bool,
}

/// Documented bounds and default of a request member.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Value when the member is missing.
    pub default: Option<serde_json::Value>,
    /// Smallest legal value.
    pub min: Option<i64>,
    /// Largest legal value.
    pub max: Option<i64>,
    /// Where it is documented.
    pub line: Line,
}

/// How a file travels in a multipart body.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Multipart {
    /// What stands before each member's name in the part names.
    pub prefix: String,
    /// What servers also take in its place.
    pub alias_prefix: Option<String>,
    /// Name of the part that is the file.
    pub file: String,
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Where it is documented.
    pub line: Line,
}

/// One push.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushSpec {
    /// Where it is documented.
    pub line: Line,
    /// Where the payload carries events.
    pub carries: Option<Carries>,
    /// Where the payload carries an event that changed.
    pub updates: Option<Carries>,
    /// What it means for who takes part.
    pub effect: Option<Effect>,
    /// Described only by a neighbouring page.
    #[serde(default)]
    pub companion: bool,
}

/// Pointers into a payload to the events in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Carries {
    /// The chat's id.
    pub chat: Option<String>,
    /// The thread's id.
    pub thread: Option<String>,
    /// One event, or an array of them.
    pub events: Option<String>,
    /// One thread object or an array of them, in place of `thread` and `events`.
    pub threads: Option<String>,
    /// The array of the chat's users.
    pub users: Option<String>,
    /// From here on the receiving connection gets the chat's pushes.
    pub subscribes: bool,
    /// It announces a new thread.
    pub starts_thread: bool,
    /// It also comes when somebody begins to follow a chat that has been running.
    pub also_on_follow: bool,
}

/// What a push means for who takes part in a chat. All pointers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Effect {
    /// One user object or an array of them, in one place or several.
    #[serde(deserialize_with = "one_or_many")]
    pub users_added: Vec<String>,
    /// One user's id or an array of ids, in one place or several.
    #[serde(deserialize_with = "one_or_many")]
    pub users_removed: Vec<String>,
    /// The id of the thread that was closed.
    pub thread_closed: Option<String>,
    /// Afterwards nobody can be sure who belongs to the chat.
    pub membership_unclear: bool,
}

impl Catalog {
    pub(super) fn read(files: &SchemaFiles, folder: &str) -> Result<Self, ProtocolError> {
        let path = format!("{folder}/catalog.yaml");
        let catalog: Self = serde_saphyr::from_str(files.text(&path)?)
            .map_err(|e| ProtocolError::Inconsistent { path: path.clone(), reason: e.to_string() })?;
        let wrong = |reason: String| ProtocolError::Inconsistent { path: path.clone(), reason };
        if catalog.dialect.as_str() != folder {
            return Err(wrong(format!("it calls itself `{}` but is in the folder `{folder}`", catalog.dialect)));
        }
        if catalog.rtm.websocket.is_empty() || catalog.web.path.is_empty() {
            return Err(wrong("`rtm.websocket` and `web.path` need at least one path each".into()));
        }
        for (name, action) in &catalog.actions {
            if let Some(unknown) = action.pushes.iter().find(|push| !catalog.pushes.contains_key(*push)) {
                return Err(wrong(format!("action `{name}` names the unknown push `{unknown}`")));
            }
        }
        Ok(catalog)
    }

    /// Who speaks this dialect: the part of its name before the slash.
    pub fn role(&self) -> Role {
        if self.dialect.as_str().starts_with("agent/") { Role::Agent } else { Role::Customer }
    }

    /// Whether no action causes a push, so that it comes with time or not at all.
    pub fn comes_with_time(&self, push: &str) -> bool {
        !self.actions.values().any(|spec| spec.pushes.iter().any(|caused| caused == push))
    }

    /// The specification of an action that has schema files.
    pub fn action(&self, name: &str) -> Option<&ActionSpec> {
        self.actions.get(name).filter(|spec| !spec.indexed_only)
    }
}

impl Carries {
    /// Whether there is anything in it that an ordering check could look at.
    pub fn has_events(&self) -> bool {
        self.events.is_some() || self.threads.is_some()
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.strip_suffix('s')
        .and_then(|seconds| seconds.parse().ok())
        .map(Duration::from_secs)
        .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a number of seconds such as `15s`")))
}

fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}
