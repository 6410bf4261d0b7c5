//! The closed list of what a peer can do wrong.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConnectionId, Moment};
use crate::protocol::{Dialect, DialectName, MismatchKind, Place, RequirementId, Transport};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// What kind of thing.
    pub kind: ViolationKind,
    /// When it was noticed.
    pub at: Moment,
    /// On which connection.
    pub connection: ConnectionId,
    /// In which dialect.
    pub dialect: DialectName,
    /// Over which transport.
    pub transport: Transport,
    /// The action or push concerned.
    pub action: Option<String>,
    /// The sentence of the documents that it breaks.
    pub requirement: Option<RequirementId>,
    /// Document and line of the rule or of the schema's constraint.
    pub source: Option<String>,
    /// JSON pointer into the payload, for schema violations.
    pub pointer: Option<String>,
    /// The failed JSON Schema keyword, for schema violations.
    pub keyword: Option<String>,
    /// The member of a schema file whose constraint failed, for schema violations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What the documents ask for.
    pub expected: String,
    /// What came instead.
    pub got: String,
}

impl Violation {
    /// A violation on a connection. The catalog says which sentence it breaks; pointer and keyword are for schema violations
    /// to add. `expected` and `got` must not hold secrets.
    pub fn new(
        kind: ViolationKind,
        at: Moment,
        (connection, dialect, transport): (ConnectionId, &Dialect, Transport),
        action: Option<&str>,
        expected: String,
        got: String,
    ) -> Self {
        let rule = dialect.rule(kind.name());
        Self {
            kind,
            at,
            connection,
            dialect: dialect.name.clone(),
            transport,
            action: action.map(str::to_owned),
            requirement: rule.map(|rule| rule.requirement.clone()),
            source: rule.map(|rule| format!("{} {}", dialect.catalog.document, rule.line)),
            pointer: None,
            keyword: None,
            place: None,
            expected,
            got,
        }
    }
}

/// How bad a kind of violation is (design §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Worth knowing; the documents allow it.
    Info,
    /// Legal by the letter, but no good server does it.
    NonStrict,
    /// Breaks what the documents promise.
    Fail,
}

/// The two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Who answers.
    Server,
    /// Who asks.
    Client,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Server, Self::Client];
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Client => "client",
        })
    }
}

macro_rules! kinds {
    ($($side:ident: { $($(#[doc = $doc:literal])+ $name:ident = $text:literal, $grade:ident;)+ })+) => {
        /// The kinds of violation. Their names in files and reports are the snake-case ones.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum ViolationKind {
            $($($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+)+
        }

        impl ViolationKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$($(Self::$name),+),+];

            /// The name in files and reports.
            pub fn name(self) -> &'static str {
                match self { $($(Self::$name => $text),+),+ }
            }

            /// What it is, in a sentence.
            pub fn about(self) -> &'static str {
                match self { $($(Self::$name => concat!($($doc),+).trim_ascii_start()),+),+ }
            }

            /// How bad it is.
            pub fn grade(self) -> Grade {
                match self { $($(Self::$name => Grade::$grade),+),+ }
            }

            /// Who does it.
            pub fn side(self) -> Side {
                match self { $($(Self::$name)|+ => Side::$side),+ }
            }
        }
    };
}

kinds! {
    Server: {
        /// A frame or body that is not JSON text: binary, invalid UTF-8, HTML, too large, too deep.
        MalformedFrame = "malformed_frame", Fail;
        /// JSON that is not a documented response, push or error body.
        MalformedEnvelope = "malformed_envelope", Fail;
        /// A push or response whose action the dialect does not have.
        UnknownAction = "unknown_action", NonStrict;
        /// A member of another JSON type than documented.
        WrongType = "wrong_type", Fail;
        /// A member that the documents require is not there.
        MissingMember = "missing_member", Fail;
        /// A member whose value is not allowed.
        WrongValue = "wrong_value", Fail;
        /// A value that breaks our reading of a passage which the documents leave in dispute.
        DisputedReading = "disputed_reading", NonStrict;
        /// The same, where nobody could blame the peer.
        OpenReading = "open_reading", Info;
        /// A response whose correlation id belongs to no outstanding request.
        WrongCorrelation = "wrong_correlation", Fail;
        /// A response that names another action than its request.
        WrongAction = "wrong_action", Fail;
        /// A second response to one request.
        DuplicateResponse = "duplicate_response", Fail;
        /// A request that was never answered, though the connection stayed open past the documented limit.
        NoAnswer = "no_answer", Fail;
        /// An answer after the documented limit.
        LateAnswer = "late_answer", Fail;
        /// An error type that the documents do not list.
        UndocumentedError = "undocumented_error", NonStrict;
        /// A push with a correlation id on a connection that sent no such request.
        ForeignCorrelation = "foreign_correlation", Fail;
        /// Two events of one thread with the same `order`.
        DuplicateOrder = "duplicate_order", Fail;
        /// One event whose immutable members differ between two sightings on one connection.
        EventChanged = "event_changed", Fail;
        /// One event whose immutable members differ between observers.
        ObserversDisagree = "observers_disagree", Fail;
        /// An acknowledged event that never reached somebody who must see it.
        LostEvent = "lost_event", Fail;
        /// One send that created two events.
        DuplicateEvent = "duplicate_event", Fail;
        /// One event pushed twice on one connection.
        DuplicatePush = "duplicate_push", NonStrict;
        /// An event for agents only that reached a customer.
        AgentsOnlyLeak = "agents_only_leak", Fail;
        /// An event announced both as the start of a thread and as an event of it.
        ThreadStartTwice = "thread_start_twice", Fail;
        /// A later send of one author that got a lower `order` than his earlier, acknowledged one.
        CausalOrder = "causal_order", NonStrict;
        /// Events that arrived in another order than their `order`; the documents disclaim sorting.
        ReorderedDelivery = "reordered_delivery", Info;
    }
    Client: {
        /// A frame or body that no server could read as a request: not JSON, no action, an envelope of another shape.
        MalformedRequest = "malformed_request", Fail;
        /// A request for an action that the dialect does not have.
        UndocumentedAction = "undocumented_action", Fail;
        /// A request for an action over a transport that does not have it.
        WrongTransport = "wrong_transport", Fail;
        /// A member of a request of another JSON type than documented.
        RequestType = "request_wrong_type", Fail;
        /// A member that the documents require of a request is not there.
        RequestMember = "request_missing_member", Fail;
        /// A member of a request whose value is not allowed.
        RequestValue = "request_wrong_value", Fail;
        /// A member of a request that no document names; servers ignore it.
        UndocumentedMember = "request_undocumented_member", NonStrict;
        /// A request that breaks our reading of a passage which the documents leave in dispute.
        DisputedRequest = "request_disputed_reading", NonStrict;
        /// The same, where nobody could blame the client.
        OpenRequest = "request_open_reading", Info;
        /// A request for which one has to be logged in, before any login.
        RequestBeforeLogin = "request_before_login", Fail;
        /// A correlation id that an outstanding request has: nobody can tell whose the answer is.
        ReusedCorrelation = "reused_correlation", Fail;
        /// A correlation id that an earlier request had, which was answered or given up.
        RecycledCorrelation = "recycled_correlation", NonStrict;
        /// A request without a correlation id; the documents allow it.
        Uncorrelated = "uncorrelated_request", Info;
        /// A frame after the client's own closing frame (RFC 6455 5.5.1).
        SentAfterClose = "sent_after_close", Fail;
        /// No frame for longer than a server waits before it closes a silent connection.
        MissingPing = "missing_ping", NonStrict;
    }
}

impl ViolationKind {
    /// What breaking a schema is, by whose message it is.
    pub(super) fn of_mismatch(side: Side, kind: MismatchKind) -> Self {
        match (side, kind) {
            (Side::Server, MismatchKind::WrongType) => Self::WrongType,
            (Side::Server, MismatchKind::MissingMember) => Self::MissingMember,
            (Side::Server, MismatchKind::WrongValue) => Self::WrongValue,
            (Side::Client, MismatchKind::WrongType) => Self::RequestType,
            (Side::Client, MismatchKind::MissingMember) => Self::RequestMember,
            (Side::Client, MismatchKind::WrongValue) => Self::RequestValue,
        }
    }
}

impl std::fmt::Display for ViolationKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
