//! A real Locust master and our workers, against the reference server. Behind the feature `other-tools`, because Locust has to be
//! installed (`.ci/run` does).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "locust/play.rs"]
mod play;
mod support;

use std::collections::BTreeMap;

use play::{Master, Play, python, shows_a_token};
use serde_json::Value;

/// Requests by action and transport, as Locust counted them from what the workers told.
fn counted_by_locust(stats: &Value) -> BTreeMap<(String, String), i64> {
    let entry = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().unwrap().to_owned();
        ((text("name"), text("method")), entry["num_requests"].as_i64().unwrap())
    };
    stats.as_array().unwrap().iter().map(entry).collect()
}

/// The same, as they are in the merged report.
fn counted_by_us(report: &Value) -> BTreeMap<(String, String), i64> {
    let mut counts = BTreeMap::new();
    for action in report["requests"].as_array().unwrap() {
        let text = |name: &str| action[name].as_str().unwrap().to_owned();
        *counts.entry((text("action"), text("transport"))).or_default() += action["answered"].as_i64().unwrap();
    }
    counts
}

#[test]
fn three_workers_walk_what_the_master_wants_and_their_tallies_are_the_verdict() {
    let play = Play::new();
    let master = play.master(Master::Headless { run_time: "9s" });
    let workers: Vec<_> = (1..=3).map(|number| play.worker(number, 3, &master)).collect();
    let (code, log) = master.end();
    assert_eq!(code, 0, "{log}");
    assert!(!shows_a_token(&log), "{log}");
    assert!(log.contains("\"Agent\": 2, \"Customer\": 4, \"Reader\": 2"), "{log}");
    for worker in workers {
        let (code, log) = worker.end();
        assert_eq!(code, 0, "{log}");
    }
    let [test] = play.tests().try_into().unwrap();
    assert_eq!(test.tallies, ["tally-1-of-3.json", "tally-2-of-3.json", "tally-3-of-3.json"]);
    let merged = play.merge(&test);
    assert_eq!(merged.code, 0, "{}\n{}", merged.stdout, merged.stderr);
    for tally in &test.tallies {
        assert!(!shows_a_token(&std::fs::read_to_string(test.path(tally)).unwrap()));
    }
    let report = merged.report();
    let counted = counted_by_us(&report);
    assert_eq!(counted, counted_by_locust(&play.stats()));
    // Whoever walked logged in once, but the two readers, who use the Web API.
    let logins = counted[&("login".to_owned(), "websocket".to_owned())];
    assert_eq!(report["actors"]["started"], logins + 2);
    assert_eq!(report["meta"]["notes"], serde_json::json!(["put together from the tallies of 3 shares"]));
}

#[test]
fn a_lost_worker_makes_the_test_fail() {
    let play = Play::new();
    let master = play.master(Master::Headless { run_time: "9s" });
    let mut workers: Vec<_> = (1..=3).map(|number| play.worker(number, 3, &master)).collect();
    workers[1].wait_for("a test begins");
    std::thread::sleep(std::time::Duration::from_secs(4));
    workers.remove(1).kill();
    let (code, log) = master.end();
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("took part and left no tally: the test has failed"), "{log}");
    for worker in workers {
        let (code, log) = worker.end();
        assert_eq!(code, 0, "{log}");
    }
    let [test] = play.tests().try_into().unwrap();
    assert_eq!(test.tallies.len(), 2, "{:?}", test.tallies);
    let merged = play.merge(&test);
    assert_eq!(merged.code, 5, "{}\n{}", merged.stdout, merged.stderr);
    assert!(merged.stderr.contains(" of 3 is missing beside "), "{}", merged.stderr);
}

#[test]
fn tests_can_be_started_and_stopped_in_the_web_page_again_and_again() {
    let play = Play::new();
    let master = play.master(Master::Web);
    let workers: Vec<_> = (1..=2).map(|number| play.worker(number, 2, &master)).collect();
    for test in 1..=2 {
        master.wait_for_workers(2);
        master.swarm(3);
        master.wait_for_requests();
        master.stop();
        assert_eq!(play.tests().len(), test);
    }
    let (code, log) = master.terminate();
    assert_eq!(code, 0, "{log}");
    for worker in workers {
        let (code, log) = worker.end();
        assert_eq!(code, 0, "{log}");
    }
    let tests = play.tests();
    for test in &tests {
        let merged = play.merge(test);
        assert_eq!(merged.code, 0, "{}\n{}", merged.stdout, merged.stderr);
    }
    // What is of two tests is not of one run.
    let mixed = play.merge_files(&[&tests[0].path("tally-1-of-2.json"), &tests[1].path("tally-2-of-2.json")]);
    assert_eq!(mixed.code, 5, "{}\n{}", mixed.stdout, mixed.stderr);
}

#[test]
fn the_locustfile_runs_no_users_itself() {
    let play = Play::new();
    let output = play.locust(&["--headless", "--users", "1", "--run-time", "1s"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{told}");
    let expected = "This locustfile is for a master: start `locust --master`, and `chatproof worker` for the users.";
    assert!(told.contains(expected), "{told}");
}

/// Locust rounds response times itself when it runs users; what it gets from us is rounded by us.
#[test]
fn locust_rounds_as_we_do() {
    let output = python(&[
        "-c",
        "from locust.stats import bucket_response_time as rounded\n\
         print([rounded(x) for x in (147.0, 3432.0, 58760.0, 0.4, 0.5, 1.5, 99.4, 99.6, 100.0, 145.0, 155.0, 999.0, 1000.0, 9999.0, 10499.0)])",
    ])
    .output()
    .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    // The same numbers as in `times_are_rounded_as_locust_does`.
    assert_eq!(told.trim(), "[150, 3400, 59000, 0, 0, 2, 99, 100, 100, 140, 160, 1000, 1000, 10000, 10000]");
}
