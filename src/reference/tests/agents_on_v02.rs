//! Each action of agent/v0.2: what it answers, and what it tells whom.

mod membership;

use super::*;

/// An agent on agent/v0.2 who is logged in.
async fn agent(server: &TestServer, name: &str) -> Peer {
    let mut peer = server.connect("agent/v0.2").await;
    let payload = json!({"token": format!("Bearer agent:{name}@example.com")});
    peer.user = peer.ok("login", payload).await["my_profile"]["id"].as_str().unwrap().to_owned();
    peer
}

/// An agent and a customer in a chat, with all pushes read; the chat and its thread.
async fn in_a_chat(server: &TestServer) -> (Peer, Peer, Value, Value) {
    let mut amy = agent(server, "amy").await;
    let mut customer = server.customer("carl").await;
    let (chat, thread) = customer.start().await;
    amy.pushed().await;
    (amy, customer, chat, thread)
}

/// The ids in `added` and `removed_ids` of one group of a `chat_users_updated`; the other groups are empty.
fn changed(push: &Pushed, group: &str) -> (Vec<String>, Vec<String>) {
    assert_eq!(push.name, "chat_users_updated");
    let users = &push.payload["updated_users"];
    let empty = json!({"added": [], "removed_ids": []});
    for other in ["customers", "agents", "supervisors"].into_iter().filter(|other| *other != group) {
        assert_eq!(users[other], empty);
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let added = users[group]["added"].as_array().unwrap().iter().map(|user| text(&user["id"])).collect();
    (added, users[group]["removed_ids"].as_array().unwrap().iter().map(text).collect())
}

#[tokio::test]
async fn login_tells_of_the_chats_that_are_in_sight() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, thread) = in_a_chat(&server).await;
    for text in ["a", "b"] {
        customer.say(&chat, text).await;
    }
    let rated = json!({"type": "annotation", "annotation_type": "rating", "text": "good"});
    amy.ok("send_event", json!({"chat_id": chat, "event": rated})).await;
    amy.ok("update_agent", json!({"routing_status": "not_accepting_chats"})).await;
    let mut other = server.connect("agent/v0.2").await;
    let login = other.ok("login", json!({"token": "agent:bob@example.com"})).await;
    assert_eq!(login["license"]["id"], "1");
    assert_eq!(login["my_profile"]["routing_status"], "accepting_chats");
    let summary = &login["chats_summary"][0];
    assert_eq!((&summary["id"], &summary["scopes"]), (&chat, &json!({})));
    let last = &summary["last_thread_summary"];
    assert_eq!(last["id"], thread);
    let texts: Vec<&Value> = last["last_event_per_type"].as_array().unwrap().iter().map(|e| &e["text"]).collect();
    assert_eq!(texts, ["b", "good"]);
    let mut again = server.connect("agent/v0.2").await;
    let login = again.ok("login", json!({"token": "agent:amy@example.com", "reconnect": true})).await;
    assert_eq!(login["my_profile"]["routing_status"], "not_accepting_chats");
}

#[tokio::test]
async fn what_is_no_token_is_called_auth() {
    let server = TestServer::start().await;
    let mut peer = server.connect("agent/v0.2").await;
    let refused = peer.call("login", json!({"token": "nonsense"})).await.unwrap_err();
    assert_eq!(refused, json!({"type": "auth", "message": "Invalid access token"}));
    assert_eq!(peer.error("get_archives", Value::Null).await, "auth");
    peer.ok("ping", Value::Null).await;
    for (action, payload) in [("login", json!({})), ("send_message", json!({})), ("send_file", json!({}))] {
        assert_ne!(peer.error(action, payload).await, "authorization");
    }
}

#[tokio::test]
async fn the_paths_of_both_years_lead_here_and_ids_come_back_under_their_name() {
    let server = TestServer::start().await;
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (socket, _) = client_async(format!("ws://{}/agent/rtm/ws", server.addr), stream).await.unwrap();
    let dialect = Arc::clone(protocol().dialect("agent/v0.2").unwrap());
    let mut peer = Peer { dialect, socket, sent: 0, user: String::new(), pushes: Vec::new() };
    for (payload, success) in [(json!({"token": "agent:amy@example.com"}), true), (json!([]), false)] {
        peer.send(json!({"id": "7", "action": "login", "payload": payload}).to_string()).await;
        let Some(Ok(Message::Text(text))) = peer.frame().await else { panic!("no answer") };
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&answer["id"], &answer["success"]), (&json!("7"), &json!(success)), "{answer}");
    }
}

#[tokio::test]
async fn every_agent_hears_of_every_chat_in_sight_and_pushes_have_no_id() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, thread) = in_a_chat(&server).await;
    let (mut bob, mut newer) = (agent(&server, "bob").await, server.agent("zoe").await);
    let sent = amy.say(&chat, "hello").await;
    assert_eq!(sent["thread_id"], thread);
    for peer in [&mut amy, &mut bob] {
        let heard = peer.only("incoming_event").await;
        assert_eq!((heard.correlation, heard.payload), (None, json!({"chat_id": chat, "event": sent["event"]})));
    }
    newer.nothing().await;
    customer.only("incoming_event").await;
    amy.ok("close_thread", json!({"chat_id": chat})).await;
    let closed = bob.thread_closed().await;
    assert_eq!(closed.payload, json!({"chat_id": chat, "thread_id": thread, "user_id": amy.user}));
    let reopened = customer.say(&chat, "back").await;
    assert_ne!(reopened["thread_id"], thread);
    let started = bob.only("incoming_chat_thread").await;
    assert_eq!(started.payload["chat"]["thread"]["events"][0]["text"], "back");
    customer.ok("update_customer", json!({"customer": {"name": "Karl", "fields": {"a": "1"}}})).await;
    let told = bob.only("customer_updated").await.payload;
    assert_eq!((&told["chat_id"], &told["customer"]["name"]), (&chat, &json!("Karl")));
    assert_eq!(told["customer"]["properties"], json!({"a": "1"}));
    customer.ok("send_sneak_peek", json!({"chat_id": chat, "sneak_peek_text": "hm"})).await;
    assert_eq!(bob.only("incoming_sneak_peek").await.payload["sneak_peek"]["text"], "hm");
}

#[tokio::test]
async fn a_chat_begins_with_all_that_may_stand_in_it() {
    let server = TestServer::start().await;
    let (mut amy, mut bob, mut zoe) =
        (agent(&server, "amy").await, agent(&server, "bob").await, agent(&server, "zoe").await);
    let events = json!([
        {"type": "message", "text": "one", "custom_id": "c1"},
        {"type": "system_message", "text": "two", "recipients": "agents"},
    ]);
    let thread = json!({"events": events, "properties": {"a": {"b": 1}}, "scopes": {"agents": [bob.user]}});
    let chat = json!({"properties": {"source": {"type": "web"}}, "scopes": {"groups": [7]}, "thread": thread});
    let payload = json!({"initial_events": "of no effect", "chat": chat});
    let chat = amy.ok("start_chat", payload).await["chat"].take();
    let events = chat["thread"]["events"].as_array().unwrap();
    assert_eq!(
        (events.len(), &events[0]["custom_id"], &events[1]["type"]),
        (2, &json!("c1"), &json!("system_message"))
    );
    let told = bob.only("incoming_chat_thread").await.payload["chat"].take();
    assert_eq!((&told["id"], &told["users"][0]["id"]), (&chat["id"], &json!(amy.user)));
    assert_eq!(told["properties"], json!({"source": {"type": {"value": "web"}}}));
    let read = amy.ok("get_chat_threads", json!({"chat_id": chat["id"]})).await["chat"].take();
    assert_eq!(read["scopes"], json!({"groups": [7], "agents": [bob.user]}));
    assert_eq!(read.get("threads"), None);
    zoe.nothing().await;
    assert_eq!(zoe.error("get_chat_threads", json!({"chat_id": chat["id"]})).await, "authorization");
    amy.ok("start_chat", Value::Null).await;
}

#[tokio::test]
async fn every_type_of_event_that_may_be_sent_is_told() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, _) = in_a_chat(&server).await;
    let options = json!([{"label": "A", "value": "a", "checked": true}]);
    let fields = json!([
        {"type": "text", "name": "n", "label": "N", "required": "true", "value": "v"},
        {"type": "radio", "name": "r", "label": "R", "required": false, "options": options},
    ]);
    for event in [
        json!({"type": "message", "text": "a", "id": "own", "order": 1, "timestamp": 1, "author_id": "x"}),
        json!({"type": "annotation", "annotation_type": "rating"}),
        json!({"type": "filled_form", "fields": fields}),
        json!({"type": "custom", "content": {"a": [null]}, "properties": {"n": {"p": 1}}}),
    ] {
        let stored = amy.ok("send_event", json!({"chat_id": chat, "event": event})).await["event"].take();
        assert_eq!((&stored["author_id"], &stored["recipients"]), (&json!(amy.user), &json!("all")));
        assert_eq!(amy.only("incoming_event").await.payload["event"], stored);
        customer.only("incoming_event").await;
        if event["type"] == "filled_form" {
            assert_eq!((&stored["fields"][0]["required"], &stored["fields"][1]["options"]), (&json!(true), &options));
        }
    }
    for event in [
        json!({"type": "system_message", "text": "a"}),
        json!({"type": "file", "name": "n", "url": "u", "content_type": "a/b", "size": 1}),
        json!({"type": "message", "text": "a", "recipients": "nobody"}),
        json!({"type": "annotation", "annotation_type": ""}),
    ] {
        assert_eq!(amy.error("send_event", json!({"chat_id": chat, "event": event})).await, "validation");
    }
    let private = json!({"type": "message", "text": "psst", "recipients": "agents"});
    amy.ok("send_event", json!({"chat_id": chat, "event": private})).await;
    customer.nothing().await;
}

#[tokio::test]
async fn what_newer_agents_send_is_understood() {
    let server = TestServer::start().await;
    let mut newer = server.agent("zoe").await;
    let mut customer = server.customer("carl").await;
    let (chat, thread) = customer.start().await;
    newer.pushed().await;
    let mut amy = agent(&server, "amy").await;
    let element = json!({"title": "t", "buttons": [{"text": "yes", "postback_id": "p", "user_ids": []}]});
    for event in [
        json!({"type": "rich_message", "template_id": "cards", "elements": [element]}),
        json!({"type": "filled_form", "fields": [{"type": "textarea"}, {"type": "checkbox", "answers": [{"id": "x"}]}]}),
        json!({"type": "file", "name": "n", "url": "u", "content_type": "image/png", "width": 3, "height": 4}),
        json!({"type": "message", "text": "a", "postback": {"id": "p"}}),
    ] {
        newer.ok("send_event", json!({"chat_id": chat, "event": event})).await;
        amy.only("incoming_event").await;
    }
    newer.ok("tag_chat_thread", json!({"chat_id": chat, "thread_id": thread, "tag": "bug"})).await;
    newer.ok("multicast", json!({"scopes": {"agents": {"all": true}}, "content": 1, "type": "t"})).await;
    assert_eq!(amy.only("incoming_broadcast").await.payload, json!({"author_id": newer.user, "content": 1}));
    newer.ok("transfer_chat", json!({"chat_id": chat, "target": {"type": "agent", "ids": [amy.user]}})).await;
    let [remark, left, came] = amy.told(["incoming_event", "chat_users_updated", "chat_users_updated"]).await;
    assert_eq!(remark.payload["event"]["system_message_type"], "chat_transferred");
    assert_eq!(changed(&left, "agents"), (vec![], vec![newer.user.clone()]));
    assert_eq!(changed(&came, "agents"), (vec![amy.user.clone()], vec![]));
    let set = |kind: &str| json!({"resource": "chat", "id": chat, "access": {"type": "group", "id": 7, "kind": kind}});
    newer.ok("set_access", set("first")).await;
    assert_eq!(amy.only("chat_scopes_updated").await.payload["scopes_added"], json!({"groups": [7]}));
    customer.pushed().await;
}

#[tokio::test]
async fn a_broadcast_reaches_whom_it_names() {
    let server = TestServer::start().await;
    let (mut amy, mut bob, mut newer) =
        (agent(&server, "amy").await, agent(&server, "bob").await, server.agent("zoe").await);
    let content = json!({"a": [1.5, null, "ü"]});
    amy.ok("send_broadcast", json!({"scopes": {"agents": [bob.user]}, "content": content})).await;
    assert_eq!(bob.only("incoming_broadcast").await.payload, json!({"author_id": amy.user, "content": content}));
    amy.nothing().await;
    newer.nothing().await;
    for scopes in [Value::Null, json!({}), json!({"agents": []}), json!({"groups": [1]})] {
        amy.ok("send_broadcast", json!({"scopes": scopes, "content": 7})).await;
        amy.only("incoming_broadcast").await;
        bob.only("incoming_broadcast").await;
        newer.only("incoming_multicast").await;
    }
    amy.ok("send_broadcast", json!({"scopes": {"groups": [9]}, "content": 7})).await;
    bob.nothing().await;
    assert_eq!(amy.error("send_broadcast", json!({})).await, "validation");
}

#[tokio::test]
async fn events_are_marked_as_seen_and_typing_is_shown() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, _) = in_a_chat(&server).await;
    let mut bob = agent(&server, "bob").await;
    let event = customer.say(&chat, "a").await["event"]["id"].take();
    amy.pushed().await;
    bob.pushed().await;
    customer.pushed().await;
    let mark = json!({"chat_id": chat, "event_id": event});
    amy.ok("mark_event_as_seen", mark.clone()).await;
    let seen = json!({"chat_id": chat, "event_id": event, "user_id": amy.user});
    for peer in [&mut amy, &mut bob] {
        assert_eq!(peer.only("event_marked_as_seen").await.payload, seen);
    }
    assert_eq!(amy.error("mark_event_as_seen", json!({"chat_id": chat, "event_id": "none"})).await, "validation");
    let typing = |recipients: Value| json!({"chat_id": chat, "recipients": recipients, "is_typing": true});
    for (recipients, heard) in [(Value::Null, "all"), (json!("agents"), "agents")] {
        amy.ok("send_typing_indicator", typing(recipients)).await;
        let told = bob.only("incoming_typing_indicator").await.payload["typing_indicator"].take();
        assert_eq!((&told["author_id"], &told["recipients"]), (&json!(amy.user), &json!(heard)));
        assert_eq!(customer.pushed().await.len(), usize::from(heard == "all"));
        amy.nothing().await;
    }
    let timed = amy.ok("update_last_seen_timestamp", json!({"chat_id": chat})).await["timestamp"].take();
    assert!(timed.as_i64().unwrap() > 1_600_000_000);
    let told = bob.only("last_seen_timestamp_updated").await.payload;
    assert_eq!((&told["user_id"], &told["timestamp"]), (&json!(amy.user), &timed));
}

#[tokio::test]
async fn agents_say_whether_they_take_chats() {
    let server = TestServer::start().await;
    let (mut amy, mut bob) = (agent(&server, "amy").await, agent(&server, "bob").await);
    amy.ok("update_agent", json!({"routing_status": "not_accepting_chats"})).await;
    let told = json!({"agent_id": amy.user, "routing_status": "not_accepting_chats"});
    assert_eq!(bob.only("agent_updated").await.payload, told);
    bob.ok("update_agent", json!({"agent_id": amy.user, "routing_status": "accepting_chats"})).await;
    amy.told(["agent_updated", "agent_updated"]).await;
    assert_eq!(amy.error("update_agent", json!({"routing_status": "away"})).await, "validation");
    assert_eq!(amy.error("update_agent", json!({"agent_id": "nobody@example.com"})).await, "validation");
    let phone = json!({"firebase_token": "t", "platform": "ios", "enabled": true});
    amy.ok("change_push_notifications", phone).await;
}

#[tokio::test]
async fn properties_are_merged_and_told_wrapped() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, thread) = in_a_chat(&server).await;
    let rate = |name: &str, value: Value| json!({"chat_id": chat, "thread_id": thread, "properties": {"rating": {name: value}}});
    amy.ok("update_chat_thread_properties", rate("score", json!(2))).await;
    let told = amy.only("chat_thread_properties_updated").await.payload;
    assert_eq!(told, rate("score", json!({"value": 2})));
    amy.ok("update_chat_thread_properties", rate("comment", json!({"value": "x"}))).await;
    amy.ok("update_chat_properties", json!({"chat_id": chat, "properties": {"a": {"b": true}}})).await;
    assert_eq!(amy.pushed().await[1].payload, json!({"chat_id": chat, "properties": {"a": {"b": {"value": true}}}}));
    assert_eq!(customer.pushed().await.len(), 3);
    let read = amy.ok("get_chat_threads", json!({"chat_id": chat, "thread_ids": [thread]})).await["chat"].take();
    let rating = json!({"rating": {"score": {"value": 2}, "comment": {"value": {"value": "x"}}}});
    assert_eq!(read["threads"][0]["properties"], rating);
    assert_eq!(read["properties"], json!({"a": {"b": {"value": true}}}));
    let nowhere = json!({"chat_id": chat, "thread_id": "none", "properties": {}});
    assert_eq!(amy.error("update_chat_thread_properties", nowhere).await, "validation");
}

#[tokio::test]
async fn archives_and_chats_are_searched() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, thread) = in_a_chat(&server).await;
    customer.say(&chat, "a needle in here").await;
    amy.ok("close_thread", json!({"chat_id": chat})).await;
    customer.say(&chat, "just hay").await;
    let (other, _) = server.customer("dora").await.start().await;
    amy.ok("close_thread", json!({"chat_id": other})).await;
    let rated = json!({"chat_id": chat, "thread_id": thread, "properties": {"rating": {"score": 1}}});
    amy.ok("update_chat_thread_properties", rated).await;
    let score = |filter: Value| json!({"properties": {"rating": {"score": filter}}});
    for (filters, found) in [
        (Value::Null, 3),
        (json!({"query": "needle"}), 1),
        (json!({"agent_ids": [amy.user]}), 3),
        (json!({"agent_ids": ["zoe@example.com"]}), 0),
        (json!({"team_ids": [0]}), 3),
        (json!({"team_ids": [9]}), 0),
        (json!({"date_from": "2020-01-01", "date_to": "2100-01-01"}), 3),
        (json!({"date_from": "2100-01-01"}), 0),
        (score(json!({"values": [1]})), 1),
        (score(json!({"exclude_values": [1]})), 2),
        (score(json!({"exists": false})), 2),
        (json!({"properties": {"rating.score": {"exists": true}}, "query": "needle"}), 1),
        (json!({"properties": {"rating.score": {"exists": true}}, "query": "hay"}), 0),
    ] {
        let result = amy.ok("get_archives", json!({"filters": filters})).await;
        assert_eq!(result["pagination"], json!({"page": 1, "total": found}), "{filters}");
        assert_eq!(result["chats"].as_array().unwrap().len(), found);
    }
    assert_eq!(
        amy.error("get_archives", json!({"filters": score(json!({"values": [1], "exists": true}))})).await,
        "validation"
    );
    let page = |page: i64, limit: i64| json!({"pagination": {"page": page, "limit": limit}});
    let second = amy.ok("get_archives", page(2, 2)).await;
    assert_eq!(second["pagination"], json!({"page": 2, "total": 3}));
    assert_eq!(second["chats"].as_array().unwrap().len(), 1);
    assert_eq!(second["chats"][0]["chat"]["thread"]["id"], thread);
    for wrong in [page(0, 1), page(1, -1)] {
        assert_eq!(amy.error("get_archives", wrong).await, "validation");
    }

    for (filters, found) in [
        (Value::Null, vec![&other]),
        (json!({"include_active": true}), vec![&other, &chat]),
        (json!({"include_active": true, "properties": {"rating.score": {"exists": true}}}), vec![]),
    ] {
        let result = amy.ok("get_filtered_chats", json!({"filters": filters})).await;
        let ids: Vec<&Value> = result["chats_summary"].as_array().unwrap().iter().map(|chat| &chat["id"]).collect();
        assert_eq!(ids, found, "{filters}");
    }
}

#[tokio::test]
async fn a_silent_agent_is_closed_without_a_word() {
    let short = Duration::from_millis(300);
    let server = TestServer::with(&[], Timing { customer_idle: short, ..Timing::default() }).await;
    let mut amy = agent(&server, "amy").await;
    assert_eq!(amy.closed().await, Some(1000));
    assert_eq!(amy.pushes, []);
}
