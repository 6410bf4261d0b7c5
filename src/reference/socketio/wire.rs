//! The wire of a connection that speaks socket.io.

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::super::wire::{Arrival, End, Heard, Socket, close, heard};
use super::polled::Polling;
use crate::message::socketio::{Handshake, MESSAGE, Packet, SocketIo, message_packet, packet_text, parse_packet};

/// How often a client should ping, and how long it should wait for the answer, in milliseconds: the defaults of socket.io. How long a
/// silent connection is kept is the API's own rule.
const PING_INTERVAL: u64 = 25_000;
const PING_TIMEOUT: u64 = 60_000;

/// Messages as events of socket.io.
pub struct SocketIoWire {
    transport: Transport,
    /// What was posted before the websocket took over, and not looked at.
    early: VecDeque<String>,
}

enum Transport {
    Polling(Polling),
    Websocket(Box<Socket>),
}

impl SocketIoWire {
    /// A session that begins by polling.
    pub async fn polling(polling: Polling, sid: &str) -> Self {
        Self { transport: Transport::Polling(polling), early: VecDeque::new() }.opened(sid, &["websocket"]).await
    }

    /// A session over a websocket from the start.
    pub async fn websocket(socket: Socket, sid: &str) -> Self {
        Self { transport: Transport::Websocket(Box::new(socket)), early: VecDeque::new() }.opened(sid, &[]).await
    }

    /// Says hello. A peer that is gone by now is noticed when it is read from.
    async fn opened(mut self, sid: &str, upgrades: &[&str]) -> Self {
        let handshake = Handshake {
            sid: sid.to_owned(),
            upgrades: upgrades.iter().map(|name| (*name).to_owned()).collect(),
            ping_interval: PING_INTERVAL,
            ping_timeout: PING_TIMEOUT,
        };
        let handshake = serde_json::to_string(&handshake).unwrap_or_default();
        self.write(packet_text(&Packet::Open(handshake.into()))).await;
        self.write(packet_text(&Packet::Message(SocketIo::Connect))).await;
        self.flush().await;
        self
    }

    /// What arrives next. Nothing is lost when this is given up.
    pub async fn arrival(&mut self) -> Arrival {
        if let Some(packet) = self.early.pop_front() {
            return Arrival::Packet(Some(packet));
        }
        match &mut self.transport {
            Transport::Websocket(socket) => Arrival::Frame(socket.next().await),
            Transport::Polling(polling) => tokio::select! {
                biased;
                packet = polling.inbox.recv() => Arrival::Packet(packet),
                Some(socket) = polling.upgraded.recv() => Arrival::Upgraded(socket),
            },
        }
    }

    /// Finds out what has arrived, and answers pings.
    pub async fn take(&mut self, arrival: Arrival) -> Heard {
        match arrival {
            Arrival::Frame(frame) => match heard(frame) {
                Heard::Text(text) => self.packet(&text).await,
                other => other,
            },
            Arrival::Packet(Some(packet)) => self.packet(&packet).await,
            Arrival::Packet(None) => Heard::End(End::Silent),
            Arrival::Upgraded(socket) => {
                self.upgrade(socket).await;
                self.flush().await;
                Heard::Nothing
            }
        }
    }

    async fn packet(&mut self, packet: &str) -> Heard {
        match parse_packet(packet) {
            Ok(Packet::Message(SocketIo::Event { name, argument })) if name == MESSAGE => {
                Heard::Text(argument.into_owned().into())
            }
            Ok(Packet::Ping(text)) => {
                self.write(packet_text(&Packet::Pong(text))).await;
                self.flush().await;
                Heard::Ping
            }
            Ok(Packet::Close | Packet::Message(SocketIo::Disconnect)) => Heard::End(End::Silent),
            Ok(_) => Heard::Nothing,
            Err(_) => Heard::End(End::Told(CloseCode::Protocol, "not the protocol of socket.io")),
        }
    }

    /// Lets the websocket take over. What no poll has taken along goes first.
    async fn upgrade(&mut self, socket: Box<Socket>) {
        let Transport::Polling(mut polling) = std::mem::replace(&mut self.transport, Transport::Websocket(socket))
        else {
            return;
        };
        polling.inbox.close();
        self.early.extend(std::iter::from_fn(|| polling.inbox.try_recv().ok()));
        for packet in polling.left().await {
            self.write_to_socket(packet).await;
        }
    }

    /// Puts a message of the API into the write buffer. Says whether it could.
    pub async fn feed(&mut self, text: &str) -> bool {
        // Only defects send what is not JSON. A string is as little of a message as that, and keeps the framing whole.
        let packet = match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => message_packet(text),
            Err(_) => message_packet(&Value::from(text).to_string()),
        };
        self.write(packet).await
    }

    /// Sends what is in the write buffer; polls fetch by themselves. Says whether it could.
    pub async fn flush(&mut self) -> bool {
        match &mut self.transport {
            Transport::Websocket(socket) => socket.flush().await.is_ok(),
            Transport::Polling(_) => true,
        }
    }

    async fn write(&mut self, packet: String) -> bool {
        if let Transport::Polling(polling) = &mut self.transport {
            // Where no poll makes room, the upgrade may be what comes next.
            let socket = tokio::select! {
                biased;
                room = polling.outbox.reserve() => return room.map(|room| room.send(packet)).is_ok(),
                Some(socket) = polling.upgraded.recv() => socket,
            };
            self.upgrade(socket).await;
        }
        self.write_to_socket(packet).await
    }

    async fn write_to_socket(&mut self, packet: String) -> bool {
        match &mut self.transport {
            Transport::Websocket(socket) => socket.feed(Message::text(packet)).await.is_ok(),
            Transport::Polling(_) => false,
        }
    }

    /// Says goodbye, and waits until the peer has read it.
    pub async fn close(&mut self, code: CloseCode, reason: &'static str) {
        self.write(packet_text(&Packet::Message(SocketIo::Disconnect))).await;
        match &mut self.transport {
            Transport::Websocket(socket) => close(socket, code, reason).await,
            Transport::Polling(polling) => {
                if polling.outbox.send(packet_text(&Packet::Close)).await.is_ok() {
                    polling.outbox.closed().await;
                }
            }
        }
    }
}
