//! A generator that does not get the processor says so.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use support::{binary, root, serve};

/// Of each turn, how long the generator is stopped, and how long it may go on.
const STOPPED: Duration = Duration::from_millis(250);
const GOING: Duration = Duration::from_millis(80);

/// A short run, stopped most of the time: its exit code and report.
fn starved(target: &str, arguments: &[&str]) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens.yaml");
    let customers: Vec<String> = (0..500).map(|number| format!("'customer:{number}'")).collect();
    std::fs::write(&tokens, format!("customers: [{}]", customers.join(", "))).unwrap();
    let mut child = Command::new(binary())
        .current_dir(root())
        .args(["run", "tests/scenarios/one-request.yaml", "--for", "3s", "--rate", "40/s", "--target", target])
        .arg("--token-file")
        .arg(&tokens)
        .arg("--report")
        .arg(folder.path())
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&child);
    let code = loop {
        // It is not waited for in between, so the number is still its own.
        kill_process(pid, Signal::STOP).unwrap();
        sleep(STOPPED);
        kill_process(pid, Signal::CONT).unwrap();
        sleep(GOING);
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
    };
    let report = std::fs::read(folder.path().join("report.json")).unwrap();
    (code, serde_json::from_slice(&report).unwrap())
}

#[test]
fn a_generator_that_is_stopped_most_of_the_time_marks_its_run() {
    let server = serve(&[]);
    let (code, report) = starved(&server.url, &[]);
    assert_eq!(code, Some(6), "{report:#}");
    let note = "the generator could not keep its schedule, so the numbers are its own, not the target's";
    assert!(report["meta"]["notes"].as_array().unwrap().contains(&note.into()), "{:#}", report["meta"]);
    // Both figures show it; whoever reads response times finds the wait in them.
    for figure in ["lag", "delay"] {
        let median = report["generator"][figure]["p50_us"].as_u64().unwrap();
        assert!(median > 50_000, "{figure}: {median} µs");
    }
    let (code, _) = starved(&server.url, &["--allow-saturated"]);
    assert_eq!(code, Some(0));
}
