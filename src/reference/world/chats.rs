//! Starting chats, and starting them again.

use std::collections::BTreeSet;

use super::access::EMPTY_GROUP;
use super::{Chat, ChatId, EVERYBODY, NewEvent, Properties, Push, Recipients, ThreadId, UserId, World};
use crate::reference::defects::Flag;
use crate::reference::refusal::Refusal;

/// What a chat begins with.
#[derive(Debug, Default)]
pub struct NewChat {
    /// The customer, if there is one.
    pub customer: Option<UserId>,
    /// Groups that may see it; all agents if none are named.
    pub groups: Vec<i64>,
    /// Further agents who may see it.
    pub scoped_agents: Vec<UserId>,
    /// Properties of the chat.
    pub properties: Properties,
    /// Properties of its first thread.
    pub thread_properties: Properties,
    /// Initial events.
    pub events: Vec<NewEvent>,
    /// Tags of its first thread.
    pub tags: BTreeSet<String>,
}

impl World {
    /// Starts a chat with its first thread. An agent who starts one becomes a user of it; else one is found for it.
    ///
    /// # Errors
    /// When the customer is unknown.
    pub fn start_chat(&mut self, by: &UserId, new: NewChat) -> Result<(ChatId, ThreadId), Refusal> {
        self.start_chat_as(None, by, new)
    }

    /// The same with an id of the caller's choice.
    pub(super) fn start_chat_as(
        &mut self,
        id: Option<ChatId>,
        by: &UserId,
        new: NewChat,
    ) -> Result<(ChatId, ThreadId), Refusal> {
        if let Some(customer) = &new.customer {
            self.known_customer(customer)?;
        }
        let id = id.unwrap_or_else(|| ChatId::from(self.new_id()));
        if let Some(customer) = &new.customer {
            self.customer_mut(customer)?.chats.push(id.clone());
        }
        let chat = Chat {
            id: id.clone(),
            order: 0,
            customer: new.customer,
            agents: self.agents.contains_key(by).then(|| by.clone()).into_iter().collect(),
            followers: Default::default(),
            supervisors: Vec::new(),
            properties: new.properties,
            groups: or_everybody(new.groups, &new.scoped_agents),
            scoped_agents: new.scoped_agents,
            threads: Vec::new(),
        };
        self.chats.insert(id.clone(), chat);
        let thread = self.begin(by, &id, (new.thread_properties, new.tags), new.events)?;
        Ok((id, thread))
    }

    /// Opens a new thread in a chat that has none open (agent-v3.0 29). The agent becomes a user of the chat.
    ///
    /// # Errors
    /// When the agent may not work with the chat, when a thread is active, or when the chat cannot take the customer.
    pub fn activate_chat(&mut self, by: &UserId, id: &ChatId, new: NewChat) -> Result<ThreadId, Refusal> {
        let chat = self.chat_of_agent(by, id)?;
        if chat.is_active() {
            return Err(Refusal::validation("`chat.id`: this chat has an active thread"));
        }
        if let Some(customer) = &new.customer {
            self.known_customer(customer)?;
            if chat.customer.as_ref().is_some_and(|present| present != customer) {
                return Err(Refusal::validation("`chat.users`: the chat has another customer"));
            }
            let known = self.customer_mut(customer)?;
            if !known.chats.contains(id) {
                known.chats.push(id.clone());
            }
        }
        self.add_agent(id, by);
        let chat = self.chat_mut(id)?;
        chat.customer = new.customer.or(chat.customer.take());
        chat.groups = or_everybody(new.groups, &new.scoped_agents);
        chat.scoped_agents = new.scoped_agents;
        for (namespace, values) in new.properties {
            chat.properties.entry(namespace).or_default().extend(values);
        }
        self.begin(by, id, (new.thread_properties, new.tags), new.events)
    }

    /// Opens a thread with its initial events, and announces it.
    fn begin(
        &mut self,
        by: &UserId,
        id: &ChatId,
        (properties, tags): (Properties, BTreeSet<String>),
        events: Vec<NewEvent>,
    ) -> Result<ThreadId, Refusal> {
        if self.broken.has(Flag::UnscopedIsHidden) && self.chat_mut(id)?.groups == [EVERYBODY] {
            self.chat_mut(id)?.groups = vec![EMPTY_GROUP];
        }
        let thread = self.open_thread(id, properties)?;
        if let Some(thread) = self.chat_mut(id)?.thread_mut(&thread) {
            thread.tags = tags;
        }
        for event in events {
            self.append(id, Some(by), event)?;
        }
        let to = self.chat_mut(id)?.listeners(Recipients::All);
        self.push(by, to, Push::ThreadStarted { chat: id.clone(), thread: thread.clone(), running: false });
        Ok(thread)
    }
}

fn or_everybody(groups: Vec<i64>, agents: &[UserId]) -> Vec<i64> {
    if groups.is_empty() && agents.is_empty() { vec![EVERYBODY] } else { groups }
}
