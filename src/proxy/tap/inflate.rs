//! permessage-deflate, as far as a listener needs it: what was agreed upon, and decompression (RFC 7692).

use flate2::{Decompress, FlushDecompress, Status};

/// What stands at the end of each compressed message and is not sent (RFC 7692, 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// What the handshake agreed upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    client_takes_over: bool,
    server_takes_over: bool,
}

impl Agreement {
    /// Reads the server's `Sec-WebSocket-Extensions`. None without one.
    ///
    /// # Errors
    /// When it names an extension that we cannot read.
    pub fn read(header: Option<&str>) -> Result<Option<Self>, String> {
        let Some(header) = header.filter(|header| !header.trim().is_empty()) else { return Ok(None) };
        let mut words = header.split(';').map(str::trim);
        let name = words.next().unwrap_or_default();
        // A comma begins a second extension, whose frames would look like something else.
        if !name.eq_ignore_ascii_case("permessage-deflate") || header.contains(',') {
            return Err(format!("the websocket extension `{header}`"));
        }
        let words: Vec<&str> = words.collect();
        let said = |parameter: &str| words.iter().any(|word| word.eq_ignore_ascii_case(parameter));
        Ok(Some(Self {
            client_takes_over: !said("client_no_context_takeover"),
            server_takes_over: !said("server_no_context_takeover"),
        }))
    }

    /// For what the client sends.
    pub fn of_client(self) -> Inflate {
        Inflate::new(self.client_takes_over)
    }

    /// For what the server sends.
    pub fn of_server(self) -> Inflate {
        Inflate::new(self.server_takes_over)
    }
}

/// Decompresses the messages of one direction. Its window is the largest that may be agreed upon, which reads all others.
#[derive(Debug)]
pub struct Inflate {
    stream: Decompress,
    takes_over: bool,
}

impl Inflate {
    fn new(takes_over: bool) -> Self {
        Self { stream: Decompress::new(false), takes_over }
    }

    /// Decompresses one message of at most `longest` bytes. What it is compressed from gets the tail that was not sent.
    ///
    /// # Errors
    /// What is wrong in words, or nothing when the message is too long. Later messages cannot be read then.
    pub fn message(
        &mut self,
        compressed: &mut Vec<u8>,
        message: &mut Vec<u8>,
        longest: usize,
    ) -> Result<(), Option<&'static str>> {
        compressed.extend_from_slice(&TAIL);
        message.clear();
        let mut rest = compressed.as_slice();
        loop {
            message.reserve(rest.len().max(256) * 2);
            let before = self.stream.total_in();
            let status = self
                .stream
                .decompress_vec(rest, message, FlushDecompress::Sync)
                .map_err(|_| Some("a compressed websocket message that cannot be decompressed"))?;
            rest = &rest[usize::try_from(self.stream.total_in() - before).unwrap_or(rest.len())..];
            if message.len() > longest {
                return Err(None);
            }
            match status {
                // Room was left in the message, so there is nothing more to come out.
                Status::Ok | Status::BufError if rest.is_empty() && message.len() < message.capacity() => break,
                // A final block ends the stream, which the sender may do; the next message begins a new one (RFC 7692, 7.2.3.4).
                Status::StreamEnd => {
                    self.stream.reset(false);
                    if rest.len() <= TAIL.len() {
                        break;
                    }
                }
                Status::BufError if message.len() < message.capacity() => {
                    return Err(Some("a compressed websocket message that is cut off"));
                }
                Status::Ok | Status::BufError => {}
            }
        }
        if !self.takes_over {
            self.stream.reset(false);
        }
        Ok(())
    }
}
