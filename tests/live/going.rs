//! A run of the binary that is watched while it goes on.

#![allow(dead_code, reason = "no test needs all of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{binary, root};

pub const SMOKE: &str = "scenarios/smoke.yaml";

/// A run that goes on, and what it says to people.
pub struct Going {
    process: Child,
    said: Receiver<String>,
    folder: TempDir,
    pub addr: String,
}

impl Going {
    pub fn start(arguments: &[&str]) -> Self {
        Self::begin(&["run", SMOKE, "--allow-saturated"], arguments)
    }

    /// A search for the highest load.
    pub fn search(arguments: &[&str]) -> Self {
        Self::begin(&["capacity", "tests/scenarios/one-request.yaml"], arguments)
    }

    fn begin(command: &[&str], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(binary())
            .current_dir(root())
            .args(command)
            .args(["--live", "127.0.0.1:0", "--report"])
            .arg(folder.path())
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, said) = channel();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let first: String = said.recv().unwrap();
        let addr = first.strip_prefix("live: http://").and_then(|rest| rest.strip_suffix('/')).unwrap().to_owned();
        Self { process, said, folder, addr }
    }

    /// What is answered to a request with this first line, for this host.
    pub fn ask(&self, line: &str, host: &str) -> String {
        let mut answer = String::new();
        self.open(line, host).read_to_string(&mut answer).unwrap();
        answer
    }

    pub fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), &self.addr)
    }

    pub fn open(&self, line: &str, host: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(stream, "{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
        stream
    }

    /// Waits until a metric is more than zero, and returns all of them.
    pub fn metrics_with(&self, name: &str) -> String {
        for _ in 0..600 {
            let text = self.get("/metrics");
            if sum(&text, name) > 0.0 {
                return text;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{name} stays at zero");
    }

    /// Asks it to end soon, with a report, as Ctrl-C does.
    pub fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    }

    pub fn end(mut self) -> (i32, String, TempDir) {
        let code = self.process.wait().unwrap().code().unwrap();
        (code, self.said.iter().collect::<Vec<_>>().join("\n"), self.folder)
    }
}

/// All numbers of a name together.
pub fn sum(metrics: &str, name: &str) -> f64 {
    let mine = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    metrics.lines().filter(mine).map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// Whether a run was made and judged. Where a machine has much else to do, the scenario's times may be missed; that is not looked at here.
pub fn came_to_its_end(code: i32) -> bool {
    matches!(code, 0 | 1)
}
