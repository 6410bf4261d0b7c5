//! Conversations driven by hand, of a customer, an agent and a supervisor in one chat.

mod counting;
mod forgetting;
mod legal;
mod oracles;
mod unplaced;

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::*;
use crate::message::{parse_web_answer, request_text, web_body};
use crate::observe::{Closing, ConnectionId, Conversation, Moment, Sending};
use crate::protocol::{BodyStyle, CorrelationName, Protocol, Transport};

const CUSTOMER: usize = 0;
const AGENT: usize = 1;
const SUPERVISOR: usize = 2;
const WEB_AGENT: usize = 3;
const SECOND_TAB: usize = 4;
const OLD_AGENT: usize = 5;
/// Dialect, user and transport of each connection.
const PEOPLE: [(&str, &str, Transport); 6] = [
    ("customer/v0.3", "cu", Transport::Websocket),
    ("agent/v3.0", "ag", Transport::Websocket),
    ("agent/v3.0", "sup", Transport::Websocket),
    ("agent/v3.0", "ag", Transport::Web),
    ("customer/v0.3", "cu", Transport::Websocket),
    ("agent/v0.2", "ag", Transport::Websocket),
];

/// What happens on a connection.
#[derive(Debug, Clone)]
enum Happening {
    Send(&'static str),
    Answer(Value),
    Refuse(String),
    Push(&'static str, Value),
    Close,
}

use Happening::{Answer, Close, Push, Refuse, Send};

/// Milliseconds, whose connection, and what.
type Step = (u64, usize, Happening);

fn ms(ms: u64) -> Moment {
    Moment(ms * 1_000_000)
}

struct World {
    ledger: Arc<Ledger>,
    recorders: Vec<Arc<Recorder>>,
    conversations: Vec<Conversation>,
    requests: Vec<Outstanding>,
}

/// Correlation id, action and number of each unanswered request.
type Outstanding = VecDeque<(String, &'static str, u64)>;

fn protocol() -> &'static Protocol {
    static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());
    &PROTOCOL
}

impl World {
    /// Each connection has a recorder of its own, as if all lived on different threads.
    fn new() -> Self {
        Self::with_recorders(PEOPLE.len())
    }

    fn with_recorders(count: usize) -> Self {
        Self::counting_from(count, ms(0))
    }

    fn counting_from(count: usize, moment: Moment) -> Self {
        let ledger = Arc::new(Ledger::new());
        let recorders: Vec<_> =
            (0..count).map(|_| Arc::new(Recorder::new(ledger.clone()).counting_from(moment))).collect();
        let conversations = PEOPLE.iter().enumerate().map(|(i, (dialect, user, transport))| {
            let dialect = protocol().dialect(dialect).unwrap().clone();
            let recorder = recorders[i % count].clone();
            let mut conversation = Conversation::new(dialect, ConnectionId(i as u64 + 1), *transport, recorder);
            conversation.set_user(user);
            conversation
        });
        Self {
            conversations: conversations.collect(),
            recorders: recorders.clone(),
            requests: vec![Outstanding::new(); PEOPLE.len()],
            ledger,
        }
    }

    fn play(&mut self, steps: &[Step]) {
        for (at, who, happening) in steps {
            let (at, conversation) = (ms(*at), &mut self.conversations[*who]);
            let web = PEOPLE[*who].2 == Transport::Web;
            match happening {
                Send(action) => {
                    let correlation = conversation.next_correlation();
                    let text = match web {
                        true => web_body(BodyStyle::Wrapped, &json!({})).to_string(),
                        false => request_text(CorrelationName::RequestId, &correlation, action, &json!({})),
                    };
                    let correlation_id = (!web).then_some(correlation.as_str());
                    let number = conversation.sending(Sending {
                        correlation: correlation_id,
                        action,
                        intended: at,
                        at,
                        text: &text,
                    });
                    self.requests[*who].push_back((correlation, action, number));
                }
                Answer(payload) => {
                    let (id, action, number) = self.requests[*who].pop_front().unwrap();
                    if web {
                        let body = payload.to_string();
                        conversation.web_received(at, number, body.as_bytes(), parse_web_answer(200, body.as_bytes()));
                    } else {
                        let frame = json!({"request_id": id, "action": action, "type": "response", "success": true, "payload": payload});
                        conversation.received(at, &frame.to_string());
                    }
                }
                Refuse(kind) => {
                    let (id, action, _) = self.requests[*who].pop_front().unwrap();
                    let error = json!({"error": {"type": kind, "message": "no"}});
                    let frame = json!({"request_id": id, "action": action, "type": "response", "success": false, "payload": error});
                    conversation.received(at, &frame.to_string());
                }
                Push(action, payload) => {
                    let frame = json!({"action": action, "type": "push", "payload": payload});
                    conversation.received(at, &frame.to_string());
                }
                Close => conversation.closed(at, Closing::ByUs),
            }
        }
    }

    fn settle(&self, at: u64) -> Tally {
        self.recorders[0].settle(ms(at));
        let mut tally = Tally::default();
        self.recorders.iter().for_each(|recorder| tally.merge(recorder.take()));
        tally
    }
}

fn kinds(tally: &Tally) -> Vec<(&'static str, u64)> {
    tally.violations.iter().map(|(kind, tally)| (kind.name(), tally.count)).collect()
}

/// Plays steps and judges them a minute later.
fn told(steps: &[Step]) -> Vec<(&'static str, u64)> {
    let mut world = World::new();
    world.play(steps);
    kinds(&world.settle(60_000))
}

fn event(who: usize, id: &str, order: i64, author: usize) -> Value {
    let mut event = json!({"id": id, "order": order, "type": "message", "author_id": PEOPLE[author].1,
        "timestamp": 1, "text": format!("text of {id}"), "custom_id": format!("cp-{id}")});
    if PEOPLE[who].0.starts_with("agent") {
        event["recipients"] = json!("all");
    }
    event
}

fn users(who: usize) -> Value {
    let agent = json!({"id": "ag", "type": "agent", "name": "A", "email": "a@example.com", "avatar": "x", "present": true, "last_seen_timestamp": 1});
    let customer = json!({"id": "cu", "type": "customer", "name": "C", "email": "c@example.com", "present": true, "banned": false});
    if who == CUSTOMER { json!([customer, agent]) } else { json!([agent, customer]) }
}

fn thread(id: &str, events: Vec<Value>) -> Value {
    json!({"id": id, "active": true, "order": 1, "timestamp": 1, "user_ids": ["cu", "ag"], "events": events})
}

fn chat(who: usize, events: Vec<Value>) -> Value {
    json!({"chat": {"id": "C", "users": users(who), "properties": {}, "scopes": {}, "thread": thread("T", events)}})
}

fn incoming(who: usize, id: &str, order: i64, author: usize) -> Happening {
    Push("incoming_event", json!({"chat_id": "C", "thread_id": "T", "event": event(who, id, order, author)}))
}

fn sent(who: usize, id: &str, order: i64) -> Happening {
    Answer(json!({"thread_id": "T", "event": event(who, id, order, who)}))
}

/// The customer starts a chat with `e1`, the agent gets it. Until 1,200 ms.
fn beginning() -> Vec<Step> {
    vec![
        (1000, CUSTOMER, Send("start_chat")),
        (1100, CUSTOMER, Answer(chat(CUSTOMER, vec![event(CUSTOMER, "e1", 1, CUSTOMER)]))),
        (1110, CUSTOMER, Push("incoming_chat_thread", chat(CUSTOMER, vec![event(CUSTOMER, "e1", 1, CUSTOMER)]))),
        (1120, AGENT, Push("incoming_chat_thread", chat(AGENT, vec![event(AGENT, "e1", 1, CUSTOMER)]))),
    ]
}

/// Then the agent says `e2` and `e3`, and the customer `e4`. Until 5,200 ms.
fn conversation() -> Vec<Step> {
    let mut steps = beginning();
    for (at, author, id, order) in [(2000, AGENT, "e2", 2), (3000, AGENT, "e3", 3), (5000, CUSTOMER, "e4", 4)] {
        steps.push((at, author, Send("send_event")));
        steps.push((at + 100, author, sent(author, id, order)));
        steps.push((at + 110, CUSTOMER, incoming(CUSTOMER, id, order, author)));
        steps.push((at + 120, AGENT, incoming(AGENT, id, order, author)));
    }
    steps
}

/// The conversation, with what arrives at `who` at that time replaced.
fn with(at: u64, who: usize, happenings: &[Happening]) -> Vec<Step> {
    let mut steps = conversation();
    let place = steps.iter().position(|step| (step.0, step.1) == (at, who)).unwrap();
    steps.splice(place..=place, happenings.iter().map(|happening| (at, who, happening.clone())));
    steps
}

fn changed(mut happening: Happening, pointer: &str, value: Value) -> Happening {
    let (Push(_, payload) | Answer(payload)) = &mut happening else { panic!("nothing to change") };
    *payload.pointer_mut(pointer).unwrap() = value;
    happening
}
