//! Real-time messaging over socket.io, with a scripted server that polls and upgrades.

use std::sync::atomic::AtomicUsize;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::protocol::Message as Frame;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::*;
use crate::message::Message;
use crate::message::socketio::{
    Packet, PayloadForm, SocketIo, decode_payload, encode_payload, message_packet, parse_packet,
};
use crate::observe::Closing;

type Peer = WebSocketStream<TcpStream>;

const HANDSHAKE: &str = r#"0{"sid":"a b","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":60000}"#;

/// The request line and the headers.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// A peer whose first connection is answered with this body, and whose second is a websocket for `serve`.
async fn upgrading<F: Future<Output = ()> + Send + 'static>(
    body: Vec<u8>,
    serve: impl Fn(Peer) -> F + Send + Sync + Clone + 'static,
) -> SocketAddr {
    let connections = Arc::new(AtomicUsize::new(0));
    peer(move |mut stream| {
        let (body, serve) = (body.clone(), serve.clone());
        let polled = connections.fetch_add(1, Ordering::Relaxed);
        async move {
            if polled > 0 {
                return serve(accept_async(stream).await.unwrap()).await;
            }
            let asked = head(&mut stream).await;
            let expected = "GET /customer/v0.3/rtm/sio/?license_id=42&EIO=3&transport=polling HTTP/1.1\r\n";
            assert!(asked.starts_with(expected), "{asked}");
            assert!(asked.contains("host: 127.0.0.1:"), "{asked}");
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        }
    })
    .await
}

async fn hear(peer: &mut Peer) -> Option<String> {
    match peer.next().await {
        Some(Ok(Frame::Text(text))) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

async fn say(peer: &mut Peer, packet: &str) {
    peer.send(Frame::text(packet)).await.unwrap();
}

/// Moves the session to the websocket.
async fn upgrade(peer: &mut Peer) {
    assert_eq!(hear(peer).await.unwrap(), "2probe");
    say(peer, "3probe").await;
    assert_eq!(hear(peer).await.unwrap(), "5");
}

/// The answer to a packet with a request; its payload comes back.
fn answered(packet: &str) -> String {
    let Ok(Packet::Message(SocketIo::Event { name, argument })) = parse_packet(packet) else { panic!("{packet}") };
    assert_eq!(name, "message");
    let request: Value = serde_json::from_str(&argument).unwrap();
    let answer = json!({
        "request_id": request["request_id"], "action": request["action"], "type": "response", "success": true,
        "payload": request["payload"],
    });
    message_packet(&answer.to_string())
}

fn opening(packets: &[&str]) -> Vec<u8> {
    encode_payload(packets.iter().copied(), PayloadForm::Binary)
}

async fn with_session<T>(context: &SessionContext, script: impl AsyncFnOnce(&RtmSession) -> T) -> (T, Closing) {
    let session = RtmSession::connect_socketio(context, &Token::new(TOKEN), &[]).await.unwrap();
    tokio::join!(script(&session), session.pump(|_| {}))
}

fn ok(payload: Value) -> CallOutcome {
    CallOutcome::Answered { success: true, payload }
}

#[tokio::test]
async fn a_session_is_upgraded_and_talks_as_over_a_websocket() {
    let (goodbye, heard) = std::sync::mpsc::channel();
    let address = upgrading(opening(&[HANDSHAKE, "40"]), move |mut peer| {
        let goodbye = goodbye.clone();
        async move {
            upgrade(&mut peer).await;
            for _ in 0..2 {
                let request = hear(&mut peer).await.unwrap();
                say(&mut peer, &answered(&request)).await;
            }
            goodbye.send(hear(&mut peer).await).unwrap();
            goodbye.send(hear(&mut peer).await).unwrap();
        }
    })
    .await;
    let (context, seen) = context(&format!("http://{address}"), usual());
    let (outcomes, how) = with_session(&context, async |session: &RtmSession| {
        let login = session.login(&json!({"customer_id": "c7", "chats": []}), context.clock.now()).await;
        let ping = session.call("ping", &json!({"text": "zażółć 😀"}), context.clock.now()).await;
        let user = session.user();
        session.close().await;
        (login, ping, user)
    })
    .await;
    assert!(matches!(outcomes.0, CallOutcome::Answered { success: true, .. }));
    assert_eq!((outcomes.1, outcomes.2.as_deref()), (ok(json!({"text": "zażółć 😀"})), Some("c7")));
    assert_eq!(how, Closing::ByUs);
    assert_eq!(heard.recv().unwrap().as_deref(), Some("41"));
    assert_eq!(heard.recv().unwrap(), None, "then the websocket is closed");
    let facts = seen.facts();
    assert_eq!((&*facts[0], &*facts[facts.len() - 1]), ("connected", "closed ByUs"));
    assert!(!facts.iter().any(|fact| fact.contains("malformed")), "{facts:?}");
}

/// The facts after the session is connected, of a peer that says this, answers one request, and ends.
async fn facts_after(packets: &'static [&'static str]) -> (Vec<String>, Closing, Vec<Message>) {
    let address = upgrading(opening(&[HANDSHAKE, "40"]), move |mut peer| async move {
        upgrade(&mut peer).await;
        let request = hear(&mut peer).await.unwrap();
        for packet in packets {
            say(&mut peer, packet).await;
        }
        say(&mut peer, &answered(&request)).await;
        say(&mut peer, "41").await;
        hear(&mut peer).await;
    })
    .await;
    let (context, seen) = context(&format!("http://{address}"), usual());
    let session = RtmSession::connect_socketio(&context, &Token::new(TOKEN), &[]).await.unwrap();
    let pushes = Mutex::new(Vec::new());
    let call = session.call("ping", &Value::Null, context.clock.now());
    let (_, how) = tokio::join!(call, session.pump(|push| pushes.lock().unwrap().push(push)));
    (seen.facts()[2..].to_vec(), how, pushes.into_inner().unwrap())
}

#[tokio::test]
async fn what_breaks_the_framing_is_garbage_and_the_talk_goes_on() {
    const PUSH: &str = r#"42["message",{"type":"push","action":"thread_closed","payload":{"chat_id":"c","thread_id":"t","user_id":"u"}}]"#;
    let (facts, how, pushes) = facts_after(&["6", "2", "3", "40", PUSH]).await;
    assert_eq!(facts, ["ponged", "pushed thread_closed", "answered ping ok", "closed ByServer"]);
    assert_eq!((how, pushes.len()), (Closing::ByServer, 1));

    let broken = &[
        r#"42["message"]"#,
        r#"42["message",{},{}]"#,
        r#"42["chat",{}]"#,
        r#"42["message","<html>"]"#,
        r#"{"type":"push"}"#,
        r#"430[]"#,
        "5",
        "",
    ];
    let (facts, ..) = facts_after(broken).await;
    assert_eq!(facts.iter().filter(|fact| fact.starts_with("violated malformed_")).count(), broken.len(), "{facts:?}");
    assert_eq!(facts[broken.len()..], ["answered ping ok", "closed ByServer"]);
}

#[tokio::test]
async fn a_session_is_pinged_whether_it_is_silent_or_not() {
    let address = upgrading(opening(&[HANDSHAKE, "40"]), |mut peer| async move {
        upgrade(&mut peer).await;
        let mut pings = 0;
        while let Some(packet) = hear(&mut peer).await {
            match &*packet {
                "2" => {
                    pings += 1;
                    say(&mut peer, "3").await;
                }
                "41" => return,
                _ => {
                    assert!(pings < 1000, "nobody asks for so many");
                    say(&mut peer, &answered(&packet)).await;
                }
            }
        }
    })
    .await;
    let quick = dialect(Duration::from_secs(9), Duration::from_millis(40));
    let (context, seen) = context(&format!("http://{address}"), quick);
    with_session(&context, async |session: &RtmSession| {
        while !seen.has("ponged") {
            session.call("ping", &Value::Null, context.clock.now()).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        session.close().await;
    })
    .await;
}

/// How the session ends when its pings, and it itself, are answered with this until it says goodbye.
async fn end_of_a_session_whose_pings_get(answer: Option<&'static str>) -> (Closing, Vec<String>) {
    let hasty = HANDSHAKE.replace("25000", "20").replace("60000", "300");
    let address = upgrading(opening(&[&hasty, "40"]), move |mut peer| async move {
        upgrade(&mut peer).await;
        let mut answers = 0;
        while let Some(packet) = hear(&mut peer).await {
            if let Some(answer) = answer.filter(|_| packet == "2") {
                say(&mut peer, answer).await;
                answers += 1;
            }
            // Longer than the server said that a ping may wait.
            if answers == 40 {
                return say(&mut peer, "41").await;
            }
        }
    })
    .await;
    let (context, seen) = context(&format!("http://{address}"), usual());
    let session = RtmSession::connect_socketio(&context, &Token::new(TOKEN), &[]).await.unwrap();
    (session.pump(|_| {}).await, seen.facts())
}

#[tokio::test]
async fn a_server_that_answers_no_ping_in_time_is_left() {
    let (how, facts) = end_of_a_session_whose_pings_get(None).await;
    assert_eq!((how, facts), (Closing::ServerSilent, vec!["connected".to_owned(), "closed ServerSilent".to_owned()]));
    // Whatever comes is a sign of life.
    for answer in ["3", "6"] {
        let (how, facts) = end_of_a_session_whose_pings_get(Some(answer)).await;
        assert_eq!((how, facts.last().map(String::as_str)), (Closing::ByServer, Some("closed ByServer")), "{facts:?}");
    }
}

#[tokio::test]
async fn the_action_ping_comes_beside_the_pings_of_the_wire_and_never_means_neither() {
    let hasty = HANDSHAKE.replace("25000", "30");
    for (pings, wire, action) in [(PingStyle::Action, true, true), (PingStyle::Off, false, false)] {
        let (tell, told) = std::sync::mpsc::channel();
        let address = upgrading(opening(&[&hasty, "40"]), move |mut peer| {
            let tell = tell.clone();
            async move {
                upgrade(&mut peer).await;
                while let Some(packet) = hear(&mut peer).await {
                    if packet.starts_with("42") {
                        say(&mut peer, &answered(&packet)).await;
                    }
                    tell.send(packet).unwrap();
                }
            }
        })
        .await;
        let quick = dialect(Duration::from_secs(9), Duration::from_millis(40));
        let (mut context, _) = context(&format!("http://{address}"), quick);
        context.pings = pings;
        let mut seen = Vec::new();
        with_session(&context, async |session: &RtmSession| {
            for _ in 0..1000 {
                seen.extend(told.try_iter());
                if seen.iter().any(|packet| packet == "2") && seen.iter().any(|packet| packet.starts_with("42")) {
                    break;
                }
                if pings == PingStyle::Off && seen.is_empty() {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            session.close().await;
        })
        .await;
        seen.extend(told.try_iter());
        assert_eq!(seen.iter().any(|packet| packet == "2"), wire, "{pings:?}: {seen:?}");
        assert_eq!(seen.iter().any(|packet| packet.starts_with("42")), action, "{pings:?}: {seen:?}");
    }
}

#[tokio::test]
async fn the_packet_that_connects_may_come_by_either_transport_and_in_any_form_of_payload() {
    for form in [PayloadForm::Binary, PayloadForm::Plain, PayloadForm::Twice] {
        let body = encode_payload([HANDSHAKE], form);
        assert_eq!(decode_payload(&body).packets, [HANDSHAKE]);
        let address = upgrading(body, |mut peer| async move {
            upgrade(&mut peer).await;
            say(&mut peer, "6").await;
            say(&mut peer, "40").await;
            hear(&mut peer).await;
        })
        .await;
        let (context, seen) = context(&format!("http://{address}"), usual());
        RtmSession::connect_socketio(&context, &Token::new(TOKEN), &[]).await.unwrap().close().await;
        assert_eq!(seen.facts(), ["connected", "closed ByUs"]);
    }
}

async fn refusal(address: SocketAddr) -> SessionError {
    let (context, seen) = context(&format!("http://{address}"), usual());
    let error = RtmSession::connect_socketio(&context, &Token::new(TOKEN), &[]).await.unwrap_err();
    assert_eq!(seen.facts(), Vec::<String>::new());
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    error
}

#[tokio::test]
async fn a_server_that_opens_no_session_is_told_by_what_it_does() {
    let nobody = |_: Peer| async {};
    for (packets, told) in [
        (&["40"][..], "no handshake"),
        (&["0{}"][..], "missing field `sid`"),
        (&[r#"0{"sid":"x","upgrades":[],"pingInterval":1,"pingTimeout":1}"#, "40"][..], "no upgrade from polling"),
        (&[HANDSHAKE, HANDSHAKE][..], "before the session stood"),
        (&["9"][..], "unknown type"),
    ] {
        let error = refusal(upgrading(opening(packets), nobody).await).await;
        assert!(matches!(&error, SessionError::NotSocketIo { reason, .. } if reason.contains(told)), "{error}");
    }
    let error = refusal(upgrading(b"<html>".to_vec(), nobody).await).await;
    assert!(matches!(&error, SessionError::NotSocketIo { reason, .. } if reason.contains("length")), "{error}");
    let error = refusal(upgrading(opening(&[HANDSHAKE, r#"44"no licence""#]), nobody).await).await;
    assert!(matches!(&error, SessionError::Declined { reason, .. } if reason == "\"no licence\""), "{error}");
    let error = refusal(upgrading(opening(&[HANDSHAKE, "41"]), nobody).await).await;
    assert!(matches!(error, SessionError::Reset { .. }), "{error}");
    let error = refusal(upgrading(opening(&[HANDSHAKE]), nobody).await).await;
    assert!(matches!(error, SessionError::Reset { .. }), "{error}");
    let unprobed = |mut peer: Peer| async move {
        hear(&mut peer).await;
        say(&mut peer, "3").await;
        hear(&mut peer).await;
    };
    let error = refusal(upgrading(opening(&[HANDSHAKE]), unprobed).await).await;
    assert!(matches!(&error, SessionError::NotSocketIo { reason, .. } if reason.contains("3probe")), "{error}");
}

#[tokio::test]
async fn a_peer_that_is_no_http_server_is_told() {
    let told = async |text: &'static str| {
        let address = peer(move |mut stream| async move {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(text.as_bytes()).await;
        })
        .await;
        refusal(address).await
    };
    assert!(matches!(told("SSH-2.0-x\r\n\r\n").await, SessionError::NotHttp { .. }));
    assert!(matches!(told("").await, SessionError::Reset { .. }));
    assert!(matches!(
        told("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await,
        SessionError::Http { status: 404, .. }
    ));
    let (listener, address) = listen().await;
    drop(listener);
    assert!(matches!(refusal(address).await, SessionError::Refused { .. }));
}
