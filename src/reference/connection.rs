//! One RTM connection, over whatever wire: reads requests, writes what the hub queued for it, and keeps the rules of staying connected.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::defects::{Flag, Flags};
use super::hub::{Attached, ConnectionId, Outgoing};
use super::refusal::Refusal;
use super::render::Spoken;
use super::rtm::{Reading, read_request};
use super::server::Shared;
use super::wire::{Arrival, End, Heard, WRITE_LIMIT, Wire};
use super::world::ThreadId;
use crate::message::Request;
use crate::protocol::Dialect;

/// How long the peer may take to close after it was told to.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// A frame that is written later.
struct Delayed {
    due: Instant,
    after: Option<ThreadId>,
    text: Utf8Bytes,
}

/// A request that waits in line until its turn.
struct Waiting {
    turn: Instant,
    request: Request,
    wrong: Option<Refusal>,
}

/// A moment from which time is counted.
#[derive(Clone, Copy)]
struct Since {
    at: Instant,
    /// How far the clock had been put forward by then.
    forward: Duration,
}

struct Connection {
    wire: Wire,
    shared: Arc<Shared>,
    dialect: Arc<Dialect>,
    spoken: Spoken,
    id: ConnectionId,
    opened: Since,
    heard: Since,
    delayed: Vec<Delayed>,
    waiting: VecDeque<Waiting>,
    /// Something is due earlier than the timer knows.
    hastened: bool,
    /// The rules that are broken here.
    broken: Flags,
}

/// Tells the hub when the task ends, whyever it does.
struct Attachment {
    shared: Arc<Shared>,
    id: ConnectionId,
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.shared.desk().gone(self.id);
    }
}

/// Serves one connection until it ends.
pub async fn serve(shared: Arc<Shared>, dialect: Arc<Dialect>, spoken: Spoken, number: Option<u64>, wire: Wire) {
    let (attached, broken) = {
        let mut desk = shared.desk();
        (desk.come(spoken, number), desk.defects.flags())
    };
    let attachment = Attachment { shared: Arc::clone(&shared), id: attached.id };
    let now = Since { at: Instant::now(), forward: shared.forward() };
    let id = attached.id;
    let (opened, heard, delayed, waiting) = (now, now, Vec::new(), VecDeque::new());
    let connection =
        Connection { wire, shared, dialect, spoken, id, opened, heard, delayed, waiting, hastened: false, broken };
    connection.run(attached).await;
    drop(attachment);
}

impl Connection {
    async fn run(mut self, mut attached: Attached) {
        let timer = tokio::time::sleep_until(self.next_deadline());
        tokio::pin!(timer);
        let end = loop {
            let turn = self.waiting.front().map(|first| first.turn);
            tokio::select! {
                () = attached.cut.notified() => break End::Silent,
                outgoing = attached.queue.recv() => {
                    let Some(outgoing) = outgoing else { break End::Silent };
                    let mut written = self.write(outgoing).await;
                    // Whatever else is waiting leaves with it.
                    while written.is_none() && let Ok(more) = attached.queue.try_recv() {
                        written = self.write(more).await;
                    }
                    tokio::select! {
                        flushed = timeout(WRITE_LIMIT, self.wire.flush()) => {
                            if !matches!(flushed, Ok(true)) {
                                break End::Silent;
                            }
                        }
                        () = attached.cut.notified() => break End::Silent,
                    }
                    if let Some(end) = written {
                        break end;
                    }
                    if std::mem::take(&mut self.hastened) {
                        timer.as_mut().reset(self.next_deadline());
                    }
                }
                arrival = self.wire.arrival() => {
                    if let Some(end) = self.read(arrival).await {
                        break end;
                    }
                }
                () = reached(turn) => {
                    if let Some(Waiting { request, wrong, .. }) = self.waiting.pop_front() {
                        self.shared.desk().rtm(&self.dialect, self.spoken, self.id, request, wrong);
                    }
                }
                () = &mut timer => {
                    if let Some(end) = self.elapsed().await {
                        break end;
                    }
                    timer.as_mut().reset(self.next_deadline());
                }
            }
        };
        if let End::Told(code, reason) = end {
            // The peer's slowness here is its own.
            let _ = timeout(CLOSE_LIMIT, self.wire.close(code, reason)).await;
        }
    }

    fn now(&self) -> Since {
        Since { at: Instant::now(), forward: self.shared.forward() }
    }

    /// When so much time will have passed since then.
    fn after(&self, since: Since, time: Duration) -> Instant {
        since.at + time.saturating_sub(self.shared.forward().saturating_sub(since.forward))
    }

    async fn read(&mut self, arrival: Arrival) -> Option<End> {
        let now = self.now();
        let before = std::mem::replace(&mut self.heard, now);
        match self.wire.take(arrival).await {
            Heard::Text(text) => match read_request(&self.dialect, &text) {
                Reading::Request(request, wrong) => {
                    if self.broken.has(Flag::PingActionsIgnored) && &*request.action == "ping" {
                        self.heard = before;
                    }
                    let mut desk = self.shared.desk();
                    match desk.turn(&self.dialect, &request.action) {
                        Ok(Some(turn)) => self.waiting.push_back(Waiting { turn, request, wrong }),
                        Ok(None) => desk.rtm(&self.dialect, self.spoken, self.id, request, wrong),
                        Err(refusal) => desk.rtm(&self.dialect, self.spoken, self.id, request, Some(refusal)),
                    }
                    None
                }
                Reading::NoRequest => None,
                Reading::NotJson => Some(End::Told(CloseCode::Invalid, "not JSON")),
            },
            Heard::Ping => {
                if self.broken.has(Flag::PingFramesIgnored) {
                    self.heard = before;
                }
                None
            }
            Heard::Nothing => None,
            Heard::End(end) => Some(end),
        }
    }

    /// Puts something into the write buffer; says when it is the end.
    async fn write(&mut self, outgoing: Outgoing) -> Option<End> {
        match outgoing {
            Outgoing::Later(text, time, after) if !self.holds_back(after.as_ref()) => {
                self.delayed.push(Delayed { due: Instant::now() + time, after, text });
                self.hastened = true;
                None
            }
            // If something of this thread is held back, then this is what it waits for.
            Outgoing::Text(text, thread) | Outgoing::Later(text, _, thread) => {
                let mut written = self.feed(text).await;
                if self.holds_back(thread.as_ref()) {
                    written &= self.release(|delayed| delayed.after == thread).await;
                }
                (!written).then_some(End::Silent)
            }
            Outgoing::Close(code, reason) => {
                // What was said before comes before, however long it should have been held.
                let written = self.release(|_| true).await;
                Some(if written { End::Told(code, reason) } else { End::Silent })
            }
            Outgoing::Forward => {
                self.hastened = true;
                self.overstayed()
            }
        }
    }

    /// Whether an event of the thread waits for the next one.
    fn holds_back(&self, thread: Option<&ThreadId>) -> bool {
        thread.is_some() && self.delayed.iter().any(|delayed| delayed.after.as_ref() == thread)
    }

    async fn feed(&mut self, text: Utf8Bytes) -> bool {
        matches!(timeout(WRITE_LIMIT, self.wire.feed(text)).await, Ok(true))
    }

    /// Writes the delayed frames that are meant, oldest first.
    async fn release(&mut self, meant: impl Fn(&Delayed) -> bool) -> bool {
        let (now, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.delayed).into_iter().partition(|d| meant(d));
        self.delayed = later;
        let mut written = true;
        for delayed in now {
            written &= self.feed(delayed.text).await;
        }
        written
    }

    /// A deadline has come: of a delayed frame, of the login, or of the silence.
    async fn elapsed(&mut self) -> Option<End> {
        let now = Instant::now();
        if self.delayed.iter().any(|delayed| delayed.due <= now) {
            let released = self.release(|delayed| delayed.due <= now).await;
            if !released || !matches!(timeout(WRITE_LIMIT, self.wire.flush()).await, Ok(true)) {
                return Some(End::Silent);
            }
        }
        self.overstayed()
    }

    /// Whether the login, or a sign of life, has come too late.
    fn overstayed(&mut self) -> Option<End> {
        let now = Instant::now();
        let logged_in = self.shared.desk().hub.user(self.id).is_some();
        let timing = &self.shared.timing;
        if !logged_in && let Some(limit) = timing.login_within(self.spoken) {
            if self.broken.has(Flag::LoginNotDemanded) {
                self.heard = self.now();
                return None;
            }
            // Pings do not lengthen the time to log in (A30-B05).
            let since = if self.broken.has(Flag::PingsDelayLogin) { self.heard } else { self.opened };
            return (now >= self.after(since, limit)).then_some(End::Told(CloseCode::Policy, "no login"));
        }
        if now < self.after(self.heard, timing.idle(self.spoken)) {
            return None;
        }
        if self.broken.has(Flag::IdleKept) {
            self.heard = self.now();
            return None;
        }
        if self.spoken == Spoken::AgentV30 {
            // agent-v3.0 rtm/pushes:207
            let reason = json!({ "reason": "ping_timeout" });
            self.shared.desk().announce(self.id, self.spoken, "agent_disconnected", &reason);
            self.shared.desk().hub.send(self.id, Outgoing::Close(CloseCode::Policy, "ping_timeout"));
            // What was just queued is written, and then the queue's end is reached.
            self.heard = self.now();
            return None;
        }
        Some(End::Told(CloseCode::Normal, "idle"))
    }

    /// When there is something to look at. The timer is not moved with every frame; it looks when it fires.
    fn next_deadline(&self) -> Instant {
        let timing = &self.shared.timing;
        let silence = self.after(self.heard, timing.idle(self.spoken));
        let login = timing
            .login_within(self.spoken)
            .map(|limit| self.after(self.opened, limit))
            .filter(|at| *at > Instant::now());
        let delayed = self.delayed.iter().map(|delayed| delayed.due);
        delayed.chain(login).fold(silence, Instant::min)
    }
}

/// Resolves at a turn, or never without one.
async fn reached(turn: Option<Instant>) {
    match turn {
        Some(turn) => tokio::time::sleep_until(turn).await,
        None => std::future::pending().await,
    }
}
