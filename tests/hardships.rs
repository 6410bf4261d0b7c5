//! What is hard but legal is no violation: nothing that counts is found when the reference server does it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::process::Command;
use std::thread;

use chatproof::observe::{Grade, ViolationKind};
use chatproof::reference::Hardship;
use support::{binary, run};

/// People talk over the websocket.
const CONVERSATION: &str = "tests/scenarios/conversation.yaml";
/// A thread is closed and the next one opened; a request is refused.
const REOPENING: &str = "tests/scenarios/reopening.yaml";
/// Runs at the same time.
const AT_ONCE: usize = 4;

#[track_caller]
fn is_clean(scenario: &str, arguments: &[&str]) {
    let run = run(scenario, arguments);
    let counts = |name: &String| {
        let kind = ViolationKind::ALL.iter().find(|kind| kind.name() == name).unwrap();
        kind.grade() != Grade::Info
    };
    let found: Vec<String> = run.kinds().into_iter().filter(counts).collect();
    assert!(found.is_empty() && run.code == 0, "{arguments:?}: {found:?}\n{}\n{}", run.stdout, run.stderr);
}

#[test]
fn no_hardship_counts_against_the_server() {
    for hardships in Hardship::ALL.chunks(AT_ONCE) {
        thread::scope(|scope| {
            for hardship in hardships {
                scope.spawn(|| is_clean(CONVERSATION, &["--hardship", hardship.name()]));
            }
        });
    }
}

#[test]
fn nor_do_all_of_them_together() {
    thread::scope(|scope| {
        for seed in ["1", "2"] {
            for scenario in [CONVERSATION, REOPENING] {
                scope.spawn(move || is_clean(scenario, &["--hardship", "all", "--seed", seed]));
            }
        }
    });
}

#[test]
fn the_help_lists_them() {
    let output = Command::new(binary()).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for name in Hardship::ALL.iter().map(|hardship| hardship.name()).chain(["all"]) {
        assert!(help.contains(&format!("- {name}:")), "{name}\n{help}");
    }
}
