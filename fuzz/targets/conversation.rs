//! A whole conversation, with what either side says in any order, judged and counted.
//!
//! Each line is one thing that happens: a letter that says what, and the text that goes with it.

#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chatproof::message::{WebRequest, parse_web_answer};
use chatproof::observe::{Closing, ConnectionId, Conversation, Moment, Sending};
use chatproof::protocol::{Protocol, Transport};
use chatproof::record::{Ledger, Recorder};
use libfuzzer_sys::fuzz_target;

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

fuzz_target!(|text: &str| {
    let recorder = Arc::new(Recorder::new(Arc::new(Ledger::new())));
    let dialects: Vec<_> = PROTOCOL.dialects().collect();
    let begin = |choice: usize| {
        let transport = [Transport::Websocket, Transport::Socketio, Transport::Web][choice / 4 % 3];
        let dialect = dialects[choice % dialects.len()].clone();
        let mut conversation = Conversation::new(dialect, ConnectionId(choice as u64), transport, recorder.clone());
        conversation.hide("s3cret");
        conversation
    };
    let mut conversations = vec![begin(0)];
    let mut now = Moment::default();
    for line in text.lines() {
        let Some(what) = line.chars().next() else { continue };
        let rest = &line[what.len_utf8()..];
        let number = rest.bytes().map(usize::from).sum::<usize>();
        now = now + Duration::from_millis(100);
        if what == 'n' && conversations.len() < 8 {
            conversations.push(begin(number));
        }
        if what == 'r' {
            conversations.rotate_left(1);
        }
        let Some(conversation) = conversations.last_mut() else { return };
        match what {
            'o' => conversation.connected(now, Duration::from_millis(3)),
            'u' => conversation.set_user(rest),
            'c' => drop(conversation.client_sent(now, rest)),
            's' => drop(conversation.received(now, rest)),
            'a' => {
                let correlation = conversation.next_correlation();
                // Our own client asks for what its scenario names, not for what a peer says.
                let dialect = conversation.dialect().clone();
                let actions = dialect.catalog.actions.keys();
                let action = actions.cycle().nth(number % 64).map_or("", String::as_str);
                let sending = Sending { correlation: Some(&correlation), action, intended: now, at: now, text: rest };
                conversation.sending(sending);
            }
            'w' => {
                let (action, body) = rest.split_once(' ').unwrap_or((rest, ""));
                let catalog = conversation.dialect().clone();
                let read = WebRequest::read(&catalog.catalog, action, "application/json", body.as_bytes());
                let payload = read.payload.as_ref().map_err(String::as_str);
                conversation.client_called(now, action, payload, &read.shown);
            }
            'h' => {
                let status = if number % 2 == 0 { 200 } else { 400 };
                let answer = parse_web_answer(status, rest.as_bytes());
                conversation.web_received(now, (number % 8) as u64, rest.as_bytes(), answer);
            }
            'g' => conversation.client_garbage(now, rest),
            'x' => conversation.received_garbage(now, rest),
            'p' => conversation.client_pinged(now),
            'q' => conversation.ponged(now),
            'd' => conversation.withheld((number % 8) as u64),
            't' => {
                now = now + Duration::from_secs(number as u64 % 100);
                conversation.expire(now);
            }
            'e' => conversation.closed(now, if number % 2 == 0 { Closing::ByClient } else { Closing::ByServer }),
            _ => {}
        }
    }
    for mut conversation in conversations {
        conversation.closed(now, Closing::Broken);
    }
    recorder.settle(now);
    let tally = recorder.take();
    let written = serde_json::to_string(&tally).unwrap();
    assert!(!written.contains("s3cret"), "a secret is told");
});
