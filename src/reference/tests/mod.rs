//! End to end over loopback. The test's own client checks every frame it ever gets against the dialect's schemas, so each test here is
//! also a test that the server keeps to the documents.

mod actions_of_agents;
mod actions_of_customers;
mod actions_of_older_customers;
mod agents_on_v02;
mod changes;
mod control;
mod conversation;
mod defects;
mod everything;
mod habits_of_clients;
mod hardships;
mod limits;
mod pages_of_other_origins;
mod peers_that_misbehave;
mod refusals;
mod socketio;
mod staying_connected;
mod tour;
mod web_calls;
mod worlds;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{Defect, Hardship, Limits, Server, ServerOptions, Timing, WorldFile};
use crate::message::{Body, parse_frame};
use crate::protocol::{CorrelationName, Dialect, Kind, Protocol};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

fn protocol() -> Arc<Protocol> {
    static PROTOCOL: OnceLock<Arc<Protocol>> = OnceLock::new();
    Arc::clone(PROTOCOL.get_or_init(|| Arc::new(Protocol::embedded().unwrap())))
}

/// A running server, stopped when dropped.
struct TestServer {
    addr: std::net::SocketAddr,
    control: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    running: tokio::task::JoinHandle<()>,
}

impl TestServer {
    async fn start() -> Self {
        Self::with(&[], Timing::default()).await
    }

    async fn with(defects: &[&str], timing: Timing) -> Self {
        Self::like(defects, &[], timing).await
    }

    async fn hard(hardships: &[Hardship]) -> Self {
        Self::like(&[], hardships, Timing::default()).await
    }

    async fn like(defects: &[&str], hardships: &[Hardship], timing: Timing) -> Self {
        let options = ServerOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            seed: 1,
            defects: defects.iter().map(|text| text.parse::<Defect>().unwrap()).collect(),
            hardships: hardships.to_vec(),
            protocol: protocol(),
            timing,
        };
        Self::run(Server::bind(options).await.unwrap()).await
    }

    /// With a world of a file, and other limits.
    async fn ruled(world: Option<&WorldFile>, limits: Limits) -> Self {
        let options = ServerOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            seed: 1,
            defects: Vec::new(),
            hardships: Vec::new(),
            protocol: protocol(),
            timing: Timing::default(),
        };
        let server = Server::bind(options).await.unwrap();
        let server = match world {
            Some(world) => server.with_world(world),
            None => server,
        };
        Self::run(server.with_limits(limits)).await
    }

    async fn run(server: Server) -> Self {
        let server = server.with_control("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (addr, control) = (server.addr(), server.control_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(server.run(async move { drop(stopped.await) }));
        Self { addr, control, stop, running }
    }

    /// What the control endpoint answers to an order.
    async fn order(&self, path: &str, order: Value) -> (u16, Value) {
        let url = format!("http://{}{path}", self.control);
        let answer = reqwest::Client::new().post(url).json(&order).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// An order that is carried out.
    async fn ordered(&self, path: &str, order: Value) -> Value {
        let (status, answer) = self.order(path, order).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// What there is.
    async fn state(&self) -> Value {
        reqwest::get(format!("http://{}/state", self.control)).await.unwrap().json().await.unwrap()
    }

    /// A connection that has not logged in.
    async fn connect(&self, dialect: &str) -> Peer {
        self.connect_over(TcpStream::connect(self.addr).await.unwrap(), dialect).await
    }

    async fn connect_over(&self, stream: TcpStream, dialect: &str) -> Peer {
        self.connect_like(stream, dialect, 1).await
    }

    /// A connection over a URL with this licence number.
    async fn connect_to(&self, dialect: &str, licence: u64) -> Peer {
        self.connect_like(TcpStream::connect(self.addr).await.unwrap(), dialect, licence).await
    }

    async fn connect_like(&self, stream: TcpStream, dialect: &str, licence: u64) -> Peer {
        let dialect = Arc::clone(protocol().dialect(dialect).unwrap());
        let path = format!("{}?license_id={licence}", dialect.catalog.rtm.websocket[0]);
        let (socket, _) = client_async(format!("ws://{}{path}", self.addr), stream).await.unwrap();
        Peer { dialect, socket, sent: 0, user: String::new(), pushes: Vec::new() }
    }

    /// A customer who is logged in and has a name.
    async fn customer(&self, name: &str) -> Peer {
        self.customer_speaking("customer/v0.3", name).await
    }

    async fn customer_speaking(&self, dialect: &str, name: &str) -> Peer {
        let mut peer = self.connect(dialect).await;
        let payload = json!({"token": format!("Bearer customer:{name}"), "customer": {"name": name}});
        peer.user = peer.ok("login", payload).await["customer_id"].as_str().unwrap().to_owned();
        peer
    }

    /// An agent who is logged in.
    async fn agent(&self, name: &str) -> Peer {
        let mut peer = self.connect("agent/v3.0").await;
        let payload = json!({"token": format!("Bearer agent:{name}@example.com")});
        peer.user = peer.ok("login", payload).await["my_profile"]["id"].as_str().unwrap().to_owned();
        peer
    }
}

/// A push that has arrived.
#[derive(Debug, Clone, PartialEq)]
struct Pushed {
    name: String,
    correlation: Option<String>,
    payload: Value,
}

/// One end of a websocket that believes nothing.
struct Peer {
    dialect: Arc<Dialect>,
    socket: WebSocketStream<TcpStream>,
    sent: usize,
    user: String,
    /// What has arrived and was not looked at.
    pushes: Vec<Pushed>,
}

enum Got {
    Response { correlation: Option<String>, action: String, success: bool, payload: Value },
    Pushed,
    Closed(Option<u16>),
}

impl Peer {
    async fn send(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    /// Sends a request and returns its id.
    async fn request(&mut self, action: &str, payload: Value) -> String {
        self.sent += 1;
        let id = format!("{}-{}", self.user, self.sent);
        let name = match self.dialect.catalog.rtm.correlation {
            CorrelationName::RequestId => "request_id",
            CorrelationName::Id => "id",
        };
        self.send(json!({name: id, "action": action, "payload": payload}).to_string()).await;
        id
    }

    /// The next frame, whatever it is, unchecked.
    async fn frame(&mut self) -> Option<Result<Message, Error>> {
        tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a frame")
    }

    /// The next message; pushes are kept.
    async fn next(&mut self) -> Got {
        let text = loop {
            match self.frame().await {
                Some(Ok(Message::Text(text))) => break text,
                Some(Ok(Message::Close(frame))) => return Got::Closed(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Got::Closed(None),
            }
        };
        let whole: Value = serde_json::from_str(&text).unwrap();
        let message = parse_frame(&text).unwrap();
        let correlation = message.correlation.map(String::from);
        let (action, payload) = (String::from(message.action), message.payload);
        match message.body {
            Body::Response { success } => {
                self.check(Kind::Envelope, "response", &whole);
                Got::Response { correlation, action, success, payload }
            }
            Body::Push => {
                self.check(Kind::Envelope, "push", &whole);
                self.check(Kind::Push, &action, &payload);
                self.pushes.push(Pushed { name: action, correlation, payload });
                Got::Pushed
            }
        }
    }

    fn check(&self, kind: Kind, name: &str, value: &Value) {
        let schemas = &self.dialect.schemas;
        assert!(schemas.knows(kind, name), "{} has no {kind:?} `{name}`", self.dialect.name);
        let mismatches = schemas.check(kind, name, value);
        assert!(mismatches.is_empty(), "{} {kind:?} `{name}`: {mismatches:?}\n{value:#}", self.dialect.name);
    }

    /// Sends a request and waits for its response, which must be the next one.
    async fn call(&mut self, action: &str, payload: Value) -> Result<Value, Value> {
        let id = self.request(action, payload).await;
        loop {
            match self.next().await {
                Got::Pushed => {}
                Got::Closed(code) => panic!("closed with {code:?} instead of an answer to {action}"),
                Got::Response { correlation, action: answered, success, payload } => {
                    assert_eq!((correlation.as_deref(), answered.as_str()), (Some(id.as_str()), action));
                    if !success {
                        self.check(Kind::Envelope, "web-error", &payload);
                        let kind = payload["error"]["type"].as_str().unwrap();
                        assert!(self.dialect.catalog.errors.contains_key(kind), "undocumented error {kind}");
                        return Err(payload["error"].clone());
                    }
                    self.check(Kind::Response, action, &payload);
                    return Ok(payload);
                }
            }
        }
    }

    /// A call that succeeds.
    async fn ok(&mut self, action: &str, payload: Value) -> Value {
        self.call(action, payload).await.unwrap_or_else(|error| panic!("{action}: {error}"))
    }

    /// The type of the error that a call ends with.
    async fn error(&mut self, action: &str, payload: Value) -> String {
        let error = self.call(action, payload).await.unwrap_err();
        error["type"].as_str().unwrap().to_owned()
    }

    /// Everything that was pushed here so far. Whatever other connections' answered calls have caused is in the queue before the
    /// answer to this ping.
    async fn pushed(&mut self) -> Vec<Pushed> {
        self.ok("ping", Value::Null).await;
        std::mem::take(&mut self.pushes)
    }

    /// Everything that was pushed here so far, which has these names in this order.
    async fn told<const N: usize>(&mut self, names: [&str; N]) -> [Pushed; N] {
        let pushed = self.pushed().await;
        let came: Vec<&str> = pushed.iter().map(|push| push.name.as_str()).collect();
        assert_eq!(came, names, "{pushed:#?}");
        pushed.try_into().unwrap()
    }

    /// The only push so far, which has this name.
    async fn only(&mut self, name: &str) -> Pushed {
        let [push] = self.told([name]).await;
        push
    }

    /// The end of a thread is the only thing that was pushed so far, besides what the router says about it.
    async fn thread_closed(&mut self) -> Pushed {
        let [remark, closed] = self.told(["incoming_event", "thread_closed"]).await;
        assert_eq!(remark.payload["event"]["type"], "system_message");
        closed
    }

    /// Nothing was pushed.
    async fn nothing(&mut self) {
        assert_eq!(self.pushed().await, []);
    }

    /// Starts a chat and forgets its pushes; the ids of the chat and its thread.
    async fn start(&mut self) -> (Value, Value) {
        let chat = self.ok("start_chat", json!({})).await["chat"].take();
        self.pushed().await;
        (chat["id"].clone(), chat["thread"]["id"].clone())
    }

    /// Sends a message; the whole response.
    async fn say(&mut self, chat: &Value, text: &str) -> Value {
        self.ok("send_event", json!({"chat_id": chat, "event": {"type": "message", "text": text}})).await
    }

    /// Waits for the end of the connection and returns the close code.
    async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.next().await {
                Got::Closed(code) => return code,
                Got::Pushed => {}
                Got::Response { action, .. } => panic!("a response to {action}"),
            }
        }
    }
}
