//! socket.io: polling in all encodings, the upgrade, websocket alone, and how a session ends. `tests/real_clients.rs` has the real clients.

use reqwest::Client;

use super::*;
use crate::message::socketio::{
    Handshake, Packet, PayloadForm, SocketIo, decode_payload, encode_payload, message_packet, parse_packet,
};

/// Text of one, two, three and four bytes in UTF-8, and one with a combining mark.
const ODD: &str = "a é 漢 😀 e\u{301}";
const PATH: &str = "/customer/v0.3/rtm/sio/";

/// A session that polls.
struct Poller {
    http: Client,
    url: String,
    base64: bool,
    /// What came and was not looked at.
    packets: Vec<String>,
}

impl Poller {
    async fn open(server: &TestServer, path: &str, base64: bool) -> Self {
        let b64 = if base64 { "&b64=1" } else { "" };
        let url = format!("http://{}{path}?license_id=1&EIO=3&transport=polling&t=Lx1", server.addr);
        let mut poller = Self { http: Client::new(), url: format!("{url}{b64}"), base64, packets: Vec::new() };
        let opening = poller.packet().await;
        let Ok(Packet::Open(handshake)) = parse_packet(&opening) else { panic!("{opening}") };
        let handshake: Handshake = serde_json::from_str(&handshake).unwrap();
        assert_eq!((handshake.ping_interval, handshake.ping_timeout), (25_000, 60_000));
        assert_eq!(handshake.upgrades, ["websocket"]);
        poller.url = format!("{url}&sid={}", handshake.sid);
        assert_eq!(poller.packet().await, "40");
        poller
    }

    /// One poll; its status.
    async fn poll(&mut self) -> u16 {
        let response = self.http.get(&self.url).timeout(PATIENCE).send().await.unwrap();
        let status = response.status().as_u16();
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        let body = response.bytes().await.unwrap();
        if status == 200 {
            let payload = decode_payload(&body);
            assert_eq!(payload.broken, None);
            if self.base64 {
                assert!(kind.starts_with("text/plain") && body.is_ascii());
            } else {
                assert_eq!((kind.as_str(), payload.form), ("application/octet-stream", PayloadForm::Binary));
            }
            self.packets.extend(payload.packets.into_iter().map(String::from));
        }
        status
    }

    /// The next packet.
    async fn packet(&mut self) -> String {
        while self.packets.is_empty() {
            assert_eq!(self.poll().await, 200);
        }
        self.packets.remove(0)
    }

    /// The next message of the API.
    async fn message(&mut self) -> Value {
        message_in(&self.packet().await)
    }

    async fn post(&self, packets: &[String], form: PayloadForm) -> u16 {
        let body = encode_payload(packets.iter().map(String::as_str), form);
        self.http.post(&self.url).body(body).send().await.unwrap().status().as_u16()
    }

    async fn send(&self, message: Value) {
        assert_eq!(self.post(&[message_packet(&message.to_string())], PayloadForm::Plain).await, 200);
    }

    /// Logs in and starts a chat; its id.
    async fn start(&mut self) -> Value {
        let login = json!({"token": "Bearer customer:carl", "customer": {"name": ODD}});
        self.send(json!({"request_id": "1", "action": "login", "payload": login})).await;
        assert_eq!(self.message().await["success"], true);
        self.send(json!({"request_id": "2", "action": "start_chat"})).await;
        let chat = self.message().await["payload"]["chat"]["id"].take();
        assert_eq!(self.message().await["action"], "incoming_chat_thread");
        chat
    }
}

fn message_in(packet: &str) -> Value {
    match parse_packet(packet) {
        Ok(Packet::Message(SocketIo::Event { name, argument })) if name == "message" => {
            serde_json::from_str(&argument).unwrap()
        }
        other => panic!("{packet}: {other:?}"),
    }
}

/// A websocket on a path of socket.io.
async fn websocket(server: &TestServer, query: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let url = format!("ws://{}{PATH}?license_id=1&EIO=3&transport=websocket{query}", server.addr);
    client_async(url, stream).await.unwrap().0
}

async fn text(socket: &mut WebSocketStream<TcpStream>) -> String {
    match tokio::time::timeout(PATIENCE, socket.next()).await.expect("a frame") {
        Some(Ok(Message::Text(text))) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn text_survives_every_encoding_of_polling() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    for base64 in [false, true] {
        let mut poller = Poller::open(&server, PATH, base64).await;
        let chat = poller.start().await;
        agent.pushed().await;
        for form in [PayloadForm::Plain, PayloadForm::Twice, PayloadForm::Binary] {
            let event = json!({"type": "message", "text": ODD});
            let request = json!({"id": "3", "action": "send_event", "payload": {"chat_id": chat, "event": event}});
            // A ping in the same body, as clients that were busy send it.
            let packets = [message_packet(&request.to_string()), "2".to_owned()];
            assert_eq!(poller.post(&packets, form).await, 200, "{form:?}");
            assert_eq!(agent.only("incoming_event").await.payload["event"]["text"], ODD, "{form:?}");
            let came = [poller.packet().await, poller.packet().await, poller.packet().await];
            let (pongs, messages): (Vec<_>, Vec<_>) = came.iter().partition(|packet| *packet == "3");
            assert_eq!((pongs.len(), messages.len()), (1, 2), "{came:?}");
            let (response, push) = (message_in(messages[0]), message_in(messages[1]));
            assert_eq!((&response["id"], &response["type"]), (&json!("3"), &json!("response")));
            assert_eq!((&push["id"], &push["payload"]["event"]["text"]), (&json!("3"), &json!(ODD)));
        }
        poller.send(json!({"action": "close_thread", "payload": {"chat_id": chat}})).await;
        agent.thread_closed().await;
    }
}

#[tokio::test]
async fn every_path_of_socket_io_opens_a_session_with_and_without_the_slash() {
    let server = TestServer::start().await;
    let mut opened = 0;
    for dialect in protocol().dialects() {
        for path in &dialect.catalog.rtm.socketio {
            Poller::open(&server, path, false).await;
            Poller::open(&server, &format!("{path}/"), false).await;
            opened += 1;
        }
    }
    assert!(opened >= 7, "{opened}");
}

#[tokio::test]
async fn a_session_goes_over_to_a_websocket_and_loses_nothing() {
    let server = TestServer::start().await;
    let mut agent = server.agent("amy").await;
    let mut poller = Poller::open(&server, PATH, false).await;
    let chat = poller.start().await;
    let sid = poller.url.split("sid=").nth(1).unwrap().to_owned();
    let mut socket = websocket(&server, &format!("&sid={sid}")).await;
    let waiting = tokio::spawn(async move {
        let packet = poller.packet().await;
        (poller, packet)
    });
    socket.send(Message::text("2probe")).await.unwrap();
    assert_eq!(text(&mut socket).await, "3probe");
    let (mut poller, released) = waiting.await.unwrap();
    assert_eq!(released, "6");
    // Said while nobody polls and nobody reads the websocket.
    agent.say(&chat, "between").await;
    poller.send(json!({"request_id": "4", "action": "ping"})).await;
    socket.send(Message::text("5")).await.unwrap();
    let mut heard = [message_in(&text(&mut socket).await), message_in(&text(&mut socket).await)];
    heard.sort_by_key(|message| message["action"].to_string());
    assert_eq!((&heard[0]["payload"]["event"]["text"], &heard[1]["request_id"]), (&json!("between"), &json!("4")));
    socket.send(Message::text("2")).await.unwrap();
    assert_eq!(text(&mut socket).await, "3");
    assert_eq!(poller.poll().await, 400, "a poll after the upgrade");
    socket.send(Message::text(message_packet(r#"{"request_id":"5","action":"ping"}"#))).await.unwrap();
    assert_eq!(message_in(&text(&mut socket).await)["request_id"], "5");
}

#[tokio::test]
async fn a_websocket_that_fails_its_trial_leaves_the_session_polling() {
    let server = TestServer::start().await;
    let mut poller = Poller::open(&server, PATH, false).await;
    let sid = poller.url.split("sid=").nth(1).unwrap().to_owned();
    for wrong in ["2", "5", "<html>", "2probe"] {
        let mut socket = websocket(&server, &format!("&sid={sid}")).await;
        socket.send(Message::text(wrong)).await.unwrap();
        if wrong == "2probe" {
            assert_eq!(text(&mut socket).await, "3probe");
        }
    }
    poller.send(json!({"request_id": "1", "action": "ping"})).await;
    loop {
        // A poll during the trial is released.
        let packet = poller.packet().await;
        if packet != "6" {
            assert_eq!(message_in(&packet)["request_id"], "1");
            break;
        }
    }
}

#[tokio::test]
async fn a_websocket_alone_will_do() {
    let server = TestServer::start().await;
    let mut socket = websocket(&server, "").await;
    let opening = text(&mut socket).await;
    let handshake: Handshake = serde_json::from_str(opening.strip_prefix('0').unwrap()).unwrap();
    assert!(handshake.upgrades.is_empty());
    assert_eq!(text(&mut socket).await, "40");
    socket.send(Message::text(message_packet(r#"{"request_id":"1","action":"ping"}"#))).await.unwrap();
    assert_eq!(message_in(&text(&mut socket).await)["request_id"], "1");
    // What is not the API's is not answered, and nothing of it does harm.
    for other in ["42[\"typing\",{}]", "3", "6", "40/elsewhere", "430[]"] {
        socket.send(Message::text(other)).await.unwrap();
    }
    socket.send(Message::text("2hello")).await.unwrap();
    assert_eq!(text(&mut socket).await, "3hello");
    socket.send(Message::text("42{}")).await.unwrap();
    assert_eq!(text(&mut socket).await, "41");
    let Some(Ok(Message::Close(Some(frame)))) = socket.next().await else { panic!("not closed") };
    assert_eq!(u16::from(frame.code), 1002);
}

#[tokio::test]
async fn what_opens_no_session_is_refused() {
    let server = TestServer::start().await;
    let http = Client::new();
    let good = "license_id=1&EIO=3&transport=polling";
    for (query, code) in [
        ("", json!(5)),
        ("license_id=1&EIO=4&transport=polling", json!(5)),
        ("license_id=1&EIO=3", json!(0)),
        ("license_id=1&EIO=3&transport=flashsocket", json!(0)),
        ("license_id=1&EIO=3&transport=polling&sid=nobody", json!(1)),
        // The API's own refusal has no such code.
        ("EIO=3&transport=polling", Value::Null),
        ("EIO=3&transport=websocket&license_id=x", Value::Null),
    ] {
        let response = http.get(format!("http://{}{PATH}?{query}", server.addr)).send().await.unwrap();
        assert_eq!(response.status(), 400, "{query}");
        assert_eq!(response.json::<Value>().await.unwrap()["code"], code, "{query}");
    }
    let posted = http.post(format!("http://{}{PATH}?{good}", server.addr)).send().await.unwrap();
    assert_eq!(posted.json::<Value>().await.unwrap()["code"], 2);
    let plain = http.get(format!("http://{}{PATH}?license_id=1&EIO=3&transport=websocket", server.addr));
    assert_eq!(plain.send().await.unwrap().status(), 426);

    let poller = Poller::open(&server, PATH, false).await;
    assert_eq!(poller.post(&["2".to_owned()], PayloadForm::Plain).await, 200);
    for body in [b"5:42".to_vec(), vec![0xff, 0xfe], vec![b'x'; 2 << 20]] {
        assert_eq!(poller.http.post(&poller.url).body(body).send().await.unwrap().status(), 400);
    }
}

#[tokio::test]
async fn a_session_ends_in_words_and_is_forgotten() {
    let short = Duration::from_millis(300);
    let server = TestServer::with(&[], Timing { customer_idle: short, ..Timing::default() }).await;
    let mut silent = Poller::open(&server, PATH, false).await;
    assert_eq!((silent.packet().await, silent.packet().await), ("41".to_owned(), "1".to_owned()));
    let mut socket = websocket(&server, "").await;
    assert_eq!((text(&mut socket).await.chars().next(), text(&mut socket).await), (Some('0'), "40".to_owned()));
    assert_eq!(text(&mut socket).await, "41");

    for goodbye in ["41", "1"] {
        let mut leaving = Poller::open(&server, PATH, false).await;
        assert_eq!(leaving.post(&[goodbye.to_owned()], PayloadForm::Plain).await, 200);
        while leaving.poll().await == 200 {
            assert_eq!(leaving.packet().await, "1");
        }
    }
}

#[tokio::test]
async fn pings_of_socket_io_keep_a_connection_open() {
    let short = Duration::from_secs(1);
    let server = TestServer::with(&[], Timing { customer_idle: short, ..Timing::default() }).await;
    let mut poller = Poller::open(&server, PATH, true).await;
    for _ in 0..6 {
        tokio::time::sleep(short / 4).await;
        assert_eq!(poller.post(&["2".to_owned()], PayloadForm::Plain).await, 200);
        assert_eq!(poller.packet().await, "3");
    }
}

#[tokio::test]
async fn a_poll_that_is_given_up_takes_nothing_with_it() {
    let server = TestServer::start().await;
    let mut poller = Poller::open(&server, PATH, false).await;
    let given_up = poller.http.get(&poller.url).timeout(Duration::from_millis(100)).send().await;
    assert!(given_up.is_err_and(|error| error.is_timeout()));
    poller.send(json!({"request_id": "1", "action": "ping"})).await;
    // Until the server has noticed, there are two polls, and the second is refused.
    let noticed = async { while poller.poll().await == 400 {} };
    tokio::time::timeout(PATIENCE, noticed).await.expect("the first poll is forgotten");
    assert_eq!(poller.message().await["request_id"], "1");
}

#[tokio::test]
async fn who_does_not_poll_is_cut_off_and_nobody_else_suffers() {
    let server = TestServer::start().await;
    let mut deaf = Poller::open(&server, PATH, false).await;
    let chat = deaf.start().await;
    let mut phone = server.customer("carl").await;
    const MANY: usize = 1_500;
    for n in 0..MANY {
        phone.say(&chat, &n.to_string()).await;
    }
    phone.pushed().await;
    let mut heard = 0;
    while deaf.poll().await == 200 {
        heard += std::mem::take(&mut deaf.packets).len();
    }
    assert!((1..MANY).contains(&heard), "{heard}");
}

#[tokio::test]
async fn defects_and_hardships_show_here_as_well() {
    let server = TestServer::with(&["malformed-frame"], Timing::default()).await;
    let mut poller = Poller::open(&server, PATH, true).await;
    poller.send(json!({"request_id": "1", "action": "ping"})).await;
    let (first, second) = (poller.message().await, poller.message().await);
    assert_eq!((&first["request_id"], second), (&json!("1"), json!("<html>502 Bad Gateway</html>")));

    let server = TestServer::hard(&[Hardship::PushBeforeResponse]).await;
    let mut poller = Poller::open(&server, PATH, false).await;
    let login = json!({"token": "customer:carl", "customer": {"name": "Carl"}});
    poller.send(json!({"request_id": "1", "action": "login", "payload": login})).await;
    poller.message().await;
    let mut early = 0;
    for _ in 0..40 {
        poller.send(json!({"request_id": "2", "action": "start_chat"})).await;
        let (first, second) = (poller.message().await, poller.message().await);
        early += usize::from(first["type"] == "push");
        let chat = &first["payload"]["chat"]["id"];
        assert_eq!(chat, &second["payload"]["chat"]["id"]);
        poller.send(json!({"request_id": "3", "action": "close_thread", "payload": {"chat_id": chat}})).await;
        // The response, what the router says about it, and the push.
        for _ in 0..3 {
            poller.message().await;
        }
    }
    assert!((1..40).contains(&early), "{early}");
}

#[tokio::test]
async fn stopping_ends_the_sessions_of_socket_io() {
    let server = TestServer::start().await;
    let mut poller = Poller::open(&server, PATH, false).await;
    let TestServer { stop, running, .. } = server;
    drop(stop);
    assert_eq!((poller.packet().await, poller.packet().await), ("41".to_owned(), "1".to_owned()));
    tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
}
