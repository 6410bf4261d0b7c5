//! A customer and an agent in one chat.

use super::*;

#[tokio::test]
async fn a_chat_is_routed_talked_in_and_closed() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;

    let chat = customer.ok("start_chat", json!({})).await["chat"].take();
    let started = customer.only("incoming_chat_thread").await;
    assert_eq!(started.correlation.as_deref(), Some(format!("{}-2", customer.user).as_str()));
    assert_eq!(started.payload["chat"], chat, "response and push say the same");
    let ids: Vec<&Value> = chat["users"].as_array().unwrap().iter().map(|user| &user["id"]).collect();
    assert_eq!(ids, [&json!(customer.user), &json!(agent.user)]);
    let routed = agent.only("incoming_chat_thread").await;
    assert_eq!(routed.correlation, None);
    assert_eq!(routed.payload["chat"]["id"], chat["id"]);

    let event = json!({"type": "message", "text": "help", "custom_id": "mine"});
    let sent = customer.ok("send_event", json!({"chat_id": chat["id"], "event": event})).await;
    assert_eq!(sent["event"]["custom_id"], "mine");
    let own = customer.only("incoming_event").await;
    assert!(own.correlation.is_some());
    assert_eq!((&own.payload["event"], &own.payload["thread_id"]), (&sent["event"], &sent["thread_id"]));
    let heard = agent.only("incoming_event").await;
    assert_eq!(heard.correlation, None);
    for member in ["id", "order", "text", "author_id", "timestamp", "custom_id"] {
        assert_eq!(heard.payload["event"][member], sent["event"][member], "{member}");
    }

    let answer = agent.say(&chat["id"], "sure").await;
    assert!(answer["event"]["order"].as_i64() > sent["event"]["order"].as_i64());
    assert!(agent.only("incoming_event").await.correlation.is_some());
    assert!(customer.only("incoming_event").await.correlation.is_none());

    agent.ok("close_thread", json!({"chat_id": chat["id"]})).await;
    assert_eq!(agent.thread_closed().await.payload["user_id"], json!(agent.user));
    assert_eq!(customer.thread_closed().await.payload["thread_id"], sent["thread_id"]);
    assert_eq!(agent.error("close_thread", json!({"chat_id": chat["id"]})).await, "validation");

    let again = customer.say(&chat["id"], "one more thing").await;
    assert_ne!(again["thread_id"], sent["thread_id"]);
    let reopened = customer.only("incoming_chat_thread").await;
    assert_eq!(reopened.payload["chat"]["thread"]["events"], json!([again["event"]]));
    assert_eq!(agent.only("incoming_chat_thread").await.payload["chat"]["thread"]["id"], again["thread_id"]);
}

#[tokio::test]
async fn the_response_comes_before_the_push() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let (chat, _) = customer.start().await;
    customer.request("send_event", json!({"chat_id": chat, "event": {"type": "message", "text": "a"}})).await;
    assert!(matches!(customer.next().await, Got::Response { success: true, .. }));
    assert!(matches!(customer.next().await, Got::Pushed));
}

#[tokio::test]
async fn another_connection_of_the_requester_gets_the_push_without_the_id() {
    let server = TestServer::start().await;
    let mut phone = server.customer("carl").await;
    let mut laptop = server.customer("carl").await;
    assert_eq!(phone.user, laptop.user);
    let (chat, _) = phone.start().await;
    assert_eq!(laptop.only("incoming_chat_thread").await.correlation, None);
    phone.say(&chat, "a").await;
    assert_eq!(laptop.only("incoming_event").await.correlation, None);
}

#[tokio::test]
async fn a_client_that_calls_its_ids_id_gets_both_names() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    customer.send(r#"{"id":"7","action":"start_chat"}"#).await;
    for _ in 0..2 {
        let Some(Ok(Message::Text(text))) = customer.frame().await else { panic!("no text") };
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&frame["id"], &frame["request_id"]), (&json!("7"), &json!("7")));
    }
    customer.send(r#"{"action":"ping"}"#).await;
    assert!(matches!(customer.next().await, Got::Response { correlation: None, success: true, .. }));
}

#[tokio::test]
async fn a_chat_waits_for_an_agent_who_accepts_chats() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let (chat, _) = customer.start().await;
    let mut agent = server.agent("amy").await;
    assert_eq!(agent.only("incoming_chat_thread").await.payload["chat"]["id"], chat);
    let added = customer.only("chat_users_updated").await;
    assert_eq!(added.payload["updated_users"]["added"][0]["id"], json!(agent.user));

    agent.ok("update_agent", json!({"routing_status": "not_accepting_chats"})).await;
    assert!(agent.only("agent_updated").await.correlation.is_some());
    let mut other = server.customer("dora").await;
    let (waiting, _) = other.start().await;
    agent.nothing().await;
    agent.ok("update_agent", json!({"routing_status": "accepting_chats"})).await;
    let pushed = agent.pushed().await;
    assert_eq!(pushed[0].name, "agent_updated");
    assert_eq!((pushed[1].name.as_str(), pushed[1].correlation.as_deref()), ("incoming_chat_thread", None));
    assert_eq!(pushed[1].payload["chat"]["id"], waiting);
}

#[tokio::test]
async fn chats_go_to_the_agent_with_the_fewest() {
    let server = TestServer::start().await;
    let mut agents = [server.agent("amy").await, server.agent("bob").await];
    for n in 0..6 {
        server.customer(&format!("c{n}")).await.start().await;
    }
    for agent in &mut agents {
        assert_eq!(agent.pushed().await.len(), 3, "{}", agent.user);
    }
}

#[tokio::test]
async fn what_is_for_agents_never_reaches_the_customer() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let (chat, thread) = customer.start().await;
    agent.pushed().await;
    let secret = json!({"type": "message", "text": "psst", "recipients": "agents"});
    agent.ok("send_event", json!({"chat_id": chat, "event": secret})).await;
    assert_eq!(agent.only("incoming_event").await.payload["event"]["recipients"], "agents");
    agent.ok("send_typing_indicator", json!({"chat_id": chat, "is_typing": true, "recipients": "agents"})).await;
    customer.nothing().await;
    let read = customer.ok("get_chat_threads", json!({"chat_id": chat, "thread_ids": [thread]})).await;
    assert_eq!(read["chat"]["threads"][0]["events"], json!([]));
    let summary = customer.ok("get_chat_threads_summary", json!({"chat_id": chat})).await;
    assert_eq!(summary["threads_summary"][0]["total_events"], 0);
    // Nor when it opens a thread.
    agent.ok("close_thread", json!({"chat_id": chat})).await;
    customer.pushed().await;
    agent.ok("send_event", json!({"chat_id": chat, "event": secret})).await;
    assert_eq!(customer.only("incoming_chat_thread").await.payload["chat"]["thread"]["events"], json!([]));
}

#[tokio::test]
async fn typing_and_sneak_peeks_reach_the_other_side_only() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let (chat, _) = customer.start().await;
    agent.pushed().await;
    customer.ok("send_sneak_peek", json!({"chat_id": chat, "sneak_peek_text": "I wou"})).await;
    assert_eq!(agent.only("incoming_sneak_peek").await.payload["sneak_peek"]["text"], "I wou");
    agent.ok("send_typing_indicator", json!({"chat_id": chat, "is_typing": true})).await;
    assert_eq!(customer.only("incoming_typing_indicator").await.payload["typing_indicator"]["is_typing"], true);
    agent.nothing().await;
}

#[tokio::test]
async fn everybody_hears_the_events_of_a_thread_in_one_order() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let (chat, _) = customer.start().await;
    agent.pushed().await;
    for n in 0..20 {
        customer
            .request("send_event", json!({"chat_id": chat, "event": {"type": "message", "text": format!("c{n}")}}))
            .await;
        agent
            .request("send_event", json!({"chat_id": chat, "event": {"type": "message", "text": format!("a{n}")}}))
            .await;
    }
    let mut heard = Vec::new();
    for peer in [&mut agent, &mut customer] {
        while peer.pushes.len() < 40 {
            peer.next().await;
        }
        let orders: Vec<i64> =
            peer.pushes.iter().map(|push| push.payload["event"]["order"].as_i64().unwrap()).collect();
        assert!(orders.is_sorted_by(|a, b| a < b), "{orders:?}");
        let texts: Vec<Value> = peer.pushes.iter().map(|push| push.payload["event"]["text"].clone()).collect();
        heard.push(texts);
    }
    assert_eq!(heard[0], heard[1]);
}
