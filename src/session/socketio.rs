//! A session of socket.io: how it opens, and what a frame of it says.
//!
//! It opens as its clients do: with one poll, whose answer is the handshake, and an upgrade to a websocket. Nothing is sent
//! by polling, and no poll is pending when the upgrade is asked for, so there is none to wait for. A server that offers
//! no upgrade cannot be talked to.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::Pin;

use futures_util::{SinkExt, StreamExt};
use http::{Request, StatusCode, Uri, header};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::protocol::Message as Frame;

use super::connect::{self, SessionError, Socket};
use super::heartbeat::Heartbeat;
use super::{LARGEST, Query, SessionContext, Target, Trust};
use crate::message::socketio::{Handshake, MESSAGE, Packet, SocketIo, decode_payload, parse_packet};

/// The packet that leaves a session, before the websocket is closed.
pub(super) const GOODBYE: &str = "41";
/// The packet that shows that somebody is there.
pub(super) const PING: &str = "2";
/// The packets that try a websocket, that say that it works, and that move the session to it.
const PROBE: &str = "2probe";
const PROBED: &str = "3probe";
const UPGRADE: &str = "5";

/// What a frame says.
pub(super) enum Heard<'a> {
    /// A message of the API.
    Message(Cow<'a, str>),
    /// The answer to a ping.
    Pong,
    /// The server ends the session.
    End,
    /// Nothing to anybody.
    Nothing,
    /// Something that has no place here; the text says what.
    Garbage(String),
}

/// What a frame says once the session is open. Pings of a server mean nothing to clients of this generation.
pub(super) fn hear(text: &str) -> Heard<'_> {
    match parse_packet(text) {
        Ok(Packet::Message(SocketIo::Event { name, argument })) if name == MESSAGE => Heard::Message(argument),
        Ok(Packet::Message(SocketIo::Event { name, .. })) => {
            Heard::Garbage(format!("an event called `{}`, expected `{MESSAGE}`", beginning(&name)))
        }
        Ok(Packet::Pong(_)) => Heard::Pong,
        Ok(Packet::Close | Packet::Message(SocketIo::Disconnect)) => Heard::End,
        Ok(Packet::Noop | Packet::Ping(_) | Packet::Message(SocketIo::Connect)) => Heard::Nothing,
        Ok(Packet::Open(_) | Packet::Upgrade | Packet::Message(SocketIo::Other(_))) => {
            Heard::Garbage(format!("the packet `{}`, which has no place here", beginning(text)))
        }
        Err(reason) => Heard::Garbage(reason),
    }
}

/// Opens a session. Returns how it has to be kept alive, too.
///
/// # Errors
/// [`SessionError`], after at most 10 s.
pub(super) async fn open(context: &SessionContext, changes: &Query) -> Result<(Socket, Heartbeat), SessionError> {
    let catalog = &context.dialect.catalog;
    let target: &Target = &context.target;
    connect::in_time(target, async {
        let peer = target.peer();
        let body = poll(target, &target.socketio_url(catalog, changes, None)).await?;
        let payload = decode_payload(&body);
        let mut greeting = Greeting::default();
        for packet in &payload.packets {
            greeting.read(&peer, packet)?;
        }
        if let Some(reason) = payload.broken {
            return Err(strange(&peer, reason));
        }
        let Some(handshake) = greeting.handshake.take() else {
            return Err(strange(&peer, "no handshake in its first answer"));
        };
        if !handshake.upgrades.iter().any(|transport| transport == "websocket") {
            return Err(strange(&peer, "it offers no upgrade from polling to a websocket"));
        }
        let url = target.socketio_url(catalog, changes, Some(&handshake.sid));
        let mut socket = connect::open(target, &url).await?;
        write(&mut socket, &peer, PROBE).await?;
        match &*read(&mut socket, &peer).await? {
            PROBED => write(&mut socket, &peer, UPGRADE).await?,
            other => return Err(strange(&peer, format!("`{}` in place of `{PROBED}`", beginning(other)))),
        }
        while !greeting.is_connected {
            greeting.read(&peer, &read(&mut socket, &peer).await?)?;
        }
        Ok((socket, Heartbeat::asked(handshake.ping_interval, handshake.ping_timeout)))
    })
    .await
}

/// What was said before the session stands.
#[derive(Default)]
struct Greeting {
    handshake: Option<Handshake>,
    is_connected: bool,
}

impl Greeting {
    fn read(&mut self, peer: &str, packet: &str) -> Result<(), SessionError> {
        match parse_packet(packet).map_err(|reason| strange(peer, reason))? {
            Packet::Open(json) if self.handshake.is_none() => {
                let handshake = serde_json::from_str(&json);
                self.handshake = Some(handshake.map_err(|error| strange(peer, format!("its handshake: {error}")))?);
            }
            Packet::Message(SocketIo::Connect) => self.is_connected = true,
            Packet::Message(SocketIo::Other(error)) if error.starts_with('4') => {
                return Err(SessionError::Declined { peer: peer.to_owned(), reason: beginning(&error[1..]) });
            }
            Packet::Close | Packet::Message(SocketIo::Disconnect) => {
                return Err(SessionError::Reset { peer: peer.to_owned() });
            }
            Packet::Noop => {}
            _ => return Err(strange(peer, format!("`{}` before the session stood", beginning(packet)))),
        }
        Ok(())
    }
}

/// One poll, over a connection of its own.
async fn poll(target: &Target, url: &str) -> Result<Vec<u8>, SessionError> {
    let peer = target.peer();
    let no_http =
        |error: &dyn std::fmt::Display| SessionError::NotHttp { peer: peer.clone(), reason: error.to_string() };
    let uri: Uri = url.parse().map_err(|error| no_http(&error))?;
    let host = uri.authority().map_or("", http::uri::Authority::as_str);
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let request = Request::get(path).header(header::HOST, host).header(header::ACCEPT, "*/*");
    let request = request.body(String::new()).map_err(|error| no_http(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(connect::dial(target, &Trust::default()).await?))
        .await
        .map_err(|error| no_http(&error))?;
    let exchange = async {
        let answer = sender.send_request(request).await;
        // The connection ends when nothing more can be asked of it.
        drop(sender);
        let answer = answer.map_err(|error| match error.is_incomplete_message() || error.is_canceled() {
            true => SessionError::Reset { peer: peer.clone() },
            false => no_http(&error),
        })?;
        match answer.status() {
            StatusCode::OK => all_of(answer.into_body()).await.map_err(|reason| no_http(&reason)),
            status => Err(SessionError::Http { peer: peer.clone(), url: url.to_owned(), status: status.as_u16() }),
        }
    };
    // What breaks the connection shows in the exchange, too.
    let (body, _) = tokio::join!(exchange, connection);
    body
}

async fn all_of(mut body: Incoming) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(part) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Some(part) = part.map_err(|error| error.to_string())?.data_ref() {
            bytes.extend_from_slice(part);
        }
        if bytes.len() > LARGEST {
            return Err(format!("an answer of more than {} MiB", LARGEST >> 20));
        }
    }
    Ok(bytes)
}

async fn write(socket: &mut Socket, peer: &str, packet: &'static str) -> Result<(), SessionError> {
    socket.send(Frame::text(packet)).await.map_err(|error| connect::from_io_or_wire(peer, error))
}

async fn read(socket: &mut Socket, peer: &str) -> Result<String, SessionError> {
    loop {
        match socket.next().await {
            Some(Ok(Frame::Text(text))) => return Ok(text.as_str().to_owned()),
            Some(Ok(Frame::Binary(bytes))) => {
                return Err(strange(peer, format!("a binary frame of {} bytes", bytes.len())));
            }
            Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_))) => {}
            Some(Ok(Frame::Close(_))) | None => return Err(SessionError::Reset { peer: peer.to_owned() }),
            Some(Err(error)) => return Err(connect::from_io_or_wire(peer, error)),
        }
    }
}

fn strange(peer: &str, reason: impl Into<String>) -> SessionError {
    SessionError::NotSocketIo { peer: peer.to_owned(), reason: reason.into() }
}

fn beginning(text: &str) -> String {
    text.chars().take(80).collect()
}
