//! What the proxy does on request: it refuses, makes things hard, and lets things go wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::future::ready;

use chatproof::proxy::{Choice, Fault, Hardship, Mode};
use chatproof::session::Trust;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use support::relay::{Running, echo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

type Socket = WebSocketStream<TcpStream>;

/// A server that answers every request with success, and a push after it; it tells of every frame that it gets.
async fn server() -> (String, mpsc::UnboundedReceiver<Message>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let mut socket = tokio_tungstenite::accept_async(socket).await.unwrap();
            while let Some(Ok(frame)) = socket.next().await {
                tell.send(frame.clone()).unwrap();
                let Message::Text(text) = frame else { continue };
                let request: Value = serde_json::from_str(&text).unwrap();
                let answer = json!({
                    "request_id": request["request_id"],
                    "action": request["action"],
                    "type": "response",
                    "success": true,
                    "payload": {},
                });
                let push = json!({
                    "action": "thread_closed",
                    "type": "push",
                    "payload": { "chat_id": "C1", "thread_id": "T1" },
                });
                for text in [answer, push] {
                    let _ = socket.send(Message::text(text.to_string())).await;
                }
            }
        }
    });
    (url, told)
}

async fn connect(addr: &str) -> Socket {
    let socket = TcpStream::connect(addr).await.unwrap();
    let url = format!("ws://{addr}/customer/v0.3/rtm/ws?license_id=1");
    tokio_tungstenite::client_async(url, socket).await.unwrap().0
}

/// Pings by the action, one after the other, until something else than a text comes, at most that often. What came.
async fn ping(socket: &mut Socket, times: usize) -> Vec<Option<Message>> {
    let mut came = Vec::new();
    for n in 0..times {
        let request = json!({ "request_id": n.to_string(), "action": "ping" });
        if socket.send(Message::text(request.to_string())).await.is_err() {
            return came;
        }
        for _ in 0..2 {
            let frame = socket.next().await.and_then(Result::ok);
            let over = !matches!(frame, Some(Message::Text(_)));
            came.push(frame);
            if over {
                return came;
            }
        }
    }
    came
}

fn faults(fault: Fault) -> Mode {
    Mode { trouble: Choice { faults: vec![fault], ..Choice::default() }, ..Mode::default() }
}

fn hardships(hardship: Hardship) -> Mode {
    Mode { trouble: Choice { hardships: vec![hardship], ..Choice::default() }, ..Mode::default() }
}

/// The notes without what passed as it should.
async fn noted(proxy: Running) -> Vec<String> {
    let notes = proxy.notes.clone();
    proxy.stop().await;
    let beside = ["sent ", "answered ", "pushed "];
    notes.all().into_iter().filter(|note| !beside.iter().any(|usual| note.starts_with(usual))).collect()
}

#[tokio::test]
async fn an_invalid_request_is_refused_and_never_reaches_the_server() {
    let (url, mut told) = server().await;
    let proxy = Running::before(&url, Trust::default(), Mode { enforce: true, ..Mode::default() }).await;
    let mut client = connect(&proxy.addr).await;
    client.send(Message::text(r#"{"request_id":"x","action":"send_event","payload":{"chat_id":7}}"#)).await.unwrap();
    let refusal: Value = serde_json::from_str(client.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
    assert_eq!((&refusal["request_id"], &refusal["success"]), (&json!("x"), &json!(false)), "{refusal}");
    assert_eq!(refusal["payload"]["error"]["type"], "validation", "{refusal}");
    assert_eq!(ping(&mut client, 1).await.len(), 2);
    assert!(told.recv().await.unwrap().to_text().unwrap().contains("ping"), "the first that it hears is the ping");
    drop(client);
    let noted = noted(proxy).await;
    assert_eq!(noted[0], "request_missing_member nothing", "{noted:?}");
    assert!(noted.iter().all(|note| note.starts_with("request_")), "{noted:?}");
}

#[tokio::test]
async fn an_invalid_call_of_the_web_api_is_refused_as_well() {
    let proxy = Running::before(&echo().await, Trust::default(), Mode { enforce: true, ..Mode::default() }).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = async |action: &str, body: &'static str| {
        let url = format!("http://{}/customer/v0.3/action/{action}?license_id=1", proxy.addr);
        http.post(url).body(body).send().await.unwrap()
    };
    let refused = post("send_event", r#"{"payload":{"chat_id":7}}"#).await;
    assert_eq!((refused.status().as_u16(), refused.headers().get("x-asked")), (400, None));
    let body: Value = serde_json::from_slice(&refused.bytes().await.unwrap()).unwrap();
    assert_eq!(body["error"]["type"], "validation");
    let passed = post("close_thread", r#"{"payload":{"chat_id":"C1"}}"#).await;
    assert_eq!((passed.status().as_u16(), passed.headers().contains_key("x-asked")), (200, true));
}

#[tokio::test]
async fn a_client_is_disconnected_with_a_goodbye_or_without_and_the_server_is_not_blamed() {
    for (mode, what) in [
        (hardships(Hardship::Disconnects), "Hardship(Disconnects)"),
        (faults(Fault::DroppedConnection), "Fault(DroppedConnection)"),
    ] {
        let (url, _told) = server().await;
        let proxy = Running::before(&url, Trust::default(), mode).await;
        let mut client = connect(&proxy.addr).await;
        let came = ping(&mut client, 20).await;
        assert!(came.len() < 20, "{came:?}");
        match (what, came.last().unwrap()) {
            ("Hardship(Disconnects)", Some(Message::Close(Some(frame)))) => {
                assert_eq!(frame.code, CloseCode::Restart);
                let before = came[came.len() - 2].as_ref().unwrap();
                assert!(before.to_text().unwrap().contains("customer_disconnected"), "{before:?}");
            }
            ("Fault(DroppedConnection)", None) => {}
            _ => panic!("{what}: {came:?}"),
        }
        // Pinging before a login is allowed, and the silence after the end is nobody's fault.
        assert_eq!(noted(proxy).await, [what]);
    }
}

#[tokio::test]
async fn control_frames_and_goodbyes_pass_where_messages_are_passed_on() {
    let (url, mut told) = server().await;
    let proxy = Running::before(&url, Trust::default(), Mode { enforce: true, ..Mode::default() }).await;
    let mut client = connect(&proxy.addr).await;
    client.send(Message::Ping(b"well?".as_slice().into())).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::Pong(b"well?".as_slice().into()));
    assert_eq!(told.recv().await.unwrap(), Message::Ping(b"well?".as_slice().into()));
    let goodbye = CloseFrame { code: CloseCode::Library(4321), reason: Utf8Bytes::from_static("tschüß") };
    client.close(Some(goodbye.clone())).await.unwrap();
    assert_eq!(told.recv().await.unwrap(), Message::Close(Some(goodbye)));
}

/// A server that reads so many frames and leaves without a goodbye, and then tells so.
async fn rude(frames: usize) -> (String, oneshot::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let socket = tokio_tungstenite::accept_async(socket).await.unwrap();
        socket.take(frames).take_while(|frame| ready(frame.is_ok())).for_each(|_| ready(())).await;
        tell.send(()).unwrap();
    });
    (url, told)
}

#[tokio::test]
async fn who_goes_without_a_goodbye_said_nothing_wrong() {
    let enforcing = || Mode { enforce: true, ..Mode::default() };
    let (url, left) = rude(usize::MAX).await;
    let proxy = Running::before(&url, Trust::default(), enforcing()).await;
    let mut client = connect(&proxy.addr).await;
    client.send(Message::text(r#"{"request_id":"1","action":"ping"}"#)).await.unwrap();
    drop(client);
    left.await.unwrap();
    assert_eq!(noted(proxy).await, [""; 0]);

    let (url, left) = rude(1).await;
    let proxy = Running::before(&url, Trust::default(), enforcing()).await;
    let mut client = connect(&proxy.addr).await;
    assert_eq!(ping(&mut client, 1).await, [None]);
    left.await.unwrap();
    assert_eq!(noted(proxy).await, [""; 0]);
}

/// Calls one after the other, each on the same connection if there is one; the status and the body of each, none when there was no answer.
async fn call(proxy: &Running, times: usize) -> Vec<Option<(u16, String)>> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut came = Vec::new();
    for _ in 0..times {
        let url = format!("http://{}/customer/v0.3/action/close_thread?license_id=1", proxy.addr);
        came.push(match http.post(url).body(CALL).send().await {
            Ok(answer) => Some((answer.status().as_u16(), answer.text().await.unwrap())),
            Err(_) => None,
        });
    }
    came
}

/// A call, and what the server of these tests answers.
const CALL: &str = r#"{"payload":{"chat_id":"C1"}}"#;

#[tokio::test]
async fn calls_of_the_web_api_have_their_trouble_too() {
    let usual = Some((200, CALL.to_owned()));
    for (mode, what) in [
        (faults(Fault::RequestTimeout), "Fault(RequestTimeout)"),
        (faults(Fault::MalformedFrame), "Fault(MalformedFrame)"),
        (faults(Fault::DroppedConnection), "Fault(DroppedConnection)"),
        (hardships(Hardship::UnknownMembers), "Hardship(UnknownMembers)"),
    ] {
        let proxy = Running::before(&echo().await, Trust::default(), mode.clone()).await;
        let came = call(&proxy, 10).await;
        let hit: Vec<_> = came.iter().filter(|answer| **answer != usual).collect();
        assert_eq!(hit.len(), if what.starts_with("Fault") { 1 } else { 10 }, "{what}: {came:?}");
        match (what, hit[0]) {
            ("Fault(RequestTimeout)", Some((504, body))) => {
                let error: Value = serde_json::from_str(body).unwrap();
                assert_eq!(error["error"]["type"], "request_timeout");
            }
            ("Fault(MalformedFrame)", Some((200, body))) => assert_eq!(body, &CALL[..CALL.len() / 2]),
            ("Fault(DroppedConnection)", None) => {}
            ("Hardship(UnknownMembers)", Some((200, body))) => {
                let answer: Value = serde_json::from_str(body).unwrap();
                assert_eq!(answer["payload"]["chat_id"], "C1");
                assert!(answer["something_new"].is_object() && answer["payload"]["something_new"].is_object());
            }
            _ => panic!("{what}: {came:?}"),
        }
        assert!(noted(proxy).await.iter().any(|note| note == what), "{what}");
        let again = Running::before(&echo().await, Trust::default(), mode).await;
        assert_eq!(call(&again, 10).await, came, "the same client gets the same trouble");
    }
    // What only a connection can have does nothing to a call.
    let proxy = Running::before(&echo().await, Trust::default(), hardships(Hardship::Disconnects)).await;
    assert!(call(&proxy, 10).await.iter().all(|answer| *answer == usual));
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_closed_and_counted() {
    let url = echo().await;
    let proxy = Running::before_as(&url, Trust::default(), Mode::default(), |proxy| proxy.with_connections(2)).await;
    let ask = async |socket: &mut TcpStream| {
        let request = "GET /somewhere HTTP/1.1\r\nHost: h\r\n\r\n";
        let _ = socket.write_all(request.as_bytes()).await;
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await.map(|_| String::from_utf8_lossy(&answer).into_owned()).ok()
    };
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let mut socket = TcpStream::connect(&proxy.addr).await.unwrap();
        let answer = ask(&mut socket).await;
        assert_eq!(answer.as_deref(), Some("HTTP/1.1 200").filter(|_| sockets.len() < 2));
        sockets.push(socket);
    }
    // Whoever goes makes room.
    drop(sockets);
    let mut attempts = 0;
    loop {
        let mut socket = TcpStream::connect(&proxy.addr).await.unwrap();
        if ask(&mut socket).await.is_some() {
            break;
        }
        attempts += 1;
        assert!(attempts < 500, "no room was made");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(proxy.stop().await.too_many, 1 + attempts);
}
