//! Runs the binary as a user does and reads the report that it writes.

#![allow(dead_code, reason = "no test needs all of it")]

pub mod arena;
pub mod proxied;
pub mod relay;
pub mod samples;
pub mod start;
pub mod tokens;
pub mod traffic;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Name of a recording in the folder of a run.
const CAPTURE: &str = "capture.ndjson";

/// A finished run of the binary.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    folder: TempDir,
}

impl Run {
    /// The JSON report.
    pub fn report(&self) -> Value {
        let text = std::fs::read_to_string(self.folder.path().join("report.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Names of the violation kinds in the report, sorted.
    pub fn kinds(&self) -> Vec<String> {
        let report = self.report();
        let violations = report["violations"].as_array().unwrap();
        let mut kinds: Vec<_> = violations.iter().map(|v| v["kind"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        kinds
    }

    /// How many violations of each kind are in the report.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let report = self.report();
        let count = |v: &Value| (v["kind"].as_str().unwrap().to_owned(), v["count"].as_u64().unwrap());
        report["violations"].as_array().unwrap().iter().map(count).collect()
    }

    /// What [`run_recorded`] wrote.
    pub fn capture(&self) -> PathBuf {
        self.folder.path().join(CAPTURE)
    }

    /// The folder with the reports.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The binary.
pub fn binary() -> PathBuf {
    env!("CARGO_BIN_EXE_chatproof").into()
}

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `chatproof run SCENARIO …`, from the project's folder.
pub fn run(scenario: &str, arguments: &[&str]) -> Run {
    run_with(scenario, arguments, &[])
}

/// The same, with a recording.
pub fn run_recorded(scenario: &str, arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join(CAPTURE);
    let recorded = ["--record", capture.to_str().unwrap()];
    run_in(folder, scenario, &[arguments, &recorded].concat(), &[])
}

/// The same with further environment variables.
pub fn run_with(scenario: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    run_in(tempfile::tempdir().unwrap(), scenario, arguments, environment)
}

/// `chatproof check FILE`.
pub fn check(recording: &Path) -> Run {
    reporting(tempfile::tempdir().unwrap(), Command::new(binary()).arg("check").arg(recording))
}

/// `chatproof merge TALLY…`.
pub fn merge(tallies: &[&Path]) -> Run {
    reporting(tempfile::tempdir().unwrap(), Command::new(binary()).arg("merge").args(tallies))
}

fn run_in(folder: TempDir, scenario: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let mut command = Command::new(binary());
    reporting(folder, command.args(["run", scenario]).args(arguments).envs(environment.iter().copied()))
}

/// Waits for a command that writes its reports into that folder.
fn reporting(folder: TempDir, command: &mut Command) -> Run {
    let output = command.current_dir(root()).arg("--report").arg(folder.path()).output().unwrap();
    let Output { status, stdout, stderr } = output;
    Run {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
        folder,
    }
}

/// A reference server in a process of its own; ended when dropped.
pub struct Served {
    process: Child,
    pub url: String,
}

/// `chatproof serve …`, on a port that the system chooses.
pub fn serve(arguments: &[&str]) -> Served {
    let mut process = Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = [0; 200];
    let length = process.stderr.as_mut().unwrap().read(&mut told).unwrap();
    let text = String::from_utf8_lossy(&told[..length]).into_owned();
    let url = text.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    Served { process, url }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
