//! HAR files as bytes.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::har;
use crate::protocol::Protocol;

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());
const SOCKETIO: &str = include_str!("../../../tests/recordings/firefox-socketio-clean.har");
const CHROMIUM: &str = include_str!("../../../tests/recordings/chromium-clean.har");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn no_bytes_break_the_import(
        socketio: bool,
        at in 0_usize..12_000,
        bytes in proptest::collection::vec(any::<u8>(), 0..6),
        cut in 0_usize..6,
    ) {
        let mut text = if socketio { SOCKETIO } else { CHROMIUM }.as_bytes().to_vec();
        let start = at.min(text.len());
        let end = (start + cut).min(text.len());
        text.splice(start..end, bytes);
        if let Ok(recording) = har(text.as_slice(), &PROTOCOL).unwrap() {
            prop_assert!(recording.damages.count <= 1);
        }
    }
}

#[test]
fn of_a_file_that_is_cut_off_whatever_was_whole_is_judged() {
    let whole = har(CHROMIUM.as_bytes(), &PROTOCOL).unwrap().unwrap();
    let sent = |recording: &crate::traffic::Recording| {
        recording.replayed.tally.actions().map(|(_, _, _, action)| action.sent).sum::<u64>()
    };
    assert_eq!((sent(&whole), whole.replayed.skipped, whole.damages.count), (5, 0, 0));
    // Within the last entry: one call of the Web API is lost.
    let cut = har(&CHROMIUM.as_bytes()[..CHROMIUM.len() - 600], &PROTOCOL).unwrap().unwrap();
    assert_eq!((sent(&cut), cut.damages.count), (4, 1));
    let told = cut.damages.first[0].line;
    let lines = CHROMIUM[..CHROMIUM.len() - 600].lines().count() as u64;
    assert!((lines - 1..=lines).contains(&told), "line {told} of {lines}");
}

#[test]
fn a_part_of_the_time_may_be_unknown() {
    let unknown = CHROMIUM.replace("\"wait\": 10.3", "\"wait\": null");
    assert_ne!(unknown, CHROMIUM);
    let recording = har(unknown.as_bytes(), &PROTOCOL).unwrap().unwrap();
    assert_eq!((recording.damages.count, recording.replayed.skipped), (0, 0));
}

#[test]
fn what_lies_centuries_apart_is_read_as_well() {
    let apart = CHROMIUM.replacen("2025-11-26T10:00:01.000Z", "1681-11-26T10:00:01.000Z", 1);
    assert_ne!(apart, CHROMIUM);
    let recording = har(apart.as_bytes(), &PROTOCOL).unwrap().unwrap();
    assert_eq!((recording.damages.count, recording.started.as_str()), (0, "1681-11-26T10:00:01Z"));
}

#[test]
fn a_session_whose_beginning_is_missing_is_not_judged() {
    let handshake = SOCKETIO.find("\"startedDateTime\"").unwrap();
    let first = SOCKETIO[handshake + 20..].find("transport=polling&t=a").unwrap() + handshake + 20;
    // The first poll goes elsewhere.
    let text = SOCKETIO[..first]
        .rsplit_once("/rtm/sio/")
        .map(|(before, after)| format!("{before}/elsewhere/{after}"))
        .unwrap();
    let recording = har((text + &SOCKETIO[first..]).as_bytes(), &PROTOCOL).unwrap().unwrap();
    assert_eq!(recording.replayed.tally.actions().count(), 0);
    assert!(recording.replayed.skipped > 5, "{}", recording.replayed.skipped);
    assert!(recording.replayed.tally.violations.is_empty());
}
