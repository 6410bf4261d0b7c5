//! Sessions against small hand-made peers on loopback.

mod rtm;
mod socketio;
mod web;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::observe::{Fact, Observation};
use crate::protocol::Protocol;

const TOKEN: &str = "dal:s3cret";

/// Remembers facts as words, such as `answered ping ok` or `violated malformed_frame`.
#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Seen {
    fn facts(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn has(&self, fact: &str) -> bool {
        self.facts().iter().any(|seen| seen == fact)
    }
}

impl Observer for Seen {
    fn observe(&self, observation: &Observation<'_>) {
        assert!(!format!("{:?}", observation.transcript.frames()).contains("s3cret"), "a token was shown");
        let words = match &observation.fact {
            Fact::Connected { .. } => "connected".into(),
            Fact::Sent(sent) => format!("sent {}", sent.action),
            Fact::Answered(answer) => {
                let how = if answer.late {
                    "late"
                } else if answer.success {
                    "ok"
                } else {
                    "failed"
                };
                format!("answered {} {how}", answer.action)
            }
            Fact::TimedOut { action } => format!("timed out {action}"),
            Fact::Pushed(push) => format!("pushed {}", push.action),
            Fact::Violated(violation) => format!("violated {}", violation.kind),
            Fact::Ponged => "ponged".into(),
            Fact::Pinged => "pinged".into(),
            Fact::Closed { how, .. } => format!("closed {how:?}"),
        };
        self.0.lock().unwrap().push(words);
    }
}

/// The customer's dialect with another limit for answers.
fn dialect(timeout: Duration, ping_every: Duration) -> Arc<Dialect> {
    let shared = Protocol::embedded().unwrap().dialect("customer/v0.3").unwrap().clone();
    let mut dialect = Arc::into_inner(shared).unwrap();
    dialect.catalog.timeout = timeout;
    dialect.catalog.rtm.ping_every = ping_every;
    Arc::new(dialect)
}

fn context(url: &str, dialect: Arc<Dialect>) -> (SessionContext, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let context = SessionContext {
        target: Arc::new(Target::parse(url, 42).unwrap()),
        dialect,
        observer: seen.clone(),
        clock: Clock::start(),
        ids: IdSource::default(),
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        pings: PingStyle::Frame,
    };
    (context, seen)
}

fn usual() -> Arc<Dialect> {
    dialect(Duration::from_secs(15), Duration::from_secs(15))
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A peer that gives every connection to `serve`.
async fn peer<F: Future<Output = ()> + Send + 'static>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

#[test]
fn sessions_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Session>();
    shared::<SessionContext>();
    fn sendable<T: Send>(_: impl FnOnce(RtmSession, WebSession) -> T) {}
    sendable(|rtm, web| async move {
        rtm.call("ping", &Value::Null, Moment(0)).await;
        rtm.pump(|_| {}).await;
        rtm.close().await;
        web.call("ping", &Value::Null, Moment(0)).await
    });
}
