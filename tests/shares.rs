//! A run that several machines share, put together again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use support::{binary, root, serve};

const SMOKE: &str = "scenarios/smoke.yaml";

fn token_file() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let list = |role: &str| (0..40).map(|n| format!("\"{role}:{n}\"")).collect::<Vec<_>>().join(", ");
    file.write_all(format!("agents: [{}]\ncustomers: [{}]\n", list("agent"), list("customer")).as_bytes()).unwrap();
    file
}

fn chatproof(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(root()).args(arguments);
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Merges, and gives the exit code and what was printed.
fn merge(tallies: &[&Path], folder: &Path) -> (i32, String) {
    let output = chatproof(&["merge", "--report"]).arg(folder).args(tallies).output().unwrap();
    (output.status.code().unwrap(), text(&output))
}

/// How many actors were due, and how many started.
fn came(report: &Value) -> (&Value, &Value) {
    (&report["generator"]["due"], &report["generator"]["started"])
}

#[test]
fn shares_of_a_run_are_merged_into_the_run_of_one_machine() {
    let (server, tokens, folder) = (serve(&[]), token_file(), tempfile::tempdir().unwrap());
    let start = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + Duration::from_secs(6);
    let start = start.as_secs_f64().to_string();
    let share = |share: &str| {
        let name = share.replace('/', "-of-");
        let arguments = ["run", SMOKE, "--target", &server.url, "--share", share, "--start-at", &start, "--token-file"];
        let mut command = chatproof(&arguments);
        command.arg(tokens.path()).arg("--report").arg(folder.path().join(name));
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let shares = ["1/2", "2/2"].map(share).map(|child| child.wait_with_output().unwrap());
    let paths: [PathBuf; 2] = ["1-of-2", "2-of-2"].map(|name| folder.path().join(name).join("tally.json"));
    for output in &shares {
        assert_eq!(output.status.code(), Some(0), "{}", text(output));
        assert!(text(output).contains("which is judged when `chatproof merge` has all of them"), "{}", text(output));
    }
    let merged = folder.path().join("merged");
    let (code, told) = merge(&[&paths[1], &paths[0]], &merged);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("PASSED") && told.contains("put together from the tallies of 2 shares"), "{told}");
    let (whole, parts) = (read(&merged.join("report.json")), [read(&paths[0]), read(&paths[1])]);
    // An agent, six customers, two visitors, and a pair.
    assert_eq!(came(&whole), (&json!(11), &json!(11)), "{whole}");
    let due = |part: &Value| part["tally"]["schedule"]["due"].as_u64().unwrap();
    assert!(parts.iter().all(|part| due(part) > 0) && parts.iter().map(due).sum::<u64>() == 11, "{parts:?}");
    assert_eq!(read(&merged.join("tally.json"))["share"], "1/1");

    // What is not one run is refused, with the files' names.
    let (code, told) = merge(&[&paths[1]], &merged);
    let expected = format!("error: share 1 of 2 is missing beside {}; what the others saw", paths[1].display());
    assert!(code == 5 && told.starts_with(&expected), "{code} {told}");
    let (code, told) = merge(&[&paths[1], &paths[1]], &merged);
    assert!(code == 5 && told.contains("are both share 2/2; give each share once"), "{code} {told}");
    let other = folder.path().join("other.json");
    let mut tally = parts[0].clone();
    tally["meta"]["seed"] = json!(8);
    std::fs::write(&other, tally.to_string()).unwrap();
    let (code, told) = merge(&[&paths[1], &other], &merged);
    let expected = format!("{} and {} are not of one run: the seed is 7 and 8", paths[1].display(), other.display());
    assert!(code == 5 && told.contains(&expected), "{code} {told}");
    std::fs::write(&other, "{}").unwrap();
    let (code, told) = merge(&[&paths[1], &other], &merged);
    assert!(code == 3 && told.contains(&format!("{} is not a tally", other.display())), "{code} {told}");
}

#[test]
fn a_share_needs_a_moment_to_start_that_is_still_to_come() {
    let code = |arguments: &[&str]| {
        let output = chatproof(&["run", SMOKE]).args(arguments).output().unwrap();
        (output.status.code().unwrap(), text(&output))
    };
    let (past, told) = code(&["--start-at", "2020-01-01T00:00:00Z"]);
    let expected =
        "error: --start-at: 2020-01-01T00:00:00Z is past; name a moment at which all machines will be ready\n";
    assert_eq!((past, told.as_str()), (2, expected));
    let (alone, told) = code(&["--share", "1/2"]);
    assert!(alone == 2 && told.contains("--start-at <TIME>") && told.contains("--target <URL>"), "{told}");
    let (none, told) = code(&["--share", "3/2", "--start-at", "9999999999"]);
    assert!(none == 2 && told.contains("`3/2` is not a share; write K/N with K from 1 to N, such as 2/5"), "{told}");
}
