//! Runs that end early because they are hopeless, and those that do not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::path::PathBuf;
use std::process::Command;

use support::{Run, binary, merge, root, run};
use tempfile::TempDir;

/// Arrivals go on for longer than anybody waits for a test.
const FOR: [&str; 2] = ["--for", "600s"];
const WRONG: [&str; 2] = ["--defect", "wrong-type"];

/// A scenario in which customers ask for one thing, with these thresholds.
fn scenario(thresholds: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asking.yaml");
    let text = std::fs::read_to_string(root().join("tests/scenarios/one-request.yaml")).unwrap();
    std::fs::write(&path, format!("{}thresholds: {thresholds}\n", text.replace("rate: 100/s", "rate: 20/s"))).unwrap();
    (folder, path)
}

/// Why a run says that it was given up.
fn reason(run: &Run) -> String {
    assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
    let report = run.report();
    assert_eq!((&report["verdict"]["judgement"], &report["meta"]["interrupted"]), (&"failed".into(), &false.into()));
    let reason = report["verdict"]["reasons"][0].as_str().unwrap();
    assert!(run.stdout.contains(reason), "{}", run.stdout);
    assert!(report["meta"]["duration_us"].as_u64().unwrap() < 600_000_000);
    let (before, met) = reason.split_once(": ").unwrap();
    let seconds = before.strip_prefix("ended early, after ").unwrap().strip_suffix(" s").unwrap();
    assert!(seconds.parse::<f64>().unwrap() < 600.0);
    met.to_owned()
}

/// The number at the end of a sentence.
fn number(sentence: &str, start: &str) -> u64 {
    sentence.strip_prefix(start).unwrap_or_else(|| panic!("{sentence}")).parse().unwrap()
}

#[test]
fn a_condition_of_the_command_line_ends_a_run_as_soon_as_it_is_true() {
    let (_folder, scenario) = scenario("[]");
    let scenario = scenario.to_str().unwrap();
    let when = ["--abort-on", "lag.max > 3600s", "--abort-on", "violations > 3"];
    let hopeless = run(scenario, &[&FOR[..], &WRONG, &when].concat());
    assert!(number(&reason(&hopeless), "`violations > 3` came true: it was ") > 3);
    // What is not true, or is nothing that could be measured, ends none.
    let when = ["--abort-on", "violations > 3", "--abort-on", "delivery.max > 0s"];
    let fine = run(scenario, &[&["--for", "3s"][..], &when].concat());
    assert_eq!(fine.code, 0, "{}\n{}", fine.stdout, fine.stderr);
    assert!(!fine.stderr.contains("ending early"), "{}", fine.stderr);
}

#[test]
fn a_threshold_that_says_so_ends_a_run_and_another_one_does_not() {
    let (_folder, path) = scenario("[\"failed_steps == 0\", { that: violations == 0, abort: true }]");
    let hopeless = run(path.to_str().unwrap(), &[&FOR[..], &WRONG].concat());
    assert!(number(&reason(&hopeless), "`violations == 0` does not hold: it was ") > 0);
    let (_folder, path) = scenario("[\"violations == 0\", { that: failed_steps == 0, abort: false }]");
    let failed = run(path.to_str().unwrap(), &[&["--for", "3s"][..], &WRONG].concat());
    assert_eq!(failed.code, 1, "{}\n{}", failed.stdout, failed.stderr);
    assert!(failed.stdout.contains("`violations == 0` does not hold") && !failed.stdout.contains("ended early"));
}

#[test]
fn processes_are_looked_at_as_one() {
    let (_folder, path) = scenario("[]");
    let when = ["--processes", "2", "--abort-on", "login.count > 30"];
    let hopeless = run(path.to_str().unwrap(), &[&FOR[..], &when].concat());
    assert!(number(&reason(&hopeless), "`login.count > 30` came true: it was ") > 30);
}

#[test]
fn a_share_that_was_given_up_makes_the_whole_fail() {
    let (_folder, path) = scenario("[]");
    let server = support::serve(&[]);
    let tokens = path.with_file_name("tokens.yaml");
    let customers: Vec<String> = (0..500).map(|number| format!("'customer:{number}'")).collect();
    std::fs::write(&tokens, format!("customers: [{}]", customers.join(", "))).unwrap();
    let share = |share: &str, more: &[&str]| {
        let target = ["--target", &server.url, "--token-file", tokens.to_str().unwrap()];
        // Soon, but not before the process is there.
        let start = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + 3;
        let start = start.to_string();
        let at = ["--share", share, "--start-at", &start, "--for", "3s"];
        run(path.to_str().unwrap(), &[&target[..], &at, more].concat())
    };
    let (one, other) = (share("1/2", &[]), share("2/2", &["--abort-on", "login.count > 5"]));
    assert_eq!(one.code, 0, "{}\n{}", one.stdout, one.stderr);
    reason(&other);
    let whole = merge(&[&one.folder().join("tally.json"), &other.folder().join("tally.json")]);
    assert_eq!(whole.code, 1, "{}\n{}", whole.stdout, whole.stderr);
    let told = whole.report()["verdict"]["reasons"][0].as_str().unwrap().to_owned();
    assert!(
        told.starts_with("share 2/2 ended early, after ") && told.contains("`login.count > 5` came true"),
        "{told}"
    );
}

#[test]
fn what_can_end_no_run_is_refused_in_words() {
    let (_folder, path) = scenario("[{ that: login.count >= 9, abort: true }]");
    let said = |arguments: &[&str]| {
        let output = Command::new(binary()).current_dir(root()).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let path = path.to_str().unwrap();
    let told = format!(
        "error: `login.count >= 9` may not hold until late in a run, so no run can end early for it
  --> {path}:14:22
   |
14 | thresholds: [{{ that: login.count >= 9, abort: true }}]
   |                      ^^^^^^^^^^^^^^^^
"
    );
    assert_eq!(said(&["run", path]), (Some(3), told));
    let one = "tests/scenarios/one-request.yaml";
    let told = "error: --abort-on: no actor that comes calls `send_event`, so it is never measured; they call `get_chats_summary`, `login`\n";
    assert_eq!(said(&["run", one, "--abort-on", "send_event.late > 1"]), (Some(2), told.to_owned()));
    let (code, told) = said(&["run", one, "--abort-on", "violations < 9"]);
    let expected = "error: invalid value 'violations < 9' for '--abort-on <CONDITION>': `violations < 9` is true before anything has happened; say what must not happen, such as `violations > 100`\n";
    assert_eq!((code, told.split_inclusive('\n').next()), (Some(2), Some(expected)));
}
