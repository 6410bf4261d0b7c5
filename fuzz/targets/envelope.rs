//! Text frames of either side, in every dialect: read, and checked against what their action may say.

#![no_main]

use std::sync::LazyLock;

use chatproof::message::{ApiError, Body, parse_frame, parse_request, refusal_text};
use chatproof::protocol::{Kind, Protocol};
use libfuzzer_sys::fuzz_target;

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

fuzz_target!(|text: &str| {
    if let Ok(message) = parse_frame(text) {
        let kind = if message.body == Body::Push { Kind::Push } else { Kind::Response };
        for dialect in PROTOCOL.dialects() {
            dialect.schemas.check(kind, &message.action, &message.payload);
        }
    }
    if let Ok(request) = parse_request(text) {
        for dialect in PROTOCOL.dialects() {
            dialect.schemas.check(Kind::Request, &request.action, &request.payload);
        }
        let error = ApiError { kind: "validation".to_owned(), message: text.to_owned(), data: None };
        // A refusal is an answer to anybody.
        parse_frame(&refusal_text(&request, &error)).unwrap();
    }
});
