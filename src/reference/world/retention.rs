//! What is forgotten, so that memory stays bounded however long the server runs.

use super::{ChatId, UserId, World};

/// Chats beyond this many are forgotten, the longest closed first, unless somebody asks for another number.
pub(super) const RETAINED_CHATS: usize = 50_000;
/// Threads of one chat beyond this many are forgotten, the oldest first.
pub(super) const RETAINED_THREADS: usize = 500;
/// Events of one thread beyond this many are forgotten, the oldest first.
pub(super) const RETAINED_EVENTS: usize = 5_000;
/// Phones of one agent.
pub(super) const RETAINED_PHONES: usize = 20;
/// Departures of customers beyond this many are looked through for people to forget.
pub(super) const RETAINED_DEPARTURES: usize = 100_000;

impl World {
    /// Notes that a chat was closed with the thread of this order.
    pub(super) fn retire(&mut self, id: &ChatId, order: i64) {
        self.closed.push_back((id.clone(), order));
    }

    /// How many chats are kept at most.
    pub fn retain_chats(&mut self, most: usize) {
        self.most_chats = most.max(1);
    }

    /// Forgets closed chats until there are no more than may be. When too many are open, the router closes those that have been open
    /// longest. This is done between requests: whoever is told of a request's effects is told of chats that are still there.
    pub fn make_room(&mut self) {
        while self.closed.len() > self.most_chats || self.chats.len() > self.most_chats {
            let Some((oldest, order)) = self.closed.pop_front() else { break };
            let gone = self
                .chats
                .get(&oldest)
                .is_some_and(|chat| chat.last_thread().is_some_and(|thread| !thread.active && thread.order == order));
            if gone {
                self.forget_chat(&oldest);
            }
        }
        while self.open.len() > self.most_chats
            && let Some(oldest) = self.open.values().next().cloned()
        {
            self.close_by_router(&oldest);
        }
    }

    fn forget_chat(&mut self, id: &ChatId) {
        let Some(customer) = self.chats.remove(id).and_then(|chat| chat.customer) else { return };
        if let Some(known) = self.customers.get_mut(&customer) {
            known.chats.retain(|chat| chat != id);
        }
        self.forget_customer(&customer);
    }

    /// Notes that a customer has left, and forgets somebody who left long ago and has nothing here.
    pub(super) fn departed(&mut self, id: &UserId) {
        self.departed.push_back(id.clone());
        if self.departed.len() > RETAINED_DEPARTURES
            && let Some(oldest) = self.departed.pop_front()
        {
            self.forget_customer(&oldest);
        }
    }

    /// Forgets a customer who has no chats, is not here and is not banned.
    fn forget_customer(&mut self, id: &UserId) {
        let now = self.now;
        let idle = |customer: &super::Customer| {
            customer.chats.is_empty() && customer.connections == 0 && !customer.is_banned(now)
        };
        if self.customers.get(id).is_some_and(idle) {
            self.customers.remove(id);
        }
    }
}
