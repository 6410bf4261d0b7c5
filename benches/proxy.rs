//! What the proxy adds to a round trip: the same requests directly and through it, in turns, in one run.
//!
//! `cargo bench --bench proxy`

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench speaks to people and fails when it cannot go on")]

#[path = "../tests/support/start.rs"]
mod start;

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use chatproof::observe::{Clock, ConnectionId, Moment};
use chatproof::protocol::Protocol;
use chatproof::proxy::{Mode, Provoked, Provoker, Proxy, ProxyOptions};
use chatproof::record::{Ledger, Recorder};
use chatproof::session::{CallOutcome, RtmSession, Target, Token, Trust};
use serde_json::Value;
use start::Nobody;

const ROUND_TRIPS: usize = 5_000;
/// Round trips on one way before it is the other's turn.
const TURN: usize = 50;

impl Provoker for Nobody {
    fn provoked(&self, _: Moment, _: ConnectionId, _: Provoked) {}
}

/// Does something forever on a thread and runtime of its own, after it told where.
fn beside<F: Future<Output = ()>>(start: impl FnOnce(mpsc::Sender<String>) -> F + Send + 'static) -> String {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(start(tell));
    });
    told.recv().unwrap()
}

fn server(protocol: Arc<Protocol>) -> String {
    beside(|tell| async move {
        let (server, url) = start::server(protocol).await;
        tell.send(url).unwrap();
        server.run(std::future::pending()).await;
    })
}

fn proxy(protocol: Arc<Protocol>, upstream: String) -> String {
    beside(|tell| async move {
        let options = ProxyOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            upstream: Target::parse(&upstream, 1).unwrap(),
            trust: Trust::default(),
            protocol,
            observer: Arc::new(Recorder::new(Arc::new(Ledger::new()))),
            provoker: Arc::new(Nobody),
            clock: Clock::start(),
            mode: Mode::default(),
        };
        let proxy = Proxy::bind(options).await.unwrap();
        tell.send(format!("http://{}", proxy.addr())).unwrap();
        proxy.run(std::future::pending()).await;
    })
}

async fn connect(protocol: &Protocol, url: &str) -> Arc<RtmSession> {
    let context = start::context(url, protocol.dialect("agent/v3.0").unwrap(), Arc::new(Nobody));
    let session = start::connect(&context, &Token::new("agent:ann@example.com")).await;
    let login = session.login(&Value::Null, context.clock.now()).await;
    assert!(matches!(login, CallOutcome::Answered { success: true, .. }), "{login:?}");
    session
}

async fn measure(session: &RtmSession, times: &mut Vec<Duration>) {
    for _ in 0..TURN {
        let began = Instant::now();
        let answer = session.call("ping", &Value::Null, Moment::default()).await;
        times.push(began.elapsed());
        assert!(matches!(answer, CallOutcome::Answered { success: true, .. }), "{answer:?}");
    }
}

fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort();
    times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3
}

fn main() {
    let protocol = start::protocol();
    let direct = server(protocol.clone());
    let relayed = proxy(protocol.clone(), direct.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut on_direct, mut on_relayed) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        let (direct, relayed) = (connect(&protocol, &direct).await, connect(&protocol, &relayed).await);
        while on_direct.len() < ROUND_TRIPS {
            measure(&direct, &mut on_direct).await;
            measure(&relayed, &mut on_relayed).await;
        }
    });
    println!("{ROUND_TRIPS} round trips each, in ms");
    for percent in [50, 90, 99] {
        let (direct, relayed) = (percentile(&mut on_direct, percent), percentile(&mut on_relayed, percent));
        println!("p{percent}: direct {direct:.3}, through the proxy {relayed:.3}, added {:.3}", relayed - direct);
    }
    println!("the budget of the median is 0.2 ms");
}
