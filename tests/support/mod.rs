//! Runs the binary as a user does and reads the report that it writes.

#![allow(dead_code, reason = "no test needs all of it")]

pub mod samples;
pub mod traffic;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

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

/// The same with further environment variables.
pub fn run_with(scenario: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(binary())
        .current_dir(root())
        .args(["run", scenario, "--report"])
        .arg(folder.path())
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let Output { status, stdout, stderr } = output;
    Run {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
        folder,
    }
}
