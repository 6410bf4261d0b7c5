//! Scenario files, and how what is wrong with one is shown.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use chatproof::protocol::Protocol;
use chatproof::scenario::load_text;
use libfuzzer_sys::fuzz_target;

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

fuzz_target!(|text: &str| {
    if let Err(errors) = load_text(Path::new("/nowhere/scenario.yaml"), text.to_owned(), &PROTOCOL, &|_| Ok(None)) {
        assert!(!errors.to_string().is_empty());
    }
});
