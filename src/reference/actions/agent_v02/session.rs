//! Logging in, and what agents say about themselves.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Login, PushNotifications, read};
use crate::reference::licences::Licence;
use crate::reference::refusal::Refusal;
use crate::reference::render::agent_v02 as render;
use crate::reference::world::{Chat, RoutingStatus, UserId, World};

/// Chats in a login response, the newest ones. The documents name no bound; without one, the logins of a busy team would be
/// megabytes.
const SUMMARIES: usize = 100;

#[derive(Deserialize)]
struct Sent {
    reconnect: Option<bool>,
    push_notifications: Option<PushNotifications>,
}

/// `login` (8): the licence, the agent, and the active chats that the agent may see, of all of which pushes will tell (A02-A12).
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
    let mut active: Vec<&Chat> =
        world.chats().filter(|chat| chat.is_active() && world.agent_may_see(user, chat)).collect();
    active.sort_unstable_by_key(|chat| std::cmp::Reverse(chat.order));
    let summaries: Vec<Value> =
        active.into_iter().take(SUMMARIES).map(|chat| render::chat_summary(world, chat)).collect();
    let (_, ends) = Licence::span(world);
    let license = json!({ "id": number.to_string(), "plan": "enterprise", "expiration_timestamp": ends });
    Ok(json!({ "license": license, "my_profile": render::profile(agent), "chats_summary": summaries }))
}

#[derive(Deserialize)]
struct UpdateAgent {
    agent_id: Option<UserId>,
    routing_status: Option<RoutingStatus>,
}

/// `update_agent` (745): the requester's own status when no agent is named.
pub fn update_agent(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UpdateAgent { agent_id, routing_status } = read(payload)?;
    world.update_agent(user, agent_id.as_ref().unwrap_or(user), routing_status)?;
    Ok(Value::Null)
}
