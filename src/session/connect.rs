//! From nothing to an open websocket.

use std::io;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::{LARGEST, Target, Trust, tcp};

/// For looking up the name, connecting, TLS and the handshake together.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The name has no address.
    #[error("cannot find the address of {peer} ({reason}); check the host name of the target")]
    Unresolved {
        /// Host and port.
        peer: String,
        /// What the resolver said.
        reason: String,
    },
    /// Nobody listens there.
    #[error("{peer} refused the connection; check that the server runs and listens on this port")]
    Refused {
        /// Host and port.
        peer: String,
    },
    /// No way there, or another fault of the network.
    #[error("cannot reach {peer} ({reason}); check the address and the network")]
    Unreachable {
        /// Host and port.
        peer: String,
        /// What the system said.
        reason: String,
    },
    /// The connection broke before the handshake was done.
    #[error(
        "{peer} closed the connection during the handshake; check that it is a websocket server and not overloaded"
    )]
    Reset {
        /// Host and port.
        peer: String,
    },
    /// TLS failed.
    #[error("no TLS connection to {peer} ({reason}); check its certificate, and whether http:// or ws:// was meant")]
    Tls {
        /// Host and port.
        peer: String,
        /// What rustls said.
        reason: String,
    },
    /// An HTTP answer that opens nothing, such as a web page.
    #[error(
        "{peer} answered {url} with HTTP {status} in place of a connection; check the target, the dialect and the licence"
    )]
    Http {
        /// Host and port.
        peer: String,
        /// What was asked for.
        url: String,
        /// The status of the answer.
        status: u16,
    },
    /// The peer speaks something else.
    #[error("{peer} does not speak websocket ({reason}); check the port, and whether https:// or wss:// was meant")]
    NotWebsocket {
        /// Host and port.
        peer: String,
        /// What is wrong with its answer.
        reason: String,
    },
    /// The peer does not answer as an HTTP server.
    #[error("{peer} does not speak HTTP ({reason}); check the port, and whether https:// or http:// was meant")]
    NotHttp {
        /// Host and port.
        peer: String,
        /// What is wrong with its answer.
        reason: String,
    },
    /// The peer answers, but not as socket.io of this generation does.
    #[error(
        "{peer} does not speak socket.io as clients of its versions 1 and 2 do ({reason}); check the target, and that its server takes `EIO=3`"
    )]
    NotSocketIo {
        /// Host and port.
        peer: String,
        /// What came in place of it.
        reason: String,
    },
    /// The peer speaks socket.io, and wants none from us.
    #[error("{peer} refused the socket.io session ({reason}); check the target, the dialect and the licence")]
    Declined {
        /// Host and port.
        peer: String,
        /// What it said.
        reason: String,
    },
    /// Nothing happened for too long.
    #[error("{peer} did not finish the handshake within {} s; check that it is a websocket server and not overloaded", CONNECT_WITHIN.as_secs())]
    Timeout {
        /// Host and port.
        peer: String,
    },
    /// Our own machine has no more sockets.
    #[error(
        "this machine has no more sockets for {peer} ({reason}); raise the limit of open files or use more processes"
    )]
    Exhausted {
        /// Host and port.
        peer: String,
        /// What the system said.
        reason: String,
    },
}

impl SessionError {
    /// Whether it is our own machine that could not.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Exhausted { .. })
    }

    /// Whether somebody answered there, but not with a websocket. Otherwise nobody was reached, or nobody in time.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Http { .. }
            | Self::Reset { .. }
            | Self::NotWebsocket { .. }
            | Self::NotHttp { .. }
            | Self::NotSocketIo { .. }
            | Self::Declined { .. } => true,
            Self::Unresolved { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::Tls { .. }
            | Self::Timeout { .. }
            | Self::Exhausted { .. } => false,
        }
    }
}

/// Plain TCP or TLS. Behind a pointer, because TLS state is a kilobyte that plain sessions would carry too.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

pub(super) type Socket = WebSocketStream<Box<dyn Wire>>;

/// Gives an attempt to connect the time that it may take.
///
/// # Errors
/// [`SessionError`], after at most 10 s.
pub(super) async fn in_time<T>(
    target: &Target,
    attempt: impl Future<Output = Result<T, SessionError>>,
) -> Result<T, SessionError> {
    tokio::time::timeout(CONNECT_WITHIN, attempt)
        .await
        .unwrap_or_else(|_| Err(SessionError::Timeout { peer: target.peer() }))
}

/// Opens a connection for somebody else to speak on.
///
/// # Errors
/// [`SessionError`], after at most 10 s.
pub async fn reach(target: &Target, trust: &Trust) -> Result<Box<dyn Wire>, SessionError> {
    in_time(target, dial(target, trust)).await
}

/// Opens a connection, for as long as it takes (see [`in_time`]).
///
/// # Errors
/// [`SessionError`].
pub(super) async fn dial(target: &Target, trust: &Trust) -> Result<Box<dyn Wire>, SessionError> {
    let peer = || target.peer();
    let addresses = target
        .addresses()
        .await
        .map_err(|error| SessionError::Unresolved { peer: peer(), reason: error.to_string() })?;
    let stream = tcp::connect(addresses).await.map_err(|error| from_io(peer(), &error))?;
    stream.set_nodelay(true).map_err(|error| from_io(peer(), &error))?;
    if target.tls {
        let no_tls = |reason: String| SessionError::Tls { peer: peer(), reason };
        let name = ServerName::try_from(target.host.clone()).map_err(|error| no_tls(error.to_string()))?;
        let connector = TlsConnector::from(trust.config().map_err(|error| no_tls(error.to_string()))?);
        Ok(Box::new(connector.connect(name, stream).await.map_err(|error| no_tls(error.to_string()))?))
    } else {
        Ok(Box::new(stream))
    }
}

/// Opens a websocket, for as long as it takes (see [`in_time`]).
///
/// # Errors
/// [`SessionError`].
pub(super) async fn open(target: &Target, url: &str) -> Result<Socket, SessionError> {
    let wire = dial(target, &Trust::default()).await?;
    // Small buffers: the defaults cost 130 KiB a connection. A write buffer of 0 sends each frame at once; the limit
    // above it only matters when a peer does not read.
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * LARGEST)
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST));
    match client_async_with_config(url, wire, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(error) => Err(from_handshake(target.peer(), url, error)),
    }
}

fn from_handshake(peer: String, url: &str, error: tungstenite::Error) -> SessionError {
    match error {
        tungstenite::Error::Http(response) => {
            SessionError::Http { peer, url: url.to_owned(), status: response.status().as_u16() }
        }
        tungstenite::Error::Io(error) => from_io(peer, &error),
        tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete) => SessionError::Reset { peer },
        other => SessionError::NotWebsocket { peer, reason: other.to_string() },
    }
}

/// What a failure means between the handshake of the websocket and the session above it.
pub(super) fn from_io_or_wire(peer: &str, error: tungstenite::Error) -> SessionError {
    match error {
        tungstenite::Error::Io(error) => from_io(peer.to_owned(), &error),
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            SessionError::Reset { peer: peer.to_owned() }
        }
        other => SessionError::NotWebsocket { peer: peer.to_owned(), reason: other.to_string() },
    }
}

fn from_io(peer: String, error: &io::Error) -> SessionError {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => SessionError::Refused { peer },
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => SessionError::Reset { peer },
        _ if is_exhausted(error) => SessionError::Exhausted { peer, reason: error.to_string() },
        _ => SessionError::Unreachable { peer, reason: error.to_string() },
    }
}

/// Whether our own machine has no more sockets. ENFILE and EMFILE have no kind of their own.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}
