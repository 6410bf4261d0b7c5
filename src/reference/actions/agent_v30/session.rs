//! Logging in, and what agents say about themselves.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Login, PushNotifications, read};
use crate::reference::licences::Licence;
use crate::reference::refusal::Refusal;
use crate::reference::render::agent_v30 as render;
use crate::reference::world::{ChatId, RoutingStatus, UserId, World};

/// Chats in a login response, the newest ones. The documents name no bound; without one, the logins of a busy team would be
/// megabytes.
const SUMMARIES: usize = 100;

#[derive(Deserialize)]
struct Sent {
    reconnect: Option<bool>,
    push_notifications: Option<PushNotifications>,
}

/// `login` (885): the licence, the agent, and the agent's active chats.
///
/// # Errors
/// None that a request which passed its schema could cause.
pub fn login(login: Login<'_>) -> Result<Value, Refusal> {
    let Login { world, number, user, payload, is_new } = login;
    let Sent { reconnect, push_notifications } = read(payload)?;
    if is_new {
        world.agent_arrives(user, reconnect.unwrap_or(false));
    }
    if let Some(phone) = push_notifications {
        phone.remember(world, user);
    }
    let Some(agent) = world.agent(user) else { return Err(Refusal::authentication()) };
    let mut profile = render::agent(agent);
    profile.insert("permission".to_owned(), "normal".into());
    let newest = agent.active.iter().rev().take(SUMMARIES).filter_map(|id| world.chat(id));
    let summaries: Vec<Value> = newest.map(|chat| render::chat_summary(world, chat)).collect();
    let (created, ends) = Licence::span(world);
    let license = json!({
        "id": number.to_string(),
        "plan": "enterprise",
        "expiration_timestamp": ends,
        "creation_timestamp": created,
        "in_trial": false,
    });
    Ok(json!({ "license": license, "my_profile": profile, "chats_summary": summaries }))
}

#[derive(Deserialize)]
struct UpdateAgent {
    agent_id: Option<UserId>,
    routing_status: Option<RoutingStatus>,
}

/// `update_agent` (481): the requester's own status when no agent is named, which needs a requester who is online (A30-Q44).
pub fn update_agent(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UpdateAgent { agent_id, routing_status } = read(payload)?;
    if agent_id.is_none() && !world.agent(user).is_some_and(|agent| agent.is_online()) {
        return Err(Refusal::offline());
    }
    world.update_agent(user, agent_id.as_ref().unwrap_or(user), routing_status)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct SetAwayStatus {
    away: bool,
}

/// `set_away_status` (552).
pub fn set_away_status(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    world.set_away(user, read::<SetAwayStatus>(payload)?.away);
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct UpdateLastSeen {
    chat_id: ChatId,
    timestamp: Option<i64>,
}

/// `update_last_seen_timestamp` (1763; agent-v0.2-methods 887).
pub fn update_last_seen_timestamp(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UpdateLastSeen { chat_id, timestamp } = read(payload)?;
    world.chat_of_agent(user, &chat_id)?;
    let timestamp = timestamp.unwrap_or(world.now.as_second());
    world.see(user, vec![chat_id], timestamp);
    Ok(json!({ "timestamp": timestamp }))
}
