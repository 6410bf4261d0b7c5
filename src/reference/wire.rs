//! What carries a connection's messages: a websocket whose text frames they are, or socket.io.

use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Request, StatusCode, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::refusal::Refusal;
use super::render::Spoken;
use super::socketio::SocketIoWire;
use super::web;

/// Largest frame or posted body that is read. The longest documented text is 16 KB (agent-v3.0 rtm/events:212).
pub const LARGEST_FRAME: usize = 1 << 20;

/// A peer that takes nothing for this long is gone.
pub const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// A websocket.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// How a connection ends.
#[derive(Debug)]
pub enum End {
    /// The peer closed it or vanished: nothing to say.
    Silent,
    /// We close it.
    Told(CloseCode, &'static str),
}

/// What came over a wire.
#[derive(Debug)]
pub enum Heard {
    /// What should be a message of the API.
    Text(Utf8Bytes),
    /// A sign of life, and nothing else.
    Ping,
    /// Something of the wire's own.
    Nothing,
    /// The end.
    End(End),
}

/// What has arrived and was not yet looked at.
pub enum Arrival {
    /// A frame of a websocket; none when it is closed.
    Frame(Option<Result<Message, Error>>),
    /// A packet of socket.io that was posted; none when nobody can post any more.
    Packet(Option<String>),
    /// The websocket that takes the place of polling.
    Upgraded(Box<Socket>),
}

/// What carries the messages of a connection.
pub enum Wire {
    /// Each message is a text frame.
    Websocket(Box<Socket>),
    /// Each message is an event of socket.io.
    SocketIo(Box<SocketIoWire>),
}

impl Wire {
    /// What arrives next. Nothing is lost when this is given up.
    pub async fn arrival(&mut self) -> Arrival {
        match self {
            Self::Websocket(socket) => Arrival::Frame(socket.next().await),
            Self::SocketIo(wire) => wire.arrival().await,
        }
    }

    /// Finds out what has arrived, and answers what the wire answers by itself.
    pub async fn take(&mut self, arrival: Arrival) -> Heard {
        match self {
            Self::Websocket(_) => match arrival {
                Arrival::Frame(frame) => heard(frame),
                Arrival::Packet(_) | Arrival::Upgraded(_) => Heard::Nothing,
            },
            Self::SocketIo(wire) => timeout(WRITE_LIMIT, wire.take(arrival)).await.unwrap_or(Heard::End(End::Silent)),
        }
    }

    /// Puts a message into the write buffer. Says whether it could.
    pub async fn feed(&mut self, text: Utf8Bytes) -> bool {
        match self {
            Self::Websocket(socket) => socket.feed(Message::Text(text)).await.is_ok(),
            Self::SocketIo(wire) => wire.feed(&text).await,
        }
    }

    /// Sends what is in the write buffer. Says whether it could.
    pub async fn flush(&mut self) -> bool {
        match self {
            Self::Websocket(socket) => socket.flush().await.is_ok(),
            Self::SocketIo(wire) => wire.flush().await,
        }
    }

    /// Says goodbye, and waits for the peer to do the same, so that it reads what was written before.
    pub async fn close(&mut self, code: CloseCode, reason: &'static str) {
        match self {
            Self::Websocket(socket) => close(socket, code, reason).await,
            Self::SocketIo(wire) => wire.close(code, reason).await,
        }
    }
}

/// What a frame of a websocket is.
pub fn heard(frame: Option<Result<Message, Error>>) -> Heard {
    match frame {
        Some(Ok(Message::Text(text))) => Heard::Text(text),
        Some(Ok(Message::Binary(_))) => Heard::End(End::Told(CloseCode::Unsupported, "text frames only")),
        // Pings are answered by the library as soon as anything is written or read.
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Heard::Ping,
        Some(Ok(Message::Close(_))) | None => Heard::End(End::Silent),
        Some(Err(Error::Utf8(_))) => Heard::End(End::Told(CloseCode::Invalid, "not UTF-8")),
        Some(Err(Error::Capacity(_))) => Heard::End(End::Told(CloseCode::Size, "too large")),
        Some(Err(Error::Protocol(_))) => Heard::End(End::Told(CloseCode::Protocol, "not the websocket protocol")),
        Some(Err(_)) => Heard::End(End::Silent),
    }
}

/// Closes a websocket from our side.
pub async fn close(socket: &mut Socket, code: CloseCode, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    if socket.close(Some(frame)).await.is_ok() {
        while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
    }
}

/// Accepts the handshake of a websocket (RFC 6455, 4.2.2), and has it served. What extensions are offered, such as compression, are
/// not taken up, which a client must be able to live with (RFC 6455, 9.1).
pub fn upgrade<F>(
    spoken: Spoken,
    mut request: Request<Body>,
    serve: impl FnOnce(Socket) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send,
{
    let Some(key) = websocket_key(request.headers()) else {
        return web::refused(spoken, StatusCode::UPGRADE_REQUIRED, &Refusal::validation("This is a websocket"));
    };
    let upgrade = hyper::upgrade::on(&mut request);
    // Small buffers: most connections of a load test are idle (the defaults are 128 KiB each). The write buffer lets a
    // response and its push leave together; it is allocated when it is used.
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(4096)
        .max_message_size(Some(LARGEST_FRAME))
        .max_frame_size(Some(LARGEST_FRAME));
    tokio::spawn(async move {
        // A peer that vanished between the request and our answer needs nothing more.
        if let Ok(upgraded) = upgrade.await {
            serve(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await).await;
        }
    });
    let headers = [
        (header::CONNECTION, "upgrade".to_owned()),
        (header::UPGRADE, "websocket".to_owned()),
        (header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes())),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// The key of a websocket handshake (RFC 6455, 4.2.1).
fn websocket_key(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let upgrades = text(header::UPGRADE)?.eq_ignore_ascii_case("websocket");
    let connection = text(header::CONNECTION)?.to_ascii_lowercase();
    let version = text(header::SEC_WEBSOCKET_VERSION)? == "13";
    let key = text(header::SEC_WEBSOCKET_KEY)?;
    (upgrades && version && connection.contains("upgrade")).then(|| key.to_owned())
}
