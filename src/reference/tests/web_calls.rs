//! The Web API: the same actions without a connection, whose pushes reach those who have one.

use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder};

use super::*;

struct Caller {
    http: Client,
    base: String,
    query: &'static str,
    token: &'static str,
}

impl Caller {
    fn customer(server: &TestServer) -> Self {
        let base = format!("http://{}/customer/v0.3/action", server.addr);
        Self { http: Client::new(), base, query: "?license_id=1", token: "Bearer customer:carl" }
    }

    fn agent(server: &TestServer) -> Self {
        let base = format!("http://{}/v3.0/agent/action", server.addr);
        Self { http: Client::new(), base, query: "", token: "Bearer agent:amy@example.com" }
    }

    fn to(&self, action: &str) -> RequestBuilder {
        self.http.post(format!("{}/{action}{}", self.base, self.query)).header("Authorization", self.token)
    }

    async fn call(&self, action: &str, body: Value) -> (u16, Value) {
        answered(self.to(action).json(&body)).await
    }

    async fn ok(&self, dialect: &str, action: &str, payload: Value) -> Value {
        let (status, answer) = self.call(action, json!({ "payload": payload })).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(protocol().dialect(dialect).unwrap().schemas.check(Kind::Response, action, &answer), []);
        answer
    }

    /// Status and type of a refusal.
    async fn refused(&self, action: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.call(action, body).await;
        (status, answer["error"]["type"].as_str().unwrap().to_owned())
    }
}

async fn answered(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_customer_on_the_web_talks_to_an_agent_on_rtm() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let web = Caller::customer(&server);
    const HERE: &str = "customer/v0.3";
    assert_eq!(web.refused("start_chat", json!({})).await, (400, "validation".to_owned()));
    web.ok(HERE, "update_customer", json!({"customer": {"name": "Carl"}})).await;
    let chat = web.ok(HERE, "start_chat", Value::Null).await["chat"]["id"].take();
    assert_eq!(agent.only("incoming_chat_thread").await.correlation, None);
    let sent = web.ok(HERE, "send_event", json!({"chat_id": chat, "event": {"type": "message", "text": "a"}})).await;
    assert_eq!(agent.only("incoming_event").await.payload["event"]["id"], sent["event"]["id"]);

    let mut customer = server.customer("carl").await;
    web.ok(HERE, "send_event", json!({"chat_id": chat, "event": {"type": "message", "text": "b"}})).await;
    assert_eq!(customer.only("incoming_event").await.correlation, None);
    agent.only("incoming_event").await;
    assert_eq!(web.ok(HERE, "close_thread", json!({"chat_id": chat})).await, json!({}));
    agent.thread_closed().await;
}

#[tokio::test]
async fn an_agent_on_the_web_may_send_bare_payloads() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let (chat, thread) = customer.start().await;
    let web = Caller::agent(&server);
    let payload = json!({"chat_id": chat, "event": {"type": "message", "text": "a"}});
    assert_eq!(web.call("send_event", payload.clone()).await.0, 200);
    web.ok("agent/v3.0", "send_event", payload).await;
    assert_eq!(customer.pushed().await.len(), 2);
    let read = web.ok("agent/v3.0", "get_chat_threads", json!({"chat_id": chat, "thread_ids": [thread]})).await;
    assert_eq!(read["chat"]["threads"][0]["events"].as_array().unwrap().len(), 2);
    let alias = Caller { base: format!("http://{}/agent/v3.0/action", server.addr), ..web };
    alias.ok("agent/v3.0", "get_customers", json!({})).await;
    assert_eq!(alias.refused("update_agent", json!({})).await, (409, "requester_offline".to_owned()));
    assert_eq!(alias.refused("set_away_status", json!({"away": true})).await, (404, "validation".to_owned()));
}

#[tokio::test]
async fn what_is_wrong_with_a_call_shows_in_its_status() {
    let server = TestServer::start().await;
    let web = Caller::customer(&server);
    let validation = |status: u16| (status, "validation".to_owned());
    assert_eq!(web.refused("dance", json!({})).await, validation(404));
    assert_eq!(web.refused("login", json!({})).await, validation(404));
    assert_eq!(web.refused("send_event", json!({"payload": {"chat_id": 7}})).await, validation(400));
    assert_eq!(web.refused("send_event", json!([])).await, validation(400));
    for query in ["", "?license_id=x"] {
        let web = Caller { query, ..Caller::customer(&server) };
        assert_eq!(web.refused("start_chat", json!({})).await, validation(400));
    }
    for token in ["", "nonsense", "Bearer agent:amy@example.com"] {
        let web = Caller { token, ..Caller::customer(&server) };
        assert_eq!(web.refused("start_chat", json!({})).await, (401, "authentication".to_owned()));
    }
    let mut dora = server.customer("dora").await;
    let (chat, _) = dora.start().await;
    assert_eq!(
        web.refused("close_thread", json!({"payload": {"chat_id": chat}})).await,
        (403, "authorization".to_owned())
    );
    let carl = web.ok("customer/v0.3", "update_customer", json!({})).await["customer"]["id"].take();
    Caller::agent(&server).ok("agent/v3.0", "ban_customer", json!({"customer_id": carl, "ban": {"days": 1}})).await;
    assert_eq!(web.refused("start_chat", json!({})).await, (403, "customer_banned".to_owned()));
}

#[tokio::test]
async fn agents_of_the_older_version_have_a_web_of_their_own() {
    let server = TestServer::start().await;
    let mut newer = server.agent("zoe").await;
    let base = format!("http://{}/agent/v0.2/action", server.addr);
    let mut web = Caller { http: Client::new(), base, query: "", token: "Bearer agent:amy@example.com" };
    const HERE: &str = "agent/v0.2";
    let chat = web.ok(HERE, "start_chat", Value::Null).await["chat"]["id"].take();
    web.ok(HERE, "join_chat", json!({"chat_id": chat, "agent_ids": [newer.user]})).await;
    assert_eq!(newer.only("incoming_chat_thread").await.payload["chat"]["id"], chat);
    assert_eq!(web.ok(HERE, "close_thread", json!({"chat_id": chat})).await, json!({}));
    // A wrapper is asked for here, and what only RTM has is not found.
    assert_eq!(web.refused("close_thread", json!({"chat_id": chat})).await, (400, "validation".to_owned()));
    assert_eq!(web.refused("get_archives", json!({})).await, (404, "validation".to_owned()));
    web.token = "nonsense";
    assert_eq!(web.refused("start_chat", json!({})).await, (401, "auth".to_owned()));
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let server = TestServer::start().await;
    let web = Caller::customer(&server);
    for body in [b"<html>".to_vec(), vec![0xff, 0xfe], vec![b'['; 100_000], vec![b' '; 2 << 20]] {
        let (status, answer) = answered(web.to("start_chat").body(body)).await;
        assert_eq!((status, &answer["error"]["type"]), (400, &json!("validation")));
    }
    // An empty body is an absent payload.
    assert_eq!(answered(web.to("update_customer").body("")).await.0, 200);
}

fn form(chat: &Value, content: Vec<u8>) -> Form {
    let file = Part::bytes(content).file_name("a.txt").mime_str("text/plain").unwrap();
    let chat = chat.as_str().unwrap().to_owned();
    Form::new().text("payload.chat_id", chat).text("payload.custom_id", "mine").part("payload.file", file)
}

#[tokio::test]
async fn a_file_is_sent_announced_and_served() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut customer = server.customer("carl").await;
    let (chat, _) = customer.start().await;
    agent.pushed().await;
    let web = Caller::customer(&server);
    let (status, answer) = answered(web.to("send_file").multipart(form(&chat, b"content".to_vec()))).await;
    assert_eq!(status, 200, "{answer}");
    // Where clients read it (C03-A04).
    let answer = &answer["payload"];
    for peer in [&mut customer, &mut agent] {
        let event = peer.only("incoming_event").await.payload["event"].take();
        assert_eq!((&event["type"], &event["url"], &event["size"]), (&json!("file"), &answer["url"], &json!(7)));
        assert_eq!((&event["name"], &event["custom_id"]), (&json!("a.txt"), &json!("mine")));
    }
    let served = web.http.get(answer["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(
        (served.headers()["content-type"].clone(), served.text().await.unwrap()),
        ("text/plain".parse().unwrap(), "content".into())
    );
    let gone = web.http.get(format!("http://{}/files/99", server.addr)).send().await.unwrap();
    assert_eq!(gone.status(), 404);

    let agents = Caller::agent(&server);
    assert_eq!(answered(agents.to("send_file").multipart(form(&chat, b"b".to_vec()))).await.0, 200);
    let image = Form::new().part("payload.image", Part::bytes(b"png".to_vec()).file_name("a.png"));
    let (status, answer) = answered(agents.to("upload_image").multipart(image)).await;
    assert_eq!(status, 200);
    assert!(answer["url"].as_str().unwrap().ends_with(answer["path"].as_str().unwrap()));
}

#[tokio::test]
async fn a_file_that_is_too_large_or_incomplete_is_refused() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let (chat, _) = customer.start().await;
    let web = Caller::customer(&server);
    assert_eq!(answered(web.to("send_file").multipart(form(&chat, vec![0; 10 << 20]))).await.0, 200);
    customer.only("incoming_event").await;
    let (status, answer) = answered(web.to("send_file").multipart(form(&chat, vec![0; (10 << 20) + 1]))).await;
    assert_eq!((status, &answer["error"]["type"]), (400, &json!("validation")));
    let agents = Caller::agent(&server);
    for size in [(10 << 20) + 1, 11_000_000] {
        let (status, answer) = answered(agents.to("send_file").multipart(form(&chat, vec![0; size]))).await;
        assert_eq!((status, &answer["error"]["type"]), (413, &json!("entity_too_large")), "{size}");
    }
    let without = Form::new().text("payload.chat_id", chat.as_str().unwrap().to_owned());
    assert_eq!(answered(web.to("send_file").multipart(without)).await.0, 400);
    assert_eq!(answered(web.to("send_file").body("no parts")).await.0, 400);
    customer.nothing().await;
}
