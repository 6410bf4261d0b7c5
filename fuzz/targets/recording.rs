//! Recordings, captures and HAR files, damaged anyhow.

#![no_main]

use std::io::{Seek, Write};
use std::sync::LazyLock;

use chatproof::protocol::Protocol;
use chatproof::traffic::check;
use libfuzzer_sys::fuzz_target;

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    let _ = check(file.path(), &PROTOCOL);
});
