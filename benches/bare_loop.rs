//! What a round trip costs a bare loop: the same requests as `answers.yaml`, over as many connections, with each answer parsed and validated
//! against its schema, and nothing else. `roundtrips.sh` runs it beside chatproof, because what the kernel takes for a message differs by a
//! factor of two between machines and days.
//!
//! Prints the CPU seconds of 100,000 round trips: `bare_loop http://127.0.0.1:PORT`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench speaks to people and fails when it cannot go on")]

use std::rc::Rc;
use std::time::{Duration, Instant};

use chatproof::protocol::{Dialect, Kind, Protocol};
use futures_util::{SinkExt, StreamExt};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

const CONNECTIONS: usize = 50;
const FOR: Duration = Duration::from_secs(10);

fn main() {
    // Cargo adds `--bench` when it runs this by itself.
    let Some(url) = std::env::args().skip(1).find(|argument| argument.starts_with("http://")) else {
        println!("nothing is measured without the address of a server; benches/roundtrips.sh gives one");
        return;
    };
    let authority: Rc<str> = url.trim_start_matches("http://").into();
    let dialect = Protocol::embedded().unwrap().dialect("customer/v0.3").unwrap().clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let before = used();
    let walks = (0..CONNECTIONS).map(|number| walk(authority.clone(), dialect.clone(), number));
    let trips: usize = LocalSet::new().block_on(&runtime, futures_util::future::join_all(walks)).into_iter().sum();
    println!("{:.3}", (used() - before).as_secs_f64() / trips as f64 * 100_000.0);
}

/// Processor time of this process so far.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

/// Asks as fast as it is answered. Gives the number of answers.
async fn walk(authority: Rc<str>, dialect: std::sync::Arc<Dialect>, number: usize) -> usize {
    let until = Instant::now() + FOR;
    let stream = TcpStream::connect(&*authority).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let url = format!("ws://{authority}/customer/v0.3/rtm/ws?license_id=1");
    // The settings of our sessions.
    let small = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let (mut socket, _) = client_async_with_config(url, stream, Some(small)).await.unwrap();
    let mut trips = 0;
    let mut action = "login";
    let mut payload = format!(r#"{{"token":"customer:bare-{number}"}}"#);
    while Instant::now() < until {
        let request = format!(r#"{{"request_id":"{trips}","action":"{action}","payload":{payload}}}"#);
        socket.send(Message::text(request)).await.unwrap();
        let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["request_id"], trips.to_string().as_str(), "{answer}");
        assert!(dialect.schemas.check(Kind::Response, action, &answer["payload"]).is_empty(), "{answer}");
        trips += 1;
        (action, payload) = ("update_last_seen_timestamp", "{}".to_owned());
    }
    trips
}
