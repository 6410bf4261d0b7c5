//! `--github`, and what shells and `man` are told of the command line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::process::Command;

use support::{binary, root};

/// What a command prints, and its exit code; with a file for the summary of the step, and what is in it then.
fn with_github(arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary.md");
    std::fs::write(&summary, "before\n").unwrap();
    let output = Command::new(binary())
        .current_dir(root())
        .args(arguments)
        .arg("--github")
        .args(["--report"])
        .arg(folder.path())
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .unwrap();
    let summary = std::fs::read_to_string(summary).unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), summary)
}

/// The commands that GitHub obeys: those after the word that ends its deafness.
fn commands(stdout: &str) -> Vec<&str> {
    let mut lines = stdout.lines();
    let word = lines.next().unwrap().strip_prefix("::stop-commands::").unwrap();
    assert_eq!(word.len(), 32);
    let end = format!("::{word}::");
    assert!(lines.any(|line| line == end), "{stdout}");
    lines.collect()
}

#[test]
fn a_failed_run_is_annotated_where_its_scenario_says_what_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asking.yaml");
    let text = std::fs::read_to_string(root().join("tests/scenarios/one-request.yaml")).unwrap();
    std::fs::write(&path, format!("{text}thresholds:\n  - login.errors < 1%\n  - violations == 0\n")).unwrap();
    let path = path.to_str().unwrap();
    let (code, stdout, summary) = with_github(&["run", path, "--for", "1s", "--defect", "wrong-type"]);
    assert_eq!(code, Some(1), "{stdout}");
    let commands = commands(&stdout);
    let place = format!("::error file={path},line=16,title=threshold broken::`violations == 0` does not hold: it was ");
    assert!(commands[0].starts_with(&place), "{commands:#?}");
    assert!(commands[1].starts_with("::error title=wrong_type%2C "), "{commands:#?}");
    assert!(summary.starts_with("before\n## chatproof: asking failed\n"), "{summary}");
    let (code, stdout, summary) = with_github(&["run", path, "--for", "1s"]);
    assert_eq!((code, self::commands(&stdout)), (Some(0), vec![]), "{stdout}");
    assert!(summary.starts_with("before\n## chatproof: asking passed\n"), "{summary}");
}

#[test]
fn a_requirement_that_fails_is_annotated() {
    let certify = ["certify", "--dialect", "agent/v0.2", "--quick", "--only", "A02-B59", "--allow-missing"];
    let (code, stdout, summary) = with_github(&[&certify[..], &["--defect", "custom-id-lost"]].concat());
    assert_eq!(code, Some(1), "{stdout}");
    let commands = commands(&stdout);
    assert!(commands[0].starts_with("::error title=A02-B59 (agent/v0.2)%3A fail::"), "{commands:#?}");
    assert!(summary.contains("### agent\\/v0\\.2 failed\n"), "{summary}");
}

#[test]
fn what_cannot_even_begin_is_annotated_as_well() {
    let (code, stdout, summary) = with_github(&["run", "no-such.yaml"]);
    assert_eq!((code, &*summary), (Some(3), "before\n"));
    let commands = commands(&stdout);
    assert!(commands.len() == 1 && commands[0].starts_with("::error title=chatproof::"), "{commands:#?}");
    assert!(commands[0].contains("no-such.yaml"), "{commands:#?}");
}

fn printed(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(binary()).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[cfg(unix)]
#[test]
fn bash_completes_commands_and_options() {
    let (_, script, _) = printed(&["completions", "bash"]);
    let completed = |words: &str, place: usize| {
        let ask = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD={place}; _chatproof chatproof ${{COMP_WORDS[COMP_CWORD]}} x; echo ${{COMPREPLY[@]}}"
        );
        let output = Command::new("bash").args(["-c", &ask]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(completed("chatproof capa", 1), "capacity\n");
    assert_eq!(completed("chatproof run --abort", 2), "--abort-on\n");
    assert_eq!(completed("chatproof fly", 1), "\n");
}

#[test]
fn each_command_has_a_page() {
    let (code, page, _) = printed(&["manual"]);
    let has = |page: &str, line: &str| page.lines().any(|one| one == line);
    assert!(code == Some(0) && has(&page, ".SH NAME") && page.contains(".TH chatproof 1"), "{page}");
    let (_, page, _) = printed(&["manual", "spec", "show"]);
    assert!(page.contains(".TH chatproof-spec-show 1") && has(&page, ".SH OPTIONS"), "{page}");
    let (_, page, _) = printed(&["manual", "run"]);
    assert!(page.contains("abort\\-on") && !page.contains("\\-\\-led"), "{page}");
    let (code, _, said) = printed(&["manual", "rum"]);
    assert_eq!(code, Some(2));
    assert!(said.starts_with("error: `chatproof` has no command `rum`; did you mean `run`? (it has `run`, "), "{said}");
}
