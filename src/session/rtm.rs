//! Real-time messaging over a websocket, as it is or as socket.io uses it.
//!
//! There is no writer task, no channel and no timer per message. A call puts its frame into the socket without
//! waiting and then waits for its answer; [`RtmSession::pump`] is the only one that polls the socket: it reads, flushes
//! what the socket would not take at once, expires calls and pings. The owner polls it beside the script that makes the
//! calls, in one task.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::protocol::Message as Frame;
use tokio_tungstenite::tungstenite::{self, Bytes};

use super::connect::{self, SessionError, Socket};
use super::framing::{Framing, garbage_in};
use super::heartbeat::Heartbeat;
use super::socketio::{self, Heard};
use super::{CallOutcome, LARGEST, Query, SessionContext, Token};
use crate::message::{Body, Message, request_text};
use crate::observe::{Clock, Closing, ConnectionId, Conversation, Delivered, Moment, Sending};

/// For the closing handshake.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// The action that keeps a connection alive where control frames cannot be sent (customer-v0.3 123).
pub const PING: &str = "ping";

/// How a connection that has nothing to say is kept alive, every `rtm.ping_every` of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PingStyle {
    /// Pings of the wire: websocket ping frames, or the ping packets of socket.io.
    #[default]
    Frame,
    /// The `ping` action, as browsers do. A socket.io session needs its ping packets beside it.
    Action,
    /// Not at all: the server closes it in the end.
    Off,
}

/// One open websocket.
pub struct RtmSession {
    /// Locked for the length of one poll, never across an await. Always taken before `state`.
    socket: Mutex<Socket>,
    state: Mutex<State>,
    /// Told when the connection is over.
    ended: Notify,
    token: Token,
    clock: Clock,
    framing: Framing,
    pings: PingStyle,
    ping_every: Duration,
    answer_within: Duration,
}

struct State {
    conversation: Conversation,
    waiting: Vec<(u64, oneshot::Sender<CallOutcome>)>,
    /// When a message was last sent, or a ping tried that stands in for one.
    last_sent: Moment,
    /// Of a session of socket.io, unless it is not pinged at all.
    heartbeat: Option<Heartbeat>,
    /// The socket did not take everything; the pump has to flush.
    unflushed: bool,
    closing: bool,
    /// How and when the connection ended.
    over: Option<(Closing, Moment)>,
}

/// Why a frame did not go out.
enum NotSent {
    Over,
    PeerDoesNotRead,
}

impl RtmSession {
    /// Opens the websocket. The token is not sent yet (see [`RtmSession::login`]), but hidden from here on.
    ///
    /// # Errors
    /// [`SessionError`] when there is no websocket after at most 10 s.
    pub async fn connect(context: &SessionContext, token: &Token) -> Result<Self, SessionError> {
        Self::connect_varied(context, token, &[]).await
    }

    /// The same with changes of the URL's query.
    ///
    /// # Errors
    /// [`SessionError`] when there is no websocket after at most 10 s.
    pub async fn connect_varied(
        context: &SessionContext,
        token: &Token,
        changes: &Query,
    ) -> Result<Self, SessionError> {
        let began = context.clock.now();
        let url = context.target.rtm_url(&context.dialect.catalog, changes);
        let socket = connect::in_time(&context.target, connect::open(&context.target, &url)).await?;
        Ok(Self::over((socket, Framing::Plain, None), context, token, began))
    }

    /// Opens a session of socket.io with changes of the URL's query.
    ///
    /// # Errors
    /// [`SessionError`] when there is none after at most 10 s.
    pub async fn connect_socketio(
        context: &SessionContext,
        token: &Token,
        changes: &Query,
    ) -> Result<Self, SessionError> {
        let began = context.clock.now();
        let (socket, mut heartbeat) = socketio::open(context, changes).await?;
        let at_least_every = match context.pings {
            PingStyle::Frame => context.dialect.catalog.rtm.ping_every,
            PingStyle::Action | PingStyle::Off => Duration::MAX,
        };
        heartbeat.start(context.clock.now(), at_least_every);
        let heartbeat = Some(heartbeat).filter(|_| context.pings != PingStyle::Off);
        Ok(Self::over((socket, Framing::SocketIo, heartbeat), context, token, began))
    }

    fn over(
        (socket, framing, heartbeat): (Socket, Framing, Option<Heartbeat>),
        context: &SessionContext,
        token: &Token,
        began: Moment,
    ) -> Self {
        let catalog = &context.dialect.catalog;
        let now = context.clock.now();
        let mut conversation = Conversation::new(
            context.dialect.clone(),
            context.ids.next_id(),
            framing.transport(),
            context.observer.clone(),
        );
        conversation.hide(token.reveal());
        conversation.connected(now, now.since(began));
        Self {
            socket: Mutex::new(socket),
            state: Mutex::new(State {
                conversation,
                waiting: Vec::new(),
                last_sent: now,
                heartbeat,
                unflushed: false,
                closing: false,
                over: None,
            }),
            ended: Notify::new(),
            token: token.clone(),
            clock: context.clock,
            framing,
            pings: context.pings,
            ping_every: catalog.rtm.ping_every,
            answer_within: catalog.timeout,
        }
    }

    /// Calls the dialect's login action with the token, exactly as it was given, and the members of `extra`. A member of
    /// `extra` wins over the token.
    pub async fn login(&self, extra: &Value, intended: Moment) -> CallOutcome {
        let action = self.state().conversation.dialect().catalog.login.action.clone();
        let mut payload = Map::new();
        payload.insert("token".into(), self.token.reveal().into());
        if let Value::Object(extra) = extra {
            payload.extend(extra.clone());
        }
        self.call(&action, &Value::Object(payload), intended).await
    }

    /// Sends a request and waits for its answer; `intended` is when it should have been sent. Somebody must poll
    /// [`RtmSession::pump`] meanwhile. Dropping the future gives up waiting; the answer is still observed.
    pub async fn call(&self, action: &str, payload: &Value, intended: Moment) -> CallOutcome {
        let (answer, answered) = oneshot::channel();
        match self.send(action, payload, intended, Some(answer)) {
            Ok(()) => answered.await.unwrap_or(CallOutcome::Closed),
            Err(NotSent::Over) => CallOutcome::NotSent("the connection is closed".to_owned()),
            Err(NotSent::PeerDoesNotRead) => CallOutcome::NotSent(format!(
                "more than {} MiB of requests wait to be sent: the request is too large, or the peer does not read",
                (2 * LARGEST) >> 20
            )),
        }
    }

    /// Reads frames, hands pushes to `on_push` in order, expires calls and pings, until the connection is over.
    pub async fn pump(&self, on_push: impl Fn(Message)) -> Closing {
        let mut alarm = pin!(sleep_until(self.next_alarm()));
        poll_fn(|cx| {
            while alarm.as_mut().poll(cx).is_ready() {
                self.ring();
                alarm.as_mut().reset(self.next_alarm());
            }
            match self.poll_frames(cx, &on_push) {
                // Only after everything was read: that we are late is not the server's silence.
                Poll::Pending if self.is_server_silent() => {
                    // As clients of socket.io do. Whether the goodbye arrives is not waited for.
                    self.ping(Frame::Close(None));
                    Poll::Ready(self.finish(Closing::ServerSilent))
                }
                polled => polled,
            }
        })
        .await
    }

    /// Closes with the closing handshake, for which the peer has 1 s. What still comes meanwhile is observed. If
    /// [`RtmSession::pump`] is polled at the same time, it must be by the same task.
    pub async fn close(&self) {
        {
            let mut socket = self.socket();
            let mut state = self.state();
            if !std::mem::replace(&mut state.closing, true) {
                if let Some(goodbye) = self.framing.goodbye() {
                    let _ = socket.start_send_unpin(goodbye);
                }
                state.unflushed |= socket.start_send_unpin(Frame::Close(None)).is_ok();
            }
        }
        let end = poll_fn(|cx| self.poll_frames(cx, &|_| {}));
        if tokio::time::timeout(CLOSE_WITHIN, end).await.is_err() {
            self.finish(Closing::ByUs);
        }
    }

    /// Whether the connection has ended.
    pub fn is_over(&self) -> bool {
        self.state().over.is_some()
    }

    /// Waits until the connection has ended, and says how and when it did. Somebody must poll [`RtmSession::pump`]
    /// meanwhile.
    pub async fn ended(&self) -> (Closing, Moment) {
        loop {
            let mut told = pin!(self.ended.notified());
            // Registered before looking, so that nothing slips through in between.
            told.as_mut().enable();
            if let Some(over) = self.state().over {
                return over;
            }
            told.await;
        }
    }

    /// Its number.
    pub fn connection(&self) -> ConnectionId {
        self.state().conversation.connection()
    }

    /// Id of the user that logged in, once the login was answered.
    pub fn user(&self) -> Option<String> {
        self.state().conversation.user().map(str::to_owned)
    }

    fn send(
        &self,
        action: &str,
        payload: &Value,
        intended: Moment,
        answer: Option<oneshot::Sender<CallOutcome>>,
    ) -> Result<(), NotSent> {
        let mut socket = self.socket();
        let mut state = self.state();
        if state.over.is_some() || state.closing {
            return Err(NotSent::Over);
        }
        let correlation = state.conversation.next_correlation();
        let name = state.conversation.dialect().catalog.rtm.correlation;
        let text = tungstenite::Utf8Bytes::from(request_text(name, &correlation, action, payload));
        let frame = self.framing.frame(&text);
        let at = self.clock.now();
        let sent = hand_over(&mut socket, &mut state, frame);
        if !matches!(sent, Err(NotSent::PeerDoesNotRead)) {
            state.last_sent = at;
            // Even when the connection just broke: somebody tried to send this, and the end that follows says why
            // there is no answer.
            let sending = Sending { correlation: Some(&correlation), action, intended, at, text: &text };
            let number = state.conversation.sending(sending);
            if let Some(answer) = answer {
                state.waiting.push((number, answer));
            }
        }
        drop(state);
        if matches!(sent, Err(NotSent::Over)) {
            self.finish(Closing::Broken);
        }
        sent
    }

    fn poll_frames(&self, cx: &mut Context<'_>, on_push: &impl Fn(Message)) -> Poll<Closing> {
        loop {
            let read = {
                let mut socket = self.socket();
                let mut state = self.state();
                if let Some((how, _)) = state.over {
                    return Poll::Ready(how);
                }
                if state.unflushed {
                    // A failure shows in the read below.
                    state.unflushed = socket.poll_flush_unpin(cx).is_pending();
                }
                drop(state);
                socket.poll_next_unpin(cx)
            };
            let Poll::Ready(read) = read else { return Poll::Pending };
            let at = self.clock.now();
            if self.framing == Framing::SocketIo {
                self.state().heartbeat.iter_mut().for_each(Heartbeat::heard);
            }
            match read {
                Some(Ok(Frame::Text(frame))) => {
                    let text = match self.framing.hear(&frame) {
                        Heard::Message(text) => text,
                        Heard::Pong => {
                            self.state().conversation.ponged(at);
                            continue;
                        }
                        Heard::Garbage(what) => {
                            self.garbage(at, &what);
                            continue;
                        }
                        Heard::End => return Poll::Ready(self.finish(Closing::ByServer)),
                        Heard::Nothing => continue,
                    };
                    // The observer and the waiting calls are told under the lock, the hook is not: it may call us.
                    let push = self.take(at, &text);
                    if let Some(push) = push {
                        on_push(push);
                    }
                }
                Some(Ok(Frame::Binary(bytes))) => self.garbage(at, &format!("a binary frame of {} bytes", bytes.len())),
                Some(Ok(Frame::Pong(_))) => self.state().conversation.ponged(at),
                Some(Ok(Frame::Ping(_) | Frame::Frame(_))) => {}
                Some(Ok(Frame::Close(_))) => {
                    // Reading once more would send the reply, but also wait for the peer to hang up.
                    let _ = self.socket().poll_flush_unpin(cx);
                    return Poll::Ready(self.finish(Closing::ByServer));
                }
                Some(Err(error)) => {
                    if let Some(what) = garbage_in(&error) {
                        self.garbage(at, &what);
                    }
                    return Poll::Ready(self.finish(Closing::Broken));
                }
                None => return Poll::Ready(self.finish(Closing::Broken)),
            }
        }
    }

    fn take(&self, at: Moment, text: &str) -> Option<Message> {
        let mut state = self.state();
        state.expire(at);
        match state.conversation.received(at, text) {
            Delivered::Push(message) => Some(message),
            Delivered::Answer { request, message } => {
                let success = message.body == Body::Response { success: true };
                state.complete(request, CallOutcome::Answered { success, payload: message.payload });
                None
            }
            Delivered::Nothing => None,
        }
    }

    fn garbage(&self, at: Moment, what: &str) {
        self.state().conversation.received_garbage(at, what);
    }

    /// The alarm went off: expires calls, pings a silent connection.
    fn ring(&self) {
        let now = self.clock.now();
        let (silent, beat) = {
            let mut state = self.state();
            state.expire(now);
            let is_open = !state.closing && state.over.is_none();
            // Whether or not the ping gets through, the next one is due an interval later.
            let silent = now.since(state.last_sent) >= self.ping_every;
            if silent {
                state.last_sent = now;
            }
            let beat = state.heartbeat.as_mut().is_some_and(|heartbeat| heartbeat.beats(now));
            (silent && is_open, beat && is_open)
        };
        match (self.framing, self.pings) {
            (_, PingStyle::Action) if silent => {
                let _ = self.send(PING, &Value::Null, now, None);
            }
            (Framing::Plain, PingStyle::Frame) if silent => self.ping(Frame::Ping(Bytes::new())),
            _ => {}
        }
        if beat {
            self.ping(Frame::text(socketio::PING));
        }
    }

    fn is_server_silent(&self) -> bool {
        let lost =
            |state: &State| state.heartbeat.as_ref().is_some_and(|heartbeat| heartbeat.is_lost(self.clock.now()));
        self.framing == Framing::SocketIo && lost(&self.state())
    }

    /// A ping that cannot be sent breaks nothing by itself: the read shows a broken connection.
    fn ping(&self, frame: Frame) {
        let mut socket = self.socket();
        let mut state = self.state();
        let _ = hand_over(&mut socket, &mut state, frame);
    }

    /// When the alarm must go off next. Never later than the documented limit from now, so that no call sent meanwhile
    /// expires before the alarm and none has to move it.
    fn next_alarm(&self) -> Instant {
        let state = self.state();
        let now = self.clock.now();
        let mut due = now + self.answer_within;
        if let Some(expiry) = state.conversation.next_expiry() {
            due = due.min(expiry);
        }
        if self.pings != PingStyle::Off {
            due = due.min(state.last_sent + self.ping_every);
        }
        if let Some(heartbeat) = &state.heartbeat {
            due = due.min(heartbeat.next());
        }
        // A millisecond, tokio's own granularity, so that "just before" never turns into a busy loop.
        Instant::now() + due.since(now).max(Duration::from_millis(1))
    }

    /// The connection is over; the first reason stays. Every waiting call ends.
    fn finish(&self, how: Closing) -> Closing {
        let mut state = self.state();
        if let Some((how, _)) = state.over {
            return how;
        }
        let how = if state.closing { Closing::ByUs } else { how };
        let now = self.clock.now();
        state.expire(now);
        state.over = Some((how, now));
        state.conversation.closed(now, how);
        state.waiting.clear();
        drop(state);
        self.ended.notify_waiters();
        how
    }

    fn socket(&self) -> MutexGuard<'_, Socket> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RtmSession {
    fn drop(&mut self) {
        self.finish(Closing::ByUs);
    }
}

impl std::fmt::Debug for RtmSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RtmSession").field("conversation", &self.state().conversation).finish_non_exhaustive()
    }
}

impl State {
    fn expire(&mut self, now: Moment) {
        for number in self.conversation.expire(now) {
            self.complete(number, CallOutcome::TimedOut);
        }
    }

    fn complete(&mut self, number: u64, outcome: CallOutcome) {
        if let Some(index) = self.waiting.iter().position(|(waiting, _)| *waiting == number) {
            // Nobody may be waiting any more.
            let _ = self.waiting.swap_remove(index).1.send(outcome);
        }
    }
}

/// Puts a frame into the socket's buffer and as much of it as possible onto the wire.
///
/// Whoever sends has no waker to register: the pump's, registered by its last read, is woken when the socket becomes
/// writable, and it flushes the rest.
fn hand_over(socket: &mut Socket, state: &mut State, frame: Frame) -> Result<(), NotSent> {
    match socket.start_send_unpin(frame) {
        Ok(()) => {}
        Err(tungstenite::Error::WriteBufferFull(_)) => return Err(NotSent::PeerDoesNotRead),
        Err(_) => return Err(NotSent::Over),
    }
    match socket.poll_flush_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(())) => Ok(()),
        Poll::Pending => {
            state.unflushed = true;
            Ok(())
        }
        Poll::Ready(Err(_)) => Err(NotSent::Over),
    }
}
