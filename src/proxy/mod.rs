//! Relays live traffic byte for byte and listens to both directions.
//!
//! A client's way: `relay` takes its HTTP requests and passes them on through `upstream`; what is upgraded to a websocket is copied by
//! `pipe`, unchanged, while a `tap` reads a copy. What is heard goes to the conversations that `watch` knows, and from there to the observer. What
//! belongs to no dialect (`routes`) is relayed and counted.
//!
//! Requests can only be refused, and clients given `trouble`, where whole messages are passed on: then `messages` takes the place of `pipe`, and a
//! `mailbox` stands between the polls of a session and its server.

mod body;
mod mailbox;
mod messages;
mod pipe;
mod polling;
mod relay;
mod secrets;
mod tap;
mod trouble;
mod upstream;
mod watch;
mod web;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::observe::{Clock, ConnectionId, Moment, Observer};
use crate::protocol::Protocol;
use crate::protocol::Routes;
use crate::session::{Target, Trust};
use polling::Sessions;
pub use trouble::{Choice, Fault, Hardship, Provoked};
use upstream::{NoAnswer, Upstream};
use watch::Watch;
use web::CallsTrouble;

/// The parts that read bytes, for `fuzz/`.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use super::tap::{Agreement, Tap};
    pub use super::watch::Watch;
}

/// How often conversations are told what time it is.
const TICK: Duration = Duration::from_secs(1);
/// Clients' connections at the same time. Each may hold 4 MiB of a message and 12 MiB of a body, and takes two sockets.
const CONNECTIONS: usize = 10_000;
/// Paths that are remembered as not judged; a client could invent any number.
const PATHS: usize = 32;

/// A body that passes through.
type Relayed = BoxBody<Bytes, hyper::Error>;

/// What a proxy should do.
pub struct ProxyOptions {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The server to stand before. Its licence is of no interest: clients name their own.
    pub upstream: Target,
    /// Who may vouch for that server.
    pub trust: Trust,
    /// The catalogs and schemas to go by.
    pub protocol: Arc<Protocol>,
    /// Who is told what happens.
    pub observer: Arc<dyn Observer>,
    /// Who is told what clients are put through.
    pub provoker: Arc<dyn Provoker>,
    /// The time of all observations.
    pub clock: Clock,
    /// What it does beyond relaying.
    pub mode: Mode,
}

/// What a proxy does beyond relaying.
#[derive(Debug, Clone, Default)]
pub struct Mode {
    /// Requests that are not what the documents ask for are refused here, and the server never sees them.
    pub enforce: bool,
    /// What clients are put through.
    pub trouble: Choice,
}

impl Mode {
    /// Whether messages are passed on in place of bytes.
    fn is_by_message(&self) -> bool {
        self.enforce || self.is_troubled()
    }

    /// Whether clients are put through anything.
    fn is_troubled(&self) -> bool {
        !self.trouble.hardships.is_empty() || !self.trouble.faults.is_empty()
    }
}

/// Whoever wants to know what clients are put through.
pub trait Provoker: Send + Sync {
    /// Takes note.
    fn provoked(&self, at: Moment, connection: ConnectionId, what: Provoked);
}

/// Why there is no proxy.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr}: {source}")]
pub struct ProxyError {
    addr: SocketAddr,
    source: std::io::Error,
}

/// What a proxy saw beside what was observed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aside {
    /// What was relayed and not judged, by path, and how often.
    pub not_judged: BTreeMap<String, u64>,
    /// Requests that got no answer because the server could not be asked.
    pub unanswered: u64,
    /// Why, for the last of them.
    pub reason: Option<String>,
    /// Connections of clients that were closed at once because there were too many.
    pub too_many: u64,
}

/// A proxy that is bound to its address.
pub struct Proxy {
    listener: TcpListener,
    addr: SocketAddr,
    connections: Arc<Semaphore>,
    shared: Arc<Shared>,
}

/// What all connections need.
struct Shared {
    upstream: Upstream,
    routes: Routes,
    watch: Watch,
    sessions: Sessions,
    provoker: Arc<dyn Provoker>,
    mode: Mode,
    calls_trouble: CallsTrouble,
    aside: Mutex<Aside>,
    stop: CancellationToken,
}

impl Proxy {
    /// Binds the address. Clients are accepted, but served only by [`Proxy::run`].
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(options: ProxyOptions) -> Result<Self, ProxyError> {
        let failed = |source| ProxyError { addr: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let shared = Shared {
            upstream: Upstream { target: options.upstream, trust: options.trust },
            routes: Routes::new(&options.protocol),
            watch: Watch::new(options.clock, options.observer),
            sessions: Sessions::default(),
            provoker: options.provoker,
            mode: options.mode,
            calls_trouble: CallsTrouble::default(),
            aside: Mutex::default(),
            stop: CancellationToken::new(),
        };
        Ok(Self { listener, addr, connections: Arc::new(Semaphore::new(CONNECTIONS)), shared: Arc::new(shared) })
    }

    /// The same with another limit of clients' connections than the usual one.
    #[must_use]
    pub fn with_connections(self, most: usize) -> Self {
        Self { connections: Arc::new(Semaphore::new(most)), ..self }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Relays until `stop` is done. Whoever is connected then is cut off, and what was heard so far is what counts.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Aside {
        let Self { listener, connections, shared, .. } = self;
        let ticking = async {
            loop {
                tokio::time::sleep(TICK).await;
                shared.watch.tick();
                shared.sessions.tick(shared.watch.clock.now());
            }
        };
        let accepting = async {
            loop {
                match listener.accept().await {
                    Ok((client, _)) => {
                        let Ok(place) = connections.clone().try_acquire_owned() else {
                            shared.aside().too_many += 1;
                            continue;
                        };
                        let (shared, stop) = (shared.clone(), shared.stop.clone());
                        tokio::spawn(async move {
                            tokio::select! {
                                () = relay::serve(shared, client, place) => {}
                                () = stop.cancelled() => {}
                            }
                        });
                    }
                    // No more sockets, most likely: some will become free.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        };
        tokio::select! {
            () = stop => {}
            () = ticking => {}
            () = accepting => {}
        }
        shared.watch.finish();
        shared.stop.cancel();
        shared.aside().clone()
    }
}

impl Shared {
    /// Something passed that nobody judges.
    fn not_judged(&self, what: &str) {
        let mut aside = self.aside();
        let known = aside.not_judged.contains_key(what) || aside.not_judged.len() < PATHS;
        *aside.not_judged.entry(if known { what } else { "other" }.to_owned()).or_default() += 1;
    }

    /// The server could not be asked.
    fn unanswered(&self, error: &NoAnswer) {
        let mut aside = self.aside();
        aside.unanswered += 1;
        aside.reason = Some(error.to_string());
    }

    fn aside(&self) -> std::sync::MutexGuard<'_, Aside> {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
