//! `requirements.yaml`: the sentences of the documents that can be checked, and what checks them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ErratumId, Kind, Line, Place, ProtocolError, RequirementId, SchemaFiles, Transport};

/// One sentence of the documents.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Its stable id.
    pub id: RequirementId,
    /// How binding it is.
    pub level: Level,
    /// Where the sentence comes from.
    pub basis: Basis,
    /// Heading of the document under which it stands.
    pub section: String,
    /// In our words.
    pub statement: String,
    /// Where it stands.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// Open points that bear on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errata: Vec<ErratumId>,
    /// The real-time transport that it speaks of; what happens over another one says nothing about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// What proves it. All of it has to hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<Check>,
    /// Why nothing can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Exclusion>,
}

/// How binding a requirement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A server without it is wrong.
    Must,
    /// A good server does it.
    Should,
    /// It is allowed.
    May,
    /// Worth knowing.
    Info,
}

impl Level {
    /// All levels, the most binding first.
    pub const ALL: [Self; 4] = [Self::Must, Self::Should, Self::May, Self::Info];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
            Self::Info => "info",
        })
    }
}

/// Where a sentence comes from; earlier ones weigh more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Running text.
    Prose,
    /// A table.
    Table,
    /// An example only.
    Sample,
    /// Follows from something else.
    Inferred,
    /// The reading of an ambiguity.
    Errata,
    /// A neighbouring page.
    Companion,
}

/// Why nothing checks a requirement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// In a word.
    pub reason: Reason,
    /// In a sentence.
    pub because: String,
}

/// Why nothing can check a requirement, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It cannot be seen from outside.
    Unobservable,
    /// The documents contradict themselves.
    Contradiction,
    /// Somebody would have to turn a knob on the vendor's side.
    VendorConsole,
    /// It would take more than a few minutes.
    TooLong,
    /// It is the client's duty, not the server's.
    ClientDuty,
    /// It is a remark and promises nothing.
    NoPromise,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unobservable => "not observable from outside",
            Self::Contradiction => "the documents contradict themselves",
            Self::VendorConsole => "needs the vendor's console",
            Self::TooLong => "would take too long",
            Self::ClientDuty => "a duty of the client",
            Self::NoPromise => "no promise",
        })
    }
}

/// What proves a requirement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// An oracle that always runs, by the kind of violation that it raises.
    Oracle(String),
    /// Messages, or one of their members, were seen and were all valid.
    Schema {
        /// What kind of schema file.
        kind: Kind,
        /// Its name.
        name: String,
        /// Path of members in it, such as `/chats_summary/order`; empty for the whole.
        member: String,
    },
    /// A step of a certification scenario.
    Step(String),
    /// Generated requests that must be refused.
    Negatives {
        /// Of which action; of any when none is named.
        action: Option<String>,
        /// What is wrong with them.
        class: NegativeClass,
    },
}

macro_rules! classes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        /// What is wrong with a request that must be refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
        pub enum NegativeClass {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+
        }

        impl NegativeClass {
            /// All classes.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in files and reports.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

classes! {
    /// A required member is not there.
    MissingMember = "missing_member";
    /// A member has another JSON type.
    WrongType = "wrong_type";
    /// A value that the list of values does not have.
    OutsideEnum = "outside_enum";
    /// One below or one above a limit.
    OutsideLimit = "outside_limit";
    /// An action that does not exist.
    UnknownAction = "unknown_action";
    /// An action that this transport does not offer.
    WrongTransport = "wrong_transport";
    /// On a connection that has not logged in.
    BeforeLogin = "before_login";
    /// With a token that nobody has.
    BadToken = "bad_token";
    /// By a customer who is banned.
    Banned = "banned";
}

impl Check {
    /// Whether it is a check of schemas that looks at a place: a member of a message, or of an object wherever that stands. `path` has no
    /// indices of arrays.
    pub fn looks_at(&self, (of, message, path): (Kind, &str, &str), place: Option<&Place>) -> bool {
        let Self::Schema { kind, name, member } = self else { return false };
        let below =
            |path: &str| path.strip_prefix(&**member).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if (of, message) == (*kind, &**name) {
            return below(path);
        }
        let is_there =
            |place: &Place| place.file.split_once('/') == Some((kind.folder(), name)) && below(&place.member);
        place.is_some_and(is_there)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oracle(kind) => write!(f, "oracle:{kind}"),
            Self::Schema { kind, name, member } if member.is_empty() => write!(f, "schema:{}/{name}", kind.folder()),
            Self::Schema { kind, name, member } => write!(f, "schema:{}/{name}#{member}", kind.folder()),
            Self::Step(name) => write!(f, "step:{name}"),
            Self::Negatives { action: None, class } => write!(f, "negatives:{}", class.name()),
            Self::Negatives { action: Some(action), class } => write!(f, "negatives:{action}/{}", class.name()),
        }
    }
}

impl FromStr for Check {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown =
            || format!("`{text}` is not oracle:KIND, schema:FOLDER/NAME, step:NAME or negatives:[ACTION/]CLASS");
        let (family, rest) = text.split_once(':').ok_or_else(unknown)?;
        Ok(match family {
            "oracle" => Self::Oracle(rest.to_owned()),
            "step" => Self::Step(rest.to_owned()),
            "schema" => {
                let (file, member) = rest.split_once('#').unwrap_or((rest, ""));
                let (folder, name) = file.split_once('/').ok_or_else(unknown)?;
                let kind = Kind::ALL.into_iter().find(|kind| kind.folder() == folder).ok_or_else(unknown)?;
                Self::Schema { kind, name: name.to_owned(), member: member.to_owned() }
            }
            "negatives" => {
                let (action, class) = match rest.rsplit_once('/') {
                    Some((action, class)) => (Some(action.to_owned()), class),
                    None => (None, rest),
                };
                let class = NegativeClass::ALL.iter().copied().find(|known| known.name() == class);
                Self::Negatives { action, class: class.ok_or_else(unknown)? }
            }
            _ => return Err(unknown()),
        })
    }
}

impl<'de> Deserialize<'de> for Check {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Check {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads the requirements of a dialect; a folder without the file has none.
pub(super) fn read(files: &SchemaFiles, folder: &str) -> Result<BTreeMap<RequirementId, Requirement>, ProtocolError> {
    let path = format!("{folder}/requirements.yaml");
    let rows: Vec<Requirement> = super::source::rows(files, &path)?;
    let mut requirements = BTreeMap::new();
    for row in rows {
        let inconsistent = |reason: String| ProtocolError::Inconsistent { path: path.clone(), reason };
        if row.check.is_empty() == row.excluded.is_none() {
            return Err(inconsistent(format!("{} needs either a `check` or a reason why it is `excluded`", row.id)));
        }
        if let Some(twice) = requirements.insert(row.id.clone(), row) {
            return Err(inconsistent(format!("{} is there twice", twice.id)));
        }
    }
    Ok(requirements)
}
