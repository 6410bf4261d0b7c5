//! What real clients send and rely on where the documents are silent: names of ids, payloads that are not there, paths, query members,
//! and the order of answer and push. Ids under both names, bodies without a wrapper and the pushes of other connections are tested with
//! the conversations and the Web API.

use reqwest::Client;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::*;

/// The path and query of a connection, and a dialect that leads there.
const DOORS: [(&str, &str); 7] = [
    ("/customer/v0.2/rtm/ws", "customer/v0.2"),
    ("/customer/rtm/ws", "customer/v0.2"),
    ("/customer/v0.3/rtm/ws", "customer/v0.3"),
    ("/agent/v0.2/rtm/ws", "agent/v0.2"),
    ("/agent/rtm/ws", "agent/v0.2"),
    ("/v3.0/agent/rtm/ws", "agent/v3.0"),
    ("/agent/v3.0/rtm/ws", "agent/v3.0"),
];

async fn through(server: &TestServer, path_and_query: &str, dialect: &str) -> Peer {
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (socket, _) = client_async(format!("ws://{}{path_and_query}", server.addr), stream).await.unwrap();
    let dialect = Arc::clone(protocol().dialect(dialect).unwrap());
    Peer { dialect, socket, sent: 0, user: String::new(), pushes: Vec::new() }
}

#[tokio::test]
async fn every_path_in_use_leads_to_its_dialect_whatever_else_the_query_has() {
    let server = TestServer::start().await;
    for (path, dialect) in DOORS {
        let token = if dialect.starts_with("agent") { "agent:amy@example.com" } else { "customer:carl" };
        for query in ["license_id=1", "bh=f00&license_id=1&t=1511740800000&x=%20&&=", "license_id=1&license_id=x"] {
            let mut peer = through(&server, &format!("{path}?{query}"), dialect).await;
            let pointer = peer.dialect.catalog.login.user_id.clone();
            let answer = peer.ok("login", json!({"token": token})).await;
            assert!(answer.pointer(&pointer).is_some_and(Value::is_string), "{path}: {answer}");
        }
    }
    let http = Client::new();
    for (path, token) in [
        ("/customer/v0.3/action/update_customer?_=1&license_id=1", "customer:carl"),
        ("/agent/v0.2/action/start_chat?_=1", "agent:amy@example.com"),
        ("/v3.0/agent/action/get_customers?_=1", "agent:amy@example.com"),
        ("/agent/v3.0/action/get_customers?_=1", "agent:amy@example.com"),
    ] {
        let call = http.post(format!("http://{}{path}", server.addr)).header("Authorization", token).body("{}");
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.json::<Value>().await.unwrap().is_object());
    }
}

#[tokio::test]
async fn a_payload_that_is_absent_null_or_empty_is_the_same() {
    let server = TestServer::start().await;
    let http = Client::new();
    let mut customer = server.customer("carl").await;
    let mut agent = server.agent("amy").await;
    for payload in ["", r#","payload":null"#, r#","payload":{}"#] {
        for action in ["start_chat", "ping", "get_customers"] {
            let peer = if action == "get_customers" { &mut agent } else { &mut customer };
            peer.send(format!(r#"{{"request_id":"r","action":"{action}"{payload}}}"#)).await;
            let (success, answer) = loop {
                match peer.next().await {
                    Got::Response { success, payload, .. } => break (success, payload),
                    Got::Pushed => {}
                    Got::Closed(code) => panic!("closed with {code:?}"),
                }
            };
            assert!(success, "{action}{payload}: {answer}");
            if action == "start_chat" {
                peer.ok("close_thread", json!({"chat_id": answer["chat"]["id"]})).await;
            }
        }
        let body = format!("{{{}}}", payload.trim_start_matches(','));
        for (path, token) in [
            ("/customer/v0.3/action/update_customer?license_id=1", "customer:carl"),
            ("/v3.0/agent/action/get_customers", "agent:amy@example.com"),
        ] {
            let call = http.post(format!("http://{}{path}", server.addr)).header("Authorization", token);
            assert_eq!(call.body(body.clone()).send().await.unwrap().status(), 200, "{path} {body}");
        }
    }
}

#[tokio::test]
async fn an_empty_author_id_is_none_and_a_ping_needs_no_id() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    for (text, id) in [
        (r#"{"request_id":"1","action":"ping","author_id":""}"#, Some("1")),
        (r#"{"id":"2","action":"ping","author_id":null,"payload":{}}"#, Some("2")),
        (r#"{"action":"ping"}"#, None),
    ] {
        customer.send(text).await;
        let Got::Response { correlation, action, success, .. } = customer.next().await else { panic!("{text}") };
        assert_eq!((correlation.as_deref(), action.as_str(), success), (id, "ping", true));
    }
}

/// What has just happened at the requester: the answer was first, and then came exactly one push with the id of the request.
#[track_caller]
fn is_answer_then_push(peer: &Peer, id: &str, before: usize, push: &str) {
    assert_eq!(before, 0, "a push came before the answer");
    let own: Vec<_> = peer.pushes.iter().filter(|push| push.correlation.as_deref() == Some(id)).collect();
    assert_eq!(own.len(), 1, "{:#?}", peer.pushes);
    assert_eq!(own[0].name, push);
}

#[tokio::test]
async fn after_the_answer_comes_exactly_one_push_with_the_id_of_the_request() {
    let server = TestServer::start().await;
    for customer in [true, false] {
        let mut peer = if customer { server.customer("carl").await } else { server.agent("amy").await };
        let mut others = [server.customer("carl").await, server.agent("zoe").await];
        let mut chat = Value::Null;
        let message = json!({"type": "message", "text": "a"});
        let properties = json!({"space": {"name": 1}});
        for (action, payload, push) in [
            ("start_chat", json!({}), "incoming_chat_thread"),
            ("send_event", json!({"event": message}), "incoming_event"),
            ("update_chat_properties", json!({"properties": properties}), "chat_properties_updated"),
            ("close_thread", json!({}), "thread_closed"),
            ("send_event", json!({"event": message}), "incoming_chat_thread"),
        ] {
            let mut payload = payload;
            if !chat.is_null() {
                payload["chat_id"] = chat.clone();
            }
            let id = peer.request(action, payload).await;
            let mut before = 0;
            loop {
                match peer.next().await {
                    Got::Response { success, payload, .. } => {
                        assert!(success, "{action}: {payload}");
                        if action == "start_chat" {
                            chat = payload["chat"]["id"].clone();
                        }
                        break;
                    }
                    Got::Pushed => before += 1,
                    Got::Closed(code) => panic!("closed with {code:?}"),
                }
            }
            peer.ok("ping", Value::Null).await;
            is_answer_then_push(&peer, &id, before, push);
            peer.pushes.clear();
            for other in &mut others {
                assert!(other.pushed().await.iter().all(|push| push.correlation.is_none()));
            }
        }
    }
}

#[tokio::test]
async fn compression_is_offered_and_not_taken_up() {
    let server = TestServer::start().await;
    let mut request = format!("ws://{}/customer/v0.3/rtm/ws?license_id=1", server.addr).into_client_request().unwrap();
    let offer = HeaderValue::from_static("permessage-deflate; client_max_window_bits");
    request.headers_mut().insert("Sec-WebSocket-Extensions", offer);
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (socket, response) = client_async(request, stream).await.unwrap();
    assert_eq!(response.headers().get("Sec-WebSocket-Extensions"), None);
    let dialect = Arc::clone(protocol().dialect("customer/v0.3").unwrap());
    let mut peer = Peer { dialect, socket, sent: 0, user: String::new(), pushes: Vec::new() };
    peer.ok("ping", Value::Null).await;
}

#[tokio::test]
async fn what_real_clients_get_wrong_is_answered_and_the_connection_goes_on() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let mut agent = server.agent("amy").await;
    let (chat, thread) = customer.start().await;
    let event = json!({"type": "message", "text": "a", "author_id": "somebody"});
    let form =
        json!({"type": "filled_form", "form_id": "f", "fields": [{"type": "name", "label": "Name:", "value": "C"}]});
    let by_customers = [
        ("start_chat", json!({"routing_scope": {"type": "license"}})),
        ("start_chat", json!({"events": [event]})),
        ("start_chat", json!({"chat": {"thread": {"events": [event]}}})),
        ("start_chat", json!({"chat": null, "continuous": null})),
        ("update_last_seen_timestamp", json!({"chat_id": chat, "timestamp": null})),
        ("send_event", json!({"chat_id": chat, "event": form})),
        ("close_thread", json!({"chat_id": chat, "thread_id": thread})),
    ];
    let by_agents = [
        ("grant_access", json!({"resource": "chat", "id": chat, "access": {"group_ids": [1]}})),
        ("close_thread", json!({"chat_id": chat, "thread_id": thread})),
        ("update_agent", json!({"agent_id": null, "routing_status": null})),
    ];
    for (peer, requests) in [(&mut customer, by_customers.to_vec()), (&mut agent, by_agents.to_vec())] {
        for (action, payload) in requests {
            if let Err(error) = peer.call(action, payload.clone()).await {
                assert_eq!(error["type"], "validation", "{action} {payload}: {error}");
            }
        }
        peer.ok("ping", Value::Null).await;
    }
}
