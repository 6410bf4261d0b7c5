//! What others see of a run while it goes on.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::Failure;
use super::arguments::WatchArguments;
use crate::live::{Board, Push, PushError, Server};
use crate::verdict::ExitCode as Code;

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
    board: Arc<Board>,
    server: Option<Server>,
    collector: Option<(Arc<Push>, AbortOnDropHandle<()>)>,
}

impl Watched {
    /// From now on they see it.
    pub fn start(arguments: &WatchArguments, door: Option<Door>, board: Board) -> Result<Self, Failure> {
        let board = Arc::new(board);
        let server = door.map(|Door(listener)| Server::start(listener, board.clone())).transpose();
        let server = server.map_err(|error| Failure::new(Code::Internal, format!("--live: {error}")))?;
        if let Some(server) = &server {
            super::say(&format!("live: http://{}/", server.addr()));
        }
        let push = arguments.otlp.as_ref().map(|url| Push::new(url, board.meta())).transpose();
        let push = push.map_err(|error| Failure::new(Code::Internal, format!("--otlp: {error}")))?;
        let collector = push.map(Arc::new).map(|push| {
            let task = tokio::spawn(keep_pushing(push.clone(), board.clone()));
            (push, AbortOnDropHandle::new(task))
        });
        Ok(Self { board, server, collector })
    }

    /// The run is over: all of them learn how it ended.
    pub async fn end(self) {
        let Self { board, server, collector } = self;
        if let Some((push, task)) = collector {
            drop(task);
            if let Err(error) = push.send(&board.metrics()).await {
                super::say(&untold(&error));
            }
        }
        if let Some(server) = server {
            server.end().await;
        }
    }
}

/// Tells a collector how it goes on. That it does not listen is said once; it may do so later.
async fn keep_pushing(push: Arc<Push>, board: Arc<Board>) {
    let mut has_complained = false;
    loop {
        tokio::time::sleep(PUSH_EVERY).await;
        if let Err(error) = push.send(&board.metrics()).await
            && !std::mem::replace(&mut has_complained, true)
        {
            super::say(&untold(&error));
        }
    }
}

fn untold(error: &PushError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("--otlp: the collector did not take the metrics ({error}{cause}); the run and its reports do without")
}
