//! `chatproof proxy` as people use it: between a client and a server that are well, or of which one is not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use chatproof::protocol::Protocol;
use chatproof::session::{CallOutcome, RtmSession, Token};
use chatproof::traffic;
use serde_json::Value;
use support::proxied::{Ended, proxy};
use support::start::{Nobody, context};
use support::{root, run, serve};

const CONVERSATION: &str = "tests/scenarios/conversation.yaml";

/// A file with tokens for the scenario's people; the reference server lets in whoever is named so.
fn tokens() -> tempfile::NamedTempFile {
    let list = |role: &str| (0..20).map(|n| format!("\"{role}:{n}-c4nary\"")).collect::<Vec<_>>().join(", ");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("agents: [{}]\ncustomers: [{}]\n", list("agent"), list("customer"))).unwrap();
    file
}

/// Runs a scenario through a proxy before a reference server; what came of the run, and of the proxy.
fn run_through(scenario: &str, server: &[&str], arguments: &[&str]) -> (support::Run, Ended) {
    let server = serve(server);
    let proxy = proxy(&server.url, arguments);
    let tokens = tokens();
    let run = run(scenario, &["--target", &proxy.url, "--token-file", tokens.path().to_str().unwrap()]);
    (run, proxy.end())
}

/// No token is in anything that was written. What follows the colon is the name of a user, which is no secret.
fn hides_tokens(ended: &Ended) {
    let mut texts = vec![ended.stdout.clone(), ended.stderr.clone()];
    for entry in std::fs::read_dir(ended.folder.path()).unwrap() {
        texts.push(String::from_utf8(std::fs::read(entry.unwrap().path()).unwrap()).unwrap());
    }
    let tokens = (0..20).flat_map(|n| [format!("agent:{n}-c4nary"), format!("customer:{n}-c4nary")]);
    for token in tokens.chain(["agent:ann-c4nary".to_owned()]) {
        assert!(texts.iter().all(|text| !text.contains(&token)), "{token}");
    }
}

#[test]
fn between_a_clean_client_and_a_clean_server_nothing_is_found() {
    let (run, ended) = run_through(CONVERSATION, &[], &[]);
    assert_eq!((run.code, run.kinds()), (0, Vec::new()), "{}\n{}", run.stdout, run.stderr);
    assert_eq!((ended.code, ended.kinds()), (0, Vec::new()), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.answered("websocket"), 74, "{}", ended.report);
    hides_tokens(&ended);
}

#[test]
fn a_fault_of_the_server_is_found_and_told_while_it_happens() {
    let (run, ended) = run_through(CONVERSATION, &["--defect", "missing-member=0.3"], &[]);
    assert_eq!(run.kinds(), ["missing_member"]);
    assert_eq!((ended.code, ended.kinds()), (1, vec!["server missing_member".to_owned()]), "{}", ended.stderr);
    assert!(ended.stderr.contains(" s server: missing_member "), "{}", ended.stderr);
    hides_tokens(&ended);
}

#[test]
fn socketio_is_understood_while_it_polls_and_on_its_websocket() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = std::fs::read_to_string(root().join(CONVERSATION)).unwrap();
    let scenario = scenario.replace("transport: websocket", "transport: socketio");
    let path = folder.path().join("conversation.yaml");
    std::fs::write(&path, scenario).unwrap();
    let (run, ended) = run_through(path.to_str().unwrap(), &[], &[]);
    assert_eq!((run.code, run.kinds()), (0, Vec::new()), "{}\n{}", run.stdout, run.stderr);
    assert_eq!((ended.code, ended.kinds()), (0, Vec::new()), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.answered("socketio"), 74, "{}", ended.report);
    hides_tokens(&ended);
}

#[test]
fn a_recording_comes_to_the_same_and_holds_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.ndjson");
    let server = serve(&["--defect", "wrong-value"]);
    let proxy = proxy(&server.url, &["--record", file.to_str().unwrap()]);
    let tokens = tokens();
    run(CONVERSATION, &["--target", &proxy.url, "--token-file", tokens.path().to_str().unwrap()]);
    client(&proxy.url, WRONG);
    let ended = proxy.end();
    let protocol = Protocol::embedded().unwrap();
    let recording = traffic::check(&file, &protocol).unwrap();
    assert_eq!((recording.damages.first, recording.client), (Vec::new(), traffic::Client::Observed));
    let counts: BTreeMap<String, u64> =
        recording.replayed.tally.violations.iter().map(|(kind, tally)| (kind.to_string(), tally.count)).collect();
    let live = ended.report["violations"].as_array().unwrap().iter();
    let live = live.map(|v| (v["kind"].as_str().unwrap().to_owned(), v["count"].as_u64().unwrap()));
    assert_eq!(counts, live.collect());
    assert!(counts.len() > 2 && counts.contains_key("wrong_value"), "{counts:?}");
    std::fs::rename(&file, ended.folder.path().join("capture.ndjson")).unwrap();
    hides_tokens(&ended);
}

#[test]
fn the_checklist_tells_what_the_client_was_shown_to_cope_with() {
    let (run, ended) = run_through(CONVERSATION, &[], &["--hardship", "unknown-members", "--checklist"]);
    assert_eq!((run.code, ended.code), (0, 0), "{}\n{}", ended.stdout, ended.stderr);
    let items = ended.report["checklist"].as_array().unwrap();
    let state = |name: &str| &items.iter().find(|item| item["item"] == name).unwrap()["state"];
    assert_eq!(state("takes_unknown_members"), "shown", "{items:?}");
    assert_eq!(state("closes_cleanly"), "shown", "{items:?}");
    assert_eq!(state("reconnects"), "not_exercised", "{items:?}");
    assert!(ended.stdout.contains("takes_unknown_members"), "{}", ended.stdout);
}

#[test]
fn what_is_hard_for_the_client_is_not_blamed_on_the_server() {
    let (_, ended) =
        run_through(CONVERSATION, &[], &["--hardship", "all", "--fault", "malformed-frame", "--seed", "7"]);
    let blamed: Vec<String> = ended.kinds().into_iter().filter(|kind| kind.starts_with("server")).collect();
    assert_eq!(blamed, Vec::<String>::new(), "{}\n{}", ended.stdout, ended.stderr);
}

/// Logs in over the websocket at that address and says something; what the server answers to each.
fn client(url: &str, requests: &'static [(&'static str, &'static str)]) -> Vec<CallOutcome> {
    let protocol = Protocol::embedded().unwrap();
    let context = context(url, protocol.dialect("agent/v3.0").unwrap(), Arc::new(Nobody));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let session = RtmSession::connect(&context, &Token::new("agent:ann-c4nary@example.com")).await.unwrap();
        let talking = async {
            let mut outcomes = vec![session.login(&Value::Null, context.clock.now()).await];
            for (action, payload) in requests {
                let payload = serde_json::from_str(payload).unwrap();
                outcomes.push(session.call(action, &payload, context.clock.now()).await);
            }
            session.close().await;
            outcomes
        };
        tokio::select! {
            outcomes = talking => outcomes,
            _ = async { session.pump(|_| {}).await; std::future::pending::<()>().await } => unreachable!(),
        }
    })
}

/// What clients get wrong: an action that there is not, and a payload without a member.
const WRONG: &[(&str, &str)] = &[("say_hello", "{}"), ("send_event", r#"{"chat_id":"C1"}"#), ("ping", "{}")];

#[test]
fn a_fault_of_the_client_is_found_as_the_clients() {
    let server = serve(&[]);
    let proxy = proxy(&server.url, &[]);
    client(&proxy.url, &[("ping", "{}")]);
    let outcomes = client(&proxy.url, WRONG);
    let ended = proxy.end();
    assert!(matches!(outcomes[3], CallOutcome::Answered { success: true, .. }), "{outcomes:?}");
    assert_eq!(ended.code, 1, "{}\n{}", ended.stdout, ended.stderr);
    let kinds = ended.kinds();
    assert!(kinds.iter().all(|kind| kind.starts_with("client ")) && kinds.len() == 2, "{kinds:?}");
    assert!(ended.stderr.contains(" s client: "), "{}", ended.stderr);
    hides_tokens(&ended);
}

#[test]
fn when_nobody_is_there_the_verdict_says_so() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = proxy(&format!("http://{gone}"), &[]);
    let mut client = TcpStream::connect(&proxy.url["http://".len()..]).unwrap();
    let request =
        "POST /agent/v3.0/action/ping HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("refused"), "{answer}");
    let ended = proxy.end();
    assert_eq!(ended.code, 4, "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.report["meta"]["notes"][0].as_str().unwrap().contains("refused"), "{}", ended.report["meta"]);
}

#[test]
fn a_proxy_that_nobody_used_is_inconclusive() {
    let ended = proxy("http://127.0.0.1:9", &[]).end();
    assert_eq!(ended.code, 5, "{}\n{}", ended.stdout, ended.stderr);
}
