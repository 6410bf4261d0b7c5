//! The open RTM connections: whose they are, and the queue to each.
//!
//! A queue is bounded. Who does not read what he is sent is cut off, so that one slow reader costs neither memory nor anybody
//! else's time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::licences::Member;
use super::refusal::Refusal;
use super::render::Spoken;
use super::world::{ThreadId, UserId};

/// Messages that may wait for one connection.
const QUEUE: usize = 1024;

/// One websocket connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

/// What is to be written to a connection.
#[derive(Debug)]
pub enum Outgoing {
    /// A frame, and the thread whose event it announces.
    Text(Utf8Bytes, Option<ThreadId>),
    /// A frame that waits: for the given time, or until the next event of the thread was announced.
    Later(Utf8Bytes, Duration, Option<ThreadId>),
    /// The end.
    Close(CloseCode, &'static str),
    /// Nothing is written: the clock was put forward, so a deadline may have passed.
    Forward,
}

/// The connection's own end of what the hub knows about it.
pub struct Attached {
    /// Its name here.
    pub id: ConnectionId,
    /// What it has to write.
    pub queue: mpsc::Receiver<Outgoing>,
    /// Told when its queue has run over.
    pub cut: Arc<Notify>,
}

struct Line {
    spoken: Spoken,
    member: Option<Member>,
    /// The licence number of the URL.
    number: Option<u64>,
    /// Why whoever is there is told to go at the first request.
    turned_away: Option<Refusal>,
    queue: mpsc::Sender<Outgoing>,
    cut: Arc<Notify>,
}

/// All open connections.
#[derive(Default)]
pub struct Hub {
    lines: HashMap<ConnectionId, Line>,
    by_user: HashMap<UserId, Vec<ConnectionId>>,
    /// Logged-in connections of a dialect whose agents hear of every chat that they may see.
    overhearing: BTreeMap<ConnectionId, (Spoken, UserId)>,
    opened: u64,
}

impl Hub {
    /// A new connection, not logged in, over a URL with this licence number.
    pub fn attach(&mut self, spoken: Spoken, number: Option<u64>) -> Attached {
        self.opened += 1;
        let id = ConnectionId(self.opened);
        let (sender, queue) = mpsc::channel(QUEUE);
        let cut = Arc::new(Notify::new());
        let (member, turned_away) = (None, None);
        self.lines.insert(id, Line { spoken, member, number, turned_away, queue: sender, cut: Arc::clone(&cut) });
        Attached { id, queue, cut }
    }

    /// A connection is gone. Returns whose it was.
    pub fn detach(&mut self, id: ConnectionId) -> Option<Member> {
        let member = self.logout(id);
        self.lines.remove(&id);
        member
    }

    /// The licence number of a connection's URL.
    pub fn number(&self, id: ConnectionId) -> Option<u64> {
        self.lines.get(&id)?.number
    }

    /// Has whoever is there told to go at the first request.
    pub fn turn_away(&mut self, id: ConnectionId, why: Refusal) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.turned_away = Some(why);
        }
    }

    /// Why whoever is there has to go.
    pub fn turned_away(&self, id: ConnectionId) -> Option<Refusal> {
        self.lines.get(&id)?.turned_away.clone()
    }

    /// Makes a connection a user's; of nobody else any more.
    pub fn login(&mut self, id: ConnectionId, member: &Member) {
        self.logout(id);
        if let Some(line) = self.lines.get_mut(&id) {
            line.member = Some(member.clone());
            if line.spoken.overhears() {
                self.overhearing.insert(id, (line.spoken, member.user.clone()));
            }
            self.by_user.entry(member.user.clone()).or_default().push(id);
        }
    }

    /// Makes a connection nobody's. Returns whose it was.
    pub fn logout(&mut self, id: ConnectionId) -> Option<Member> {
        let member = self.lines.get_mut(&id)?.member.take()?;
        self.overhearing.remove(&id);
        if let Some(ids) = self.by_user.get_mut(&member.user) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.by_user.remove(&member.user);
            }
        }
        Some(member)
    }

    /// Whose connection it is.
    pub fn user(&self, id: ConnectionId) -> Option<&UserId> {
        self.member(id).map(|member| &member.user)
    }

    /// Whose connection it is, and of which licence.
    pub fn member(&self, id: ConnectionId) -> Option<&Member> {
        self.lines.get(&id)?.member.as_ref()
    }

    /// All open connections: what is spoken there, by whom if anybody has logged in, and the licence number of the URL.
    pub fn lines(&self) -> impl Iterator<Item = (ConnectionId, Spoken, Option<&Member>, Option<u64>)> {
        self.lines.iter().map(|(id, line)| (*id, line.spoken, line.member.as_ref(), line.number))
    }

    /// All who are logged in.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.by_user.keys()
    }

    /// The connections of a user and what is spoken on them.
    pub fn of_user(&self, user: &UserId) -> impl Iterator<Item = (ConnectionId, Spoken)> {
        let ids = self.by_user.get(user).map(Vec::as_slice).unwrap_or_default();
        ids.iter().filter_map(|id| Some((*id, self.lines.get(id)?.spoken)))
    }

    /// The connections whose agents hear of every chat that they may see.
    pub fn overhearing(&self) -> impl Iterator<Item = (ConnectionId, Spoken, &UserId)> {
        self.overhearing.iter().map(|(id, (spoken, user))| (*id, *spoken, user))
    }

    /// Puts something into a connection's queue, or cuts it off when that is full.
    pub fn send(&self, id: ConnectionId, outgoing: Outgoing) {
        if let Some(line) = self.lines.get(&id)
            && line.queue.try_send(outgoing).is_err()
        {
            line.cut.notify_one();
        }
    }

    /// Has all connections look at their deadlines.
    pub fn look(&self) {
        for id in self.lines.keys() {
            self.send(*id, Outgoing::Forward);
        }
    }

    /// Closes all connections.
    pub fn close_all(&self) {
        for id in self.lines.keys() {
            self.send(*id, Outgoing::Close(CloseCode::Away, "the server stops"));
        }
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.lines.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::licences::LicenceId;

    #[test]
    fn a_connection_belongs_to_whoever_logged_in_last() {
        let mut hub = Hub::default();
        let member = |name: &str| Member { licence: LicenceId::FIRST, user: UserId::from(name) };
        let (ann, bob) = (member("ann"), member("bob"));
        let id = hub.attach(Spoken::AgentV30, None).id;
        hub.login(id, &ann);
        hub.login(id, &bob);
        assert_eq!(hub.of_user(&ann.user).count(), 0);
        assert_eq!(hub.of_user(&bob.user).collect::<Vec<_>>(), [(id, Spoken::AgentV30)]);
        assert_eq!(hub.detach(id), Some(bob));
        assert!(hub.len() == 0 && hub.by_user.is_empty());
    }

    #[tokio::test]
    async fn a_full_queue_cuts_the_connection_off() {
        let mut hub = Hub::default();
        let attached = hub.attach(Spoken::AgentV30, None);
        for _ in 0..QUEUE {
            hub.send(attached.id, Outgoing::Text("x".into(), None));
        }
        let early = tokio::time::timeout(Duration::ZERO, attached.cut.notified()).await;
        assert!(early.is_err());
        hub.send(attached.id, Outgoing::Text("x".into(), None));
        attached.cut.notified().await;
    }
}
