//! Feeds what happened, in the order of its time, to a replay.

use super::sorter::{Happening, What};
use crate::message::{Framing, Unwrapped, WebAnswer, parse_web_answer};
use crate::observe::{Closing, ConnectionId, Direction, Moment};
use crate::protocol::{DialectName, Protocol, Transport};
use crate::traffic::capture::{Client, Entry, Line, Outcome};
use crate::traffic::replay::{Replay, Replayed};

/// A connection: where an entry's happenings belong.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub connection: ConnectionId,
    pub dialect: DialectName,
    pub transport: Transport,
    /// Whether it is made of many requests.
    pub polls: bool,
    /// Whether its beginning is in the file. Of others nothing can be said.
    pub is_whole: bool,
}

/// Knows the places, and what time it is.
pub(super) struct Timeline<'p> {
    replay: Replay<'p>,
    places: Vec<Place>,
    of_entry: Vec<Option<u32>>,
    opened: Vec<bool>,
    /// From here on, what polls is not in the file any more.
    cut: Option<i64>,
    began: Option<i64>,
    skipped: u64,
}

impl<'p> Timeline<'p> {
    pub fn new(protocol: &'p Protocol, places: Vec<Place>, of_entry: Vec<Option<u32>>, cut: Option<i64>) -> Self {
        let (replay, opened) = (Replay::new(protocol, Client::Observed), vec![false; places.len()]);
        Self { replay, places, of_entry, opened, cut, began: None, skipped: 0 }
    }

    pub fn take(&mut self, happening: Happening) {
        let began = *self.began.get_or_insert(happening.at);
        if self.cut.is_some_and(|cut| happening.at > cut) {
            self.cut = None;
            self.places.iter().filter(|place| place.polls).for_each(|place| self.replay.gap(Some(place.connection)));
        }
        let number = self.of_entry.get(happening.entry as usize).copied().flatten();
        let Some(number) = number.map(|number| number as usize) else {
            // A message of a websocket that has nothing to do with the API, or whose address was cut off.
            self.skipped += u64::from(happening.entry as usize >= self.of_entry.len());
            return;
        };
        let place = &self.places[number];
        if !place.is_whole {
            self.skipped += 1;
            return;
        }
        let at = Moment(u64::try_from(happening.at.saturating_sub(began)).unwrap_or_default());
        let connection = place.connection;
        let opens =
            |took| Entry::Opened { connection, dialect: place.dialect.clone(), transport: place.transport, took };
        let is_new = !std::mem::replace(&mut self.opened[number], true);
        let entry = match happening.what {
            What::Opened(took) => Some(opens(Some(took))).filter(|_| is_new),
            what => {
                if is_new {
                    take(&mut self.replay, at, opens(None));
                }
                entry(connection, place.transport, u64::from(happening.entry), what)
            }
        };
        if let Some(entry) = entry {
            take(&mut self.replay, at, entry);
        }
    }

    /// What came of it, and when it began, in nanoseconds since 1970.
    pub fn finish(self) -> (Replayed, Option<i64>) {
        let mut replayed = self.replay.finish();
        replayed.skipped += self.skipped;
        (replayed, self.began)
    }
}

fn take(replay: &mut Replay<'_>, at: Moment, entry: Entry<'_>) {
    // The places are our own, so there is nothing to complain about: what is unknown was given up.
    let _ = replay.take(Line { at, case: None, entry });
}

fn entry(connection: ConnectionId, transport: Transport, call: u64, what: What) -> Option<Entry<'static>> {
    let side = |direction| match direction {
        Direction::ToServer => Closing::ByClient,
        Direction::ToClient => Closing::ByServer,
    };
    Some(match what {
        What::Opened(_) => return None,
        What::Text(direction, text) => {
            let framing = if transport == Transport::Socketio { Framing::Packets } else { Framing::Bare };
            match (framing.unwrap(&text), direction) {
                (Unwrapped::Message(message), _) => {
                    Entry::Frame { connection, direction, intended: None, text: message.into_owned().into() }
                }
                (Unwrapped::Alive, Direction::ToServer) => Entry::Ping { connection },
                (Unwrapped::Alive, Direction::ToClient) => Entry::Pong { connection },
                (Unwrapped::Over, _) => Entry::Closed { connection, how: side(direction) },
                (Unwrapped::Odd(what), _) => Entry::Garbage { connection, direction, what: what.into() },
                (Unwrapped::Upgrade | Unwrapped::Open(_) | Unwrapped::Beside, _) => return None,
            }
        }
        What::Garbage(direction, what) => Entry::Garbage { connection, direction, what: what.into() },
        What::Ping => Entry::Ping { connection },
        What::Pong => Entry::Pong { connection },
        What::Closed(direction) => Entry::Closed { connection, how: side(direction) },
        What::Broke => Entry::Closed { connection, how: Closing::Broken },
        What::Call(action, body) => {
            let (body, unreadable) = match body {
                Ok(body) => (body, None),
                Err(reason) => (String::new(), Some(reason.into())),
            };
            Entry::Call {
                connection,
                number: call,
                action: action.into(),
                intended: None,
                body: body.into(),
                unreadable,
            }
        }
        What::Answer(status, body) => {
            let outcome = match parse_web_answer(status, body.as_bytes()) {
                WebAnswer::Done(_) => Outcome::Done,
                WebAnswer::Refused(_) => Outcome::Refused,
                WebAnswer::Unreadable(reason) => Outcome::Unreadable { reason: reason.into() },
            };
            Entry::Answer { connection, call, outcome, body: body.into() }
        }
        What::Unanswered => Entry::Withheld { connection, number: call },
    })
}
