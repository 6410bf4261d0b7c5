//! What the proxy does on request to sessions of socket.io that poll.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use chatproof::message::socketio::{PayloadForm, decode_payload, encode_payload, message_packet};
use chatproof::message::{Framing, Unwrapped};
use chatproof::proxy::{Choice, Fault, Hardship, Mode};
use chatproof::session::Trust;
use serde_json::{Value, json};
use support::relay::Running;
use support::start;

/// A client that only polls.
struct Poller {
    http: reqwest::Client,
    url: String,
    requests: u64,
    /// What came, in order: messages as JSON, everything else as text.
    came: Vec<Value>,
    /// The session is over: the text says how.
    over: Option<String>,
}

impl Poller {
    async fn open(addr: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{addr}/customer/v0.3/rtm/sio/?license_id=1&EIO=3&transport=polling");
        let body = http.get(&url).send().await.unwrap().bytes().await.unwrap();
        let opened = decode_payload(&body);
        let Unwrapped::Open(handshake) = Framing::Packets.unwrap(&opened.packets[0]) else {
            unreachable!("{opened:?}")
        };
        let handshake: Value = serde_json::from_str(&handshake).unwrap();
        let url = format!("{url}&sid={}", handshake["sid"].as_str().unwrap());
        Self { http, url, requests: 0, came: Vec::new(), over: None }
    }

    /// Asks for something, and polls until it is answered or the session is over.
    async fn ask(&mut self, action: &str, payload: Value) {
        if self.over.is_some() {
            return;
        }
        self.requests += 1;
        let id = self.requests.to_string();
        let request = json!({ "request_id": id, "action": action, "payload": payload }).to_string();
        let body = encode_payload([message_packet(&request).as_str()], PayloadForm::Plain);
        let posted = self.http.post(&self.url).body(body).send().await.unwrap();
        assert_eq!((posted.status().as_u16(), posted.text().await.unwrap().as_str()), (200, "ok"));
        while self.over.is_none() && !self.came.iter().any(|m| m["type"] == "response" && m["request_id"] == *id) {
            self.poll().await;
        }
    }

    async fn poll(&mut self) {
        let Ok(answer) = self.http.get(&self.url).send().await else {
            self.over = Some("dropped".to_owned());
            return;
        };
        if answer.status() != 200 {
            self.over = Some(answer.text().await.unwrap());
            return;
        }
        let body = answer.bytes().await.unwrap();
        let payload = decode_payload(&body);
        assert_eq!(payload.broken, None);
        for packet in &payload.packets {
            match Framing::Packets.unwrap(packet) {
                Unwrapped::Message(message) => self.came.push(serde_json::from_str(&message).unwrap()),
                Unwrapped::Over => self.over = Some("closed".to_owned()),
                Unwrapped::Odd(_) => self.came.push(json!(packet)),
                other => drop(other),
            }
        }
    }

    fn place(&self, kind: &str, action: &str) -> Option<usize> {
        self.came.iter().position(|message| message["type"] == kind && message["action"] == action)
    }
}

/// A client that polls through a proxy which does that, and what the proxy noted beside what passed as it should.
async fn polled(mode: Mode) -> (Poller, Vec<String>) {
    let (server, url) = start::server(start::protocol()).await;
    tokio::spawn(server.run(std::future::pending()));
    let proxy = Running::before(&url, Trust::default(), mode).await;
    let mut client = Poller::open(&proxy.addr).await;
    client.ask("login", json!({ "token": "customer:ann", "customer": { "name": "Ann" } })).await;
    client.ask("start_chat", json!({})).await;
    for _ in 0..12 {
        client.ask("get_chats_summary", json!({})).await;
    }
    client.ask("send_event", json!({ "chat_id": 7 })).await;
    // What is over stays over.
    if client.over.is_some() {
        client.poll().await;
    }
    let notes = proxy.notes.clone();
    proxy.stop().await;
    let beside = ["sent ", "answered ", "pushed "];
    let noted = notes.all().into_iter().filter(|note| !beside.iter().any(|usual| note.starts_with(usual)));
    (client, noted.collect())
}

fn trouble(hardships: &[Hardship], faults: &[Fault]) -> Mode {
    let trouble = Choice { hardships: hardships.to_vec(), faults: faults.to_vec(), seed: 0 };
    Mode { trouble, ..Mode::default() }
}

#[tokio::test]
async fn without_trouble_polls_pass_and_what_is_invalid_is_refused_when_asked_for() {
    for enforce in [false, true] {
        let (client, noted) = polled(Mode { enforce, ..Mode::default() }).await;
        assert_eq!(client.over, None);
        assert!(
            client.place("response", "start_chat") < client.place("push", "incoming_chat_thread"),
            "{:?}",
            client.came
        );
        let refusal = client.came.iter().find(|message| message["action"] == "send_event").unwrap();
        assert_eq!(refusal["payload"]["error"]["type"], "validation", "{refusal}");
        assert_eq!(noted.iter().filter(|note| !note.starts_with("request_")).count(), 0, "{noted:?}");
        assert!(!noted.is_empty());
    }
}

#[tokio::test]
async fn hardships_reach_polls_and_the_server_is_not_blamed() {
    use Hardship::{Disconnects, DuplicatePushes, PushBeforeResponse, UnknownMembers, UnknownPushes};
    let (client, noted) = polled(trouble(&[PushBeforeResponse, UnknownMembers], &[])).await;
    assert!(client.place("push", "incoming_chat_thread") < client.place("response", "start_chat"), "{:?}", client.came);
    assert!(client.came.iter().all(|message| message["something_new"].is_object()), "{:?}", client.came);
    assert!(noted.iter().all(|note| note.starts_with("Hardship(") || note.starts_with("request_")), "{noted:?}");

    let (client, noted) = polled(trouble(&[Disconnects], &[])).await;
    assert!(client.place("push", "customer_disconnected").is_some(), "{:?}", client.came);
    assert_eq!(client.over.as_deref(), Some(r#"{"code":1,"message":"Session ID unknown"}"#));
    assert_eq!(noted, ["Hardship(Disconnects)"]);

    let mode = Mode {
        trouble: Choice { seed: 5, ..trouble(&[DuplicatePushes, UnknownPushes], &[]).trouble },
        ..Mode::default()
    };
    let (client, noted) = polled(mode.clone()).await;
    let (again, _) = polled(mode).await;
    let actions = |client: &Poller| client.came.iter().map(|m| m["action"].clone()).collect::<Vec<_>>();
    assert_eq!(actions(&client), actions(&again), "the same seed does the same");
    assert!(noted.iter().all(|note| note.starts_with("Hardship(") || note.starts_with("request_")), "{noted:?}");
}

#[tokio::test]
async fn faults_reach_polls_and_the_server_is_not_blamed() {
    let (client, noted) = polled(trouble(&[], &[Fault::RequestTimeout])).await;
    let timed_out = |m: &&Value| m["payload"]["error"]["type"] == "request_timeout";
    assert_eq!(client.came.iter().filter(timed_out).count(), 1, "{:?}", client.came);
    assert!(noted.contains(&"Fault(RequestTimeout)".to_owned()), "{noted:?}");

    let (client, noted) = polled(trouble(&[], &[Fault::MalformedFrame])).await;
    assert_eq!(client.came.iter().filter(|message| message.is_string()).count(), 1, "{:?}", client.came);
    assert!(noted.contains(&"Fault(MalformedFrame)".to_owned()), "{noted:?}");

    let (client, noted) = polled(trouble(&[], &[Fault::DroppedConnection])).await;
    assert_eq!(client.over.as_deref(), Some(r#"{"code":1,"message":"Session ID unknown"}"#));
    assert_eq!(noted, ["Fault(DroppedConnection)"]);
}
