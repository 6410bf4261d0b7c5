//! Each hardship shows, and what is sent under it is as documented: the peer checks every frame.

use std::collections::BTreeSet;

use super::*;

/// What shows only now and then has shown by then.
const OFTEN: usize = 40;

/// The next frame as JSON.
async fn raw(peer: &mut Peer) -> Value {
    let Some(Ok(Message::Text(text))) = peer.frame().await else { panic!("no frame") };
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn pushes_overtake_each_other_and_none_is_lost() {
    let server = TestServer::hard(&[Hardship::ShuffledPushes]).await;
    let mut customer = server.customer("carl").await;
    let mut elsewhere = server.customer("carl").await;
    let chat = customer.ok("start_chat", Value::Null).await["chat"]["id"].take();
    for n in 0..OFTEN {
        customer.say(&chat, &n.to_string()).await;
    }
    while elsewhere.pushes.len() <= OFTEN {
        assert!(matches!(elsewhere.next().await, Got::Pushed));
    }
    let came: Vec<i64> =
        elsewhere.pushes.iter().filter_map(|push| push.payload.pointer("/event/order")?.as_i64()).collect();
    assert_eq!(came.iter().collect::<BTreeSet<_>>().len(), OFTEN, "{came:?}");
    assert!(!came.is_sorted(), "{came:?}");
}

#[tokio::test]
async fn what_is_held_back_leaves_before_the_connection_ends() {
    let server = TestServer::hard(&[Hardship::ShuffledPushes, Hardship::SlowAnswers]).await;
    let mut agent = server.agent("amy").await;
    for n in 0..OFTEN {
        let mut customer = server.customer(&format!("carl{n}")).await;
        customer.ok("start_chat", Value::Null).await;
        agent.ok("ban_customer", json!({"customer_id": customer.user, "ban": {"days": 1}})).await;
        while !matches!(customer.next().await, Got::Closed(_)) {}
        let told: BTreeSet<_> = customer.pushes.iter().map(|push| push.name.as_str()).collect();
        assert!(told.contains("customer_disconnected") && told.contains("thread_closed"), "{told:?}");
    }
}

#[tokio::test]
async fn a_push_may_come_before_the_answer() {
    let server = TestServer::hard(&[Hardship::PushBeforeResponse]).await;
    let mut customer = server.customer("carl").await;
    let (chat, _) = customer.start().await;
    let mut early = 0;
    for n in 0..OFTEN {
        customer.say(&chat, &n.to_string()).await;
        early += customer.pushes.len();
        customer.only("incoming_event").await;
    }
    assert!((1..OFTEN).contains(&early), "{early}");
}

#[tokio::test]
async fn answers_overtake_slow_ones() {
    let server = TestServer::hard(&[Hardship::SlowAnswers]).await;
    let mut customer = server.customer("carl").await;
    let mut asked = Vec::new();
    for _ in 0..5 * OFTEN {
        asked.push(customer.request("get_chats_summary", Value::Null).await);
    }
    let mut answered = Vec::new();
    while answered.len() < asked.len() {
        let Got::Response { correlation, success: true, .. } = customer.next().await else { panic!("no answer") };
        answered.extend(correlation);
    }
    assert_ne!(answered, asked);
    answered.sort_unstable();
    asked.sort_unstable();
    assert_eq!(answered, asked);
}

#[tokio::test]
async fn ids_have_any_look_and_can_be_used() {
    let server = TestServer::hard(&[Hardship::OddIds]).await;
    let mut customer = server.customer("carl").await;
    let mut ids = BTreeSet::new();
    for _ in 0..OFTEN {
        let (chat, thread) = customer.start().await;
        let threads = json!({"chat_id": chat, "thread_ids": [thread]});
        assert_eq!(customer.ok("get_chat_threads", threads).await["chat"]["threads"][0]["id"], thread);
        ids.insert(chat.as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), OFTEN);
    assert!(ids.iter().any(|id| id.len() > 200) && ids.iter().any(|id| id.contains(['/', '"', 'é'])));
    assert!(ids.iter().any(|id| id.bytes().all(|byte| byte.is_ascii_digit())), "{ids:?}");
}

#[tokio::test]
async fn no_payload_is_told_in_three_ways() {
    let server = TestServer::hard(&[Hardship::EmptyPayloads]).await;
    let mut customer = server.customer("carl").await;
    let mut forms = BTreeSet::new();
    for _ in 0..OFTEN {
        customer.request("ping", Value::Null).await;
        forms.insert(raw(&mut customer).await.get("payload").map(Value::to_string));
    }
    assert_eq!(forms, BTreeSet::from([None, Some("null".to_owned()), Some("{}".to_owned())]));
}

#[tokio::test]
async fn messages_have_unknown_members_and_errors_have_data() {
    let server = TestServer::hard(&[Hardship::UnknownMembers, Hardship::ErrorData]).await;
    let mut customer = server.customer("carl").await;
    let chat = customer.ok("start_chat", Value::Null).await["chat"].take();
    assert!(chat.get("of_next_year").is_some() && chat["users"][0].get("of_next_year").is_some(), "{chat}");
    let push = customer.only("incoming_chat_thread").await.payload;
    assert!(push.get("of_next_year").is_some() && push["chat"].get("of_next_year").is_some(), "{push}");
    let error = customer.call("close_thread", json!({"chat_id": "none"})).await.unwrap_err();
    assert!(error["data"].is_object(), "{error}");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/customer/v0.3/action/close_thread?license_id=1", server.addr);
    let body: Value = http.post(url).body("{}").send().await.unwrap().json().await.unwrap();
    assert!(body["error"]["data"].is_object(), "{body}");
}

#[tokio::test]
async fn users_are_listed_in_any_order() {
    let server = TestServer::hard(&[Hardship::ShuffledLists]).await;
    let mut customer = server.customer("carl").await;
    let mut agent = server.agent("amy").await;
    let chat = customer.ok("start_chat", Value::Null).await["chat"].take();
    let mut first = BTreeSet::new();
    for _ in 0..OFTEN {
        let threads = agent.ok("get_chat_threads", json!({"chat_id": chat["id"]})).await;
        assert_eq!(threads["chat"]["users"].as_array().map(Vec::len), Some(2), "{threads}");
        first.insert(threads["chat"]["users"][0]["id"].to_string());
    }
    assert_eq!(first.len(), 2);
}

#[tokio::test]
async fn what_may_be_left_out_is_there_now_and_then() {
    let server = TestServer::hard(&[Hardship::OtherReadings]).await;
    let mut customer = server.customer_speaking("customer/v0.2", "carl").await;
    let mut named = BTreeSet::new();
    for _ in 0..OFTEN {
        let (chat, _) = customer.start().await;
        customer.ok("close_thread", json!({"chat_id": chat})).await;
        named.insert(customer.thread_closed().await.payload.get("user_id").is_some());
    }
    assert_eq!(named.len(), 2);
}

#[tokio::test]
async fn a_ping_is_not_answered_where_it_need_not_be() {
    let server = TestServer::hard(&[Hardship::SilentPings]).await;
    for (dialect, is_answered) in [("customer/v0.3", false), ("customer/v0.2", true)] {
        let mut customer = server.customer_speaking(dialect, "carl").await;
        customer.request("ping", Value::Null).await;
        customer.request("get_chats_summary", Value::Null).await;
        let first = raw(&mut customer).await;
        assert_eq!(first["action"], if is_answered { "ping" } else { "get_chats_summary" }, "{dialect}");
    }
}
