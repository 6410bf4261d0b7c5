//! A server and its clients inside a test or a bench.

use std::sync::{Arc, LazyLock};

use chatproof::observe::{Clock, Observation, Observer};
use chatproof::protocol::{Dialect, Protocol};
use chatproof::reference::{Server, ServerOptions, Timing};
use chatproof::session::{IdSource, PingStyle, RtmSession, SessionContext, Target, Token};

/// Nobody listens at the client.
pub struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: &Observation<'_>) {}
}

/// All dialects, compiled once.
pub fn protocol() -> Arc<Protocol> {
    static PROTOCOL: LazyLock<Arc<Protocol>> = LazyLock::new(|| Arc::new(Protocol::embedded().unwrap()));
    PROTOCOL.clone()
}

/// A clean reference server on a port that the system chooses, and its address.
pub async fn server(protocol: Arc<Protocol>) -> (Server, String) {
    let options = ServerOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        seed: 1,
        defects: Vec::new(),
        hardships: Vec::new(),
        protocol,
        timing: Timing::default(),
    };
    let server = Server::bind(options).await.unwrap();
    let url = format!("http://{}", server.addr());
    (server, url)
}

/// What clients need to talk to that address.
pub fn context(url: &str, dialect: &Arc<Dialect>, observer: Arc<dyn Observer>) -> SessionContext {
    SessionContext {
        target: Arc::new(Target::parse(url, 1).unwrap()),
        dialect: dialect.clone(),
        observer,
        clock: Clock::start(),
        ids: IdSource::default(),
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        pings: PingStyle::default(),
    }
}

/// A websocket that is read by a task of its own.
pub async fn connect(context: &SessionContext, token: &Token) -> Arc<RtmSession> {
    let session = Arc::new(RtmSession::connect(context, token).await.unwrap());
    let pumped = session.clone();
    tokio::spawn(async move { pumped.pump(|_| {}).await });
    session
}
