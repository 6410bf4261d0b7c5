//! The pushes of one actor: kept for steps that await one, handed to blocks that react.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use crate::message::Message;
use crate::observe::Moment;

/// Pushes kept for awaiting steps; older ones are forgotten.
const KEPT: usize = 256;
/// Pushes that wait for a reacting block; a block that falls further behind loses the oldest.
const WAITING: usize = 1024;

/// A push with its place in the sequence of pushes of this actor.
#[derive(Debug)]
pub(super) struct Arrived {
    pub number: u64,
    pub at: Moment,
    pub message: Message,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    kept: VecDeque<Arc<Arrived>>,
    blocks: Vec<Weak<Mailbox>>,
}

/// All pushes of one actor, over all of its connections.
#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    arrived: Notify,
    /// Whether any step awaits pushes at all; if none does, nothing is kept.
    keeps: bool,
}

/// The pushes that a reacting block has not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: Mutex<VecDeque<Arc<Arrived>>>,
    arrived: Notify,
}

impl Inbox {
    pub fn new(keeps: bool) -> Self {
        Self { state: Mutex::default(), arrived: Notify::new(), keeps }
    }

    /// A push came in.
    pub fn put(&self, at: Moment, message: Message) {
        let mut state = lock(&self.state);
        let number = state.next;
        state.next += 1;
        if !self.keeps && state.blocks.is_empty() {
            return;
        }
        let arrived = Arc::new(Arrived { number, at, message });
        state.blocks.retain(|block| block.upgrade().is_some_and(|mailbox| mailbox.put(&arrived)));
        if self.keeps {
            if state.kept.len() == KEPT {
                state.kept.pop_front();
            }
            state.kept.push_back(arrived);
            drop(state);
            self.arrived.notify_waiters();
        }
    }

    /// The number that the next push will have: a mark for [`Inbox::find`].
    pub fn mark(&self) -> u64 {
        lock(&self.state).next
    }

    /// Waits for a push since a mark that `wanted` accepts.
    pub async fn find(&self, since: u64, mut wanted: impl FnMut(&Arrived) -> bool) -> Arc<Arrived> {
        let mut since = since;
        loop {
            let notified = self.arrived.notified();
            tokio::pin!(notified);
            // Registered before looking, so that nothing slips through in between.
            notified.as_mut().enable();
            let candidates: Vec<_> = lock(&self.state).kept.iter().filter(|a| a.number >= since).cloned().collect();
            for arrived in candidates {
                since = arrived.number + 1;
                if wanted(&arrived) {
                    return arrived;
                }
            }
            notified.await;
        }
    }

    /// Names of the pushes since a mark, each once, in the order of their first.
    pub fn names_since(&self, since: u64) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for arrived in lock(&self.state).kept.iter().filter(|arrived| arrived.number >= since) {
            if !names.iter().any(|name| **name == *arrived.message.action) {
                names.push(arrived.message.action.to_string());
            }
        }
        names
    }

    /// A mailbox that gets every push from now on, as long as it lives.
    pub fn subscribe(&self) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::default());
        lock(&self.state).blocks.push(Arc::downgrade(&mailbox));
        mailbox
    }
}

impl Mailbox {
    fn put(&self, arrived: &Arc<Arrived>) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.len() == WAITING {
            waiting.pop_front();
        }
        waiting.push_back(arrived.clone());
        drop(waiting);
        self.arrived.notify_one();
        true
    }

    /// The next push.
    pub async fn next(&self) -> Arc<Arrived> {
        loop {
            if let Some(arrived) = lock(&self.waiting).pop_front() {
                return arrived;
            }
            self.arrived.notified().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::message::Body;

    fn push(action: &str) -> Message {
        Message { correlation: None, action: action.into(), body: Body::Push, payload: Value::Null }
    }

    #[tokio::test]
    async fn a_push_that_came_before_the_await_is_found_but_none_before_the_mark() {
        let inbox = Inbox::new(true);
        inbox.put(Moment(1), push("old"));
        let mark = inbox.mark();
        inbox.put(Moment(2), push("a"));
        inbox.put(Moment(3), push("b"));
        let found = inbox.find(mark, |arrived| &*arrived.message.action != "a").await;
        assert_eq!((&*found.message.action, found.at), ("b", Moment(3)));
        inbox.put(Moment(4), push("a"));
        assert_eq!(inbox.names_since(mark), ["a", "b"]);
    }

    #[tokio::test]
    async fn a_push_that_comes_later_wakes_the_waiting_step() {
        let inbox = Inbox::new(true);
        let (found, ()) = tokio::join!(inbox.find(0, |_| true), async {
            tokio::task::yield_now().await;
            inbox.put(Moment(1), push("late"));
        });
        assert_eq!(&*found.message.action, "late");
    }

    #[tokio::test]
    async fn a_block_gets_what_comes_while_it_lives() {
        let inbox = Inbox::new(false);
        inbox.put(Moment(1), push("before"));
        let block = inbox.subscribe();
        inbox.put(Moment(2), push("during"));
        assert_eq!(&*block.next().await.message.action, "during");
        drop(block);
        inbox.put(Moment(3), push("after"));
        assert!(lock(&inbox.state).blocks.is_empty() && lock(&inbox.state).kept.is_empty());
    }
}
