//! A generator that does not get the processor, or the sockets, says so.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use support::{binary, root, serve};

/// Of each turn, how long the generator is stopped, and how long it may go on.
const STOPPED: Duration = Duration::from_millis(250);
const GOING: Duration = Duration::from_millis(80);

/// Writes the tokens of many customers.
fn tokens(folder: &TempDir) -> PathBuf {
    let tokens = folder.path().join("tokens.yaml");
    let customers: Vec<String> = (0..500).map(|number| format!("'customer:{number}'")).collect();
    std::fs::write(&tokens, format!("customers: [{}]", customers.join(", "))).unwrap();
    tokens
}

/// A short run, stopped most of the time: its exit code and report.
fn starved(target: &str, arguments: &[&str]) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().unwrap();
    let tokens = tokens(&folder);
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

/// A command that may have so many files and sockets open, against this target: its exit code and its report of that name.
fn with_few_sockets(
    sockets: u32,
    scenario: &str,
    target: &str,
    command: &[&str],
    report: &str,
) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.yaml");
    std::fs::write(&file, scenario).unwrap();
    let [name, options @ ..] = command else { return (None, Value::Null) };
    let status = Command::new("sh")
        .current_dir(root())
        .args(["-c", &format!("ulimit -n {sockets}; exec \"$@\""), "sh"])
        .args([binary().as_os_str(), name.as_ref(), file.as_os_str()])
        .args(["--target", target, "--token-file"])
        .arg(tokens(&folder))
        .arg("--report")
        .arg(folder.path())
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let report = std::fs::read(folder.path().join(report)).unwrap();
    (status.code(), serde_json::from_slice(&report).unwrap())
}

/// Customers who stay for so long.
fn staying(transport: &str, stay: &str, population: &str) -> String {
    format!(
        "actors:
  customer:
    dialect: customer/v0.3
    transport: {transport}
    steps: [{{ call: update_customer, payload: {{ customer: {{ name: Ann }} }} }}, {{ think: {stay} }}]
load: {{ for: 1s, populations: [{{ actor: customer, {population} }}] }}
"
    )
}

const NO_SOCKETS: &str =
    "× an actor had to stop: this machine has no more sockets; raise the limit of open files (`ulimit -n`)";

#[test]
fn a_generator_without_sockets_marks_its_run_and_claims_nothing_of_the_target() {
    // Over the Web API only calls that wait for their answer hold sockets.
    let server = serve(&["--capacity", "40"]);
    for transport in ["websocket", "web"] {
        let run = |sockets, more: &[&str]| {
            // Long enough for all of them to be there at the same time, however busy the machine is.
            let scenario = staying(transport, "3s", "together: 150");
            with_few_sockets(sockets, &scenario, &server.url, &[&["run"], more].concat(), "report.json")
        };
        let (code, report) = run(60, &[]);
        assert_eq!(code, Some(6), "{report:#}");
        assert!(report["meta"]["notes"][0].as_str().unwrap().ends_with(NO_SOCKETS), "{:#}", report["meta"]);
        assert_eq!(report["verdict"]["reasons"], serde_json::json!([]));
        // A busy machine may be late all the same.
        let (code, report) = run(900, &["--allow-saturated"]);
        assert_eq!(code, Some(0), "{report:#}");
        assert!(report["actors"]["failed"] == 0, "{report:#}");
    }
}

#[test]
fn a_search_ends_where_the_generator_has_no_more_sockets() {
    let server = serve(&[]);
    let times = ["capacity", "--step", "900ms", "--warm-up", "100ms", "--from", "20"];
    let scenario = staying("websocket", "500ms", "concurrent: 20");
    let (code, report) = with_few_sockets(120, &scenario, &server.url, &times, "capacity.json");
    assert_eq!((code, &report["result"]["kind"]), (Some(6), &"generator".into()), "{report:#}");
    let point = report["points"].as_array().unwrap().last().unwrap();
    assert_eq!(point["outcome"], "strained");
    assert!(point["reasons"][0].as_str().unwrap().ends_with(NO_SOCKETS), "{point:#}");
}
