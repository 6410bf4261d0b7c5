//! Reads a capture line by line.

use std::io::{self, BufRead, Read};

use super::line::{Header, Line, VERSION};
use crate::observe::ConnectionId;

/// Longest line that is read, in bytes: more than the largest message that we take from a peer, with every byte of it escaped.
const LONGEST: u64 = 128 << 20;

/// The lines of a capture, numbered as in the file.
pub(in crate::traffic) struct Lines<R> {
    file: R,
    number: u64,
    buffer: Vec<u8>,
}

/// A line that cannot be used.
#[derive(Debug, PartialEq)]
pub(in crate::traffic) struct Unusable {
    /// Why.
    pub reason: String,
    /// The connection that it was about, if that much of it is still there.
    pub connection: Option<ConnectionId>,
}

impl<R: BufRead> Lines<R> {
    pub fn of(file: R) -> Self {
        Self { file, number: 0, buffer: Vec::new() }
    }

    /// The number of the line that was read last.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The first line; what is wrong with it when this is no capture that we can read.
    pub fn header(&mut self) -> io::Result<Result<Header, String>> {
        if !self.advance()? {
            return Ok(Err("it is empty".to_owned()));
        }
        Ok(match serde_json::from_slice::<Header>(&self.buffer) {
            Ok(header) if header.version == VERSION => Ok(header),
            Ok(header) => Err(format!("it has version {} of the format; this is {VERSION}", header.version)),
            Err(error) => Err(format!("its first line is not that of a capture: {error}")),
        })
    }

    /// The next line; none at the end.
    pub fn next_line(&mut self) -> io::Result<Option<Result<Line<'static>, Unusable>>> {
        loop {
            if !self.advance()? {
                return Ok(None);
            }
            if self.buffer.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let read = serde_json::from_slice(&self.buffer).map_err(|error| {
                let reason = match self.buffer.len() as u64 > LONGEST {
                    true => format!("it is longer than {} MiB", LONGEST >> 20),
                    false if !self.buffer.ends_with(b"\n") => "the file ends in the middle of it".to_owned(),
                    false => format!("it is not a line of a capture: {error}"),
                };
                Unusable { reason, connection: connection_of(&self.buffer) }
            });
            return Ok(Some(read));
        }
    }

    /// Reads a line into the buffer; of one that is too long only the beginning. False at the end of the file.
    fn advance(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        let read = self.file.by_ref().take(LONGEST + 1).read_until(b'\n', &mut self.buffer)?;
        self.number += u64::from(read > 0);
        if read as u64 > LONGEST && !self.buffer.ends_with(b"\n") {
            self.skip_line()?;
        }
        Ok(read > 0)
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let some = self.file.fill_buf()?;
            let (length, ends) = match some.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (some.len(), some.is_empty()),
            };
            self.file.consume(length);
            if ends {
                return Ok(());
            }
        }
    }
}

/// What a damaged line says about its connection. Within texts the member's quotes are escaped, so only the real one is found.
fn connection_of(line: &[u8]) -> Option<ConnectionId> {
    const NAME: &[u8] = br#""connection":"#;
    let start = line.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let digits = line[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    // A number at the very end may have lost some of its digits.
    line.get(start + digits)?;
    std::str::from_utf8(&line[start..start + digits]).ok()?.parse().ok().map(ConnectionId)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Result<u64, Unusable>> {
        let mut lines = Lines::of(text.as_bytes());
        std::iter::from_fn(|| lines.next_line().unwrap().map(|read| read.map(|line| line.at.0))).collect()
    }

    #[test]
    fn whole_lines_are_read_and_damaged_ones_say_what_they_can() {
        let read = lines(concat!(
            "{\"at\":7,\"pong\":{\"connection\":1}}\n",
            "\n",
            "{\"at\":8,\"pong\":{\"connection\":12},\n",
            "{\"at\":9,\"surprise\":{\"connection\":1}}\n",
            "{\"at\":10,\"frame\":{\"connection\":12",
        ));
        assert_eq!(read[0], Ok(7));
        let about = |n: usize| read[n].as_ref().unwrap_err();
        assert_eq!(about(1).connection, Some(ConnectionId(12)));
        assert!(about(1).reason.contains("not a line of a capture"), "{:?}", about(1));
        assert!(about(2).reason.contains("not a line of a capture"), "{:?}", about(2));
        assert_eq!(*about(3), Unusable { reason: "the file ends in the middle of it".to_owned(), connection: None });
        assert_eq!(read.len(), 4);
    }

    #[test]
    fn only_captures_of_this_version_are_read() {
        let header = |text: &str| Lines::of(text.as_bytes()).header().unwrap();
        let line = r#"{"chatproof":"capture","version":1,"started":"s","tool":"t","client":"ours"}"#;
        assert!(header(line).is_ok());
        assert!(header(&line.replace(":1", ":2")).unwrap_err().contains("version 2"));
        assert!(header("{\"log\":{}}").unwrap_err().contains("first line"));
        assert!(header("").unwrap_err().contains("empty"));
    }
}
