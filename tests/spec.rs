//! `chatproof spec`: whole outputs over the small dialects in `tests/spec/schemas`, and what holds of the real ones.
//!
//! `UPDATE=1 cargo test --test spec` writes the expected outputs anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::{binary, root};

/// Standard output, standard error and the exit code.
fn spec(arguments: &[&str]) -> (String, String, i32) {
    let output = Command::new(binary()).current_dir(root()).arg("spec").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// The same over the small dialects.
fn small(arguments: &[&str]) -> (String, String, i32) {
    spec(&[arguments, &["--schemas", "tests/spec/schemas"]].concat())
}

fn json(arguments: &[&str]) -> Value {
    let (stdout, stderr, code) = spec(&[arguments, &["--json"]].concat());
    assert_eq!(code, 0, "{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

#[track_caller]
fn is_as_expected(name: &str, told: &str) {
    let path = root().join("tests/spec").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, told).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(told == expected, "{name}, expected:\n{expected}\ntold:\n{told}");
}

const CASES: [(&str, &[&str]); 6] = [
    ("list", &["list"]),
    ("show-action", &["show", "start_chat", "--dialect", "customer/v2"]),
    ("show-push", &["show", "incoming_event"]),
    ("requirements", &["requirements"]),
    ("errata", &["errata", "--dialect", "customer/v1"]),
    ("diff", &["diff", "customer/v1", "customer/v2"]),
];

#[test]
fn people_read_tables() {
    for (name, arguments) in CASES {
        let (stdout, stderr, code) = small(arguments);
        assert_eq!((code, stderr.as_str()), (0, ""), "{name}");
        assert!(stdout.lines().all(|line| line.chars().count() <= 100), "{name} is too wide:\n{stdout}");
        is_as_expected(&format!("{name}.txt"), &stdout);
    }
}

#[test]
fn programs_read_json() {
    for (name, arguments) in CASES {
        let (stdout, stderr, code) = small(&[arguments, &["--json"]].concat());
        assert_eq!((code, stderr.as_str()), (0, ""), "{name}");
        serde_json::from_str::<Value>(&stdout).unwrap();
        is_as_expected(&format!("{name}.json"), &stdout);
    }
}

#[test]
fn an_unknown_name_is_exit_2_with_a_guess_and_what_there_is() {
    let (stdout, stderr, code) = small(&["show", "start_chatt"]);
    assert_eq!((stdout.as_str(), code), ("", 2));
    is_as_expected("unknown-action.txt", &stderr);
    let (_, stderr, code) = small(&["diff", "customer/v1", "customer/v3"]);
    assert_eq!(code, 2);
    is_as_expected("unknown-dialect.txt", &stderr);
    assert_eq!(small(&["list", "--dialect", "shop"]).2, 2);
    assert_eq!(spec(&["list", "--schemas", "scenarios"]).2, 3);
}

#[test]
fn the_real_dialects_are_all_listed_with_what_they_have() {
    let list = json(&["list"]);
    let (text, _, _) = spec(&["list"]);
    for dialect in list["dialects"].as_array().unwrap() {
        assert!(text.contains(dialect["dialect"].as_str().unwrap()));
        assert!(dialect["actions"].as_u64().unwrap() > 10 && dialect["pushes"].as_u64().unwrap() > 10, "{dialect}");
    }
}

#[test]
fn a_known_limit_of_a_real_action_is_shown_with_its_line() {
    let shown = json(&["show", "get_chats_summary", "--dialect", "customer/v0.3"]);
    let action = &shown["entries"][0]["action"];
    assert_eq!(action["limits"]["limit"]["max"], 25);
    let members = action["request"]["members"].as_array().unwrap();
    let limit = members.iter().find(|member| member["member"] == "/limit").unwrap();
    assert_eq!(limit["limits"]["maximum"], "25");
    assert_eq!(limit["source"][0], "customer-v0.3 599");
    let (text, _, _) = spec(&["show", "get_chats_summary", "--dialect", "customer/v0.3"]);
    assert!(text.contains("limit: 1 to 25, 10 when missing (line 599)"), "{text}");
}
