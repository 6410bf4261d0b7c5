//! A proxy inside the test, before a server inside the test.

use std::sync::{Arc, Mutex};

use chatproof::observe::{Clock, ConnectionId, Fact, Moment, Observation, Observer};
use chatproof::proxy::{Aside, Mode, Provoked, Provoker, Proxy, ProxyOptions};
use chatproof::session::{Target, Trust};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::start;

pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Notes what is observed, in words.
#[derive(Default)]
pub struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn observe(&self, observation: &Observation<'_>) {
        let note = match &observation.fact {
            Fact::Sent(sent) => format!("sent {}", sent.action),
            Fact::Answered(answer) => format!("answered {}", answer.action),
            Fact::Pushed(push) => format!("pushed {}", push.action),
            Fact::Violated(violation) => format!("{} {}", violation.kind, violation.got),
            _ => return,
        };
        self.0.lock().unwrap().push(note);
    }
}

impl Provoker for Notes {
    fn provoked(&self, _: Moment, _: ConnectionId, what: Provoked) {
        self.0.lock().unwrap().push(format!("{what:?}"));
    }
}

impl Notes {
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A proxy before that server, its address, and what it noted.
pub struct Running {
    pub addr: String,
    pub notes: Arc<Notes>,
    stop: oneshot::Sender<()>,
    proxy: JoinHandle<Aside>,
}

impl Running {
    pub async fn before(upstream: &str, trust: Trust, mode: Mode) -> Self {
        Self::before_as(upstream, trust, mode, |proxy| proxy).await
    }

    /// The same with something changed.
    pub async fn before_as(upstream: &str, trust: Trust, mode: Mode, change: impl FnOnce(Proxy) -> Proxy) -> Self {
        let notes = Arc::new(Notes::default());
        let options = ProxyOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            upstream: Target::parse(upstream, 1).unwrap(),
            trust,
            protocol: start::protocol(),
            observer: notes.clone(),
            provoker: notes.clone(),
            clock: Clock::start(),
            mode,
        };
        let proxy = change(Proxy::bind(options).await.unwrap());
        let addr = proxy.addr().to_string();
        let (stop, stopped) = oneshot::channel();
        let proxy = tokio::spawn(proxy.run(async { drop(stopped.await) }));
        Self { addr, notes, stop, proxy }
    }

    pub async fn stop(self) -> Aside {
        self.stop.send(()).unwrap();
        self.proxy.await.unwrap()
    }
}

pub async fn read_head(socket: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

pub fn handshake(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: chat.example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nX-Odd-Case: yes\r\n{more}\r\n"
    )
}

pub fn switching(more: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{more}\r\n"
    )
}

/// A frame with a mask for whoever is a client.
pub fn frame(first: u8, mask: bool, payload: &[u8]) -> Vec<u8> {
    let key = if mask { [7, 11, 13, 17] } else { [0; 4] };
    let length = u16::try_from(payload.len()).unwrap();
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(length as u8 | if mask { 0x80 } else { 0 }),
        _ => {
            bytes.push(126 | if mask { 0x80 } else { 0 });
            bytes.extend(length.to_be_bytes());
        }
    }
    if mask {
        bytes.extend(key);
    }
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]));
    bytes
}

/// Answers each request with its own body, and says what it was asked.
pub async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let answer = |request: axum::extract::Request| async move {
        let asked = format!("{} {}", request.method(), request.uri());
        ([("x-asked", asked)], request.into_body())
    };
    let router = axum::Router::new().fallback(answer).layer(axum::extract::DefaultBodyLimit::disable());
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{addr}/behind")
}
