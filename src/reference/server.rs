//! Listening, the routes of all catalogs, and stopping.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path};
use axum::response::Response;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use http::{Method, Request};
use tokio::net::TcpListener;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::connection;
use super::control::Control;
use super::desk::Desk;
use super::render::Spoken;
use super::socketio::{self, Sessions};
use super::web;
use super::wire::{self, Wire};
use super::{Limits, ReferenceError, ServerOptions, Timing, WorldFile};
use crate::protocol::{Dialect, Protocol};

/// Largest body of a call that is read to its end: well beyond a file of 10 MB, so that a larger one is refused in words.
const LARGEST_CALL: usize = 40 << 20;
/// How long connections may take to close when the server stops.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// What every connection and every call needs.
pub struct Shared {
    desk: Mutex<Desk>,
    pub timing: Timing,
    /// The address under which uploaded files are served.
    pub base: String,
    /// The sessions of socket.io that poll.
    pub sessions: Arc<Sessions>,
    /// How many seconds the clock was put forward.
    forward: AtomicU64,
}

impl Shared {
    /// How far the clock was put forward.
    pub fn forward(&self) -> Duration {
        Duration::from_secs(self.forward.load(Ordering::Relaxed))
    }

    /// Puts the clock forward by so many seconds, for connections.
    pub fn put_forward(&self, seconds: u64) {
        self.forward.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The one lock. What a panicking holder left behind is still the best there is.
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reference server that is bound to its address.
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    router: Router,
    shared: Arc<Shared>,
    protocol: Arc<Protocol>,
    control: Option<Control>,
}

impl Server {
    /// Binds the address. Connections are accepted, but served only by [`Server::run`].
    ///
    /// # Errors
    /// When the address cannot be bound, or the protocol data has no dialect that this server speaks.
    pub async fn bind(options: ServerOptions) -> Result<Self, ReferenceError> {
        let unbound = |source| ReferenceError::Bind { addr: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(unbound)?;
        let addr = listener.local_addr().map_err(unbound)?;
        let broken = (options.defects, options.hardships);
        let desk = Desk::new(&options.protocol, options.seed, broken, options.timing.late_answer);
        let base = format!("http://{addr}");
        let (desk, timing, sessions, forward) = (Mutex::new(desk), options.timing, Arc::default(), AtomicU64::new(0));
        let shared = Arc::new(Shared { desk, timing, base, sessions, forward });
        let mut router = Router::new();
        let mut spoken_here = 0;
        for dialect in options.protocol.dialects() {
            if let Some(spoken) = Spoken::named(dialect.name.as_str()) {
                router = routes(router, &shared, dialect, spoken);
                spoken_here += 1;
            }
        }
        if spoken_here == 0 {
            return Err(ReferenceError::NothingToSpeak);
        }
        let files = Arc::clone(&shared);
        let router = router
            .route("/files/{number}", get(move |Path(number): Path<u64>| async move { web::file(&files, number) }))
            .layer(DefaultBodyLimit::max(LARGEST_CALL))
            .layer(cross_origin());
        Ok(Self { listener, addr, router, shared, protocol: options.protocol, control: None })
    }

    /// The same with the licences of a world file instead of the usual one.
    #[must_use]
    pub fn with_world(self, world: &WorldFile) -> Self {
        {
            let mut desk = self.shared.desk();
            let (seed, habits) = (desk.seed, desk.hardships.habits());
            desk.licences = world.licences(seed, habits);
        }
        self
    }

    /// The same with other limits than the usual ones.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        {
            let mut desk = self.shared.desk();
            desk.limits = limits;
            desk.licences.retain(limits.chats);
        }
        self
    }

    /// The same with a control endpoint at an address of its own.
    ///
    /// # Errors
    /// When other machines could reach that address, or it cannot be bound.
    pub async fn with_control(self, addr: SocketAddr) -> Result<Self, ReferenceError> {
        let control = Control::bind(addr, Arc::clone(&self.shared), Arc::clone(&self.protocol)).await?;
        Ok(Self { control: Some(control), ..self })
    }

    /// Where its control endpoint listens, if it has one.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control.as_ref().map(Control::addr)
    }

    /// Where it listens; the port is the system's choice if the options said 0.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown` is ready, then closes all connections and returns.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) {
        // Small frames must not wait for each other.
        let listener = self.listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let shared = self.shared;
        let control = async {
            match self.control {
                Some(control) => control.run().await,
                None => std::future::pending().await,
            }
        };
        let signal = async move {
            shutdown.await;
            shared.desk().hub.close_all();
            let all_closed = async {
                while shared.desk().hub.len() > 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            // Whoever does not close in time is dropped with the runtime.
            let _ = tokio::time::timeout(STOP_LIMIT, all_closed).await;
            let _ = stop.send(());
        };
        let serving = axum::serve(listener, self.router).with_graceful_shutdown(signal);
        let overdue = async {
            let _ = stopped.await;
            tokio::time::sleep(STOP_LIMIT).await;
        };
        tokio::select! {
            // Only a listener that broke would end it early, and axum retries those.
            _ = serving => {}
            () = overdue => {}
            () = control => {}
        }
    }
}

/// Lets pages of every origin in, with their cookies: a customer's chat is a part of somebody else's page. Polls of socket.io come with
/// credentials and want the origin back by name; calls of the Web API ask beforehand, because they have an `Authorization`.
fn cross_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
}

/// Adds the paths of a dialect's catalog.
fn routes(mut router: Router, shared: &Arc<Shared>, dialect: &Arc<Dialect>, spoken: Spoken) -> Router {
    for path in &dialect.catalog.rtm.websocket {
        let (shared, dialect) = (Arc::clone(shared), Arc::clone(dialect));
        let handler = move |request: Request<Body>| async move { websocket(shared, dialect, spoken, request) };
        router = router.route(path, get(handler));
    }
    for path in &dialect.catalog.rtm.socketio {
        let (shared, dialect) = (Arc::clone(shared), Arc::clone(dialect));
        let handler = move |request: Request<Body>| socketio::answer(shared, dialect, spoken, request);
        let both = get(handler.clone()).post(handler);
        router = router.route(path, both.clone()).route(&format!("{path}/"), both);
    }
    for path in &dialect.catalog.web.path {
        let (shared, dialect) = (Arc::clone(shared), Arc::clone(dialect));
        let handler = move |Path(action): Path<String>, request: Request<Body>| {
            web::answer(shared, dialect, spoken, action, request)
        };
        router = router.route(path, post(handler));
    }
    for (action, spec) in &dialect.catalog.actions {
        let Some(path) = &spec.path else { continue };
        let (shared, dialect, action) = (Arc::clone(shared), Arc::clone(dialect), action.clone());
        let handler = move |request: Request<Body>| web::answer(shared, dialect, spoken, action, request);
        router = router.route(path, post(handler));
    }
    router
}

/// Accepts a websocket.
fn websocket(shared: Arc<Shared>, dialect: Arc<Dialect>, spoken: Spoken, request: Request<Body>) -> Response {
    let number = match web::check_query(&shared, &dialect.catalog.rtm.query, request.uri().query()) {
        Ok(number) => number,
        Err(refusal) => return web::refused(spoken, refusal.status(spoken), &refusal),
    };
    let largest = shared.desk().limits.message_bytes;
    wire::upgrade(spoken, request, largest, move |socket| {
        connection::serve(shared, dialect, spoken, number, Wire::Websocket(Box::new(socket)))
    })
}
