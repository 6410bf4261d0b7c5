//! A load run and a certification come to the same through `chatproof proxy` as directly, and the proxy finds no fault.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeMap;
use std::process::{Command, Output};

use serde_json::{Value, json};
use support::proxied::{Ended, proxy};
use support::tokens::{file, many_tokens};
use support::{binary, root, run, serve};
use tempfile::NamedTempFile;

/// Both wait more than they work.
fn at_once<T: Send>(one: impl FnOnce() -> T + Send, other: impl FnOnce() -> T) -> (T, T) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap(), other)
    })
}

/// What was judged, and how it came out.
fn judged(report: &Value) -> (Value, Vec<Value>) {
    let thresholds = report["verdict"]["thresholds"].as_array().unwrap();
    let outcomes = thresholds.iter().map(|threshold| json!([threshold["text"], threshold["state"]]));
    (report["verdict"]["judgement"].clone(), outcomes.collect())
}

/// The support desk, without the thresholds that a busy machine breaks.
fn support_desk() -> NamedTempFile {
    let scenario = std::fs::read_to_string(root().join("scenarios/support-desk.yaml")).unwrap();
    let lines = scenario.lines().filter(|line| !(line.contains(" < ") && line.ends_with("ms")));
    let rest = lines.collect::<Vec<_>>().join("\n");
    assert!(rest.len() < scenario.len() && rest.contains("violations == 0"));
    file(&rest)
}

#[test]
fn a_support_desk_comes_to_the_same_verdict_through_the_proxy() {
    let (tokens, scenario) = (many_tokens(), support_desk());
    let desk = |url: &str| {
        let target = ["--target", url, "--token-file", tokens.path().to_str().unwrap()];
        run(scenario.path().to_str().unwrap(), &[&target[..], &["--for", "3s", "--rate", "customer=1/s"]].concat())
    };
    let (alone, server) = (serve(&[]), serve(&[]));
    let proxy = proxy(&server.url, &[]);
    let (direct, through) = at_once(|| desk(&alone.url), || desk(&proxy.url));
    let ended = proxy.end();
    for run in [&direct, &through] {
        assert_eq!((run.code, run.kinds()), (0, Vec::new()), "{}\n{}", run.stdout, run.stderr);
    }
    assert_eq!(judged(&through.report()), judged(&direct.report()));
    assert_eq!((ended.code, ended.kinds()), (0, Vec::new()), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.answered("websocket") > 0 && ended.answered("web") > 0, "{}", ended.report);
}

/// Exit code, and the verdict of each requirement.
type Certified = (i32, BTreeMap<String, String>);

fn certify(dialect: &str, url: &str) -> Certified {
    let (folder, tokens) = (tempfile::tempdir().unwrap(), many_tokens());
    let mut command = Command::new(binary());
    command.current_dir(root()).args(["certify", "--quick", "--dialect", dialect, "--target", url, "--token-file"]);
    let Output { status, stdout, stderr } =
        command.arg(tokens.path()).arg("--report").arg(folder.path()).output().unwrap();
    let written = std::fs::read_to_string(folder.path().join("certificate.json"));
    let Ok(written) = written else { panic!("{}", String::from_utf8_lossy(&[stdout, stderr].concat())) };
    let certificate = serde_json::from_str::<Value>(&written).unwrap()["certificates"][0].take();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = certificate["rows"].as_array().unwrap().iter();
    (status.code().unwrap(), rows.map(|row| (text(&row["id"]), text(&row["verdict"]))).collect())
}

fn certified_through(dialect: &str) -> (Certified, Certified, Ended) {
    let (alone, server) = (serve(&[]), serve(&[]));
    let proxy = proxy(&server.url, &[]);
    let (direct, through) = at_once(|| certify(dialect, &alone.url), || certify(dialect, &proxy.url));
    (direct, through, proxy.end())
}

#[track_caller]
fn comes_to_the_same(dialect: &str) {
    let (direct, through, ended) = certified_through(dialect);
    assert_eq!(direct.0, 0, "{direct:?}");
    assert_eq!(through, direct);
    // What the cases do wrong on purpose is the client's, and nothing is the server's.
    let kinds = ended.kinds();
    assert!(kinds.iter().all(|kind| kind.starts_with("client ")), "{kinds:?}\n{}", ended.stderr);
    assert!(kinds.contains(&"client request_missing_member".to_owned()), "{kinds:?}");
}

#[test]
fn a_certification_for_customers_comes_to_the_same_through_the_proxy() {
    comes_to_the_same("customer/v0.2");
}

#[test]
fn a_certification_for_agents_comes_to_the_same_through_the_proxy() {
    comes_to_the_same("agent/v0.2");
}
