//! Runs `chatproof proxy` as a user does and reads the report that it writes.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread::{JoinHandle, spawn};

use chatproof::observe::{Grade, ViolationKind};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{binary, root};

/// A proxy in a process of its own.
pub struct Proxied {
    process: Child,
    /// Reads on, because a proxy that cannot say what it finds stands still.
    said: JoinHandle<String>,
    pub url: String,
    folder: tempfile::TempDir,
}

/// How it ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub report: Value,
    pub folder: tempfile::TempDir,
}

/// `chatproof proxy …`, on a port that the system chooses.
pub fn proxy(upstream: &str, arguments: &[&str]) -> Proxied {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Command::new(binary())
        .current_dir(root())
        .args(["proxy", "--listen", "127.0.0.1:0", "--for", "120s", "--upstream", upstream, "--report"])
        .arg(folder.path())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap());
    let mut first = String::new();
    said.read_line(&mut first).unwrap();
    let url = first.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    let said = spawn(move || {
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        rest
    });
    Proxied { process, said, url, folder }
}

impl Proxied {
    /// Ends it as Ctrl-C does.
    pub fn end(mut self) -> Ended {
        let pid = Pid::from_raw(self.process.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let (mut stdout, stderr) = (String::new(), self.said.join().unwrap());
        self.process.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.process.wait().unwrap().code().unwrap();
        let text = std::fs::read_to_string(self.folder.path().join("report.json")).unwrap();
        Ended { code, stdout, stderr, report: serde_json::from_str(&text).unwrap(), folder: self.folder }
    }
}

impl Ended {
    /// Requests that were answered over a transport.
    pub fn answered(&self, transport: &str) -> u64 {
        let requests = self.report["requests"].as_array().unwrap().iter();
        let over = requests.filter(|request| request["transport"] == transport);
        over.map(|request| request["answered"].as_u64().unwrap()).sum()
    }

    /// The kinds of violations that count, each with its side.
    pub fn kinds(&self) -> Vec<String> {
        let violations = self.report["violations"].as_array().unwrap();
        let kinds = violations.iter().map(|violation| violation["kind"].as_str().unwrap());
        let kinds = kinds.map(|name| ViolationKind::ALL.iter().find(|kind| kind.name() == name).unwrap());
        kinds.filter(|kind| kind.grade() > Grade::Info).map(|kind| format!("{} {kind}", kind.side())).collect()
    }
}
