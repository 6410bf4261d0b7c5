//! Brings what was read in the order of its time, in bounded memory: sorted parts go to temporary files and are merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};

use serde::{Deserialize, Serialize};

use crate::observe::Direction;

/// Bytes of texts that are held before they go to a file.
const HELD: usize = 32 << 20;

/// Something that happened, and the entry in which it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Happening {
    /// Nanoseconds since 1970.
    pub at: i64,
    /// How many were read before: what comes at the same time stays in order.
    pub number: u64,
    /// Number of the entry in the file.
    pub entry: u32,
    pub what: What,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum What {
    /// A connection of RTM was opened; it took so many nanoseconds.
    Opened(u64),
    /// A text message of a websocket, or a packet that was polled.
    Text(Direction, String),
    /// A message that is no text.
    Garbage(Direction, String),
    /// A ping or pong of the client.
    Ping,
    /// A pong of the server.
    Pong,
    /// That side closed the connection.
    Closed(Direction),
    /// It broke.
    Broke,
    /// A call of the Web API, with its payload in its body, or why there is none.
    Call(String, Result<String, String>),
    /// Its answer.
    Answer(u16, String),
    /// It has none that could be judged.
    Unanswered,
}

impl What {
    fn size(&self) -> usize {
        let text = match self {
            Self::Text(_, text) | Self::Garbage(_, text) | Self::Answer(_, text) => text.len(),
            Self::Call(action, Ok(text) | Err(text)) => action.len() + text.len(),
            _ => 0,
        };
        text + size_of::<Happening>()
    }
}

/// Takes happenings in any order.
#[derive(Debug)]
pub(super) struct Sorter {
    held: Vec<Happening>,
    size: usize,
    at_most: usize,
    parts: Vec<File>,
}

impl Default for Sorter {
    fn default() -> Self {
        Self::holding(HELD)
    }
}

impl Sorter {
    pub fn holding(at_most: usize) -> Self {
        Self { held: Vec::new(), size: 0, at_most, parts: Vec::new() }
    }

    pub fn add(&mut self, happening: Happening) -> io::Result<()> {
        self.size += happening.what.size();
        self.held.push(happening);
        if self.size > self.at_most { self.put_away() } else { Ok(()) }
    }

    fn put_away(&mut self) -> io::Result<()> {
        self.sort();
        // Has no name, and is gone with the process.
        let mut file = BufWriter::new(tempfile::tempfile()?);
        for happening in self.held.drain(..) {
            serde_json::to_writer(&mut file, &happening)?;
            file.write_all(b"\n")?;
        }
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        self.parts.push(file);
        self.size = 0;
        Ok(())
    }

    fn sort(&mut self) {
        self.held.sort_by_key(|happening| (happening.at, happening.number));
    }

    /// All of them, in order.
    pub fn sorted(mut self) -> io::Result<Sorted> {
        self.sort();
        let mut parts: Vec<Part> =
            self.parts.into_iter().map(|file| Part::File(BufReader::with_capacity(64 << 10, file))).collect();
        parts.push(Part::Held(self.held.into_iter()));
        let mut heads = BinaryHeap::new();
        for (index, part) in parts.iter_mut().enumerate() {
            heads.extend(part.next()?.map(|happening| Head { happening, part: index }));
        }
        Ok(Sorted { parts, heads })
    }
}

enum Part {
    File(BufReader<File>),
    Held(std::vec::IntoIter<Happening>),
}

impl Part {
    fn next(&mut self) -> io::Result<Option<Happening>> {
        match self {
            Self::Held(held) => Ok(held.next()),
            Self::File(file) => {
                let mut line = Vec::new();
                let read = file.read_until(b'\n', &mut line)?;
                if read == 0 { Ok(None) } else { Ok(Some(serde_json::from_slice(&line)?)) }
            }
        }
    }
}

struct Head {
    happening: Happening,
    part: usize,
}

impl Head {
    /// The earliest is the greatest, for the heap.
    fn key(&self) -> Reverse<(i64, u64)> {
        Reverse((self.happening.at, self.happening.number))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Happenings in the order of their time.
pub(super) struct Sorted {
    parts: Vec<Part>,
    heads: BinaryHeap<Head>,
}

impl Sorted {
    pub fn next(&mut self) -> io::Result<Option<Happening>> {
        let Some(Head { happening, part }) = self.heads.pop() else { return Ok(None) };
        let next = self.parts[part].next()?;
        self.heads.extend(next.map(|happening| Head { happening, part }));
        Ok(Some(happening))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_fits_into_memory_the_order_is_that_of_time(
            times in proptest::collection::vec(0_i64..50, 0..200),
            at_most in 0_usize..4000,
        ) {
            let mut sorter = Sorter::holding(at_most);
            for (number, at) in times.iter().enumerate() {
                let what = What::Text(Direction::ToClient, format!("{number}"));
                sorter.add(Happening { at: *at, number: number as u64, entry: 0, what }).unwrap();
            }
            let mut sorted = sorter.sorted().unwrap();
            let read: Vec<_> = std::iter::from_fn(|| sorted.next().unwrap()).map(|h| (h.at, h.number)).collect();
            let mut expected: Vec<_> = times.iter().copied().zip(0_u64..).collect();
            expected.sort_unstable();
            prop_assert_eq!(read, expected);
        }
    }
}
