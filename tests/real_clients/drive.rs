//! Real clients, written by others: each is driven through one story (`story.js`) against an address, and what it heard comes back.
//!
//! `.ci/run` installs them. What is missing fails the test with a sentence that says how to install it.

#![allow(dead_code, reason = "no test needs all of it")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

/// What the customer says in the story (`TEXT` in `story.js`).
pub const TEXT: &str = "a é 漢 😀 e\u{301} 🇩🇪";
/// What the agent answers.
pub const ANSWER: &str = "¿ö 字 🙂?";
/// The versions of socket.io-client that are driven: the last of 1.x, and the one that the vendor's examples of 2017 name.
pub const VERSIONS: [&str; 2] = ["1.7.4", "2.0.3"];
/// Far longer than a page takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// A message that a client heard.
#[derive(Debug, Deserialize)]
pub struct Line {
    /// `agent` or `customer`.
    pub who: String,
    /// The transport that carried it, as the client sees it.
    pub over: String,
    /// The message.
    pub message: Value,
}

/// What a page brings back.
#[derive(Debug, Deserialize)]
pub struct Told {
    /// The story over polling alone.
    pub polling: Vec<Line>,
    /// The story over polling that is upgraded.
    pub upgrade: Vec<Line>,
    /// The story over a plain websocket.
    pub websocket: Vec<Line>,
    /// Status and answer of a call of the Web API.
    pub web: Value,
    /// Why it came to nothing.
    pub failed: Option<String>,
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_clients")
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target")
}

/// The folder with the clients of socket.io.
fn node_modules() -> PathBuf {
    let folder = target().join("real-clients");
    assert!(
        folder.join("node_modules").exists(),
        "the old clients of socket.io are not installed: `mkdir -p target/real-clients && \
         cp tests/real_clients/package*.json target/real-clients && npm ci --prefix target/real-clients`"
    );
    folder
}

/// Runs a client to its end; what it wrote.
fn output(command: &mut Command, how: &str) -> Vec<u8> {
    let program = command.get_program().to_owned();
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {}: {error}. {how}", program.display()));
    let said = String::from_utf8_lossy(&output.stdout);
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed. {how}\n{said}{trouble}", program.display());
    output.stdout
}

fn lines(output: &[u8]) -> Vec<Line> {
    std::str::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The story with a version of socket.io-client under node, over these transports.
pub fn node(version: &str, base: &str, transports: &[&str]) -> Vec<Line> {
    let mut command = Command::new("node");
    command.arg(here().join("node.js")).arg(node_modules()).args([version, base, &transports.join(",")]);
    lines(&output(&mut command, "It needs node: `apt-get install nodejs npm`."))
}

/// The story with Python's websocket-client.
pub fn python(base: &str) -> Vec<Line> {
    let own = target().join("venv/bin/python");
    let mut command = Command::new(if own.exists() { own } else { "python3".into() });
    command.arg(here().join("story.py")).arg(base);
    let how = "It needs websocket-client: `python3 -m venv target/venv && target/venv/bin/pip install \
               websocket-client==1.8.0`.";
    lines(&output(&mut command, how))
}

/// curl with these arguments: the status and the body of the answer.
pub fn curl(arguments: &[&str]) -> (u16, String) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "30", "--write-out", "\n%{http_code}"]).args(arguments);
    let output = String::from_utf8(output(&mut command, "It needs curl: `apt-get install curl`.")).unwrap();
    let (body, status) = output.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

/// What somebody heard about a request of his, as response or push.
fn about<'a>(lines: &'a [Line], who: &str, id: &str) -> Vec<&'a Value> {
    let his = lines.iter().filter(|line| line.who == who && line.message["request_id"] == id);
    his.map(|line| &line.message).collect()
}

/// The story was told to its end, and everybody heard what the documents promise: each answer first, and then exactly one push with
/// the request's id; texts to the letter.
#[track_caller]
pub fn is_whole(lines: &[Line]) {
    for (id, action, push) in [("c2", "start_chat", "incoming_chat_thread"), ("c3", "send_event", "incoming_event")] {
        let heard = about(lines, "customer", id);
        let names: Vec<_> = heard.iter().map(|message| (&message["action"], &message["type"])).collect();
        assert_eq!(names, [(&json!(action), &json!("response")), (&json!(push), &json!("push"))], "{lines:#?}");
        assert_eq!(heard[0]["success"], true);
    }
    assert_eq!(about(lines, "customer", "c3")[1]["payload"]["event"]["text"], TEXT);
    for (who, text) in [("agent", TEXT), ("customer", ANSWER)] {
        let heard = lines.iter().filter(|line| line.who == who && line.message["payload"]["event"]["text"] == text);
        let pushes: Vec<_> = heard.filter(|line| line.message["type"] == "push").collect();
        assert_eq!(pushes.len(), 1, "{lines:#?}");
        assert_eq!(pushes[0].message.get("request_id"), None, "{lines:#?}");
    }
}

/// The transports that carried it, first to last.
pub fn transports(lines: &[Line]) -> Vec<&str> {
    let mut transports: Vec<&str> = lines.iter().map(|line| line.over.as_str()).collect();
    transports.dedup();
    transports
}

/// A browser, ended when dropped.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The story in a page of another origin, in headless Chromium with a version of socket.io-client.
pub fn chromium(version: &str, base: &str) -> Told {
    let script = node_modules().join(format!("node_modules/socket.io-client-{version}/dist/socket.io.js"));
    let files = [
        ("/", "text/html", here().join("page.html")),
        ("/story.js", "text/javascript; charset=utf-8", here().join("story.js")),
        ("/socket.io.js", "text/javascript; charset=utf-8", script),
    ];
    let (tell, told) = mpsc::channel();
    let mut router = Router::new().route("/told", post(move |body: String| async move { tell.send(body).unwrap() }));
    for (path, kind, file) in files {
        let content = std::fs::read_to_string(&file).unwrap();
        router = router.route(path, get(move || async move { ([(CONTENT_TYPE, kind)], content) }));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let origin = listener.local_addr().unwrap();
    runtime.spawn(async move { axum::serve(listener, router).await });

    let profile = tempfile::tempdir().unwrap();
    let browser = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("http://{origin}/?server={base}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start chromium: {error}. It needs `apt-get install chromium`."));
    let browser = Browser(browser);
    let body = told.recv_timeout(PATIENCE).expect("the page told nothing: did chromium start?");
    drop(browser);
    let told: Told = serde_json::from_str(&body).unwrap();
    assert_eq!(told.failed, None, "{told:#?}");
    told
}
