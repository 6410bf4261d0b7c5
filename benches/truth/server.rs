//! A server of which it is known how long each answer takes.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use chatproof::load::Pacer;
use chatproof::observe::{Clock, Moment};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use crate::delays::Delays;

/// Over what the requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Websocket,
    Web,
}

/// A server that runs.
pub struct Server {
    pub address: SocketAddr,
    late: Late,
}

/// By how much each answer took longer than it was told to, by the number of the request: what the machine added on this side.
type Late = Arc<Mutex<Vec<Duration>>>;

impl Server {
    /// By how much each answer so far took longer than it was told to, in the order of the requests.
    pub fn late(&self) -> Vec<Duration> {
        self.late.lock().unwrap().clone()
    }
}

struct Room {
    delays: Delays,
    clock: Clock,
    pacer: Pacer,
    /// Requests so far, and when the first came.
    came: Cell<(u64, Moment)>,
    late: Late,
}

/// Starts it on a thread of its own, for as long as the process lives.
pub fn start(delays: Delays, over: Over) -> Server {
    let (tell, told) = mpsc::channel();
    let late = Late::default();
    let noted = late.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let clock = Clock::start();
            let pacer = Pacer::new(clock).unwrap();
            let room = Rc::new(Room { delays, clock, pacer, came: Cell::default(), late: noted });
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let room = room.clone();
                // Whoever hangs up is no matter.
                tokio::task::spawn_local(async move {
                    match over {
                        Over::Websocket => rtm(&room, stream).await,
                        Over::Web => web(&room, stream).await,
                    }
                });
            }
        });
    });
    Server { address: told.recv().unwrap(), late }
}

/// A request that has come.
struct Asked {
    number: usize,
    due: Moment,
}

impl Room {
    /// Takes as long as this request is to take.
    async fn delay(&self) -> Asked {
        let now = self.clock.now();
        let (number, first) = self.came.get();
        let first = if number == 0 { now } else { first };
        self.came.set((number + 1, first));
        let due = now + self.delays.of(number, now.since(first));
        self.pacer.until(due).await;
        Asked { number: number as usize, due }
    }

    /// Notes when it was answered.
    fn answered(&self, asked: &Asked) {
        let mut late = self.late.lock().unwrap();
        if late.len() <= asked.number {
            late.resize(asked.number + 1, Duration::ZERO);
        }
        late[asked.number] = self.clock.now().since(asked.due);
    }
}

/// Answers logins of customers, and whatever else they ask.
async fn rtm(room: &Room, stream: TcpStream) -> Option<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await.ok()?;
    while let Some(Ok(frame)) = socket.next().await {
        let Message::Text(text) = frame else { continue };
        let request: Value = serde_json::from_str(&text).ok()?;
        let asked = room.delay().await;
        let answer = json!({
            "request_id": request["request_id"], "action": request["action"], "type": "response", "success": true,
            "payload": { "customer_id": "c", "static_config_path": "s" },
        });
        socket.send(Message::text(answer.to_string())).await.ok()?;
        room.answered(&asked);
    }
    None
}

/// Answers posts, of which nothing but their length matters.
async fn web(room: &Room, mut stream: TcpStream) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = whole(&bytes) {
                break end;
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        bytes.drain(..end);
        let asked = room.delay().await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        stream.write_all(answer).await.ok()?;
        room.answered(&asked);
    }
}

/// Where the first request ends, if all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?.to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    (bytes.len() >= head + length).then_some(head + length)
}
