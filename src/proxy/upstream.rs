//! The way to the server.

use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::Relayed;
use crate::session::{SessionError, Target, Trust, reach};

/// The server that a proxy stands before.
#[derive(Debug)]
pub struct Upstream {
    /// Where it is.
    pub target: Target,
    /// Who may vouch for it.
    pub trust: Trust,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody was reached.
    #[error(transparent)]
    Unreachable(#[from] SessionError),
    /// The connection broke, or what came was not HTTP.
    #[error("{peer} gave no HTTP answer ({reason})")]
    Broken {
        /// Host and port.
        peer: String,
        /// What is wrong.
        reason: hyper::Error,
    },
}

/// One connection to the server, opened when it is needed. Each connection of a client has one of its own, as it would without the
/// proxy.
pub struct Line {
    sender: Option<SendRequest<Relayed>>,
}

impl Line {
    /// Not connected yet.
    pub fn new() -> Self {
        Self { sender: None }
    }

    /// Sends a request and waits for the head of its answer.
    pub async fn ask(
        &mut self,
        upstream: &Upstream,
        mut request: Request<Relayed>,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let broken = |reason| NoAnswer::Broken { peer: upstream.target.peer(), reason };
        if let Some(sender) = self.sender.as_mut()
            && sender.ready().await.is_ok()
        {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(response),
                // The server closed the connection while it was idle; the request never left.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(broken(error.into_error())),
                },
            }
        }
        let mut sender = connect(upstream).await?;
        let response = sender.send_request(request).await.map_err(broken)?;
        self.sender = Some(sender);
        Ok(response)
    }
}

async fn connect(upstream: &Upstream) -> Result<SendRequest<Relayed>, NoAnswer> {
    let wire = reach(&upstream.target, &upstream.trust).await?;
    let (sender, connection) = http1::Builder::new()
        .preserve_header_case(true)
        .handshake(TokioIo::new(wire))
        .await
        .map_err(|reason| NoAnswer::Broken { peer: upstream.target.peer(), reason })?;
    // It ends with the sender, or with the websocket that it becomes.
    tokio::spawn(connection.with_upgrades());
    Ok(sender)
}
