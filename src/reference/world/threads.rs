//! Events, and the opening and closing of threads.

use super::properties::no_event;
use super::remarks::Deed;
use super::retention::{RETAINED_EVENTS, RETAINED_THREADS};
use super::{ChatId, Event, EventId, NewEvent, Properties, Push, Recipients, Thread, ThreadId, UserId, World};
use crate::reference::defects::Flag;
use crate::reference::refusal::Refusal;

/// Where an event goes when no thread is active (agent-v3.0 868, 869; A30-Q07).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Attach {
    /// It opens a new thread.
    #[default]
    OpenThread,
    /// It is added to the last thread, though that is closed.
    LastThread,
    /// It is refused.
    ActiveThreadOnly,
}

impl World {
    /// Adds an event to a chat. Rights are the caller's business.
    ///
    /// # Errors
    /// When the chat does not exist or `attach` asks for an active thread that is not there.
    pub fn send_event(
        &mut self,
        author: &UserId,
        id: &ChatId,
        event: NewEvent,
        attach: Attach,
    ) -> Result<(ThreadId, EventId), Refusal> {
        let chat = self.chats.get(id).ok_or_else(|| Refusal::no_chat(id))?;
        if !chat.is_active() && attach == Attach::ActiveThreadOnly {
            return Err(Refusal::validation("The chat has no active thread"));
        }
        // An annotation never starts a thread (customer-v0.3 306).
        let joins = event.body.is_annotation() && !self.broken.has(Flag::AnnotationStartsThread);
        let attaches = attach == Attach::LastThread || joins;
        let mut event = event;
        if chat.supervisors.contains(author) {
            event.recipients = Recipients::Agents;
        }
        let opens = !chat.is_active() && !attaches && !self.reopened(id);
        let recipients = event.recipients;
        if opens {
            let thread = self.open_thread(id, Properties::new())?;
            let event = self.append(id, Some(author), event)?;
            let to = self.chat_mut(id)?.listeners(Recipients::All);
            let started = Push::ThreadStarted { chat: id.clone(), thread: thread.clone(), running: false };
            let sent = Push::EventSent { chat: id.clone(), thread: thread.clone(), event: event.clone() };
            if self.broken.has(Flag::ThreadStartAsEvent) {
                self.push(author, to, sent);
            } else if self.broken.has(Flag::ThreadStartTwice) {
                self.push(author, to.clone(), started);
                self.push(author, to, sent);
            } else {
                self.push(author, to, started);
            }
            return Ok((thread, event));
        }
        let twin = self.broken.has(Flag::EventStoredTwice).then(|| event.clone());
        let event = self.append(id, Some(author), event)?;
        let chat = self.chat_mut(id)?;
        let to = chat.listeners(recipients);
        let thread = chat.last_thread().map(|thread| thread.id.clone()).ok_or_else(|| Refusal::no_chat(id))?;
        let what = Push::EventSent { chat: id.clone(), thread: thread.clone(), event: event.clone() };
        self.push(author, to.clone(), what);
        if let Some(twin) = twin {
            let event = self.append(id, Some(author), twin)?;
            self.push(author, to, Push::EventSent { chat: id.clone(), thread: thread.clone(), event });
        }
        Ok((thread, event))
    }

    /// Opens the last thread of a chat again, if that rule is broken. Says whether it did.
    fn reopened(&mut self, id: &ChatId) -> bool {
        if !self.broken.has(Flag::ThreadReopened) {
            return false;
        }
        let Some(chat) = self.chats.get_mut(id) else { return false };
        let Some(thread) = chat.threads.last_mut().filter(|thread| !thread.active) else { return false };
        thread.active = true;
        self.open.insert(thread.order, id.clone());
        for agent in chat.agents.clone() {
            self.takes_part(id, &agent);
        }
        true
    }

    /// Opens a thread in a chat that has none open, and finds an agent for it. Says nothing yet.
    pub(super) fn open_thread(&mut self, id: &ChatId, properties: Properties) -> Result<ThreadId, Refusal> {
        let order = self.next_order();
        let thread = ThreadId::from(self.new_id());
        let survives = self.broken.has(Flag::FollowingSurvives);
        let now = self.now;
        let chat = self.chat_mut(id)?;
        // Following ends when a chat is reactivated (A30-Q37).
        if !survives {
            chat.followers.clear();
        }
        chat.order = order;
        let users = chat.users().cloned().collect();
        if chat.threads.len() == RETAINED_THREADS {
            chat.threads.remove(0);
        }
        chat.threads.push(Thread::new(thread.clone(), order, now, users, properties));
        let agents = chat.agents.clone();
        self.open.insert(order, id.clone());
        for agent in agents {
            self.takes_part(id, &agent);
        }
        self.route(id);
        Ok(thread)
    }

    /// Stores an event in the last thread of a chat.
    pub(super) fn append(&mut self, id: &ChatId, author: Option<&UserId>, new: NewEvent) -> Result<EventId, Refusal> {
        let now = self.now;
        let (repeats, falls) = (self.broken.has(Flag::OrderReused), self.broken.has(Flag::OrderFalls));
        let by_agent = author.is_some_and(|author| self.agents.contains_key(author));
        let (step, habits) = (self.step(), self.habits);
        let chat = self.chats.get_mut(id).ok_or_else(|| Refusal::no_chat(id))?;
        if let Some(customer) = chat.customer.as_ref().and_then(|customer| self.customers.get_mut(customer)) {
            if by_agent {
                customer.last_agent_event = Some(now);
            } else if author.is_some() {
                customer.last_event = Some(now);
            }
        }
        let Some(thread) = chat.threads.last_mut() else { return Err(Refusal::no_chat(id)) };
        thread.numbered += step;
        let order = match thread.events.back() {
            Some(last) if repeats => last.order,
            Some(last) if falls => last.order - 1,
            _ => thread.numbered,
        };
        // Nobody learns of a supervisor from the list of users.
        if let Some(author) = author.filter(|author| !chat.supervisors.contains(author)) {
            thread.joined(author);
        }
        if thread.events.len() == RETAINED_EVENTS {
            thread.events.pop_front();
        }
        let event = EventId::from(format!("{}_{}", thread.id, thread.numbered));
        // A system message is nobody's and has no id but the server's (customer-v0.3 289-300).
        let is_system = new.body.kind() == "system_message";
        thread.events.push_back(Event {
            id: event.clone(),
            custom_id: new.custom_id.filter(|_| !is_system),
            order,
            author: author.filter(|_| !is_system).cloned(),
            at: if habits.equal_timestamps { thread.started } else { now },
            recipients: new.recipients,
            properties: new.properties,
            body: new.body,
        });
        Ok(event)
    }

    /// Closes the active thread of a chat.
    ///
    /// # Errors
    /// When none is active, or another than the one that is meant (C03-A23, C03-A81).
    pub fn close_thread(&mut self, by: &UserId, id: &ChatId, meant: Option<&ThreadId>) -> Result<(), Refusal> {
        let chat = self.chat_mut(id)?;
        let Some(thread) = chat.active_thread() else {
            return Err(Refusal::validation("The chat has no active thread"));
        };
        if meant.is_some_and(|meant| *meant != thread.id) {
            return Err(Refusal::validation("`thread_id`: this thread is not active"));
        }
        let to = chat.key_listeners();
        self.remark(Some(by), id, &Deed::Closing);
        if let Some(thread) = self.end_thread(id) {
            self.push(by, to, Push::ThreadClosed { chat: id.clone(), thread, by: Some(by.clone()) });
        }
        Ok(())
    }

    /// Ends the active thread of a chat, silently.
    pub(super) fn end_thread(&mut self, id: &ChatId) -> Option<ThreadId> {
        let chat = self.chats.get_mut(id)?;
        let thread = chat.threads.last_mut().filter(|thread| thread.active)?;
        thread.active = false;
        let (thread, order) = (thread.id.clone(), thread.order);
        self.waiting.remove(&order);
        self.open.remove(&order);
        for agent in chat.agents.clone() {
            self.change_agent(&agent, |agent| agent.active.retain(|active| active != id));
        }
        self.retire(id, order);
        Some(thread)
    }

    /// Says that somebody types, to everybody else who may know it. Without an active thread there is nobody to tell.
    pub fn typing(
        &mut self,
        author: &UserId,
        id: &ChatId,
        recipients: Recipients,
        is_typing: bool,
    ) -> Result<(), Refusal> {
        let chat = self.chat_mut(id)?;
        let Some(thread) = chat.active_thread().map(|thread| thread.id.clone()) else { return Ok(()) };
        let mut to = chat.listeners(recipients);
        to.retain(|user| user != author);
        let what = Push::Typing { chat: id.clone(), thread, author: author.clone(), recipients, is_typing };
        self.push_consequence(to, what);
        Ok(())
    }

    /// Shows agents what the customer is typing. Without an active thread it is dropped (C03-A82).
    pub fn sneak_peek(&mut self, author: &UserId, id: &ChatId, text: String) -> Result<(), Refusal> {
        let chat = self.chat_mut(id)?;
        let Some(thread) = chat.active_thread().map(|thread| thread.id.clone()) else { return Ok(()) };
        let to = chat.listeners(Recipients::Agents);
        self.push_consequence(to, Push::SneakPeek { chat: id.clone(), thread, author: author.clone(), text });
        Ok(())
    }

    /// Says that somebody has seen an event, to those who may see it.
    ///
    /// # Errors
    /// When the chat has no such event.
    pub fn mark_as_seen(&mut self, user: &UserId, id: &ChatId, event: &EventId) -> Result<(), Refusal> {
        let chat = self.chat_mut(id)?;
        let found = chat.threads.iter().rev().find_map(|thread| thread.event(event));
        let to = chat.listeners(found.ok_or_else(|| no_event(event))?.recipients);
        self.push(user, to, Push::EventSeen { chat: id.clone(), event: event.clone(), user: user.clone() });
        Ok(())
    }

    /// Moves a user's last-seen mark in these chats, and says so in each.
    pub fn see(&mut self, user: &UserId, chats: Vec<ChatId>, timestamp: i64) {
        if let Some(customer) = self.customers.get_mut(user) {
            customer.last_seen = Some(timestamp);
        } else {
            self.change_agent(user, |agent| agent.last_seen = Some(timestamp));
        }
        for chat in chats {
            let to = self.chats.get(&chat).map(|chat| chat.listeners(Recipients::All)).unwrap_or_default();
            self.push(user, to, Push::Seen { chat, user: user.clone(), timestamp });
        }
    }
}
