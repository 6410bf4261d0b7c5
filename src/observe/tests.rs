//! Conversations driven by hand: no runtime, no clock.

mod client;

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::message::{parse_web_answer, request_text};
use crate::protocol::{Protocol, Transport};

/// What was observed, in a few words each.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn observe(&self, observation: &Observation<'_>) {
        let note = match &observation.fact {
            Fact::Connected { .. } => "connected".to_owned(),
            Fact::Sent(sent) => format!("sent {}", sent.action),
            Fact::Answered(answer) => {
                let took = observation.at.since(answer.sent).as_millis();
                format!("answered {} success={} late={} after {took} ms", answer.action, answer.success, answer.late)
            }
            Fact::TimedOut { action } => format!("timed out {action}"),
            Fact::Pushed(push) => format!("pushed {}", push.action),
            Fact::Violated(v) => format!("violated {}: expected {}, got {}", v.kind, v.expected, v.got),
            Fact::Ponged => "ponged".to_owned(),
            Fact::Pinged => "pinged".to_owned(),
            Fact::Closed { how, .. } => format!("closed {how:?}"),
        };
        self.0.lock().unwrap().push(note);
    }
}

struct Scene {
    notes: Arc<Notes>,
    conversation: Conversation,
    now: Moment,
}

impl Scene {
    fn new(dialect: &str) -> Self {
        Self::over(dialect, Transport::Websocket)
    }

    fn over(dialect: &str, transport: Transport) -> Self {
        static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());
        let notes = Arc::new(Notes::default());
        let dialect = PROTOCOL.dialect(dialect).unwrap().clone();
        let conversation = Conversation::new(dialect, ConnectionId(3), transport, notes.clone());
        Self { notes, conversation, now: Moment::default() + Duration::from_secs(1) }
    }

    fn later(&mut self, seconds: f64) -> &mut Self {
        self.now = self.now + Duration::from_secs_f64(seconds);
        self
    }

    /// Sends a request and returns its correlation id and number.
    fn send(&mut self, action: &str, payload: Value) -> (String, u64) {
        let correlation = self.conversation.next_correlation();
        let text = request_text(self.conversation.dialect().catalog.rtm.correlation, &correlation, action, &payload);
        let sending =
            Sending { correlation: Some(&correlation), action, intended: self.now, at: self.now, text: &text };
        let number = self.conversation.sending(sending);
        (correlation, number)
    }

    fn receive(&mut self, frame: Value) -> Delivered {
        self.conversation.received(self.now, &frame.to_string())
    }

    fn notes(&self) -> Vec<String> {
        std::mem::take(&mut self.notes.0.lock().unwrap())
    }
}

fn response(id: &str, action: &str, payload: Value) -> Value {
    json!({"request_id": id, "action": action, "type": "response", "success": true, "payload": payload})
}

fn event(order: i64) -> Value {
    json!({"id": format!("e{order}"), "order": order, "type": "message", "author_id": "a", "timestamp": 1, "text": "hi"})
}

#[test]
fn an_answer_is_correlated_validated_and_delivered() {
    let mut scene = Scene::new("customer/v0.3");
    let (id, number) = scene.send("send_event", json!({"chat_id": "c", "event": {"type": "message", "text": "hi"}}));
    scene.later(0.25);
    let delivered = scene.receive(response(&id, "send_event", json!({"thread_id": "t", "event": event(1)})));
    assert!(matches!(delivered, Delivered::Answer { request, .. } if request == number));
    assert_eq!(scene.notes(), ["sent send_event", "answered send_event success=true late=false after 250 ms"]);
    assert_eq!(scene.conversation.outstanding(), 0);
}

#[test]
fn the_older_name_of_the_correlation_id_is_understood() {
    let mut scene = Scene::new("customer/v0.2");
    let (id, number) = scene.send("close_thread", json!({"chat_id": "c"}));
    let delivered = scene.receive(json!({"id": id, "action": "close_thread", "type": "response", "success": true}));
    assert!(matches!(delivered, Delivered::Answer { request, .. } if request == number));
    let payload = json!({"chat_id": "c", "thread_id": "t"});
    scene.receive(json!({"id": id, "action": "thread_closed", "type": "push", "payload": payload}));
    assert!(scene.notes().iter().all(|note| !note.starts_with("violated")));
}

#[test]
fn answers_may_come_in_any_order() {
    let mut scene = Scene::new("customer/v0.3");
    let sent: Vec<_> = (0..5).map(|_| scene.send("ping", Value::Null)).collect();
    for (id, number) in sent.iter().rev() {
        let delivered = scene.receive(response(id, "ping", Value::Null));
        assert!(matches!(delivered, Delivered::Answer { request, .. } if request == *number));
    }
    assert!(scene.notes().iter().all(|note| !note.starts_with("violated")));
}

#[test]
fn each_mismatch_of_a_payload_names_pointer_keyword_and_document_line() {
    struct Violations(Mutex<Vec<Violation>>);
    impl Observer for Violations {
        fn observe(&self, observation: &Observation<'_>) {
            if let Fact::Violated(violation) = &observation.fact {
                self.0.lock().unwrap().push(violation.clone());
            }
        }
    }
    let protocol = Protocol::embedded().unwrap();
    let seen = Arc::new(Violations(Mutex::default()));
    let dialect = protocol.dialect("customer/v0.3").unwrap().clone();
    let mut conversation = Conversation::new(dialect, ConnectionId(1), Transport::Websocket, seen.clone());
    let mut wrong = event(1);
    wrong["order"] = json!("1");
    wrong.as_object_mut().unwrap().remove("timestamp");
    let push = json!({"action": "incoming_event", "type": "push",
        "payload": {"chat_id": "c", "thread_id": "t", "event": wrong}});
    conversation.received(Moment(5), &push.to_string());
    let seen = seen.0.lock().unwrap();
    let mut facts: Vec<_> = seen
        .iter()
        .map(|v| (v.kind, v.pointer.as_deref().unwrap(), v.keyword.as_deref().unwrap(), &*v.expected, &*v.got))
        .collect();
    facts.sort();
    assert_eq!(
        facts,
        [
            (ViolationKind::WrongType, "/event/order", "type", "integer", "\"1\""),
            (ViolationKind::MissingMember, "/event/timestamp", "required", "a member `timestamp`", "nothing"),
        ]
    );
    for violation in seen.iter() {
        // The message object of the document stands at lines 272 to 284.
        let source = violation.source.as_deref().unwrap();
        let line: u32 = source.strip_prefix("customer-v0.3 ").unwrap()[..3].parse().unwrap();
        assert!((270..=287).contains(&line), "{source}");
    }
}

#[test]
fn after_fifteen_seconds_a_request_has_timed_out_and_a_late_answer_is_told_as_late() {
    let mut scene = Scene::new("agent/v3.0");
    let (id, number) = scene.send("ping", Value::Null);
    assert_eq!(scene.conversation.next_expiry(), Some(scene.now + Duration::from_secs(15)));
    scene.later(15.0);
    assert_eq!(scene.conversation.expire(scene.now), Vec::<u64>::new());
    scene.later(0.5);
    assert_eq!(scene.conversation.expire(scene.now), [number]);
    scene.later(0.5);
    let delivered = scene.receive(response(&id, "ping", Value::Null));
    assert!(matches!(delivered, Delivered::Answer { .. }));
    assert_eq!(
        scene.notes(),
        [
            "sent ping",
            "timed out ping",
            "violated late_answer: expected an answer within 15 s, got one after 16.0 s",
            "answered ping success=true late=true after 16000 ms",
        ]
    );
}

#[test]
fn a_request_that_is_never_answered_is_told_when_the_connection_ends() {
    let mut scene = Scene::new("agent/v3.0");
    scene.send("ping", Value::Null);
    scene.later(17.0);
    scene.conversation.closed(scene.now, Closing::ByUs);
    scene.conversation.closed(scene.now, Closing::Broken);
    assert_eq!(
        scene.notes(),
        [
            "sent ping",
            "timed out ping",
            "violated no_answer: expected an answer within 15 s, got none 17.0 s after the request",
            "closed ByUs",
        ]
    );
}

#[test]
fn a_request_cut_off_by_the_end_of_the_connection_is_no_violation() {
    let mut scene = Scene::new("agent/v3.0");
    scene.send("ping", Value::Null);
    scene.later(3.0);
    scene.conversation.closed(scene.now, Closing::ByUs);
    assert_eq!(scene.notes(), ["sent ping", "closed ByUs"]);
}

#[test]
fn a_wrong_correlation_id_is_one_violation_and_still_the_answer_when_only_one_request_can_be_meant() {
    let mut scene = Scene::new("customer/v0.3");
    let (_, number) = scene.send("ping", Value::Null);
    let delivered = scene.receive(response("nonsense", "ping", Value::Null));
    assert!(matches!(delivered, Delivered::Answer { request, .. } if request == number));
    assert_eq!(
        scene.notes(),
        [
            "sent ping",
            "violated wrong_correlation: expected the request's correlation id `3-1`, got `nonsense`",
            "answered ping success=true late=false after 0 ms",
        ]
    );
    scene.send("ping", Value::Null);
    scene.send("ping", Value::Null);
    assert_eq!(scene.receive(response("nonsense", "ping", Value::Null)), Delivered::Nothing);
    assert_eq!(scene.conversation.outstanding(), 2);
}

#[test]
fn a_second_response_and_a_wrong_action_are_told_apart() {
    let mut scene = Scene::new("customer/v0.3");
    let (id, _) = scene.send("ping", Value::Null);
    scene.receive(response(&id, "logon", Value::Null));
    scene.receive(response(&id, "ping", Value::Null));
    let violations: Vec<_> = scene.notes().into_iter().filter(|note| note.starts_with("violated")).collect();
    assert_eq!(
        violations,
        [
            "violated wrong_action: expected the action of the request, `ping`, got `logon`",
            "violated duplicate_response: expected one response per request, got another for `3-1`",
        ]
    );
}

#[test]
fn a_push_may_carry_the_id_of_any_own_request_but_no_other() {
    let mut scene = Scene::new("customer/v0.3");
    let push = |id: &str| {
        json!({"request_id": id, "action": "thread_closed", "type": "push",
            "payload": {"chat_id": "c", "thread_id": "t"}})
    };
    let (first, _) = scene.send("ping", Value::Null);
    for _ in 0..50 {
        let (id, _) = scene.send("ping", Value::Null);
        scene.receive(response(&id, "ping", Value::Null));
    }
    scene.notes();
    scene.receive(push(&first));
    assert_eq!(scene.notes(), ["pushed thread_closed"]);
    scene.receive(push("4-1"));
    assert_eq!(
        scene.notes(),
        [
            "violated foreign_correlation: expected no correlation id, or one of this connection's requests, got `4-1`",
            "pushed thread_closed",
        ]
    );
}

#[test]
fn errors_must_be_well_formed_and_of_a_documented_type() {
    let mut scene = Scene::new("customer/v0.3");
    let mut refuse = |payload: Value| {
        let (id, _) = scene.send("ping", Value::Null);
        scene.receive(
            json!({"request_id": id, "action": "ping", "type": "response", "success": false, "payload": payload}),
        );
        let notes = scene.notes();
        notes.into_iter().filter(|note| note.starts_with("violated")).collect::<Vec<_>>()
    };
    assert_eq!(refuse(json!({"error": {"type": "validation", "message": "m"}})), Vec::<String>::new());
    assert_eq!(
        refuse(json!({"error": {"type": "teapot", "message": "m"}})),
        ["violated undocumented_error: expected a documented error type, got `teapot`"]
    );
    assert_eq!(
        refuse(json!({"error": {"type": "validation"}})),
        ["violated missing_member: expected a member `message`, got nothing"]
    );
    assert_eq!(refuse(Value::Null).len(), 1);
}

#[test]
fn what_is_no_message_is_a_violation_and_delivers_nothing() {
    let mut scene = Scene::new("customer/v0.3");
    assert_eq!(scene.conversation.received(scene.now, "<html>"), Delivered::Nothing);
    assert_eq!(scene.receive(json!({"action": "ping", "type": "response"})), Delivered::Nothing);
    assert_eq!(scene.receive(json!([])), Delivered::Nothing);
    scene.conversation.received_garbage(scene.now, "a binary frame of 3 bytes");
    let notes = scene.notes();
    let kinds: Vec<_> = notes.iter().map(|note| note.split([' ', ':']).nth(1).unwrap()).collect();
    assert_eq!(kinds, ["malformed_frame", "malformed_envelope", "malformed_envelope", "malformed_frame"]);
    assert!(notes[1].contains("a member `success`"), "{}", notes[1]);
}

#[test]
fn the_user_is_known_after_login_and_its_token_is_never_shown() {
    let mut scene = Scene::new("customer/v0.3");
    scene.conversation.hide("Bearer s3cret");
    let (id, _) = scene.send("login", json!({"token": "Bearer s3cret"}));
    scene.receive(response(&id, "login", json!({"customer_id": "u1", "static_config_path": "p"})));
    assert_eq!(scene.conversation.user(), Some("u1"));
    scene.conversation.received_garbage(scene.now, "text with s3cret in it");
    assert_eq!(
        scene.notes().last().unwrap(),
        "violated malformed_frame: expected a text frame with one JSON object, got text with [redacted] in it"
    );
}

#[test]
fn a_web_answer_is_judged_like_a_response() {
    let mut scene = Scene::over("customer/v0.3", Transport::Web);
    let (_, number) = scene.send("send_event", Value::Null);
    let body = br#"{"thread_id": "t", "event": {"id": 7}}"#;
    scene.conversation.web_received(scene.now, number, body, parse_web_answer(200, body));
    let (_, number) = scene.send("send_event", Value::Null);
    let delivered = scene.conversation.web_received(scene.now, number, b"<html>", parse_web_answer(502, b"<html>"));
    assert!(matches!(delivered, Delivered::Answer { .. }));
    let notes = scene.notes();
    assert!(notes.contains(&"violated wrong_type: expected string, got 7".to_owned()), "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with("violated malformed_frame") && note.contains("HTTP 502")));
}

#[test]
fn an_unknown_push_is_told_and_delivered() {
    let mut scene = Scene::new("customer/v0.3");
    let delivered = scene.receive(json!({"action": "brand_new", "type": "push"}));
    assert!(matches!(delivered, Delivered::Push(_)));
    assert_eq!(
        scene.notes(),
        ["violated unknown_action: expected a documented push, got `brand_new`", "pushed brand_new"]
    );
}

proptest::proptest! {
    #[test]
    fn no_bytes_from_outside_break_a_conversation(frames in proptest::collection::vec(".{0,60}", 0..20)) {
        let mut scene = Scene::new("agent/v3.0");
        scene.send("ping", Value::Null);
        for frame in &frames {
            let _ = scene.conversation.received(scene.now, frame);
        }
        // Whatever came, the request is still there and still times out.
        scene.later(16.0);
        proptest::prop_assert_eq!(scene.conversation.expire(scene.now).len(), 1);
    }
}

#[test]
fn an_action_that_may_stay_unanswered_neither_times_out_nor_counts_against_the_server() {
    let mut scene = Scene::new("customer/v0.3");
    let (_, number) = scene.send("ping", Value::Null);
    scene.later(16.0);
    assert_eq!(scene.conversation.expire(scene.now), [number]);
    scene.later(20.0);
    scene.conversation.closed(scene.now, Closing::ByUs);
    assert_eq!(scene.notes(), ["sent ping", "closed ByUs"]);
}

#[test]
fn a_disputed_reading_counts_no_more_than_its_erratum_allows() {
    let mut scene = Scene::new("customer/v0.3");
    // C03-A09: whether the list of reasons is complete is in dispute.
    scene.receive(json!({"action": "customer_disconnected", "type": "push", "payload": {"reason": "bored"}}));
    let violated: Vec<String> = scene.notes().into_iter().filter(|note| note.starts_with("violated")).collect();
    assert_eq!(violated.len(), 1, "{violated:?}");
    assert!(violated[0].starts_with("violated disputed_reading"), "{violated:?}");
}
