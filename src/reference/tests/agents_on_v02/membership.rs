//! Who takes part in a chat, who may see it, and who may come in at all.

use super::*;

/// Ids and types of a chat's users, as this agent reads them.
async fn users(peer: &mut Peer, chat: &Value) -> Vec<(Value, Value)> {
    let read = peer.ok("get_chat_threads", json!({"chat_id": chat})).await;
    let users = read["chat"]["users"].as_array().unwrap();
    users.iter().map(|user| (user["id"].clone(), user["type"].clone())).collect()
}

#[tokio::test]
async fn agents_join_and_leave() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, _) = in_a_chat(&server).await;
    let (mut bob, newer) = (agent(&server, "bob").await, server.agent("zoe").await);
    amy.ok("join_chat", json!({"chat_id": chat, "agent_ids": [bob.user, newer.user]})).await;
    let both = [[bob.user.clone()], [newer.user.clone()]];
    let each = ["chat_users_updated", "incoming_event", "chat_users_updated", "incoming_event"];
    for peer in [&mut amy, &mut bob] {
        let [first, _, second, _] = peer.told(each).await;
        assert_eq!([first, second].map(|push| changed(&push, "agents").0), both);
    }
    customer.told(each).await;
    amy.ok("join_chat", json!({"chat_id": chat, "agent_ids": [bob.user]})).await;
    bob.nothing().await;
    assert_eq!(amy.error("join_chat", json!({"chat_id": chat})).await, "validation");
    let unknown = json!({"chat_id": chat, "agent_ids": [bob.user, "nobody@example.com"]});
    assert_eq!(amy.error("join_chat", unknown).await, "validation");
    bob.ok("remove_from_chat", json!({"chat_id": chat})).await;
    let [left, remark] = amy.told(["chat_users_updated", "incoming_event"]).await;
    assert_eq!(changed(&left, "agents"), (vec![], vec![bob.user.clone()]));
    assert_eq!(remark.payload["event"]["system_message_type"], "agent_left");
    assert_eq!(bob.error("remove_from_chat", json!({"chat_id": chat})).await, "validation");
    let absent = json!({"chat_id": chat, "customer_ids": [customer.user], "agent_ids": [bob.user]});
    assert_eq!(amy.error("remove_from_chat", absent).await, "validation");
    customer.pushed().await;
    amy.pushed().await;
    amy.ok("remove_from_chat", json!({"chat_id": chat, "customer_ids": [customer.user]})).await;
    let [left, _] = amy.told(["chat_users_updated", "incoming_event"]).await;
    assert_eq!(changed(&left, "customers"), (vec![], vec![customer.user.clone()]));
    customer.only("chat_users_updated").await;
    let ids: Vec<Value> = users(&mut amy, &chat).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [json!(amy.user), json!(newer.user)]);
    let peek = json!({"chat_id": chat, "sneak_peek_text": "hm"});
    assert_eq!(customer.error("send_sneak_peek", peek).await, "authorization");
}

#[tokio::test]
async fn a_supervisor_talks_with_agents_only_until_he_joins() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, thread) = in_a_chat(&server).await;
    let mut bob = agent(&server, "bob").await;
    bob.ok("supervise_chat", json!({"chat_id": chat, "agent_ids": []})).await;
    let told = amy.only("chat_users_updated").await;
    assert_eq!(changed(&told, "supervisors"), (vec![bob.user.clone()], vec![]));
    assert_eq!(told.payload["updated_users"]["supervisors"]["added"][0]["type"], "supervisor");
    bob.ok("supervise_chat", json!({"chat_id": chat})).await;
    amy.nothing().await;
    let stored = bob.say(&chat, "psst").await["event"].take();
    assert_eq!(stored["recipients"], "agents");
    assert_eq!(amy.only("incoming_event").await.payload["event"], stored);
    customer.nothing().await;
    let seen = customer.ok("get_chat_threads", json!({"chat_id": chat, "thread_ids": [thread]})).await["chat"].take();
    assert_eq!(seen["threads"][0]["events"], json!([]));
    assert!(!seen.to_string().contains(&bob.user));
    assert!(users(&mut amy, &chat).await.contains(&(json!(bob.user), json!("supervisor"))));

    bob.pushed().await;
    bob.ok("join_chat", json!({"chat_id": chat, "agent_ids": [bob.user]})).await;
    let [left, came, _] = amy.told(["chat_users_updated", "chat_users_updated", "incoming_event"]).await;
    assert_eq!(changed(&left, "supervisors"), (vec![], vec![bob.user.clone()]));
    assert_eq!(changed(&came, "agents"), (vec![bob.user.clone()], vec![]));
    customer.told(["chat_users_updated", "incoming_event"]).await;
    bob.say(&chat, "hello").await;
    customer.only("incoming_event").await;

    amy.pushed().await;
    bob.ok("supervise_chat", json!({"chat_id": chat})).await;
    amy.told(["chat_users_updated", "incoming_event", "chat_users_updated"]).await;
    customer.told(["chat_users_updated", "incoming_event"]).await;
    amy.ok("remove_from_chat", json!({"chat_id": chat, "agent_ids": [bob.user]})).await;
    assert_eq!(changed(&amy.only("chat_users_updated").await, "supervisors"), (vec![], vec![bob.user.clone()]));
    customer.nothing().await;
    assert_eq!(bob.error("supervise_chat", json!({"chat_id": "none"})).await, "validation");
}

#[tokio::test]
async fn scopes_decide_who_sees_a_chat() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, thread) = in_a_chat(&server).await;
    let (mut bob, mut zoe) = (agent(&server, "bob").await, agent(&server, "zoe").await);
    let change = json!({"chat_id": chat, "add_scopes": {"groups": [7, 8], "agents": [bob.user]}});
    amy.ok("update_chat_scopes", change).await;
    let added = json!({"groups": [7, 8], "agents": [bob.user]});
    for peer in [&mut amy, &mut bob, &mut zoe] {
        let told = peer.only("chat_scopes_updated").await.payload;
        assert_eq!((&told["scopes_added"], &told["scopes_removed"]), (&added, &json!({})));
    }
    assert_eq!(customer.only("chat_scopes_updated").await.payload["scopes_added"], json!({"groups": [7, 8]}));
    customer.say(&chat, "a").await;
    bob.only("incoming_event").await;
    zoe.nothing().await;
    assert_eq!(zoe.error("update_chat_scopes", json!({"chat_id": chat, "remove_scopes": {}})).await, "authorization");
    let found = |read: Value| read["pagination"]["total"].clone();
    assert_eq!(found(bob.ok("get_archives", json!({})).await), 1);
    assert_eq!(found(zoe.ok("get_archives", json!({})).await), 0);

    let change = json!({"chat_id": chat, "remove_scopes": {"groups": [7], "agents": [bob.user]}});
    amy.ok("update_chat_scopes", change.clone()).await;
    let told = bob.only("chat_scopes_updated").await.payload;
    assert_eq!(told["scopes_removed"], json!({"groups": [7], "agents": [bob.user]}));
    amy.pushed().await;
    amy.ok("update_chat_scopes", change).await;
    amy.nothing().await;
    amy.ok("update_chat_scopes", json!({"chat_id": chat, "remove_scopes": {"groups": [8]}})).await;
    let read = zoe.ok("get_chat_threads", json!({"chat_id": chat, "thread_ids": [thread, "other"]})).await;
    assert_eq!((&read["chat"]["scopes"], read["chat"]["threads"].as_array().unwrap().len()), (&json!({}), 1));
}

#[tokio::test]
async fn a_ban_throws_out_and_is_lifted() {
    let server = TestServer::start().await;
    let (mut amy, mut customer, chat, thread) = in_a_chat(&server).await;
    let id = customer.user.clone();
    amy.ok("ban_customer", json!({"customer_id": id, "ban": {"days": 5}})).await;
    let [banned, remark, closed] = amy.told(["customer_banned", "incoming_event", "thread_closed"]).await;
    assert_eq!(banned.payload, json!({"customer_id": id, "ban": {"days": 5}}));
    assert_eq!(remark.payload["event"]["system_message_type"], "customer_banned");
    assert_eq!(closed.payload, json!({"chat_id": chat, "thread_id": thread}));
    customer.closed().await;
    let mut again = server.connect("customer/v0.3").await;
    assert_eq!(again.error("login", json!({"token": "customer:carl"})).await, "customer_banned");
    let read = amy.ok("get_chat_threads", json!({"chat_id": chat})).await;
    assert_eq!(read["chat"]["users"][0]["banned"], true);
    for _ in 0..2 {
        amy.ok("unban_customer", json!({"customer_id": id})).await;
    }
    assert_eq!(amy.only("customer_unbanned").await.payload, json!({"customer_id": id}));
    again.ok("login", json!({"token": "customer:carl"})).await;
    for action in ["ban_customer", "unban_customer"] {
        let nobody = json!({"customer_id": "nobody", "ban": {"days": 1}});
        assert_eq!(amy.error(action, nobody).await, "validation");
    }
    assert_eq!(amy.error("ban_customer", json!({"customer_id": id, "ban": {"days": 0}})).await, "validation");
}
