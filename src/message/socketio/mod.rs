//! The wire of socket.io: engine.io protocol 3 below, socket.io protocol 4 above; the generation of the 1.x and 2.x clients.
//!
//! The documents name the transport and its paths (customer-v0.3 106; agent-v0.2 companion C-RM02:114) and leave its
//! wire to socket.io: every message of the API is the one argument of an event called `message`, in both directions.
//! Over a websocket a packet is a text frame; over polling, packets travel in [payloads](Payload).

mod payload;

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

pub use payload::{Payload, PayloadForm, decode_payload, encode_payload};

/// The event that carries the API's messages.
pub const MESSAGE: &str = "message";

/// A packet of engine.io.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: the server's handshake, as JSON (see [`Handshake`]).
    Open(Cow<'a, str>),
    /// `1`: the session is over.
    Close,
    /// `2`: is anybody there? `probe` on a websocket that is tried out.
    Ping(Cow<'a, str>),
    /// `3`: the answer, with the same text.
    Pong(Cow<'a, str>),
    /// `4`: a packet of socket.io.
    Message(SocketIo<'a>),
    /// `5`: from here on over this websocket.
    Upgrade,
    /// `6`: nothing, to release a waiting poll.
    Noop,
}

/// A packet of socket.io.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketIo<'a> {
    /// `0`: connected, to a namespace or to the default one.
    Connect,
    /// `1`: left.
    Disconnect,
    /// `2`: an event with exactly one argument.
    Event {
        /// Its name, [`MESSAGE`] for the API's messages.
        name: Cow<'a, str>,
        /// The argument, as JSON.
        argument: Cow<'a, str>,
    },
    /// An acknowledgement, an error or a binary packet, none of which the API uses; the text after `4`.
    Other(Cow<'a, str>),
}

/// What the server says when it opens a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake {
    /// Names the session in the query of every further request.
    pub sid: String,
    /// To which transports it may be upgraded.
    #[serde(default)]
    pub upgrades: Vec<String>,
    /// How often the client pings, in milliseconds.
    pub ping_interval: u64,
    /// For how long the client waits for the pong, in milliseconds.
    pub ping_timeout: u64,
}

/// Reads a packet.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_packet(text: &str) -> Result<Packet<'_>, String> {
    let mut rest = text.chars();
    let kind = rest.next().ok_or("an empty packet")?;
    let rest = rest.as_str();
    let bare = |packet| if rest.is_empty() { Ok(packet) } else { Err(format!("a packet `{kind}` with text")) };
    match kind {
        '0' => Ok(Packet::Open(rest.into())),
        // Some clients say why; nobody reads it.
        '1' => Ok(Packet::Close),
        '2' => Ok(Packet::Ping(rest.into())),
        '3' => Ok(Packet::Pong(rest.into())),
        '4' => parse_socketio(rest).map(Packet::Message),
        '5' => bare(Packet::Upgrade),
        '6' => bare(Packet::Noop),
        'b' => Err("a binary packet".to_owned()),
        other => Err(format!("a packet of the unknown type {other:?}")),
    }
}

/// Writes a packet.
pub fn packet_text(packet: &Packet<'_>) -> String {
    match packet {
        Packet::Open(handshake) => format!("0{handshake}"),
        Packet::Close => "1".to_owned(),
        Packet::Ping(text) => format!("2{text}"),
        Packet::Pong(text) => format!("3{text}"),
        Packet::Message(SocketIo::Connect) => "40".to_owned(),
        Packet::Message(SocketIo::Disconnect) => "41".to_owned(),
        Packet::Message(SocketIo::Event { name, argument }) if name == MESSAGE => message_packet(argument),
        Packet::Message(SocketIo::Event { name, argument }) => {
            format!("42[{},{argument}]", serde_json::Value::from(&**name))
        }
        Packet::Message(SocketIo::Other(text)) => format!("4{text}"),
        Packet::Upgrade => "5".to_owned(),
        Packet::Noop => "6".to_owned(),
    }
}

/// The packet that carries a message of the API, given as JSON.
pub fn message_packet(json: &str) -> String {
    ["42[\"", MESSAGE, "\",", json, "]"].concat()
}

fn parse_socketio(text: &str) -> Result<SocketIo<'_>, String> {
    match text.as_bytes().first() {
        Some(b'0') => Ok(SocketIo::Connect),
        Some(b'1') => Ok(SocketIo::Disconnect),
        Some(b'2') => {
            let Arguments { name, argument } = serde_json::from_str(after_address(&text[1..]))
                .map_err(|error| format!("an event that is not a JSON array of a name and one argument: {error}"))?;
            Ok(SocketIo::Event { name, argument: argument.get().into() })
        }
        Some(b'3'..=b'6') => Ok(SocketIo::Other(text.into())),
        _ => Err("a message that is no socket.io packet".to_owned()),
    }
}

/// What follows the namespace and the number of an acknowledgement. The API has one namespace and acknowledges nothing,
/// so neither means anything here.
fn after_address(text: &str) -> &str {
    let text = match text.strip_prefix('/').and_then(|rest| rest.split_once(',')) {
        Some((_, rest)) => rest,
        None => text,
    };
    text.trim_start_matches(|c: char| c.is_ascii_digit())
}

/// The name and the one argument of an event.
struct Arguments<'a> {
    name: Cow<'a, str>,
    argument: &'a RawValue,
}

impl<'de: 'a, 'a> Deserialize<'de> for Arguments<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        struct Both;
        impl<'de> Visitor<'de> for Both {
            type Value = Arguments<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name and one argument")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let missing = |found| serde::de::Error::invalid_length(found, &self);
                let Name(name) = items.next_element()?.ok_or_else(|| missing(0))?;
                let argument = items.next_element()?.ok_or_else(|| missing(1))?;
                let mut found = 2;
                while items.next_element::<IgnoredAny>()?.is_some() {
                    found += 1;
                }
                if found > 2 { Err(missing(found)) } else { Ok(Arguments { name, argument }) }
            }
        }
        deserializer.deserialize_seq(Both)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn event(name: &str, argument: &str) -> Packet<'static> {
        Packet::Message(SocketIo::Event { name: name.to_owned().into(), argument: argument.to_owned().into() })
    }

    #[test]
    fn each_packet_of_the_wire_is_known() {
        let handshake = r#"{"sid":"x","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":60000}"#;
        let cases = [
            (format!("0{handshake}"), Packet::Open(handshake.into())),
            ("1".into(), Packet::Close),
            ("2".into(), Packet::Ping("".into())),
            ("2probe".into(), Packet::Ping("probe".into())),
            ("3probe".into(), Packet::Pong("probe".into())),
            ("40".into(), Packet::Message(SocketIo::Connect)),
            ("41".into(), Packet::Message(SocketIo::Disconnect)),
            (r#"42["message",{"a":[1,2]}]"#.into(), event("message", r#"{"a":[1,2]}"#)),
            (r#"430["seen"]"#.into(), Packet::Message(SocketIo::Other(r#"30["seen"]"#.into()))),
            (r#"44"gone""#.into(), Packet::Message(SocketIo::Other(r#"4"gone""#.into()))),
            ("5".into(), Packet::Upgrade),
            ("6".into(), Packet::Noop),
        ];
        for (text, packet) in cases {
            assert_eq!(parse_packet(&text).unwrap(), packet);
            assert_eq!(packet_text(&packet), text);
        }
        let read: Handshake = serde_json::from_str(handshake).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), handshake);
    }

    #[test]
    fn a_namespace_and_an_acknowledgement_are_tolerated() {
        for text in [
            r#"42/chat,7["message",{}]"#,
            r#"4217["message",{}]"#,
            r#"42/chat,["message",{}]"#,
            r#"42[ "message" , {} ]"#,
        ] {
            assert_eq!(parse_packet(text).unwrap(), event("message", "{}"), "{text}");
        }
        assert_eq!(parse_packet("40/chat").unwrap(), Packet::Message(SocketIo::Connect));
    }

    #[test]
    fn what_breaks_the_framing_is_told() {
        let deep = format!(r#"42["message",{}]"#, "[".repeat(100_000));
        for (text, told) in [
            ("", "empty"),
            ("9", "unknown type '9'"),
            ("<html>", "unknown type '<'"),
            ("bAAAA", "binary"),
            ("5x", "`5` with text"),
            ("4", "no socket.io packet"),
            ("4x", "no socket.io packet"),
            ("42", "not a JSON array"),
            ("42{}", "not a JSON array"),
            (r#"42["message"]"#, "invalid length 1"),
            (r#"42["message",1,2]"#, "invalid length 3"),
            (r#"42[1,{}]"#, "invalid type"),
            (r#"42["message",{]"#, "not a JSON array"),
            (r#"42["message",{}]x"#, "trailing"),
            ("42/chat", "not a JSON array"),
            (&deep, "EOF"),
        ] {
            let reason = parse_packet(text).unwrap_err();
            assert!(reason.contains(told), "{text:.40}: {reason}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(name in ".*", text in ".*") {
            let argument = json!({"text": text}).to_string();
            let packet = event(&name, &argument);
            let text = packet_text(&packet);
            prop_assert_eq!(parse_packet(&text).unwrap(), packet);
        }

        #[test]
        fn a_message_keeps_its_json_to_the_letter(text in ".*", spaces in "[ \n]{0,3}") {
            let json = format!("{{{spaces}\"text\":{}}}", Value::from(text));
            let packet = message_packet(&json);
            prop_assert_eq!(parse_packet(&packet).unwrap(), event(MESSAGE, &json));
        }

        #[test]
        fn no_text_does_harm(text in r#"[0-6]{0,2}[/,0-9]{0,4}[\[\]"a{}:,0\\ ]{0,20}\PC{0,3}"#) {
            if let Ok(packet) = parse_packet(&text) {
                let written = packet_text(&packet);
                prop_assert_eq!(parse_packet(&written), Ok(packet));
            }
        }
    }
}
