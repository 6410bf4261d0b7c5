//! Whatever the documents describe can be made to happen: each push of each dialect, each reason for being disconnected, each error.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const DIALECTS: [&str; 4] = ["customer/v0.2", "customer/v0.3", "agent/v0.2", "agent/v3.0"];

fn token(dialect: &str, name: &str) -> String {
    if dialect.starts_with("agent") { format!("agent:{name}@example.com") } else { format!("customer:{name}") }
}

#[tokio::test]
async fn each_error_of_each_dialect() {
    let server = TestServer::start().await;
    for dialect in DIALECTS {
        let mut peer = server.connect(dialect).await;
        peer.ok("login", json!({ "token": token(dialect, "somebody") })).await;
        for error in peer.dialect.catalog.errors.clone().keys() {
            let mut order = json!({"dialect": dialect, "error": error, "action": "ping"});
            if matches!(error.as_str(), "misdirected_request" | "incorrect_region") {
                order["region"] = "fra".into();
            }
            server.ordered("/refuse", order).await;
            assert_eq!(peer.error("ping", Value::Null).await, error.as_str(), "{dialect}");
            // Who speaks the oldest dialect is dropped with those of the connection and the ban (A02E:28,32-34).
            let drops = ["customer_banned", "license_not_found", "incorrect_region", "too_many_connections"];
            if dialect == "customer/v0.2" && drops.contains(&error.as_str()) {
                assert_eq!(peer.closed().await, Some(1008));
                peer = server.connect(dialect).await;
                peer.ok("login", json!({ "token": token(dialect, "somebody") })).await;
            }
        }
    }
}

#[tokio::test]
async fn each_reason_of_each_dialect() {
    let server = TestServer::start().await;
    for dialect in DIALECTS {
        let disconnect = protocol().dialect(dialect).unwrap().catalog.disconnect.clone();
        for reason in disconnect.reasons.keys() {
            let mut peer = server.connect(dialect).await;
            let login = peer.ok("login", json!({ "token": token(dialect, "somebody") })).await;
            let user = login.get("customer_id").or(login.pointer("/my_profile/id")).unwrap();
            let mut order = json!({"user": user, "reason": reason});
            if reason == "misdirected_request" {
                order["region"] = "fra".into();
            }
            server.ordered("/disconnect", order).await;
            assert_eq!(peer.closed().await, Some(1008));
            assert_eq!((&peer.pushes[0].name, &peer.pushes[0].payload["reason"]), (&disconnect.push, &json!(reason)));
        }
    }
}

/// People of all dialects, and what they were told.
struct Everybody {
    people: BTreeMap<&'static str, Peer>,
    told: BTreeMap<String, BTreeSet<String>>,
}

impl Everybody {
    async fn come(&mut self, server: &TestServer, name: &'static str, dialect: &str, more: Value) {
        let mut login = json!({ "token": token(dialect, name) });
        login.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut peer = server.connect(dialect).await;
        let answer = peer.ok("login", login).await;
        let user = answer.get("customer_id").or(answer.pointer("/my_profile/id")).unwrap();
        peer.user = user.as_str().unwrap().to_owned();
        self.people.insert(name, peer);
    }

    async fn does(&mut self, who: &str, action: &str, payload: Value) -> Value {
        let answer = self.people.get_mut(who).unwrap().ok(action, payload).await;
        self.listen().await;
        answer
    }

    /// Notes what everybody was told.
    async fn listen(&mut self) {
        for peer in self.people.values_mut() {
            let names = peer.pushed().await.into_iter().map(|push| push.name);
            self.told.entry(peer.dialect.name.to_string()).or_default().extend(names);
        }
    }

    /// Somebody is disconnected.
    async fn goes(&mut self, who: &str) {
        let mut peer = self.people.remove(who).unwrap();
        peer.closed().await;
        let names = peer.pushes.into_iter().map(|push| push.name);
        self.told.entry(peer.dialect.name.to_string()).or_default().extend(names);
    }
}

#[tokio::test]
async fn each_push_of_each_dialect() {
    let server = TestServer::start().await;
    let mut all = Everybody { people: BTreeMap::new(), told: BTreeMap::new() };
    all.come(&server, "amy", "agent/v3.0", json!({})).await;
    all.come(&server, "ann", "agent/v0.2", json!({})).await;
    all.come(&server, "bob", "agent/v3.0", json!({})).await;
    let page = json!({"page": {"url": "https://example.com/", "title": "Welcome"}});
    all.come(&server, "carl", "customer/v0.3", json!({"customer": {"name": "Carl", "monitoring": page}})).await;
    all.come(&server, "cora", "customer/v0.2", json!({"customer": {"name": "Cora"}})).await;
    let id = |all: &Everybody, who: &str| all.people[who].user.clone();
    let (carl, cora, amy, bob) = (id(&all, "carl"), id(&all, "cora"), id(&all, "amy"), id(&all, "bob"));
    // Two chats: carl's with amy, cora's with ann.
    let started = all.does("carl", "start_chat", json!({})).await;
    let (chat, thread) = (started["chat"]["id"].clone(), started["chat"]["thread"]["id"].clone());
    let older = all.does("cora", "start_chat", json!({})).await["chat"].take();
    let (other, thread_of_other) = (older["id"].clone(), older["thread"]["id"].clone());
    let message = json!({"type": "message", "text": "Hello"});
    let sent = all.does("carl", "send_event", json!({"chat_id": chat, "event": message})).await;
    let seen = all.does("cora", "send_event", json!({"chat_id": other, "event": message})).await;
    let event = sent["event"]["id"].clone();
    all.does("ann", "join_chat", json!({"chat_id": other, "agent_ids": [amy]})).await;
    all.does("ann", "mark_event_as_seen", json!({"chat_id": other, "event_id": seen["event"]["id"]})).await;
    all.does("ann", "send_typing_indicator", json!({"chat_id": other, "is_typing": true})).await;
    all.does("amy", "send_typing_indicator", json!({"chat_id": chat, "is_typing": true})).await;
    all.does("carl", "send_sneak_peek", json!({"chat_id": chat, "sneak_peek_text": "Hel"})).await;
    let added = json!({"chat_id": chat, "user_id": bob, "user_type": "agent"});
    all.does("amy", "add_user_to_chat", added.clone()).await;
    all.does("amy", "remove_user_from_chat", added).await;
    all.does("carl", "update_last_seen_timestamp", json!({"chat_id": chat})).await;
    all.does("cora", "update_last_seen_timestamp", json!({})).await;
    for (who, chat, thread) in [("amy", &chat, &thread), ("cora", &other, &thread_of_other)] {
        let properties = json!({"rating": {"score": 1}});
        all.does(who, "update_chat_properties", json!({"chat_id": chat, "properties": properties})).await;
        let of_thread = json!({"chat_id": chat, "thread_id": thread, "properties": properties});
        all.does(who, "update_chat_thread_properties", of_thread).await;
    }
    let names = json!({"rating": ["score"]});
    all.does("amy", "delete_chat_properties", json!({"chat_id": chat, "properties": names})).await;
    let place = json!({"chat_id": chat, "thread_id": thread, "properties": names});
    all.does("amy", "delete_chat_thread_properties", place).await;
    let place =
        json!({"chat_id": chat, "thread_id": thread, "event_id": event, "properties": {"rating": {"score": 1}}});
    all.does("amy", "update_event_properties", place).await;
    let place = json!({"chat_id": chat, "thread_id": thread, "event_id": event, "properties": names});
    all.does("amy", "delete_event_properties", place).await;
    let tag = json!({"chat_id": chat, "thread_id": thread, "tag": "order"});
    all.does("amy", "tag_chat_thread", tag.clone()).await;
    all.does("amy", "untag_chat_thread", tag).await;
    let button = json!({"text": "Yes", "postback_id": "yes", "user_ids": [], "type": "message", "value": "yes"});
    let rich =
        json!({"type": "rich_message", "template_id": "cards", "elements": [{"title": "Well?", "buttons": [button]}]});
    let card = all.does("amy", "send_event", json!({"chat_id": chat, "event": rich})).await["event"]["id"].take();
    let click =
        json!({"chat_id": chat, "thread_id": thread, "event_id": card, "postback": {"id": "yes", "toggled": true}});
    all.does("amy", "send_rich_message_postback", click).await;
    for change in ["grant_access", "revoke_access", "set_access"] {
        let access = json!({"resource": "chat", "id": chat, "access": {"type": "group", "id": 1}});
        all.does("amy", change, access).await;
    }
    all.does("cora", "update_chat_scopes", json!({"chat_id": other, "add_scopes": {"groups": [1]}})).await;
    all.does("amy", "update_agent", json!({"routing_status": "accepting_chats"})).await;
    let made = all.does("amy", "create_customer", json!({"name": "Dora"})).await;
    all.does("amy", "update_customer", json!({"customer_id": made["id"], "name": "Dora D"})).await;
    all.does("carl", "update_customer", json!({"customer": {"name": "Carl C"}})).await;
    all.does("cora", "update_customer", json!({"customer": {"name": "Cora C"}})).await;
    all.does("amy", "multicast", json!({"scopes": {"agents": {"all": true}}, "content": "Lunch"})).await;
    all.does("amy", "transfer_chat", json!({"chat_id": chat, "target": {"type": "agent", "ids": [bob]}})).await;
    for chat in [&chat, &other] {
        server.ordered(&format!("/chats/{}/close", chat.as_str().unwrap()), json!({})).await;
    }
    all.listen().await;
    server.ordered(&format!("/customers/{cora}/ban"), json!({"days": 1})).await;
    all.goes("cora").await;
    all.does("ann", "unban_customer", json!({"customer_id": cora})).await;
    server.ordered("/disconnect", json!({"user": carl, "reason": "internal_error"})).await;
    all.goes("carl").await;
    all.listen().await;
    server.ordered("/tokens/revoke", json!({"token": "agent:ann@example.com"})).await;
    all.goes("ann").await;
    server.ordered("/agents/amy@example.com/delete", json!({})).await;
    all.goes("amy").await;

    let mut missing = Vec::new();
    for dialect in DIALECTS {
        let protocol = protocol();
        let pushes = &protocol.dialect(dialect).unwrap().catalog.pushes;
        missing.extend(
            pushes.keys().filter(|name| !all.told[dialect].contains(name.as_str())).map(|n| format!("{dialect} {n}")),
        );
    }
    assert_eq!(missing, Vec::<String>::new());
}
