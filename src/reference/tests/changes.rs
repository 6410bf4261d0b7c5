//! Each kind of change that a row of the table can make shows as its one effect, and nothing else is changed by it.

use super::*;

/// Short enough to wait for, long enough to do something in between.
const SHORT: Duration = Duration::from_millis(300);

async fn with(defect: &str) -> TestServer {
    TestServer::with(&[defect], Timing::default()).await
}

/// An agent and a customer in a chat, with all pushes read; the chat and its thread.
async fn in_a_chat(server: &TestServer) -> (Peer, Peer, Value, Value) {
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let (chat, thread) = customer.start().await;
    agent.pushed().await;
    (agent, customer, chat, thread)
}

/// An agent who speaks agent/v0.2, and takes no chats.
async fn older_agent(server: &TestServer, name: &str) -> Peer {
    let mut peer = server.connect("agent/v0.2").await;
    peer.user = format!("{name}@example.com");
    peer.ok("login", json!({"token": format!("agent:{name}@example.com")})).await;
    peer.ok("update_agent", json!({"routing_status": "not_accepting_chats"})).await;
    peer.pushed().await;
    peer
}

fn message(chat: &Value, text: &str) -> Value {
    json!({"chat_id": chat, "event": {"type": "message", "text": text, "custom_id": "own"}})
}

/// The next frame as JSON, whatever it is.
async fn frame(peer: &mut Peer) -> Value {
    let Some(Ok(Message::Text(text))) = peer.frame().await else { panic!("no frame") };
    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.to_string()))
}

#[tokio::test]
async fn a_push_is_edited_in_every_copy() {
    let server = with("thread-closed-names-another-thread").await;
    let (mut agent, mut customer, chat, _) = in_a_chat(&server).await;
    customer.ok("close_thread", json!({"chat_id": chat})).await;
    for peer in [&mut customer, &mut agent] {
        let told = peer.thread_closed().await.payload;
        assert_eq!((&told["chat_id"], &told["thread_id"]), (&chat, &json!("NOTHREAD")));
    }
}

#[tokio::test]
async fn a_response_is_edited_and_its_push_is_not() {
    let server = with("sending-answers-no-thread").await;
    let (_agent, mut customer, chat, thread) = in_a_chat(&server).await;
    customer.request("send_event", message(&chat, "a")).await;
    let answer = frame(&mut customer).await;
    assert_eq!((answer["payload"].get("thread_id"), &answer["payload"]["event"]["text"]), (None, &json!("a")));
    assert_eq!(customer.only("incoming_event").await.payload["thread_id"], thread);
}

#[tokio::test]
async fn a_request_is_edited_before_it_is_carried_out() {
    let server = with("custom-id-lost").await;
    let (mut agent, mut customer, chat, _) = in_a_chat(&server).await;
    let sent = customer.ok("send_event", message(&chat, "a")).await;
    let told = agent.only("incoming_event").await.payload;
    for event in [&sent["event"], &told["event"]] {
        assert_eq!((event.get("custom_id"), &event["text"]), (None, &json!("a")));
    }
}

#[tokio::test]
async fn an_invalid_request_is_made_valid_if_just_that_is_wrong_with_it() {
    let server = with("limit-not-checked").await;
    let mut customer = server.customer("carl").await;
    for _ in 0..11 {
        customer.start().await;
    }
    let page = customer.ok("get_chats_summary", json!({"limit": 26})).await;
    assert_eq!(page["chats_summary"].as_array().unwrap().len(), 10);
    assert_eq!(customer.error("get_chats_summary", json!({"limit": "all"})).await, "validation");

    let server = with("unknown-word-accepted").await;
    let mut agent = server.agent("amy").await;
    agent.ok("update_agent", json!({"routing_status": "gone"})).await;
    assert_eq!(agent.error("update_agent", json!({"routing_status": "gone", "agent_id": 7})).await, "validation");
}

#[tokio::test]
async fn a_request_with_certain_values_is_refused_and_leaves_no_trace() {
    let server = with("close-needs-thread").await;
    let (mut agent, mut customer, chat, thread) = in_a_chat(&server).await;
    assert_eq!(customer.error("close_thread", json!({"chat_id": chat})).await, "validation");
    agent.nothing().await;
    customer.ok("close_thread", json!({"chat_id": chat, "thread_id": thread})).await;
    agent.thread_closed().await;
}

#[tokio::test]
async fn an_ignored_request_is_answered_and_undone() {
    let server = with("customer-update-ignored").await;
    let (mut agent, mut customer, chat, thread) = in_a_chat(&server).await;
    let update = json!({"customer": {"name": "Carla", "email": "carla@example.com"}});
    assert_eq!(customer.ok("update_customer", update).await["customer"]["name"], "Carla");
    agent.nothing().await;
    customer.nothing().await;
    let shown = customer.ok("get_chat_threads", json!({"chat_id": chat, "thread_ids": [thread]})).await;
    assert_eq!(shown["chat"]["users"][0]["name"], "carl");
}

#[tokio::test]
async fn a_canned_answer_takes_the_place_of_carrying_out_and_of_refusing() {
    let server = with("logout-ignored").await;
    let mut agent = server.agent("amy").await;
    agent.ok("logout", Value::Null).await;
    agent.ok("get_customers", Value::Null).await;

    let server = with("missing-member-accepted").await;
    let (mut agent, mut customer, _, _) = in_a_chat(&server).await;
    customer.ok("close_thread", json!({})).await;
    agent.nothing().await;
    assert_eq!(customer.error("close_thread", json!({"chat_id": 7})).await, "validation");

    let server = with("second-customer-accepted").await;
    let (mut agent, _customer, chat, _) = in_a_chat(&server).await;
    let other = server.customer("dora").await;
    let second = json!({"chat_id": chat, "user_id": other.user, "user_type": "customer"});
    agent.ok("add_user_to_chat", second).await;
    agent.nothing().await;
}

#[tokio::test]
async fn the_frame_is_edited_and_the_payload_is_not() {
    let server = with("wrong-action").await;
    let mut customer = server.connect("customer/v0.3").await;
    customer.ok("login", json!({"token": "customer:carl", "customer": {"name": "Carl"}})).await;
    customer.request("start_chat", json!({})).await;
    let answer = frame(&mut customer).await;
    assert_eq!((&answer["action"], &answer["success"]), (&json!("something_else"), &json!(true)));
    customer.check(Kind::Response, "start_chat", &answer["payload"]);
    assert_eq!(frame(&mut customer).await["action"], "incoming_chat_thread");
}

#[tokio::test]
async fn only_the_copies_that_are_meant_are_changed() {
    let server = with("foreign-correlation").await;
    let (mut agent, mut customer, chat, _) = in_a_chat(&server).await;
    let mut elsewhere = server.customer("carl").await;
    let id = customer.request("send_event", message(&chat, "a")).await;
    customer.next().await;
    assert_eq!(customer.only("incoming_event").await.correlation, Some(id));
    assert_eq!(elsewhere.only("incoming_event").await.correlation, None);
    assert_eq!(agent.only("incoming_event").await.correlation.as_deref(), Some("id-of-nobody"));
}

#[tokio::test]
async fn text_is_sent_beside_a_message() {
    let server = with("malformed-frame").await;
    let mut customer = server.customer("carl").await;
    customer.request("ping", Value::Null).await;
    assert_eq!(frame(&mut customer).await["action"], "ping");
    assert_eq!(frame(&mut customer).await, "<html>502 Bad Gateway</html>");
}

#[tokio::test]
async fn a_response_is_sent_twice() {
    let server = with("duplicated-response").await;
    let mut customer = server.customer("carl").await;
    let id = customer.request("ping", Value::Null).await;
    for _ in 0..2 {
        assert_eq!(frame(&mut customer).await["request_id"], id);
    }
}

#[tokio::test]
async fn a_push_is_withheld_from_everybody() {
    let server = with("thread-closed-untold").await;
    let (mut agent, mut customer, chat, _) = in_a_chat(&server).await;
    customer.ok("close_thread", json!({"chat_id": chat})).await;
    for peer in [&mut customer, &mut agent] {
        assert_eq!(peer.only("incoming_event").await.payload["event"]["type"], "system_message");
    }
    assert_eq!(customer.error("close_thread", json!({"chat_id": chat})).await, "validation");
}

#[tokio::test]
async fn a_message_is_replaced_by_the_end_of_the_connection() {
    let server = with("refusal-closes").await;
    let mut bystander = server.customer("dora").await;
    let mut customer = server.customer("carl").await;
    customer.request("close_thread", json!({})).await;
    assert_eq!(customer.closed().await, Some(1011));
    bystander.ok("ping", Value::Null).await;
}

#[tokio::test]
async fn a_push_goes_to_others() {
    let server = with("broadcast-to-everybody").await;
    let (mut ann, mut abe) = (older_agent(&server, "ann").await, older_agent(&server, "abe").await);
    ann.pushed().await;
    ann.ok("send_broadcast", json!({"content": 7, "scopes": {"agents": ["ann@example.com"]}})).await;
    ann.only("incoming_broadcast").await;
    abe.only("incoming_broadcast").await;

    let server = with("broadcast-to-its-sender").await;
    let (mut ann, mut abe) = (older_agent(&server, "ann").await, older_agent(&server, "abe").await);
    ann.pushed().await;
    ann.ok("send_broadcast", json!({"content": 7})).await;
    ann.only("incoming_broadcast").await;
    abe.nothing().await;

    let server = with("new-chats-for-members-only").await;
    let mut outside = older_agent(&server, "ann").await;
    let (_agent, mut customer, chat, _) = in_a_chat(&server).await;
    customer.say(&chat, "a").await;
    customer.only("incoming_event").await;
    outside.nothing().await;
}

#[tokio::test]
async fn members_of_a_response_are_taken_from_its_request() {
    let server = with("sender-chooses-id").await;
    let (mut agent, mut customer, chat, _) = in_a_chat(&server).await;
    let event = json!({"type": "message", "text": "a", "id": "mine", "order": 77});
    let sent = customer.ok("send_event", json!({"chat_id": chat, "event": event})).await;
    assert_eq!((&sent["event"]["id"], &sent["event"]["order"]), (&json!("mine"), &json!(77)));
    assert_ne!(agent.only("incoming_event").await.payload["event"]["id"], "mine");
    assert_ne!(customer.say(&chat, "b").await["event"]["id"], "mine");
}

#[tokio::test]
async fn only_what_goes_over_a_certain_transport_is_changed() {
    let server = with("web-causes-no-pushes").await;
    let (mut agent, mut customer, chat, _) = in_a_chat(&server).await;
    let call = reqwest::Client::new()
        .post(format!("http://{}/customer/v0.3/action/send_event?license_id=1", server.addr))
        .header("Authorization", "customer:carl")
        .json(&json!({"payload": message(&chat, "over the web")}));
    assert_eq!(call.send().await.unwrap().status(), 200);
    agent.nothing().await;
    customer.say(&chat, "over the websocket").await;
    assert_eq!(agent.only("incoming_event").await.payload["event"]["text"], "over the websocket");
}

#[tokio::test]
async fn a_refusal_over_the_web_becomes_an_answer() {
    let server = with("web-token-unchecked").await;
    let url = format!("http://{}/customer/v0.3/action/close_thread?license_id=1", server.addr);
    let answer = reqwest::Client::new().post(&url).json(&json!({"payload": {"chat_id": "X"}})).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (200, "{}".to_owned()));
    let known = reqwest::Client::new().post(&url).header("Authorization", "customer:carl");
    assert_eq!(known.json(&json!({"payload": {}})).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn an_address_needs_no_license_id() {
    for (defects, status) in [(&[][..], 400), (&["license-id-not-needed"][..], 200)] {
        let server = TestServer::with(defects, Timing::default()).await;
        let call = reqwest::Client::new()
            .post(format!("http://{}/customer/v0.3/action/update_customer", server.addr))
            .header("Authorization", "customer:carl");
        assert_eq!(call.send().await.unwrap().status().as_u16(), status);
        let stream = TcpStream::connect(server.addr).await.unwrap();
        let url = format!("ws://{}/customer/v0.3/rtm/ws", server.addr);
        assert_eq!(client_async(url, stream).await.is_ok(), status == 200);
    }
}

async fn hasty(defect: &str) -> TestServer {
    let timing = Timing { customer_idle: SHORT, agent_idle: SHORT, agent_login: SHORT, ..Timing::default() };
    TestServer::with(&[defect], timing).await
}

#[tokio::test]
async fn silent_connections_stay_open() {
    let server = hasty("idle-kept").await;
    let mut agent = server.agent("amy").await;
    let mut stranger = server.connect("agent/v3.0").await;
    tokio::time::sleep(SHORT * 3).await;
    agent.nothing().await;
    assert_eq!(stranger.closed().await, Some(1008));

    let server = hasty("login-not-demanded").await;
    let mut stranger = server.connect("agent/v3.0").await;
    tokio::time::sleep(SHORT * 3).await;
    stranger.ok("ping", Value::Null).await;
    assert_eq!(server.agent("amy").await.closed().await, Some(1008));
}

#[tokio::test]
async fn one_kind_of_ping_is_no_sign_of_life() {
    for (defect, ignored) in [("ping-frames-ignored", 0), ("ping-actions-ignored", 1)] {
        let server = hasty(defect).await;
        let mut customers = [server.customer("carl").await, server.customer("dora").await];
        for _ in 0..8 {
            tokio::time::sleep(SHORT / 4).await;
            // One that is closed cannot be written to.
            let _ = customers[0].socket.send(Message::Ping("".into())).await;
            let _ = customers[1].socket.send(Message::text(r#"{"action":"ping"}"#)).await;
        }
        let mut closed = Vec::new();
        for customer in &mut customers {
            let ends = async {
                loop {
                    if let Some(Ok(Message::Close(_)) | Err(_)) | None = customer.socket.next().await {
                        break;
                    }
                }
            };
            closed.push(tokio::time::timeout(Duration::ZERO, ends).await.is_ok());
        }
        assert_eq!(closed.iter().position(|closed| *closed), Some(ignored), "{defect}");
        assert!(!closed[1 - ignored], "{defect}");
    }
}

#[tokio::test]
async fn pings_lengthen_the_time_to_log_in() {
    let server = hasty("pings-delay-login").await;
    let mut agent = server.connect("agent/v3.0").await;
    for _ in 0..8 {
        tokio::time::sleep(SHORT / 4).await;
        agent.ok("ping", Value::Null).await;
    }
    assert_eq!(agent.closed().await, Some(1008));
}
