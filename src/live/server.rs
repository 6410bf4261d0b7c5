//! The server that whoever watches a run asks. It only answers; nothing that is asked of it changes the run.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::sse::Event;
use axum::response::{Html, IntoResponse, Response, Sse};
use axum::routing::get;
use futures_util::stream::unfold;
use http::{HeaderValue, StatusCode, header};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::board::Board;
use super::prometheus::{CONTENT_TYPE, exposition};
use crate::local::names_this_machine;

/// How often those who look at the page are told to ask for the report anew.
const EVERY: Duration = Duration::from_secs(1);
/// Pages that are kept up to date at the same time.
const WATCHERS: usize = 32;
/// How old what they are shown may be before it is rendered anew.
const FRESH: Duration = Duration::from_millis(900);
/// How long they have to take the last report once the run is over.
const GRACE: Duration = Duration::from_secs(1);

/// A server that shows a run, until the run is over.
pub struct Server {
    addr: SocketAddr,
    /// The last report, once there is one.
    over: watch::Sender<Option<Arc<str>>>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Room {
    board: Arc<dyn Board>,
    latest: Arc<Mutex<Option<Seen>>>,
    over: watch::Receiver<Option<Arc<str>>>,
    watchers: Arc<Semaphore>,
}

impl Server {
    /// Serves at the address of a listener that does not block. Where only this machine can ask, it has to ask by a name that is this machine's.
    ///
    /// # Errors
    /// When the listener does not work.
    pub fn start(listener: std::net::TcpListener, board: Arc<dyn Board>) -> std::io::Result<Self> {
        let listener = TcpListener::from_std(listener)?;
        let addr = listener.local_addr()?;
        let (over, is_over) = watch::channel(None);
        let mut ending = is_over.clone();
        let watchers = Arc::new(Semaphore::new(WATCHERS));
        let room = Room { board, latest: Arc::default(), over: is_over, watchers };
        let mut router = Router::new()
            .route("/", get(page))
            .route("/content", get(content))
            .route("/events", get(events))
            .route("/metrics", get(metrics))
            .with_state(room)
            .layer(from_fn(with_headers));
        if addr.ip().is_loopback() {
            router = router.layer(from_fn(only_by_address));
        }
        let served = axum::serve(listener, router).with_graceful_shutdown(async move {
            let _ = ending.wait_for(Option::is_some).await;
        });
        let serving = tokio::spawn(async move {
            // A listener that broke takes nothing else with it.
            let _ = served.await;
        });
        Ok(Self { addr, over, serving })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The run is over: whoever watches gets the last report, which is what is inside of its page's `main`, and nobody can ask any more.
    pub async fn end(mut self, last: String) {
        self.over.send_replace(Some(last.into()));
        let _ = tokio::time::timeout(GRACE, &mut self.serving).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn page(State(room): State<Room>) -> Response {
    rendered(room, |room| room.board.page()).await.map_or_else(no_report, |page| Html(page).into_response())
}

async fn content(State(room): State<Room>) -> Response {
    let content = rendered(room, Room::content).await;
    content.map_or_else(no_report, |content| Html(content.to_string()).into_response())
}

async fn metrics(State(room): State<Room>) -> Response {
    match exposition(room.board.metrics()) {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => no_report(),
    }
}

/// The report as somebody last saw it.
struct Seen {
    at: Instant,
    content: Arc<str>,
}

impl Room {
    /// What is inside of the page's `main`; rendered anew only if nobody has asked a moment ago.
    fn content(&self) -> Arc<str> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = latest.as_ref().filter(|seen| seen.at.elapsed() < FRESH) {
            return seen.content.clone();
        }
        let content: Arc<str> = self.board.content().into();
        *latest = Some(Seen { at: Instant::now(), content: content.clone() });
        content
    }
}

/// One who watches.
struct Watcher {
    room: Room,
    ticks: Interval,
    told_all: bool,
    _permit: OwnedSemaphorePermit,
}

async fn events(State(room): State<Room>) -> Response {
    let Ok(permit) = room.watchers.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages watch this run already\n").into_response();
    };
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watcher = Watcher { room, ticks, told_all: false, _permit: permit };
    Sse::new(unfold(watcher, next)).into_response()
}

/// After a second, that there is a new report to ask for; at the end, the last one. Nothing large waits in line for who takes it slowly.
async fn next(mut watcher: Watcher) -> Option<(Result<Event, Infallible>, Watcher)> {
    if watcher.told_all {
        return None;
    }
    let last = tokio::select! {
        _ = watcher.ticks.tick() => None,
        last = watcher.room.over.wait_for(Option::is_some) => last.ok()?.clone(),
    };
    watcher.told_all = last.is_some();
    let event = match last {
        Some(last) => Event::default().event("over").json_data(&*last).ok()?,
        None => Event::default().event("report").data("new"),
    };
    Some((Ok(event), watcher))
}

/// Renders beside the threads that do the asking, which have a run to look after.
async fn rendered<T: Send + 'static>(room: Room, render: fn(&Room) -> T) -> Option<T> {
    tokio::task::spawn_blocking(move || render(&room)).await.ok()
}

fn no_report() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, "the report could not be rendered\n").into_response()
}

async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

async fn only_by_address(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if names_this_machine(host) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "a run is asked by the address of its machine, such as 127.0.0.1\n").into_response()
    }
}
