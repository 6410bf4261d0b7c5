//! Reads the frames of one direction of a websocket out of a copy of its bytes: RFC 6455 for the frames, RFC 7692 for the
//! compression.
//!
//! It never speaks and never fails: what cannot be read ends in [`Heard::Garbage`], and from there on nothing more is read of this
//! direction, because nobody can say where the next frame begins.

use super::inflate::Inflate;

/// Longest message that is put together, in bytes, before and after decompression. The documents' largest texts have 16 KB
/// (agent-v3.0 rtm/events:212); whole archives are far below this.
const LONGEST: usize = 4 << 20;
/// What a buffer may keep between messages.
const KEPT: usize = 64 << 10;
/// Longest payload of a control frame (RFC 6455, 5.5).
const CONTROL: u64 = 125;

/// Which peer writes in this direction: a client masks its frames, a server does not (RFC 6455, 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// What came along.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A whole text message, decompressed.
    Text(&'a str),
    /// A ping.
    Ping,
    /// A pong.
    Pong,
    /// The closing handshake begins, or goes on.
    Close,
    /// Something that is no text message, in words; reading goes on.
    Odd(String),
    /// Not the websocket protocol, or more than is read; nothing more will be heard from here.
    Garbage(String),
}

/// The reader of one direction.
#[derive(Debug)]
pub struct FrameReader {
    writer: Writer,
    inflate: Option<Inflate>,
    /// Bytes of a header that is not complete.
    header: Vec<u8>,
    frame: Option<Frame>,
    message: Option<Message>,
    /// Payload of the message so far.
    data: Vec<u8>,
    /// The compressed message, decompressed.
    inflated: Vec<u8>,
    over: bool,
}

/// A frame whose payload is being read.
#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: u8,
    fin: bool,
    left: u64,
    mask: Option<[u8; 4]>,
    /// Bytes of the payload that were read, which says where in the mask we are.
    read: usize,
}

/// A message whose frames are being put together.
#[derive(Debug, Clone, Copy)]
struct Message {
    text: bool,
    compressed: bool,
}

impl FrameReader {
    /// A reader from the first byte after the handshake on; with decompression, if that was agreed upon.
    pub fn new(writer: Writer, inflate: Option<Inflate>) -> Self {
        Self {
            writer,
            inflate,
            header: Vec::new(),
            frame: None,
            message: None,
            data: Vec::new(),
            inflated: Vec::new(),
            over: false,
        }
    }

    /// Takes the next bytes, however they were cut.
    pub fn read(&mut self, mut bytes: &[u8], heard: &mut impl FnMut(Heard<'_>)) {
        while !self.over {
            match self.frame {
                None if bytes.is_empty() => return,
                None => bytes = self.read_header(bytes, heard),
                // A frame without payload is over before another byte comes.
                Some(frame) if frame.left > 0 && bytes.is_empty() => return,
                Some(frame) => bytes = self.read_payload(frame, bytes, heard),
            }
        }
    }

    fn read_header<'a>(&mut self, bytes: &'a [u8], heard: &mut impl FnMut(Heard<'_>)) -> &'a [u8] {
        let wanted = header_length(&self.header);
        let (now, later) = bytes.split_at(bytes.len().min(wanted - self.header.len()));
        self.header.extend_from_slice(now);
        if self.header.len() == header_length(&self.header) {
            match self.begin() {
                Ok(frame) => self.frame = Some(frame),
                Err(what) => self.give_up(what, heard),
            }
            self.header.clear();
        }
        later
    }

    /// The header is complete.
    fn begin(&mut self) -> Result<Frame, String> {
        let (first, second) = (self.header[0], self.header[1]);
        let (fin, compressed, opcode) = (first & 0x80 != 0, first & 0x40 != 0, first & 0x0f);
        let control = opcode & 0x08 != 0;
        let (rest, left) = match second & 0x7f {
            126 => (4, u64::from(u16::from_be_bytes([self.header[2], self.header[3]]))),
            127 => (10, self.header[2..10].iter().fold(0, |length, byte| length << 8 | u64::from(*byte))),
            short => (2, u64::from(short)),
        };
        let mask = self.header[rest..].first_chunk::<4>().copied();
        if first & 0x30 != 0 || compressed && (self.inflate.is_none() || control || opcode == 0) {
            return Err("a websocket frame with reserved bits that no extension explains".to_owned());
        }
        match (self.writer, mask) {
            (Writer::Client, None) => return Err("a websocket frame of a client without a mask".to_owned()),
            (Writer::Server, Some(_)) => return Err("a websocket frame of a server with a mask".to_owned()),
            _ => {}
        }
        match opcode {
            0 if self.message.is_none() => return Err("a continued websocket message that was never begun".to_owned()),
            1 | 2 if self.message.is_some() => {
                return Err("a new websocket message before the last one was finished".to_owned());
            }
            0 => {}
            1 | 2 => self.message = Some(Message { text: opcode == 1, compressed }),
            8..=10 if !fin || left > CONTROL => {
                return Err("a websocket control frame that is in parts or too long".to_owned());
            }
            8..=10 => {}
            other => return Err(format!("a websocket frame with the unknown opcode {other}")),
        }
        if !control && left > (LONGEST - self.data.len().min(LONGEST)) as u64 {
            return Err(too_long());
        }
        Ok(Frame { opcode, fin, left, mask, read: 0 })
    }

    fn read_payload<'a>(&mut self, mut frame: Frame, bytes: &'a [u8], heard: &mut impl FnMut(Heard<'_>)) -> &'a [u8] {
        let length = usize::try_from(frame.left).unwrap_or(usize::MAX).min(bytes.len());
        let (now, later) = bytes.split_at(length);
        // What control frames carry is of no interest.
        if frame.opcode < 8 {
            match frame.mask {
                Some(mask) => {
                    self.data.extend(now.iter().enumerate().map(|(at, byte)| byte ^ mask[(frame.read + at) % 4]));
                }
                None => self.data.extend_from_slice(now),
            }
        }
        frame.read = (frame.read + length) % 4;
        frame.left -= length as u64;
        self.frame = (frame.left > 0).then_some(frame);
        if frame.left == 0 {
            match frame.opcode {
                8 => heard(Heard::Close),
                9 => heard(Heard::Ping),
                10 => heard(Heard::Pong),
                _ if frame.fin => self.finish_message(heard),
                _ => {}
            }
        }
        later
    }

    fn finish_message(&mut self, heard: &mut impl FnMut(Heard<'_>)) {
        let Some(message) = self.message.take() else { return };
        let content = if message.compressed {
            let Some(inflate) = &mut self.inflate else { return };
            if let Err(what) = inflate.message(&mut self.data, &mut self.inflated, LONGEST) {
                return self.give_up(what.map_or_else(too_long, str::to_owned), heard);
            }
            &self.inflated
        } else {
            &self.data
        };
        match std::str::from_utf8(content) {
            _ if !message.text => heard(Heard::Odd(format!("a binary message of {} bytes", content.len()))),
            Ok(text) => heard(Heard::Text(text)),
            Err(_) => heard(Heard::Odd("a text message that is not UTF-8".to_owned())),
        }
        for buffer in [&mut self.data, &mut self.inflated] {
            buffer.clear();
            buffer.shrink_to(KEPT);
        }
    }

    fn give_up(&mut self, what: String, heard: &mut impl FnMut(Heard<'_>)) {
        self.over = true;
        (self.data, self.inflated, self.inflate) = (Vec::new(), Vec::new(), None);
        heard(Heard::Garbage(what));
    }
}

fn too_long() -> String {
    format!("a websocket message of more than {} MiB", LONGEST >> 20)
}

/// How long the header is, as far as its first bytes tell.
fn header_length(so_far: &[u8]) -> usize {
    let Some(second) = so_far.get(1) else { return 2 };
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + extended + if second & 0x80 != 0 { 4 } else { 0 }
}
