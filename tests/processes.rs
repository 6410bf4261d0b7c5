//! `run --processes N`: worker processes whose tallies become one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use support::{root, run};

const SMOKE: &str = "scenarios/smoke.yaml";

#[test]
fn two_processes_do_what_one_would_and_nobody_is_accused_of_what_another_process_saw() {
    let run = run("scenarios/support-desk.yaml", &["--processes", "2", "--for", "8s"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    assert_eq!(run.kinds(), Vec::<String>::new());
    let report = run.report();
    assert_eq!(report["actors"]["failed"], 0, "{report}");
    assert!(report["actors"]["finished"].as_u64().unwrap() > 10, "{report}");
    assert_eq!(report["meta"]["target"], "the embedded reference server");
    let tally = std::fs::read_to_string(run.folder().join("tally.json")).unwrap();
    assert!(tally.contains(r#""share": "1/1""#));
}

#[test]
fn as_many_come_as_to_one_process_and_a_defect_is_found() {
    let run = run(SMOKE, &["--processes", "3", "--defect", "wrong-type=0.5"]);
    assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
    assert!(run.kinds().contains(&"wrong_type".to_owned()), "{:?}", run.kinds());
    let report = run.report();
    assert_eq!(report["generator"]["due"], 11, "{report}");
    assert_eq!(report["meta"]["target"], "the embedded reference server with wrong-type=0.5");
}

#[test]
fn what_keeps_a_process_from_its_share_is_told_once_with_its_exit_code() {
    use std::io::Write as _;
    let mut tokens = tempfile::NamedTempFile::new().unwrap();
    tokens.write_all(b"agents: [a, b]\ncustomers: [c, d]\n").unwrap();
    let tokens = tokens.path().to_str().unwrap();
    let run = run(SMOKE, &["--processes", "2", "--target", "http://127.0.0.1:1", "--token-file", tokens]);
    assert_eq!(run.code, 4, "{}\n{}", run.stdout, run.stderr);
    assert_eq!(run.stderr.matches("error: cannot use 127.0.0.1:1: ").count(), 1, "{}", run.stderr);
}

#[cfg(target_os = "linux")]
mod signals {
    use std::path::Path;
    use std::process::{Child, Command, Output, Stdio};
    use std::time::Duration;

    use rustix::process::{Pid, Signal, kill_process};

    use super::{SMOKE, root};
    use crate::support::binary;

    fn start(folder: &Path) -> Child {
        Command::new(binary())
            .current_dir(root())
            .args(["run", SMOKE, "--for", "60s", "--processes", "2", "--report"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn text(output: &Output) -> String {
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    /// The worker processes, once all of them are there.
    fn workers(leader: &Child) -> Vec<Pid> {
        let is_worker = |pid: i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let after_name = stat.rsplit(')').next().unwrap_or_default();
            after_name.split_whitespace().nth(1) == Some(&leader.id().to_string())
        };
        let mut workers: Vec<_> = Vec::new();
        for _ in 0..600 {
            let all = std::fs::read_dir("/proc").unwrap().flatten();
            let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
            workers = pids.filter(|pid| is_worker(*pid)).filter_map(Pid::from_raw).collect();
            if workers.len() == 2 {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(workers.len(), 2, "no two worker processes within a minute");
        workers
    }

    #[test]
    fn a_worker_that_dies_fails_the_run_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let leader = start(folder.path());
        let killed = workers(&leader)[0];
        std::thread::sleep(Duration::from_secs(3));
        kill_process(killed, Signal::KILL).unwrap();
        let output = leader.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(70), "{}", text(&output));
        let told = "of 2 ended (signal: 9 (SIGKILL)) before it had told what it measured, so the run is not whole";
        let named = |number: u8| text(&output).contains(&format!("error: worker process {number} {told}"));
        assert!(named(1) != named(2), "{}", text(&output));
        let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
        assert!(report.contains(told), "{report}");
    }

    #[test]
    fn an_interruption_reaches_the_workers_and_ends_with_one_report() {
        let folder = tempfile::tempdir().unwrap();
        let leader = start(folder.path());
        let workers = workers(&leader);
        std::thread::sleep(Duration::from_secs(3));
        kill_process(Pid::from_child(&leader), Signal::INT).unwrap();
        let output = leader.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", text(&output));
        assert_eq!(text(&output).matches("interrupted: finishing with a report").count(), 1, "{}", text(&output));
        let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
        assert!(report.contains("\"interrupted\": true"));
        assert!(workers.iter().all(|worker| rustix::process::test_kill_process(*worker).is_err()));
    }
}
