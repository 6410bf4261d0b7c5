//! Who takes part in a chat, and which customers may come in at all.

use serde::Deserialize;
use serde_json::Value;

use super::super::read;
use crate::reference::refusal::Refusal;
use crate::reference::world::{ChatId, UserId, World};

#[derive(Deserialize)]
struct AgentsOfChat {
    chat_id: ChatId,
    agent_ids: Option<Vec<UserId>>,
}

/// `supervise_chat` (311): the requester himself when nobody is named (A02-B45).
pub fn supervise_chat(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let AgentsOfChat { chat_id, agent_ids } = read(payload)?;
    let named = agent_ids.filter(|ids| !ids.is_empty());
    world.supervise(user, &chat_id, &named.unwrap_or_else(|| vec![user.clone()]))?;
    Ok(Value::Null)
}

/// `join_chat` (412).
pub fn join_chat(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let AgentsOfChat { chat_id, agent_ids } = read(payload)?;
    world.join(user, &chat_id, &agent_ids.unwrap_or_default())?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct RemoveFromChat {
    chat_id: ChatId,
    customer_ids: Option<Vec<UserId>>,
    agent_ids: Option<Vec<UserId>>,
}

/// `remove_from_chat` (443).
pub fn remove_from_chat(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let RemoveFromChat { chat_id, customer_ids, agent_ids } = read(payload)?;
    world.remove(user, &chat_id, &customer_ids.unwrap_or_default(), &agent_ids.unwrap_or_default())?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct UnbanCustomer {
    customer_id: UserId,
}

/// `unban_customer` (649).
pub fn unban_customer(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    world.unban(Some(user), &read::<UnbanCustomer>(payload)?.customer_id)?;
    Ok(Value::Null)
}
