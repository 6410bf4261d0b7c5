//! How messages are put into the frames of a websocket: as they are, or as events of socket.io.

use std::borrow::Cow;

use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::Message as Frame;
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use super::LARGEST;
use super::socketio::{self, Heard};
use crate::message::socketio::message_packet;
use crate::protocol::Transport;

/// How messages are put into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// A frame is a message.
    Plain,
    /// As events of socket.io.
    SocketIo,
}

impl Framing {
    pub fn transport(self) -> Transport {
        match self {
            Self::Plain => Transport::Websocket,
            Self::SocketIo => Transport::Socketio,
        }
    }

    /// The frame that carries a message.
    pub fn frame(self, message: &Utf8Bytes) -> Frame {
        match self {
            Self::Plain => Frame::Text(message.clone()),
            Self::SocketIo => Frame::text(message_packet(message)),
        }
    }

    /// What a text frame says.
    pub fn hear(self, frame: &str) -> Heard<'_> {
        match self {
            Self::Plain => Heard::Message(Cow::Borrowed(frame)),
            Self::SocketIo => socketio::hear(frame),
        }
    }

    /// What is said before the websocket is closed.
    pub fn goodbye(self) -> Option<Frame> {
        match self {
            Self::Plain => None,
            Self::SocketIo => Some(Frame::text(socketio::GOODBYE)),
        }
    }
}

/// What the peer sent, where it broke the connection by breaking the websocket protocol.
pub(super) fn garbage_in(error: &tungstenite::Error) -> Option<String> {
    match error {
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            Some(format!("a message of more than {} MiB", LARGEST >> 20))
        }
        tungstenite::Error::Utf8(_) => Some("a text frame that is not UTF-8".to_owned()),
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | tungstenite::Error::Io(_) => None,
        tungstenite::Error::Protocol(error) => Some(format!("a frame against the websocket protocol: {error}")),
        _ => None,
    }
}
