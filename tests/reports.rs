//! What can be made of a run's tally afterwards.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use support::{binary, root, run};

fn report(tally: &Path, arguments: &[&str]) -> Output {
    Command::new(binary()).arg("report").arg(tally).args(arguments).current_dir(root()).output().unwrap()
}

#[test]
fn a_tally_gives_the_very_reports_of_its_run() {
    let run = run("scenarios/smoke.yaml", &["--defect", "wrong-type"]);
    assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
    for (format, name) in
        [("html", "report.html"), ("json", "report.json"), ("junit", "junit.xml"), ("terminal", "report.txt")]
    {
        let again = report(&run.folder().join("tally.json"), &["--format", format]);
        assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
        let written = std::fs::read_to_string(run.folder().join(name)).unwrap();
        assert!(written == String::from_utf8(again.stdout).unwrap(), "{name} differs");
    }
}

#[test]
fn what_is_no_tally_is_told_with_what_to_give() {
    let wrong = report(Path::new("scenarios/smoke.yaml"), &["--format", "html"]);
    assert_eq!(wrong.status.code(), Some(3));
    let told = String::from_utf8(wrong.stderr).unwrap();
    assert!(told.starts_with("error: scenarios/smoke.yaml is not a tally: "), "{told}");
    assert!(told.contains("tallies are called tally.json and lie in the report folders of `chatproof run`"), "{told}");
    assert!(wrong.stdout.is_empty());
}
