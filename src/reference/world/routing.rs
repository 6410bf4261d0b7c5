//! Which agent gets which chat.
//!
//! A chat goes to the logged-in agent who accepts chats and has the fewest active ones; among equals, to the one whose last chat
//! is longest ago. When nobody is there it waits, and is given to the first agent who becomes ready.

use super::{Agent, ChatId, Push, Recipients, UserId, World};

impl World {
    /// Changes an agent and keeps the list of ready ones true.
    pub(super) fn change_agent<T>(&mut self, id: &UserId, change: impl FnOnce(&mut Agent) -> T) -> T {
        let agent = self.agents.entry(id.clone()).or_insert_with(|| Agent::new(id.clone(), self.newcomers.clone()));
        self.ready.remove(&place(agent));
        let result = change(agent);
        if agent.is_ready() {
            self.ready.insert(place(agent));
        }
        result
    }

    /// Finds an agent for an active chat that has no ready one, and makes that agent a user of it. Without one the chat waits.
    pub(super) fn route(&mut self, id: &ChatId) -> Option<UserId> {
        let chat = self.chats.get(id)?;
        if chat.agents.iter().any(|agent| self.agents.get(agent).is_some_and(Agent::is_ready)) {
            return None;
        }
        let may_take = |id: &UserId| {
            chat.scoped_agents.contains(id) || self.agents.get(id).is_some_and(|agent| agent.is_in_any(&chat.groups))
        };
        let found = self.ready.iter().map(|(_, _, agent)| agent).find(|agent| may_take(agent));
        let found = found.cloned();
        let Some(agent) = found else {
            self.wait(id);
            return None;
        };
        let turn = self.next_order();
        self.change_agent(&agent, |agent| agent.last_routed = turn);
        self.add_agent(id, &agent);
        Some(agent)
    }

    /// Puts an active chat at the end of the queue for agents.
    pub(super) fn wait(&mut self, id: &ChatId) {
        if let Some(thread) = self.chats.get(id).and_then(super::Chat::active_thread) {
            self.waiting.insert(thread.order, id.clone());
        }
    }

    /// Whether a chat is in the queue for agents.
    pub(super) fn waits(&self, id: &ChatId) -> bool {
        let thread = self.chats.get(id).and_then(super::Chat::active_thread);
        thread.is_some_and(|thread| self.waiting.contains_key(&thread.order))
    }

    /// Makes an agent a user of a chat, silently but for a supervisor, who is one no more.
    pub(super) fn add_agent(&mut self, id: &ChatId, agent: &UserId) {
        let Some(chat) = self.chats.get_mut(id) else { return };
        if !chat.agents.contains(agent) {
            chat.agents.push(agent.clone());
        }
        chat.followers.remove(agent);
        if let Some(thread) = chat.threads.last_mut().filter(|thread| thread.active) {
            thread.joined(agent);
            self.takes_part(id, agent);
        }
        self.drop_supervisor(id, agent);
    }

    /// Counts an active chat among those of an agent.
    pub(super) fn takes_part(&mut self, id: &ChatId, agent: &UserId) {
        self.change_agent(agent, |agent| {
            if !agent.active.contains(id) {
                agent.active.push(id.clone());
            }
        });
    }

    /// Gives the waiting chats to whoever is ready now.
    pub(super) fn route_waiting(&mut self) {
        for id in std::mem::take(&mut self.waiting).into_values() {
            let Some(agent) = self.route(&id) else { continue };
            self.announce_agent(&id, &agent);
        }
    }

    /// Tells the agent about the chat, and the others in it about the agent.
    pub(super) fn announce_agent(&mut self, id: &ChatId, agent: &UserId) {
        let Some(chat) = self.chats.get(id) else { return };
        let thread = chat.active_thread().map(|thread| thread.id.clone());
        let mut others = chat.listeners(Recipients::All);
        others.retain(|user| user != agent);
        let added = Push::UserAdded { chat: id.clone(), thread: thread.clone(), user: agent.clone() };
        self.push_consequence(others, added);
        if let Some(thread) = thread {
            self.push_consequence(vec![agent.clone()], Push::ThreadStarted { chat: id.clone(), thread, running: true });
        }
    }
}

/// Where an agent stands in the list of ready ones.
fn place(agent: &Agent) -> (usize, i64, UserId) {
    (agent.active.len(), agent.last_routed, agent.id.clone())
}
