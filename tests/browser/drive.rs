//! A headless Chromium that opens pages and is asked about them, over its DevTools protocol.
//!
//! `.ci/run` installs it. Where it is missing, a test fails with a sentence that says how to install it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Far longer than Chromium takes for anything that it is asked here.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running browser, ended when dropped.
pub struct Browser {
    child: Child,
    runtime: Runtime,
    socket: WebSocketStream<TcpStream>,
    asked: u64,
    /// What it told without being asked.
    events: Vec<Value>,
    _profile: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How somebody looks at a page.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Width of the window, in pixels.
    pub width: u32,
    /// Whether the system is set to dark colours.
    pub dark: bool,
}

/// On a desk, by day.
pub const DESK: Look = Look { width: 1200, dark: false };
/// Height of the window, in pixels.
pub const HEIGHT: u32 = 800;

impl Browser {
    /// Starts one.
    pub fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let child = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .arg("--remote-debugging-port=0")
            // What it leaves behind goes with the profile.
            .env("TMPDIR", profile.path())
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start chromium: {error}. It needs `apt-get install chromium`."));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (port, path) = address(profile.path());
        let socket = runtime.block_on(async {
            let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let url = format!("ws://127.0.0.1:{port}{path}");
            tokio_tungstenite::client_async(url, stream).await.unwrap().0
        });
        Self { child, runtime, socket, asked: 0, events: Vec::new(), _profile: profile }
    }

    /// Opens a file as somebody would who looks at it like that.
    pub fn open(&mut self, file: &Path, look: Look) -> Page<'_> {
        self.visit(url::Url::from_file_path(file).unwrap().as_str(), look)
    }

    /// Opens whatever has this address.
    pub fn visit(&mut self, url: &str, look: Look) -> Page<'_> {
        let target = self.ask(None, "Target.createTarget", &json!({"url": "about:blank"}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.ask(None, "Target.attachToTarget", &target)["sessionId"].as_str().unwrap().to_owned();
        let mut page = Page { browser: self, session };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            page.ask(domain, &json!({}));
        }
        page.ask(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": look.width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false}),
        );
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        page.ask("Emulation.setEmulatedMedia", &json!({"features": features}));
        page.ask("Page.navigate", &json!({ "url": url }));
        page.wait_for("Page.loadEventFired");
        page
    }

    fn ask(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Value {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.runtime.block_on(self.socket.send(Message::text(message.to_string()))).unwrap();
        loop {
            let heard = self.hear();
            if heard["id"] == self.asked {
                assert_eq!(heard.get("error"), None, "{method} {parameters}");
                return heard["result"].clone();
            }
            self.events.push(heard);
        }
    }

    fn hear(&mut self) -> Value {
        let socket = &mut self.socket;
        let heard = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, socket.next()).await });
        let message = heard.expect("the browser fell silent").expect("the browser hung up").unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }
}

/// Where a browser with this profile listens; it writes that down when it does.
fn address(profile: &Path) -> (u16, String) {
    let begun = Instant::now();
    loop {
        let written = std::fs::read_to_string(profile.join("DevToolsActivePort")).unwrap_or_default();
        if let Some((port, path)) = written.split_once('\n') {
            return (port.parse().unwrap(), path.trim().to_owned());
        }
        assert!(begun.elapsed() < PATIENCE, "chromium did not start");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// An open page.
pub struct Page<'a> {
    browser: &'a mut Browser,
    session: String,
}

impl Page<'_> {
    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.browser.ask(Some(&self.session), method, parameters)
    }

    fn wait_for(&mut self, method: &str) {
        let is_it = |event: &Value, session: &str| event["method"] == method && event["sessionId"] == session;
        while !self.browser.events.iter().any(|event| is_it(event, &self.session)) {
            let heard = self.browser.hear();
            self.browser.events.push(heard);
        }
    }

    /// What a JavaScript expression comes to.
    #[track_caller]
    pub fn tell(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let told = self.ask("Runtime.evaluate", &parameters);
        assert_eq!(told.get("exceptionDetails"), None, "{expression}");
        told["result"]["value"].clone()
    }

    /// Waits until a JavaScript expression is true, without touching the page.
    #[track_caller]
    pub fn wait_until(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.tell(expression) != true {
            assert!(begun.elapsed() < PATIENCE, "it never came to this: {expression}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A click with the mouse in the middle of the first element of this kind, after scrolling to it.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let place = self.tell(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let click = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.ask("Input.dispatchMouseEvent", &click);
        }
    }

    /// Types into whatever has the focus.
    pub fn type_in(&mut self, text: &str) {
        self.ask("Input.insertText", &json!({ "text": text }));
    }

    /// Presses a key that the browser gives a meaning to, such as `Tab`.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if (key, kind) == ("Enter", "keyDown") {
                // Buttons wait for the character that it types.
                event["text"] = "\r".into();
            }
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// What the browser complained about: exceptions, errors on the console, what its policy forbade, what could not be loaded.
    pub fn complaints(&mut self) -> Vec<String> {
        // Whatever was under way is told before this is answered.
        self.tell("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))");
        let of_page = self.browser.events.iter().filter(|event| event["sessionId"] == self.session);
        let complaint = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => {
                matches!(event["params"]["type"].as_str(), Some("error" | "warning" | "assert"))
            }
            Some("Log.entryAdded") => matches!(event["params"]["entry"]["level"].as_str(), Some("error" | "warning")),
            _ => false,
        };
        of_page.filter(complaint).map(|event| event["params"].to_string()).collect()
    }
}
