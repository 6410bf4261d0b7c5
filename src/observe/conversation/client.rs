//! The client's side, where the client is not ours: what it sends is read, judged and remembered.

use serde_json::{Value, json};

use super::ids::Ids;
use super::matching::{Pending, kept, take};
use super::reading::{Unreadable, has_number_as_id, read};
use super::{Conversation, Sending};
use crate::message::{ApiError, Malformed, Message, Request, parse_frame, web_body, web_payload};
use crate::observe::{Closing, Direction, Event, Fact, Grade, Moment, Side, ViolationKind};
use crate::protocol::{Channel, Kind, Mismatch};

/// Unanswered requests of a client that are kept; beyond this the oldest is given up and nothing is said of it.
const OUTSTANDING: usize = 4096;

/// What is told of a text frame that comes when nobody reads it any more.
const LATE: &str = "a text frame";

/// What a text frame of a client is.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientSent {
    /// A request, which a server answers.
    Request(ClientRequest),
    /// Nothing that a server could answer. It was told as a violation.
    Unreadable,
    /// It came after the connection was over.
    Late,
}

/// A request of a client over RTM.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientRequest {
    /// Its number, by which its answer is told.
    pub number: u64,
    /// What could be read of it.
    pub request: Request,
    /// The documented answer to it, when it is not what the documents ask for.
    pub refusal: Option<ApiError>,
}

/// A call of a client over the Web API.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientCall {
    /// Its number, by which its answer is told.
    pub number: u64,
    /// The documented answer to it, when it is not what the documents ask for.
    pub refusal: Option<ApiError>,
}

/// What is remembered of a client.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) ids: Ids,
    login: Login,
    /// When it last sent a frame of whatever kind.
    heard: Moment,
    /// Whether the present silence was told.
    silence_told: bool,
    /// It sent its closing frame.
    gone: bool,
}

/// How far a client came with its login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Login {
    #[default]
    Never,
    /// Asked for and not yet answered. What is sent meanwhile reaches the server after the login.
    Asked,
    Done,
    Refused,
}

impl Client {
    pub(super) fn logged_in(&mut self, success: bool) {
        self.login = match (self.login, success) {
            // Logging in a second time and failing leaves the first login as it is.
            (Login::Done, _) | (_, true) => Login::Done,
            (_, false) => Login::Refused,
        };
    }
}

impl Conversation {
    /// A text frame of a client that is not ours. Its token is hidden from here on.
    pub fn client_sent(&mut self, at: Moment, text: &str) -> ClientSent {
        if !self.client_speaks(at, LATE) {
            self.tell(at, Event::Garbage(Direction::ToServer, LATE));
            return ClientSent::Late;
        }
        let (request, odd) = match read(text) {
            Ok(read) => read,
            Err(unreadable) => {
                self.add_unread(at, text);
                let (expected, got) = self.unreadable(&unreadable);
                // As in the transcript, nothing is kept of the frame itself.
                self.tell(at, Event::Garbage(Direction::ToServer, &got));
                self.violated(at, ViolationKind::MalformedRequest, None, &expected, &got);
                return ClientSent::Unreadable;
            }
        };
        self.hide_tokens(&request.payload);
        self.transcript.add(at, Direction::ToServer, text);
        self.tell(at, Event::Frame { direction: Direction::ToServer, intended: None, text });
        let odd = odd.and_then(|(value, reason)| self.judge_envelope(at, &request.action, &value, &reason));
        // A server need not understand what is no request as documented, so it need not answer either.
        let owed = odd.is_none();
        let refusal = odd.or_else(|| self.judge_request(at, &request.action, &request.payload));
        self.judge_login(at, &request.action);
        self.judge_correlation(at, &request);
        let correlation = request.correlation.as_deref().map(kept);
        let asked = Asked { correlation: correlation.as_deref(), action: &request.action, text, owed };
        let number = self.asks(at, asked, Some(&request.payload));
        ClientSent::Request(ClientRequest { number, request, refusal })
    }

    /// A Web API call of a client that is not ours. The payload is what its body holds ([`crate::message::web_payload`]), or why that cannot
    /// be read; `body` is what is shown of it.
    pub fn client_called(&mut self, at: Moment, action: &str, payload: Result<&Value, &str>, body: &str) -> ClientCall {
        self.client_speaks(at, "a call");
        match payload {
            Ok(payload) => {
                self.hide_tokens(payload);
                self.transcript.add(at, Direction::ToServer, body);
            }
            Err(_) => self.add_unread(at, body),
        }
        self.tell_call(at, action, payload, body);
        let (refusal, owed) = match payload {
            Ok(payload) => (self.judge_request(at, action, payload), true),
            Err(reason) => {
                let (kind, expected) = (ViolationKind::MalformedRequest, "a body with a JSON object");
                self.violated(at, kind, Some(&kept(action)), expected, reason);
                (Some(validation(format!("The body cannot be read: {reason}"))), false)
            }
        };
        let asked = Asked { correlation: None, action, text: body, owed };
        let number = self.asks(at, asked, payload.ok());
        ClientCall { number, refusal }
    }

    /// Something came from a client that is no text frame; `what` says what.
    pub fn client_garbage(&mut self, at: Moment, what: &str) {
        self.tell(at, Event::Garbage(Direction::ToServer, what));
        if self.client_speaks(at, what) {
            self.violated(at, ViolationKind::MalformedRequest, None, "a text frame with one JSON object", what);
        }
    }

    /// A ping or a pong of a client arrived.
    pub fn client_pinged(&mut self, at: Moment) {
        self.tell(at, Event::Ping);
        if self.client_speaks(at, "a ping") {
            self.emit(at, Fact::Pinged);
        }
    }

    /// A request of the client does not reach the server: no answer to it is awaited.
    pub fn withheld(&mut self, number: u64) {
        self.tell(self.recording.latest(), Event::Withheld(number));
        let same = |pending: &Pending| pending.number == number;
        let _ = take(&mut self.pending, same).or_else(|| take(&mut self.overdue, same));
    }

    /// A server that repeats the number which a client gave for an id is not to blame for it (C03-A40).
    pub(super) fn with_number_as_id(&self, malformed: Malformed) -> Result<Message, Malformed> {
        let Malformed::NotAnEnvelope { value, .. } = &malformed else { return Err(malformed) };
        let mut value = value.clone();
        let mut repeated = false;
        for name in ["request_id", "id"] {
            let number = value.get(name).filter(|id| id.is_number()).map(ToString::to_string);
            if let Some(number) = number.filter(|number| self.client.is_some() && self.may_name(number)) {
                value[name] = Value::String(number);
                repeated = true;
            }
        }
        if !repeated {
            return Err(malformed);
        }
        parse_frame(&value.to_string()).map_err(|_| malformed)
    }

    pub(super) fn client_closed(&mut self, at: Moment, how: Closing) {
        // A server that closes a silent connection has waited as long as its own document says, where others allow it more.
        let patience = self.dialect.catalog.rtm.idle_close;
        if how == Closing::ByServer && self.open {
            self.told_silence(at, patience);
        } else {
            self.mind_silence(at);
        }
        if how == Closing::ByClient {
            self.client.get_or_insert_default().gone = true;
        }
    }

    /// Tells once of a silence that is longer than a server bears (customer-v0.3 123; agent-v3.0 rtm/intro:30; agent-v0.2 C-IDX:19).
    pub(super) fn mind_silence(&mut self, now: Moment) {
        if self.client.is_none() {
            return;
        }
        let rtm = &self.dialect.catalog.rtm;
        self.told_silence(now, rtm.idle_close_at_most.unwrap_or(rtm.idle_close));
    }

    fn told_silence(&mut self, now: Moment, limit: std::time::Duration) {
        let Some(client) = &mut self.client else { return };
        let silence = now.since(client.heard);
        let counts = self.open && !client.gone && client.login == Login::Done && !client.silence_told;
        if !counts || silence <= limit {
            return;
        }
        client.silence_told = true;
        let expected = format!("a ping, or any other frame, at least every {} s", limit.as_secs());
        let got = format!("nothing for {:.1} s", silence.as_secs_f64());
        self.violated(now, ViolationKind::MissingPing, None, &expected, &got);
    }

    /// The client sent something. False when the connection is over, which is the client's fault if it had said goodbye; what it sends before it
    /// hears of the server's goodbye is nobody's.
    fn client_speaks(&mut self, at: Moment, what: &str) -> bool {
        self.expire(at);
        let client = self.client.get_or_insert_default();
        client.heard = at;
        client.silence_told = false;
        let gone = client.gone;
        if gone {
            self.violated(at, ViolationKind::SentAfterClose, None, "nothing after the client's closing frame", what);
        }
        self.open && !gone
    }

    /// Keeps a request and waits for its answer.
    fn asks(&mut self, at: Moment, asked: Asked<'_>, payload: Option<&Value>) -> u64 {
        if self.pending.len() == OUTSTANDING {
            self.pending.pop_front();
            self.client.get_or_insert_default().ids.forget();
        }
        let Asked { correlation, action, text, owed } = asked;
        let sending = Sending { correlation, action: &self.named(action), intended: at, at, text };
        let number = self.awaits_answer(sending, payload);
        if let Some(pending) = self.pending.back_mut() {
            pending.owed = owed;
        }
        number
    }

    /// Tells the observer of a call with a body from which its payload can be read again, however it travelled.
    fn tell_call(&mut self, at: Moment, action: &str, payload: Result<&Value, &str>, body: &str) {
        if !self.recording.is_wanted() {
            return;
        }
        let (number, web) = (self.numbers + 1, &self.dialect.catalog.web);
        let again = payload.map(|payload| match web_payload(web, body.as_bytes()) {
            Ok(read) if read == *payload => body.to_owned(),
            _ => web_body(web.request_body, payload).to_string(),
        });
        let body = again.as_deref().map_err(|reason| *reason);
        self.tell(at, Event::Call { number, action: &self.named(action), intended: None, body });
    }

    /// Only the size of what cannot be read is kept: it may hold a token that nobody can find.
    fn add_unread(&mut self, at: Moment, text: &str) {
        self.transcript.add(at, Direction::ToServer, &format!("[{} bytes that are no request]", text.len()));
    }

    /// What was expected in place of a frame, and what it is.
    fn unreadable(&self, unreadable: &Unreadable) -> (String, String) {
        match unreadable {
            Unreadable::NotJson(reason) => ("one JSON object".to_owned(), reason.clone()),
            Unreadable::NoRequest(value) => {
                let mismatches = self.dialect.schemas.check(Kind::Envelope, "request", value);
                let first = mismatches.into_iter().next().map(|first| (place(&first), first.got));
                first.unwrap_or_else(|| ("a documented request".to_owned(), "another object".to_owned()))
            }
        }
    }

    /// A frame with an action whose envelope is not as documented otherwise.
    fn judge_envelope(&self, at: Moment, action: &str, value: &Value, reason: &str) -> Option<ApiError> {
        let mismatches = self.dialect.schemas.check(Kind::Envelope, "request", value);
        let action = kept(action);
        if mismatches.is_empty() && !has_number_as_id(value) {
            self.violated(at, ViolationKind::MalformedRequest, Some(&action), "a documented request", reason);
            return Some(validation(reason.to_owned()));
        }
        let mut refusal = None;
        for mismatch in mismatches {
            let (expected, got) = (place(&mismatch), mismatch.got.clone());
            // What is in dispute counts no more than its erratum allows; all else makes it no request.
            match self.kind_of(Side::Client, &mismatch) {
                kind if kind.grade() < Grade::Fail => self.violated(at, kind, Some(&action), &expected, &got),
                _ => {
                    self.violated(at, ViolationKind::MalformedRequest, Some(&action), &expected, &got);
                    refusal.get_or_insert_with(|| validation(format!("expected {expected}, got {got}")));
                }
            }
        }
        refusal
    }

    /// Whether there is such an action here, and whether the payload is what it takes. The first fault is what a server answers.
    fn judge_request(&self, at: Moment, action: &str, payload: &Value) -> Option<ApiError> {
        let name = kept(action);
        let got = format!("`{name}`");
        let channel = self.transport.channel();
        let Some(spec) = self.dialect.catalog.actions.get(action) else {
            self.violated(at, ViolationKind::UndocumentedAction, Some(&name), "a documented action", &got);
            return Some(validation(format!("There is no action {got}")));
        };
        // Of what is only named nobody knows where it exists.
        let anywhere = spec.indexed_only && spec.transports.is_empty();
        if !anywhere && !spec.transports.contains(&channel) {
            let expected = match channel {
                Channel::Web => "an action of the Web API",
                Channel::Rtm => "an action of the RTM API",
            };
            let other = if channel == Channel::Web { "RTM API" } else { "Web API" };
            let got = format!("{got}, which only the {other} has");
            self.violated(at, ViolationKind::WrongTransport, Some(&name), expected, &got);
            return Some(validation(format!("There is no action `{name}` here")));
        }
        let empty = json!({});
        let payload = if payload.is_null() { &empty } else { payload };
        let mismatches = self.dialect.schemas.check(Kind::Request, action, payload);
        let fault = mismatches.iter().find(|mismatch| self.kind_of(Side::Client, mismatch).grade() == Grade::Fail);
        let refusal = fault.map(|fault| {
            let place = if fault.pointer.is_empty() { "payload" } else { &fault.pointer };
            validation(format!("`{place}`: expected {}, got {}", fault.expected, fault.got))
        });
        if mismatches.is_empty() {
            for pointer in self.dialect.schemas.unknown_members(Kind::Request, action, payload) {
                let kind = ViolationKind::UndocumentedMember;
                let got = format!("a member at `{}`", kept(&pointer));
                self.violated(at, kind, Some(&name), "only members that a document names", &got);
            }
        }
        self.mismatched(at, Side::Client, action, mismatches);
        refusal
    }

    /// The login has to come first (agent-v0.2 C-JS:88, customer-v0.3 EXJS:91). After a refused one it has to be tried again.
    fn judge_login(&mut self, at: Moment, action: &str) {
        let login = &self.dialect.catalog.login;
        let before = login.before.iter().any(|allowed| allowed == action);
        let logs_in = login.action == *action;
        let Some(client) = &mut self.client else { return };
        if logs_in && client.login != Login::Done {
            client.login = Login::Asked;
        }
        let got = match client.login {
            Login::Never => "it before any login",
            Login::Refused => "it after a login that was refused",
            Login::Asked | Login::Done => return,
        };
        if !before {
            self.violated(at, ViolationKind::RequestBeforeLogin, Some(&kept(action)), "a login first", got);
        }
    }

    fn judge_correlation(&mut self, at: Moment, request: &Request) {
        let action = kept(&request.action);
        let Some(id) = request.correlation.as_deref().map(kept) else {
            let got = "none";
            self.violated(
                at,
                ViolationKind::Uncorrelated,
                Some(&action),
                "a correlation id, to tell answers apart",
                got,
            );
            return;
        };
        let expected = "a correlation id that no other request of this connection has";
        let outstanding =
            |pending: &Pending| pending.correlation.as_deref() == Some(&id) && !self.may_stay_unanswered(pending);
        if self.pending.iter().any(outstanding) {
            let got = format!("`{id}`, which an unanswered request has");
            self.violated(at, ViolationKind::ReusedCorrelation, Some(&action), expected, &got);
        } else if self.client.as_ref().is_some_and(|client| client.ids.has(&id)) {
            let got = format!("`{id}` once more");
            self.violated(at, ViolationKind::RecycledCorrelation, Some(&action), expected, &got);
        }
        if let Some(client) = &mut self.client {
            client.ids.add(&id);
        }
    }

    /// A token must never be shown, whatever the member is called that it is in (`token`, `firebase_token`).
    fn hide_tokens(&mut self, payload: &Value) {
        match payload {
            Value::Object(members) => {
                for (name, value) in members {
                    match value.as_str() {
                        Some(token) if name.ends_with("token") => self.hide(token),
                        _ => self.hide_tokens(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.hide_tokens(item)),
            _ => {}
        }
    }
}

/// A request of a client, as it is kept.
struct Asked<'a> {
    correlation: Option<&'a str>,
    action: &'a str,
    text: &'a str,
    /// Whether the server has to answer.
    owed: bool,
}

fn place(mismatch: &Mismatch) -> String {
    if mismatch.pointer.is_empty() {
        mismatch.expected.clone()
    } else {
        format!("{} at `{}`", mismatch.expected, mismatch.pointer)
    }
}

/// What a documented server answers to a request that is not as documented.
fn validation(message: String) -> ApiError {
    ApiError { kind: "validation".to_owned(), message, data: None }
}
