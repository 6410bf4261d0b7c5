//! From a file to what it comes to.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::capture::{Client, Lines};
use super::replay::{Replay, Replayed};
use crate::protocol::Protocol;

/// Bytes read at once.
const BUFFER: usize = 256 << 10;
/// Damages of which the place and the reason are kept.
const DAMAGES: usize = 20;

/// A recording that was read, as far as it could be.
#[derive(Debug)]
pub struct Recording {
    /// What it comes to.
    pub replayed: Replayed,
    /// Whose client it shows.
    pub client: Client,
    /// When it began, as RFC 3339 text.
    pub started: String,
    /// What could not be used.
    pub damages: Damages,
}

/// What could not be used of a recording.
#[derive(Debug, Default)]
pub struct Damages {
    /// How many places.
    pub count: u64,
    /// The first of them.
    pub first: Vec<Damage>,
}

/// A place of a recording that could not be used.
#[derive(Debug, PartialEq, Eq)]
pub struct Damage {
    /// Number of the line.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// A file that nothing can be read from.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableFile {
    /// The system does not let us.
    #[error("cannot read {}: {reason}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What it said.
        #[source]
        reason: io::Error,
    },
    /// It is no recording that we know.
    #[error("{} is no recording that can be checked: {reason}", file.display())]
    Unknown {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Damages {
    fn add(&mut self, line: u64, reason: String) {
        self.count += 1;
        if self.first.len() < DAMAGES {
            self.first.push(Damage { line, reason });
        }
    }
}

/// Reads a recording and judges its conversations as those of a live run.
///
/// # Errors
/// [`UnreadableFile`], when nothing of it can be read. What is damaged further on is part of the [`Recording`].
pub fn check(path: &Path, protocol: &Protocol) -> Result<Recording, UnreadableFile> {
    let io = |reason| UnreadableFile::Io { file: path.to_owned(), reason };
    let file = BufReader::with_capacity(BUFFER, File::open(path).map_err(io)?);
    capture(file, protocol).map_err(io)?.map_err(|reason| UnreadableFile::Unknown { file: path.to_owned(), reason })
}

/// Reads a capture.
pub(super) fn capture(file: impl BufRead, protocol: &Protocol) -> io::Result<Result<Recording, String>> {
    let mut lines = Lines::of(file);
    let header = match lines.header()? {
        Ok(header) => header,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut replay = Replay::new(protocol, header.client);
    let mut damages = Damages::default();
    let mut is_whole = false;
    loop {
        match lines.next_line() {
            Ok(Some(Ok(line))) => {
                is_whole = line.is_last();
                let connection = line.entry.connection();
                if let Err(reason) = replay.take(line) {
                    damages.add(lines.number(), reason);
                    replay.gap(connection);
                }
            }
            Ok(Some(Err(unusable))) => {
                damages.add(lines.number(), unusable.reason);
                replay.gap(unusable.connection);
            }
            Ok(None) => break,
            Err(error) => {
                damages.add(lines.number() + 1, format!("it cannot be read: {error}"));
                break;
            }
        }
    }
    if !is_whole && damages.count == 0 {
        damages.add(lines.number(), "the recording ends after it, before its time".to_owned());
    }
    Ok(Ok(Recording { replayed: replay.finish(), client: header.client, started: header.started, damages }))
}
