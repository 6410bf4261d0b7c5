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
    user: Option<UserId>,
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
    /// A new connection, not logged in.
    pub fn attach(&mut self, spoken: Spoken) -> Attached {
        self.opened += 1;
        let id = ConnectionId(self.opened);
        let (sender, queue) = mpsc::channel(QUEUE);
        let cut = Arc::new(Notify::new());
        self.lines.insert(id, Line { spoken, user: None, queue: sender, cut: Arc::clone(&cut) });
        Attached { id, queue, cut }
    }

    /// A connection is gone. Returns whose it was.
    pub fn detach(&mut self, id: ConnectionId) -> Option<UserId> {
        let user = self.logout(id);
        self.lines.remove(&id);
        user
    }

    /// Makes a connection a user's; of nobody else any more.
    pub fn login(&mut self, id: ConnectionId, user: &UserId) {
        self.logout(id);
        if let Some(line) = self.lines.get_mut(&id) {
            line.user = Some(user.clone());
            if line.spoken.overhears() {
                self.overhearing.insert(id, (line.spoken, user.clone()));
            }
            self.by_user.entry(user.clone()).or_default().push(id);
        }
    }

    /// Makes a connection nobody's. Returns whose it was.
    pub fn logout(&mut self, id: ConnectionId) -> Option<UserId> {
        let user = self.lines.get_mut(&id)?.user.take()?;
        self.overhearing.remove(&id);
        if let Some(ids) = self.by_user.get_mut(&user) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.by_user.remove(&user);
            }
        }
        Some(user)
    }

    /// Whose connection it is.
    pub fn user(&self, id: ConnectionId) -> Option<&UserId> {
        self.lines.get(&id)?.user.as_ref()
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

    #[test]
    fn a_connection_belongs_to_whoever_logged_in_last() {
        let mut hub = Hub::default();
        let (ann, bob) = (UserId::from("ann"), UserId::from("bob"));
        let id = hub.attach(Spoken::AgentV30).id;
        hub.login(id, &ann);
        hub.login(id, &bob);
        assert_eq!(hub.of_user(&ann).count(), 0);
        assert_eq!(hub.of_user(&bob).collect::<Vec<_>>(), [(id, Spoken::AgentV30)]);
        assert_eq!(hub.detach(id), Some(bob));
        assert!(hub.len() == 0 && hub.by_user.is_empty());
    }

    #[tokio::test]
    async fn a_full_queue_cuts_the_connection_off() {
        let mut hub = Hub::default();
        let attached = hub.attach(Spoken::AgentV30);
        for _ in 0..QUEUE {
            hub.send(attached.id, Outgoing::Text("x".into(), None));
        }
        let early = tokio::time::timeout(Duration::ZERO, attached.cut.notified()).await;
        assert!(early.is_err());
        hub.send(attached.id, Outgoing::Text("x".into(), None));
        attached.cut.notified().await;
    }
}
