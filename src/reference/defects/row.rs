//! A row of the table of defects: where it strikes and what it does there.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::edit::{Edit, Pointer};
use super::flag::Flag;
use super::striking::Occasion;
use crate::protocol::{Channel, DialectName, MismatchKind, RequirementId};
use crate::reference::render::Spoken;

/// One defect that the server can be told to have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefectRow {
    /// What it is called on the command line.
    pub name: String,
    /// What the server does wrong, as a sentence.
    pub about: String,
    /// The requirements that it breaks, by dialect.
    #[serde(default)]
    pub breaks: BTreeMap<DialectName, Vec<RequirementId>>,
    /// The kind of violation as which any run finds it, if one of the checks that are always on does.
    pub found_as: Option<String>,
    /// Where it strikes; everywhere, for a broken rule.
    #[serde(default)]
    pub(super) at: At,
    /// What it does there.
    #[serde(rename = "do")]
    pub(super) change: Change,
}

/// Names that are meant: one, several, or `any`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    pub(super) fn each(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }

    fn has(&self, name: &str) -> bool {
        self.each().any(|known| known == name || known == "any")
    }
}

/// Which messages or requests are meant: those to which all of it applies.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct At {
    /// Valid requests of these actions.
    pub(super) request: Option<Names>,
    /// Requests of these actions whose payload is not what the schema asks for.
    pub(super) invalid: Option<Names>,
    /// Successful responses of these actions.
    pub(super) response: Option<Names>,
    /// Refusals with these error types.
    pub(super) error: Option<Names>,
    /// Pushes of these names.
    pub(super) push: Option<Names>,
    /// Not these actions or pushes.
    except: Option<Names>,
    /// With `error`: refusals of these actions; `unknown` stands for those that the dialect does not have.
    pub(super) action: Option<Names>,
    /// In these dialects only.
    pub(super) dialect: Option<Names>,
    /// Over RTM or the Web API only; of pushes, those whose cause came that way.
    transport: Option<Channel>,
    /// With `push`: which copies.
    pub(super) copy: Option<Copies>,
    /// The payload has these values; null stands for nothing.
    when: BTreeMap<Pointer, Value>,
    /// The payload has something here.
    given: Option<Pointer>,
    /// With `invalid`: all that is wrong is of this kind.
    mismatch: Option<MismatchKind>,
    /// With `invalid`: all that is wrong is wrong here.
    member: Option<Pointer>,
}

/// Which copies of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Copies {
    /// That on the connection whose request asked for it.
    Requester,
    /// Those of other people.
    Others,
}

/// What kind of message or request an occasion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    Request,
    Invalid,
    Response,
    Error,
    Push,
}

/// Who gets a push instead of those who should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// All who are logged in.
    Everybody,
    /// All users of the chat, too.
    Chat,
    /// Only those who are users of the chat.
    Members,
    /// Only who asked.
    Requester,
}

/// What a defect does.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// Breaks a rule of the server. Opportunity: every request, or every connection.
    Flag(Flag),
    /// A request is refused with this error type.
    Refuse(String),
    /// A request is answered as it should be, but nothing is done about it.
    Ignore,
    /// A request, valid or not, is answered with this payload, and nothing is done about it.
    Answer(Value),
    /// The frame around a payload is changed. The Web API has none.
    Frame(Edit),
    /// The message is not sent.
    Withhold,
    /// The message is sent twice.
    Duplicate,
    /// The message is sent after the documented limit.
    Late,
    /// An event is pushed after the next one of its thread.
    HoldBack,
    /// This text is sent right after the message; over the Web API, in the same body.
    Also(String),
    /// Members of a response are taken from the request: pointer into the response to pointer into the request.
    Echo(BTreeMap<Pointer, Pointer>),
    /// The connection is closed in place of the message.
    Close,
    /// A push goes to others.
    To(Audience),
    /// One scalar member of a response, any one, gets another JSON type.
    MistypeAny,
    /// The payload is changed.
    #[serde(untagged)]
    Edit(Edit),
}

impl At {
    /// Which point is meant, and its names; none unless it is just one.
    pub(super) fn point(&self) -> Option<(Point, &Names)> {
        let points = [
            (Point::Request, &self.request),
            (Point::Invalid, &self.invalid),
            (Point::Response, &self.response),
            (Point::Error, &self.error),
            (Point::Push, &self.push),
        ];
        let mut named = points.into_iter().filter_map(|(point, names)| Some((point, names.as_ref()?)));
        named.next().filter(|_| named.next().is_none())
    }

    /// Whether the occasion is meant.
    pub(super) fn meets(&self, occasion: &Occasion<'_>) -> bool {
        let Some((point, names)) = self.point() else { return false };
        let named = match point {
            Point::Error => {
                let meant =
                    |actions: &Names| actions.has(occasion.action) || (occasion.is_unknown && actions.has("unknown"));
                names.has(occasion.name) && self.action.as_ref().is_none_or(meant)
            }
            _ => names.has(occasion.name),
        };
        point == occasion.point
            && named
            && !self.except.as_ref().is_some_and(|except| except.has(occasion.action))
            && self.speaks(occasion.spoken)
            && self.transport.is_none_or(|channel| channel == occasion.channel)
            && self.copy.is_none_or(|copies| occasion.copies == Some(copies))
            && self.when.iter().all(|(place, wanted)| match place.find(occasion.payload).as_slice() {
                [] => wanted.is_null(),
                found => found.contains(&wanted),
            })
            && self.given.as_ref().is_none_or(|place| !place.find(occasion.payload).is_empty())
            && self.mismatch.is_none_or(|kind| occasion.mismatches.iter().all(|mismatch| mismatch.kind == kind))
            && self
                .member
                .as_ref()
                .is_none_or(|member| occasion.mismatches.iter().all(|mismatch| member.covers(&mismatch.pointer)))
    }

    fn speaks(&self, spoken: Spoken) -> bool {
        self.dialect.as_ref().is_none_or(|names| names.each().any(|name| Spoken::named(name) == Some(spoken)))
    }
}

impl DefectRow {
    /// What keeps the row from making sense.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let point = self.at.point().map(|(point, _)| point);
        let delivered = matches!(point, Some(Point::Response | Point::Error | Point::Push));
        let asked = matches!(point, Some(Point::Request | Point::Invalid | Point::Error));
        let (suits, fault) = match &self.change {
            Change::Flag(_) => (point.is_none(), "a flag has no `at`"),
            Change::Refuse(_) | Change::Ignore => (point == Some(Point::Request), "this is done to a `request`"),
            Change::Answer(_) => (asked, "this is done to a `request`, an `invalid` one or an `error`"),
            Change::To(_) | Change::HoldBack => (point == Some(Point::Push), "this is done to a `push`"),
            Change::MistypeAny | Change::Echo(_) => (point == Some(Point::Response), "this is done to a `response`"),
            Change::Edit(_) => (point.is_some(), "`at` needs just one of request, invalid, response, error, push"),
            Change::Frame(_)
            | Change::Withhold
            | Change::Duplicate
            | Change::Late
            | Change::Also(_)
            | Change::Close => (delivered, "this is done to a `response`, an `error` or a `push`"),
        };
        let misplaced = (self.at.copy.is_some() && point != Some(Point::Push))
            || (self.at.action.is_some() && point != Some(Point::Error))
            || ((self.at.mismatch.is_some() || self.at.member.is_some()) && point != Some(Point::Invalid));
        match (suits, misplaced) {
            (false, _) => Some(fault),
            (true, true) => Some("`copy` belongs to `push`, `action` to `error`, `mismatch` and `member` to `invalid`"),
            (true, false) => None,
        }
    }
}
