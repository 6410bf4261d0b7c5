//! What a user does at the command line, and the exit code that it ends with.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use support::{binary, root, run, run_with, serve};

const SMOKE: &str = "scenarios/smoke.yaml";

/// A token file with enough tokens for the smoke scenario.
fn token_file() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let list = |role: &str| (0..50).map(|n| format!("\"{role}:{n}-c4nary\"")).collect::<Vec<_>>().join(", ");
    let text = format!("agents: [{}]\ncustomers: [{}]\n", list("agent"), list("customer"));
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Runs the smoke scenario against somebody else's server.
fn against(url: &str) -> support::Run {
    let tokens = token_file();
    run(SMOKE, &["--target", url, "--token-file", tokens.path().to_str().unwrap()])
}

#[test]
fn a_clean_run_passes_and_writes_its_reports() {
    let run = run(SMOKE, &[]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("PASSED"), "{}", run.stdout);
    assert_eq!(run.kinds(), Vec::<String>::new());
    for name in ["report.json", "junit.xml", "report.txt", "tally.json"] {
        assert!(run.folder().join(name).metadata().unwrap().len() > 100, "{name}");
    }
}

#[test]
fn the_published_schemas_describe_the_report_and_the_tally() {
    let run = run(SMOKE, &[]);
    let tally = std::fs::read_to_string(run.folder().join("tally.json")).unwrap();
    let tally: serde_json::Value = serde_json::from_str(&tally).unwrap();
    assert_eq!((&tally["share"], &tally["meta"]), (&serde_json::json!("1/1"), &run.report()["meta"]));
    for (schema, written) in [("report.schema.json", run.report()), ("tally.schema.json", tally)] {
        let schema = std::fs::read_to_string(root().join("reports").join(schema)).unwrap();
        let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
        let errors: Vec<_> = validator.iter_errors(&written).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
}

/// A scenario of the tests, over socket.io.
fn over_socketio(name: &str) -> tempfile::NamedTempFile {
    let text = std::fs::read_to_string(root().join("tests/scenarios").join(name)).unwrap();
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    file.write_all(text.replace("transport: websocket", "transport: socketio").as_bytes()).unwrap();
    file
}

#[test]
fn a_scenario_runs_over_socketio_and_is_judged_as_over_a_websocket() {
    let scenario = over_socketio("conversation.yaml");
    let scenario = scenario.path().to_str().unwrap();
    let clean = run(scenario, &[]);
    assert_eq!(clean.code, 0, "{}\n{}", clean.stdout, clean.stderr);
    let report = clean.report();
    let connections = report["connections"].as_array().unwrap();
    assert!(!connections.is_empty() && connections.iter().all(|row| row["transport"] == "socketio"), "{connections:?}");
    let schema = std::fs::read_to_string(root().join("reports/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<_> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    // What is no JSON can only come as a text, and that is JSON.
    for (defect, kind) in [("duplicated-response", "duplicate_response"), ("malformed-frame", "malformed_envelope")] {
        let run = run(scenario, &["--defect", defect]);
        assert_eq!(run.kinds(), [kind], "{}", run.stdout);
    }
}

#[test]
fn nobody_there_is_exit_4_with_a_report() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let run = against(&url);
    assert_eq!(run.code, 4, "{}\n{}", run.stdout, run.stderr);
    assert!(run.stderr.contains(&url["http://".len()..]), "{}", run.stderr);
    assert!(run.report()["meta"]["notes"][0].as_str().unwrap().contains("refused"), "{}", run.report()["meta"]);
}

/// A server that answers every connection with the same bytes and hangs up.
fn server_that_says(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().take(20).flatten() {
            let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(bytes);
        }
    });
    format!("http://{addr}")
}

#[test]
fn a_target_that_speaks_something_else_is_exit_4() {
    let html: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>";
    for (bytes, told) in [(html, "200"), (b"SSH-2.0-OpenSSH_9.6\r\n" as &[u8], ""), (b"" as &[u8], "")] {
        let run = against(&server_that_says(bytes));
        assert_eq!(run.code, 4, "{}\n{}", run.stdout, run.stderr);
        assert!(run.stderr.contains("error: cannot use 127.0.0.1") && run.stderr.contains(told), "{}", run.stderr);
    }
}

#[test]
fn a_server_that_lets_nobody_log_in_is_exit_4() {
    let server = serve(&[]);
    let mut tokens = tempfile::NamedTempFile::new().unwrap();
    let list = (0..50).map(|n| format!("wrong-{n}")).collect::<Vec<_>>().join(", ");
    tokens.write_all(format!("agents: [{list}]\ncustomers: [{list}]\n").as_bytes()).unwrap();
    let run = run(SMOKE, &["--target", &server.url, "--token-file", tokens.path().to_str().unwrap()]);
    assert_eq!(run.code, 4, "{}\n{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("login was refused with `authentication`"), "{}", run.stdout);
}

#[test]
fn a_scenario_that_checks_nothing_is_exit_5() {
    let run = run("tests/scenarios/nothing.yaml", &[]);
    assert_eq!(run.code, 5, "{}\n{}", run.stdout, run.stderr);
}

#[test]
fn wrong_usage_is_exit_2_and_unusable_input_exit_3() {
    let code = |arguments: &[&str]| {
        let output = Command::new(binary()).current_dir(root()).args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(code(&["run"]).0, 2);
    assert_eq!(code(&["run", SMOKE, "--rate", "fast"]).0, 2);
    assert_eq!(code(&["run", SMOKE, "--defect", "gremlins"]).0, 2);
    let (missing, text) = code(&["run", "scenarios/no-such.yaml"]);
    assert_eq!(missing, 3);
    assert!(text.contains("scenarios/no-such.yaml"), "{text}");
    let (tokens, text) = code(&["run", SMOKE, "--target", "http://127.0.0.1:1", "--token-file", "no-such-file"]);
    assert_eq!(tokens, 3);
    assert!(text.contains("no-such-file"), "{text}");
    assert_eq!(code(&["run", SMOKE, "--schemas", "scenarios"]).0, 3);
}

#[test]
fn a_token_never_appears_in_any_output() {
    let server = serve(&["--defect", "wrong-type=0.5"]);
    let run = against(&server.url);
    assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
    let mut everything = run.stdout.clone() + &run.stderr;
    for entry in std::fs::read_dir(run.folder()).unwrap() {
        everything += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    assert!(everything.contains("wrong_type"));
    assert!(run.folder().join("tally.json").exists(), "the tally is searched as well");
    // The reference server makes the user's id out of the token's second half, so only the whole is secret.
    assert!(everything.contains("-c4nary"));
    for token in ["agent", "customer"].iter().flat_map(|role| (0..50).map(move |n| format!("{role}:{n}-c4nary"))) {
        assert!(!everything.contains(&token), "the token {token} leaked");
    }
}

#[test]
fn what_a_step_does_not_prove_is_a_failed_step_once_and_shows_no_token() {
    let run = run("tests/scenarios/proofs.yaml", &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let report = run.report().to_string();
    for told in ["in `nothing_known`: ${nothing} has no value", "in `shown_token`: ${actor.token} is", "[redacted]"] {
        assert!(report.contains(told), "{told}: {report}");
    }
    assert!(!format!("{report}{}{}", run.stdout, run.stderr).contains("customer:customers-1-0"), "{report}");
}

#[test]
fn the_token_file_may_come_from_the_environment() {
    let tokens = token_file();
    let path = tokens.path().to_str().unwrap();
    let run = run_with(SMOKE, &["--target", "http://127.0.0.1:1"], &[("CHATPROOF_TOKEN_FILE", path)]);
    assert_eq!(run.code, 4, "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_with_a_report_and_exit_130() {
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new(binary())
        .current_dir(root())
        .args(["run", SMOKE, "--for", "60s", "--report"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_secs(3));
    let begun = Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(begun.elapsed() < Duration::from_secs(50), "it did not wait for its time to be over");
    let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
    assert!(report.contains("\"interrupted\": true"));
}

#[test]
fn serve_answers_http() {
    let server = serve(&[]);
    let addr = server.url.strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&addr).unwrap();
    let body = r#"{"payload":{}}"#;
    let request = format!(
        "POST /customer/v0.3/action/start_chat?license_id=1 HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains(r#""type":"authentication""#), "{answer}");
}

#[test]
fn what_a_worker_is_not_told_enough_for_is_said() {
    let worker = |arguments: &[&str]| {
        let output =
            Command::new(binary()).current_dir(root()).args(["worker", SMOKE]).args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = worker(&[]);
    assert!(code == 2 && told.contains("--master <HOST:PORT>"), "{told}");
    let tokens = token_file();
    let target = ["--target", "http://127.0.0.1:9", "--token-file", tokens.path().to_str().unwrap()];
    assert_eq!(
        worker(&[&["--master", "127.0.0.1:9"], &target[..]].concat()),
        (2, "error: --share: say which part of the tokens this worker takes, as K/N; no two workers may take the same\n".to_owned())
    );
    let (code, told) = worker(&["--master", "nowhere"]);
    assert!(code == 2 && told.contains("`nowhere` cannot be used as the master's address: "), "{told}");
}
