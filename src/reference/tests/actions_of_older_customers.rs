//! customer/v0.2: what it does differently, and that its customers meet everybody else.

use reqwest::Client;
use reqwest::multipart::{Form, Part};

use super::*;

const HERE: &str = "customer/v0.2";

#[tokio::test]
async fn three_dialects_meet_in_one_chat() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut older = server.customer_speaking(HERE, "carl").await;
    let mut newer = server.customer("carl").await;
    assert_eq!(older.user, newer.user);
    let details = json!({"name": "Carl", "properties": {"plan": "free"}, "fields": {"plan": "none"}});
    let updated = older.ok("update_customer", json!({"customer": details})).await;
    assert_eq!(updated["customer"]["properties"], json!({"plan": "free"}));
    let (chat, thread) = older.start().await;
    let users = |push: Pushed| push.payload["chat"]["users"][0].clone();
    assert_eq!(users(newer.only("incoming_chat_thread").await)["fields"], json!({"plan": "free"}));
    agent.only("incoming_chat_thread").await;

    let sent = older.say(&chat, "from v0.2").await;
    assert_eq!(sent["thread_id"], thread);
    for peer in [&mut older, &mut newer, &mut agent] {
        let told = peer.only("incoming_event").await;
        assert_eq!((&told.payload["event"]["id"], told.correlation), (&sent["event"]["id"], None));
    }
    let back = agent.say(&chat, "from v3.0").await;
    assert_eq!(older.only("incoming_event").await.payload["event"]["order"], back["event"]["order"]);
    let typing = json!({"chat_id": chat, "is_typing": true});
    agent.ok("send_typing_indicator", typing).await;
    older.only("incoming_typing_indicator").await;
    older.ok("close_thread", json!({"chat_id": chat})).await;
    assert_eq!(older.thread_closed().await.payload["user_id"], json!(older.user));
    older.say(&chat, "again").await;
    let opened = older.only("incoming_chat_thread").await.payload;
    assert_eq!(opened["chat"]["users"][0]["properties"], json!({"plan": "free"}));
    assert_ne!(opened["chat"]["thread"]["id"], thread);
}

#[tokio::test]
async fn an_answer_uses_the_name_of_the_id_that_the_request_used_and_a_push_has_no_id() {
    let server = TestServer::start().await;
    let mut customer = server.customer_speaking(HERE, "carl").await;
    for (name, other) in [("id", "request_id"), ("request_id", "id")] {
        let request = json!({name: "7", "action": "start_chat"});
        customer.send(request.to_string()).await;
        for (kind, own) in [("response", Some("7")), ("push", None)] {
            let Some(Ok(Message::Text(text))) = customer.frame().await else { panic!("no frame") };
            let frame: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&frame["type"], frame[name].as_str(), frame.get(other)), (&json!(kind), own, None));
        }
    }
    // Also when nothing but the id and the action can be read.
    customer.send(json!({"id": "8", "action": "ping", "author_id": 7}).to_string()).await;
    let Some(Ok(Message::Text(text))) = customer.frame().await else { panic!("no frame") };
    let frame: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&frame["id"], &frame["success"], frame.get("request_id")), (&json!("8"), &json!(false), None));
}

#[tokio::test]
async fn login_answers_with_the_newest_chats_and_their_newest_threads() {
    let server = TestServer::start().await;
    let mut customer = server.customer_speaking(HERE, "carl").await;
    let (older, _) = customer.start().await;
    let (chat, _) = customer.start().await;
    for n in 0..11 {
        customer.ok("close_thread", json!({"chat_id": chat})).await;
        customer.say(&chat, &n.to_string()).await;
    }
    let login = |more: Value| {
        let mut payload = json!({"token": "customer:carl"});
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        payload
    };
    let mut again = server.connect(HERE).await;
    let answer = again.ok("login", login(json!({}))).await;
    assert_eq!((&answer["customer_id"], &answer["total_chats"]), (&json!(customer.user), &json!(2)));
    let recent = answer["last_chats_summary"].as_array().unwrap();
    assert_eq!((recent.len(), &recent[0]["id"], &recent[0]["total_threads"]), (1, &chat, &json!(12)));
    let threads = recent[0]["last_threads_summary"].as_array().unwrap();
    assert_eq!((threads.len(), &threads[0]["events_count"]), (10, &json!(1)));
    assert_eq!(threads[0]["id"], recent[0]["last_event_per_type"]["thread_id"]);
    assert_eq!(recent[0]["last_event_per_type"]["events"][0]["text"], "10");
    let answer = again.ok("login", login(json!({"last_chats_limit": 25, "last_threads_limit": 0}))).await;
    assert_eq!(answer["last_chats_summary"][1]["id"], older);
    assert_eq!(answer["last_chats_summary"][0]["last_threads_summary"], json!([]));
    assert_eq!(again.error("login", login(json!({"last_chats_limit": 26}))).await, "validation");
    again.nothing().await;
}

#[tokio::test]
async fn summaries_are_paged_by_number_and_by_offset() {
    let server = TestServer::start().await;
    let mut customer = server.customer_speaking(HERE, "carl").await;
    let mut chats = Vec::new();
    for _ in 0..12 {
        chats.push(customer.start().await.0);
    }
    customer.say(&chats[11], "last").await;
    let first = customer.ok("get_chats_summary", Value::Null).await;
    assert_eq!(first["pagination"], json!({"page": 1, "total": 12}));
    let summaries = first["chats_summary"].as_array().unwrap();
    assert_eq!((summaries.len(), &summaries[0]["id"]), (10, &chats[11]));
    assert_eq!((&summaries[0]["last_event"]["event"]["text"], summaries[1].get("last_event")), (&json!("last"), None));
    let pages = json!({"pagination": {"page": 3, "limit": 5}});
    assert_eq!(customer.ok("get_chats_summary", pages).await["chats_summary"][1]["id"], chats[0]);

    let mut threads = vec![customer.ok("close_thread", json!({"chat_id": chats[0]})).await];
    for text in ["a", "b"] {
        threads.push(customer.say(&chats[0], text).await["thread_id"].clone());
        customer.ok("close_thread", json!({"chat_id": chats[0]})).await;
    }
    let page = json!({"chat_id": chats[0], "pagination": {"offset": 1, "limit": 1000}});
    let listed = customer.ok("get_chat_threads_summary", page).await;
    assert_eq!(listed["pagination"], json!({"offset": 1, "total": 3}));
    assert_eq!(listed["chat"]["threads_summary"][1]["thread_id"], threads[2]);
    let read = json!({"chat_id": chats[0], "thread_ids": [threads[1]]});
    let read = customer.ok("get_chat_threads", read).await["chat"].take();
    assert_eq!(read["threads"][0]["events"][0]["text"], "a");
    assert!(read["users"][0]["properties"].is_object());
    let beyond = json!({"chat_id": chats[0], "pagination": {"limit": 1001}});
    assert_eq!(customer.error("get_chat_threads_summary", beyond).await, "validation");
}

#[tokio::test]
async fn initial_events_may_stand_beside_the_thread() {
    let server = TestServer::start().await;
    let mut customer = server.customer_speaking(HERE, "carl").await;
    let events = |text: &str| json!([{"type": "message", "text": text}]);
    for (chat, text) in [
        (json!({"events": events("a"), "routing_scope": {"type": "license"}}), "a"),
        (json!({"events": events("b"), "thread": null}), "b"),
        (json!({"events": null, "thread": {"events": events("c")}}), "c"),
        (json!({"events": events("not me"), "thread": {"events": events("d")}}), "d"),
    ] {
        let started = customer.ok("start_chat", json!({ "chat": chat })).await["chat"].take();
        let stored = started["thread"]["events"].as_array().unwrap();
        assert_eq!((stored.len(), &stored[0]["text"]), (1, &json!(text)));
        assert_eq!(started["scopes"], json!({}));
    }
    customer.pushed().await;
    let scopes = json!({"chat": {"scopes": {"groups": [1]}, "properties": {"ns": {"a": 1}}}});
    customer.ok("start_chat", scopes).await;
    let chat = customer.only("incoming_chat_thread").await.payload["chat"].take();
    assert_eq!((&chat["scopes"], &chat["properties"]), (&json!({"groups": [1]}), &json!({"ns": {"a": {"value": 1}}})));
}

#[tokio::test]
async fn both_errors_of_authority_have_one_name() {
    let server = TestServer::start().await;
    let mut nobody = server.connect(HERE).await;
    nobody.ok("ping", Value::Null).await;
    assert_eq!(nobody.error("start_chat", json!({})).await, "auth");
    for payload in [json!({}), json!({"token": "nonsense"})] {
        assert_eq!(nobody.error("login", payload).await, "auth");
    }
    let (mut carl, mut dora) =
        (server.customer_speaking(HERE, "carl").await, server.customer_speaking(HERE, "dora").await);
    let (chat, _) = carl.start().await;
    assert_eq!(dora.error("close_thread", json!({"chat_id": chat})).await, "auth");
    assert_eq!(dora.error("close_thread", json!({"chat_id": "NOWHERE"})).await, "validation");
    assert_eq!(dora.error("send_message", json!({"chat_id": chat, "text": "a"})).await, "validation");
}

#[tokio::test]
async fn a_login_of_somebody_banned_is_answered_and_ends_the_connection() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer_speaking(HERE, "carl").await;
    agent.ok("ban_customer", json!({"customer_id": customer.user, "ban": {"days": 3}})).await;
    assert_eq!(customer.closed().await, Some(1008));
    assert_eq!(customer.pushes.pop().unwrap().payload, json!({"reason": "customer_banned"}));
    let mut back = server.connect(HERE).await;
    assert_eq!(back.error("login", json!({"token": "customer:carl"})).await, "customer_banned");
    assert_eq!(back.closed().await, Some(1008));
}

#[tokio::test]
async fn the_path_without_a_version_leads_here() {
    let server = TestServer::start().await;
    let url = format!("ws://{}/customer/rtm/ws?license_id=1", server.addr);
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (socket, _) = client_async(url, stream).await.unwrap();
    let dialect = Arc::clone(protocol().dialect(HERE).unwrap());
    let mut peer = Peer { dialect, socket, sent: 0, user: String::new(), pushes: Vec::new() };
    peer.ok("login", json!({"token": "customer:carl"})).await;
}

#[tokio::test]
async fn a_file_goes_to_its_own_path_with_or_without_prefix_and_id() {
    let server = TestServer::start().await;
    let mut customer = server.customer_speaking(HERE, "carl").await;
    let (chat, _) = customer.start().await;
    let chat = chat.as_str().unwrap();
    let file = |length: usize| Part::bytes(vec![7; length]).file_name("a.txt").mime_str("text/plain").unwrap();
    let send = async |path: &str, token: &str, form: Form| {
        let url = format!("http://{}{path}?license_id=1", server.addr);
        let answer = Client::new().post(url).header("Authorization", token).multipart(form).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let plain = |length| Form::new().text("chat_id", chat.to_owned()).part("file", file(length));
    let own = "/customer/file";
    let prefixed = Form::new()
        .text("payload.chat_id", chat.to_owned())
        .text("payload.custom_id", "mine")
        .part("payload.file", file(3));
    let ways = [
        (own, plain(3).text("license_id", "1"), None),
        (own, plain(3).text("custom_id", "mine"), Some("mine")),
        ("/customer/v0.2/action/send_file", prefixed, Some("mine")),
    ];
    for (path, form, custom_id) in ways {
        let (status, answer) = send(path, "customer:carl", form).await;
        assert_eq!(status, 200, "{answer}");
        let event = customer.only("incoming_event").await.payload["event"].take();
        assert_eq!(
            (&event["url"], &event["size"], event["custom_id"].as_str()),
            (&answer["url"], &json!(3), custom_id)
        );
    }
    let refused = |(status, answer): (u16, Value)| (status, answer["error"]["type"].as_str().unwrap().to_owned());
    assert_eq!(refused(send(own, "customer:carl", plain((10 << 20) + 1)).await), (400, "validation".to_owned()));
    assert_eq!(refused(send(own, "nonsense", plain(3)).await), (401, "auth".to_owned()));
    assert_eq!(refused(send(own, "customer:dora", plain(3)).await), (401, "auth".to_owned()));
    // There is no other Web action (C02-A26).
    assert_eq!(
        refused(send("/customer/v0.2/action/start_chat", "customer:carl", plain(3)).await),
        (404, "validation".to_owned())
    );
    customer.nothing().await;
}

#[tokio::test]
async fn an_event_that_an_agent_has_seen_is_told_in_the_older_dialects_only() {
    let server = TestServer::start().await;
    let mut older = server.customer_speaking(HERE, "carl").await;
    let mut newer = server.customer("carl").await;
    let mut agent = server.connect("agent/v0.2").await;
    agent.ok("login", json!({"token": "agent:amy@example.com"})).await;
    let (chat, _) = older.start().await;
    let event = older.say(&chat, "seen?").await["event"]["id"].take();
    for peer in [&mut older, &mut newer, &mut agent] {
        peer.pushed().await;
    }
    agent.ok("mark_event_as_seen", json!({"chat_id": chat, "event_id": event})).await;
    let seen = json!({"chat_id": chat, "event_id": event, "user_id": "amy@example.com"});
    for peer in [&mut older, &mut agent] {
        assert_eq!(peer.only("event_marked_as_seen").await.payload, seen);
    }
    newer.nothing().await;
}
