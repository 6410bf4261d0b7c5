//! From the entries of a browser to the lines of a capture.

use std::collections::HashMap;
use std::io::{self, Read};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::entry::{self, Broken, Content, Exchange, Sink, SocketMessage};
use super::sorter::{Happening, Sorter, What};
use super::timeline::{Place, Timeline};
use crate::message::socketio::{Handshake, decode_payload};
use crate::message::{Framing, Unwrapped, WebRequest, web_body};
use crate::observe::{ConnectionId, Direction};
use crate::protocol::{Catalog, DialectName, Protocol, Route, Routes, Transport};
use crate::traffic::capture::Client;
use crate::traffic::check::{Damages, Recording};
use crate::traffic::secrets::hide_members;

/// Reads a HAR file and judges what it shows.
pub(in crate::traffic) fn har(file: impl Read, protocol: &Protocol) -> io::Result<Result<Recording, String>> {
    let mut import = Import::new(protocol);
    let mut damages = Damages::default();
    match entry::read(file, &mut import) {
        Ok(()) => {}
        Err(Broken::NoHar(reason)) => return Ok(Err(reason)),
        Err(Broken::Damaged { line, reason }) => damages.add(line, reason),
    }
    if let Some(error) = import.failed.take() {
        return Err(error);
    }
    import.replayed(protocol, damages).map(Ok)
}

/// Collects what the entries of a file tell.
struct Import {
    routes: Routes,
    sorter: Sorter,
    places: Vec<Place>,
    /// The place of each entry, by its number in the file.
    of_entry: Vec<Option<u32>>,
    /// The places of socket.io's sessions.
    sessions: HashMap<String, u32>,
    /// The places of the Web API, by dialect.
    web: HashMap<DialectName, u32>,
    happenings: u64,
    /// When the last entry that was read to its end began.
    latest: i64,
    /// Entries of which something is missing in the file.
    unjudged: u64,
    failed: Option<io::Error>,
}

impl Import {
    fn new(protocol: &Protocol) -> Self {
        Self {
            routes: Routes::new(protocol),
            sorter: Sorter::default(),
            places: Vec::new(),
            of_entry: Vec::new(),
            sessions: HashMap::new(),
            web: HashMap::new(),
            happenings: 0,
            latest: i64::MIN,
            unjudged: 0,
            failed: None,
        }
    }

    /// Something of the entry that is being read.
    fn add(&mut self, at: i64, what: What) -> io::Result<()> {
        let entry = u32::try_from(self.of_entry.len()).unwrap_or(u32::MAX);
        self.happenings += 1;
        self.sorter.add(Happening { at, number: self.happenings, entry, what })
    }

    fn place(&mut self, dialect: &DialectName, transport: Transport, polls: bool, is_whole: bool) -> u32 {
        let number = self.places.len();
        let connection = ConnectionId(number as u64);
        self.places.push(Place { connection, dialect: dialect.clone(), transport, polls, is_whole });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// The place of a session whose beginning was not seen, if it is not known.
    fn session(&mut self, sid: &str, dialect: &DialectName) -> u32 {
        if let Some(place) = self.sessions.get(sid) {
            return *place;
        }
        let place = self.place(dialect, Transport::Socketio, true, false);
        self.sessions.insert(sid.to_owned(), place);
        place
    }

    /// What an entry is about; none when it has nothing to do with the API.
    fn take(&mut self, exchange: &Exchange) -> io::Result<Option<u32>> {
        let Ok(url) = url::Url::parse(&exchange.request.url) else { return Ok(None) };
        let Some(route) = self.routes.find(url.path()) else { return Ok(None) };
        let Ok(started) = jiff::Timestamp::from_str(&exchange.started) else {
            self.unjudged += 1;
            return Ok(None);
        };
        let started = i64::try_from(started.as_nanosecond()).unwrap_or_default();
        self.latest = self.latest.max(started);
        let sid = url.query_pairs().find(|(name, _)| name == "sid").map(|(_, sid)| sid.into_owned());
        match (route, sid) {
            (Route::Web(dialect, action), _) => {
                let (name, catalog) = (&dialect.name, &dialect.catalog);
                if exchange.request.method == "OPTIONS" {
                    return Ok(None);
                }
                self.call(exchange, started, &action, catalog)?;
                if let Some(place) = self.web.get(name) {
                    return Ok(Some(*place));
                }
                let place = self.place(name, Transport::Web, false, true);
                self.web.insert(name.clone(), place);
                Ok(Some(place))
            }
            (Route::Websocket(dialect), _) => {
                self.add(started, What::Opened(handshake(exchange)))?;
                Ok(Some(self.place(&dialect.name, Transport::Websocket, false, true)))
            }
            (Route::Socketio(dialect), None) if exchange.is_websocket => {
                self.add(started, What::Opened(handshake(exchange)))?;
                Ok(Some(self.place(&dialect.name, Transport::Socketio, false, true)))
            }
            (Route::Socketio(dialect), Some(sid)) if exchange.is_websocket => {
                Ok(Some(self.session(&sid, &dialect.name)))
            }
            (Route::Socketio(dialect), sid) => self.poll(exchange, started, &dialect.name, sid.as_deref()),
        }
    }

    fn call(&mut self, exchange: &Exchange, started: i64, action: &str, catalog: &Catalog) -> io::Result<()> {
        let content_type = exchange.request.body.as_ref().map_or("", |body| &body.content_type);
        let text = exchange.request.body.as_ref().and_then(|body| body.text.as_deref());
        if text.is_none() && content_type.starts_with("multipart/") {
            // Browsers leave files out, and then there is nothing to judge.
            self.unjudged += 1;
            return Ok(());
        }
        let read = WebRequest::read(catalog, action, content_type, text.unwrap_or_default().as_bytes());
        let body = read
            .payload
            .map(|payload| hide_members(&web_body(catalog.web.request_body, &payload).to_string()).into_owned());
        self.add(started, What::Call(action.to_owned(), body))?;
        let content = &exchange.response.content;
        let answer = match (exchange.response.status, body_of(content)) {
            (0, _) => What::Unanswered,
            (status, Some(body)) => What::Answer(status, hide_members(&String::from_utf8_lossy(&body)).into_owned()),
            (status, None) if content.size == 0 => What::Answer(status, String::new()),
            (_, None) => {
                self.unjudged += 1;
                What::Unanswered
            }
        };
        self.add(started.saturating_add(nanos(exchange.time, 1e6)), answer)
    }

    /// One request of a session that polls: what was sent, and what came back.
    fn poll(
        &mut self,
        exchange: &Exchange,
        started: i64,
        dialect: &DialectName,
        sid: Option<&str>,
    ) -> io::Result<Option<u32>> {
        let ended = started.saturating_add(nanos(exchange.time, 1e6));
        let answer = body_of(&exchange.response.content).unwrap_or_default();
        let place = match sid {
            Some(sid) => self.session(sid, dialect),
            None => {
                let sid = decode_payload(&answer).packets.iter().find_map(|packet| session_id(packet));
                let Some(sid) = sid else { return Ok(None) };
                let place = self.place(dialect, Transport::Socketio, true, true);
                self.sessions.insert(sid, place);
                self.add(started, What::Opened(u64::try_from(ended.saturating_sub(started)).unwrap_or_default()))?;
                place
            }
        };
        if let Some(body) = exchange.request.body.as_ref().and_then(|body| body.text.as_deref()) {
            self.packets(started, Direction::ToServer, body.as_bytes())?;
        }
        // A post is answered with `ok`, which is no packet.
        let is_poll = exchange.request.method == "GET";
        if is_poll && (200..300).contains(&exchange.response.status) {
            self.packets(ended, Direction::ToClient, &answer)?;
        }
        Ok(Some(place))
    }

    fn packets(&mut self, at: i64, direction: Direction, body: &[u8]) -> io::Result<()> {
        let payload = decode_payload(body);
        for packet in &payload.packets {
            self.add(at, What::Text(direction, hide_members(packet).into_owned()))?;
        }
        payload.broken.map_or(Ok(()), |broken| self.add(at, What::Garbage(direction, broken)))
    }

    /// Keeps our own failure, which is not the file's, while reading ends.
    fn kept<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|error| {
            self.failed = Some(error);
            io::ErrorKind::Other.into()
        })
    }

    /// Holds the conversations again.
    fn replayed(self, protocol: &Protocol, damages: Damages) -> io::Result<Recording> {
        // What polls after the last whole entry is not in a damaged file, though websockets may go on.
        let cut = (damages.count > 0).then_some(self.latest);
        let mut timeline = Timeline::new(protocol, self.places, self.of_entry, cut);
        let mut sorted = self.sorter.sorted()?;
        while let Some(happening) = sorted.next()? {
            timeline.take(happening);
        }
        let (mut replayed, started) = timeline.finish();
        let started = started.and_then(|base| jiff::Timestamp::from_nanosecond(base.into()).ok());
        let started = started.map(|started| started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        replayed.skipped += self.unjudged;
        Ok(Recording { replayed, client: Client::Observed, started: started.unwrap_or_default(), damages })
    }
}

impl Sink for Import {
    fn message(&mut self, message: SocketMessage) -> io::Result<()> {
        let at = since_1970(message.time);
        let direction = if message.kind == "send" { Direction::ToServer } else { Direction::ToClient };
        let what = match (message.kind.as_str(), message.opcode) {
            ("send" | "receive", 1) => What::Text(direction, hide_members(&message.data).into_owned()),
            ("send" | "receive", 8) => What::Closed(direction),
            ("send", 9 | 10) => What::Ping,
            ("receive", 9) => return Ok(()),
            ("receive", 10) => What::Pong,
            ("send" | "receive", opcode) => What::Garbage(direction, frame(opcode, &message.data)),
            _ => What::Broke,
        };
        let added = self.add(at, what);
        self.kept(added)
    }

    fn exchange(&mut self, exchange: Exchange) -> io::Result<()> {
        let place = self.take(&exchange);
        let place = self.kept(place)?;
        self.of_entry.push(place);
        Ok(())
    }
}

/// How long the handshake of a websocket took, in nanoseconds.
fn handshake(exchange: &Exchange) -> u64 {
    let timings = &exchange.timings;
    let parts = [timings.blocked, timings.dns, timings.connect, timings.send, timings.wait];
    u64::try_from(nanos(parts.into_iter().flatten().filter(|part| *part > 0.0).sum(), 1e6)).unwrap_or_default()
}

/// So many of these units, in nanoseconds.
#[expect(clippy::cast_possible_truncation, reason = "what is out of range ends at its edge")]
fn nanos(amount: f64, unit: f64) -> i64 {
    (amount * unit) as i64
}

/// Chromium tells the time of a message in seconds. What would be thousands of years ahead are milliseconds or microseconds.
fn since_1970(time: f64) -> i64 {
    match time {
        seconds if seconds < 1e11 => nanos(seconds, 1e9),
        milliseconds if milliseconds < 1e14 => nanos(milliseconds, 1e6),
        microseconds => nanos(microseconds, 1e3),
    }
}

/// The bytes of an answer's body, if they were kept.
fn body_of(content: &Content) -> Option<Vec<u8>> {
    let text = content.text.as_deref()?;
    if content.encoding.as_deref() == Some("base64") {
        return BASE64.decode(text).ok();
    }
    // A polled payload of the binary form, read as if each byte were a character.
    if text.starts_with(['\u{0}', '\u{1}'])
        && let Ok(bytes) = text.chars().map(u8::try_from).collect()
    {
        return Some(bytes);
    }
    Some(text.as_bytes().to_vec())
}

fn session_id(packet: &str) -> Option<String> {
    match Framing::Packets.unwrap(packet) {
        Unwrapped::Open(handshake) => Some(serde_json::from_str::<Handshake>(&handshake).ok()?.sid),
        _ => None,
    }
}

/// What a frame is that is no text; the data of binary ones is in base64.
fn frame(opcode: i64, data: &str) -> String {
    match (opcode, BASE64.decode(data)) {
        (2, Ok(bytes)) => format!("a binary frame of {} bytes", bytes.len()),
        (2, Err(_)) => "a binary frame".to_owned(),
        (opcode, _) => format!("a frame with the opcode {opcode}"),
    }
}
