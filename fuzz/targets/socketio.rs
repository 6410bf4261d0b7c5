//! Packets of socket.io, and the bodies of polling. What was understood is the same when it is written and read again.

#![no_main]

use chatproof::message::Framing;
use chatproof::message::socketio::{PayloadForm, decode_payload, encode_payload, packet_text, parse_packet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let payload = decode_payload(body);
    for packet in &payload.packets {
        if let Ok(read) = parse_packet(packet) {
            assert_eq!(parse_packet(&packet_text(&read)).unwrap(), read);
        }
        Framing::Packets.unwrap(packet);
    }
    if payload.broken.is_none() {
        let written = encode_payload(payload.packets.iter().map(|packet| &**packet), PayloadForm::Binary);
        assert_eq!(decode_payload(&written).packets, payload.packets);
    }
    if let Ok(text) = std::str::from_utf8(body) {
        Framing::Packets.unwrap(text);
    }
});
