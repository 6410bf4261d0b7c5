//! Each action of customer/v0.3 that is not part of a conversation: what it answers, and what it tells whom.

use super::*;

#[tokio::test]
async fn login_knows_a_customer_again() {
    let server = TestServer::start().await;
    let mut peer = server.connect("customer/v0.3").await;
    let details = json!({"name": "Carl", "fields": {"a": "1"}, "monitoring": {"page": {"url": "http://a"}}});
    let first = peer.ok("login", json!({"token": "customer:carl", "customer": details})).await;
    let again = peer.ok("login", json!({"token": "Bearer customer:carl", "customer": {"fields": {"b": "2"}}})).await;
    assert_eq!(first, again);
    peer.nothing().await;
    let customer = peer.ok("update_customer", json!({})).await["customer"].take();
    assert_eq!((&customer["name"], &customer["fields"]), (&json!("Carl"), &json!({"a": "1", "b": "2"})));
}

#[tokio::test]
async fn a_chat_starts_with_all_that_the_request_names() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let fields = json!([
        {"type": "text", "name": "n", "label": "Name", "required": true, "value": "Carl"},
        {"type": "radio", "name": "r", "label": "R", "required": false,
         "options": [{"label": "A", "value": "a", "checked": true}, {"label": "B", "value": "b", "checked": false}]},
    ]);
    let events = json!([
        {"type": "message", "text": "hi", "custom_id": "c1", "properties": {"p": {"q": 1}}},
        {"type": "filled_form", "fields": fields},
        {"type": "annotation", "annotation_type": "rating", "text": null},
        {"type": "custom", "content": {"any": [null]}},
        {"type": "system_message", "text": "welcome", "custom_id": "c2"},
    ]);
    let thread = json!({"events": events, "properties": {"source": {"type": "web"}}});
    let wanted = json!({"scopes": {"groups": [1]}, "properties": {"ns": {"name": "value"}}, "thread": thread});
    let chat = customer.ok("start_chat", json!({"chat": wanted})).await["chat"].take();
    assert_eq!(chat["scopes"], json!({"groups": [1]}));
    assert_eq!(chat["properties"], json!({"ns": {"name": {"value": "value"}}}));
    assert_eq!(chat["thread"]["properties"], json!({"source": {"type": {"value": "web"}}}));
    let stored = chat["thread"]["events"].as_array().unwrap();
    let orders: Vec<i64> = stored.iter().map(|event| event["order"].as_i64().unwrap()).collect();
    assert!(orders.len() == 5 && orders.is_sorted_by(|a, b| a < b));
    assert_eq!((&stored[0]["custom_id"], &stored[0]["author_id"]), (&json!("c1"), &json!(customer.user)));
    assert_eq!(stored[0]["properties"], json!({"p": {"q": {"value": 1}}}));
    assert_eq!(stored[1]["fields"], fields);
    assert_eq!(stored[3]["content"], json!({"any": [null]}));
    assert_eq!((stored[4].get("author_id"), stored[4].get("custom_id")), (None, None));
}

#[tokio::test]
async fn summaries_are_paged_and_counted() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let mut chats = Vec::new();
    for n in 0..12 {
        let (chat, _) = customer.start().await;
        customer.say(&chat, &format!("in {n}")).await;
        chats.push(chat);
    }
    let first = customer.ok("get_chats_summary", Value::Null).await;
    assert_eq!((first["chats_summary"].as_array().unwrap().len(), &first["total_chats"]), (10, &json!(12)));
    assert_eq!(first["chats_summary"][0]["id"], chats[11], "newest first");
    assert_eq!(first["chats_summary"][0]["last_event_per_type"]["events"]["message"]["text"], "in 11");
    let rest = customer.ok("get_chats_summary", json!({"offset": 10, "limit": 25})).await;
    assert_eq!(rest["chats_summary"][1]["id"], chats[0]);

    for _ in 0..3 {
        customer.ok("close_thread", json!({"chat_id": chats[0]})).await;
        customer.say(&chats[0], "again").await;
    }
    let threads = customer.ok("get_chat_threads_summary", json!({"chat_id": chats[0], "limit": 2, "offset": 1})).await;
    assert_eq!((threads["threads_summary"].as_array().unwrap().len(), &threads["total_threads"]), (2, &json!(4)));
    let id = threads["threads_summary"][0]["id"].clone();
    let read = customer.ok("get_chat_threads", json!({"chat_id": chats[0], "thread_ids": [id, "UNKNOWN"]})).await;
    let read = read["chat"]["threads"].as_array().unwrap().clone();
    assert_eq!((read.len(), &read[0]["active"], &read[0]["id"]), (1, &json!(false), &id));
}

#[tokio::test]
async fn an_annotation_opens_no_thread() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let (chat, thread) = customer.start().await;
    customer.ok("close_thread", json!({"chat_id": chat, "thread_id": thread})).await;
    customer.pushed().await;
    let rating = json!({"type": "annotation", "annotation_type": "rating"});
    let stored = customer.ok("send_event", json!({"chat_id": chat, "event": rating})).await;
    assert_eq!(stored["thread_id"], thread);
    customer.only("incoming_event").await;
    assert_eq!(customer.error("close_thread", json!({"chat_id": chat})).await, "validation");
    // Nobody is shown what is typed without a thread.
    customer.ok("send_sneak_peek", json!({"chat_id": chat, "sneak_peek_text": ""})).await;
}

#[tokio::test]
async fn closing_another_thread_than_the_active_one_is_refused() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let (chat, _) = customer.start().await;
    let payload = json!({"chat_id": chat, "thread_id": "ELSEWHERE"});
    assert_eq!(customer.error("close_thread", payload).await, "validation");
    customer.nothing().await;
}

#[tokio::test]
async fn properties_are_merged_and_only_changes_are_told() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let (chat, thread) = customer.start().await;
    agent.pushed().await;
    let set = |properties: Value| json!({"chat_id": chat, "properties": properties});
    customer.ok("update_chat_properties", set(json!({"ns": {"a": 1, "b": 2}}))).await;
    customer.ok("update_chat_properties", set(json!({"ns": {"a": 1, "b": 3}}))).await;
    customer.ok("update_chat_properties", set(json!({"ns": {"a": 1}}))).await;
    for peer in [&mut customer, &mut agent] {
        let told: Vec<Value> =
            peer.pushed().await.into_iter().map(|mut push| push.payload["properties"].take()).collect();
        let value = |value: i64| json!({"value": value});
        assert_eq!(told, [json!({"ns": {"a": value(1), "b": value(2)}}), json!({"ns": {"b": value(3)}})]);
    }
    let of_thread = json!({"chat_id": chat, "thread_id": thread, "properties": {"rating": {"score": 1}}});
    customer.ok("update_chat_thread_properties", of_thread.clone()).await;
    let [told, remark] = customer.told(["chat_thread_properties_updated", "incoming_event"]).await;
    assert!(told.correlation.is_some());
    assert_eq!(remark.payload["event"]["system_message_type"], "rating.chat_rated");
    agent.told(["chat_thread_properties_updated", "incoming_event"]).await;
    let mut nowhere = of_thread;
    nowhere["thread_id"] = json!("NOWHERE");
    assert_eq!(customer.error("update_chat_thread_properties", nowhere).await, "validation");
}

#[tokio::test]
async fn an_update_is_told_once_for_each_active_chat() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let chats = [customer.start().await.0, customer.start().await.0, customer.start().await.0];
    customer.ok("close_thread", json!({"chat_id": chats[1]})).await;
    customer.pushed().await;
    agent.pushed().await;
    let updated = customer.ok("update_customer", json!({"customer": {"name": "Karl", "email": null}})).await;
    assert_eq!(updated["customer"]["name"], "Karl");
    let told = customer.pushed().await;
    let about: Vec<&Value> = told.iter().map(|push| &push.payload["chat_id"]).collect();
    assert_eq!(about, [&chats[0], &chats[2]]);
    assert!(told.iter().all(|push| push.name == "customer_updated" && push.correlation.is_some()));
    assert_eq!(agent.only("customer_updated").await.payload["name"], "Karl");
}

#[tokio::test]
async fn scopes_are_added_and_removed() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let (chat, _) = customer.start().await;
    agent.pushed().await;
    let add = json!({"chat_id": chat, "add_scopes": {"groups": [1, 2]}});
    customer.ok("update_chat_scopes", add.clone()).await;
    let told = customer.only("chat_scopes_updated").await;
    assert_eq!(told.payload["scopes_added"], json!({"groups": [1, 2]}));
    let names: Vec<String> = agent.pushed().await.into_iter().map(|push| push.name).collect();
    assert_eq!(names, ["access_granted", "access_revoked"]);
    customer.ok("update_chat_scopes", add).await;
    customer.ok("update_chat_scopes", json!({"chat_id": chat})).await;
    customer.nothing().await;
    customer.ok("update_chat_scopes", json!({"chat_id": chat, "remove_scopes": {"groups": [2, 3]}})).await;
    assert_eq!(customer.only("chat_scopes_updated").await.payload["scopes_removed"], json!({"groups": [2]}));
    assert_eq!(customer.ok("get_chats_summary", json!({})).await["chats_summary"][0]["scopes"], json!({"groups": [1]}));
}

#[tokio::test]
async fn what_was_seen_is_told_in_each_chat_or_in_one() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let chats = [customer.start().await.0, customer.start().await.0];
    agent.pushed().await;
    assert_eq!(customer.ok("update_last_seen_timestamp", json!({"timestamp": 5})).await["timestamp"], 5);
    let about: Vec<Value> =
        customer.pushed().await.into_iter().map(|mut push| push.payload["chat_id"].take()).collect();
    assert_eq!(about, chats);
    assert_eq!(agent.pushed().await.len(), 2);
    let now = customer.ok("update_last_seen_timestamp", json!({"chat_id": chats[0]})).await;
    assert!(now["timestamp"].as_i64() > Some(1_600_000_000));
    let seen = customer.only("last_seen_timestamp_updated").await;
    assert_eq!((&seen.payload["user_id"], &seen.payload["timestamp"]), (&json!(customer.user), &now["timestamp"]));
}
