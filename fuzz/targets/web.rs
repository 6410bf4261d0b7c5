//! Bodies of the Web API: calls with JSON and uploads, and answers. The first line is the action and the content type.

#![no_main]

use std::sync::LazyLock;

use chatproof::message::{WebRequest, parse_web_answer};
use chatproof::protocol::Protocol;
use libfuzzer_sys::fuzz_target;

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let Ok(head) = std::str::from_utf8(&bytes[..end]) else { return };
    let (action, content_type) = head.split_once(' ').unwrap_or((head, ""));
    let body = bytes.get(end + 1..).unwrap_or_default();
    for dialect in PROTOCOL.dialects() {
        WebRequest::read(&dialect.catalog, action, content_type, body);
    }
    for status in [200, 400, 502] {
        parse_web_answer(status, body);
    }
});
