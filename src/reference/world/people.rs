//! Coming, going, and what is known of people.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use serde_json::Value;

use super::ids::uuid;
use super::remarks::Deed;
use super::retention::RETAINED_PHONES;
use super::{Agent, Chat, Customer, CustomerDetails, Effect, Phone, Push, RoutingStatus, UserId, World};
use crate::reference::defects::Flag;
use crate::reference::refusal::Refusal;

impl World {
    /// The customer of that id, made known at first sight.
    ///
    /// # Errors
    /// When the customer is banned.
    pub fn meet_customer(&mut self, id: &UserId) -> Result<&mut Customer, Refusal> {
        let (now, lax) = (self.now, self.broken.has(Flag::BanNotEnforced));
        if !self.customers.contains_key(id) {
            // Who never comes over RTM never leaves, and is to be forgotten all the same.
            self.departed(id);
        }
        let customer = self.customers.entry(id.clone()).or_insert_with(|| Customer::new(id.clone(), now));
        if customer.is_banned(now) && !lax { Err(Refusal::banned()) } else { Ok(customer) }
    }

    /// The agent of that id, made known at first sight.
    pub fn meet_agent(&mut self, id: &UserId) {
        self.agents.entry(id.clone()).or_insert_with(|| Agent::new(id.clone(), self.newcomers.clone()));
    }

    /// A customer logged in on a further RTM connection.
    ///
    /// # Errors
    /// When the customer is banned.
    pub fn customer_arrives(&mut self, id: &UserId, mut details: CustomerDetails) -> Result<(), Refusal> {
        let page = details.monitoring.take();
        let customer = self.meet_customer(id)?;
        customer.connections += 1;
        customer.visits += 1;
        customer.learn(details);
        self.opens(id, page);
        Ok(())
    }

    /// A customer tells more about himself at a further login, which announces nothing.
    ///
    /// # Errors
    /// When the customer is unknown.
    pub fn tell_about(&mut self, id: &UserId, mut details: CustomerDetails) -> Result<(), Refusal> {
        let page = details.monitoring.take();
        self.customer_mut(id)?.learn(details);
        self.opens(id, page);
        Ok(())
    }

    /// An agent logged in on a further RTM connection; accepting chats, unless he resumes an earlier state (agent-v3.0 920).
    pub fn agent_arrives(&mut self, id: &UserId, resumes: bool) {
        self.change_agent(id, |agent| {
            if !agent.is_online() && !resumes {
                agent.routing = RoutingStatus::AcceptingChats;
                agent.away = false;
            }
            agent.connections += 1;
        });
        self.route_waiting();
    }

    /// One of a user's RTM connections is gone, or logged out.
    pub fn leaves(&mut self, id: &UserId) {
        if let Some(customer) = self.customers.get_mut(id) {
            customer.connections = customer.connections.saturating_sub(1);
            if customer.connections == 0 {
                self.ends_visit(id);
                self.departed(id);
            }
        } else if self.agents.contains_key(id) {
            self.change_agent(id, |agent| agent.connections = agent.connections.saturating_sub(1));
        }
    }

    /// An agent creates a customer (agent-v3.0 627).
    ///
    /// # Errors
    /// None that a caller could cause.
    pub fn create_customer(&mut self, by: &UserId, details: CustomerDetails) -> Result<UserId, Refusal> {
        let id = UserId::from(uuid(self.random.random()));
        self.meet_customer(&id)?.learn(details);
        let to = self.online_agents();
        self.push(by, to, Push::CustomerCreated { customer: id.clone() });
        Ok(id)
    }

    /// A customer, or an agent, tells something new about a customer. The customer hears it once for each active chat
    /// (customer-v0.3 946).
    ///
    /// # Errors
    /// When the customer is unknown.
    pub fn update_customer(&mut self, by: &UserId, id: &UserId, mut details: CustomerDetails) -> Result<(), Refusal> {
        // Only the customer's own client knows where he is.
        let page = details.monitoring.take().filter(|_| by == id);
        let customer = self.customer_mut(id)?;
        customer.learn(details);
        let chats = customer.chats.clone();
        let everywhere = self.broken.has(Flag::NewsInClosedChats);
        let most = if self.broken.has(Flag::NewsInOneChat) { 1 } else { usize::MAX };
        let known = chats.iter().filter_map(|chat| self.chats.get(chat));
        let active: Vec<&Chat> = known.filter(|chat| chat.is_active() || everywhere).take(most).collect();
        let agents: BTreeSet<UserId> =
            active.iter().flat_map(|chat| chat.agents.iter().chain(chat.followers.keys())).cloned().collect();
        let pushes: Vec<Push> = active
            .iter()
            .map(|chat| Push::CustomerUpdated { customer: id.clone(), chat: Some(chat.id.clone()) })
            .collect();
        let told = Push::CustomerUpdated { customer: id.clone(), chat: None };
        if by == id {
            for push in pushes {
                self.push(by, vec![id.clone()], push);
            }
            self.push_consequence(agents.into_iter().collect(), told);
            self.opens(id, page);
        } else {
            let to = self.online_agents();
            self.push(by, to, told);
            for push in pushes {
                self.push_consequence(vec![id.clone()], push);
            }
        }
        Ok(())
    }

    /// Sets an agent's routing status (agent-v3.0 481).
    ///
    /// # Errors
    /// When the agent is unknown.
    pub fn update_agent(&mut self, by: &UserId, id: &UserId, routing: Option<RoutingStatus>) -> Result<(), Refusal> {
        if !self.agents.contains_key(id) {
            return Err(Refusal::validation(format!("`agent_id`: there is no agent `{id}`")));
        }
        self.change_agent(id, |agent| agent.routing = routing.unwrap_or(agent.routing));
        let to = self.online_agents();
        self.push(by, to, Push::AgentUpdated { agent: id.clone() });
        self.route_waiting();
        Ok(())
    }

    /// Marks an agent as away or back.
    pub fn set_away(&mut self, id: &UserId, away: bool) {
        self.change_agent(id, |agent| agent.away = away);
        self.route_waiting();
    }

    /// Notes which phone of an agent wants to hear of chats, or no longer does. Of many phones the last ones in the order of their
    /// tokens are forgotten.
    pub fn remember_phone(&mut self, id: &UserId, token: String, phone: Phone) {
        self.change_agent(id, |agent| {
            agent.phones.insert(token, phone);
            while agent.phones.len() > RETAINED_PHONES {
                agent.phones.pop_last();
            }
        });
    }

    /// Bans a customer: his sessions are cut and his threads end (A30-B59).
    ///
    /// # Errors
    /// When the customer is unknown.
    pub fn ban(&mut self, by: Option<&UserId>, id: &UserId, days: i64) -> Result<(), Refusal> {
        let until = self.now.checked_add(SignedDuration::from_hours(days.saturating_mul(24).clamp(0, 24 * 36_500)));
        let customer = self.customer_mut(id)?;
        customer.banned_until = Some(until.unwrap_or(Timestamp::MAX));
        let chats = customer.chats.clone();
        let to = self.online_agents();
        let what = Push::CustomerBanned { customer: id.clone(), days };
        match by {
            Some(by) => self.push(by, to, what),
            None => self.push_consequence(to, what),
        }
        for chat in chats {
            self.remark(by, &chat, &Deed::Banning(days));
            self.close_by_router(&chat);
        }
        if !self.broken.has(Flag::BanKeepsConnections) {
            self.effects.push(Effect::Disconnect { user: id.clone(), reason: "customer_banned" });
        }
        Ok(())
    }

    /// Lifts a customer's ban (agent-v0.2 650). Nothing is said when there is none.
    ///
    /// # Errors
    /// When the customer is unknown.
    pub fn unban(&mut self, by: Option<&UserId>, id: &UserId) -> Result<(), Refusal> {
        let now = self.now;
        let customer = self.customer_mut(id)?;
        let was_banned = customer.is_banned(now);
        customer.banned_until = None;
        if was_banned {
            let to = self.online_agents();
            let what = Push::CustomerUnbanned { customer: id.clone() };
            match by {
                Some(by) => self.push(by, to, what),
                None => self.push_consequence(to, what),
            }
        }
        Ok(())
    }

    /// Sends a message outside of any chat to those of these people who are of this licence (agent-v3.0 1598).
    pub fn multicast(&mut self, by: &UserId, mut to: Vec<UserId>, content: Value, kind: Option<String>) {
        to.retain(|user| self.knows(user));
        let what = Push::Multicast { author: by.clone(), content, kind };
        self.effects.push(Effect::Push { to, what, direct: true });
    }

    /// Whether somebody is of this licence.
    pub fn knows(&self, id: &UserId) -> bool {
        self.agents.contains_key(id) || self.customers.contains_key(id)
    }

    /// The agents of these groups who are logged in over RTM, by id.
    pub fn online_agents_of(&self, groups: &[i64]) -> Vec<UserId> {
        let mut online = self.online_agents();
        online.retain(|id| self.agents.get(id).is_some_and(|agent| agent.is_in_any(groups)));
        online
    }

    /// All agents who are logged in over RTM, by id.
    pub fn online_agents(&self) -> Vec<UserId> {
        let mut online: Vec<UserId> =
            self.agents.values().filter(|agent| agent.is_online()).map(|agent| agent.id.clone()).collect();
        online.sort_unstable();
        online
    }
}

impl Customer {
    /// Takes in what was told. Fields are added to those known (C03-A77).
    pub(super) fn learn(&mut self, details: CustomerDetails) {
        self.name = details.name.or(self.name.take());
        self.email = details.email.or(self.email.take());
        self.avatar = details.avatar.or(self.avatar.take());
        self.fields.extend(details.fields.unwrap_or_default());
    }
}
