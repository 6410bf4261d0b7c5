//! What happens without anybody's request.

use serde_json::{Map, Value};

use super::remarks::Deed;
use super::{Body, Chat, ChatId, Effect, EventId, NewEvent, Properties, Push, Recipients, ThreadId, UserId, World};
use crate::reference::refusal::Refusal;

impl World {
    /// The router closes the active thread of a chat; nobody did it (C02-A07; agent-v3.0 rtm/pushes:859).
    pub(super) fn close_by_router(&mut self, id: &ChatId) -> Option<ThreadId> {
        let thread = self.end_thread(id)?;
        let to = self.chats.get(id).map(Chat::key_listeners).unwrap_or_default();
        self.push_consequence(to, Push::ThreadClosed { chat: id.clone(), thread: thread.clone(), by: None });
        Some(thread)
    }

    /// The same, because nobody has said anything for long; the router says so (agent-v3.0 rtm/events:326).
    pub fn close_inactive(&mut self, id: &ChatId) -> Option<ThreadId> {
        let thread = self.chats.get(id)?.active_thread()?;
        let last = thread.events.back().map_or(thread.started, |event| event.at);
        let minutes = self.now.duration_since(last).as_mins();
        self.remark(None, id, &Deed::Idle(minutes));
        self.close_by_router(id)
    }

    /// The router adds a system message to the last thread of a chat (customer-v0.3 289; agent-v3.0 rtm/events:215).
    ///
    /// # Errors
    /// When there is no such chat.
    pub fn router_says(
        &mut self,
        id: &ChatId,
        kind: &str,
        text: String,
        vars: Map<String, Value>,
    ) -> Result<EventId, Refusal> {
        let mut members = Map::new();
        members.insert("system_message_type".to_owned(), kind.into());
        members.insert("text".to_owned(), text.into());
        if !vars.is_empty() {
            members.insert("text_vars".to_owned(), Value::Object(vars));
        }
        let body = Body::Plain { kind: "system_message", members };
        let new = NewEvent { custom_id: None, recipients: Recipients::All, properties: Properties::new(), body };
        let event = self.append(id, None, new)?;
        let chat = self.chat_mut(id)?;
        let to = chat.listeners(Recipients::All);
        if let Some(thread) = chat.last_thread().map(|thread| thread.id.clone()) {
            self.push_consequence(to, Push::EventSent { chat: id.clone(), thread, event: event.clone() });
        }
        Ok(event)
    }

    /// Takes an agent off the licence: out of all sessions, and off all chats, which are routed anew (agent-v3.0 rtm/pushes:203).
    ///
    /// # Errors
    /// When there is no such agent.
    pub fn delete_agent(&mut self, id: &UserId) -> Result<(), Refusal> {
        if !self.agents.contains_key(id) {
            return Err(Refusal::validation(format!("there is no agent `{id}`")));
        }
        self.effects.push(Effect::Disconnect { user: id.clone(), reason: "agent_deleted" });
        // Nothing is routed to whoever is about to be disconnected.
        self.change_agent(id, |agent| agent.away = true);
        let mut chats: Vec<(i64, ChatId)> =
            self.chats.values().filter(|chat| chat.agents.contains(id)).map(|c| (c.order, c.id.clone())).collect();
        chats.sort_unstable();
        for (_, chat) in chats {
            self.take_out(None, &chat, id)?;
            if !self.chats.get(&chat).is_some_and(Chat::is_active) {
                continue;
            }
            if let Some(agent) = self.route(&chat) {
                self.announce_agent(&chat, &agent);
                self.remark(None, &chat, &Deed::Reassigned { from: id, to: &agent });
            } else if self.waits(&chat) {
                self.remark(None, &chat, &Deed::Unassigned(id));
            }
        }
        Ok(())
    }
}
