//! Who may touch which chat, and the lists of groups behind it.

use super::{AccessChange, Chat, ChatId, Push, Resource, UserId, World};
use crate::reference::defects::Flag;
use crate::reference::refusal::Refusal;

/// The group of all agents (A30-B50).
pub const EVERYBODY: i64 = 0;

/// The groups of an agent of whom nothing else is known: that of all agents, and the one that the documents' samples name. Other groups
/// exist, but nobody is in them unless a world file says so.
pub(super) const USUAL_GROUPS: [i64; 2] = [EVERYBODY, 1];

/// A group that nobody is in.
pub(super) const EMPTY_GROUP: i64 = 77;

/// Groups and agents that a chat is restricted to; without any it is open to everybody (customer-v0.3 472; A02-A44).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Ids of groups.
    pub groups: Vec<i64>,
    /// Ids of agents.
    pub agents: Vec<UserId>,
}

impl Scopes {
    fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.agents.is_empty()
    }

    /// What is in these but not in the others.
    fn beyond(&self, known: &Self) -> Self {
        Self { groups: beyond(&self.groups, &known.groups), agents: beyond(&self.agents, &known.agents) }
    }
}

impl World {
    /// A chat that this customer belongs to.
    ///
    /// # Errors
    /// validation for an id that does not exist, authorization for a chat of somebody else (C03-A59, C03-A65).
    pub fn chat_of_customer(&self, customer: &UserId, id: &ChatId) -> Result<&Chat, Refusal> {
        let chat = self.chats.get(id).ok_or_else(|| Refusal::no_chat(id))?;
        if chat.customer.as_ref() == Some(customer) || self.broken.has(Flag::ForeignChatsOpen) {
            Ok(chat)
        } else {
            Err(Refusal::authorization("You are not a user of this chat"))
        }
    }

    /// A chat that this agent may work with: as a user of it, or through one of the agent's groups.
    ///
    /// # Errors
    /// validation for an id that does not exist, authorization for a chat that is restricted to others.
    pub fn chat_of_agent(&self, agent: &UserId, id: &ChatId) -> Result<&Chat, Refusal> {
        let chat = self.chats.get(id).ok_or_else(|| Refusal::no_chat(id))?;
        if self.agent_may_see(agent, chat) {
            Ok(chat)
        } else {
            Err(Refusal::authorization("You have no access to this chat"))
        }
    }

    /// Whether an agent may work with a chat.
    pub fn agent_may_see(&self, agent: &UserId, chat: &Chat) -> bool {
        let Some(known) = self.agents.get(agent) else { return false };
        known.is_in_any(&chat.groups)
            || chat.has_user(agent)
            || chat.followers.contains_key(agent)
            || chat.supervisors.contains(agent)
            || chat.scoped_agents.contains(agent)
            || self.broken.has(Flag::AccessIgnored)
    }

    /// Restricts a chat to further scopes or frees it from some. Nothing is said when nothing changes (C03-A64). Agents
    /// who lose sight of the chat hear of it, too.
    ///
    /// # Errors
    /// When it is not the customer's chat, or not one that the agent may work with.
    pub fn change_scopes(&mut self, by: &UserId, id: &ChatId, add: &Scopes, remove: &Scopes) -> Result<(), Refusal> {
        let by_agent = self.agents.contains_key(by);
        let chat = if by_agent { self.chat_of_agent(by, id)? } else { self.chat_of_customer(by, id)? };
        let before = Scopes { groups: chat.groups.clone(), agents: chat.scoped_agents.clone() };
        let mut after = Scopes {
            groups: changed(&before.groups, &add.groups, &remove.groups),
            agents: changed(&before.agents, &add.agents, &remove.agents),
        };
        after.groups.retain(|group| *group != EVERYBODY);
        if after.is_empty() {
            after.groups.push(EVERYBODY);
        }
        let (added, removed) = (after.beyond(&before), before.beyond(&after));
        if added.is_empty() && removed.is_empty() {
            return Ok(());
        }
        let mut to: Vec<UserId> = chat.customer.iter().cloned().collect();
        to.extend(self.online_agents().into_iter().filter(|agent| self.agent_may_see(agent, chat)));
        let chat = self.chat_mut(id)?;
        (chat.groups, chat.scoped_agents) = (after.groups, after.agents);
        let agents = agents_of(chat);
        for (change, groups) in [(AccessChange::Granted, &added.groups), (AccessChange::Revoked, &removed.groups)] {
            if !groups.is_empty() {
                let resource = Resource::Chat(id.clone());
                let what = Push::AccessChanged { change, resource, groups: groups.clone() };
                self.push_consequence(agents.clone(), what);
            }
        }
        self.push(by, to, Push::ScopesChanged { chat: id.clone(), added, removed });
        Ok(())
    }

    /// Grants, revokes or sets the access of one group, for an agent.
    ///
    /// Afterwards the list may be empty: then only the chat's users see it.
    ///
    /// # Errors
    /// When the agent may not work with the chat, or the customer is unknown.
    pub fn change_access(
        &mut self,
        by: &UserId,
        change: AccessChange,
        resource: Resource,
        group: i64,
    ) -> Result<(), Refusal> {
        if let Resource::Chat(id) = &resource {
            self.chat_of_agent(by, id)?;
        }
        let groups = match &resource {
            Resource::Chat(id) => &mut self.chat_mut(id)?.groups,
            Resource::Customer(id) => &mut self.customer_mut(id)?.groups,
        };
        let before = groups.clone();
        match change {
            AccessChange::Granted if groups.contains(&group) => {}
            AccessChange::Granted => groups.push(group),
            AccessChange::Revoked => groups.retain(|known| *known != group),
            AccessChange::Set => *groups = vec![group],
        }
        let after = groups.clone();
        let to = match &resource {
            Resource::Chat(id) => agents_of(self.chat_mut(id)?),
            Resource::Customer(_) => self.online_agents(),
        };
        if let Resource::Chat(id) = &resource
            && before != after
        {
            let customer = self.chat_mut(id)?.customer.iter().cloned().collect();
            let (added, removed) = (beyond(&after, &before), beyond(&before, &after));
            let only = |groups| Scopes { groups, agents: Vec::new() };
            let (added, removed) = (only(added), only(removed));
            self.push_consequence(customer, Push::ScopesChanged { chat: id.clone(), added, removed });
        }
        // What was granted or revoked, or the resulting list (A30-Q17).
        self.push(by, to, Push::AccessChanged { change, resource, groups: vec![group] });
        Ok(())
    }
}

fn agents_of(chat: &Chat) -> Vec<UserId> {
    chat.agents.iter().chain(chat.followers.keys()).cloned().collect()
}

/// What is in the first list but not in the second.
fn beyond<T: PartialEq + Clone>(all: &[T], known: &[T]) -> Vec<T> {
    all.iter().filter(|item| !known.contains(item)).cloned().collect()
}

/// A list with some items added and some removed; adding wins.
fn changed<T: PartialEq + Clone>(before: &[T], add: &[T], remove: &[T]) -> Vec<T> {
    let mut after = beyond(before, &beyond(remove, add));
    for item in add {
        if !after.contains(item) {
            after.push(item.clone());
        }
    }
    after
}
