//! What there is before anybody comes: put in without telling anybody.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{ChatId, Customer, EVERYBODY, EventId, NewChat, NewEvent, Properties, ThreadId, UserId, World};
use crate::reference::refusal::Refusal;

/// A customer who is known from the start.
#[derive(Debug, Clone)]
pub struct CustomerSeed {
    /// His id.
    pub id: UserId,
    /// What he is called.
    pub name: String,
    /// His address.
    pub email: Option<String>,
    /// His picture.
    pub avatar: Option<String>,
    /// The country he is in.
    pub country: Option<String>,
    /// His fields.
    pub fields: BTreeMap<String, String>,
    /// For how many days he is banned.
    pub banned_days: i64,
}

/// A thread that is there from the start.
#[derive(Debug, Clone, Default)]
pub struct ThreadSeed {
    /// Its id, if that matters.
    pub id: Option<ThreadId>,
    /// Its properties.
    pub properties: Properties,
    /// Its tags.
    pub tags: BTreeSet<String>,
}

impl World {
    /// The groups of the licence are known: who is not listed in any is only in that of all agents.
    pub fn seed_groups(&mut self) {
        self.newcomers = vec![EVERYBODY];
    }

    /// Makes an agent known.
    pub fn seed_agent(&mut self, id: &UserId, called: Option<String>, groups: &[i64]) {
        self.meet_agent(id);
        self.change_agent(id, |agent| {
            agent.called = called;
            for group in groups {
                if !agent.groups.contains(group) {
                    agent.groups.push(*group);
                }
            }
        });
    }

    /// Makes a customer known.
    pub fn seed_customer(&mut self, seed: CustomerSeed) {
        let until = SignedDuration::from_hours(seed.banned_days.saturating_mul(24).clamp(0, 24 * 36_500));
        let banned = (seed.banned_days > 0).then(|| self.now.saturating_add(until).unwrap_or(Timestamp::MAX));
        let customer = Customer {
            name: Some(seed.name),
            email: seed.email,
            avatar: seed.avatar,
            country: seed.country,
            fields: seed.fields,
            banned_until: banned,
            ..Customer::new(seed.id.clone(), self.now)
        };
        self.customers.insert(seed.id, customer);
    }

    /// Makes a chat known that began at `now`, with its first thread. `agents` are users of it.
    ///
    /// # Errors
    /// When its customer is unknown, or there is a chat with this id.
    pub fn seed_chat(
        &mut self,
        id: Option<ChatId>,
        mut new: NewChat,
        agents: &[UserId],
        thread: ThreadSeed,
    ) -> Result<ChatId, Refusal> {
        if let Some(id) = id.as_ref().filter(|id| self.chats.contains_key(*id)) {
            return Err(Refusal::validation(format!("there is a chat `{id}` already")));
        }
        (new.thread_properties, new.tags) = (thread.properties, thread.tags);
        let nobody = UserId::from("");
        let (made, _) = self.start_chat_as(id, &nobody, new)?;
        for agent in agents {
            self.add_agent(&made, agent);
        }
        self.rename_last_thread(&made, thread.id)?;
        Ok(made)
    }

    /// Opens a further thread, at `now`.
    ///
    /// # Errors
    /// When there is no such chat.
    pub fn seed_thread(&mut self, chat: &ChatId, seed: ThreadSeed) -> Result<(), Refusal> {
        let thread = self.open_thread(chat, seed.properties)?;
        if let Some(thread) = self.chat_mut(chat)?.thread_mut(&thread) {
            thread.tags = seed.tags;
        }
        self.rename_last_thread(chat, seed.id)
    }

    /// Adds an event to the last thread of a chat, at `now`; nobody sent it if there is no author.
    ///
    /// # Errors
    /// When there is no such chat.
    pub fn seed_event(&mut self, chat: &ChatId, author: Option<&UserId>, event: NewEvent) -> Result<EventId, Refusal> {
        self.append(chat, author, event)
    }

    /// Closes the last thread of a chat.
    pub fn seed_close(&mut self, chat: &ChatId) {
        self.end_thread(chat);
    }

    fn rename_last_thread(&mut self, chat: &ChatId, id: Option<ThreadId>) -> Result<(), Refusal> {
        if let Some(id) = id
            && let Some(thread) = self.chat_mut(chat)?.threads.last_mut()
        {
            thread.id = id;
        }
        Ok(())
    }
}
