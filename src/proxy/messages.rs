//! Relays messages in place of bytes: frames are read and written anew, so that requests can be refused and a client can be given trouble.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Shared;
use super::trouble::{Deed, Fate, Trouble};
use super::watch::Overheard;
use crate::message::Framing;
use crate::message::refusal_text;
use crate::observe::{ClientSent, Closing};

/// Longest message that is relayed; the same as what is judged of bytes.
const LONGEST: usize = 4 << 20;
/// Whoever takes nothing for this long is gone.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// For the closing handshake.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// A websocket of a client, and the one of the server that it is joined to.
struct Pair<C, S> {
    client: WebSocketStream<C>,
    server: WebSocketStream<S>,
    overheard: Overheard,
    framing: Framing,
    /// It is only tried out by a session that polls; it matters once the session has moved here.
    probes: bool,
    trouble: Trouble,
    enforce: bool,
    shared: Arc<Shared>,
}

/// How it goes on after a frame.
enum Next {
    Go,
    /// Both sides are told goodbye with this.
    Close(Option<CloseFrame>),
    /// Both connections are dropped.
    Cut,
}

/// Whether what came is no websocket. Tungstenite counts among the protocol's errors when somebody goes without a closing frame; that is an end
/// and nothing that was said.
fn is_garbage(error: &Error) -> bool {
    match error {
        Error::Protocol(error) => !matches!(error, ProtocolError::ResetWithoutClosingHandshake),
        Error::Utf8(_) | Error::Capacity(_) => true,
        _ => false,
    }
}

/// Relays until one side goes, or is made to.
pub(super) async fn relay<C, S>(
    shared: Arc<Shared>,
    client: C,
    server: S,
    (overheard, framing, probes): (Overheard, Framing, bool),
) where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * LONGEST)
        .max_message_size(Some(LONGEST))
        .max_frame_size(Some(LONGEST));
    let trouble = Trouble::new(overheard.dialect(), &shared.mode.trouble, overheard.connection().0);
    let pair = Pair {
        client: WebSocketStream::from_raw_socket(client, Role::Server, Some(config)).await,
        server: WebSocketStream::from_raw_socket(server, Role::Client, Some(config)).await,
        overheard,
        framing,
        probes,
        trouble,
        enforce: shared.mode.enforce,
        shared,
    };
    pair.run().await;
}

impl<C, S> Pair<C, S>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    async fn run(mut self) {
        let clock = self.shared.watch.clock;
        loop {
            let due = self.trouble.next_due().map(|due| clock.instant(due).into());
            let waiting = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let next = tokio::select! {
                () = waiting => Next::Go,
                frame = self.client.next() => self.client_wrote(frame).await,
                frame = self.server.next(), if !self.trouble.is_full() => self.server_wrote(frame).await,
            };
            let next = match next {
                Next::Go => self.deliver().await,
                other => other,
            };
            match next {
                Next::Go => {}
                Next::Close(frame) => return self.close(frame).await,
                Next::Cut => return,
            }
        }
    }

    async fn client_wrote(&mut self, frame: Option<Result<Message, Error>>) -> Next {
        match frame {
            Some(Ok(Message::Text(text))) => {
                let sent = self.overheard.client_text(self.framing, &text);
                let now = self.shared.watch.clock.now();
                if let Some(ClientSent::Request(asked)) = &sent {
                    if let Some(refusal) = asked.refusal.as_ref().filter(|_| self.enforce) {
                        self.overheard.withheld(asked.number);
                        self.trouble.tell(now, refusal_text(&asked.request, refusal));
                        return Next::Go;
                    }
                    if let Fate::Answer(answer) = self.trouble.client_asked(&asked.request) {
                        // It is as if the server had said so, which it may: whether the client repeats what was perhaps carried out
                        // can only be seen when it is known that it was told so.
                        self.overheard.server_text(Framing::Bare, &answer);
                        self.trouble.tell(now, answer);
                        return Next::Go;
                    }
                }
                self.write_to_server(Message::Text(text)).await
            }
            Some(Ok(Message::Binary(bytes))) => {
                self.overheard.client_garbage(&format!("a binary message of {} bytes", bytes.len()));
                self.write_to_server(Message::Binary(bytes)).await
            }
            // Tungstenite answers it; the server has to know that the client lives, and its own answer ends here.
            Some(Ok(Message::Ping(payload))) => {
                self.overheard.client_pinged();
                self.write_to_server(Message::Ping(payload)).await
            }
            Some(Ok(Message::Close(frame))) => {
                self.ended(Closing::ByClient);
                Next::Close(frame)
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => Next::Go,
            Some(Err(error)) if is_garbage(&error) => {
                self.overheard.client_garbage("something that is not the websocket protocol, or too long");
                self.ended(Closing::Broken);
                Next::Close(None)
            }
            Some(Err(_)) | None => {
                self.ended(Closing::DroppedByClient);
                Next::Cut
            }
        }
    }

    async fn server_wrote(&mut self, frame: Option<Result<Message, Error>>) -> Next {
        match frame {
            Some(Ok(Message::Text(text))) => match self.overheard.server_text(self.framing, &text) {
                Some(message) => {
                    self.trouble.server_sent(self.shared.watch.clock.now(), &message);
                    Next::Go
                }
                None => self.write_to_client(Message::Text(text)).await,
            },
            Some(Ok(Message::Binary(bytes))) => {
                self.overheard.server_garbage(&format!("a binary message of {} bytes", bytes.len()));
                self.write_to_client(Message::Binary(bytes)).await
            }
            Some(Ok(Message::Ping(payload))) => self.write_to_client(Message::Ping(payload)).await,
            Some(Ok(Message::Pong(_))) => {
                self.overheard.server_ponged();
                Next::Go
            }
            Some(Ok(Message::Close(frame))) => {
                self.ended(Closing::ByServer);
                Next::Close(frame)
            }
            Some(Ok(Message::Frame(_))) => Next::Go,
            Some(Err(error)) if is_garbage(&error) => {
                self.overheard.server_garbage("something that is not the websocket protocol, or too long");
                self.ended(Closing::Broken);
                Next::Close(None)
            }
            Some(Err(_)) | None => {
                self.ended(Closing::Broken);
                Next::Cut
            }
        }
    }

    /// Does what is due.
    async fn deliver(&mut self) -> Next {
        let now = self.shared.watch.clock.now();
        for provoked in self.trouble.provoked() {
            self.shared.provoker.provoked(now, self.overheard.connection(), provoked);
        }
        while let Some(deed) = self.trouble.due(now) {
            let next = match deed {
                Deed::Send(text) => self.write_to_client(Message::Text(self.framing.wrap(text).into())).await,
                Deed::Close => {
                    let reason = "restarting".into();
                    self.ended(Closing::ByUs);
                    return Next::Close(Some(CloseFrame { code: CloseCode::Restart, reason }));
                }
                Deed::Cut => {
                    self.ended(Closing::ByUs);
                    return Next::Cut;
                }
            };
            if !matches!(next, Next::Go) {
                return next;
            }
        }
        Next::Go
    }

    fn ended(&self, how: Closing) {
        if !self.probes || self.overheard.is_upgraded() {
            self.overheard.closed(how);
        }
    }

    async fn write_to_client(&mut self, message: Message) -> Next {
        match timeout(WRITE_WITHIN, self.client.send(message)).await {
            Ok(Ok(())) => Next::Go,
            _ => {
                self.ended(Closing::DroppedByClient);
                Next::Cut
            }
        }
    }

    async fn write_to_server(&mut self, message: Message) -> Next {
        match timeout(WRITE_WITHIN, self.server.send(message)).await {
            Ok(Ok(())) => Next::Go,
            _ => {
                self.ended(Closing::Broken);
                Next::Cut
            }
        }
    }

    /// Says goodbye on both sides; what was held back for the client comes before.
    async fn close(mut self, frame: Option<CloseFrame>) {
        let Self { client, server, .. } = &mut self;
        let ending = async {
            let (frame, same) = (frame.clone(), frame);
            let to_client = async {
                if client.close(frame).await.is_ok() {
                    while client.next().await.is_some_and(|frame| frame.is_ok()) {}
                }
            };
            let to_server = async {
                if server.close(same).await.is_ok() {
                    while server.next().await.is_some_and(|frame| frame.is_ok()) {}
                }
            };
            tokio::join!(to_client, to_server);
        };
        // Their slowness here is their own.
        let _ = timeout(CLOSE_WITHIN, ending).await;
    }
}
