//! The Web API.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::*;

/// One whole HTTP request: its head and its body.
async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut text = Vec::new();
    loop {
        if let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(text[..end].to_vec()).unwrap();
            let lower = head.to_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.unwrap().parse().unwrap();
            if text.len() >= end + 4 + length {
                return Some((head, String::from_utf8(text[end + 4..].to_vec()).unwrap()));
            }
        }
        if stream.read_buf(&mut text).await.ok()? == 0 {
            return None;
        }
    }
}

async fn respond(stream: &mut TcpStream, status: &str, body: &str) {
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(text.as_bytes()).await;
}

/// A session at a peer that answers every request with this, and the requests that it gets.
async fn at_peer_with(
    status: &'static str,
    body: &'static str,
) -> (WebSession, Arc<Seen>, mpsc::UnboundedReceiver<(String, String)>) {
    let (tell, requests) = mpsc::unbounded_channel();
    let address = peer(move |mut stream| {
        let tell = tell.clone();
        async move {
            while let Some(request) = read_request(&mut stream).await {
                let _ = tell.send(request);
                respond(&mut stream, status, body).await;
            }
        }
    })
    .await;
    let (context, seen) = context(&format!("http://{address}"), usual());
    (WebSession::new(&context, &Token::new(TOKEN), Some("c7")), seen, requests)
}

async fn call(session: &WebSession, action: &str, payload: Value) -> CallOutcome {
    session.call(action, &payload, Moment(0)).await
}

#[tokio::test]
async fn a_call_is_a_post_with_the_token_and_its_answer_comes_back() {
    let (session, seen, mut requests) = at_peer_with("200 OK", "{}").await;
    let outcome = call(&session, "close_thread", json!({"chat_id": "x"})).await;
    assert_eq!(outcome, CallOutcome::Answered { success: true, payload: json!({}) });
    let (head, body) = requests.recv().await.unwrap();
    assert!(head.starts_with("POST /customer/v0.3/action/close_thread?license_id=42 HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("\r\nauthorization: bearer dal:s3cret\r\n"), "{head}");
    assert!(head.to_lowercase().contains("\r\ncontent-type: application/json\r\n"), "{head}");
    assert_eq!(body, r#"{"payload":{"chat_id":"x"}}"#);
    assert!(!format!("{session:?}").contains("s3cret"));
    session.close();
    assert_eq!(seen.facts(), ["sent close_thread", "answered close_thread ok", "closed ByUs"]);
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_html_is_a_violation() {
    let error = r#"{"error":{"type":"authorization","message":"Authorization error"}}"#;
    let (session, seen, _requests) = at_peer_with("403 Forbidden", error).await;
    let outcome = call(&session, "close_thread", json!({})).await;
    assert_eq!(outcome, CallOutcome::Answered { success: false, payload: serde_json::from_str(error).unwrap() });
    assert_eq!(seen.facts(), ["sent close_thread", "answered close_thread failed"]);

    let (session, seen, _requests) = at_peer_with("200 OK", "<html>").await;
    let outcome = call(&session, "close_thread", json!({})).await;
    assert_eq!(outcome, CallOutcome::Answered { success: false, payload: Value::Null });
    assert!(seen.has("violated malformed_frame"));
}

#[tokio::test]
async fn a_file_travels_in_parts() {
    let (session, _, mut requests) = at_peer_with("200 OK", r#"{"url":"https://example.com/f"}"#).await;
    let file = json!({"name": "a.txt", "content_type": "text/plain", "content": "hello"});
    let outcome = call(&session, "send_file", json!({"chat_id": "x", "custom_id": 7, "file": file})).await;
    assert!(matches!(outcome, CallOutcome::Answered { success: true, .. }));
    let (head, body) = requests.recv().await.unwrap();
    assert!(head.to_lowercase().contains("content-type: multipart/form-data; boundary="), "{head}");
    for part in [
        "name=\"payload.chat_id\"\r\n\r\nx\r\n",
        "name=\"payload.custom_id\"\r\n\r\n7\r\n",
        "name=\"payload.file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n",
    ] {
        assert!(body.contains(part), "{body}");
    }
}

#[tokio::test]
async fn a_call_can_differ_from_the_documented_one() {
    let (session, _, mut requests) = at_peer_with("200 OK", "{}").await;
    let varied = async |action: &str, payload: Value, variation: Variation| {
        session.call_varied(action, &payload, &variation, Moment(0)).await;
    };
    let unnamed = Variation {
        authorization: Authorization::None,
        query: vec![("license_id".to_owned(), None), ("region".to_owned(), Some("e u".to_owned()))],
        content_type: Some("text/plain".to_owned()),
        upload: None,
    };
    varied("send_file", json!({"chat_id": "x"}), unnamed).await;
    let (head, body) = requests.recv().await.unwrap();
    assert!(head.starts_with("POST /customer/v0.3/action/send_file?region=e+u HTTP/1.1\r\n"), "{head}");
    let head = head.to_lowercase();
    assert!(!head.contains("authorization") && head.contains("\r\ncontent-type: text/plain\r\n"), "{head}");
    assert_eq!(body, r#"{"payload":{"chat_id":"x"}}"#);

    let upload = Upload { bytes: 5, name: "a.png".to_owned(), kind: "image/png".to_owned() };
    let other = Variation {
        authorization: Authorization::Text("Bearer nonsense".to_owned()),
        upload: Some(upload),
        ..Variation::default()
    };
    varied("send_file", json!({"chat_id": "x", "file": "none"}), other).await;
    let (head, body) = requests.recv().await.unwrap();
    assert!(head.to_lowercase().contains("\r\nauthorization: bearer nonsense\r\n"), "{head}");
    let file = "name=\"payload.file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nxxxxx\r\n";
    assert!(body.contains(file) && body.matches("payload.file").count() == 1, "{body}");
}

#[tokio::test]
async fn a_late_answer_is_told_from_none() {
    let address = peer(|mut stream| async move {
        let (head, _) = read_request(&mut stream).await.unwrap();
        if head.contains("send_event") {
            tokio::time::sleep(Duration::from_millis(1100)).await;
            respond(&mut stream, "200 OK", "{}").await;
        } else {
            let _ = read_request(&mut stream).await;
        }
    })
    .await;
    let (context, seen) =
        context(&format!("http://{address}"), dialect(Duration::from_secs(1), Duration::from_secs(9)));
    let session = WebSession::new(&context, &Token::new(TOKEN), None);
    let outcomes = tokio::join!(call(&session, "send_event", json!({})), call(&session, "close_thread", json!({})));
    assert_eq!(outcomes, (CallOutcome::TimedOut, CallOutcome::TimedOut));
    assert!(seen.has("answered send_event late") && seen.has("timed out close_thread"), "{:?}", seen.facts());
    assert!(!seen.has("violated no_answer"));
    session.close();
    assert!(seen.has("violated no_answer"), "{:?}", seen.facts());
}

#[tokio::test]
async fn a_failed_transport_is_no_timeout_and_the_next_call_starts_anew() {
    let (listener, address) = listen().await;
    drop(listener);
    let (context, seen) =
        context(&format!("http://{address}"), dialect(Duration::from_millis(50), Duration::from_secs(9)));
    let session = WebSession::new(&context, &Token::new(TOKEN), None);
    for _ in 0..2 {
        let outcome = call(&session, "close_thread", json!({})).await;
        let CallOutcome::NotSent(why) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains(&address.to_string()) && why.contains("refused"), "{why}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(session);
    assert_eq!(seen.facts(), ["sent close_thread", "closed Broken", "sent close_thread", "closed Broken"]);
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let address = peer(|mut stream| async move {
        let _ = read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n").await;
        while stream.write_all(&vec![b' '; 1 << 20]).await.is_ok() {}
    })
    .await;
    let (context, seen) = context(&format!("http://{address}"), usual());
    let session = WebSession::new(&context, &Token::new(TOKEN), None);
    let outcome = call(&session, "close_thread", json!({})).await;
    assert_eq!(outcome, CallOutcome::Answered { success: false, payload: Value::Null });
    assert!(seen.has("violated malformed_frame"));
}
