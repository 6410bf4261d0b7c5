//! What others see of a run while it goes on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::Failure;
use crate::live::{Board, Push, PushError, Server};
use crate::verdict::ExitCode as Code;

/// Who else sees how a run goes on.
#[derive(Debug, Args)]
pub(super) struct WatchArguments {
    /// Serve the report while the run goes on, such as at 127.0.0.1:8089, and its numbers for Prometheus at /metrics there.
    #[arg(long, value_name = "ADDR:PORT")]
    pub live: Option<SocketAddr>,
    /// Push the same numbers to an OpenTelemetry collector, such as http://127.0.0.1:4318, while the run goes on and at its end.
    #[arg(long, value_name = "URL", value_parser = collector)]
    pub otlp: Option<Url>,
}

impl WatchArguments {
    /// Whether somebody may look at more than counts.
    pub fn is_asked_for(&self) -> bool {
        self.live.is_some() || self.otlp.is_some()
    }
}

/// Where those who watch a run come in.
pub(super) struct Door(std::net::TcpListener);

/// Opens the one that the command line names. That comes before the run: who cannot watch it would have to make it again.
pub(super) fn open(arguments: &WatchArguments) -> Result<Option<Door>, Failure> {
    let Some(addr) = arguments.live else { return Ok(None) };
    let opened = std::net::TcpListener::bind(addr).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(Some(Door(listener)))
    });
    opened.map_err(|error| Failure::new(Code::Usage, format!("--live: cannot listen at {addr}: {error}")))
}

/// How often a collector is told.
const PUSH_EVERY: Duration = Duration::from_secs(10);

/// Those who watch a run.
pub(super) struct Watched {
    server: Option<Server>,
    collector: Option<(Arc<Collector>, AbortOnDropHandle<()>)>,
}

/// A collector that is told how a run goes on.
struct Collector {
    push: Push,
    board: Arc<dyn Board>,
    has_complained: AtomicBool,
}

impl Watched {
    /// From now on they see it.
    pub fn start(arguments: &WatchArguments, door: Option<Door>, board: Arc<dyn Board>) -> Result<Self, Failure> {
        let server = door.map(|Door(listener)| Server::start(listener, board.clone())).transpose();
        let server = server.map_err(|error| Failure::new(Code::Internal, format!("--live: {error}")))?;
        if let Some(server) = &server {
            super::say(&format!("live: http://{}/", server.addr()));
        }
        let push = arguments.otlp.as_ref().map(|url| Push::new(url, board.meta())).transpose();
        let push = push.map_err(|error| Failure::new(Code::Internal, format!("--otlp: {error}")))?;
        let collector = push.map(|push| {
            let collector = Arc::new(Collector { push, board, has_complained: AtomicBool::new(false) });
            (collector.clone(), AbortOnDropHandle::new(tokio::spawn(collector.keep_telling())))
        });
        Ok(Self { server, collector })
    }

    /// The run is over: all of them learn how it ended. `last` renders what the page shows in the end.
    pub async fn end(self, last: impl FnOnce() -> String) {
        let Self { server, collector } = self;
        if let Some((collector, telling)) = collector {
            drop(telling);
            collector.tell().await;
        }
        if let Some(server) = server {
            server.end(last()).await;
        }
    }
}

impl Collector {
    async fn keep_telling(self: Arc<Self>) {
        loop {
            tokio::time::sleep(PUSH_EVERY).await;
            self.tell().await;
        }
    }

    /// That it does not listen is said once; it may do so later.
    async fn tell(&self) {
        if let Err(error) = self.push.send(&self.board.metrics()).await
            && !self.has_complained.swap(true, Ordering::Relaxed)
        {
            super::say(&untold(&error));
        }
    }
}

fn untold(error: &PushError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("--otlp: the collector did not take the metrics ({error}{cause}); the run and its reports do without")
}

fn collector(text: &str) -> Result<Url, String> {
    let url = text.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| "not an address of a collector such as http://127.0.0.1:4318".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_an_address_of_the_web() {
        assert_eq!(collector("http://127.0.0.1:4318").unwrap().port(), Some(4318));
        for text in ["127.0.0.1:4318", "ftp://a", "grpc://a:4317", "http://", ""] {
            let expected = "not an address of a collector such as http://127.0.0.1:4318";
            assert_eq!(collector(text), Err(expected.to_owned()), "{text}");
        }
    }
}
