//! Clients that are not ours: each kind of violation of theirs is raised, and a clean client raises none.

use std::collections::BTreeSet;

use super::*;

impl Scene {
    fn says(&mut self, frame: Value) -> ClientSent {
        self.conversation.client_sent(self.now, &frame.to_string())
    }

    /// Logs in as request `0`.
    fn log_in(&mut self) {
        self.says(json!({"request_id": "0", "action": "login", "payload": {"token": "Bearer s3cret"}}));
        self.answer("0", "login", json!({"customer_id": "u1", "static_config_path": "p"}));
    }

    fn answer(&mut self, id: &str, action: &str, payload: Value) -> Delivered {
        self.receive(response(id, action, payload))
    }

    /// The kinds of violation since the last time.
    fn violations(&self) -> Vec<String> {
        let notes = self.notes();
        let violated = notes.iter().filter_map(|note| note.strip_prefix("violated "));
        violated.map(|note| note.split(':').next().unwrap().to_owned()).collect()
    }
}

fn logged_in(dialect: &str) -> Scene {
    let mut scene = Scene::new(dialect);
    scene.log_in();
    scene.notes();
    scene
}

fn ping(id: &str) -> Value {
    json!({"request_id": id, "action": "ping"})
}

fn close_thread(id: &str) -> Value {
    json!({"request_id": id, "action": "close_thread", "payload": {"chat_id": "c"}})
}

type Fault = fn(&mut Scene);

/// What a client does wrong, by the kind that it is found as.
const FAULTS: &[(ViolationKind, Fault)] = &[
    (ViolationKind::MalformedRequest, |scene| drop(scene.conversation.client_sent(scene.now, "<html>"))),
    (ViolationKind::UndocumentedAction, |scene| drop(scene.says(json!({"request_id": "1", "action": "fly"})))),
    (ViolationKind::WrongTransport, |scene| {
        let payload = json!({"chat_id": "c", "custom_id": "x", "file": "f"});
        scene.says(json!({"request_id": "1", "action": "send_file", "payload": payload}));
    }),
    (ViolationKind::RequestType, |scene| {
        let payload = json!({"chat_id": "c", "event": {"type": "message", "text": 7}});
        scene.says(json!({"request_id": "1", "action": "send_event", "payload": payload}));
    }),
    (ViolationKind::RequestMember, |scene| {
        scene.says(json!({"request_id": "1", "action": "close_thread", "payload": {}}));
    }),
    (ViolationKind::RequestValue, |scene| {
        *scene = logged_in("agent/v3.0");
        let payload = json!({"chat_id": "c", "is_typing": true, "recipients": "some"});
        scene.says(json!({"request_id": "1", "action": "send_typing_indicator", "payload": payload}));
    }),
    (ViolationKind::UndocumentedMember, |scene| {
        let payload = json!({"chat_id": "c", "routing_scope": {"type": "license"}});
        scene.says(json!({"request_id": "1", "action": "close_thread", "payload": payload}));
    }),
    (ViolationKind::DisputedRequest, |scene| {
        // C03-A46: whether an id may be empty is in dispute.
        scene.says(json!({"request_id": "1", "action": "close_thread", "payload": {"chat_id": ""}}));
    }),
    (ViolationKind::OpenRequest, |scene| {
        // C03-A11: what a token looks like is left open.
        scene.says(json!({"request_id": "1", "action": "login", "payload": {"token": 7}}));
    }),
    (ViolationKind::RequestBeforeLogin, |scene| {
        *scene = Scene::new("customer/v0.3");
        scene.says(close_thread("1"));
    }),
    (ViolationKind::ReusedCorrelation, |scene| {
        scene.says(close_thread("1"));
        scene.says(close_thread("1"));
    }),
    (ViolationKind::RecycledCorrelation, |scene| {
        scene.says(close_thread("1"));
        scene.answer("1", "close_thread", Value::Null);
        scene.says(close_thread("1"));
    }),
    (ViolationKind::Uncorrelated, |scene| drop(scene.says(json!({"action": "ping"})))),
    (ViolationKind::SentAfterClose, |scene| {
        scene.conversation.closed(scene.now, Closing::ByClient);
        scene.says(ping("1"));
    }),
    (ViolationKind::MissingPing, |scene| {
        scene.later(61.0);
        scene.says(ping("1"));
    }),
];

#[test]
fn each_kind_of_fault_of_a_client_is_found_as_that_kind_and_no_other() {
    let mut found = BTreeSet::new();
    for (kind, fault) in FAULTS {
        let mut scene = logged_in("customer/v0.3");
        fault(&mut scene);
        assert_eq!(scene.violations(), [kind.name()]);
        assert_eq!(kind.side(), Side::Client);
        found.insert(*kind);
    }
    let all = ViolationKind::ALL.iter().copied().filter(|kind| kind.side() == Side::Client);
    assert_eq!(found, all.collect());
}

#[test]
fn a_clean_client_raises_nothing() {
    let mut scene = Scene::new("customer/v0.3");
    scene.conversation.connected(scene.now, Duration::from_millis(3));
    scene.says(ping("before"));
    scene.answer("before", "ping", Value::Null);
    scene.log_in();
    // More requests at once than are remembered of ours, and longer ids; answered backwards.
    let ids: Vec<String> = (0..100).map(|n| format!("{n}-{}", "x".repeat(n * 10))).collect();
    for id in &ids {
        assert!(matches!(scene.says(close_thread(id)), ClientSent::Request(ClientRequest { refusal: None, .. })));
    }
    for id in ids.iter().rev() {
        assert!(matches!(scene.answer(id, "close_thread", Value::Null), Delivered::Answer { .. }));
    }
    // The push of the very first comes last.
    let payload = json!({"chat_id": "c", "thread_id": "t"});
    scene.receive(json!({"request_id": ids[0], "action": "thread_closed", "type": "push", "payload": payload}));
    for _ in 0..10 {
        scene.later(50.0);
        scene.conversation.client_pinged(scene.now);
    }
    scene.later(20.0);
    scene.conversation.closed(scene.now, Closing::ByClient);
    assert_eq!(scene.violations(), [""; 0]);
    assert_eq!(scene.conversation.outstanding(), 0);
}

#[test]
fn requests_without_ids_are_answered_by_action_in_their_order() {
    let mut scene = logged_in("customer/v0.3");
    let mut numbers = Vec::new();
    for action in ["ping", "close_thread", "ping"] {
        let payload = if action == "ping" { Value::Null } else { json!({"chat_id": "c"}) };
        let sent = scene.says(json!({"action": action, "payload": payload}));
        let ClientSent::Request(ClientRequest { number, .. }) = sent else { panic!("{sent:?}") };
        numbers.push(number);
    }
    scene.notes();
    let mut answered = Vec::new();
    for action in ["close_thread", "ping", "ping"] {
        let delivered = scene.receive(json!({"action": action, "type": "response", "success": true}));
        let Delivered::Answer { request, .. } = delivered else { panic!("{delivered:?}") };
        answered.push(request);
    }
    assert_eq!(answered, [numbers[1], numbers[0], numbers[2]]);
    assert_eq!(scene.violations(), [""; 0]);
    scene.receive(json!({"action": "ping", "type": "response", "success": true}));
    assert_eq!(scene.violations(), ["wrong_correlation"]);
}

#[test]
fn requests_with_one_id_are_told_apart_by_their_actions() {
    let mut scene = logged_in("customer/v0.3");
    scene.says(close_thread("1"));
    scene.says(ping("1"));
    assert_eq!(scene.violations(), ["reused_correlation"]);
    scene.answer("1", "ping", Value::Null);
    scene.answer("1", "close_thread", Value::Null);
    assert_eq!(scene.violations(), [""; 0]);
    scene.answer("1", "ping", Value::Null);
    assert_eq!(scene.violations(), ["duplicate_response"]);
}

#[test]
fn a_response_without_id_is_not_taken_for_the_answer_to_another_request() {
    let mut scene = logged_in("customer/v0.3");
    scene.says(json!({"action": "ping"}));
    scene.says(close_thread("7"));
    scene.notes();
    scene.receive(json!({"action": "close_thread", "type": "response", "success": true}));
    assert_eq!(scene.violations(), ["wrong_correlation"]);
    assert_eq!(scene.conversation.outstanding(), 1);
    scene.receive(json!({"action": "login", "type": "response", "success": false,
        "payload": {"error": {"type": "validation", "message": "m"}}}));
    assert_eq!(scene.violations(), ["wrong_action"]);
    assert_eq!(scene.conversation.outstanding(), 0);
}

#[test]
fn after_more_ids_than_are_remembered_nothing_is_claimed_of_unknown_ones() {
    let mut scene = logged_in("customer/v0.3");
    let push = |id: &str| json!({"request_id": id, "action": "thread_closed", "type": "push", "payload": {"chat_id": "c", "thread_id": "t"}});
    scene.receive(push("foreign"));
    assert_eq!(scene.violations(), ["foreign_correlation"]);
    for n in 1..1100 {
        scene.says(ping(&n.to_string()));
        scene.answer(&n.to_string(), "ping", Value::Null);
    }
    scene.receive(push("foreign"));
    assert_eq!(scene.violations(), [""; 0]);
}

#[test]
fn a_flood_of_requests_and_of_long_names_stays_bounded() {
    let mut scene = logged_in("customer/v0.3");
    let long = "ü".repeat(300);
    for n in 0..4200 {
        scene.says(json!({"request_id": format!("{n}{long}"), "action": "ping"}));
        scene.notes();
    }
    assert_eq!(scene.conversation.outstanding(), 4096);
    let held = format!("{:?}", scene.conversation).len();
    assert!(held < 4096 * 768, "{held} bytes tell of what is held");
    let delivered = scene.answer(&format!("4199{long}"), "ping", Value::Null);
    assert!(matches!(delivered, Delivered::Answer { .. }));
}

#[test]
fn what_is_pipelined_behind_the_login_is_in_time() {
    let mut scene = Scene::new("customer/v0.3");
    scene.says(json!({"request_id": "0", "action": "login", "payload": {"token": "Bearer s3cret"}}));
    scene.says(close_thread("1"));
    assert_eq!(scene.violations(), [""; 0]);
    scene.receive(json!({"request_id": "0", "action": "login", "type": "response", "success": false,
        "payload": {"error": {"type": "authentication", "message": "m"}}}));
    scene.says(close_thread("2"));
    assert_eq!(scene.violations(), ["request_before_login"]);
    scene.says(json!({"request_id": "3", "action": "login", "payload": {"token": "Bearer other"}}));
    scene.says(close_thread("4"));
    assert_eq!(scene.violations(), [""; 0]);
}

#[test]
fn a_silence_is_told_once_and_only_of_who_is_logged_in() {
    let mut stranger = Scene::new("customer/v0.3");
    stranger.says(ping("1"));
    stranger.later(100.0).conversation.expire(Moment(u64::MAX / 2));
    assert_eq!(stranger.violations(), [""; 0]);
    let mut scene = logged_in("customer/v0.3");
    for _ in 0..3 {
        scene.later(40.0);
        scene.conversation.expire(scene.now);
    }
    assert_eq!(scene.violations(), ["missing_ping"]);
    scene.conversation.client_pinged(scene.now);
    scene.later(61.0);
    scene.conversation.closed(scene.now, Closing::ByServer);
    assert_eq!(scene.violations(), ["missing_ping"]);
}

#[test]
fn a_server_that_closes_after_its_own_limit_shows_a_missing_ping_where_other_documents_allow_more() {
    let silent = |closing| {
        let mut scene = Scene::new("agent/v3.0");
        scene.says(json!({"request_id": "0", "action": "login", "payload": {"token": "Bearer s3cret"}}));
        scene.answer("0", "login", Value::Null);
        scene.later(31.0);
        scene.notes();
        scene.conversation.closed(scene.now, closing);
        scene.violations()
    };
    assert_eq!(silent(Closing::ByServer), ["missing_ping"]);
    assert_eq!(silent(Closing::ByClient), [""; 0]);
}

#[test]
fn what_crosses_the_servers_goodbye_on_its_way_is_nobodys_fault() {
    let mut scene = logged_in("customer/v0.3");
    scene.conversation.closed(scene.now, Closing::ByServer);
    assert_eq!(scene.says(close_thread("1")), ClientSent::Late);
    assert_eq!(scene.violations(), [""; 0]);
    scene.conversation.closed(scene.now, Closing::ByClient);
    assert_eq!(scene.says(close_thread("1")), ClientSent::Late);
    assert_eq!(scene.violations(), ["sent_after_close"]);
}

#[test]
fn an_odd_envelope_is_the_clients_fault_and_need_not_be_answered() {
    let mut scene = logged_in("customer/v0.3");
    for frame in [r#"{"action": "ping", "payload": [], "request_id": "1"}"#, r#"{"action":"ping","action":"ping"}"#] {
        let sent = scene.conversation.client_sent(scene.now, frame);
        assert!(matches!(sent, ClientSent::Request(ClientRequest { refusal: Some(_), .. })), "{sent:?}");
    }
    assert_eq!(scene.violations(), ["malformed_request", "malformed_request", "uncorrelated_request"]);
    for frame in ["[1]", "{}", "7", "", r#"{"action": 3}"#] {
        assert_eq!(scene.conversation.client_sent(scene.now, frame), ClientSent::Unreadable, "{frame}");
        assert_eq!(scene.violations(), ["malformed_request"], "{frame}");
    }
    scene.conversation.client_garbage(scene.now, "a binary frame of 3 bytes");
    assert_eq!(scene.violations(), ["malformed_request"]);
    scene.later(20.0);
    scene.conversation.closed(scene.now, Closing::ByClient);
    assert_eq!(scene.violations(), [""; 0]);
}

#[test]
fn a_number_as_correlation_id_counts_what_its_erratum_allows() {
    let mut scene = logged_in("customer/v0.3");
    scene.says(json!({"request_id": 7, "action": "close_thread", "payload": {"chat_id": "c"}}));
    assert_eq!(scene.violations(), ["request_disputed_reading"]);
    let delivered = scene.answer("7", "close_thread", Value::Null);
    assert!(matches!(delivered, Delivered::Answer { .. }));
    scene.says(json!({"id": 8, "action": "close_thread", "payload": {}}));
    assert_eq!(scene.violations(), ["request_missing_member"]);
    // The server may repeat the number as it came, but no number that nobody sent.
    let repeated = |id: u64| json!({"request_id": id, "action": "close_thread", "type": "response", "success": true});
    assert!(matches!(scene.receive(repeated(8)), Delivered::Answer { .. }));
    assert_eq!(scene.violations(), [""; 0]);
    assert_eq!(scene.receive(repeated(9)), Delivered::Nothing);
    assert_eq!(scene.violations(), ["malformed_envelope"]);
}

#[test]
fn a_refused_request_is_answered_as_documented_and_awaits_nothing() {
    let mut scene = logged_in("customer/v0.3");
    let sent = scene.says(json!({"request_id": "1", "action": "close_thread", "payload": {}}));
    let ClientSent::Request(ClientRequest { number, refusal: Some(refusal), .. }) = sent else { panic!("{sent:?}") };
    assert_eq!(refusal.kind, "validation");
    assert_eq!(refusal.message, "`/chat_id`: expected a member `chat_id`, got nothing");
    scene.conversation.withheld(number);
    assert_eq!(scene.conversation.outstanding(), 0);
    // What is in dispute is told and not refused.
    let sent = scene.says(json!({"request_id": "2", "action": "close_thread", "payload": {"chat_id": ""}}));
    assert!(matches!(sent, ClientSent::Request(ClientRequest { refusal: None, .. })), "{sent:?}");
}

#[test]
fn a_call_is_judged_like_a_request() {
    let mut scene = Scene::over("customer/v0.3", Transport::Web);
    let call = scene.conversation.client_called(scene.now, "close_thread", Ok(&json!({"chat_id": "c"})), "{}");
    assert_eq!(call.refusal, None);
    let delivered = scene.conversation.web_received(scene.now, call.number, b"{}", parse_web_answer(200, b"{}"));
    assert!(matches!(delivered, Delivered::Answer { .. }));
    assert_eq!(scene.violations(), [""; 0]);
    scene.conversation.client_called(scene.now, "close_thread", Ok(&Value::Null), "");
    scene.conversation.client_called(scene.now, "login", Ok(&json!({"token": "t0ken"})), "");
    scene.conversation.client_called(scene.now, "fly", Ok(&Value::Null), "");
    let call = scene.conversation.client_called(scene.now, "close_thread", Err("not JSON"), "");
    assert!(call.refusal.is_some());
    let kinds = ["request_missing_member", "wrong_transport", "undocumented_action", "malformed_request"];
    assert_eq!(scene.violations(), kinds);
}

#[test]
fn no_token_of_a_client_is_shown() {
    struct Shown(Mutex<String>);
    impl Observer for Shown {
        fn observe(&self, observation: &Observation<'_>) {
            let action = match &observation.fact {
                Fact::Sent(sent) => sent.action,
                Fact::Answered(answer) => answer.action,
                Fact::Pushed(push) => push.action,
                _ => "",
            };
            *self.0.lock().unwrap() += action;
            if let Fact::Violated(violation) = &observation.fact {
                let frames = observation.transcript.frames();
                assert_eq!(frames.last().map(|frame| frame.at), Some(violation.at), "the frame itself is evidence");
                *self.0.lock().unwrap() += &format!("{violation:?} {frames:?}\n");
            }
        }
    }
    let shown = Arc::new(Shown(Mutex::default()));
    let protocol = Protocol::embedded().unwrap();
    let dialect = protocol.dialect("agent/v3.0").unwrap().clone();
    let mut conversation = Conversation::new(dialect, ConnectionId(3), Transport::Websocket, shown.clone());
    for token in ["alpha", "alpha-beta", "gamma"] {
        let nested = json!({"token": format!("Bearer {token}"), "push_notifications": {"firebase_token": "delta"}});
        conversation.client_sent(Moment(1), &json!({"action": "login", "payload": nested}).to_string());
    }
    let broken = r#"{"action":"login","payload":{"token":"epsilon""#;
    conversation.client_sent(Moment(2), broken);
    conversation.client_garbage(Moment(2), "alpha-beta, gamma, delta");
    // Names that are secrets, by whichever mistake.
    conversation.client_sent(Moment(3), &json!({"request_id": "1", "action": "gamma"}).to_string());
    conversation.received(Moment(4), &response("1", "gamma", json!({})).to_string());
    conversation.received(Moment(5), &json!({"action": "delta", "type": "push", "payload": {}}).to_string());
    conversation.client_called(Moment(6), "alpha-beta", Ok(&json!({})), "{}");
    let shown = shown.0.lock().unwrap();
    assert!(shown.contains("login") && shown.contains("[redacted]"), "{shown}");
    for secret in ["alpha", "beta", "gamma", "delta", "epsilon"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_of_a_client_break_a_conversation(frames in proptest::collection::vec((".{0,60}", 0u8..5), 0..20)) {
        let mut scene = Scene::new("agent/v3.0");
        for (frame, way) in &frames {
            match way {
                0 => drop(scene.conversation.client_sent(scene.now, frame)),
                1 => drop(scene.says(json!({"action": frame, "request_id": frame, "payload": {"token": frame}}))),
                2 => drop(scene.conversation.client_called(scene.now, frame, Err(frame), frame)),
                3 => drop(scene.conversation.received(scene.now, frame)),
                _ => scene.conversation.closed(scene.now, Closing::ByClient),
            }
        }
        // Whatever came, the connection still ends.
        scene.conversation.closed(scene.now, Closing::Broken);
        let ended = scene.notes().iter().filter(|note| note.starts_with("closed")).count();
        proptest::prop_assert_eq!(ended, 1);
    }
}
