use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

use super::*;

/// One frame as a peer writes it.
#[derive(Debug, Clone)]
struct Written {
    first: u8,
    mask: Option<[u8; 4]>,
    payload: Vec<u8>,
}

impl Written {
    fn bytes(&self) -> Vec<u8> {
        let mask_bit = if self.mask.is_some() { 0x80 } else { 0 };
        let length = self.payload.len();
        let mut bytes = match length {
            0..=125 => vec![self.first, mask_bit | length as u8],
            126..=65_535 => [vec![self.first, mask_bit | 126], (length as u16).to_be_bytes().to_vec()].concat(),
            _ => [vec![self.first, mask_bit | 127], (length as u64).to_be_bytes().to_vec()].concat(),
        };
        bytes.extend(self.mask.unwrap_or_default().iter().take(if self.mask.is_some() { 4 } else { 0 }));
        let mask = self.mask.unwrap_or_default();
        bytes.extend(self.payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
        bytes
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    Written { first, mask: None, payload: payload.to_vec() }.bytes()
}

fn read(reader: &mut FrameReader, bytes: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    reader.read(bytes, &mut |heard| {
        all.push(match heard {
            Heard::Text(text) => format!("text {text}"),
            other => format!("{other:?}"),
        });
    });
    all
}

fn heard(writer: Writer, bytes: &[u8]) -> Vec<String> {
    read(&mut FrameReader::new(writer, None), bytes)
}

fn deflating(takes_over: bool) -> FrameReader {
    let header = if takes_over { "permessage-deflate" } else { "permessage-deflate; server_no_context_takeover" };
    let agreement = Agreement::read(Some(header)).unwrap().unwrap();
    FrameReader::new(Writer::Server, Some(agreement.of_server()))
}

/// A message as RFC 7692, 7.2.1 compresses it.
fn compressed(stream: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 1024);
    stream.compress_vec(message, &mut out, FlushCompress::Sync).unwrap();
    out.truncate(out.len() - 4);
    out
}

#[test]
fn fragments_and_the_control_frames_between_them_are_told_apart() {
    let bytes =
        [frame(0x01, b"Hel"), frame(0x89, b"?"), frame(0x00, b"lo "), frame(0x8a, b""), frame(0x80, "dü".as_bytes())];
    assert_eq!(heard(Writer::Server, &bytes.concat()), ["Ping", "Pong", "text Hello dü"]);
    let end = [frame(0x81, b""), frame(0x88, &[0x03, 0xe8])];
    assert_eq!(heard(Writer::Server, &end.concat()), ["text ", "Close"]);
}

#[test]
fn what_is_no_text_is_told_and_reading_goes_on() {
    let bytes = [frame(0x82, &[1, 2, 3]), frame(0x81, &[0xff, 0xfe]), frame(0x81, b"text")].concat();
    let heard = heard(Writer::Server, &bytes);
    assert!(heard[0].contains("Odd(\"a binary message of 3 bytes") && heard[1].contains("not UTF-8"), "{heard:?}");
    assert_eq!(heard[2], "text text");
}

#[test]
fn what_is_no_websocket_ends_the_reading() {
    let masked = Written { first: 0x81, mask: Some([1, 2, 3, 4]), payload: b"x".to_vec() }.bytes();
    for (writer, bytes, what) in [
        (Writer::Server, masked, "with a mask"),
        (Writer::Client, frame(0x81, b"x"), "without a mask"),
        (Writer::Server, frame(0xc1, b"x"), "reserved bits"),
        (Writer::Server, frame(0x91, b"x"), "reserved bits"),
        (Writer::Server, frame(0x80, b"x"), "never begun"),
        (Writer::Server, [frame(0x01, b"x"), frame(0x81, b"y")].concat(), "before the last one"),
        (Writer::Server, frame(0x83, b"x"), "opcode 3"),
        (Writer::Server, frame(0x09, b"x"), "control frame"),
        (Writer::Server, frame(0x89, &[0; 126]), "control frame"),
        (Writer::Server, vec![0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "more than 4 MiB"),
    ] {
        let heard = heard(writer, &[bytes, frame(0x81, b"later")].concat());
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert!(heard[0].starts_with("Garbage") && heard[0].contains(what), "{heard:?}");
    }
}

#[test]
fn compressed_messages_are_read_with_and_without_a_common_window() {
    let message = r#"{"action":"incoming_event","text":"Grüße, Grüße, Grüße"}"#;
    for takes_over in [true, false] {
        let mut stream = Compress::new(Compression::default(), false);
        let mut reader = deflating(takes_over);
        for _ in 0..3 {
            let bytes = frame(0xc1, &compressed(&mut stream, message.as_bytes()));
            assert_eq!(read(&mut reader, &bytes), [format!("text {message}")]);
            // An uncompressed one may come between them.
            assert_eq!(read(&mut reader, &frame(0x81, b"plain")), ["text plain"]);
            if !takes_over {
                stream.reset();
            }
        }
    }
}

#[test]
fn a_final_block_and_fragments_of_a_compressed_message_are_read() {
    let mut stream = Compress::new(Compression::default(), false);
    let mut whole = Vec::with_capacity(100);
    stream.compress_vec(b"Hello", &mut whole, FlushCompress::Finish).unwrap();
    // RFC 7692, 7.2.3.4: the octet that makes room for the tail.
    whole.push(0);
    let (one, two) = whole.split_at(3);
    let bytes = [frame(0x41, one), frame(0x80, two)].concat();
    let mut reader = deflating(false);
    assert_eq!(read(&mut reader, &bytes), ["text Hello"]);
    assert_eq!(read(&mut reader, &bytes), ["text Hello"]);
}

#[test]
fn a_bomb_is_not_unpacked() {
    let mut stream = Compress::new(Compression::best(), false);
    let bomb = compressed(&mut stream, &vec![b'a'; 8 << 20]);
    assert!(bomb.len() < 20_000, "{}", bomb.len());
    let mut reader = deflating(true);
    let heard = read(&mut reader, &frame(0xc1, &bomb));
    assert!(heard.len() == 1 && heard[0].contains("more than 4 MiB"), "{heard:?}");
    assert!(read(&mut deflating(true), &frame(0xc1, &[0xff; 20]))[0].contains("cannot be decompressed"));
}

#[test]
fn the_agreement_is_what_the_server_answered() {
    assert_eq!(Agreement::read(None), Ok(None));
    assert_eq!(Agreement::read(Some(" ")), Ok(None));
    assert!(Agreement::read(Some("permessage-deflate; client_max_window_bits=15")).unwrap().is_some());
    assert!(Agreement::read(Some("permessage-deflate, x-other")).is_err());
    assert!(Agreement::read(Some("x-webkit-deflate-frame")).is_err());
}

proptest! {
    /// However the bytes are cut, what is heard is what was written.
    #[test]
    fn cuts_make_no_difference(
        texts in proptest::collection::vec(".{0,300}", 1..6),
        mask: [u8; 4],
        pieces in 1..5_usize,
        cut in 1..40_usize,
    ) {
        let mut bytes = Vec::new();
        for text in &texts {
            let size = text.len().div_ceil(pieces).max(1);
            let parts: Vec<&[u8]> = if text.is_empty() { vec![&[]] } else { text.as_bytes().chunks(size).collect() };
            for (at, part) in parts.iter().enumerate() {
                let fin = if at + 1 == parts.len() { 0x80 } else { 0 };
                let first = fin | u8::from(at == 0);
                bytes.extend(Written { first, mask: Some(mask), payload: part.to_vec() }.bytes());
                bytes.extend(Written { first: 0x89, mask: Some(mask), payload: b"p".to_vec() }.bytes());
            }
        }
        let mut reader = FrameReader::new(Writer::Client, None);
        let mut heard = Vec::new();
        for chunk in bytes.chunks(cut) {
            heard.extend(read(&mut reader, chunk));
        }
        let heard: Vec<String> = heard.into_iter().filter(|heard| heard != "Ping").collect();
        prop_assert_eq!(heard, texts.iter().map(|text| format!("text {text}")).collect::<Vec<_>>());
    }

    /// Bytes from outside end in words, never in a panic; and garbage is told once.
    #[test]
    fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..400), client: bool) {
        let writer = if client { Writer::Client } else { Writer::Server };
        let garbage = heard(writer, &bytes).iter().filter(|heard| heard.starts_with("Garbage")).count();
        prop_assert!(garbage <= 1);
        let garbage = read(&mut deflating(true), &bytes).iter().filter(|heard| heard.starts_with("Garbage")).count();
        prop_assert!(garbage <= 1);
    }
}
