//! A client that is not ours is judged by the request schemas of every dialect, and by nothing else where it keeps to them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::sync::{Arc, Mutex};

use chatproof::message::request_text;
use chatproof::observe::{
    ClientRequest, ClientSent, ConnectionId, Conversation, Fact, Grade, Moment, Observation, Observer, Side,
    ViolationKind,
};
use chatproof::protocol::{Channel, CorrelationName, Dialect, Kind, Protocol, Transport};
use serde_json::Value;
use support::samples::samples;

#[derive(Default)]
struct Kinds(Mutex<Vec<ViolationKind>>);

impl Observer for Kinds {
    fn observe(&self, observation: &Observation<'_>) {
        if let Fact::Violated(violation) = &observation.fact {
            self.0.lock().unwrap().push(violation.kind);
        }
    }
}

/// What is found in a request of a client that has just asked to be logged in, and whether it would be refused.
fn found(dialect: &Arc<Dialect>, action: &str, payload: &Value) -> (Vec<ViolationKind>, bool) {
    let kinds = Arc::new(Kinds::default());
    let mut conversation = Conversation::new(dialect.clone(), ConnectionId(1), Transport::Websocket, kinds.clone());
    conversation.client_sent(Moment(1), r#"{"request_id":"0","action":"login"}"#);
    kinds.0.lock().unwrap().clear();
    let text = request_text(CorrelationName::RequestId, "1", action, payload);
    let refused = match conversation.client_sent(Moment(2), &text) {
        ClientSent::Request(ClientRequest { refusal, .. }) => refusal.is_some(),
        other => panic!("{text} is {other:?}"),
    };
    let kinds = kinds.0.lock().unwrap().clone();
    (kinds, refused)
}

#[test]
fn every_documented_request_passes_and_every_spoilt_one_is_found() {
    let protocol = Protocol::embedded().unwrap();
    let (mut good, mut extra, mut bad) = (0, 0, 0);
    for dialect in protocol.dialects() {
        let actions = dialect.catalog.actions.iter().filter(|(_, spec)| spec.transports.contains(&Channel::Rtm));
        for (action, _) in actions.filter(|(_, spec)| !spec.indexed_only) {
            let samples = samples(&dialect.schemas, Kind::Request, action);
            for payload in &samples.valid {
                let (kinds, refused) = found(dialect, action, payload);
                let is_extra = !dialect.schemas.unknown_members(Kind::Request, action, payload).is_empty();
                let told = kinds.iter().all(|kind| *kind == ViolationKind::UndocumentedMember);
                assert!(
                    told && is_extra != kinds.is_empty() && !refused,
                    "{} {action} {payload}: {kinds:?}",
                    dialect.name
                );
                extra += usize::from(is_extra);
                good += 1;
            }
            // An absent payload stands for an empty one, and what is no object at all is no request.
            for payload in samples.invalid.iter().filter(|payload| payload.is_object()) {
                let (kinds, refused) = found(dialect, action, payload);
                let all_of_client = kinds.iter().all(|kind| kind.side() == Side::Client);
                assert!(!kinds.is_empty() && all_of_client, "{} {action} {payload}: {kinds:?}", dialect.name);
                let fails = kinds.iter().any(|kind| kind.grade() == Grade::Fail);
                assert_eq!(refused, fails, "{} {action} {payload}: {kinds:?}", dialect.name);
                bad += 1;
            }
        }
    }
    let told = format!("{good} requests, {extra} with more than is documented and {bad} spoilt ones");
    assert!(extra > 50 && good > 2 * extra && bad > 500, "{told} are too few to say anything");
}
