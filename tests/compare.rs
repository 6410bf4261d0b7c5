//! `chatproof compare` on two short runs, one of them against a server that is too slow for its load.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::{binary, root, serve};

/// Everybody who comes asks for one thing.
const SCENARIO: &str = "tests/scenarios/one-request.yaml";

fn chatproof(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(root()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Compares, and gives the exit code and what was printed.
fn compare(base: &Path, new: &Path, more: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = chatproof(&["compare"]).args([base, new]).args(more).output().unwrap();
    (status.code().unwrap(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

#[test]
fn a_run_on_a_slower_server_is_worse() {
    let folder = tempfile::tempdir().unwrap();
    let [base, new, told] = ["base", "new", "told"].map(|name| folder.path().join(name));
    let mut tokens = tempfile::NamedTempFile::new().unwrap();
    let list = (0..400).map(|n| format!("\"customer:c4nary-{n}\"")).collect::<Vec<_>>().join(", ");
    tokens.write_all(format!("customers: [{list}]\n").as_bytes()).unwrap();
    // Requests come at 24 a second, and the line gets longer all the time.
    let (quick, slow) = (serve(&[]), serve(&["--capacity", "20"]));
    let runs = [(&quick, &base), (&slow, &new)].map(|(server, report)| {
        let run = ["run", SCENARIO, "--for", "9s", "--rate", "24/s", "--target", &server.url, "--token-file"];
        chatproof(&run).arg(tokens.path()).arg("--report").arg(report).spawn().unwrap()
    });
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }

    let (code, text) = compare(&base, &new, &["--report", told.to_str().unwrap()]);
    assert_eq!(code, 1, "{text}");
    let is_worse = |line: &str| line.trim_start().starts_with("get_chats_summary p50 (customer/v0.3 websocket)");
    assert!(text.contains("  the new run is worse\n") && text.lines().any(is_worse), "{text}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(told.join("compare.json")).unwrap()).unwrap();
    let schema = std::fs::read_to_string(root().join("reports/compare.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<_> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(report["outcome"], "worse");
    let written = std::fs::read_to_string(told.join("compare.txt")).unwrap();
    assert!(text.starts_with(&written), "{text}");
    assert!(!format!("{report}{written}").contains("c4nary"), "a token was written");

    // The files do as well as their folders.
    let (code, text) = compare(&new.join("tally.json"), &base.join("tally.json"), &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("  nothing is worse\n") && text.contains("\nbetter\n"), "{text}");
    let (code, text) = compare(&base, &base.join("report.json"), &[]);
    let refused = format!(
        "error: {} is a report; give the tally.json that lies beside it, or their folder\n",
        base.join("report.json").display()
    );
    assert_eq!((code, text), (3, refused));
}

/// A tally of one of our scenarios, changed a little.
fn changed(folder: &Path, name: &str, change: impl Fn(&mut Value)) -> std::path::PathBuf {
    let path = folder.join(name);
    if !folder.join("tally.json").exists() {
        let run = ["run", SCENARIO, "--for", "1s", "--rate", "5/s", "--report"];
        assert!(chatproof(&run).arg(folder).output().unwrap().status.success());
    }
    let mut tally: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("tally.json")).unwrap()).unwrap();
    change(&mut tally);
    std::fs::write(&path, tally.to_string()).unwrap();
    path
}

#[test]
fn what_cannot_be_compared_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let short = changed(folder, "short.json", |_| {});
    let (code, text) = compare(&short, &short, &[]);
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("  nothing can be told of response times: "), "{text}");

    let other = changed(folder, "other.json", |tally| tally["meta"]["scenario"] = "support-desk".into());
    let told = |path: &Path, scenario: &str| format!("{} is a run of `{scenario}`", path.display());
    let expected = format!(
        "error: {} and {}; only runs of one scenario can be compared\n",
        told(&short, "one-request"),
        told(&other, "support-desk")
    );
    assert_eq!(compare(&short, &other, &[]), (5, expected));

    let part = changed(folder, "part.json", |tally| tally["share"] = "2/3".into());
    let expected = format!(
        "error: {} is share 2/3 of a run; put all shares together with `chatproof merge`, and give its tally.json\n",
        part.display()
    );
    assert_eq!(compare(&part, &short, &[]), (3, expected));

    let (code, text) = compare(&short, &short, &["--tolerance", "some"]);
    assert_eq!(code, 2);
    assert!(text.contains("`some` is no percentage; write it like 5% or 2.5%"), "{text}");
}
