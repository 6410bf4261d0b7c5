//! What passes through the proxy is the same, byte for byte, whatever it is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;

use chatproof::proxy::{Aside, Mode};
use chatproof::session::Trust;
use support::relay::{KEY, Running, echo, frame, handshake, read_head, switching};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Takes one connection and serves it.
async fn server(listener: TcpListener, answer: String, sends: Vec<u8>) -> (String, Vec<u8>) {
    serve(listener.accept().await.unwrap().0, answer, sends).await
}

/// Reads up to the empty line, answers with `answer`, sends `sends`, and then reads until the peer ends.
async fn serve(mut socket: impl AsyncRead + AsyncWrite + Unpin, answer: String, sends: Vec<u8>) -> (String, Vec<u8>) {
    let head = read_head(&mut socket).await;
    socket.write_all(answer.as_bytes()).await.unwrap();
    // One byte at a time at the start, so that frames are cut.
    let (slowly, rest) = sends.split_at(sends.len().min(20));
    for byte in slowly {
        socket.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    socket.write_all(rest).await.unwrap();
    let mut received = Vec::new();
    socket.read_to_end(&mut received).await.unwrap();
    (head, received)
}

/// What an odd but legal peer sends: parts with control frames between them, an empty text, something binary, a long one, and a
/// closing frame with a code and a reason.
fn oddities(mask: bool) -> Vec<u8> {
    let goodbye = [&4321_u16.to_be_bytes()[..], "tschüß".as_bytes()].concat();
    [
        frame(0x01, mask, br#"{"request_id":"1","acti"#),
        frame(0x89, mask, b"are you there"),
        frame(0x00, mask, br#"on":"pi"#),
        frame(0x8a, mask, b""),
        frame(0x80, mask, br#"ng"}"#),
        frame(0x81, mask, b""),
        frame(0x82, mask, &[0, 255, 128, 7]),
        frame(0x81, mask, "ü".repeat(20_000).as_bytes()),
        frame(0x88, mask, &goodbye),
    ]
    .concat()
}

/// Sends through a proxy and receives; what the server saw, what the client saw, and the notes.
struct Exchange {
    request: String,
    to_server: Vec<u8>,
    answer: String,
    to_client: Vec<u8>,
    notes: Vec<String>,
    aside: Aside,
}

async fn exchange(request: &str, sends: &[u8], answer: &str, answers: &[u8]) -> Exchange {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy =
        Running::before(&format!("http://{}", listener.local_addr().unwrap()), Trust::default(), Mode::default()).await;
    let server = tokio::spawn(server(listener, answer.to_owned(), answers.to_vec()));
    let mut client = TcpStream::connect(&proxy.addr).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let answer = read_head(&mut client).await;
    let (mut from_server, mut to_server) = client.split();
    let mut to_client = vec![0; answers.len()];
    let sending = async {
        to_server.write_all(sends).await.unwrap();
        to_server.shutdown().await.unwrap();
    };
    let (read, ()) = tokio::join!(from_server.read_exact(&mut to_client), sending);
    read.unwrap();
    let (request, to_server) = server.await.unwrap();
    let notes = proxy.notes.clone();
    let aside = proxy.stop().await;
    Exchange { request, to_server, answer, to_client, notes: notes.all(), aside }
}

#[tokio::test]
async fn odd_frames_pass_unchanged_in_both_directions() {
    let (up, down) = (oddities(true), oddities(false));
    let passed =
        exchange(&handshake("/agent/v3.0/rtm/ws?bh=1&bh=%20", ""), &up, &switching("X-Own: 1\r\n"), &down).await;
    assert_eq!(passed.to_server, up);
    assert_eq!(passed.to_client, down);
    assert!(passed.request.starts_with("GET /agent/v3.0/rtm/ws?bh=1&bh=%20 HTTP/1.1\r\n"), "{}", passed.request);
    for header in [&format!("Sec-WebSocket-Key: {KEY}"), "X-Odd-Case: yes", "Connection: keep-alive, Upgrade"] {
        assert!(passed.request.contains(&format!("\r\n{header}\r\n")), "{}", passed.request);
    }
    assert!(!passed.request.contains("chat.example.com"), "the server is called by its own name: {}", passed.request);
    assert!(
        passed.answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") && passed.answer.contains("X-Own: 1"),
        "{}",
        passed.answer
    );
    assert_eq!(passed.aside, Aside::default());
    assert_eq!(passed.notes.iter().filter(|note| *note == "sent ping").count(), 1, "{:?}", passed.notes);
}

#[tokio::test]
async fn compressed_frames_pass_unchanged_and_are_understood() {
    use flate2::{Compress, Compression, FlushCompress};
    let mut stream = Compress::new(Compression::default(), false);
    let mut compressed = Vec::with_capacity(1000);
    let text = br#"{"request_id":"1","action":"ping","payload":{}}"#;
    stream.compress_vec(text, &mut compressed, FlushCompress::Sync).unwrap();
    compressed.truncate(compressed.len() - 4);
    let up = frame(0xc1, true, &compressed);
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let taken = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let passed = exchange(&handshake("/agent/v3.0/rtm/ws", offer), &up, &switching(taken), &[]).await;
    assert!(passed.request.contains(offer) && passed.answer.contains(taken));
    assert_eq!(passed.to_server, up);
    assert!(passed.notes.contains(&"sent ping".to_owned()), "{:?}", passed.notes);
}

#[tokio::test]
async fn what_is_no_websocket_after_the_handshake_passes_as_well() {
    let noise: Vec<u8> = (0..200_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    let passed = exchange(&handshake("/agent/v3.0/rtm/ws", ""), &noise, &switching(""), &noise).await;
    assert_eq!(passed.to_server, noise);
    assert_eq!(passed.to_client, noise);
    assert_eq!(passed.notes.len(), 1, "{:?}", passed.notes);
}

#[tokio::test]
async fn what_belongs_to_no_dialect_is_relayed_and_counted() {
    let up = oddities(true);
    let passed = exchange(&handshake("/somewhere/else", ""), &up, &switching(""), &[]).await;
    assert_eq!(passed.to_server, up);
    assert_eq!(passed.notes, Vec::<String>::new());
    assert_eq!(passed.aside.not_judged.get("/somewhere/else"), Some(&1));
}

/// A server's key and certificate that nobody of the web vouches for, and the certificate as a file.
fn certificate() -> (tokio_rustls::TlsAcceptor, tempfile::NamedTempFile) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), made.cert.pem()).unwrap();
    (tokio_rustls::TlsAcceptor::from(Arc::new(config)), file)
}

#[tokio::test]
async fn a_server_behind_tls_is_reached_when_its_authority_is_named() {
    let (acceptor, file) = certificate();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("https://{}", listener.local_addr().unwrap());
    let trusting = Running::before(&upstream, Trust::and_file(file.path()).unwrap(), Mode::default()).await;
    let server = tokio::spawn(async move {
        let socket = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        serve(socket, switching(""), frame(0x81, false, b"hello")).await
    });
    let mut client = TcpStream::connect(&trusting.addr).await.unwrap();
    client.write_all(handshake("/agent/v3.0/rtm/ws", "").as_bytes()).await.unwrap();
    read_head(&mut client).await;
    let mut hello = [0; 7];
    client.read_exact(&mut hello).await.unwrap();
    assert_eq!(hello, *b"\x81\x05hello");
    drop(client);
    assert!(server.await.unwrap().0.contains("Upgrade: websocket"));
    trusting.stop().await;
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_is_told_to_the_client_and_in_the_end() {
    let (acceptor, _) = certificate();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { drop(acceptor.accept(listener.accept().await.unwrap().0).await) });
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (upstream, reason) in [(upstream, "certificate"), (format!("http://{gone}"), "refused")] {
        let proxy = Running::before(&upstream, Trust::default(), Mode::default()).await;
        let answer = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = answer.post(format!("http://{}/agent/v3.0/action/ping", proxy.addr)).send().await.unwrap();
        assert_eq!(answer.status(), 502);
        assert!(answer.text().await.unwrap().contains(reason), "{reason}");
        let notes = proxy.notes.clone();
        let aside = proxy.stop().await;
        assert_eq!(aside.unanswered, 1);
        assert!(aside.reason.unwrap().contains(reason));
        assert!(!notes.all().iter().any(|note| note.starts_with("answered")), "{:?}", notes.all());
    }
}

#[tokio::test]
async fn bodies_of_any_size_pass_and_those_of_a_size_are_judged() {
    let proxy = Running::before(&echo().await, Trust::default(), Mode::default()).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (path, body, sent) in [
        ("/agent/v3.0/action/ping?a=b%20c", b"{}".to_vec(), 1),
        ("/agent/v3.0/action/ping", vec![b' '; 20 << 20], 1),
        ("/elsewhere", vec![0; 100_000], 1),
    ] {
        let answer = http.put(format!("http://{}{path}", proxy.addr)).body("no call").send().await.unwrap();
        assert_eq!(answer.headers()["x-asked"], format!("PUT /behind{path}"));
        assert_eq!(answer.bytes().await.unwrap(), "no call");
        let answer = http.post(format!("http://{}{path}", proxy.addr)).body(body.clone()).send().await.unwrap();
        assert_eq!(answer.bytes().await.unwrap(), body);
        let notes = proxy.notes.all();
        assert_eq!(notes.iter().filter(|note| *note == "sent ping").count(), sent, "{path} {notes:?}");
    }
    assert_eq!(proxy.stop().await.not_judged["/elsewhere"], 2);
}
