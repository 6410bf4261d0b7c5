//! Who takes part in a chat, who listens, and handing chats over.

use super::remarks::Deed;
use super::{Agent, Chat, ChatId, EVERYBODY, Following, Push, Recipients, Target, UserId, World};
use crate::reference::defects::Flag;
use crate::reference::refusal::Refusal;

impl World {
    /// Adds an agent or customer to a chat (agent-v3.0 445).
    ///
    /// # Errors
    /// When the requester may not, when the user is unknown or there already, or when the chat has a customer (A30-B51).
    pub fn add_user(&mut self, by: &UserId, id: &ChatId, user: &UserId) -> Result<(), Refusal> {
        let chat = self.chat_of_agent(by, id)?;
        if chat.has_user(user) {
            return Err(Refusal::validation("`user_id`: this user is in the chat already"));
        }
        if self.agents.contains_key(user) {
            self.add_agent(id, user);
        } else {
            self.known_customer(user)?;
            if chat.customer.is_some() {
                return Err(Refusal::validation("`user_id`: the chat has a customer already"));
            }
            self.customer_mut(user)?.chats.push(id.clone());
            let chat = self.chat_mut(id)?;
            chat.customer = Some(user.clone());
            if let Some(thread) = chat.threads.last_mut().filter(|thread| thread.active) {
                thread.joined(user);
            }
        }
        self.introduce(by, id, user)
    }

    /// Tells the others in a chat about somebody who came, and him about the chat.
    pub(super) fn introduce(&mut self, by: &UserId, id: &ChatId, user: &UserId) -> Result<(), Refusal> {
        let chat = self.chat_mut(id)?;
        let thread = chat.active_thread().map(|thread| thread.id.clone());
        let mut to = chat.listeners(Recipients::All);
        // Who joins himself learns it from his own push; who is added gets the running thread instead.
        if user != by {
            to.retain(|listener| listener != user);
        }
        self.push(by, to, Push::UserAdded { chat: id.clone(), thread: thread.clone(), user: user.clone() });
        self.remark(Some(by), id, &Deed::Added(user));
        if let Some(thread) = thread.filter(|_| user != by) {
            let what = Push::ThreadStarted { chat: id.clone(), thread, running: true };
            self.push_consequence(vec![user.clone()], what);
        }
        Ok(())
    }

    /// Removes an agent from a chat (agent-v3.0 515). The chat is not routed anew.
    ///
    /// # Errors
    /// When the requester may not, when it is the customer (A30-B53), or when the user is not there.
    pub fn remove_user(&mut self, by: &UserId, id: &ChatId, user: &UserId) -> Result<(), Refusal> {
        let chat = self.chat_of_agent(by, id)?;
        if chat.customer.as_ref() == Some(user) {
            return Err(Refusal::validation("`user_type`: customers cannot be removed"));
        }
        if !chat.agents.contains(user) {
            return Err(Refusal::validation("`user_id`: this user is not in the chat"));
        }
        self.take_out(Some(by), id, user)
    }

    /// Removes an agent who is a user of a chat, and says so; nobody did it if there is no `by`.
    pub(super) fn take_out(&mut self, by: Option<&UserId>, id: &ChatId, agent: &UserId) -> Result<(), Refusal> {
        let chat = self.chat_mut(id)?;
        let thread = chat.active_thread().map(|thread| thread.id.clone());
        let to = chat.listeners(Recipients::All);
        self.drop_agent(id, agent);
        let what = Push::UserRemoved { chat: id.clone(), thread, user: agent.clone() };
        match by {
            Some(by) => self.push(by, to, what),
            None => self.push_consequence(to, what),
        }
        self.remark(by, id, &Deed::Removed(agent));
        Ok(())
    }

    fn drop_agent(&mut self, id: &ChatId, agent: &UserId) {
        if let Some(chat) = self.chats.get_mut(id) {
            chat.agents.retain(|present| present != agent);
        }
        self.change_agent(agent, |agent| agent.active.retain(|active| active != id));
    }

    /// Makes an agent hear of everything in a chat (agent-v3.0 121).
    ///
    /// # Errors
    /// When the agent may not see the chat.
    pub fn follow(&mut self, by: &UserId, id: &ChatId) -> Result<(), Refusal> {
        let chat = self.chat_of_agent(by, id)?;
        let hears = chat.has_user(by) || chat.followers.get(by) == Some(&Following::Everything);
        if hears && !self.broken.has(Flag::FollowAlwaysTold) {
            return Ok(());
        }
        let chat = self.chat_mut(id)?;
        if !hears {
            chat.followers.insert(by.clone(), Following::Everything);
        }
        if let Some(thread) = chat.last_thread().map(|thread| thread.id.clone()) {
            self.push(by, vec![by.clone()], Push::ThreadStarted { chat: id.clone(), thread, running: true });
        }
        Ok(())
    }

    /// Leaves an agent with key changes only (agent-v3.0 293).
    ///
    /// # Errors
    /// When the agent is a user of the chat (A30-B45), or may not see it.
    pub fn unfollow(&mut self, by: &UserId, id: &ChatId) -> Result<(), Refusal> {
        let is_member = self.chat_of_agent(by, id)?.has_user(by);
        if is_member && self.broken.has(Flag::MembersUnfollow) {
            self.drop_agent(id, by);
            return Ok(());
        }
        if is_member {
            return Err(Refusal::validation("Users of a chat cannot unfollow it"));
        }
        if self.broken.has(Flag::UnfollowIsTotal) {
            self.chat_mut(id)?.followers.remove(by);
        } else if let Some(how) = self.chat_mut(id)?.followers.get_mut(by) {
            *how = Following::KeyChanges;
        }
        Ok(())
    }

    /// Hands a chat over to other agents; without a target, within its group (agent-v3.0 253).
    ///
    /// # Errors
    /// When the agent may not work with the chat, or when nobody can take it and `force` is off (A30-B41).
    pub fn transfer(&mut self, by: &UserId, id: &ChatId, target: Option<Target>, force: bool) -> Result<(), Refusal> {
        let chat = self.chat_of_agent(by, id)?;
        if !chat.is_active() {
            return Err(Refusal::validation("The chat has no active thread"));
        }
        let target = target.unwrap_or_else(|| Target::Groups(group_of(chat)));
        let before = chat.agents.clone();
        let listeners = chat.key_listeners();
        let takers = self.takers(&target, &before);
        if takers.is_empty() && !force {
            return Err(Refusal::validation("No agent can take this chat now"));
        }
        if let Target::Groups(groups) = &target {
            self.chat_mut(id)?.groups = groups.clone();
        }
        for agent in &before {
            self.drop_agent(id, agent);
        }
        for agent in &takers {
            self.add_agent(id, agent);
        }
        self.push(by, listeners, Push::Transferred { chat: id.clone(), by: by.clone(), target: target.clone() });
        self.remark(Some(by), id, &Deed::Transferred(&target));
        let thread = self.chat_mut(id)?.active_thread().map(|thread| thread.id.clone());
        for user in before.into_iter().filter(|agent| !takers.contains(agent)) {
            let mut to = self.chat_mut(id)?.listeners(Recipients::All);
            to.push(user.clone());
            self.push_consequence(to, Push::UserRemoved { chat: id.clone(), thread: thread.clone(), user });
        }
        for agent in &takers {
            self.announce_agent(id, agent);
        }
        if takers.is_empty() {
            self.wait(id);
        }
        Ok(())
    }

    /// Who would take a chat: the first ready agent of the groups, or those of the named ones who are logged in.
    fn takers(&self, target: &Target, present: &[UserId]) -> Vec<UserId> {
        match target {
            Target::Groups(groups) => {
                let of_them = |id: &UserId| self.agents.get(id).is_some_and(|agent| agent.is_in_any(groups));
                let mut ready = self.ready.iter().map(|(_, _, agent)| agent);
                ready.find(|agent| !present.contains(agent) && of_them(agent)).cloned().into_iter().collect()
            }
            Target::Agents(ids) => ids
                .iter()
                .filter(|id| !present.contains(id) && self.agents.get(*id).is_some_and(Agent::is_online))
                .cloned()
                .collect(),
        }
    }
}

/// The group a chat belongs to: the first of those that may see it.
fn group_of(chat: &Chat) -> Vec<i64> {
    vec![chat.groups.first().copied().unwrap_or(EVERYBODY)]
}
