//! The bodies of polling: several packets in one.

use std::borrow::Cow;

/// Packets in one payload; what comes after them is not read, so that a body cannot take many times its size in memory.
const MOST_PACKETS: usize = 1 << 16;
/// Digits of a length; more would be longer than any body.
const MOST_DIGITS: usize = 10;

/// How packets are framed in a body. A reader need not be told: it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadForm {
    /// For each packet `00`, the decimal digits of its length in bytes as bytes 0 to 9, `ff`, and its UTF-8. The answers to
    /// polls without `b64=1`, as `application/octet-stream`.
    Binary,
    /// `length:packet`, with the length in UTF-16 units. The posts of 2.x clients.
    Plain,
    /// `length:packet`, with each packet in UTF-8 twice and the length in bytes of the first time. The posts of 1.x clients and
    /// the answers to polls with `b64=1`.
    Twice,
}

/// What a body holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload<'a> {
    /// How it was framed; [`PayloadForm::Plain`] where that and twice encoded are the same.
    pub form: PayloadForm,
    /// The packets up to the end, or to where the framing breaks; for [`parse_packet`](super::parse_packet).
    pub packets: Vec<Cow<'a, str>>,
    /// What is wrong with the framing, in words.
    pub broken: Option<String>,
}

/// Reads a body in any form.
pub fn decode_payload(body: &[u8]) -> Payload<'_> {
    let mut packets = Vec::new();
    // No text starts with a byte 0 or 1.
    if body.first().is_some_and(|first| *first <= 1) {
        let broken = decode_binary(body, &mut packets).err();
        return Payload { form: PayloadForm::Binary, packets, broken };
    }
    let broken = match std::str::from_utf8(body) {
        Ok(text) => decode_text(text, &mut packets).err(),
        Err(_) => Some("a payload that is neither UTF-8 nor in the binary form".to_owned()),
    };
    // The lengths are the same number in both forms. Text that only looks as if it were encoded twice is rarer than
    // clients that do so; and one packet that is not decides for its whole payload.
    let form = match decoded_again(&packets) {
        Some(decoded) => {
            packets = decoded;
            PayloadForm::Twice
        }
        None => PayloadForm::Plain,
    };
    Payload { form, packets, broken }
}

/// Writes packets into a body.
pub fn encode_payload<'a>(packets: impl IntoIterator<Item = &'a str>, form: PayloadForm) -> Vec<u8> {
    let mut body = Vec::new();
    for packet in packets {
        match form {
            PayloadForm::Binary => {
                body.push(0);
                body.extend(packet.len().to_string().bytes().map(|digit| digit - b'0'));
                body.push(0xff);
                body.extend_from_slice(packet.as_bytes());
            }
            PayloadForm::Plain => {
                body.extend_from_slice(format!("{}:{packet}", packet.encode_utf16().count()).as_bytes());
            }
            PayloadForm::Twice => {
                let again: String = packet.bytes().map(char::from).collect();
                body.extend_from_slice(format!("{}:{again}", packet.len()).as_bytes());
            }
        }
    }
    body
}

fn decode_binary<'a>(mut body: &'a [u8], packets: &mut Vec<Cow<'a, str>>) -> Result<(), String> {
    while let Some((&kind, rest)) = body.split_first() {
        room(packets)?;
        match kind {
            0 => {}
            1 => return Err("a packet of binary data".to_owned()),
            other => return Err(format!("a packet that starts with byte {other:#04x}, expected 0x00")),
        }
        let digits = rest.iter().position(|&byte| byte == 0xff).filter(|at| (1..=MOST_DIGITS).contains(at));
        let digits = digits.ok_or("a packet without a length that ends with 0xff")?;
        let mut length = 0;
        for &digit in &rest[..digits] {
            if digit > 9 {
                return Err(format!("a length with the byte {digit:#04x}, expected decimal digits 0x00 to 0x09"));
            }
            length = length * 10 + u64::from(digit);
        }
        let rest = &rest[digits + 1..];
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some((packet, rest)) = rest.split_at_checked(length) else {
            return Err(format!("a packet of {length} bytes of which {} came", rest.len()));
        };
        packets.push(std::str::from_utf8(packet).map_err(|_| "a packet that is not UTF-8")?.into());
        body = rest;
    }
    Ok(())
}

fn decode_text<'a>(mut text: &'a str, packets: &mut Vec<Cow<'a, str>>) -> Result<(), String> {
    while !text.is_empty() {
        room(packets)?;
        let length = text.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = text.split_at(length);
        let rest = rest.strip_prefix(':').filter(|_| (1..=MOST_DIGITS).contains(&length));
        let (Some(rest), Ok(units)) = (rest, digits.parse::<u64>()) else {
            return Err("a packet without a decimal length and a colon before it".to_owned());
        };
        let (packet, rest) = split_units(rest, units)?;
        packets.push(packet.into());
        text = rest;
    }
    Ok(())
}

/// Splits after so many UTF-16 units.
fn split_units(text: &str, units: u64) -> Result<(&str, &str), String> {
    let mut counted = 0;
    for (at, c) in text.char_indices() {
        if counted == units {
            return Ok(text.split_at(at));
        }
        counted += c.len_utf16() as u64;
    }
    match counted {
        counted if counted == units => Ok((text, "")),
        counted if counted > units => Err(format!("a packet of {units} units that end within a character")),
        counted => Err(format!("a packet of {units} units of which {counted} came")),
    }
}

fn room(packets: &[Cow<'_, str>]) -> Result<(), String> {
    if packets.len() < MOST_PACKETS { Ok(()) } else { Err(format!("a payload of more than {MOST_PACKETS} packets")) }
}

/// The packets without their second encoding, if all have one and it matters.
fn decoded_again<'a>(packets: &[Cow<'a, str>]) -> Option<Vec<Cow<'a, str>>> {
    if packets.iter().all(|packet| packet.is_ascii()) {
        return None;
    }
    let again = |packet: &Cow<'a, str>| {
        let bytes: Vec<u8> = packet.chars().map(|c| u8::try_from(c).ok()).collect::<Option<_>>()?;
        String::from_utf8(bytes).ok().map(Cow::Owned)
    };
    packets.iter().map(again).collect()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const FORMS: [PayloadForm; 3] = [PayloadForm::Binary, PayloadForm::Plain, PayloadForm::Twice];

    /// The bytes are worked out by hand: «é» is c3 a9 in UTF-8, c3 83 c2 a9 twice; «😀» is two UTF-16 units and four bytes.
    #[test]
    fn each_form_is_written_as_the_clients_write_it() {
        let packets = ["40", "4é", "4😀"];
        let bytes = [
            &b"\x00\x02\xff40\x00\x03\xff4\xc3\xa9\x00\x05\xff4\xf0\x9f\x98\x80"[..],
            b"2:402:4\xc3\xa93:4\xf0\x9f\x98\x80",
            b"2:403:4\xc3\x83\xc2\xa95:4\xc3\xb0\xc2\x9f\xc2\x98\xc2\x80",
        ];
        for (form, bytes) in FORMS.into_iter().zip(bytes) {
            assert_eq!(encode_payload(packets, form), bytes, "{form:?}");
            let payload = decode_payload(bytes);
            assert_eq!(payload, Payload { form, packets: packets.map(Cow::from).into(), broken: None });
        }
        let long = "x".repeat(120);
        assert_eq!(encode_payload([&*long], PayloadForm::Binary)[..5], [0, 1, 2, 0, 0xff]);
    }

    #[test]
    fn one_packet_that_is_plain_decides_for_its_payload() {
        assert_eq!(decode_payload("3:4Ã©".as_bytes()).packets, ["4é"]);
        let payload = decode_payload("3:4Ã©2:4ł".as_bytes());
        assert_eq!((payload.form, payload.packets), (PayloadForm::Plain, vec!["4Ã©".into(), "4ł".into()]));
    }

    #[test]
    fn packets_before_the_break_are_kept_and_the_break_is_told() {
        let many = "1:6".repeat(MOST_PACKETS + 1);
        let cases: [(&[u8], usize, &str); 16] = [
            (b"", 0, ""),
            (b"2:40<html>", 1, "without a decimal length"),
            (b"<html>", 0, "without a decimal length"),
            (b"2:405:41", 1, "5 units of which 2 came"),
            (b":40", 0, "without a decimal length"),
            (b"12345678901:40", 0, "without a decimal length"),
            ("1:😀".as_bytes(), 0, "within a character"),
            (b"2:4\xff", 0, "neither UTF-8"),
            (b"\x00\x02\xff40\x00\x02\xff4", 1, "2 bytes of which 1 came"),
            (b"\x00\x02\xff40\x01\x01\xff4", 1, "binary data"),
            (b"\x00\x02\xff40xyz", 1, "byte 0x78"),
            (b"\x00\x02", 0, "ends with 0xff"),
            (b"\x00\xff", 0, "ends with 0xff"),
            (b"\x00\x0a\xff", 0, "byte 0x0a"),
            (b"\x00\x01\xff\xc3", 0, "not UTF-8"),
            (many.as_bytes(), MOST_PACKETS, "more than 65536 packets"),
        ];
        for (body, packets, told) in cases {
            let payload = decode_payload(body);
            assert_eq!(payload.packets.len(), packets, "{body:.20?}");
            match payload.broken {
                Some(reason) => assert!(!told.is_empty() && reason.contains(told), "{reason}"),
                None => assert_eq!(told, ""),
            }
        }
    }

    fn any_form() -> impl Strategy<Value = PayloadForm> {
        prop_oneof![Just(PayloadForm::Binary), Just(PayloadForm::Plain), Just(PayloadForm::Twice)]
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(mut packets in vec(".*", 0..4), form in any_form()) {
            // Text beyond Latin-1 cannot be taken for twice encoded.
            packets.push("łódź".to_owned());
            let body = encode_payload(packets.iter().map(String::as_str), form);
            let expected = Payload { form, packets: packets.iter().map(Cow::from).collect(), broken: None };
            prop_assert_eq!(decode_payload(&body), expected);
        }

        #[test]
        fn ascii_reads_back_whatever_the_form(packets in vec("[ -~]*", 0..4), form in any_form()) {
            let body = encode_payload(packets.iter().map(String::as_str), form);
            let read = decode_payload(&body);
            prop_assert_eq!(read.broken, None);
            prop_assert_eq!(read.packets, packets);
        }

        #[test]
        fn a_truncated_body_keeps_what_came_and_invents_nothing(packets in vec("[a-zé😀]{1,5}", 1..4), form in any_form(), cut in 0.0..1.0) {
            let body = encode_payload(packets.iter().map(String::as_str), form);
            let read = decode_payload(&body[..(body.len() as f64 * cut) as usize]);
            if form == PayloadForm::Binary {
                prop_assert!(packets.iter().zip(&read.packets).all(|(sent, got)| sent == got));
            }
            prop_assert!(read.packets.len() < packets.len());
        }

        #[test]
        fn no_bytes_do_harm(body in vec(prop_oneof![0u8..12, b'0'..b'<', Just(0xff), any::<u8>()], 0..40)) {
            let read = decode_payload(&body);
            prop_assert!(read.packets.len() <= body.len());
        }
    }
}
