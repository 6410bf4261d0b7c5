//! World files, and several licences on one server.

use std::path::Path;

use super::*;

const WORLD: &str = include_str!("../../../scenarios/worlds/two-licences.yaml");

/// The world that comes with chatproof.
async fn example() -> TestServer {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/worlds/two-licences.yaml");
    let world = WorldFile::load(&path, &protocol()).unwrap_or_else(|errors| panic!("{errors}"));
    TestServer::ruled(Some(&world), Limits::default()).await
}

async fn login(server: &TestServer, dialect: &str, licence: u64, token: &str) -> (Peer, Value) {
    let mut peer = server.connect_to(dialect, licence).await;
    let answer = peer.ok("login", json!({ "token": token })).await;
    (peer, answer)
}

#[tokio::test]
async fn only_the_tokens_of_the_file_are_good() {
    let server = example().await;
    let (_, ann) = login(&server, "agent/v3.0", 0, "Bearer ann-s3cret").await;
    assert_eq!((&ann["my_profile"]["name"], &ann["license"]["id"]), (&json!("Ann"), &json!("104130623")));
    let (_, john) = login(&server, "customer/v0.3", 104_130_623, "john-s3cret").await;
    assert_eq!(john["customer_id"], "72de3b1d-0fd1-4bd0-8b9a-3d5e5a5b8c0f");
    for token in ["agent:ann@example.com", "john-s3cret", ""] {
        let mut agent = server.connect("agent/v3.0").await;
        assert_eq!(agent.error("login", json!({ "token": token })).await, "authentication", "{token}");
    }
    let mut rude = server.connect_to("customer/v0.3", 104_130_623).await;
    assert_eq!(rude.error("login", json!({"token": "rude-s3cret"})).await, "customer_banned");
}

#[tokio::test]
async fn an_open_world_takes_other_tokens_as_well() {
    let text = "open: true\nlicences: [{ id: 7, customers: [{ name: carl, email: carl@example.com }] }]";
    let world = WorldFile::parse(Path::new("w"), text.into(), &protocol()).unwrap();
    let server = TestServer::ruled(Some(&world), Limits::default()).await;
    let (mut carl, _) = login(&server, "customer/v0.3", 7, "customer:carl").await;
    // He is the one of the file, who has introduced himself.
    carl.ok("start_chat", json!({})).await;
    let (mut dora, _) = login(&server, "customer/v0.3", 7, "customer:dora").await;
    assert_eq!(dora.error("start_chat", json!({})).await, "validation");
}

#[tokio::test]
async fn past_chats_are_there() {
    let server = example().await;
    let (mut ann, answer) = login(&server, "agent/v3.0", 0, "ann-s3cret").await;
    assert_eq!(answer["chats_summary"][0]["id"], "PJ0MRSHTDH", "the chat that waited for an agent of group 2");
    let found = ann.ok("get_archives", json!({"filters": {"date_to": "2019-10-31"}})).await;
    assert_eq!(found["pagination"]["total"], 1);
    let chat = &found["chats"][0]["chat"];
    assert_eq!((&chat["id"], &chat["thread"]["id"]), (&json!("PJ0MRSHTDG"), &json!("K600PKZON8")));
    let events = chat["thread"]["events"].as_array().unwrap();
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["message", "message", "message", "system_message"]);
    assert_eq!(events[0]["timestamp"].as_i64().unwrap() - chat["thread"]["timestamp"].as_i64().unwrap(), 1);
    for (filters, total) in [
        (json!({"query": "every week"}), 1),
        (json!({"agent_ids": ["ann@example.com"]}), 3),
        (json!({"agent_ids": ["bob@example.com"]}), 0),
        (json!({"group_ids": [1]}), 2),
        (json!({"properties": {"rating": {"score": {"values": [1]}}}}), 1),
        (json!({"properties": {"rating": {"score": {"exists": false}}}}), 2),
        (json!({"properties": {"source": {"type": {"exclude_values": ["website"]}}}}), 1),
        (json!({"date_from": "2019-10-18", "date_to": "2019-11-02"}), 1),
    ] {
        let found = ann.ok("get_archives", json!({ "filters": filters })).await;
        assert_eq!(found["pagination"]["total"], total, "{filters}");
    }
    let customers = ann.ok("get_customers", json!({"filters": {"country": {"values": ["Poland"]}}})).await;
    assert_eq!(customers["customers"][0]["fields"], json!({"plan": "enterprise"}));
    assert_eq!(customers["total_customers"], 1);
    let (mut john, _) = login(&server, "customer/v0.3", 104_130_623, "john-s3cret").await;
    let seen = john.ok("get_chat_threads", json!({"chat_id": "PJ0MRSHTDG", "thread_ids": ["K600PKZON8"]})).await;
    let texts: Vec<&Value> =
        seen["chat"]["threads"][0]["events"].as_array().unwrap().iter().map(|e| &e["text"]).collect();
    assert_eq!(texts, ["Where is my order?", "On its way.", "Ann archived the chat"], "not what was for agents");
}

#[tokio::test]
async fn groups_decide_who_sees_and_gets_a_chat() {
    let server = example().await;
    let (mut bob, _) = login(&server, "agent/v3.0", 0, "bob-s3cret").await;
    assert_eq!(bob.error("get_chat_threads", json!({"chat_id": "PJ0MRSHTDG"})).await, "authorization", "of group 1");
    bob.pushed().await;
    let (mut john, _) = login(&server, "customer/v0.3", 104_130_623, "john-s3cret").await;
    john.ok("start_chat", json!({"chat": {"scopes": {"groups": [1]}}})).await;
    bob.nothing().await;
    let (mut ann, _) = login(&server, "agent/v3.0", 0, "ann-s3cret").await;
    assert_eq!(ann.pushed().await.last().unwrap().name, "incoming_chat_thread");
    ann.ok("multicast", json!({"scopes": {"agents": {"groups": [1]}}, "content": "sales"})).await;
    ann.only("incoming_multicast").await;
    bob.nothing().await;
}

#[tokio::test]
async fn people_of_two_licences_never_meet() {
    let server = example().await;
    let (mut ann, _) = login(&server, "agent/v3.0", 0, "ann-s3cret").await;
    let mut eve = server.connect("agent/v0.2").await;
    eve.ok("login", json!({"token": "eve-s3cret"})).await;
    let (mut john, _) = login(&server, "customer/v0.3", 104_130_623, "john-s3cret").await;
    let (mut other, answer) = login(&server, "customer/v0.3", 1520, "other-john-s3cret").await;
    let chat = john.ok("start_chat", json!({})).await["chat"]["id"].take();
    ann.pushed().await;
    eve.nothing().await;
    assert_eq!(other.ok("get_chats_summary", json!({})).await["total_chats"], 0);
    // Neither by naming the chat, nor its people.
    assert_eq!(
        other.error("send_event", json!({"chat_id": chat, "event": {"type": "message", "text": "a"}})).await,
        "validation"
    );
    assert_eq!(eve.error("close_thread", json!({ "chat_id": chat })).await, "validation");
    let everybody =
        json!({"agents": {"all": true, "ids": ["eve@example.org"]}, "customers": {"ids": [answer["customer_id"]]}});
    ann.ok("multicast", json!({"scopes": everybody, "content": "a"})).await;
    ann.pushed().await;
    eve.nothing().await;
    other.nothing().await;
    eve.ok("send_broadcast", json!({"content": "b"})).await;
    eve.only("incoming_broadcast").await;
    ann.nothing().await;
    // A token is good on its own licence alone.
    let mut lost = server.connect_to("customer/v0.3", 1520).await;
    assert_eq!(lost.error("login", json!({"token": "john-s3cret"})).await, "authentication");
}

#[tokio::test]
async fn a_licence_that_is_not_there_is_told_as_each_dialect_has_it() {
    let server = example().await;
    let mut customer = server.connect_to("customer/v0.3", 9).await;
    assert_eq!(customer.closed().await, Some(1008));
    assert_eq!(customer.pushes[0].payload, json!({"reason": "license_not_found"}));
    let mut older = server.connect_to("customer/v0.2", 9).await;
    assert_eq!(older.error("login", json!({"token": "john-s3cret"})).await, "license_not_found");
    assert_eq!(older.closed().await, Some(1008));
    let url = format!("http://{}/customer/v0.3/action/start_chat?license_id=9", server.addr);
    let answer = reqwest::Client::new().post(url).header("Authorization", "john-s3cret").json(&json!({})).send();
    let answer: Value = answer.await.unwrap().json().await.unwrap();
    assert_eq!(answer["error"]["type"], "validation");
}

#[tokio::test]
async fn the_router_remarks_on_what_is_done() {
    let server = TestServer::start().await;
    let mut amy = server.agent("amy").await;
    let mut carl = server.customer("carl").await;
    let (chat, _) = carl.start().await;
    let (mut bob, mut ann) = (server.agent("bob").await, server.connect("agent/v0.2").await);
    ann.ok("login", json!({"token": "agent:ann@example.com"})).await;
    let user = |name: &str| json!({"chat_id": chat, "user_id": format!("{name}@example.com"), "user_type": "agent"});
    amy.ok("add_user_to_chat", user("bob")).await;
    ann.ok("join_chat", json!({"chat_id": chat, "agent_ids": ["ann@example.com"]})).await;
    amy.ok("remove_user_from_chat", user("ann")).await;
    let target = json!({"type": "agent", "ids": ["ann@example.com"]});
    bob.ok("transfer_chat", json!({"chat_id": chat, "target": target})).await;
    let rating = |rating: Value| json!({"chat_id": chat, "properties": {"rating": rating}});
    carl.ok("update_chat_properties", rating(json!({"score": 1}))).await;
    carl.ok("update_chat_properties", rating(json!({"score": 1, "comment": "Fine", "helpful": true}))).await;
    // Only customers rate.
    amy.ok("update_chat_properties", rating(json!({"score": 0}))).await;
    ann.ok("close_thread", json!({"chat_id": chat})).await;
    // And only what is going on.
    carl.ok("update_chat_properties", rating(json!({"score": 1}))).await;
    carl.say(&chat, "Wait").await;
    carl.ok("close_thread", json!({"chat_id": chat})).await;
    carl.say(&chat, "One more thing").await;
    amy.ok("ban_customer", json!({"customer_id": carl.user, "ban": {"days": 3}})).await;
    carl.closed().await;
    let remarks = |pushes: &[Pushed]| -> Vec<(String, Value)> {
        let events = pushes.iter().map(|push| &push.payload["event"]).filter(|event| event["type"] == "system_message");
        events
            .map(|event| (event["system_message_type"].as_str().unwrap().to_owned(), event["text_vars"].clone()))
            .collect()
    };
    let expected = [
        ("agent_added", json!({"initiator": "amy", "agent": "bob"})),
        ("agent_joined", json!({"agent": "ann"})),
        ("agent_removed", json!({"initiator": "amy", "agent": "ann"})),
        ("chat_transferred", json!({"initiator": "bob", "targets": "ann"})),
        ("rating.chat_rated", json!({"customer": "carl", "score": "1"})),
        ("rating.chat_commented", json!({"customer": "carl", "comment": "Fine"})),
        ("manual_archived_agent", json!({"agent": "ann"})),
        ("manual_archived_customer", json!({"customer": "carl"})),
        ("customer_banned", json!({"agent": "amy", "duration": "3"})),
    ];
    assert_eq!(remarks(&carl.pushes), expected.map(|(kind, vars)| (kind.to_owned(), vars)));
    let older: Vec<String> = remarks(&ann.pushed().await).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(
        older,
        [
            "agent_joined",
            "agent_joined",
            "agent_left",
            "chat_transferred",
            "rating.chat_rated",
            "rating.chat_commented",
            "manual_archived",
            "manual_archived",
            "customer_banned"
        ]
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Cut, doubled or overwritten anywhere, a world loads or is refused with every place inside of it.
    #[test]
    fn no_damaged_world_breaks_us(
        from in 0..WORLD.len(), length in 0..40usize, with in "[-a-z:{}\\[\\]\"~0-9 \n&*é]{0,6}", twice: bool,
    ) {
        let to = (from + length).min(WORLD.len());
        let (Some(before), Some(cut), Some(after)) = (WORLD.get(..from), WORLD.get(from..to), WORLD.get(to..)) else {
            return Ok(());
        };
        let text = if twice { format!("{before}{cut}{with}{cut}{after}") } else { format!("{before}{with}{after}") };
        if let Err(told) = WorldFile::parse(Path::new("w"), text, &protocol()) {
            proptest::prop_assert!(told.to_string().starts_with("error: "), "{}", told);
        }
    }
}

#[tokio::test]
async fn the_router_is_silent_where_the_world_says_so() {
    for silent in [false, true] {
        let text =
            format!("open: true\nlicences: [{{ id: 1{} }}]", if silent { ", system_messages: false" } else { "" });
        let world = WorldFile::parse(Path::new("w"), text, &protocol()).unwrap();
        let server = TestServer::ruled(Some(&world), Limits::default()).await;
        let mut carl = server.customer("carl").await;
        let (chat, _) = carl.start().await;
        carl.ok("close_thread", json!({"chat_id": chat})).await;
        if silent {
            carl.only("thread_closed").await;
        } else {
            carl.thread_closed().await;
        }
    }
}
