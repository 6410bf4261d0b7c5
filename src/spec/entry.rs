//! Everything that is known of one action or push.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::message::{Message, message};
use crate::protocol::{Channel, Check, Dialect, DialectName, Kind, Line, Requirement};

/// Everything that is known of one action or push of a dialect.
#[derive(Debug, Clone, Serialize)]
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a str,
    /// The dialect that has it.
    pub dialect: &'a DialectName,
    /// The document that the dialect is taken from.
    pub document: &'a str,
    /// What it is and does.
    #[serde(flatten)]
    pub what: What<'a>,
    /// The objects in its payloads, by name.
    pub objects: BTreeMap<String, Message>,
    /// The requirements that name it.
    pub requirements: Vec<&'a Requirement>,
}

/// An action or a push.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What<'a> {
    /// Something that a client can ask for.
    Action(Box<Action<'a>>),
    /// Something that the server tells.
    Push(Push<'a>),
}

/// Something that a client can ask for.
#[derive(Debug, Clone, Serialize)]
pub struct Action<'a> {
    /// Where it is documented.
    pub line: &'a Line,
    /// Over what it is offered.
    pub transports: &'a [Channel],
    /// Its own path of the Web API, in place of the dialect's.
    pub path: Option<&'a str>,
    /// The pushes that it may cause.
    pub pushes: &'a [String],
    /// Token scopes of which any one suffices.
    pub scopes: &'a [String],
    /// Bounds and defaults of request members.
    pub limits: BTreeMap<&'a str, LimitRow<'a>>,
    /// How a file travels.
    pub upload: Option<Upload<'a>>,
    /// Named by the document without a description.
    pub indexed_only: bool,
    /// Described only by a neighbouring page.
    pub companion: bool,
    /// The request payload.
    pub request: Option<Message>,
    /// The payload of a successful response.
    pub response: Option<Message>,
}

/// Something that the server tells.
#[derive(Debug, Clone, Serialize)]
pub struct Push<'a> {
    /// Where it is documented.
    pub line: &'a Line,
    /// The actions that may cause it.
    pub caused_by: Vec<&'a str>,
    /// Described only by a neighbouring page.
    pub companion: bool,
    /// Its payload.
    pub payload: Option<Message>,
}

/// Bounds and default of a request member.
#[derive(Debug, Clone, Serialize)]
pub struct LimitRow<'a> {
    /// What is taken when the member is missing.
    pub default: Option<&'a Value>,
    /// Smallest legal value.
    pub min: Option<i64>,
    /// Largest legal value.
    pub max: Option<i64>,
    /// Where that is documented.
    pub line: &'a Line,
}

/// How a file travels in a multipart body.
#[derive(Debug, Clone, Serialize)]
pub struct Upload<'a> {
    /// What stands before the names of the other members.
    pub prefix: &'a str,
    /// Name of the part that is the file.
    pub file: &'a str,
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Where that is documented.
    pub line: &'a Line,
}

impl<'a> Entry<'a> {
    /// The action or push of that name, when the dialect has one.
    pub fn of(dialect: &'a Dialect, name: &str) -> Option<Self> {
        let catalog = &dialect.catalog;
        let mut names = BTreeSet::new();
        let (name, what) = if let Some((name, spec)) = catalog.actions.get_key_value(name) {
            let limits = spec.limits.iter().map(|(member, limit)| {
                let (default, min, max) = (limit.default.as_ref(), limit.min, limit.max);
                (member.as_str(), LimitRow { default, min, max, line: &limit.line })
            });
            let action = Action {
                line: &spec.line,
                transports: &spec.transports,
                path: spec.path.as_deref(),
                pushes: &spec.pushes,
                scopes: &spec.scopes,
                limits: limits.collect(),
                upload: spec.multipart.as_ref().map(|parts| Upload {
                    prefix: &parts.prefix,
                    file: &parts.file,
                    max_bytes: parts.max_bytes,
                    line: &parts.line,
                }),
                indexed_only: spec.indexed_only,
                companion: spec.companion,
                request: message(dialect, Kind::Request, name, &mut names),
                response: message(dialect, Kind::Response, name, &mut names),
            };
            (name, What::Action(Box::new(action)))
        } else {
            let (name, spec) = catalog.pushes.get_key_value(name)?;
            let causes = catalog.actions.iter().filter(|(_, action)| action.pushes.contains(name));
            let push = Push {
                line: &spec.line,
                caused_by: causes.map(|(action, _)| action.as_str()).collect(),
                companion: spec.companion,
                payload: message(dialect, Kind::Push, name, &mut names),
            };
            (name, What::Push(push))
        };
        let requirements = dialect.requirements.values().filter(|row| speaks_of(row, name)).collect();
        Some(Self {
            name,
            dialect: &dialect.name,
            document: &catalog.document,
            what,
            objects: objects(dialect, names),
            requirements,
        })
    }
}

/// The objects of these names, and those in them.
fn objects(dialect: &Dialect, mut waiting: BTreeSet<String>) -> BTreeMap<String, Message> {
    let mut found = BTreeMap::new();
    while let Some(name) = waiting.pop_first() {
        let mut inside = BTreeSet::new();
        if let Some(object) = message(dialect, Kind::Object, &name, &mut inside) {
            found.insert(name, object);
        }
        waiting.extend(inside.into_iter().filter(|name| !found.contains_key(name)));
    }
    found
}

/// Whether a requirement names an action or push: in its words, its heading or its checks.
fn speaks_of(requirement: &Requirement, wanted: &str) -> bool {
    let word = |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == wanted);
    word(&requirement.statement)
        || word(&requirement.section.to_lowercase().replace(' ', "_"))
        || requirement.check.iter().any(|check| match check {
            Check::Schema { kind: Kind::Request | Kind::Response | Kind::Push, name, .. } => name == wanted,
            Check::Negatives { action: Some(action), .. } => action == wanted,
            _ => false,
        })
}
