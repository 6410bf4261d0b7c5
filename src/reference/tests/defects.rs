//! Each defect shows, as its one effect and no other.

use super::*;

async fn with(defect: &str) -> TestServer {
    let timing = Timing { late_answer: Duration::from_millis(200), ..Timing::default() };
    TestServer::with(&[defect], timing).await
}

/// An agent and a customer in a chat, with all pushes read.
async fn in_a_chat(server: &TestServer) -> (Peer, Peer, Value) {
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let (chat, _) = customer.start().await;
    agent.pushed().await;
    (agent, customer, chat)
}

fn message(chat: &Value, text: &str) -> Value {
    json!({"chat_id": chat, "event": {"type": "message", "text": text}})
}

/// The mismatches of the next response.
async fn spoilt(peer: &mut Peer, action: &str, payload: Value) -> (Vec<crate::protocol::Mismatch>, Value) {
    peer.request(action, payload).await;
    loop {
        if let Got::Response { action, success, payload, .. } = peer.next().await {
            assert!(success);
            return (peer.dialect.schemas.check(Kind::Response, &action, &payload), payload);
        }
    }
}

#[tokio::test]
async fn wrong_type_spoils_one_place_of_a_response() {
    let server = with("wrong-type").await;
    let mut customer = server.connect("customer/v0.3").await;
    let login = json!({"token": "customer:carl", "customer": {"name": "Carl"}});
    let (found, _) = spoilt(&mut customer, "login", login).await;
    assert_eq!((found.len(), found[0].pointer.as_str()), (1, "/static_config_path"));
    let mut places = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let (found, chat) = spoilt(&mut customer, "start_chat", json!({})).await;
        assert_eq!((found.len(), found[0].kind), (1, crate::protocol::MismatchKind::WrongType), "{found:?}\n{chat}");
        let (found, sent) = spoilt(&mut customer, "send_event", message(&chat["chat"]["id"], "a")).await;
        assert_eq!((found.len(), sent["event"]["text"].as_str()), (1, Some("a")));
        places.insert(found[0].pointer.clone());
    }
    assert_eq!(places.into_iter().collect::<Vec<_>>(), ["/event/timestamp"]);
    // Pushes and payloads without members stay whole.
    customer.pushed().await;
    let mut agent = server.connect("agent/v3.0").await;
    let (found, _) = spoilt(&mut agent, "login", json!({"token": "agent:amy@example.com"})).await;
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn missing_member_takes_the_timestamp_of_a_sent_event() {
    let server = with("missing-member").await;
    let (mut agent, mut customer, chat) = in_a_chat(&server).await;
    for peer in [&mut agent, &mut customer] {
        let (found, _) = spoilt(peer, "send_event", message(&chat, "a")).await;
        assert_eq!((found.len(), found[0].pointer.as_str()), (1, "/event/timestamp"), "{found:?}");
    }
    assert_eq!((agent.pushed().await.len(), customer.pushed().await.len()), (2, 2));
}

#[tokio::test]
async fn duplicate_order_is_the_same_everywhere() {
    let server = with("duplicate-order").await;
    let (mut agent, mut customer, chat) = in_a_chat(&server).await;
    let mut orders = Vec::new();
    for text in ["a", "b", "c"] {
        let event = customer.say(&chat, text).await["event"].take();
        orders.push(event["order"].clone());
        for peer in [&mut customer, &mut agent] {
            let heard = peer.only("incoming_event").await.payload["event"].take();
            assert_eq!((&heard["id"], &heard["order"]), (&event["id"], &event["order"]));
        }
    }
    assert_eq!(orders, [1, 1, 1]);
}

#[tokio::test]
async fn reordered_delivery_swaps_and_loses_nothing() {
    let server = with("reordered-delivery").await;
    let (mut agent, mut customer, chat) = in_a_chat(&server).await;
    for n in 0..5 {
        customer.say(&chat, &n.to_string()).await;
    }
    for peer in [&mut agent, &mut customer] {
        while peer.pushes.len() < 5 {
            peer.next().await;
        }
        let texts: Vec<&str> = peer.pushes.iter().map(|push| push.payload["event"]["text"].as_str().unwrap()).collect();
        assert_eq!(texts, ["1", "0", "3", "2", "4"]);
    }
}

#[tokio::test]
async fn lost_push_hits_everybody_but_the_requester() {
    let server = with("lost-push").await;
    let (mut agent, mut customer, chat) = in_a_chat(&server).await;
    let mut elsewhere = server.customer("carl").await;
    customer.say(&chat, "a").await;
    customer.only("incoming_event").await;
    elsewhere.only("incoming_event").await;
    agent.nothing().await;
    customer.ok("close_thread", json!({"chat_id": chat})).await;
    agent.only("thread_closed").await;
}

#[tokio::test]
async fn duplicated_push_comes_twice() {
    let server = with("duplicated-push").await;
    let (mut agent, mut customer, chat) = in_a_chat(&server).await;
    customer.say(&chat, "a").await;
    for peer in [&mut agent, &mut customer] {
        let pushed = peer.pushed().await;
        assert_eq!((pushed.len(), &pushed[0]), (2, &pushed[1]));
    }
}

#[tokio::test]
async fn no_answer_does_the_work_and_keeps_silent() {
    let server = with("no-answer").await;
    let (mut agent, mut customer, chat) = in_a_chat(&server).await;
    let id = customer.request("send_event", message(&chat, "a")).await;
    assert_eq!(customer.only("incoming_event").await.correlation, Some(id));
    agent.only("incoming_event").await;
    let call = reqwest::Client::new()
        .post(format!("http://{}/customer/v0.3/action/send_event?license_id=1", server.addr))
        .header("Authorization", "customer:carl")
        .json(&json!({"payload": message(&chat, "b")}))
        .timeout(Duration::from_millis(300));
    assert!(call.send().await.unwrap_err().is_timeout());
    agent.only("incoming_event").await;
}

#[tokio::test]
async fn late_answer_comes_after_everything_else() {
    let server = with("late-answer").await;
    let (_agent, mut customer, chat) = in_a_chat(&server).await;
    let id = customer.request("send_event", message(&chat, "a")).await;
    customer.only("incoming_event").await;
    let Got::Response { correlation, success: true, .. } = customer.next().await else { panic!("no response") };
    assert_eq!(correlation, Some(id));
}

#[tokio::test]
async fn wrong_correlation_spares_the_login_and_the_pushes() {
    let server = with("wrong-correlation").await;
    let mut customer = server.customer("carl").await;
    let id = customer.request("start_chat", json!({})).await;
    let Got::Response { correlation, success: true, .. } = customer.next().await else { panic!("no response") };
    assert!(correlation.is_some() && correlation.as_ref() != Some(&id));
    customer.next().await;
    assert_eq!(customer.pushes[0].correlation, Some(id));
}

#[tokio::test]
async fn agents_only_leak_reaches_the_customer_in_his_own_words() {
    let server = with("agents-only-leak").await;
    let (mut agent, mut customer, chat) = in_a_chat(&server).await;
    agent.say(&chat, "for all").await;
    customer.only("incoming_event").await;
    let mut secret = message(&chat, "psst");
    secret["event"]["recipients"] = json!("agents");
    agent.ok("send_event", secret).await;
    let leaked = customer.only("incoming_event").await;
    assert_eq!((&leaked.payload["event"]["text"], leaked.payload["event"].get("recipients")), (&json!("psst"), None));
    let read = customer.ok("get_chats_summary", json!({})).await;
    assert_eq!(read["chats_summary"][0]["last_event_per_type"]["events"]["message"]["text"], "for all");
}

#[tokio::test]
async fn a_defect_with_a_probability_shows_now_and_then() {
    let server = with("duplicated-push=0.5").await;
    let (_agent, mut customer, chat) = in_a_chat(&server).await;
    for _ in 0..40 {
        customer.say(&chat, "a").await;
    }
    let pushes = customer.pushed().await.len();
    assert!((45..=75).contains(&pushes), "{pushes}");
}
