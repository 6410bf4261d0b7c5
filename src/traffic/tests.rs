//! Recordings of conversations driven by hand.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::check::capture;
use super::{CaptureWriter, Client, Recording, check};
use crate::message::{parse_web_answer, request_text, web_payload};
use crate::observe::{ClientSent, Closing, ConnectionId, Conversation, Moment, Observer, Sending, ViolationKind};
use crate::protocol::{Protocol, Transport};
use crate::record::{Ledger, Recorder, Tally};

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

/// A client that is not ours, on one connection of each transport, with faults of both sides.
fn record_somebody(path: &Path, observer: Arc<dyn Observer>) {
    let writer = CaptureWriter::create(path, Client::Observed).unwrap();
    let observer = writer.beside(observer);
    let mut rtm = conversation(7, Transport::Websocket, observer.clone());
    rtm.connected(at(1), Duration::from_millis(1));
    let login = json!({"request_id": "a", "action": "login", "payload": {"token": "Bearer canary \"1\""}});
    rtm.client_sent(at(2), &login.to_string());
    let early = json!({"request_id": "b", "action": "get_chats_summary", "payload": {"limit": "ten"}});
    rtm.client_sent(at(3), &early.to_string());
    rtm.received(at(4), &response("a", "login", &json!({"customer_id": "u1", "static_config_path": "p"})));
    rtm.received(at(5), &response("c", "get_chats_summary", &json!({"echo": "canary \"1\""})));
    rtm.client_sent(at(6), r#"{"request_id":"b","action":"dance"}"#);
    rtm.client_sent(at(7), "<canary-in-what-is-no-request>");
    rtm.client_sent(at(8), r#"{"hidden":"canary-in-what-has-no-action"}"#);
    rtm.client_garbage(at(9), "a binary frame of 3 bytes");
    rtm.client_pinged(at(10));
    let ClientSent::Request(withheld) = rtm.client_sent(at(11), r#"{"request_id":"d","action":"get_chats_summary"}"#)
    else {
        panic!("it is a request")
    };
    rtm.withheld(withheld.number);
    rtm.received(at(70_000), "<html>");
    rtm.closed(at(90_000), Closing::ByClient);
    rtm.client_sent(at(90_001), r#"{"token":"canary-after-the-end"}"#);
    rtm.closed(at(90_002), Closing::ByServer);
    let mut web = conversation(8, Transport::Web, observer.clone());
    let spec = web.dialect().catalog.web.clone();
    let body = json!({"payload": {"event": 7}}).to_string();
    let payload = web_payload(&spec, body.as_bytes()).unwrap();
    let call = web.client_called(at(90_100), "send_event", Ok(&payload), &body);
    web.web_received(at(90_101), call.number, b"{}", parse_web_answer(200, b"{}"));
    let payload = json!({"chat_id": "c", "file": {"name": "a.png"}});
    let call = web.client_called(at(90_102), "send_file", Ok(&payload), "2 parts");
    web.web_received(at(90_103), call.number, b"[]", parse_web_answer(200, b"[]"));
    let call = web.client_called(at(90_104), "send_event", Err("The body is not JSON"), "canary-of-a-body");
    let body = br#"{"error":{"type":"validation","message":"m"}}"#;
    web.web_received(at(90_105), call.number, body, parse_web_answer(400, body));
    web.closed(at(90_106), Closing::ByUs);
    writer.finish(at(90_107)).unwrap();
}

fn nobody() -> Arc<dyn Observer> {
    Arc::new(Recorder::new(Arc::new(Ledger::default())))
}

type Record = fn(&Path, Arc<dyn Observer>);

fn counts(tally: &Tally) -> BTreeMap<ViolationKind, u64> {
    tally.violations.iter().map(|(kind, tally)| (kind, tally.count)).collect()
}

/// Records, and returns what was recorded and what the recording comes to.
fn again(record: Record) -> (Tally, Recording, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.ndjson");
    let recorder = Arc::new(Recorder::new(Arc::new(Ledger::default())));
    record(&path, recorder.clone());
    let recording = check(&path, &PROTOCOL).unwrap();
    (recorder.take(), recording, std::fs::read_to_string(&path).unwrap())
}

#[test]
fn a_recording_comes_to_the_same_as_what_was_recorded() {
    for record in [record as Record, record_somebody] {
        let (live, recording, _) = again(record);
        assert_eq!(recording.damages.first, []);
        let replayed = recording.replayed.tally;
        assert!(counts(&live).len() >= 2, "{:?}", counts(&live));
        assert_eq!(counts(&replayed), counts(&live));
        let actions = |tally: &Tally| {
            let all = tally.actions().map(|(_, _, name, action)| (name.to_owned(), action.sent, action.answered));
            all.collect::<Vec<_>>()
        };
        assert_eq!(actions(&replayed), actions(&live));
    }
}

#[test]
fn somebody_elses_secrets_are_in_no_line() {
    let (live, recording, text) = again(record_somebody);
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(recording.client, Client::Observed);
    // What is judged at all shows that the frames were there.
    let kinds = [ViolationKind::MalformedRequest, ViolationKind::SentAfterClose, ViolationKind::WrongCorrelation];
    assert!(kinds.iter().all(|kind| live.violations.count(*kind) > 0), "{:?}", counts(&live));
}

#[test]
fn of_a_recording_that_is_cut_off_everything_before_is_judged() {
    let (live, _, text) = again(record);
    for (cut, lines) in [(text.len() - 1, 17), (text.len() - 40, 16), (text.find("<[redacted]>").unwrap(), 5)] {
        let recording = capture(&text.as_bytes()[..cut], &PROTOCOL).unwrap().unwrap();
        assert_eq!(recording.damages.count, u64::from(cut < text.len() - 1), "cut at {cut}");
        assert!(recording.damages.first.iter().all(|damage| damage.line == lines), "{:?}", recording.damages);
        let found = counts(&recording.replayed.tally);
        assert!(found.iter().all(|(kind, count)| counts(&live)[kind] >= *count), "{found:?}");
        assert!(recording.replayed.tally.actions().any(|(_, _, name, _)| name == "login"));
    }
    // Between two lines nothing is broken, but the end is missing.
    let before_the_end = text.trim_end().rfind('\n').unwrap() + 1;
    let recording = capture(&text.as_bytes()[..before_the_end], &PROTOCOL).unwrap().unwrap();
    assert_eq!(recording.damages.first[0].line, 16);
    assert!(recording.damages.first[0].reason.contains("before its time"));
}

#[test]
fn nobody_is_blamed_for_what_a_damaged_line_may_have_said() {
    let (_, _, text) = again(record);
    // The answer to the login: without it, nobody could know who speaks, and the request would seem to be unanswered.
    let lines: Vec<&str> = text.lines().collect();
    for (damaged, judged) in [
        ("{\"at\":3,\"frame\":{\"connection\":0,\"dire", vec!["web"]),
        ("\u{0}\u{0}\u{0}", vec!["web"]),
        ("{\"at\":3,\"frame\":{\"connection\":1,\"dire", vec!["web", "websocket"]),
    ] {
        let mut with = lines.clone();
        with[3] = damaged;
        let recording = capture((with.join("\n") + "\n").as_bytes(), &PROTOCOL).unwrap().unwrap();
        assert_eq!(recording.damages.first.len(), 1, "{:?}", recording.damages);
        assert_eq!(recording.damages.first[0].line, 4);
        let violations = &recording.replayed.tally.violations;
        let mut over: Vec<String> = violations
            .iter()
            .flat_map(|(_, tally)| &tally.samples)
            .map(|s| s.violation.transport.to_string())
            .collect();
        over.sort();
        over.dedup();
        assert_eq!(over, judged, "after {damaged:?}");
    }
}

#[test]
fn lines_that_make_no_sense_where_they_stand_are_told_once_a_connection() {
    let header = r#"{"chatproof":"capture","version":1,"started":"s","tool":"t","client":"ours"}"#;
    let pong = r#"{"at":1,"pong":{"connection":5}}"#;
    let odd = [
        pong,
        pong,
        r#"{"at":1,"opened":{"connection":6,"dialect":"customer/v9","transport":"websocket"}}"#,
        r#"{"at":1,"opened":{"connection":7,"dialect":"customer/v0.3","transport":"web"}}"#,
        r#"{"at":1,"answer":{"connection":7,"call":3,"outcome":"done","body":""}}"#,
        r#"{"at":2,"end":{}}"#,
    ];
    let text = format!("{header}\n{}\n", odd.join("\n"));
    let recording = capture(text.as_bytes(), &PROTOCOL).unwrap().unwrap();
    let told: Vec<(u64, &str)> = recording.damages.first.iter().map(|d| (d.line, d.reason.as_str())).collect();
    assert_eq!(told[0], (2, "connection 5 was never opened"));
    assert_eq!(told[1].0, 4);
    assert!(told[1].1.contains("customer/v9"), "{told:?}");
    assert_eq!(told[2], (6, "there was no call 3"));
    assert_eq!(recording.replayed.skipped, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn no_bytes_break_a_reader(at in 0_usize..4000, bytes in proptest::collection::vec(any::<u8>(), 0..6), cut in 0_usize..6) {
        static WHOLE: LazyLock<String> = LazyLock::new(|| again(record_somebody).2);
        let mut text = WHOLE.as_bytes().to_vec();
        let start = at.min(text.len());
        let end = (start + cut).min(text.len());
        text.splice(start..end, bytes);
        if let Ok(recording) = capture(text.as_slice(), &PROTOCOL).unwrap() {
            prop_assert!(recording.damages.count as usize >= recording.damages.first.len());
        }
    }
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
