//! Reads a HAR file entry by entry, and the messages of a websocket one by one.
//!
//! In a file of a browser the messages stand before the address that they went to, and there may be any number of them, so they are
//! handed on as they are read.

use std::fmt;
use std::io::{self, Read};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// One HTTP exchange; with the handshake of a websocket one as well.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// When it began, as RFC 3339 text.
    pub started: String,
    /// Milliseconds until the answer was there.
    pub time: f64,
    pub timings: Timings,
    pub request: Request,
    pub response: Response,
    /// Whether it has a list of websocket messages.
    pub is_websocket: bool,
}

/// Parts of the time, in milliseconds; negative where there was no such part, and null where Chromium computed with a moment
/// that it did not have.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Timings {
    pub blocked: Option<f64>,
    pub dns: Option<f64>,
    pub connect: Option<f64>,
    pub send: Option<f64>,
    pub wait: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Request {
    pub method: String,
    pub url: String,
    #[serde(rename = "postData")]
    pub body: Option<PostData>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PostData {
    #[serde(rename = "mimeType")]
    pub content_type: String,
    pub text: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response {
    /// 0 when there was none.
    pub status: u16,
    pub content: Content,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content {
    pub size: i64,
    pub text: Option<String>,
    pub encoding: Option<String>,
}

/// One message of a websocket.
#[derive(Debug, Deserialize)]
pub(super) struct SocketMessage {
    /// `send`, `receive`, or `error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Seconds since 1970.
    pub time: f64,
    #[serde(default)]
    pub opcode: i64,
    #[serde(default)]
    pub data: String,
}

/// Whoever is told what is read.
pub(super) trait Sink {
    /// A message of the entry that is being read.
    fn message(&mut self, message: SocketMessage) -> io::Result<()>;
    /// The entry is read to its end.
    fn exchange(&mut self, exchange: Exchange) -> io::Result<()>;
}

/// Why reading ended early.
#[derive(Debug)]
pub(super) enum Broken {
    /// It is no HAR file.
    NoHar(String),
    /// It is damaged after some of its entries, in that line.
    Damaged { line: u64, reason: String },
}

/// Reads all entries that can be read.
pub(super) fn read(file: impl Read, sink: &mut dyn Sink) -> Result<(), Broken> {
    let mut reader = Reader { sink, is_har: false };
    let mut json = serde_json::Deserializer::from_reader(file);
    let read = Object(&mut reader, "log", Step::Log).deserialize(&mut json).and_then(|()| json.end());
    let is_har = reader.is_har;
    match read {
        Ok(()) if is_har => Ok(()),
        Ok(()) => Err(Broken::NoHar("it has no `log` with `entries`".to_owned())),
        Err(error) if !is_har => Err(Broken::NoHar(error.to_string())),
        Err(error) => Err(Broken::Damaged { line: error.line() as u64, reason: error.to_string() }),
    }
}

struct Reader<'s> {
    sink: &'s mut dyn Sink,
    is_har: bool,
}

/// What is done with the member that is looked for.
#[derive(Clone, Copy)]
enum Step {
    Log,
    Entries,
}

/// An object of which one member matters.
struct Object<'r, 's>(&'r mut Reader<'s>, &'static str, Step);

impl<'de> DeserializeSeed<'de> for Object<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with a member `{}`", self.1)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match self.2 {
                _ if name != self.1 => drop(map.next_value::<IgnoredAny>()?),
                Step::Log => map.next_value_seed(Object(self.0, "entries", Step::Entries))?,
                Step::Entries => map.next_value_seed(Entries(self.0))?,
            }
        }
        Ok(())
    }
}

struct Entries<'r, 's>(&'r mut Reader<'s>);

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.is_har = true;
        while list.next_element_seed(Entry(self.0))?.is_some() {}
        Ok(())
    }
}

struct Entry<'r, 's>(&'r mut Reader<'s>);

impl<'de> DeserializeSeed<'de> for Entry<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut exchange = Exchange::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "startedDateTime" => exchange.started = map.next_value()?,
                "time" => exchange.time = map.next_value::<Option<f64>>()?.unwrap_or_default(),
                "timings" => exchange.timings = map.next_value()?,
                "request" => exchange.request = map.next_value()?,
                "response" => exchange.response = map.next_value()?,
                "_webSocketMessages" => {
                    exchange.is_websocket = true;
                    map.next_value_seed(Messages(self.0))?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        self.0.sink.exchange(exchange).map_err(de::Error::custom)
    }
}

struct Messages<'r, 's>(&'r mut Reader<'s>);

impl<'de> DeserializeSeed<'de> for Messages<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Messages<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of websocket messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(message) = list.next_element()? {
            self.0.sink.message(message).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
