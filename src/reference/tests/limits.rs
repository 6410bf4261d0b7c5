//! How much the server takes and keeps.

use super::*;

#[tokio::test]
async fn who_comes_when_there_are_too_many_is_told_and_the_others_stay() {
    // So many that those who are told do not become a crowd themselves.
    let server = TestServer::ruled(None, Limits { connections: 6, ..Limits::default() }).await;
    let mut carl = server.customer("carl").await;
    let mut amy = server.agent("amy").await;
    let mut others = Vec::new();
    for name in ["bob", "eve", "joe", "max"] {
        others.push(server.agent(name).await);
    }
    for (dialect, push) in [("customer/v0.3", "customer_disconnected"), ("agent/v3.0", "agent_disconnected")] {
        let mut late = server.connect(dialect).await;
        assert_eq!(late.closed().await, Some(1008));
        assert_eq!(
            (late.pushes[0].name.as_str(), &late.pushes[0].payload),
            (push, &json!({"reason": "too_many_connections"}))
        );
    }
    for (dialect, token) in [("customer/v0.2", "customer:dora"), ("agent/v0.2", "agent:bob@example.com")] {
        let mut late = server.connect(dialect).await;
        assert_eq!(late.error("login", json!({ "token": token })).await, "too_many_connections");
        assert_eq!(late.closed().await, Some(1008));
    }
    carl.ok("ping", Value::Null).await;
    drop(carl);
    // As soon as one of them has gone there is room again.
    let room = async {
        loop {
            let mut dora = server.connect("customer/v0.3").await;
            if let Got::Response { success, .. } = {
                dora.request("login", json!({"token": "customer:dora"})).await;
                dora.next().await
            } {
                assert!(success);
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, room).await.unwrap();
    amy.ok("ping", Value::Null).await;
}

#[tokio::test]
async fn a_crowd_of_those_who_are_to_be_told_is_not_let_in_either() {
    let server = TestServer::ruled(None, Limits { connections: 2, ..Limits::default() }).await;
    let mut crowd = Vec::new();
    for number in 1..=6 {
        crowd.push(server.connect("customer/v0.2").await);
        // A handshake is over a little before the connection counts.
        while number <= 4 && server.state().await["total_connections"] != number {}
    }
    for (place, peer) in crowd.iter_mut().enumerate() {
        if place >= 4 {
            assert_eq!(peer.closed().await, Some(1013));
        } else if place >= 2 {
            assert_eq!(peer.error("ping", Value::Null).await, "too_many_connections");
        } else {
            peer.ok("ping", Value::Null).await;
        }
    }
}

#[tokio::test]
async fn a_message_is_at_most_so_large() {
    let server = TestServer::ruled(None, Limits { message_bytes: 4096, ..Limits::default() }).await;
    let mut carl = server.customer("carl").await;
    let (chat, _) = carl.start().await;
    carl.say(&chat, &"x".repeat(3000)).await;
    carl.request("send_event", json!({"chat_id": chat, "event": {"type": "message", "text": "x".repeat(5000)}})).await;
    assert_eq!(carl.closed().await, Some(1009));
}

#[tokio::test]
async fn the_longest_archived_chats_go_first() {
    let server = TestServer::ruled(None, Limits { chats: 3, ..Limits::default() }).await;
    let mut carl = server.customer("carl").await;
    let mut chats = Vec::new();
    for _ in 0..5 {
        let (chat, _) = carl.start().await;
        carl.ok("close_thread", json!({ "chat_id": chat })).await;
        chats.push(chat);
    }
    let (open, _) = carl.start().await;
    let kept = carl.ok("get_chats_summary", json!({})).await;
    assert_eq!(kept["total_chats"], 3);
    let ids: Vec<&Value> = kept["chats_summary"].as_array().unwrap().iter().map(|chat| &chat["id"]).collect();
    assert_eq!(ids, [&open, &chats[4], &chats[3]]);
    carl.say(&open, "still here").await;
    assert_eq!(carl.error("close_thread", json!({"chat_id": chats[0]})).await, "validation");
}

#[tokio::test]
async fn of_too_many_open_chats_the_router_closes_the_oldest() {
    let server = TestServer::ruled(None, Limits { chats: 2, ..Limits::default() }).await;
    let mut carl = server.customer("carl").await;
    let (first, _) = carl.start().await;
    carl.start().await;
    carl.ok("start_chat", json!({})).await;
    // Room is made when the next request comes, and told of after its answer.
    carl.ok("ping", Value::Null).await;
    let closed: Vec<Pushed> = carl.pushed().await.into_iter().filter(|push| push.name == "thread_closed").collect();
    assert_eq!(closed.len(), 1);
    assert_eq!((&closed[0].payload["chat_id"], closed[0].payload.get("user_id")), (&first, None));
}

#[tokio::test]
async fn beyond_its_capacity_requests_wait_in_line_in_their_order() {
    let server = TestServer::ruled(None, Limits { requests_per_second: Some(50), ..Limits::default() }).await;
    let mut carl = server.customer("carl").await;
    let before = std::time::Instant::now();
    let (chat, _) = carl.start().await;
    let mut asked = Vec::new();
    for text in ["1", "2", "3", "4", "5"] {
        let payload = json!({"chat_id": chat, "event": {"type": "message", "text": text}});
        asked.push(carl.request("send_event", payload).await);
    }
    // Neither a ping nor the login of somebody else waits for them.
    let ping = carl.request("ping", Value::Null).await;
    server.agent("amy").await;
    let mut answered = Vec::new();
    while answered.len() < 6 {
        if let Got::Response { correlation, success, .. } = carl.next().await {
            assert!(success);
            answered.extend(correlation);
        }
    }
    // Six turns, of which the first comes at once: no sooner than five fiftieths of a second.
    assert!(before.elapsed() >= Duration::from_millis(100));
    assert_ne!(answered.iter().position(|id| *id == ping), Some(5));
    answered.retain(|id| *id != ping);
    assert_eq!(answered, asked);
}

#[tokio::test]
async fn web_calls_wait_in_the_same_line() {
    let server = TestServer::ruled(None, Limits { requests_per_second: Some(50), ..Limits::default() }).await;
    // Who has a name may start chats.
    server.customer("carl").await;
    let url = format!("http://{}/customer/v0.3/action/start_chat?license_id=1", server.addr);
    let before = std::time::Instant::now();
    let calls = (0..4).map(|_| {
        let client = reqwest::Client::new();
        client.post(&url).header("Authorization", "Bearer customer:carl").json(&json!({"payload": {}})).send()
    });
    for answer in futures_util::future::join_all(calls).await {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }
    assert!(before.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn when_the_line_is_too_long_a_request_is_refused_in_documented_words() {
    let server = TestServer::ruled(None, Limits { requests_per_second: Some(1), ..Limits::default() }).await;
    let mut carl = server.customer("carl").await;
    for _ in 0..40 {
        carl.request("get_chats_summary", json!({})).await;
    }
    let refused = async {
        loop {
            match carl.next().await {
                Got::Response { success: true, .. } | Got::Pushed => {}
                Got::Response { payload, .. } => return payload,
                Got::Closed(code) => panic!("closed with {code:?}"),
            }
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.unwrap();
    assert_eq!(refused["error"]["type"], "request_timeout");
}
