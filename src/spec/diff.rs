//! What a client must change to go from one dialect to another.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::payload::Comparison;
use crate::protocol::{Catalog, CorrelationName, Dialect, DialectName, Kind};

/// All differences of two dialects that a client can notice, in a stable order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// What the client speaks now.
    pub from: DialectName,
    /// What it is to speak.
    pub to: DialectName,
    /// One after the other.
    pub changes: Vec<Change>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What part of the protocol it is in.
    pub area: Area,
    /// Name of the action, push, object, error or fact of the connection.
    pub name: String,
    /// Path of the member, such as `/chat/thread/events`, in payloads and objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The condition under which it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What differs.
    pub aspect: Aspect,
    /// What it was; absent when there was no such thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What it is; absent when there is no such thing any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// A part of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Paths, queries, times and the login.
    Connection,
    /// Error types.
    Error,
    /// Reasons for which the server ends a connection.
    Disconnect,
    /// What can be asked for, and over what.
    Action,
    /// What the server tells.
    Push,
    /// Payloads of requests.
    Request,
    /// Payloads of responses.
    Response,
    /// Payloads of pushes.
    Payload,
    /// Objects that both dialects have, in whatever payloads.
    Object,
    /// RTM frames and the body of a failed Web call.
    Envelope,
}

/// What differs of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// Whether it is there at all.
    Existence,
    /// Its value.
    Value,
    /// Its type.
    Type,
    /// Whether it must be there.
    Required,
    /// The values listed for it.
    Values,
    /// Its smallest and largest value, length or size, and what stands for it when it is missing.
    Limits,
    /// Over what an action is offered.
    Transports,
    /// The pushes that an action may cause.
    Pushes,
    /// The token scopes of which one suffices.
    Scopes,
    /// How a file travels.
    Upload,
    /// Its own path of the Web API, in place of the dialect's.
    Path,
}

/// What can be compared of a thing without looking inside.
type Facts = BTreeMap<(Area, String, Option<String>, Aspect), Value>;

impl Diff {
    /// Compares two dialects.
    pub fn between(from: &Dialect, to: &Dialect) -> Self {
        let mut changes = compared(&facts(&from.catalog), &facts(&to.catalog));
        let mut payloads = Comparison::new(from, to);
        for (kind, area) in [
            (Kind::Request, Area::Request),
            (Kind::Response, Area::Response),
            (Kind::Push, Area::Payload),
            (Kind::Envelope, Area::Envelope),
        ] {
            payloads.all(kind, area);
        }
        changes.extend(payloads.finish());
        changes.sort_by(|a, b| a.key().cmp(&b.key()));
        Self { from: from.name.clone(), to: to.name.clone(), changes }
    }
}

impl Change {
    fn key(&self) -> (Area, &str, Option<&str>, Option<&str>, Aspect) {
        (self.area, &self.name, self.member.as_deref(), self.when.as_deref(), self.aspect)
    }
}

/// The differences of two sets of facts. Of what is added or removed, only that is told.
fn compared(from: &Facts, to: &Facts) -> Vec<Change> {
    let keys: BTreeSet<_> = from.keys().chain(to.keys()).collect();
    let there = |facts: &Facts, area: Area, name: &str| {
        facts.keys().any(|(a, n, _, aspect)| *a == area && n == name && *aspect == Aspect::Existence)
    };
    let differing = keys.into_iter().filter(|key| from.get(*key) != to.get(*key));
    let told = differing.filter(|(area, name, _, aspect)| {
        *aspect == Aspect::Existence || there(from, *area, name) == there(to, *area, name)
    });
    told.map(|key| {
        let (area, name, member, aspect) = key.clone();
        Change { area, name, member, when: None, aspect, from: from.get(key).cloned(), to: to.get(key).cloned() }
    })
    .collect()
}

/// What the catalog says to a client.
fn facts(catalog: &Catalog) -> Facts {
    let mut facts = Facts::new();
    for (name, value) in connection(catalog) {
        facts.insert((Area::Connection, name.to_owned(), None, Aspect::Value), value);
    }
    for (name, error) in &catalog.errors {
        facts.insert((Area::Error, name.clone(), None, Aspect::Existence), json!(true));
        facts.insert((Area::Error, name.clone(), None, Aspect::Value), json!(error.message));
    }
    for name in catalog.disconnect.reasons.keys() {
        facts.insert((Area::Disconnect, name.clone(), None, Aspect::Existence), json!(true));
    }
    for name in catalog.pushes.keys() {
        facts.insert((Area::Push, name.clone(), None, Aspect::Existence), json!(true));
    }
    for (name, action) in catalog.actions.iter().filter(|(_, action)| !action.indexed_only) {
        let mut put = |member: Option<&String>, aspect, value: Option<Value>| {
            if let Some(value) = value {
                facts.insert((Area::Action, name.clone(), member.cloned(), aspect), value);
            }
        };
        put(None, Aspect::Existence, Some(json!(true)));
        let transports: Vec<Value> = action.transports.iter().map(|transport| json!(transport)).collect();
        put(None, Aspect::Transports, sorted(transports));
        put(None, Aspect::Pushes, sorted(action.pushes.iter().map(|push| json!(push)).collect()));
        put(None, Aspect::Scopes, sorted(action.scopes.iter().map(|scope| json!(scope)).collect()));
        put(None, Aspect::Path, action.path.as_ref().map(|path| json!(path)));
        let upload = action.multipart.as_ref();
        put(
            None,
            Aspect::Upload,
            upload.map(|parts| json!({"prefix": parts.prefix, "file": parts.file, "max_bytes": parts.max_bytes})),
        );
        for (member, limit) in &action.limits {
            let mut bounds = BTreeMap::new();
            bounds.extend(limit.default.as_ref().map(|default| ("default", default.clone())));
            bounds.extend(limit.min.map(|min| ("min", json!(min))));
            bounds.extend(limit.max.map(|max| ("max", json!(max))));
            put(Some(&format!("/{}", member.replace('.', "/"))), Aspect::Limits, Some(json!(bounds)));
        }
    }
    facts
}

fn connection(catalog: &Catalog) -> Vec<(&'static str, Value)> {
    let seconds = |time: std::time::Duration| json!(format!("{}s", time.as_secs()));
    let correlation = match catalog.rtm.correlation {
        CorrelationName::RequestId => "request_id",
        CorrelationName::Id => "id",
    };
    let mut facts = vec![
        ("rtm.websocket", json!(catalog.rtm.websocket)),
        ("rtm.socketio", json!(catalog.rtm.socketio)),
        ("rtm.query", json!(catalog.rtm.query)),
        ("rtm.correlation", json!(correlation)),
        ("rtm.idle_close", seconds(catalog.rtm.idle_close)),
        ("rtm.ping_every", seconds(catalog.rtm.ping_every)),
        ("web.path", json!(catalog.web.path)),
        ("web.query", json!(catalog.web.query)),
        ("web.request_body", json!(format!("{:?}", catalog.web.request_body).to_lowercase())),
        ("timeout", seconds(catalog.timeout)),
        ("login.action", json!(catalog.login.action)),
        ("login.before", json!(catalog.login.before)),
        ("disconnect.push", json!(catalog.disconnect.push)),
    ];
    facts.extend(catalog.rtm.login_within.map(|time| ("rtm.login_within", seconds(time))));
    facts
}

/// A list whose order means nothing; none when it is empty.
fn sorted(mut list: Vec<Value>) -> Option<Value> {
    list.sort_by_key(ToString::to_string);
    (!list.is_empty()).then(|| json!(list))
}
