//! `chatproof check` as a user meets it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Run, binary, check, root};

/// A HAR file of a browser.
fn har(name: &str) -> PathBuf {
    root().join("tests/recordings").join(name).with_extension("har")
}

/// Kinds of violation, each with the side that it blames.
fn blamed(run: &Run) -> Vec<String> {
    let report = run.report();
    let violations = report["violations"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    violations.map(|violation| format!("{} {}", text(&violation["side"]), text(&violation["kind"]))).collect()
}

#[test]
fn what_browsers_export_is_judged_on_both_sides() {
    for (name, expected, code) in [
        ("chromium-clean", vec![], 0),
        ("chromium-server-fault", vec!["server wrong_type"], 1),
        ("chromium-client-fault", vec!["client request_missing_member"], 1),
        ("chromium-web-faults", vec!["server missing_member", "client malformed_request"], 1),
        ("firefox-socketio-clean", vec![], 0),
        ("firefox-socketio-server-fault", vec!["server malformed_envelope"], 1),
        ("firefox-socketio-client-fault", vec!["client undocumented_action"], 1),
    ] {
        let run = check(&har(name));
        let mut found = blamed(&run);
        found.sort();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}\n{}\n{}", run.stdout, run.stderr);
        assert_eq!(run.code, code, "{name}\n{}\n{}", run.stdout, run.stderr);
        for file in ["report.json", "report.html", "junit.xml", "report.txt"] {
            let written = std::fs::read_to_string(run.folder().join(file)).unwrap();
            assert!(!written.contains("canary"), "{name}: a secret is in {file}");
        }
        assert!(!run.stdout.contains("canary"), "{}", run.stdout);
    }
}

#[test]
fn of_a_damaged_file_the_rest_is_judged_and_the_place_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.har");
    let text = std::fs::read_to_string(har("chromium-web-faults")).unwrap();
    std::fs::write(&cut, &text[..text.len() - 400]).unwrap();
    let run = check(&cut);
    assert_eq!(run.code, 3, "{}\n{}", run.stdout, run.stderr);
    assert_eq!(blamed(&run), ["server missing_member"]);
    assert!(run.stderr.contains("cut.har, line "), "{}", run.stderr);
    assert!(run.stdout.contains("damaged"), "{}", run.stdout);
}

#[test]
fn of_several_files_each_is_judged_and_the_worst_decides() {
    let folder = tempfile::tempdir().unwrap();
    let strange = folder.path().join("strange.txt");
    std::fs::write(&strange, "{\"something\": \"else\"}").unwrap();
    let several = |files: &[PathBuf]| {
        let reports = tempfile::tempdir().unwrap();
        let done =
            Command::new(binary()).arg("check").args(files).arg("--report").arg(reports.path()).output().unwrap();
        let mut written: Vec<_> = std::fs::read_dir(reports.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        written.sort();
        (done.status.code().unwrap(), written, String::from_utf8(done.stderr).unwrap())
    };
    let (code, written, _) = several(&[har("chromium-clean"), har("firefox-socketio-clean")]);
    assert_eq!((code, written), (0, vec!["1-chromium-clean".to_owned(), "2-firefox-socketio-clean".to_owned()]));
    assert_eq!(several(&[har("chromium-client-fault"), har("chromium-clean")]).0, 1);
    let (code, written, stderr) = several(&[strange, har("chromium-client-fault")]);
    assert_eq!(code, 3);
    assert!(stderr.contains("neither a capture nor a HAR file"), "{stderr}");
    assert!(written.contains(&"2-chromium-client-fault".to_owned()), "{written:?}");
}

#[test]
fn where_nothing_was_said_nothing_is_passed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.ndjson");
    let header = r#"{"chatproof":"capture","version":1,"started":"2026-01-02T03:04:05Z","tool":"t","client":"ours"}"#;
    std::fs::write(&path, format!("{header}\n{{\"at\":1,\"end\":{{}}}}\n")).unwrap();
    assert_eq!(check(&path).code, 5);
    std::fs::write(&path, header.replace(":1,", ":9,")).unwrap();
    let refused = Command::new(binary()).arg("check").arg(&path).arg("--report").arg(folder.path()).output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("version 9"));
}

/// How often each kind was told on single connections while a certification went on.
fn told(history: &Path) -> BTreeMap<String, u64> {
    let mut told = BTreeMap::new();
    for line in std::fs::read_to_string(history).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(kind) = line["fact"]["violated"].as_str() {
            *told.entry(kind.to_owned()).or_default() += 1;
        }
    }
    told
}

#[test]
fn the_recording_of_a_certification_comes_to_its_violations() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.ndjson");
    let arguments =
        ["certify", "--quick", "--dialect", "customer/v0.3", "--only", "C03-B71", "--defect", "wrong-type=0.3"];
    let done = Command::new(binary())
        .current_dir(root())
        .args(arguments)
        .arg("--report")
        .arg(folder.path())
        .arg("--record")
        .arg(&capture)
        .output()
        .unwrap();
    let live = told(&folder.path().join("history.ndjson"));
    assert!(!live.is_empty(), "{}", String::from_utf8_lossy(&done.stdout));
    let run = check(&capture);
    assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
    let again: BTreeMap<String, u64> = run.counts().into_iter().filter(|(kind, _)| live.contains_key(kind)).collect();
    assert_eq!(again, live);
}
