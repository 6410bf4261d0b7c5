//! Each action of agent/v3.0 that is not part of a conversation: what it answers, and what it tells whom.

use super::*;

/// An agent and a customer in a chat, with all pushes read.
async fn in_a_chat(server: &TestServer) -> (Peer, Peer, Value, Value) {
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let (chat, thread) = customer.start().await;
    agent.pushed().await;
    (agent, customer, chat, thread)
}

#[tokio::test]
async fn login_tells_of_the_active_chats() {
    let server = TestServer::start().await;
    let (mut agent, mut customer, chat, thread) = in_a_chat(&server).await;
    customer.say(&chat, "a").await;
    agent.pushed().await;
    agent.ok("update_agent", json!({"routing_status": "not_accepting_chats"})).await;
    let mut other = server.connect("agent/v3.0").await;
    let login = other.ok("login", json!({"token": "agent:amy@example.com", "reconnect": true})).await;
    assert_eq!(login["my_profile"]["routing_status"], "not_accepting_chats");
    let summary = &login["chats_summary"][0];
    assert_eq!((&summary["id"], &summary["last_thread_summary"]["id"]), (&chat, &thread));
    assert_eq!(summary["last_event_per_type"]["message"]["event"]["text"], "a");
}

#[tokio::test]
async fn an_agent_starts_a_chat_with_a_customer() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let events =
        json!([{"type": "message", "text": "hello"}, {"type": "message", "text": "psst", "recipients": "agents"}]);
    let chat = json!({
        "users": [{"id": customer.user, "type": "customer"}],
        "access": {"group_ids": [1]},
        "properties": {"source": {"type": {"value": "web"}, "n": 1}},
        "thread": {"events": events, "tags": ["bug"], "properties": {"a": {"b": true}}},
    });
    let chat = agent.ok("start_chat", json!({"chat": chat})).await["chat"].take();
    assert_eq!(chat["thread"]["events"].as_array().unwrap().len(), 2);
    let pushed = agent.only("incoming_chat_thread").await.payload["chat"].take();
    assert_eq!(pushed["properties"], json!({"source": {"type": {"value": "web"}, "n": {"value": 1}}}));
    let heard = customer.only("incoming_chat_thread").await.payload["chat"].take();
    assert_eq!(heard["thread"]["events"].as_array().unwrap().len(), 1);
    assert_eq!(heard["scopes"], json!({"groups": [1]}));
    let unknown = json!({"chat": {"users": [{"id": "nobody", "type": "customer"}]}});
    assert_eq!(agent.error("start_chat", unknown).await, "validation");
    agent.ok("start_chat", Value::Null).await;
}

#[tokio::test]
async fn a_closed_chat_is_activated() {
    let server = TestServer::start().await;
    let (mut agent, mut customer, chat, thread) = in_a_chat(&server).await;
    assert_eq!(agent.error("activate_chat", json!({"chat": {"id": chat}})).await, "validation");
    agent.ok("close_thread", json!({"chat_id": chat})).await;
    agent.pushed().await;
    customer.pushed().await;
    let payload = json!({"chat": {"id": chat, "thread": {"events": [{"type": "message", "text": "back"}]}}});
    let active = agent.ok("activate_chat", payload).await["chat"].take();
    assert_eq!((&active["access"], &active["is_followed"]), (&json!({"group_ids": [0]}), &json!(true)));
    assert_ne!(active["threads"][0]["id"], thread);
    for peer in [&mut agent, &mut customer] {
        let told = peer.only("incoming_chat_thread").await;
        assert_eq!(told.payload["chat"]["thread"]["events"][0]["text"], "back");
    }
}

#[tokio::test]
async fn an_event_goes_where_its_flags_say() {
    let server = TestServer::start().await;
    let (mut agent, mut customer, chat, thread) = in_a_chat(&server).await;
    agent.ok("close_thread", json!({"chat_id": chat})).await;
    agent.pushed().await;
    customer.pushed().await;
    let mut payload =
        json!({"chat_id": chat, "event": {"type": "message", "text": "a"}, "require_active_thread": true});
    assert_eq!(agent.error("send_event", payload.clone()).await, "validation");
    payload["attach_to_last_thread"] = json!(true);
    assert_eq!(agent.error("send_event", payload.clone()).await, "validation");
    payload["require_active_thread"] = Value::Null;
    assert_eq!(agent.ok("send_event", payload.clone()).await["thread_id"], thread);
    customer.only("incoming_event").await;
    payload["attach_to_last_thread"] = json!(false);
    assert_ne!(agent.ok("send_event", payload).await["thread_id"], thread);
    customer.only("incoming_chat_thread").await;
}

#[tokio::test]
async fn every_type_of_event_reaches_both_sides() {
    let server = TestServer::start().await;
    let (mut agent, mut customer, chat, _) = in_a_chat(&server).await;
    let element =
        json!({"title": "t", "image": null, "buttons": [{"text": "yes", "postback_id": "p", "user_ids": []}]});
    let fields = json!([
        {"type": "name", "id": "1", "label": "Name", "answer": "Carl"},
        {"type": "radio", "id": "2", "label": "R", "answer": {"id": "a", "label": "A"}},
        {"type": "checkbox", "id": "3", "label": "C", "answers": [{"id": "x", "label": "X"}]},
        {"type": "group_chooser", "id": "4", "label": "G", "answer": {"label": "All", "group_id": 0}},
        {"type": "textarea"},
    ]);
    for event in [
        json!({"type": "message", "text": "a", "postback": {"id": "p", "type": "t", "value": "v"}}),
        json!({"type": "custom", "content": [1]}),
        json!({"type": "rich_message", "template_id": "cards", "elements": [element]}),
        json!({"type": "filled_form", "form_id": "f", "fields": fields}),
        json!({"type": "file", "name": "n", "url": "u", "content_type": "image/png", "width": 3, "height": 4}),
        json!({"type": "file", "name": "n", "url": "u", "content_type": "text/plain", "width": 3}),
    ] {
        let mut sent = agent.ok("send_event", json!({"chat_id": chat, "event": event})).await["event"].take();
        assert_eq!(agent.only("incoming_event").await.payload["event"], sent);
        let heard = customer.only("incoming_event").await.payload["event"].take();
        for member in ["id", "order", "type", "author_id"] {
            assert_eq!(heard[member], sent[member]);
        }
        if event["type"] == "filled_form" {
            assert_eq!(sent["fields"].as_array_mut().unwrap().pop().unwrap()["id"], "field_5");
            assert_eq!(sent["fields"], json!(fields.as_array().unwrap()[..4]));
        }
    }
    let fields = json!([{"type": "email", "name": "e", "label": "E", "required": true, "value": "a@b"}]);
    let form = json!({"type": "filled_form", "fields": fields});
    customer.ok("send_event", json!({"chat_id": chat, "event": form})).await;
    let heard = agent.only("incoming_event").await.payload["event"]["fields"].take();
    assert_eq!(heard, json!([{"type": "email", "id": "e", "label": "E", "answer": "a@b"}]));
}

#[tokio::test]
async fn followers_hear_everything_until_they_unfollow() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, _) = in_a_chat(&server).await;
    let mut bob = server.agent("bob").await;
    bob.ok("follow_chat", json!({"chat_id": chat})).await;
    assert!(bob.only("incoming_chat_thread").await.correlation.is_some());
    bob.ok("follow_chat", json!({"chat_id": chat})).await;
    amy.ok("follow_chat", json!({"chat_id": chat})).await;
    bob.nothing().await;
    amy.nothing().await;
    customer.say(&chat, "a").await;
    bob.only("incoming_event").await;
    bob.ok("unfollow_chat", json!({"chat_id": chat})).await;
    customer.say(&chat, "b").await;
    bob.nothing().await;
    amy.ok("close_thread", json!({"chat_id": chat})).await;
    bob.only("thread_closed").await;
    assert_eq!(amy.error("unfollow_chat", json!({"chat_id": chat})).await, "validation");
    customer.say(&chat, "reactivated").await;
    bob.nothing().await;
}

#[tokio::test]
async fn users_come_and_go() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, thread) = in_a_chat(&server).await;
    let mut bob = server.agent("bob").await;
    let who = |id: &str, kind: &str| json!({"chat_id": chat, "user_id": id, "user_type": kind});
    amy.ok("add_user_to_chat", who(&bob.user, "agent")).await;
    let [added, _] = amy.told(["chat_user_added", "incoming_event"]).await;
    assert_eq!((added.payload["user"]["id"].as_str(), &added.payload["thread_id"]), (Some(&*bob.user), &thread));
    let [joined, remark] = customer.told(["chat_users_updated", "incoming_event"]).await;
    assert_eq!(joined.payload["updated_users"]["removed_ids"], json!([]));
    assert_eq!(remark.payload["event"]["system_message_type"], "agent_added");
    bob.told(["incoming_event", "incoming_chat_thread"]).await;
    customer.say(&chat, "a").await;
    bob.only("incoming_event").await;

    assert_eq!(amy.error("add_user_to_chat", who(&bob.user, "agent")).await, "validation");
    assert_eq!(amy.error("add_user_to_chat", who(&bob.user, "customer")).await, "validation");
    let dora = server.customer("dora").await;
    assert_eq!(amy.error("add_user_to_chat", who(&dora.user, "customer")).await, "validation");
    assert_eq!(amy.error("remove_user_from_chat", who(&customer.user, "customer")).await, "validation");
    assert_eq!(amy.error("remove_user_from_chat", who("zoe@example.com", "agent")).await, "validation");

    amy.pushed().await;
    customer.pushed().await;
    bob.ok("remove_user_from_chat", who(&bob.user, "agent")).await;
    amy.told(["chat_user_removed", "incoming_event"]).await;
    // Who is there no more hears no more.
    assert_eq!(bob.only("chat_user_removed").await.payload["user_type"], "agent");
    customer.told(["chat_users_updated", "incoming_event"]).await;
    bob.ok("add_user_to_chat", who(&bob.user, "agent")).await;
    let [added, joined] = bob.told(["chat_user_added", "incoming_event"]).await;
    assert!(added.correlation.is_some() && joined.correlation.is_none());

    let alone = amy.ok("start_chat", Value::Null).await["chat"]["id"].take();
    amy.ok("add_user_to_chat", json!({"chat_id": alone, "user_id": dora.user, "user_type": "customer"})).await;
    let mut dora = dora;
    let [_, shown] = dora.told(["incoming_event", "incoming_chat_thread"]).await;
    assert_eq!(shown.payload["chat"]["id"], alone);
}

#[tokio::test]
async fn a_chat_is_handed_over() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, _) = in_a_chat(&server).await;
    assert_eq!(amy.error("transfer_chat", json!({"chat_id": chat})).await, "validation", "nobody else is there");
    let mut bob = server.agent("bob").await;
    let empty = json!({"type": "group", "ids": [77]});
    assert_eq!(amy.error("transfer_chat", json!({"chat_id": chat, "target": empty})).await, "validation");
    amy.nothing().await;
    bob.nothing().await;

    amy.ok("transfer_chat", json!({"chat_id": chat, "target": {"type": "agent", "ids": [bob.user]}})).await;
    let told = amy.pushed().await;
    assert_eq!(told[0].name, "chat_transferred");
    assert_eq!((&told[0].payload["type"], &told[0].payload["ids"]), (&json!("agent"), &json!([bob.user])));
    assert_eq!(told[1].name, "chat_user_removed");
    let heard: Vec<String> = bob.pushed().await.into_iter().map(|push| push.name).collect();
    assert!(heard.contains(&"incoming_chat_thread".to_owned()), "{heard:?}");
    customer.pushed().await;
    customer.say(&chat, "a").await;
    bob.only("incoming_event").await;
    amy.nothing().await;

    bob.ok("transfer_chat", json!({"chat_id": chat, "target": empty, "force": true})).await;
    bob.pushed().await;
    customer.say(&chat, "anybody?").await;
    amy.nothing().await;
    bob.nothing().await;
}

#[tokio::test]
async fn access_is_granted_revoked_and_set() {
    let server = TestServer::start().await;
    let (mut agent, mut customer, chat, _) = in_a_chat(&server).await;
    let access = |group: i64| json!({"resource": "chat", "id": chat, "access": {"type": "group", "id": group}});
    for (action, push, group, list) in [
        ("grant_access", "access_granted", 5, json!([0, 5])),
        ("revoke_access", "access_revoked", 0, json!([5])),
        ("set_access", "access_set", 1, json!([1])),
    ] {
        agent.ok(action, access(group)).await;
        let told = agent.only(push).await;
        assert_eq!((&told.payload["id"], &told.payload["access"]["group_ids"]), (&chat, &json!([group])));
        let read = agent.ok("get_chat_threads", json!({"chat_id": chat})).await;
        assert_eq!(read["chat"]["access"]["group_ids"], list);
    }
    let told: Vec<String> = customer.pushed().await.into_iter().map(|push| push.name).collect();
    assert_eq!(told, ["chat_scopes_updated"; 3]);
    let of_customer = json!({"resource": "customer", "id": customer.user, "access": {"type": "group", "id": 1}});
    agent.ok("grant_access", of_customer).await;
    assert_eq!(agent.only("access_granted").await.payload["resource"], "customer");
    let to_agent = json!({"resource": "chat", "id": chat, "access": {"type": "agent", "id": 7}});
    assert_eq!(agent.error("grant_access", to_agent).await, "validation");
}

#[tokio::test]
async fn properties_are_set_and_deleted_in_all_three_places() {
    let server = TestServer::start().await;
    let (mut agent, mut customer, chat, thread) = in_a_chat(&server).await;
    let event = customer.say(&chat, "a").await["event"]["id"].take();
    agent.pushed().await;
    customer.pushed().await;
    for (of, place) in [
        ("chat", json!({"chat_id": chat})),
        ("chat_thread", json!({"chat_id": chat, "thread_id": thread})),
        ("event", json!({"chat_id": chat, "thread_id": thread, "event_id": event})),
    ] {
        let with = |properties: Value| {
            let mut payload = place.clone();
            payload["properties"] = properties;
            payload
        };
        agent.ok(&format!("update_{of}_properties"), with(json!({"ns": {"a": 1, "b": "x"}}))).await;
        let told = agent.only(&format!("{of}_properties_updated")).await;
        assert_eq!(told.payload, with(json!({"ns": {"a": {"value": 1}, "b": {"value": "x"}}})));
        agent.ok(&format!("delete_{of}_properties"), with(json!({"ns": ["a", "unknown"], "other": ["a"]}))).await;
        assert_eq!(agent.only(&format!("{of}_properties_deleted")).await.payload, with(json!({"ns": ["a"]})));
        agent.ok(&format!("delete_{of}_properties"), with(json!({"ns": ["a"]}))).await;
        agent.nothing().await;
    }
    let names: Vec<String> = customer.pushed().await.into_iter().map(|push| push.name).collect();
    assert_eq!(names, ["chat_properties_updated", "chat_thread_properties_updated"]);
    let nowhere = json!({"chat_id": chat, "thread_id": thread, "event_id": "none", "properties": {}});
    assert_eq!(agent.error("update_event_properties", nowhere).await, "validation");
}

#[tokio::test]
async fn tags_are_put_on_and_taken_off() {
    let server = TestServer::start().await;
    let (mut agent, mut customer, chat, thread) = in_a_chat(&server).await;
    let tag = json!({"chat_id": chat, "thread_id": thread, "tag": "bug"});
    agent.ok("tag_chat_thread", tag.clone()).await;
    assert_eq!(agent.only("chat_thread_tagged").await.payload, tag);
    agent.ok("tag_chat_thread", tag.clone()).await;
    agent.nothing().await;
    agent.ok("untag_chat_thread", tag.clone()).await;
    assert_eq!(agent.only("chat_thread_untagged").await.payload, tag);
    customer.nothing().await;
}

#[tokio::test]
async fn a_button_is_clicked() {
    let server = TestServer::start().await;
    let (mut agent, _customer, chat, thread) = in_a_chat(&server).await;
    let button = json!({"text": "yes", "postback_id": "p"});
    let rich = json!({"type": "rich_message", "elements": [{"buttons": [button, button]}, {"buttons": [button]}]});
    let event = agent.ok("send_event", json!({"chat_id": chat, "event": rich})).await["event"]["id"].take();
    agent.pushed().await;
    let mut click =
        json!({"chat_id": chat, "thread_id": thread, "event_id": event, "postback": {"id": "p", "toggled": true}});
    agent.ok("send_rich_message_postback", click.clone()).await;
    let told = agent.pushed().await;
    assert_eq!(
        (told[0].name.as_str(), &told[0].payload["postback"]),
        ("incoming_rich_message_postback", &click["postback"])
    );
    assert_eq!((told[1].name.as_str(), told.len()), ("event_updated", 2));
    let elements = told[1].payload["event"]["elements"].as_array().unwrap().clone();
    let clicked: Vec<&Value> =
        elements.iter().flat_map(|e| e["buttons"].as_array().unwrap()).map(|button| &button["user_ids"]).collect();
    assert_eq!(clicked, [&json!([agent.user]); 3]);
    agent.ok("close_thread", json!({"chat_id": chat})).await;
    agent.pushed().await;
    click["postback"]["toggled"] = json!(false);
    agent.ok("send_rich_message_postback", click).await;
    agent.nothing().await;
}

#[tokio::test]
async fn customers_are_created_found_and_updated() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut other = server.agent("bob").await;
    let empty = agent.ok("create_customer", Value::Null).await;
    let details =
        json!({"name": "Carl", "email": "carl@example.com", "avatar": "https://a/b.png", "fields": {"a": "1"}});
    let carl = agent.ok("create_customer", details).await;
    assert_eq!(carl["fields"], json!({"a": "1"}));
    assert_eq!(other.pushed().await[1].payload["customer"], carl);
    agent.pushed().await;

    let updated =
        agent.ok("update_customer", json!({"customer_id": carl["id"], "name": "Karl", "fields": {"b": "2"}})).await;
    assert_eq!((&updated["email"], &updated["fields"]), (&carl["email"], &json!({"a": "1", "b": "2"})));
    assert!(agent.only("customer_updated").await.correlation.is_some());
    assert_eq!(other.only("customer_updated").await.payload["banned"], false);
    let nobody = json!({"customer_id": "d4efab70-984f-40ee-aa09-c9cc3c4b0882"});
    assert_eq!(agent.error("update_customer", nobody).await, "validation");

    for n in 0..20 {
        agent.ok("create_customer", json!({"name": format!("c{n}")})).await;
    }
    agent.pushed().await;
    let first = agent.ok("get_customers", Value::Null).await;
    assert_eq!((first["customers"].as_array().unwrap().len(), &first["total_customers"]), (10, &json!(22)));
    assert_eq!((&first["customers"][0]["name"], first.get("previous_page_id")), (&json!("c19"), None));
    let last = agent.ok("get_customers", json!({"page_id": first["next_page_id"], "limit": 100})).await;
    assert_eq!((last["customers"].as_array().unwrap().len(), last.get("next_page_id")), (12, None));
    let oldest = agent.ok("get_customers", json!({"order": "asc", "limit": 1})).await;
    assert_eq!(oldest["customers"][0]["id"], empty["id"]);
    let far = "2100-01-01T00:00:00.000000+01:00";
    for (filters, found) in [
        (json!({"name": {"values": ["Karl", "c3"]}}), 2),
        (json!({"name": {"exclude_values": ["Karl"]}}), 21),
        (json!({"email": {"values": ["carl@example.com"]}, "visits_count": {"eq": 0}}), 1),
        (json!({"chats_count": {"gte": 1}}), 0),
        (json!({"created_at": {"lt": far}}), 22),
        (json!({"created_at": {"gte": far}}), 0),
        (json!({"created_at": {"eq": empty["created_at"]}, "customer_id": {"values": [empty["id"]]}}), 1),
        (json!({"country": {"values": ["Poland"]}}), 0),
    ] {
        let result = agent.ok("get_customers", json!({"filters": filters})).await;
        assert_eq!(result["total_customers"], found, "{filters}");
    }
    assert_eq!(agent.error("get_customers", json!({"page_id": "made-up"})).await, "validation");
}

#[tokio::test]
async fn archives_are_searched() {
    let server = TestServer::start().await;
    let (mut agent, mut customer, chat, thread) = in_a_chat(&server).await;
    customer.say(&chat, "a needle in here").await;
    agent.ok("close_thread", json!({"chat_id": chat})).await;
    customer.say(&chat, "just hay").await;
    let rated = json!({"chat_id": chat, "thread_id": thread, "properties": {"rating": {"score": 1}}});
    agent.ok("update_chat_thread_properties", rated).await;
    let score = |filter: Value| json!({"properties": {"rating": {"score": filter}}});
    for (filters, found) in [
        (json!({}), 2),
        (json!({"query": "needle"}), 1),
        (json!({"agent_ids": [agent.user]}), 2),
        (json!({"agent_ids": ["zoe@example.com"]}), 0),
        (json!({"group_ids": [0]}), 2),
        (json!({"date_from": "2020-01-01", "date_to": "2100-01-01"}), 2),
        (json!({"date_to": "2020-01-01"}), 0),
        (score(json!({"values": [1]})), 1),
        (score(json!({"exclude_values": [1]})), 1),
        (score(json!({"exists": false})), 1),
    ] {
        let result = agent.ok("get_archives", json!({"filters": filters})).await;
        assert_eq!(result["pagination"], json!({"page": 1, "total": found}), "{filters}");
        assert_eq!(result["chats"].as_array().unwrap().len(), found);
    }
    let second = agent.ok("get_archives", json!({"pagination": {"page": 2, "limit": 1}})).await;
    assert_eq!(second["chats"][0]["chat"]["thread"]["id"], thread);
    let none = agent.ok("get_archives", json!({"pagination": {"limit": 0}})).await;
    assert_eq!((&none["chats"], &none["pagination"]["total"]), (&json!([]), &json!(2)));

    let read = agent.ok("get_chat_threads", json!({"chat_id": chat, "thread_ids": [thread]})).await;
    assert_eq!(read["chat"]["threads"].as_array().unwrap().len(), 1);
    assert_eq!(read["chat"]["threads_summary"].as_array().unwrap().len(), 2);
    let summary = agent.ok("get_chat_threads_summary", json!({"chat_id": chat, "limit": 1, "order": "asc"})).await;
    assert_eq!((&summary["threads_summary"][0]["id"], &summary["found_threads"]), (&thread, &json!(2)));
    let next = json!({"chat_id": chat, "limit": 1, "order": "asc", "page_id": summary["next_page_id"]});
    assert!(agent.ok("get_chat_threads_summary", next).await.get("next_page_id").is_none());
}

#[tokio::test]
async fn a_multicast_reaches_whom_it_names() {
    let server = TestServer::start().await;
    let (mut amy, mut bob) = (server.agent("amy").await, server.agent("bob").await);
    let content = json!({"scopes": {"agents": {"ids": [bob.user]}}, "content": {"a": [1]}, "type": "t"});
    amy.ok("multicast", content).await;
    let heard = bob.only("incoming_multicast").await;
    assert_eq!(heard.payload, json!({"author_id": amy.user, "content": {"a": [1]}, "type": "t"}));
    amy.nothing().await;
    for scope in [json!({"all": true}), json!({"groups": [0]}), json!({"groups": ["1"]})] {
        amy.ok("multicast", json!({"scopes": {"agents": scope}, "content": 7})).await;
        assert!(amy.only("incoming_multicast").await.correlation.is_some());
        bob.only("incoming_multicast").await;
    }
    amy.ok("multicast", json!({"scopes": {"agents": {"groups": [9]}}, "content": 7})).await;
    bob.nothing().await;
}

#[tokio::test]
async fn agents_say_what_they_do() {
    let server = TestServer::start().await;
    let (mut agent, mut customer, chat, _) = in_a_chat(&server).await;
    let seen = agent.ok("update_last_seen_timestamp", json!({"chat_id": chat, "timestamp": 9})).await;
    assert_eq!(seen["timestamp"], 9);
    agent.only("last_seen_timestamp_updated").await;
    assert_eq!(customer.only("last_seen_timestamp_updated").await.payload["user_id"], json!(agent.user));
    let phone = json!({"firebase_token": "t", "platform": "ios", "enabled": true});
    agent.ok("change_push_notifications", phone).await;
    agent.ok("set_away_status", json!({"away": true})).await;
    let (waiting, _) = server.customer("dora").await.start().await;
    agent.nothing().await;
    agent.ok("set_away_status", json!({"away": false})).await;
    assert_eq!(agent.only("incoming_chat_thread").await.payload["chat"]["id"], waiting);
    assert_eq!(agent.error("update_agent", json!({"agent_id": "nobody@example.com"})).await, "validation");
}
