//! Bytes that nobody should send. The server answers what can be answered, closes what cannot, and goes on.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

use super::*;

async fn still_works(server: &TestServer) {
    server.customer("a-good-one").await.start().await;
}

#[tokio::test]
async fn what_has_an_action_is_answered() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let deep =
        format!(r#"{{"request_id":"1","action":"ping","payload":{}{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    let twice = r#"{"request_id":"1","action":"ping","payload":{},"payload":{}}"#.to_owned();
    let list = r#"{"request_id":"1","action":"ping","payload":[]}"#.to_owned();
    for text in [deep, twice, list] {
        customer.send(text.clone()).await;
        let Got::Response { correlation, action, success, payload } = customer.next().await else { panic!("{text}") };
        assert_eq!((correlation.as_deref(), action.as_str(), success), (Some("1"), "ping", false));
        assert_eq!(payload["error"]["type"], "validation");
    }
}

#[tokio::test]
async fn json_without_an_action_is_ignored() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    for text in ["{}", "[]", "7", r#"{"action":null}"#] {
        customer.send(text).await;
    }
    customer.nothing().await;
}

#[tokio::test]
async fn what_is_no_text_frame_with_json_ends_the_connection() {
    let server = TestServer::start().await;
    for (frame, code) in [
        (Message::text("<html>"), 1007),
        (Message::text("[".repeat(100_000)), 1007),
        (Message::binary(vec![1, 2, 3]), 1003),
        (Message::text("x".repeat(2 << 20)), 1009),
    ] {
        let mut customer = server.customer("carl").await;
        customer.socket.send(frame).await.unwrap();
        assert_eq!(customer.closed().await, Some(code));
    }
    let mut customer = server.customer("carl").await;
    // A text frame of two bytes that are not UTF-8, masked with zeros.
    customer.socket.get_mut().write_all(&[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]).await.unwrap();
    assert_eq!(customer.closed().await, Some(1007));
    let mut customer = server.customer("carl").await;
    // A frame that is not masked, which a client must not send.
    customer.socket.get_mut().write_all(&[0x81, 0x02, b'{', b'}']).await.unwrap();
    assert_eq!(customer.closed().await, Some(1002));
    still_works(&server).await;
}

#[tokio::test]
async fn who_does_not_read_is_cut_off_and_nobody_else_suffers() {
    let server = TestServer::start().await;
    let mut customer = server.customer("carl").await;
    let (chat, _) = customer.start().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = server.connect_over(socket.connect(server.addr).await.unwrap(), "customer/v0.3").await;
    deaf.ok("login", json!({"token": "customer:carl"})).await;
    // More than the sockets' buffers and the queue hold.
    const MANY: usize = 1_500;
    let event = json!({"type": "custom", "content": "x".repeat(16_000)});
    for _ in 0..MANY {
        customer.request("send_event", json!({"chat_id": chat, "event": event})).await;
        // The response and the push, unchecked, because there are so many.
        customer.frame().await;
        customer.frame().await;
    }
    customer.pushed().await;
    let mut heard = 0;
    while let Some(Ok(_)) = deaf.frame().await {
        heard += 1;
    }
    assert!(heard < MANY);
}

#[tokio::test]
async fn a_handshake_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let http = reqwest::Client::new();
    let plain = http.get(format!("http://{}/customer/v0.3/rtm/ws?license_id=1", server.addr)).send().await.unwrap();
    assert_eq!(plain.status(), 426);
    for query in ["", "?license_id=", "?license_id=abc", "?other=1"] {
        let stream = TcpStream::connect(server.addr).await.unwrap();
        let url = format!("ws://{}/customer/v0.3/rtm/ws{query}", server.addr);
        let Err(Error::Http(response)) = client_async(url, stream).await else { panic!("{query} was accepted") };
        assert_eq!(response.status(), 400);
    }
    let mut garbage = TcpStream::connect(server.addr).await.unwrap();
    garbage.write_all(&[0; 1000]).await.unwrap();
    still_works(&server).await;
}
