//! Joining, supervising and leaving chats, as agent/v0.2 has it. Line numbers are those of its methods.

use super::remarks::Deed;
use super::{ChatId, Push, Recipients, UserId, World};
use crate::reference::defects::Flag;
use crate::reference::refusal::Refusal;

impl World {
    /// Makes agents users of a chat; a supervisor becomes one, too (413). Who is one already stays one.
    ///
    /// # Errors
    /// When the requester may not, or when one of them is unknown.
    pub fn join(&mut self, by: &UserId, id: &ChatId, agents: &[UserId]) -> Result<(), Refusal> {
        self.chat_of_agent(by, id)?;
        self.known_agents(agents)?;
        for agent in agents {
            if !self.chat_mut(id)?.agents.contains(agent) {
                self.add_agent(id, agent);
                self.introduce(by, id, agent)?;
            }
        }
        Ok(())
    }

    /// Makes agents supervisors of a chat (312); a user of it becomes one, too. Who is one already stays one.
    ///
    /// # Errors
    /// When the requester may not, or when one of them is unknown.
    pub fn supervise(&mut self, by: &UserId, id: &ChatId, agents: &[UserId]) -> Result<(), Refusal> {
        if self.broken.has(Flag::SupervisorsJoin) {
            return self.join(by, id, agents);
        }
        self.chat_of_agent(by, id)?;
        self.known_agents(agents)?;
        for agent in agents {
            if self.chat_mut(id)?.supervisors.contains(agent) {
                continue;
            }
            if self.chat_mut(id)?.agents.contains(agent) {
                self.take_out(Some(by), id, agent)?;
            }
            let chat = self.chat_mut(id)?;
            chat.supervisors.push(agent.clone());
            let to = chat.listeners(Recipients::Agents);
            self.push(by, to, Push::SupervisorAdded { chat: id.clone(), user: agent.clone() });
        }
        Ok(())
    }

    /// Removes customers and agents, supervisors among them, from a chat; without any, the requester himself (445).
    ///
    /// # Errors
    /// When the requester may not, or when one of them is not in the chat.
    pub fn remove(&mut self, by: &UserId, id: &ChatId, customers: &[UserId], agents: &[UserId]) -> Result<(), Refusal> {
        let chat = self.chat_of_agent(by, id)?;
        let myself = [by.clone()];
        let agents = if customers.is_empty() && agents.is_empty() { &myself } else { agents };
        let absent_customer = customers.iter().find(|user| chat.customer.as_ref() != Some(user));
        let absent_agent = agents.iter().find(|user| !chat.agents.contains(user) && !chat.supervisors.contains(user));
        if let Some(absent) = absent_customer.or(absent_agent) {
            return Err(Refusal::validation(format!("`{absent}` is not in the chat")));
        }
        for customer in customers {
            self.drop_customer(by, id, customer)?;
        }
        for agent in agents {
            let chat = self.chat_mut(id)?;
            if chat.supervisors.contains(agent) {
                self.drop_supervisor(id, agent);
            } else if chat.agents.contains(agent) {
                self.take_out(Some(by), id, agent)?;
            }
        }
        Ok(())
    }

    fn drop_customer(&mut self, by: &UserId, id: &ChatId, customer: &UserId) -> Result<(), Refusal> {
        let chat = self.chat_mut(id)?;
        let thread = chat.active_thread().map(|thread| thread.id.clone());
        let to = chat.listeners(Recipients::All);
        chat.customer = None;
        self.customer_mut(customer)?.chats.retain(|chat| chat != id);
        self.push(by, to, Push::UserRemoved { chat: id.clone(), thread, user: customer.clone() });
        self.remark(Some(by), id, &Deed::Removed(customer));
        Ok(())
    }

    /// Makes a supervisor of a chat one no more, and says so.
    pub(super) fn drop_supervisor(&mut self, id: &ChatId, supervisor: &UserId) {
        let Some(chat) = self.chats.get_mut(id).filter(|chat| chat.supervisors.contains(supervisor)) else { return };
        chat.supervisors.retain(|present| present != supervisor);
        let mut to = chat.listeners(Recipients::Agents);
        if !to.contains(supervisor) {
            to.push(supervisor.clone());
        }
        self.push_consequence(to, Push::SupervisorRemoved { chat: id.clone(), user: supervisor.clone() });
    }

    fn known_agents(&self, ids: &[UserId]) -> Result<(), Refusal> {
        match ids.iter().find(|id| !self.agents.contains_key(*id)) {
            Some(unknown) => Err(Refusal::validation(format!("`agent_ids`: there is no agent `{unknown}`"))),
            None => Ok(()),
        }
    }
}
