//! What the text messages of a websocket are: messages of the API, or packets of socket.io with such messages in some of them.

use std::borrow::Cow;

use super::socketio::{MESSAGE, Packet, SocketIo, message_packet, parse_packet};

/// How messages of the API are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Not at all.
    Bare,
    /// In packets of socket.io.
    Packets,
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwrapped<'a> {
    /// A message of the API.
    Message(Cow<'a, str>),
    /// The sender is alive.
    Alive,
    /// The sender goes.
    Over,
    /// From here on the session is on this websocket.
    Upgrade,
    /// The server's handshake, as JSON.
    Open(Cow<'a, str>),
    /// Something between the two ends of socket.io.
    Beside,
    /// Nothing that belongs here, in words.
    Odd(String),
}

impl Framing {
    /// Takes a text apart.
    pub fn unwrap(self, text: &str) -> Unwrapped<'_> {
        if self == Self::Bare {
            return Unwrapped::Message(text.into());
        }
        match parse_packet(text) {
            Ok(Packet::Message(SocketIo::Event { name, argument })) if name == MESSAGE => Unwrapped::Message(argument),
            Ok(Packet::Message(SocketIo::Event { name, .. })) => {
                Unwrapped::Odd(format!("an event `{}` of socket.io", name.chars().take(64).collect::<String>()))
            }
            Ok(Packet::Message(SocketIo::Other(_))) => {
                Unwrapped::Odd("a packet of socket.io that the API does not use".to_owned())
            }
            Ok(Packet::Message(SocketIo::Disconnect) | Packet::Close) => Unwrapped::Over,
            // A probe asks whether a websocket works, not whether anybody is there.
            Ok(Packet::Ping(probe) | Packet::Pong(probe)) if !probe.is_empty() => Unwrapped::Beside,
            Ok(Packet::Ping(_) | Packet::Pong(_)) => Unwrapped::Alive,
            Ok(Packet::Upgrade) => Unwrapped::Upgrade,
            Ok(Packet::Open(handshake)) => Unwrapped::Open(handshake),
            Ok(Packet::Message(SocketIo::Connect) | Packet::Noop) => Unwrapped::Beside,
            Err(what) => Unwrapped::Odd(what),
        }
    }

    /// Wraps a message of the API.
    pub fn wrap(self, message: String) -> String {
        match self {
            Self::Bare => message,
            Self::Packets => message_packet(&message),
        }
    }
}
