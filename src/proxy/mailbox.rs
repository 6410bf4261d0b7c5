//! A session that polls, where messages are passed on one by one: what its server says waits here until it is due and a poll comes for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderValue, Request, Response, StatusCode, header, request};
use http_body_util::{BodyExt, Limited};
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::sleep_until;
use tokio_util::task::AbortOnDropHandle;

use super::relay::{Cut, Unanswered, for_client, full, response};
use super::trouble::{Deed, Fate, Trouble};
use super::upstream::Line;
use super::watch::Overheard;
use super::{Relayed, Shared, body};
use crate::message::socketio::{Packet, PayloadForm, decode_payload, encode_payload, packet_text};
use crate::message::{Framing, refusal_text};
use crate::observe::{ClientSent, Closing};

/// What a server of socket.io says to whoever names a session that is over.
const UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;

/// What the server answered to a poll.
type Polled = Result<(Parts, Bytes), Unanswered>;

/// Stands between the polls of a client and those of its server.
pub(super) struct Mailbox {
    overheard: Overheard,
    /// How the server frames its packets.
    form: PayloadForm,
    state: Mutex<State>,
    /// Told when something was put in that is not the server's.
    told: Notify,
    /// The poll that the server has not answered yet. It outlives the client's, which takes what is due.
    asked: AsyncMutex<Option<AbortOnDropHandle<Polled>>>,
    line: Arc<AsyncMutex<Line>>,
}

struct State {
    trouble: Trouble,
    /// Packets that carry no message; they wait for nothing.
    beside: Vec<String>,
    /// The head of the server's latest answer, for those that are written here.
    head: Parts,
    is_over: bool,
}

impl Mailbox {
    /// For a session whose opening was answered with this head, and in this form.
    pub fn new(shared: &Shared, overheard: Overheard, head: Parts, form: PayloadForm) -> Self {
        let trouble = Trouble::new(overheard.dialect(), &shared.mode.trouble, overheard.connection().0);
        Self {
            overheard,
            // What is ASCII, as an opening is, looks the same either way.
            form: if form == PayloadForm::Plain { PayloadForm::Twice } else { form },
            state: Mutex::new(State { trouble, beside: Vec::new(), head, is_over: false }),
            told: Notify::new(),
            asked: AsyncMutex::default(),
            line: Arc::new(AsyncMutex::new(Line::new())),
        }
    }

    /// Answers a poll: with what is due, or with what comes next. The server is asked as long as there is room for what it says.
    ///
    /// # Errors
    /// When the server gives no answer, or the client gets none.
    pub async fn poll(&self, shared: &Arc<Shared>, poll: request::Parts) -> Result<Response<Relayed>, Unanswered> {
        let mut asked = self.asked.lock().await;
        loop {
            if self.state().is_over {
                return Ok(unknown());
            }
            if let Some(response) = self.take(shared)? {
                return Ok(response);
            }
            let (is_full, due) = {
                let state = self.state();
                (state.trouble.is_full(), state.trouble.next_due())
            };
            if asked.is_none() && !is_full {
                *asked = Some(self.ask(shared.clone(), poll.clone()));
            }
            let answered = async {
                match asked.as_mut() {
                    Some(asked) => asked.await,
                    None => std::future::pending().await,
                }
            };
            let waiting = async {
                match due {
                    Some(due) => sleep_until(shared.watch.clock.instant(due).into()).await,
                    None => std::future::pending().await,
                }
            };
            let polled = tokio::select! {
                polled = answered => Some(polled),
                () = waiting => None,
                () = self.told.notified() => None,
            };
            if let Some(polled) = polled {
                *asked = None;
                // The task is only ever given up together with this.
                let (head, body) = polled.map_err(|_| Cut)??;
                if head.status != StatusCode::OK || !self.server_said(shared, &head, &body) {
                    return Ok(written(head, body));
                }
            }
        }
    }

    /// Passes on what a client posts, without what is not to reach the server.
    ///
    /// # Errors
    /// When the server gives no answer.
    pub async fn post(
        &self,
        shared: &Shared,
        post: request::Parts,
        body: Bytes,
    ) -> Result<Response<Relayed>, Unanswered> {
        if self.state().is_over {
            return Ok(unknown());
        }
        if self.state().trouble.is_full() {
            // Whoever asks and asks, and takes no answer, is not waited for.
            return Err(Cut.into());
        }
        let payload = decode_payload(&body);
        let kept: Vec<&str> =
            payload.packets.iter().map(|packet| &**packet).filter(|packet| self.passes(shared, packet)).collect();
        if let Some(broken) = &payload.broken {
            self.overheard.client_garbage(broken);
        }
        self.told.notify_one();
        let is_whole = kept.len() == payload.packets.len();
        if kept.is_empty() && !is_whole {
            let mut head = self.state().head.clone();
            head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
            return Ok(written(head, "ok".into()));
        }
        let body = if is_whole { body.clone() } else { encode_payload(kept, payload.form).into() };
        let request = Request::from_parts(post, full(body));
        // A poll of the server may be waiting on the other connection.
        let response = Line::new().ask(&shared.upstream, request).await?;
        Ok(for_client(response).map(BodyExt::boxed))
    }

    /// Whether a packet of the client reaches the server.
    fn passes(&self, shared: &Shared, packet: &str) -> bool {
        let Some(ClientSent::Request(asked)) = self.overheard.client_text(Framing::Packets, packet) else {
            return true;
        };
        let now = shared.watch.clock.now();
        let mut state = self.state();
        if let Some(refusal) = asked.refusal.as_ref().filter(|_| shared.mode.enforce) {
            self.overheard.withheld(asked.number);
            state.trouble.tell(now, refusal_text(&asked.request, refusal));
            return false;
        }
        let Fate::Answer(answer) = state.trouble.client_asked(&asked.request) else { return true };
        // It is as if the server had said so, as on a websocket.
        self.overheard.server_text(Framing::Bare, &answer);
        state.trouble.tell(now, answer);
        false
    }

    /// Takes the server's packets in. False when they cannot be read: then they pass as they are.
    fn server_said(&self, shared: &Shared, head: &Parts, body: &[u8]) -> bool {
        let payload = decode_payload(body);
        let now = shared.watch.clock.now();
        let mut state = self.state();
        state.head = head.clone();
        for packet in &payload.packets {
            match self.overheard.server_text(Framing::Packets, packet) {
                Some(message) => state.trouble.server_sent(now, &message),
                None => {
                    // It releases a poll because a websocket takes over, where nothing that waits here would arrive.
                    if **packet == *packet_text(&Packet::Noop) {
                        state.trouble.hurry(now);
                    }
                    state.beside.push(packet.to_string());
                }
            }
        }
        match payload.broken {
            Some(broken) => {
                self.overheard.server_garbage(&broken);
                state.beside.clear();
                false
            }
            None => true,
        }
    }

    /// The answer with what is due, if there is anything.
    fn take(&self, shared: &Shared) -> Result<Option<Response<Relayed>>, Cut> {
        let now = shared.watch.clock.now();
        let mut state = self.state();
        for provoked in state.trouble.provoked() {
            shared.provoker.provoked(now, self.overheard.connection(), provoked);
        }
        let mut packets = std::mem::take(&mut state.beside);
        while let Some(deed) = state.trouble.due(now) {
            match deed {
                Deed::Send(text) => packets.push(Framing::Packets.wrap(text)),
                ending => {
                    state.is_over = true;
                    self.overheard.closed(Closing::ByUs);
                    if ending == Deed::Cut {
                        return Err(Cut);
                    }
                    packets.push(packet_text(&Packet::Close));
                    break;
                }
            }
        }
        let body = || encode_payload(packets.iter().map(String::as_str), self.form);
        Ok((!packets.is_empty()).then(|| written(state.head.clone(), body().into())))
    }

    /// Polls the server.
    fn ask(&self, shared: Arc<Shared>, poll: request::Parts) -> AbortOnDropHandle<Polled> {
        let line = self.line.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            let answer = line.lock().await.ask(&shared.upstream, Request::from_parts(poll, full(Bytes::new()))).await;
            let (head, body) = for_client(answer?).into_parts();
            let body = Limited::new(body, body::LONGEST).collect().await.map_err(|_| Cut)?;
            Ok((head, body.to_bytes()))
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer with another body than the head was written for.
fn written(mut head: Parts, body: Bytes) -> Response<Relayed> {
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, full(body))
}

fn unknown() -> Response<Relayed> {
    response(StatusCode::BAD_REQUEST, "application/json", UNKNOWN.to_owned())
}
