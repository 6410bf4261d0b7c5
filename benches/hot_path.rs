//! The cost of what happens for every message: reading it, validating it, recording it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use chatproof::message::{parse_frame, request_text};
use chatproof::observe::{ConnectionId, Conversation, Moment, Sending};
use chatproof::protocol::{CorrelationName, Kind, Protocol, Transport};
use chatproof::record::{Ledger, Recorder};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

fn event(order: u64) -> Value {
    json!({
        "id": format!("0affb00a-82d6-4e07-ae61-{order:012}"), "custom_id": format!("cp-{order}"), "order": order,
        "type": "message", "author_id": "b7eff798-f8df-4364-8059-649c35c9ed0c", "timestamp": 1_473_433_500,
        "text": "Good morning, I would like to know where my parcel is."
    })
}

fn push(order: u64) -> String {
    let payload = json!({"chat_id": "PJ0MRSHTDG", "thread_id": "K600PKZON8", "event": event(order)});
    json!({"action": "incoming_event", "type": "push", "payload": payload}).to_string()
}

fn messages(criterion: &mut Criterion) {
    let text = push(1);
    criterion.bench_function("read a push", |bencher| bencher.iter(|| parse_frame(black_box(&text))));
    let payload = json!({"chat_id": "PJ0MRSHTDG", "event": {"type": "message", "text": "hello"}});
    criterion.bench_function("write a request", |bencher| {
        bencher.iter(|| request_text(CorrelationName::RequestId, black_box("17-1"), "send_event", black_box(&payload)));
    });
}

fn validation(criterion: &mut Criterion) {
    let Ok(protocol) = Protocol::embedded() else { return };
    let Ok(dialect) = protocol.dialect("customer/v0.3") else { return };
    let payload = json!({"chat_id": "PJ0MRSHTDG", "thread_id": "K600PKZON8", "event": event(1)});
    criterion.bench_function("validate a push", |bencher| {
        bencher.iter(|| dialect.schemas.check(Kind::Push, "incoming_event", black_box(&payload)));
    });
    let mut wrong = payload.clone();
    wrong["event"]["order"] = json!("1");
    criterion.bench_function("validate a push that is wrong", |bencher| {
        bencher.iter(|| dialect.schemas.check(Kind::Push, "incoming_event", black_box(&wrong)));
    });
}

/// A request, its answer and its push through conversation, recorder and order ledger: all that a round trip costs the
/// generator besides the socket.
fn round_trip(criterion: &mut Criterion) {
    let Ok(protocol) = Protocol::embedded() else { return };
    let Ok(dialect) = protocol.dialect("customer/v0.3") else { return };
    let recorder = Arc::new(Recorder::new(Arc::new(Ledger::default())));
    let mut conversation = Conversation::new(dialect.clone(), ConnectionId(1), Transport::Websocket, recorder);
    let request = json!({"chat_id": "PJ0MRSHTDG", "event": {"type": "message", "text": "hello"}});
    let mut order = 0;
    criterion.bench_function("observe a round trip with its push", |bencher| {
        bencher.iter(|| {
            order += 1;
            let at = Moment(order * 1_000_000);
            let correlation = conversation.next_correlation();
            let text = request_text(CorrelationName::RequestId, &correlation, "send_event", &request);
            let action = "send_event";
            conversation.sending(Sending { correlation: Some(&correlation), action, intended: at, at, text: &text });
            let answer = json!({"request_id": correlation, "action": action, "type": "response", "success": true,
                "payload": {"thread_id": "K600PKZON8", "event": event(order)}});
            let later = at + Duration::from_micros(300);
            black_box(conversation.received(later, &answer.to_string()));
            black_box(conversation.received(later, &push(order)));
        });
    });
}

criterion_group!(benches, messages, validation, round_trip);
criterion_main!(benches);
