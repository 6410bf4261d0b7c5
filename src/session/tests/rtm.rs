//! Real-time messaging.

use std::cell::RefCell;

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::protocol::Message as Frame;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::super::connect::SessionError;
use super::*;
use crate::message::{Message, Request, parse_request};
use crate::observe::Closing;

type Peer = WebSocketStream<TcpStream>;

async fn next_request(peer: &mut Peer) -> Option<Request> {
    while let Some(Ok(frame)) = peer.next().await {
        if let Frame::Text(text) = frame {
            return Some(parse_request(&text).unwrap());
        }
    }
    None
}

async fn answer(peer: &mut Peer, request: &Request, payload: Value) {
    let frame = json!({
        "request_id": request.correlation, "action": request.action, "type": "response", "success": true, "payload": payload
    });
    peer.send(Frame::text(frame.to_string())).await.unwrap();
}

/// Answers every request; a request with a payload gets it back.
async fn echo(stream: TcpStream) {
    let mut peer = accept_async(stream).await.unwrap();
    while let Some(request) = next_request(&mut peer).await {
        let payload = request.payload.clone();
        answer(&mut peer, &request, payload).await;
    }
}

/// Connects to a peer and polls the pump beside the script.
async fn with_session<T>(context: &SessionContext, script: impl AsyncFnOnce(&RtmSession) -> T) -> (T, Closing) {
    let session = RtmSession::connect(context, &Token::new(TOKEN)).await.unwrap();
    tokio::join!(script(&session), session.pump(|_| {}))
}

fn ok(payload: Value) -> CallOutcome {
    CallOutcome::Answered { success: true, payload }
}

#[tokio::test]
async fn an_answer_completes_its_own_call() {
    let address = peer(|stream| async move {
        let mut peer = accept_async(stream).await.unwrap();
        let first = next_request(&mut peer).await.unwrap();
        let second = next_request(&mut peer).await.unwrap();
        for request in [second, first] {
            answer(&mut peer, &request, json!({"said": request.payload["text"]})).await;
        }
        while peer.next().await.is_some() {}
    })
    .await;
    let (context, seen) = context(&format!("http://{address}"), usual());
    let (outcomes, how) = with_session(&context, async |session: &RtmSession| {
        let call = async |text: &str| session.call("ping", &json!({"text": text}), context.clock.now()).await;
        let outcomes = tokio::join!(call("a"), call("b"));
        session.close().await;
        outcomes
    })
    .await;
    assert_eq!(outcomes, (ok(json!({"said": "a"})), ok(json!({"said": "b"}))));
    assert_eq!(how, Closing::ByUs);
    let facts = ["connected", "sent ping", "sent ping", "answered ping ok", "answered ping ok", "closed ByUs"];
    assert_eq!(seen.facts(), facts);
}

#[tokio::test]
async fn login_sends_the_token_and_learns_the_user() {
    let address = peer(|stream| async move {
        let mut peer = accept_async(stream).await.unwrap();
        let request = next_request(&mut peer).await.unwrap();
        assert_eq!(request.payload, json!({"token": TOKEN, "customer": {"name": "Ada"}}));
        answer(&mut peer, &request, json!({"customer_id": "c7", "chats": [], "echo": TOKEN})).await;
        next_request(&mut peer).await;
    })
    .await;
    let (context, _) = context(&format!("ws://{address}"), usual());
    let (outcome, _) = with_session(&context, async |session: &RtmSession| {
        assert!(!format!("{session:?}").contains("s3cret"));
        let outcome = session.login(&json!({"customer": {"name": "Ada"}}), context.clock.now()).await;
        assert_eq!(session.user().as_deref(), Some("c7"));
        session.close().await;
        outcome
    })
    .await;
    assert!(matches!(outcome, CallOutcome::Answered { success: true, .. }));
}

#[tokio::test]
async fn pushes_reach_the_hook_in_order() {
    let address = peer(|stream| async move {
        let mut peer = accept_async(stream).await.unwrap();
        for n in 0..100 {
            let push = json!({"type": "push", "action": "thread_closed", "payload": {"chat_id": n.to_string(), "thread_id": "t", "user_id": "u"}});
            peer.send(Frame::text(push.to_string())).await.unwrap();
        }
        peer.close(None).await.unwrap();
    })
    .await;
    let (context, seen) = context(&format!("http://{address}"), usual());
    let inbox = RefCell::new(Vec::<Message>::new());
    let session = RtmSession::connect(&context, &Token::new(TOKEN)).await.unwrap();
    assert_eq!(session.pump(|push| inbox.borrow_mut().push(push)).await, Closing::ByServer);
    let chats: Vec<_> = inbox.borrow().iter().map(|push| push.payload["chat_id"].clone()).collect();
    assert_eq!(chats, (0..100).map(|n| json!(n.to_string())).collect::<Vec<_>>());
    assert_eq!(seen.facts().last().unwrap(), "closed ByServer");
    let outcome = session.call("ping", &Value::Null, context.clock.now()).await;
    assert_eq!(outcome, CallOutcome::NotSent("the connection is closed".to_owned()));
    assert_eq!((session.is_over(), session.ended().await.0), (true, Closing::ByServer));
}

#[tokio::test]
async fn a_call_times_out_at_the_limit_and_its_late_answer_is_told() {
    let address = peer(|stream| async move {
        let mut peer = accept_async(stream).await.unwrap();
        let late = next_request(&mut peer).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        answer(&mut peer, &late, Value::Null).await;
        next_request(&mut peer).await.unwrap();
        while peer.next().await.is_some() {}
    })
    .await;
    let (context, seen) =
        context(&format!("http://{address}"), dialect(Duration::from_millis(100), Duration::from_secs(9)));
    with_session(&context, async |session: &RtmSession| {
        assert_eq!(session.call("close_thread", &Value::Null, context.clock.now()).await, CallOutcome::TimedOut);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(seen.has("answered close_thread late") && seen.has("violated late_answer"), "{:?}", seen.facts());
        assert_eq!(session.call("close_thread", &Value::Null, context.clock.now()).await, CallOutcome::TimedOut);
        session.close().await;
    })
    .await;
    assert_eq!(seen.facts().iter().filter(|fact| *fact == "violated no_answer").count(), 1);
}

#[tokio::test]
async fn a_silent_connection_is_pinged_with_frames() {
    let address = peer(echo).await;
    let (context, seen) =
        context(&format!("http://{address}"), dialect(Duration::from_secs(9), Duration::from_millis(20)));
    with_session(&context, async |session: &RtmSession| {
        while !seen.has("ponged") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        session.close().await;
    })
    .await;
    assert!(!seen.has("sent ping"));
}

#[tokio::test]
async fn a_silent_connection_is_pinged_with_the_action() {
    let address = peer(echo).await;
    let (mut context, seen) =
        context(&format!("http://{address}"), dialect(Duration::from_secs(9), Duration::from_millis(20)));
    context.pings = PingStyle::Action;
    with_session(&context, async |session: &RtmSession| {
        while !seen.has("answered ping ok") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        session.close().await;
    })
    .await;
    assert!(!seen.has("ponged"));
}

#[tokio::test]
async fn a_request_larger_than_the_sockets_buffers_is_flushed_by_the_pump() {
    let address = peer(|stream| async move {
        let mut peer = accept_async(stream).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        while let Some(request) = next_request(&mut peer).await {
            let length = request.payload["text"].as_str().unwrap().len();
            answer(&mut peer, &request, json!({"length": length})).await;
        }
    })
    .await;
    let (context, _) = context(&format!("http://{address}"), usual());
    with_session(&context, async |session: &RtmSession| {
        let payload = json!({"text": "x".repeat(15 << 20)});
        let (first, second) = tokio::join!(
            session.call("ping", &payload, context.clock.now()),
            session.call("ping", &payload, context.clock.now())
        );
        assert_eq!(first, ok(json!({"length": 15 << 20})));
        assert_eq!(second, first);
        let payload = json!({"text": "x".repeat(33 << 20)});
        let outcome = session.call("ping", &payload, context.clock.now()).await;
        assert!(matches!(outcome, CallOutcome::NotSent(why) if why.contains("too large")));
        session.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_binary_frame_is_a_violation_and_the_talk_goes_on() {
    let address = peer(|stream| async move {
        let mut peer = accept_async(stream).await.unwrap();
        let request = next_request(&mut peer).await.unwrap();
        peer.send(Frame::binary(vec![0xff; 3])).await.unwrap();
        peer.send(Frame::text("<html>")).await.unwrap();
        answer(&mut peer, &request, json!({})).await;
        while peer.next().await.is_some() {}
    })
    .await;
    let (context, seen) = context(&format!("http://{address}"), usual());
    with_session(&context, async |session: &RtmSession| {
        assert_eq!(session.call("ping", &Value::Null, context.clock.now()).await, ok(json!({})));
        session.close().await;
    })
    .await;
    assert_eq!(seen.facts().iter().filter(|fact| *fact == "violated malformed_frame").count(), 2);
}

/// What the session sees of a peer that writes these bytes after the first request and closes.
async fn after_request(bytes: &'static [u8], zeros: usize) -> (CallOutcome, Closing, Vec<String>) {
    let address = peer(move |stream| async move {
        let mut peer = accept_async(stream).await.unwrap();
        next_request(&mut peer).await.unwrap();
        let stream = peer.get_mut();
        // The client may hang up in the middle.
        let _ = stream.write_all(bytes).await;
        for _ in 0..zeros >> 20 {
            let _ = stream.write_all(&vec![0; 1 << 20]).await;
        }
        let _ = stream.shutdown().await;
    })
    .await;
    let (context, seen) = context(&format!("http://{address}"), usual());
    let (outcome, how) = with_session(&context, async |session: &RtmSession| {
        session.call("ping", &Value::Null, context.clock.now()).await
    })
    .await;
    (outcome, how, seen.facts()[2..].to_vec())
}

#[tokio::test]
async fn whatever_breaks_the_websocket_ends_every_call() {
    let violated: &[&str] = &["violated malformed_frame", "closed Broken"];
    let broken: &[&str] = &["closed Broken"];
    let cases = [
        ("invalid UTF-8", &b"\x81\x02\xc3\x28"[..], 0, Closing::Broken, violated),
        ("17 MB", b"\x81\x7f\0\0\0\0\x01\x10\0\0", 17 << 20, Closing::Broken, violated),
        ("reserved opcode", b"\x83\x00", 0, Closing::Broken, violated),
        ("end in the middle of a frame", b"\x81\x05{", 0, Closing::Broken, broken),
        ("end without closing handshake", b"", 0, Closing::Broken, broken),
        ("close frame", b"\x88\x02\x03\xe8", 0, Closing::ByServer, &["closed ByServer"]),
    ];
    for (name, bytes, zeros, closing, expected) in cases {
        let (outcome, how, facts) = after_request(bytes, zeros).await;
        assert_eq!((outcome, how), (CallOutcome::Closed, closing), "{name}");
        assert_eq!(facts, expected, "{name}");
    }
}

#[tokio::test]
async fn a_reset_ends_every_call() {
    let address = peer(|stream| async move {
        let mut peer = accept_async(stream).await.unwrap();
        next_request(&mut peer).await.unwrap();
        peer.get_ref().set_zero_linger().unwrap();
    })
    .await;
    let (context, seen) = context(&format!("http://{address}"), usual());
    let (outcomes, how) = with_session(&context, async |session: &RtmSession| {
        let call = async || session.call("ping", &Value::Null, context.clock.now()).await;
        tokio::join!(call(), call())
    })
    .await;
    assert_eq!((outcomes, how), ((CallOutcome::Closed, CallOutcome::Closed), Closing::Broken));
    assert_eq!(seen.facts().last().unwrap(), "closed Broken");
}

#[tokio::test]
async fn closing_says_goodbye_and_does_not_wait_for_ever() {
    let (goodbye, heard) = tokio::sync::oneshot::channel();
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut peer = accept_async(stream).await.unwrap();
        let frame = peer.next().await.unwrap().unwrap();
        goodbye.send(frame).unwrap();
        // The reply is never written: that takes another read.
        std::future::pending::<()>().await;
    });
    let (context, seen) = context(&format!("http://{address}"), usual());
    let session = RtmSession::connect(&context, &Token::new(TOKEN)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), session.close()).await.unwrap();
    assert!(matches!(heard.await.unwrap(), Frame::Close(_)));
    assert_eq!(seen.facts(), ["connected", "closed ByUs"]);
    drop(session);
    assert_eq!(seen.facts().len(), 2, "the end is told once");
}

#[tokio::test]
async fn a_dropped_session_is_closed() {
    let address = peer(echo).await;
    let (context, seen) = context(&format!("http://{address}"), usual());
    drop(RtmSession::connect(&context, &Token::new(TOKEN)).await.unwrap());
    assert_eq!(seen.facts(), ["connected", "closed ByUs"]);
}

async fn refusal(url: &str) -> SessionError {
    let (context, seen) = context(url, usual());
    let error = RtmSession::connect(&context, &Token::new(TOKEN)).await.unwrap_err();
    assert_eq!(seen.facts(), Vec::<String>::new());
    error
}

/// The error met at a peer that reads a little, writes this and closes.
async fn refusal_of(scheme: &str, text: &'static str) -> SessionError {
    let address = peer(move |mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(text.as_bytes()).await;
    })
    .await;
    let error = refusal(&format!("{scheme}://{address}")).await;
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    error
}

#[tokio::test]
async fn a_peer_that_is_no_chat_server_is_told_by_what_it_is() {
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\ncontent-type: text/html\r\n\r\n<html>";
    assert!(matches!(refusal_of("http", page).await, SessionError::Http { status: 200, .. }));
    let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    let error = refusal_of("http", missing).await;
    assert!(matches!(error, SessionError::Http { status: 404, .. }));
    assert!(error.to_string().contains("/customer/v0.3/rtm/ws?license_id=42 with HTTP 404"), "{error}");
    assert!(matches!(refusal_of("http", "SSH-2.0-x\r\n\r\n").await, SessionError::NotWebsocket { .. }));
    assert!(matches!(refusal_of("http", "").await, SessionError::Reset { .. }));
    assert!(matches!(refusal_of("https", page).await, SessionError::Tls { .. }));
}

#[tokio::test]
async fn a_closed_port_refuses_and_a_reset_is_told() {
    let (listener, address) = listen().await;
    drop(listener);
    let error = refusal(&format!("http://{address}")).await;
    assert!(matches!(&error, SessionError::Refused { peer } if *peer == address.to_string()), "{error:?}");

    let address = peer(|stream| async move { stream.set_zero_linger().unwrap() }).await;
    assert!(matches!(refusal(&format!("http://{address}")).await, SessionError::Reset { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_never_answered_ends_at_the_limit() {
    let (_listener, address) = listen().await;
    assert!(matches!(refusal(&format!("http://{address}")).await, SessionError::Timeout { .. }));
}

#[tokio::test]
async fn a_thousand_sessions_share_one_thread() {
    let address = peer(echo).await;
    let (context, seen) = context(&format!("http://{address}"), usual());
    join_all((0..1000).map(async |n| {
        with_session(&context, async |session: &RtmSession| {
            for round in 0..3 {
                let payload = json!({"n": n, "round": round});
                assert_eq!(session.call("ping", &payload, context.clock.now()).await, ok(payload));
            }
            session.close().await;
        })
        .await
    }))
    .await;
    let facts = seen.facts();
    let count = |wanted: &str| facts.iter().filter(|fact| *fact == wanted).count();
    assert_eq!((count("connected"), count("answered ping ok"), count("closed ByUs")), (1000, 3000, 1000));
    assert_eq!(facts.len(), 1000 + 3000 + 3000 + 1000);
}
