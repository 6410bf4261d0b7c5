//! What a Locust master sends.

#![no_main]

use chatproof::worker::Incoming;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Incoming::read(bytes);
});
