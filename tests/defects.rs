//! The judge is judged: each defect of the reference server is found, as exactly its kind of violation, and the clean
//! server yields none.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::thread;

use support::{Run, run};

const CONVERSATION: &str = "tests/scenarios/conversation.yaml";
const PATIENCE: &str = "tests/scenarios/patience.yaml";

#[track_caller]
fn finds(run: &Run, kinds: &[&str], code: i32) {
    assert_eq!(run.kinds(), kinds, "\n{}\n{}", run.stdout, run.stderr);
    assert_eq!(run.code, code, "\n{}\n{}", run.stdout, run.stderr);
    for kind in kinds {
        assert!(run.stdout.contains(kind), "the terminal names `{kind}`:\n{}", run.stdout);
    }
}

#[test]
fn a_member_of_another_type() {
    finds(&run(CONVERSATION, &["--defect", "wrong-type=0.3"]), &["wrong_type"], 1);
}

#[test]
fn a_missing_member() {
    finds(&run(CONVERSATION, &["--defect", "missing-member=0.3"]), &["missing_member"], 1);
}

#[test]
fn two_events_with_one_order() {
    finds(&run(CONVERSATION, &["--defect", "duplicate-order=0.2"]), &["duplicate_order"], 1);
}

#[test]
fn events_that_arrive_out_of_order_are_a_metric_and_fail_only_on_request() {
    let reordered = run(CONVERSATION, &["--defect", "reordered-delivery=0.3"]);
    finds(&reordered, &["reordered_delivery"], 0);
    assert!(reordered.report()["ordering"]["reordered"].as_u64().unwrap() > 0);
}

#[test]
fn a_push_that_never_comes() {
    finds(&run(CONVERSATION, &["--defect", "lost-push=0.15"]), &["lost_event"], 1);
}

#[test]
fn a_push_that_comes_twice_is_not_strict() {
    finds(&run(CONVERSATION, &["--defect", "duplicated-push=0.3"]), &["duplicate_push"], 0);
}

#[test]
fn no_answer_at_all() {
    finds(&run(PATIENCE, &["--defect", "no-answer"]), &["no_answer"], 1);
}

#[test]
fn an_answer_after_the_documented_limit() {
    finds(&run(PATIENCE, &["--defect", "late-answer"]), &["late_answer"], 1);
}

#[test]
fn a_wrong_correlation_id() {
    finds(&run(CONVERSATION, &["--defect", "wrong-correlation=0.2"]), &["wrong_correlation"], 1);
}

#[test]
fn an_event_for_agents_that_reaches_a_customer() {
    finds(&run(CONVERSATION, &["--defect", "agents-only-leak"]), &["agents_only_leak"], 1);
}

#[test]
fn the_clean_server_yields_nothing_over_twenty_seeds() {
    let runs: Vec<_> = (0..4)
        .map(|lane| {
            thread::spawn(move || {
                (0..5).map(|n| run(CONVERSATION, &["--seed", &(lane * 5 + n).to_string()])).collect::<Vec<_>>()
            })
        })
        .collect();
    for run in runs.into_iter().flat_map(|lane| lane.join().unwrap()) {
        finds(&run, &[], 0);
        let report = run.report();
        assert!(report["ordering"]["expected"].as_u64().unwrap() > 0, "nothing had to be delivered: {report:#}");
    }
}
