//! Sessions that poll: what the requests of a session and its connection have in common.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use http::header;
use rand::distr::{Alphanumeric, SampleString};
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::super::wire::{LARGEST_FRAME, Socket};
use super::refused;
use crate::message::socketio::{Packet, PayloadForm, decode_payload, encode_payload, packet_text, parse_packet};

/// Packets that may wait for the next poll; more wait in the connection's queue.
const OUTBOX: usize = 64;
/// Posted packets that may wait for the connection.
const INBOX: usize = 16;
/// How long a websocket may take to prove itself.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// The open sessions that poll, by their ids.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<String, Arc<Polled>>>);

/// The side of a session that requests see.
pub struct Polled {
    sid: String,
    /// The form of the answers: a client that says `b64` cannot read bytes.
    form: PayloadForm,
    outbox: AsyncMutex<mpsc::Receiver<String>>,
    inbox: mpsc::Sender<String>,
    upgraded: mpsc::Sender<Box<Socket>>,
    /// Whether a websocket is being tried out. Then polls do not wait, because the client waits for the last of them.
    probing: watch::Sender<bool>,
}

/// The side of a session that its connection sees. When it is dropped there is no such session any more.
pub struct Polling {
    /// What the next poll takes along.
    pub outbox: mpsc::Sender<String>,
    /// What was posted.
    pub inbox: mpsc::Receiver<String>,
    /// The websocket that takes over.
    pub upgraded: mpsc::Receiver<Box<Socket>>,
    session: Arc<Polled>,
    sessions: Arc<Sessions>,
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.sessions.all().remove(&self.session.sid);
    }
}

impl Polling {
    /// What no poll has taken along, in order.
    pub async fn left(&self) -> Vec<String> {
        let mut outbox = self.session.outbox.lock().await;
        outbox.close();
        std::iter::from_fn(|| outbox.try_recv().ok()).collect()
    }
}

impl Sessions {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Polled>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open session of that id.
    pub fn get(&self, sid: &str) -> Option<Arc<Polled>> {
        self.all().get(sid).cloned()
    }

    /// Opens a session.
    pub fn open(self: &Arc<Self>, base64: bool) -> (Polling, Arc<Polled>) {
        let (outbox, polls) = mpsc::channel(OUTBOX);
        let (posts, inbox) = mpsc::channel(INBOX);
        let (upgrades, upgraded) = mpsc::channel(1);
        let session = Arc::new(Polled {
            sid: new_sid(),
            form: if base64 { PayloadForm::Twice } else { PayloadForm::Binary },
            outbox: AsyncMutex::new(polls),
            inbox: posts,
            upgraded: upgrades,
            probing: watch::Sender::new(false),
        });
        self.all().insert(session.sid.clone(), Arc::clone(&session));
        let (session_too, sessions) = (Arc::clone(&session), Arc::clone(self));
        (Polling { outbox, inbox, upgraded, session: session_too, sessions }, session)
    }
}

/// An id that nobody guesses.
pub fn new_sid() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 20)
}

impl Polled {
    /// Its id.
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// Answers a poll: with what there is, or with what comes next.
    pub async fn poll(&self) -> Response {
        let Ok(mut outbox) = self.outbox.try_lock() else {
            return refused(3, "There is a poll of this session already");
        };
        let mut probing = self.probing.subscribe();
        let first = tokio::select! {
            biased;
            packet = outbox.recv() => packet.unwrap_or_else(|| packet_text(&Packet::Close)),
            _ = probing.wait_for(|probing| *probing) => packet_text(&Packet::Noop),
        };
        let mut packets = vec![first];
        packets.extend(std::iter::from_fn(|| outbox.try_recv().ok()));
        if packets.iter().any(|packet| *packet == packet_text(&Packet::Close)) {
            // Whoever closes waits for this.
            outbox.close();
        }
        let kind = match self.form {
            // Browsers throw away what is not declared as bytes.
            PayloadForm::Binary => "application/octet-stream",
            PayloadForm::Plain | PayloadForm::Twice => {
                for packet in &mut packets {
                    *packet = ascii(packet);
                }
                "text/plain; charset=UTF-8"
            }
        };
        let body = encode_payload(packets.iter().map(String::as_str), self.form);
        ([(header::CONTENT_TYPE, kind)], body).into_response()
    }

    /// Takes what was posted.
    pub async fn post(&self, body: Body) -> Response {
        let Ok(body) = to_bytes(body, LARGEST_FRAME).await else {
            return refused(3, "Too large, or it did not arrive");
        };
        let payload = decode_payload(&body);
        for packet in payload.packets {
            if self.inbox.send(packet.into_owned()).await.is_err() {
                return refused(1, "Session ID unknown");
            }
        }
        match payload.broken {
            None => ([(header::CONTENT_TYPE, "text/html")], "ok").into_response(),
            Some(reason) => refused(3, &reason),
        }
    }

    /// Tries out a websocket, and hands it to the connection when the client asks for that.
    pub async fn probe(self: Arc<Self>, mut socket: Socket) {
        let mut first = false;
        let proven = timeout(PROBE_LIMIT, async {
            if says(&mut socket, &Packet::Ping("probe".into())).await {
                // From here on polls do not wait, and so the client can ask for the upgrade.
                first = self.probing.send_if_modified(|probing| !std::mem::replace(probing, true));
            }
            let pong = Message::text(packet_text(&Packet::Pong("probe".into())));
            first && socket.send(pong).await.is_ok() && says(&mut socket, &Packet::Upgrade).await
        });
        if matches!(proven.await, Ok(true)) {
            // A connection that has ended meanwhile takes the websocket along.
            let _ = self.upgraded.send(Box::new(socket)).await;
        } else if first {
            self.probing.send_replace(false);
        }
    }
}

/// Whether this is what comes next.
async fn says(socket: &mut Socket, packet: &Packet<'_>) -> bool {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return parse_packet(&text).as_ref() == Ok(packet),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            _ => return false,
        }
    }
}

/// The same packet with everything that is not ASCII escaped, which JSON allows and which is all that packets hold. Clients of 1.x want
/// text encoded twice here, those of 2.x once, and nothing tells them apart; this is the same either way.
fn ascii(packet: &str) -> String {
    let mut escaped = String::with_capacity(packet.len());
    for c in packet.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}
