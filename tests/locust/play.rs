//! Starts the reference server, Locust's master and our workers, each as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Run, Served, binary, merge, root, serve};

/// For anything to happen that has to, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(90);
/// Tokens of each role.
const TOKENS: usize = 60;
const SCENARIO: &str = "tests/locust/desk.yaml";

/// Everything that a test needs, in a folder of its own.
pub struct Play {
    folder: TempDir,
    server: Served,
}

/// How the master is to be started.
pub enum Master {
    /// Begins by itself with eight users when there are three workers.
    Headless { run_time: &'static str },
    /// Waits for what is done in its page.
    Web,
}

/// The tallies of one test.
#[derive(Debug)]
pub struct Test {
    folder: PathBuf,
    pub tallies: Vec<String>,
}

impl Test {
    pub fn path(&self, tally: &str) -> PathBuf {
        self.folder.join(tally)
    }
}

impl Play {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let printed =
            Command::new(binary()).args(["worker", "--locustfile", SCENARIO]).current_dir(root()).output().unwrap();
        assert!(printed.status.success());
        std::fs::write(folder.path().join("locustfile.py"), printed.stdout).unwrap();
        let tokens = |role| tokens(role).map(|token| format!("\"{token}\"")).collect::<Vec<_>>().join(", ");
        let pools = format!("agents: [{}]\ncustomers: [{}]\n", tokens("agent"), tokens("customer"));
        std::fs::write(folder.path().join("tokens.yaml"), pools).unwrap();
        Self { folder, server: serve(&[]) }
    }

    /// Locust, with the locustfile.
    pub fn locust(&self, arguments: &[&str]) -> Command {
        let mut command = python(&["-m", "locust", "-f", "locustfile.py"]);
        command.args(arguments).current_dir(self.folder.path());
        command.env("PYTHONUNBUFFERED", "1").env("CHATPROOF_TALLIES", self.folder.path().join("tallies"));
        command
    }

    pub fn master(&self, how: Master) -> Process {
        let (port, web) = (free_port(), free_port());
        let (bind, page) = (port.to_string(), web.to_string());
        let common = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", &bind];
        let own: &[&str] = match how {
            Master::Headless { run_time } => &[
                "--headless",
                "--expect-workers",
                "3",
                "--expect-workers-max-wait",
                "90",
                "--users",
                "8",
                "--spawn-rate",
                "4",
                "--run-time",
                run_time,
                "--only-summary",
                "--json-file",
                "stats",
            ],
            Master::Web => &["--web-host", "127.0.0.1", "--web-port", &page],
        };
        let mut process = Process::start(self.locust(&common).args(own));
        (process.port, process.web) = (port, web);
        process
    }

    pub fn worker(&self, number: usize, of: usize, master: &Process) -> Process {
        let share = format!("{number}/{of}");
        let mut command = Command::new(binary());
        command.args(["worker", SCENARIO, "--master", &format!("127.0.0.1:{}", master.port)]);
        command.args(["--target", &self.server.url, "--share", &share, "--token-file"]);
        command.arg(self.folder.path().join("tokens.yaml")).current_dir(root());
        Process::start(&mut command)
    }

    /// What there is of tallies, by test.
    pub fn tests(&self) -> Vec<Test> {
        let names = |folder: &Path| {
            let entries = std::fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
            let mut paths: Vec<PathBuf> = entries.unwrap_or_default();
            paths.sort();
            paths
        };
        let test = |folder: PathBuf| {
            let tallies =
                names(&folder).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
            Test { folder, tallies }
        };
        names(&self.folder.path().join("tallies")).into_iter().map(test).collect()
    }

    pub fn merge(&self, test: &Test) -> Run {
        let paths: Vec<_> = test.tallies.iter().map(|tally| test.path(tally)).collect();
        self.merge_files(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>())
    }

    pub fn merge_files(&self, tallies: &[&Path]) -> Run {
        merge(tallies)
    }

    /// What Locust counted.
    pub fn stats(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.folder.path().join("stats.json")).unwrap()).unwrap()
    }
}

/// The Python that has Locust.
pub fn python(arguments: &[&str]) -> Command {
    let python = root().join("target/venv/bin/python");
    assert!(
        python.exists(),
        "Locust is not installed; do: python3 -m venv target/venv && target/venv/bin/pip install locust==2.47.0"
    );
    let mut command = Command::new(python);
    command.args(arguments);
    command
}

fn tokens(role: &str) -> impl Iterator<Item = String> {
    (0..TOKENS).map(move |number| format!("{role}:{number}-c4nary"))
}

/// Whether any token can be read in a text. Ids of users, which the reference server makes of tokens, may.
pub fn shows_a_token(text: &str) -> bool {
    tokens("agent").chain(tokens("customer")).any(|token| text.contains(&token))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A process whose words are kept; killed when dropped.
pub struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    pub port: u16,
    web: u16,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        // Locust listens to keys when it has a terminal.
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let log = log.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    log.lock().unwrap().push_str(&(line + "\n"));
                }
            });
        }
        Self { child, log, port: 0, web: 0 }
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until it has said something.
    pub fn wait_for(&self, text: &str) {
        self.until(text, || self.log().contains(text));
    }

    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < PATIENCE, "still no «{what}»:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until it ends by itself.
    pub fn end(mut self) -> (i32, String) {
        let began = Instant::now();
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        };
        // What it said last is on its way to the log.
        std::thread::sleep(Duration::from_millis(100));
        (status.code().unwrap_or(-1), self.log())
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends a master as Ctrl-C does.
    pub fn terminate(self) -> (i32, String) {
        let ended = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(ended.success());
        self.end()
    }

    fn ask(&self, path: &str, form: &str) -> Option<Value> {
        let code = "import sys, urllib.request as r\n\
                    print(r.urlopen(sys.argv[1], sys.argv[2].encode() or None, timeout=60).read().decode())";
        let output = python(&["-c", code, &format!("http://127.0.0.1:{}{path}", self.web), form]).output().unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    pub fn wait_for_workers(&self, count: usize) {
        let ready = |stats: Value| {
            let workers = stats["workers"].as_array().cloned().unwrap_or_default();
            workers.iter().filter(|worker| worker["state"] == "ready").count() == count
        };
        self.until("workers", || self.ask("/stats/requests", "").is_some_and(ready));
    }

    /// Starts a test, as the page does.
    pub fn swarm(&self, users: usize) {
        let answer = self.ask("/swarm", &format!("user_count={users}&spawn_rate=1")).unwrap();
        assert_eq!(answer["success"], true, "{answer}");
    }

    pub fn wait_for_requests(&self) {
        let some = |stats: Value| stats["stats"].as_array().is_some_and(|stats| stats.len() > 3);
        self.until("requests", || self.ask("/stats/requests", "").is_some_and(some));
    }

    /// Stops the test, as the page does.
    pub fn stop(&self) {
        let answer = self.ask("/stop", "now").unwrap();
        assert_eq!(answer["success"], true, "{answer}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
