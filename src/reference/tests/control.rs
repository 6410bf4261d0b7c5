//! The control endpoint: each order does what it says, is refused when it makes no sense, and is for no web page.

use super::*;

#[tokio::test]
async fn a_chat_begins_and_the_router_closes_it() {
    let server = TestServer::start().await;
    let (mut amy, mut carl) = (server.agent("amy").await, server.customer("carl").await);
    let made = server.ordered("/chats", json!({"customer": carl.user, "text": "Hello"})).await;
    let started = carl.only("incoming_chat_thread").await;
    assert_eq!((&started.payload["chat"]["id"], started.correlation), (&made["chat_id"], None));
    assert_eq!(started.payload["chat"]["thread"]["events"][0]["text"], "Hello");
    amy.only("incoming_chat_thread").await;
    let path = format!("/chats/{}/close", made["chat_id"].as_str().unwrap());
    // Whoever is silent for long is closed.
    for _ in 0..3 {
        server.ordered("/clock", json!({"seconds": 20})).await;
        for peer in [&mut amy, &mut carl] {
            peer.ok("ping", Value::Null).await;
        }
    }
    let closed = server.ordered(&path, json!({})).await;
    for peer in [&mut amy, &mut carl] {
        let [remark, push] = peer.told(["incoming_event", "thread_closed"]).await;
        let event = &remark.payload["event"];
        assert_eq!(event["system_message_type"], "routing.archived_inactive");
        assert_eq!((&event["text_vars"], event.get("author_id")), (&json!({"duration": "1"}), None));
        assert_eq!((&push.payload["thread_id"], push.payload.get("user_id")), (&closed["thread_id"], None));
    }
    assert_eq!(server.order(&path, json!({})).await.0, 400, "there is nothing left to close");
}

#[tokio::test]
async fn the_router_says_something() {
    let server = TestServer::start().await;
    let mut carl = server.customer("carl").await;
    let (chat, _) = carl.start().await;
    let path = format!("/chats/{}/system-messages", chat.as_str().unwrap());
    server
        .ordered(&path, json!({"type": "routing.idle", "text": "Nobody wrote", "text_vars": {"duration": "5"}}))
        .await;
    let push = carl.only("incoming_event").await;
    let event = &push.payload["event"];
    assert_eq!((&event["type"], &event["system_message_type"]), (&json!("system_message"), &json!("routing.idle")));
    assert_eq!(event.get("author_id"), None);
    assert_eq!(server.order(&path, json!({"type": "a", "text": "b", "text_vars": {"c": 1}})).await.0, 400);
}

#[tokio::test]
async fn a_revoked_token_is_good_no_more_and_its_owner_is_told() {
    let server = TestServer::start().await;
    for (dialect, reason) in [("agent/v3.0", "access_token_expired"), ("agent/v0.2", "access_token_revoked")] {
        let token = format!("agent:{reason}@example.com");
        let mut agent = server.connect(dialect).await;
        agent.ok("login", json!({ "token": token })).await;
        server.ordered("/tokens/revoke", json!({"token": token, "reason": reason})).await;
        assert_eq!(agent.closed().await, Some(1008));
        assert_eq!(
            (agent.pushes[0].name.as_str(), &agent.pushes[0].payload["reason"]),
            ("agent_disconnected", &json!(reason))
        );
        let mut back = server.connect(dialect).await;
        let refusal = if dialect == "agent/v0.2" { "auth" } else { "authentication" };
        assert_eq!(back.error("login", json!({ "token": format!("Bearer {token}") })).await, refusal);
    }
    let (status, answer) = server.order("/tokens/revoke", json!({"token": "s3cret"})).await;
    assert_eq!(status, 404);
    assert!(!answer.to_string().contains("s3cret"));
}

#[tokio::test]
async fn a_licence_goes_and_comes_back() {
    let server = TestServer::start().await;
    let dialects = ["customer/v0.2", "customer/v0.3", "agent/v0.2", "agent/v3.0"];
    for (order, told, refused) in [
        (
            json!({"standing": "expired"}),
            [None, None, Some("license_expired"), Some("license_expired")],
            ["auth", "license_expired", "license_expired", "license_expired"],
        ),
        (
            json!({"standing": "moved", "region": "fra"}),
            [None, None, None, Some("misdirected_request")],
            ["incorrect_region", "incorrect_region", "incorrect_region", "misdirected_request"],
        ),
    ] {
        server.ordered("/licences/1", json!({"standing": "good"})).await;
        let mut peers = Vec::new();
        for dialect in dialects {
            let mut peer = server.connect(dialect).await;
            let token = if dialect.starts_with("agent") { "agent:amy@example.com" } else { "customer:carl" };
            peer.ok("login", json!({ "token": token })).await;
            peers.push((peer, token));
        }
        server.ordered("/licences/1", order.clone()).await;
        for ((mut peer, token), (told, refused)) in peers.into_iter().zip(told.into_iter().zip(refused)) {
            peer.closed().await;
            let reasons: Vec<Option<&str>> = peer.pushes.iter().map(|push| push.payload["reason"].as_str()).collect();
            assert_eq!(reasons, told.map(Some).into_iter().collect::<Vec<_>>(), "{} {order}", peer.dialect.name);
            let mut back = server.connect(peer.dialect.name.as_str()).await;
            let error = back.call("login", json!({ "token": token })).await.unwrap_err();
            assert_eq!(error["type"], refused, "{} {order}", peer.dialect.name);
            if order["region"].is_string() {
                assert_eq!(error["data"]["region"], "fra");
            }
        }
    }
    server.ordered("/licences/1", json!({"standing": "older_product"})).await;
    let mut newer = server.connect("agent/v3.0").await;
    assert_eq!(newer.error("login", json!({"token": "agent:amy@example.com"})).await, "wrong_product_version");
    let mut older = server.connect("agent/v0.2").await;
    older.ok("login", json!({"token": "agent:amy@example.com"})).await;
    server.ordered("/licences/1", json!({"standing": "gone"})).await;
    older.closed().await;
    let mut customer = server.connect("customer/v0.3").await;
    customer.closed().await;
    assert_eq!(customer.pushes[0].payload["reason"], "license_not_found");
    assert_eq!(server.order("/licences/1", json!({"standing": "moved"})).await.0, 400, "where to?");
}

#[tokio::test]
async fn a_ban_ends_when_its_days_have_passed() {
    let server = TestServer::start().await;
    let mut amy = server.agent("amy").await;
    let mut carl = server.customer("carl").await;
    server.ordered(&format!("/customers/{}/ban", carl.user), json!({"days": 2})).await;
    assert_eq!(amy.only("customer_banned").await.payload["ban"]["days"], 2);
    carl.closed().await;
    let mut back = server.connect("customer/v0.3").await;
    let login = json!({"token": "customer:carl"});
    assert_eq!(back.error("login", login.clone()).await, "customer_banned");
    server.ordered("/clock", json!({"days": 1, "seconds": 3600})).await;
    // Nobody has said anything for a day.
    assert_eq!((back.closed().await, amy.closed().await), (Some(1000), Some(1008)));
    let mut back = server.connect("customer/v0.3").await;
    assert_eq!(back.error("login", login.clone()).await, "customer_banned");
    server.ordered("/clock", json!({"days": 1})).await;
    let (mut back, mut amy) = (server.connect("customer/v0.3").await, server.agent("amy").await);
    back.ok("login", login).await;
    // And the events of the day bear its date.
    back.ok("update_customer", json!({"customer": {"name": "Carl"}})).await;
    let before = amy.ok("get_archives", json!({})).await["pagination"]["total"].clone();
    assert_eq!(before, 0);
    let (_, _) = back.start().await;
    let found = amy.ok("get_archives", json!({})).await;
    let ahead = server.state().await["ahead_seconds"].as_i64().unwrap();
    assert_eq!(ahead, 2 * 24 * 3600 + 3600);
    let wall = jiff::Timestamp::now().as_second();
    assert!(found["chats"][0]["chat"]["thread"]["timestamp"].as_i64().unwrap() > wall + ahead / 2);
}

#[tokio::test]
async fn who_was_silent_too_long_by_the_clock_is_disconnected_and_nobody_else() {
    let server = TestServer::start().await;
    let mut silent = [server.customer("carl").await, server.customer_speaking("customer/v0.2", "dora").await];
    let (mut amy, mut stranger) = (server.agent("amy").await, server.connect("agent/v3.0").await);
    let mut pinging = server.customer("eve").await;
    server.ordered("/clock", json!({"seconds": 25})).await;
    for peer in silent.iter_mut().chain([&mut amy, &mut pinging]) {
        peer.ok("ping", Value::Null).await;
    }
    // Pings do not lengthen the time to log in (A30-B05).
    stranger.ok("ping", Value::Null).await;
    server.ordered("/clock", json!({"seconds": 20})).await;
    assert_eq!(stranger.closed().await, Some(1008));
    amy.nothing().await;
    pinging.ok("ping", Value::Null).await;
    server.ordered("/clock", json!({"seconds": 35})).await;
    assert_eq!(amy.closed().await, Some(1008));
    assert_eq!(amy.pushes.pop().unwrap().payload["reason"], "ping_timeout");
    server.ordered("/clock", json!({"seconds": 10})).await;
    for peer in &mut silent {
        assert_eq!(peer.closed().await, Some(1000));
    }
    pinging.nothing().await;
}

#[tokio::test]
async fn a_deleted_agent_goes_and_his_chats_go_to_others() {
    let server = TestServer::start().await;
    let mut amy = server.agent("amy").await;
    let mut carl = server.customer("carl").await;
    let (chat, _) = carl.start().await;
    let mut bob = server.agent("bob").await;
    server.ordered("/agents/amy@example.com/delete", json!({})).await;
    amy.closed().await;
    assert!(amy.pushes.iter().any(|push| push.payload["reason"] == "agent_deleted"));
    let [started, _] = bob.told(["incoming_chat_thread", "incoming_event"]).await;
    assert_eq!(started.payload["chat"]["id"], chat);
    let [_, _, remark] = carl.told(["chat_users_updated", "chat_users_updated", "incoming_event"]).await;
    let event = &remark.payload["event"];
    assert_eq!(event["system_message_type"], "routing.assigned_deleted");
    assert_eq!(event["text_vars"], json!({"removedAgent": "amy", "addedAgent": "bob"}));
    server.ordered("/agents/bob@example.com/delete", json!({})).await;
    let [_, remark] = carl.told(["chat_users_updated", "incoming_event"]).await;
    let event = &remark.payload["event"];
    assert_eq!(event["system_message_type"], "routing.unassigned_deleted", "nobody is left");
    assert_eq!(event["text_vars"], json!({"agent": "bob"}));
    let mut back = server.connect("agent/v3.0").await;
    assert_eq!(back.error("login", json!({"token": "agent:amy@example.com"})).await, "authentication");
}

#[tokio::test]
async fn phones_are_remembered() {
    let server = TestServer::start().await;
    let mut amy = server.connect("agent/v3.0").await;
    let phone = json!({"platform": "ios", "firebase_token": "f1rebase"});
    amy.ok("login", json!({"token": "agent:amy@example.com", "push_notifications": phone})).await;
    let phones = |state: &Value| state["licences"][0]["agents"][0]["phones"].clone();
    let state = server.state().await;
    assert_eq!(phones(&state), json!([{"platform": "ios", "enabled": true}]));
    assert!(!state.to_string().contains("f1rebase"), "it is a secret");
    amy.ok("change_push_notifications", json!({"firebase_token": "f1rebase", "platform": "ios", "enabled": false}))
        .await;
    assert_eq!(phones(&server.state().await), json!([{"platform": "ios", "enabled": false}]));
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused_with_a_sentence() {
    let server = TestServer::start().await;
    let amy = server.agent("amy").await;
    for (path, order, status, part) in [
        ("/dance", json!({}), 404, "no such order"),
        ("/chats", json!({"customer": "nobody"}), 404, "no user `nobody`"),
        ("/chats", json!({"costumer": "x"}), 422, "unknown field"),
        ("/chats/X/close", json!({}), 404, "no chat `X`"),
        ("/disconnect", json!({"user": amy.user, "reason": "customer_banned"}), 400, "ping_timeout"),
        ("/disconnect", json!({"user": amy.user, "reason": "misdirected_request"}), 400, "region"),
        ("/refuse", json!({"dialect": "agent/v3.0", "error": "oops"}), 400, "request_timeout"),
        ("/refuse", json!({"dialect": "agent/v9", "error": "internal"}), 404, "no dialect `agent/v9`"),
        ("/refuse", json!({"dialect": "agent/v3.0", "error": "internal", "action": "dance"}), 400, "dance"),
        ("/licences/2x", json!({"standing": "good"}), 400, ""),
    ] {
        let url = format!("http://{}{path}", server.control);
        let answer = reqwest::Client::new().post(url).json(&order).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path} {order}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(part), "{path}: {text}");
    }
    // What a web page can send without asking first is not taken.
    let url = format!("http://{}/clock", server.control);
    let sly = reqwest::Client::new().post(url).header("content-type", "text/plain").body("{\"days\": 1}").send();
    assert_eq!(sly.await.unwrap().status(), 415);
    for (host, status) in [("rebound.example.com", 403), ("10.0.0.1:80", 403), ("localhost:80", 200), ("[::1]", 200)] {
        let asked = reqwest::Client::new().get(format!("http://{}/state", server.control)).header("host", host).send();
        assert_eq!(asked.await.unwrap().status(), status, "{host}");
    }
    assert_eq!(server.state().await["ahead_seconds"], 0);
}
