//! Each item is shown, broken and not exercised.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::*;
use crate::observe::Conversation;
use crate::protocol::{Protocol, Transport};

struct Scene {
    list: Arc<Checklist>,
    conversation: Conversation,
    number: u64,
    requests: u64,
    now: Moment,
}

impl Scene {
    /// A client that has logged in.
    fn new() -> Self {
        let list = Arc::new(Checklist::default());
        let conversation = conversation(1, &list);
        let mut scene = Self { list, conversation, number: 1, requests: 0, now: Moment(1_000_000_000) };
        scene.log_in();
        scene
    }

    fn later(&mut self, seconds: f64) -> &mut Self {
        self.now = self.now + Duration::from_secs_f64(seconds);
        self
    }

    fn asks(&mut self, action: &str, payload: &Value) {
        self.requests += 1;
        let request = json!({"request_id": self.requests.to_string(), "action": action, "payload": payload});
        self.conversation.client_sent(self.now, &request.to_string());
    }

    fn answer(&mut self, action: &str, success: bool, payload: &Value) {
        let response = json!({"request_id": self.requests.to_string(), "action": action, "type": "response",
            "success": success, "payload": payload});
        self.conversation.received(self.now, &response.to_string());
    }

    fn log_in(&mut self) {
        self.asks("login", &json!({"token": "s3cret"}));
        self.answer("login", true, &json!({"customer_id": "u", "static_config_path": "p"}));
    }

    fn send(&mut self, text: &str, custom_id: Option<&str>) {
        let mut event = json!({"type": "message", "text": text});
        if let Some(id) = custom_id {
            event["custom_id"] = json!(id);
        }
        self.asks("send_event", &json!({"chat_id": "c", "event": event}));
    }

    fn provoke(&mut self, what: Provocation) -> &mut Self {
        self.list.provoked(self.now, ConnectionId(self.number), what);
        self
    }

    fn close(&mut self, how: Closing) {
        self.conversation.closed(self.now, how);
    }

    fn reconnect(&mut self) {
        self.number += 1;
        self.conversation = conversation(self.number, &self.list);
    }

    fn state(&self, item: Item) -> ItemState {
        let outcomes = self.list.outcomes(self.now);
        assert_eq!(outcomes.len(), Item::ALL.len());
        outcomes.into_iter().find(|outcome| outcome.item == item).unwrap().state
    }
}

fn conversation(number: u64, list: &Arc<Checklist>) -> Conversation {
    static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());
    let dialect = PROTOCOL.dialect("customer/v0.3").unwrap().clone();
    Conversation::new(dialect, ConnectionId(number), Transport::Websocket, list.clone())
}

const HARD: [(Provocation, Item); 7] = [
    (Provocation::ReorderedPushes, Item::TakesReorderedPushes),
    (Provocation::DuplicatePush, Item::TakesDuplicatePushes),
    (Provocation::PushBeforeResponse, Item::TakesPushBeforeResponse),
    (Provocation::UnknownPush, Item::TakesUnknownPushes),
    (Provocation::UnknownMember, Item::TakesUnknownMembers),
    (Provocation::SlowAnswer, Item::TakesSlowAnswers),
    (Provocation::MalformedFrame, Item::TakesMalformedFrames),
];

#[test]
fn nothing_is_claimed_of_a_client_that_was_not_provoked() {
    let mut scene = Scene::new();
    scene.later(1.0).asks("ping", &Value::Null);
    for item in Item::ALL {
        assert_eq!(scene.state(*item), ItemState::NotExercised, "{}", item.name());
    }
}

#[test]
fn whoever_goes_on_sending_has_survived() {
    for (what, item) in HARD {
        let mut scene = Scene::new();
        scene.provoke(what);
        // What was on its way shows nothing.
        scene.later(0.05).asks("ping", &Value::Null);
        assert_eq!(scene.state(item), ItemState::NotExercised, "{what:?}");
        scene.later(0.2);
        scene.conversation.client_pinged(scene.now);
        assert_eq!(scene.state(item), ItemState::Shown, "{what:?}");
        scene.close(Closing::DroppedByClient);
        assert_eq!(scene.state(item), ItemState::Shown, "{what:?}");
    }
}

#[test]
fn whoever_is_gone_at_once_has_not_and_of_whoever_closes_nothing_is_known() {
    for (what, item) in HARD.into_iter().filter(|(what, _)| *what != Provocation::MalformedFrame) {
        let mut scene = Scene::new();
        scene.provoke(what).later(0.2).close(Closing::DroppedByClient);
        assert_eq!(scene.state(item), ItemState::Broken, "{what:?}");
        let mut scene = Scene::new();
        scene.provoke(what).later(0.2).close(Closing::ByClient);
        assert_eq!(scene.state(item), ItemState::NotExercised, "{what:?}");
    }
}

#[test]
fn an_unknown_push_of_the_server_itself_counts_as_well() {
    let mut scene = Scene::new();
    scene.conversation.received(scene.now, r#"{"action":"brand_new","type":"push"}"#);
    scene.later(1.0).asks("ping", &Value::Null);
    assert_eq!(scene.state(Item::TakesUnknownPushes), ItemState::Shown);
}

#[test]
fn callers_of_the_web_api_are_shown_to_cope_as_well() {
    let call = |then: fn(&mut Scene)| {
        let mut scene = Scene::new();
        let dialect = scene.conversation.dialect().clone();
        scene.conversation = Conversation::new(dialect, ConnectionId(1), Transport::Web, scene.list.clone());
        scene.provoke(Provocation::MalformedFrame).provoke(Provocation::SlowAnswer).later(1.0);
        then(&mut scene);
        [Item::TakesMalformedFrames, Item::TakesSlowAnswers].map(|item| scene.state(item))
    };
    let calls = |scene: &mut Scene| {
        scene.conversation.client_called(scene.now, "get_chats_summary", Ok(&json!({})), "{}");
    };
    assert_eq!(call(calls), [ItemState::Shown; 2]);
    assert_eq!(call(|_| ()), [ItemState::NotExercised; 2]);
    // The end of a connection means nothing there.
    let goes = |scene: &mut Scene| scene.conversation.closed(scene.now, Closing::DroppedByClient);
    assert_eq!(call(goes), [ItemState::NotExercised; 2]);
}

#[test]
fn a_client_may_hang_up_on_nonsense_if_it_comes_back() {
    let gone = || {
        let mut scene = Scene::new();
        scene.provoke(Provocation::MalformedFrame).later(0.2).close(Closing::ByClient);
        scene
    };
    let mut back = gone();
    back.later(3.0).reconnect();
    back.log_in();
    back.later(100.0);
    assert_eq!(back.state(Item::TakesMalformedFrames), ItemState::Shown);
    let mut away = gone();
    away.later(61.0);
    assert_eq!(away.state(Item::TakesMalformedFrames), ItemState::Broken);
    assert_eq!(away.state(Item::Reconnects), ItemState::NotExercised);
}

#[test]
fn coming_back_means_logging_in_again_in_time() {
    for (ended, how) in [(true, Closing::ByUs), (false, Closing::ByServer)] {
        let mut scene = Scene::new();
        if ended {
            scene.provoke(Provocation::Disconnect);
        }
        scene.later(1.0).close(how);
        scene.later(50.0).reconnect();
        assert_eq!(scene.state(Item::Reconnects), ItemState::NotExercised);
        scene.log_in();
        assert_eq!(scene.state(Item::Reconnects), ItemState::Shown);
        // It ends again, and the user stays away.
        scene.provoke(Provocation::Disconnect).close(Closing::ByUs);
        scene.later(61.0);
        assert_eq!(scene.state(Item::Reconnects), ItemState::Broken);
    }
}

#[test]
fn whoever_was_told_why_need_not_come_back() {
    let mut scene = Scene::new();
    let push = json!({"action": "customer_disconnected", "type": "push", "payload": {"reason": "customer_banned"}});
    scene.conversation.received(scene.now, &push.to_string());
    scene.close(Closing::ByServer);
    scene.later(100.0);
    assert_eq!(scene.state(Item::Reconnects), ItemState::NotExercised);
}

#[test]
fn pings_are_in_time_as_long_as_no_silence_is_too_long() {
    let mut scene = Scene::new();
    for _ in 0..4 {
        scene.later(20.0);
        scene.conversation.client_pinged(scene.now);
    }
    assert_eq!(scene.state(Item::PingsInTime), ItemState::Shown);
    scene.later(61.0);
    scene.conversation.client_pinged(scene.now);
    assert_eq!(scene.state(Item::PingsInTime), ItemState::Broken);
}

#[test]
fn a_send_that_timed_out_may_only_be_repeated_under_its_custom_id() {
    let timed_out = |custom_id: Option<&str>| {
        let mut scene = Scene::new();
        scene.send("Hello", custom_id);
        scene.later(16.0);
        scene.conversation.expire(scene.now);
        scene
    };
    let refused = |custom_id: Option<&str>| {
        let mut scene = Scene::new();
        scene.send("Hello", custom_id);
        scene.answer("send_event", false, &json!({"error": {"type": "request_timeout", "message": "m"}}));
        scene.later(1.0);
        scene
    };
    let item = Item::RepeatsNoUncertainSend;
    for uncertain in [timed_out, refused] {
        for (first, second, state) in [
            (None, None, ItemState::Broken),
            (Some("x"), None, ItemState::Broken),
            (Some("x"), Some("y"), ItemState::Broken),
            (Some("x"), Some("x"), ItemState::Shown),
        ] {
            let mut scene = uncertain(first);
            assert_eq!(scene.state(item), ItemState::NotExercised);
            scene.send("Hello", second);
            assert_eq!(scene.state(item), state, "{first:?} {second:?}");
        }
        let mut scene = uncertain(None);
        scene.send("Something else", None);
        assert_eq!(scene.state(item), ItemState::Shown);
        let mut scene = uncertain(None);
        scene.later(120.0).send("Hello", None);
        assert_eq!(scene.state(item), ItemState::NotExercised, "much later somebody may say the same again");
    }
    // Without a timeout anybody may say the same twice.
    let mut scene = Scene::new();
    for _ in 0..2 {
        scene.send("Hello", None);
        scene.answer("send_event", true, &json!({"thread_id": "t", "event": {}}));
    }
    assert_eq!(scene.state(item), ItemState::NotExercised);
}

#[test]
fn an_end_without_goodbye_is_not_clean_and_a_goodbye_is_the_last_word() {
    let closed = |how| {
        let mut scene = Scene::new();
        scene.close(how);
        scene
    };
    assert_eq!(closed(Closing::ByClient).state(Item::ClosesCleanly), ItemState::Shown);
    assert_eq!(closed(Closing::DroppedByClient).state(Item::ClosesCleanly), ItemState::Broken);
    assert_eq!(closed(Closing::ByServer).state(Item::ClosesCleanly), ItemState::NotExercised);
    let mut scene = closed(Closing::ByClient);
    scene.asks("ping", &Value::Null);
    assert_eq!(scene.state(Item::ClosesCleanly), ItemState::Broken);
    let outcomes = scene.list.outcomes(scene.now);
    let clean = outcomes.iter().find(|outcome| outcome.item == Item::ClosesCleanly).unwrap();
    assert!(!clean.findings[0].frames.is_empty() && clean.broken == 1 && clean.shown == 1);
}

#[test]
fn its_memory_is_bounded() {
    let list = Arc::new(Checklist::default());
    for number in 0..10_000 {
        list.provoked(Moment(1), ConnectionId(number), Provocation::UnknownPush);
    }
    assert_eq!(list.state().connections.len(), REMEMBERED);
}
