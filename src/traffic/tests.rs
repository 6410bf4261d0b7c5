//! Recordings of conversations driven by hand.

use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::{Value, json};

use super::{CaptureWriter, Client};
use crate::message::{parse_web_answer, request_text};
use crate::observe::{Closing, ConnectionId, Conversation, Moment, Observer, Sending};
use crate::protocol::{Protocol, Transport};
use crate::record::{Ledger, Recorder};

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

const DIALECT: &str = "customer/v0.3";

fn at(milliseconds: u64) -> Moment {
    Moment::default() + Duration::from_millis(milliseconds)
}

fn conversation(connection: u64, transport: Transport, observer: Arc<dyn Observer>) -> Conversation {
    Conversation::new(PROTOCOL.dialect(DIALECT).unwrap().clone(), ConnectionId(connection), transport, observer)
}

fn ask(conversation: &mut Conversation, at: Moment, action: &str, payload: &Value) -> (String, u64) {
    let correlation = conversation.next_correlation();
    let name = conversation.dialect().catalog.rtm.correlation;
    let text = request_text(name, &correlation, action, payload);
    let sending = Sending { correlation: Some(&correlation), action, intended: at, at, text: &text };
    (correlation.clone(), conversation.sending(sending))
}

fn response(correlation: &str, action: &str, payload: &Value) -> String {
    json!({"request_id": correlation, "action": action, "type": "response", "success": true, "payload": payload})
        .to_string()
}

/// One connection of each transport, with everything that can happen there.
fn record(path: &Path, observer: Arc<dyn Observer>) {
    let writer = CaptureWriter::create(path, Client::Ours).unwrap();
    let observer = writer.beside(observer);
    let mut rtm = conversation(0, Transport::Websocket, observer.clone());
    rtm.hide("Bearer canary-of-the-socket");
    rtm.connected(at(1), Duration::from_millis(1));
    let (id, _) = ask(&mut rtm, at(2), "login", &json!({"token": "Bearer canary-of-the-socket"}));
    rtm.received(at(3), &response(&id, "login", &json!({"customer_id": "u1", "static_config_path": "p"})));
    rtm.received(at(4), "<canary-of-the-socket>");
    rtm.received_garbage(at(5), "a binary frame of 3 bytes");
    rtm.ponged(at(6));
    let (_, _) = ask(&mut rtm, at(7), "get_chats_summary", &Value::Null);
    let mut web = conversation(1, Transport::Web, observer.clone());
    web.hide("canary-of-the-web");
    web.set_user("u1");
    let (_, number) = ask(&mut web, at(8), "send_event", &json!({"firebase_token": "canary-in-a-member"}));
    let body = br#"{"thread_id": "t", "event": {"id": "canary-of-the-web"}}"#;
    web.web_received(at(9), number, body, parse_web_answer(200, body));
    let (_, number) = ask(&mut web, at(10), "send_event", &Value::Null);
    web.web_received(at(11), number, b"<html>", parse_web_answer(502, b"<html>"));
    web.closed(at(12), Closing::ByUs);
    rtm.closed(at(30_000), Closing::Broken);
    writer.finish(at(30_001)).unwrap();
}

fn nobody() -> Arc<dyn Observer> {
    Arc::new(Recorder::new(Arc::new(Ledger::default())))
}

#[test]
fn each_input_is_a_line_and_no_secret_is_in_any() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.ndjson");
    record(&path, nobody());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(text.matches("Bearer [redacted]").count(), 1);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<String> = lines
        .iter()
        .map(|line| {
            let members = line.as_object().unwrap().keys().filter(|name| *name != "at");
            members.map(String::as_str).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let expected = [
        "chatproof client started tool version",
        "opened",
        "frame",
        "frame",
        "frame",
        "garbage",
        "pong",
        "frame",
        "opened",
        "user",
        "call",
        "answer",
        "call",
        "answer",
        "closed",
        "closed",
        "end",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(lines[8]["at"], lines[10]["at"], "a connection of the Web API opens with its first call");
    assert_eq!(lines[13]["answer"]["outcome"], "unreadable");
}

/// A disk with room for so many bytes.
struct SmallDisk(usize);

impl io::Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_run_goes_on_when_its_recording_cannot_be_written_and_hears_of_it_in_the_end() {
    for (room, done) in [(1000, false), (10_000_000, true)] {
        let path = Path::new("some/file");
        let writer = CaptureWriter::over(Box::new(SmallDisk(room)), path, Client::Ours).unwrap();
        let mut conversation = conversation(0, Transport::Websocket, writer.beside(nobody()));
        for n in 0..5000 {
            conversation.received(at(n), &"x".repeat(200));
        }
        let finished = writer.finish(at(5000));
        assert_eq!(finished.is_ok(), done);
        if let Err(error) = finished {
            assert!(error.to_string().starts_with("cannot write the recording some/file: "), "{error}");
        }
    }
}

#[test]
fn threads_write_whole_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.ndjson");
    let writer = CaptureWriter::create(&path, Client::Ours).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let observer = writer.beside(nobody());
            scope.spawn(move || {
                let mut conversation = conversation(thread, Transport::Websocket, observer);
                for n in 0..500 {
                    conversation.received(at(n), &"x".repeat(200));
                }
            });
        }
    });
    writer.finish(at(500)).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let frames = text.lines().filter(|line| serde_json::from_str::<Value>(line).unwrap().get("frame").is_some());
    assert_eq!(frames.count(), 4 * 500);
}
