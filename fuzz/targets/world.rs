//! World files, and how what is wrong with one is shown.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use chatproof::protocol::Protocol;
use chatproof::reference::WorldFile;
use libfuzzer_sys::fuzz_target;

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

fuzz_target!(|text: &str| {
    if let Err(errors) = WorldFile::parse(Path::new("world.yaml"), text.to_owned(), &PROTOCOL) {
        assert!(!errors.to_string().is_empty());
    }
});
