//! Each documented error that this server can give, where it gives it.

use super::*;

#[tokio::test]
async fn before_login_there_is_nothing_but_login_and_ping() {
    let server = TestServer::start().await;
    for dialect in ["customer/v0.3", "agent/v3.0"] {
        let mut peer = server.connect(dialect).await;
        peer.ok("ping", Value::Null).await;
        assert_eq!(peer.error("start_chat", json!({})).await, "authentication");
        // Who may not even ask is not told what is wrong with the question.
        assert_eq!(peer.error("send_event", json!({"chat_id": 7})).await, "authentication");
    }
}

#[tokio::test]
async fn a_token_must_be_one_and_of_the_right_role() {
    let server = TestServer::start().await;
    let mut customer = server.connect("customer/v0.3").await;
    for token in ["", "nonsense", "agent:amy@example.com"] {
        assert_eq!(customer.error("login", json!({"token": token})).await, "authentication");
    }
    assert_eq!(customer.error("login", json!({})).await, "validation");
    let mut agent = server.connect("agent/v3.0").await;
    assert_eq!(agent.error("login", json!({"token": "customer:carl"})).await, "authentication");
}

#[tokio::test]
async fn a_validation_error_names_the_place_and_what_is_expected() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let error = customer.call("send_event", json!({"chat_id": "x", "event": {"type": 7}})).await.unwrap_err();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("/event/type") && message.contains("expected"), "{message}");
    assert_eq!(customer.error("get_chats_summary", json!({"limit": 26})).await, "validation");
    assert_eq!(customer.error("send_event", json!([])).await, "validation");
    assert_eq!(customer.error("dance", json!({})).await, "validation");
    // On the Web only.
    assert_eq!(customer.error("send_file", json!({"chat_id": "x", "custom_id": "y", "file": ""})).await, "validation");
}

#[tokio::test]
async fn a_chat_starts_only_after_an_introduction() {
    let server = TestServer::start().await;
    let mut customer = server.connect("customer/v0.3").await;
    customer.ok("login", json!({"token": "customer:nobody", "customer": {"name": ""}})).await;
    assert_eq!(customer.error("start_chat", json!({})).await, "validation");
    customer.ok("update_customer", json!({"customer": {"email": "nobody@example.com"}})).await;
    customer.ok("start_chat", json!({})).await;
}

#[tokio::test]
async fn a_chat_of_somebody_else_is_forbidden_and_one_that_is_not_there_invalid() {
    let server = TestServer::start().await;
    let (mut carl, mut dora) = (server.customer("carl").await, server.customer("dora").await);
    let (chat, thread) = carl.start().await;
    let event = json!({"type": "message", "text": "a"});
    for (action, payload) in [
        ("send_event", json!({"chat_id": chat, "event": event})),
        ("close_thread", json!({"chat_id": chat})),
        ("send_sneak_peek", json!({"chat_id": chat, "sneak_peek_text": "a"})),
        ("get_chat_threads", json!({"chat_id": chat, "thread_ids": [thread]})),
        ("get_chat_threads_summary", json!({"chat_id": chat})),
        ("update_chat_scopes", json!({"chat_id": chat})),
        ("update_chat_properties", json!({"chat_id": chat, "properties": {}})),
        ("update_chat_thread_properties", json!({"chat_id": chat, "thread_id": thread, "properties": {}})),
        ("update_last_seen_timestamp", json!({"chat_id": chat})),
    ] {
        assert_eq!(dora.error(action, payload.clone()).await, "authorization", "{action}");
        let mut nowhere = payload;
        nowhere["chat_id"] = json!("NOWHERE");
        assert_eq!(dora.error(action, nowhere).await, "validation", "{action}");
    }
    carl.nothing().await;
}

#[tokio::test]
async fn an_agent_outside_the_groups_of_a_chat_has_no_access() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let chat = json!({"chat": {"scopes": {"groups": [9]}}});
    let chat = customer.ok("start_chat", chat).await["chat"]["id"].take();
    let mut agent = server.agent("amy").await;
    agent.nothing().await;
    assert_eq!(agent.error("get_chat_threads", json!({"chat_id": chat})).await, "authorization");
    assert_eq!(agent.error("follow_chat", json!({"chat_id": chat})).await, "authorization");
    assert_eq!(agent.ok("get_archives", json!({})).await["pagination"]["total"], 0);
    customer.ok("update_chat_scopes", json!({"chat_id": chat, "remove_scopes": {"groups": [9]}})).await;
    agent.ok("get_chat_threads", json!({"chat_id": chat})).await;
}

#[tokio::test]
async fn what_users_may_not_send_is_refused() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let (chat, _) = customer.start().await;
    agent.pushed().await;
    for event in [
        json!({"type": "system_message", "text": "a", "system_message_type": "b"}),
        json!({"type": "file", "name": "n", "url": "u", "content_type": "a/b"}),
        json!({"type": "message", "text": "x".repeat(16 * 1024 + 1)}),
        json!({"type": "message"}),
    ] {
        assert_eq!(customer.error("send_event", json!({"chat_id": chat, "event": event})).await, "validation");
    }
    let system = json!({"type": "system_message", "text": "a"});
    assert_eq!(agent.error("send_event", json!({"chat_id": chat, "event": system})).await, "validation");
    agent.nothing().await;
}

#[tokio::test]
async fn a_banned_customer_is_thrown_out_and_stays_out() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    customer.start().await;
    agent.pushed().await;
    agent.ok("ban_customer", json!({"customer_id": customer.user, "ban": {"days": 3}})).await;
    let [banned, remark, closed] = agent.told(["customer_banned", "incoming_event", "thread_closed"]).await;
    assert!(banned.correlation.is_some());
    assert_eq!(remark.payload["event"]["system_message_type"], "customer_banned");
    assert_eq!(closed.payload.get("user_id"), None);
    assert_eq!(customer.closed().await, Some(1008));
    let last = customer.pushes.pop().unwrap();
    assert_eq!((last.name.as_str(), &last.payload["reason"]), ("customer_disconnected", &json!("customer_banned")));
    let mut back = server.connect("customer/v0.3").await;
    assert_eq!(back.error("login", json!({"token": "customer:carl"})).await, "customer_banned");
}

#[tokio::test]
async fn a_logged_out_agent_is_nobody() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    agent.ok("logout", Value::Null).await;
    assert_eq!(agent.error("start_chat", json!({})).await, "authentication");
    server.customer("carl").await.start().await;
    agent.nothing().await;
    agent.ok("login", json!({"token": "agent:amy@example.com"})).await;
    agent.only("incoming_chat_thread").await;
}

#[tokio::test]
async fn a_second_login_replaces_the_first() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    agent.ok("login", json!({"token": "agent:bob@example.com"})).await;
    let mut other = server.agent("zoe").await;
    other.ok("multicast", json!({"scopes": {"agents": {"ids": ["amy@example.com"]}}, "content": "for amy"})).await;
    other.ok("multicast", json!({"scopes": {"agents": {"ids": ["bob@example.com"]}}, "content": "for bob"})).await;
    assert_eq!(agent.only("incoming_multicast").await.payload["content"], "for bob");
}
