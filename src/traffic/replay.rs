//! Holds recorded conversations again, and records what comes of them as in a live run.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::capture::{Client, Entry, Line, Outcome};
use crate::message::{WebAnswer, parse_request, parse_web_answer, web_payload};
use crate::observe::{Closing, ConnectionId, Conversation, Direction, Moment, Sending};
use crate::protocol::{DialectName, Protocol};
use crate::record::{Ledger, Recorder, Tally};

/// How often the order ledger is asked to judge what can be judged, in the recording's time.
const SETTLE_EVERY: Duration = Duration::from_secs(1);
/// Connections held at the same time; beyond this the oldest is given up. More than one process can have open.
const CONNECTIONS: usize = 65_536;
/// Connections that are remembered after they were closed: what still comes there is for their conversation to judge.
const CLOSED: usize = 1024;
/// Certification cases held at the same time; beyond this the first is taken to be over.
const CASES: usize = 64;
/// Unanswered calls of one connection whose numbers are remembered.
const CALLS: usize = 4096;

/// What a recording comes to.
#[derive(Debug)]
pub struct Replayed {
    /// As a live run would have recorded it.
    pub tally: Tally,
    /// The dialects that were spoken.
    pub dialects: BTreeSet<DialectName>,
    /// From the first to the last moment, of all cases together.
    pub duration: Duration,
    /// Entries that could not be judged, because something before them on their connection is missing.
    pub skipped: u64,
}

/// Takes the lines of a recording one after the other. Its memory is bounded, however long the recording is.
pub(super) struct Replay<'a> {
    protocol: &'a Protocol,
    client: Client,
    cases: BTreeMap<Option<Box<str>>, Case>,
    /// The cases in the order in which they began.
    order: VecDeque<Option<Box<str>>>,
    /// Whether something is missing, so that a connection may be unknown without anybody's fault.
    gaps: bool,
    done: Replayed,
}

impl<'a> Replay<'a> {
    pub fn new(protocol: &'a Protocol, client: Client) -> Self {
        let done =
            Replayed { tally: Tally::default(), dialects: BTreeSet::new(), duration: Duration::ZERO, skipped: 0 };
        Self { protocol, client, cases: BTreeMap::new(), order: VecDeque::new(), gaps: false, done }
    }

    /// Goes on with the next line. An error says why it makes no sense where it stands.
    pub fn take(&mut self, line: Line<'_>) -> Result<(), String> {
        let name = line.case.as_deref().map(Box::from);
        if let Entry::End {} = line.entry {
            if let Some(case) = self.cases.remove(&name) {
                self.order.retain(|open| *open != name);
                self.over(case, line.at);
            }
            return Ok(());
        }
        if !self.cases.contains_key(&name) {
            if self.cases.len() == CASES
                && let Some(case) = self.order.pop_front().and_then(|first| self.cases.remove(&first))
            {
                let now = case.now;
                self.over(case, now);
            }
            self.order.push_back(name.clone());
        }
        let case = self.cases.entry(name).or_insert_with(|| Case::beginning(line.at));
        case.passes(line.at);
        if let Entry::Opened { connection, dialect, transport, took } = line.entry {
            let dialect = self.protocol.dialect(dialect.as_str()).map_err(|error| error.to_string())?.clone();
            self.done.dialects.insert(dialect.name.clone());
            let mut conversation = Conversation::new(dialect, connection, transport, case.recorder.clone());
            if let Some(took) = took {
                conversation.connected(line.at, Duration::from_nanos(took));
            }
            return case.open(line.at, connection, conversation);
        }
        let Some(connection) = line.entry.connection() else { return Ok(()) };
        let Some(held) = case.connections.get_mut(&connection) else {
            self.done.skipped += 1;
            return match self.gaps || case.gave_up {
                true => Ok(()),
                false => Err(format!("connection {} was never opened", connection.0)),
            };
        };
        held.take(line.at, line.entry, self.client)?;
        case.mind_closed(connection);
        Ok(())
    }

    /// Something is missing here, on that connection or nobody knows where. Nothing is said of what it may have been about.
    pub fn gap(&mut self, connection: Option<ConnectionId>) {
        self.gaps = true;
        for case in self.cases.values_mut() {
            match connection {
                Some(connection) => case.give_up(connection),
                None => {
                    let all: Vec<_> = case.connections.keys().copied().collect();
                    all.into_iter().for_each(|connection| case.give_up(connection));
                }
            }
        }
    }

    /// The recording is over, though perhaps not at its end.
    pub fn finish(mut self) -> Replayed {
        for case in std::mem::take(&mut self.cases).into_values() {
            let now = case.now;
            self.over(case, now);
        }
        self.done
    }

    fn over(&mut self, mut case: Case, at: Moment) {
        case.passes(at);
        case.recorder.settle(case.now);
        self.done.duration += case.now.since(case.began);
        self.done.tally.merge(case.recorder.take());
    }
}

/// One run of its own: the whole recording, or one certification case in it.
struct Case {
    recorder: Arc<Recorder>,
    connections: BTreeMap<ConnectionId, Held>,
    closed: VecDeque<ConnectionId>,
    began: Moment,
    now: Moment,
    settled: Moment,
    /// Whether there were too many connections.
    gave_up: bool,
}

/// A connection.
struct Held {
    conversation: Conversation,
    /// Numbers of calls, as recorded and as the conversation counts them.
    calls: HashMap<u64, u64>,
    /// Whether its end was recorded, and whether that was noticed.
    closed: bool,
    is_noticed: bool,
}

impl Case {
    fn beginning(at: Moment) -> Self {
        Self {
            recorder: Arc::new(Recorder::new(Arc::new(Ledger::default()))),
            connections: BTreeMap::new(),
            closed: VecDeque::new(),
            began: at,
            now: at,
            settled: at,
            gave_up: false,
        }
    }

    /// Time goes on. Lines of different connections may be a little out of order, which turns no clock back.
    fn passes(&mut self, at: Moment) {
        self.now = self.now.max(at);
        if self.now.since(self.settled) >= SETTLE_EVERY {
            self.settled = self.now;
            for held in self.connections.values_mut() {
                held.conversation.expire(self.now);
            }
            self.recorder.settle(self.now);
        }
    }

    fn open(&mut self, at: Moment, connection: ConnectionId, conversation: Conversation) -> Result<(), String> {
        let held = Held { conversation, calls: HashMap::new(), closed: false, is_noticed: false };
        let before = self.connections.insert(connection, held);
        if let Some(mut before) = before.filter(|before| !before.closed) {
            before.conversation.closed(at, Closing::Broken);
            return Err(format!("connection {} is open already", connection.0));
        }
        self.closed.retain(|closed| *closed != connection);
        if self.connections.len() > CONNECTIONS
            && let Some(oldest) = self.connections.keys().next().copied()
        {
            self.gave_up = true;
            self.give_up(oldest);
        }
        Ok(())
    }

    /// Of this connection nothing can be said from here on.
    fn give_up(&mut self, connection: ConnectionId) {
        if let Some(mut held) = self.connections.remove(&connection) {
            held.conversation.closed(self.now, Closing::Broken);
        }
    }

    /// Forgets the connection that was closed longest ago when there are many.
    fn mind_closed(&mut self, connection: ConnectionId) {
        let Some(held) = self.connections.get_mut(&connection) else { return };
        if held.closed && !std::mem::replace(&mut held.is_noticed, true) {
            self.closed.push_back(connection);
            if self.closed.len() > CLOSED
                && let Some(first) = self.closed.pop_front()
            {
                self.connections.remove(&first);
            }
        }
    }
}

impl Held {
    fn take(&mut self, at: Moment, entry: Entry<'_>, client: Client) -> Result<(), String> {
        let conversation = &mut self.conversation;
        match entry {
            Entry::User { id, .. } => conversation.set_user(&id),
            Entry::Frame { direction: Direction::ToClient, text, .. } => {
                conversation.received(at, &text);
            }
            Entry::Frame { direction: Direction::ToServer, text, .. } if client == Client::Observed => {
                conversation.client_sent(at, &text);
            }
            Entry::Frame { direction: Direction::ToServer, intended, text, .. } => {
                let request = parse_request(&text).map_err(|error| format!("the frame is no request: {error}"))?;
                let intended = intended.unwrap_or(at);
                let correlation = request.correlation.as_deref();
                let action = &request.action;
                conversation.sending(Sending { correlation, action, intended, at, text: &text });
            }
            Entry::Call { number, action, intended, body, unreadable, .. } => {
                let ours = match client {
                    Client::Observed => {
                        let payload = match unreadable {
                            Some(reason) => Err(reason.into_owned()),
                            None => web_payload(&conversation.dialect().catalog.web, body.as_bytes()),
                        };
                        let payload = payload.as_ref().map_err(String::as_str);
                        conversation.client_called(at, &action, payload, &body).number
                    }
                    Client::Ours => {
                        let intended = intended.unwrap_or(at);
                        let sending = Sending { correlation: None, action: &action, intended, at, text: &body };
                        conversation.sending(sending)
                    }
                };
                if self.calls.len() < CALLS {
                    self.calls.insert(number, ours);
                }
            }
            Entry::Answer { call, outcome, body, .. } => {
                let answer = match outcome {
                    Outcome::Done => parse_web_answer(200, body.as_bytes()),
                    Outcome::Refused => parse_web_answer(400, body.as_bytes()),
                    Outcome::Unreadable { reason } => WebAnswer::Unreadable(Cow::into_owned(reason)),
                };
                let number = self.calls.remove(&call).ok_or_else(|| format!("there was no call {call}"))?;
                conversation.web_received(at, number, body.as_bytes(), answer);
            }
            Entry::Garbage { direction: Direction::ToClient, what, .. } => conversation.received_garbage(at, &what),
            Entry::Garbage { direction: Direction::ToServer, what, .. } => conversation.client_garbage(at, &what),
            Entry::Ping { .. } => conversation.client_pinged(at),
            Entry::Withheld { number, .. } => {
                conversation.withheld(self.calls.remove(&number).unwrap_or(number));
            }
            Entry::Pong { .. } => conversation.ponged(at),
            Entry::Closed { how, .. } => {
                conversation.closed(at, how);
                self.closed = true;
            }
            Entry::Opened { .. } | Entry::End {} => {}
        }
        Ok(())
    }
}
