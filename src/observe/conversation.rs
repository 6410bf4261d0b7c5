//! The state machine of one connection: correlates, expects, expires.

mod client;
mod ids;
mod matching;
mod reading;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::input::Recording;
use super::{
    Answer, Closing, ConnectionId, Direction, Event, Fact, Input, Moment, Observation, Observer, Pushed, Sent, Side,
    Transcript, Violation, ViolationKind,
};
use crate::message::{ApiError, Body, Malformed, Message, WebAnswer, parse_frame};
use crate::protocol::{Cap, Dialect, Kind, Mismatch, Transport};
use client::Client;
pub use client::{ClientCall, ClientRequest, ClientSent};
use matching::{Pending, take};

/// Requests past their limit that are still waited for; beyond this the oldest is given up.
const OVERDUE: usize = 64;

/// A request that is about to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Sending<'a> {
    /// Its correlation id; none over the Web API.
    pub correlation: Option<&'a str>,
    /// Name of the action.
    pub action: &'a str,
    /// When it should be sent.
    pub intended: Moment,
    /// When it is sent.
    pub at: Moment,
    /// The frame or body.
    pub text: &'a str,
}

/// What a frame brought to whoever speaks on this connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivered {
    /// The answer to the request with this number (from [`Conversation::sending`]).
    Answer {
        /// Number of the request.
        request: u64,
        /// The message.
        message: Message,
    },
    /// A push.
    Push(Message),
    /// Nothing that anybody waits for.
    Nothing,
}

/// One connection, as seen from the client's side of the wire.
///
/// Our own sessions tell what they send with [`Conversation::sending`]. What somebody else's client sends is told with the methods whose
/// names begin with `client`, and is judged as well.
pub struct Conversation {
    dialect: Arc<Dialect>,
    connection: ConnectionId,
    transport: Transport,
    observer: Arc<dyn Observer>,
    user: Option<Box<str>>,
    numbers: u64,
    /// Oldest first; the limit is the same for all, so the first is also the first to expire.
    pending: VecDeque<Pending>,
    /// Past the limit, still without an answer.
    overdue: VecDeque<Pending>,
    settled: VecDeque<Box<str>>,
    transcript: Transcript,
    connected: bool,
    open: bool,
    /// None as long as nothing came from a client that is not ours.
    client: Option<Box<Client>>,
    recording: Recording,
}

impl Conversation {
    /// A connection that is about to be used.
    pub fn new(
        dialect: Arc<Dialect>,
        connection: ConnectionId,
        transport: Transport,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let recording = Recording::of(&*observer);
        Self {
            dialect,
            connection,
            transport,
            observer,
            user: None,
            numbers: 0,
            pending: VecDeque::new(),
            overdue: VecDeque::new(),
            settled: VecDeque::new(),
            transcript: Transcript::default(),
            connected: false,
            open: true,
            client: None,
            recording,
        }
    }

    /// What is spoken here.
    pub fn dialect(&self) -> &Arc<Dialect> {
        &self.dialect
    }

    /// Its number.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// Id of the user that logged in here.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Names the user of a connection that does not log in (the Web API).
    pub fn set_user(&mut self, user: &str) {
        self.user = Some(user.into());
        self.recording.user_changed();
    }

    /// Hides a token in everything that is shown of this connection.
    pub fn hide(&mut self, secret: &str) {
        self.transcript.hide(secret);
    }

    /// Requests that were sent and not answered, however long ago.
    pub fn outstanding(&self) -> usize {
        self.pending.len() + self.overdue.len()
    }

    /// The connection was established.
    pub fn connected(&mut self, at: Moment, took: Duration) {
        self.tell(at, Event::Opened { took: Some(took) });
        self.connected = true;
        self.emit(at, Fact::Connected { took });
    }

    /// A request goes out. Returns its number, by which its answer is told.
    pub fn sending(&mut self, sending: Sending<'_>) -> u64 {
        self.transcript.add(sending.at, Direction::ToServer, sending.text);
        self.tell(sending.at, Event::request(self.transport, self.numbers + 1, &sending));
        self.awaits_answer(sending, None)
    }

    fn awaits_answer(&mut self, sending: Sending<'_>, payload: Option<&Value>) -> u64 {
        self.numbers += 1;
        self.pending.push_back(Pending {
            number: self.numbers,
            correlation: sending.correlation.map(Into::into),
            action: sending.action.into(),
            intended: sending.intended,
            sent: sending.at,
            owed: true,
        });
        let sent = Sent { action: sending.action, intended: sending.intended, payload, bytes: sending.text.len() };
        self.emit(sending.at, Fact::Sent(sent));
        self.numbers
    }

    /// A text frame of the server arrived.
    pub fn received(&mut self, at: Moment, text: &str) -> Delivered {
        self.tell(at, Event::Frame { direction: Direction::ToClient, intended: None, text });
        self.expire(at);
        self.transcript.add(at, Direction::ToClient, text);
        let message = match parse_frame(text).or_else(|malformed| self.with_number_as_id(malformed)) {
            Ok(message) => message,
            Err(malformed) => {
                self.malformed(at, &malformed);
                return Delivered::Nothing;
            }
        };
        match message.body {
            Body::Push => {
                self.pushed(at, &message, text.len());
                Delivered::Push(message)
            }
            Body::Response { success } => match self.settle(at, &message) {
                Some(pending) => {
                    let request = pending.number;
                    self.answered(at, &pending, success, &message.payload, text.len());
                    Delivered::Answer { request, message }
                }
                None => Delivered::Nothing,
            },
        }
    }

    /// The answer of a Web call arrived.
    pub fn web_received(&mut self, at: Moment, request: u64, body: &[u8], answer: WebAnswer) -> Delivered {
        self.tell(at, Event::Answer { call: request, answer: &answer, body });
        self.expire(at);
        self.transcript.add(at, Direction::ToClient, &String::from_utf8_lossy(body));
        let Some(pending) = take(&mut self.pending, |p| p.number == request)
            .or_else(|| take(&mut self.overdue, |p| p.number == request))
        else {
            return Delivered::Nothing;
        };
        let (success, payload) = match answer {
            WebAnswer::Done(payload) => (true, payload),
            WebAnswer::Refused(payload) => (false, payload),
            WebAnswer::Unreadable(reason) => {
                self.violated(at, ViolationKind::MalformedFrame, Some(&pending.action), "a JSON object", &reason);
                (false, Value::Null)
            }
        };
        self.answered(at, &pending, success, &payload, body.len());
        let message = Message { correlation: None, action: pending.action, body: Body::Response { success }, payload };
        Delivered::Answer { request, message }
    }

    /// Something arrived that is not a text frame; `what` says what.
    pub fn received_garbage(&mut self, at: Moment, what: &str) {
        self.tell(at, Event::Garbage(Direction::ToClient, what));
        self.violated(at, ViolationKind::MalformedFrame, None, "a text frame with one JSON object", what);
    }

    /// A websocket pong arrived.
    pub fn ponged(&mut self, at: Moment) {
        self.tell(at, Event::Pong);
        self.emit(at, Fact::Ponged);
    }

    /// Time has passed: requests whose limit is over have timed out. Returns their numbers.
    pub fn expire(&mut self, now: Moment) -> Vec<u64> {
        self.mind_silence(now);
        let limit = self.dialect.catalog.timeout;
        let mut expired = Vec::new();
        while self.pending.front().is_some_and(|first| now.since(first.sent) > limit) {
            let Some(late) = self.pending.pop_front() else { break };
            if !self.may_stay_unanswered(&late) {
                self.emit(now, Fact::TimedOut { action: &late.action });
            }
            expired.push(late.number);
            if self.overdue.len() == OVERDUE
                && let Some(oldest) = self.overdue.pop_front()
            {
                self.never_answered(now, &oldest);
            }
            self.overdue.push_back(late);
        }
        expired
    }

    /// When [`Conversation::expire`] is next worth calling.
    pub fn next_expiry(&self) -> Option<Moment> {
        self.pending.front().map(|first| first.sent + self.dialect.catalog.timeout)
    }

    /// The connection is over. What was still unanswered past its limit never will be. Both sides may say goodbye; the first
    /// decides how it ended.
    pub fn closed(&mut self, at: Moment, how: Closing) {
        self.tell(at, Event::Closed(how));
        self.client_closed(at, how);
        if !std::mem::take(&mut self.open) {
            return;
        }
        self.expire(at);
        for overdue in std::mem::take(&mut self.overdue) {
            self.never_answered(at, &overdue);
        }
        self.pending.clear();
        self.emit(at, Fact::Closed { how, was_connected: self.connected });
    }

    fn may_stay_unanswered(&self, pending: &Pending) -> bool {
        !pending.owed || self.dialect.catalog.action(&pending.action).is_some_and(|spec| spec.may_stay_unanswered)
    }

    fn never_answered(&self, at: Moment, pending: &Pending) {
        if self.may_stay_unanswered(pending) {
            return;
        }
        let limit = self.dialect.catalog.timeout.as_secs();
        let expected = format!("an answer within {limit} s");
        let got = format!("none {:.1} s after the request", at.since(pending.sent).as_secs_f64());
        self.violated(at, ViolationKind::NoAnswer, Some(&pending.action), &expected, &got);
    }

    fn answered(&mut self, at: Moment, pending: &Pending, success: bool, payload: &Value, bytes: usize) {
        let limit = self.dialect.catalog.timeout;
        let took = at.since(pending.sent);
        let late = took > limit;
        if late {
            let expected = format!("an answer within {} s", limit.as_secs());
            let got = format!("one after {:.1} s", took.as_secs_f64());
            self.violated(at, ViolationKind::LateAnswer, Some(&pending.action), &expected, &got);
        }
        if success {
            self.validate(at, Kind::Response, &pending.action, payload);
        }
        if *pending.action == *self.dialect.catalog.login.action {
            self.logged_in(success, payload);
        }
        let says_nothing = payload.is_null() && self.transport == Transport::Web;
        if !success && !says_nothing {
            self.check_error(at, &pending.action, payload);
        }
        let answer = Answer {
            action: &pending.action,
            intended: pending.intended,
            sent: pending.sent,
            success,
            payload,
            late,
            bytes,
        };
        self.emit(at, Fact::Answered(answer));
    }

    fn logged_in(&mut self, success: bool, payload: &Value) {
        if let Some(client) = &mut self.client {
            client.logged_in(success);
        }
        let user = payload.pointer(&self.dialect.catalog.login.user_id).and_then(Value::as_str);
        if let Some(user) = user.filter(|_| success) {
            self.user = Some(user.into());
        }
    }

    /// A failed answer must hold a well-formed error of a documented type.
    fn check_error(&self, at: Moment, action: &str, payload: &Value) {
        let mismatches = self.dialect.schemas.check(Kind::Envelope, "web-error", payload);
        if !mismatches.is_empty() {
            self.mismatched(at, Side::Server, action, mismatches);
        } else if let Some(kind) = ApiError::kind_of(payload)
            && !self.dialect.catalog.errors.contains_key(kind)
        {
            self.violated(
                at,
                ViolationKind::UndocumentedError,
                Some(action),
                "a documented error type",
                &format!("`{kind}`"),
            );
        }
    }

    fn pushed(&mut self, at: Moment, message: &Message, bytes: usize) {
        if self.dialect.catalog.pushes.contains_key(&*message.action) {
            self.validate(at, Kind::Push, &message.action, &message.payload);
        } else {
            let got = format!("`{}`", message.action);
            self.violated(at, ViolationKind::UnknownAction, Some(&message.action), "a documented push", &got);
        }
        if let Some(id) = &message.correlation
            && !self.may_name(id)
        {
            let expected = "no correlation id, or one of this connection's requests";
            let got = format!("`{id}`");
            self.violated(at, ViolationKind::ForeignCorrelation, Some(&message.action), expected, &got);
        }
        let push = Pushed {
            action: &self.named(&message.action),
            correlation: message.correlation.as_deref(),
            payload: &message.payload,
            bytes,
        };
        self.emit(at, Fact::Pushed(push));
    }

    /// A fresh correlation id of this connection: its number, then the count of its requests.
    pub fn next_correlation(&self) -> String {
        format!("{}-{}", self.connection.0, self.numbers + 1)
    }

    fn malformed(&self, at: Moment, malformed: &Malformed) {
        match malformed {
            Malformed::NotJson(reason) => {
                self.violated(at, ViolationKind::MalformedFrame, None, "one JSON object", reason);
            }
            Malformed::NotAnEnvelope { reason, value } => {
                let envelope =
                    if value.get("type").and_then(Value::as_str) == Some("push") { "push" } else { "response" };
                let mismatches = self.dialect.schemas.check(Kind::Envelope, envelope, value);
                let (expected, got) = match mismatches.first() {
                    Some(first) => (format!("{} at `{}`", first.expected, first.pointer), first.got.clone()),
                    None => ("a documented response or push".to_owned(), reason.clone()),
                };
                let action = value.get("action").and_then(Value::as_str);
                self.violated(at, ViolationKind::MalformedEnvelope, action, &expected, &got);
            }
        }
    }

    fn validate(&self, at: Moment, kind: Kind, name: &str, payload: &Value) {
        let mismatches = self.dialect.schemas.check(kind, name, payload);
        if !mismatches.is_empty() {
            self.mismatched(at, Side::Server, name, mismatches);
        }
    }

    fn mismatched(&self, at: Moment, side: Side, action: &str, mismatches: Vec<Mismatch>) {
        for mismatch in mismatches {
            let kind = self.kind_of(side, &mismatch);
            let mut violation = self.violation(at, kind, Some(action), &mismatch.expected, &mismatch.got);
            violation.source = mismatch.source.or(violation.source);
            violation.pointer = Some(mismatch.pointer);
            violation.keyword = Some(mismatch.keyword);
            violation.place = mismatch.place;
            self.emit(at, Fact::Violated(violation));
        }
    }

    /// A constraint that is our reading of a disputed passage counts at most what its erratum allows.
    fn kind_of(&self, side: Side, mismatch: &Mismatch) -> ViolationKind {
        let erratum = mismatch.source.as_deref().and_then(|comment| self.dialect.erratum(comment));
        match (erratum.and_then(|erratum| erratum.cap), side) {
            (Some(Cap::NonStrict), Side::Server) => ViolationKind::DisputedReading,
            (Some(Cap::NonStrict), Side::Client) => ViolationKind::DisputedRequest,
            (Some(Cap::Info), Side::Server) => ViolationKind::OpenReading,
            (Some(Cap::Info), Side::Client) => ViolationKind::OpenRequest,
            (Some(Cap::Fail) | None, side) => ViolationKind::of_mismatch(side, mismatch.kind),
        }
    }

    fn violated(&self, at: Moment, kind: ViolationKind, action: Option<&str>, expected: &str, got: &str) {
        self.emit(at, Fact::Violated(self.violation(at, kind, action, expected, got)));
    }

    fn violation(&self, at: Moment, kind: ViolationKind, action: Option<&str>, expected: &str, got: &str) -> Violation {
        let place = (self.connection, &*self.dialect, self.transport);
        let (expected, got) = (self.transcript.redact(expected), self.transcript.redact(got));
        Violation::new(kind, at, place, action.map(|name| self.named(name)).as_deref(), expected, got)
    }

    fn tell(&mut self, at: Moment, event: Event<'_>) {
        let (connection, dialect, transcript) = (self.connection, &self.dialect, &self.transcript);
        let input = Input { at, connection, dialect, transport: self.transport, transcript, event };
        self.recording.tell(&*self.observer, self.user.as_deref(), input);
    }

    fn emit(&self, at: Moment, fact: Fact<'_>) {
        self.observer.observe(&Observation {
            at,
            connection: self.connection,
            dialect: &self.dialect,
            transport: self.transport,
            user: self.user.as_deref(),
            transcript: &self.transcript,
            fact,
        });
    }
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation")
            .field("connection", &self.connection)
            .field("dialect", &self.dialect.name)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}
