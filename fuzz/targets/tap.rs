//! The bytes of a websocket that is relayed, from both sides, compressed or not, in pieces.
//!
//! The first byte chooses; then come pieces: a length, whose lowest bit says who wrote it, and so many bytes.

#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chatproof::message::Framing;
use chatproof::observe::Clock;
use chatproof::protocol::{Protocol, Transport};
use chatproof::proxy::fuzzing::{Agreement, Tap, Watch};
use chatproof::record::{Ledger, Recorder};
use libfuzzer_sys::fuzz_target;

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, mut bytes)) = bytes.split_first() else { return };
    let recorder = Arc::new(Recorder::new(Arc::new(Ledger::new())));
    let watch = Watch::new(Clock::start(), recorder);
    let dialects: Vec<_> = PROTOCOL.dialects().collect();
    let dialect = dialects[usize::from(choice & 3) % dialects.len()];
    let overheard = watch.begin(dialect, Transport::Websocket, &[]);
    overheard.connected(Duration::ZERO);
    let agreed = ["", "permessage-deflate", "permessage-deflate; client_no_context_takeover"];
    let agreed = agreed[usize::from(choice >> 2 & 3) % agreed.len()];
    let agreement = Agreement::read(Some(agreed).filter(|agreed| !agreed.is_empty())).unwrap();
    let framing = if choice & 16 == 0 { Framing::Bare } else { Framing::Packets };
    let mut tap = Tap::new(overheard, framing, agreement, choice & 32 != 0);
    while let Some((length, rest)) = bytes.split_first() {
        let (piece, rest) = rest.split_at(rest.len().min(usize::from(length >> 1)));
        bytes = rest;
        match length & 1 {
            0 => tap.client_wrote(piece),
            _ => tap.server_wrote(piece),
        }
    }
    tap.client_gone();
    tap.server_gone();
    watch.finish();
});
