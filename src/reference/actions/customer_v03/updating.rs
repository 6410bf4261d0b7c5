//! What customers can change.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{WithCustomer, events, read};
use super::chatting::Scopes;
use crate::reference::refusal::Refusal;
use crate::reference::render::Spoken;
use crate::reference::render::customer_v03 as render;
use crate::reference::world::{self, ChatId, Place, ThreadId, UserId, World};

#[derive(Deserialize)]
struct UpdateChatScopes {
    chat_id: ChatId,
    add_scopes: Option<Scopes>,
    remove_scopes: Option<Scopes>,
}

/// `update_chat_scopes` (911).
pub fn update_chat_scopes(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UpdateChatScopes { chat_id, add_scopes, remove_scopes } = read(payload)?;
    let scopes = |sent: Option<Scopes>| world::Scopes {
        groups: sent.and_then(|scopes| scopes.groups).unwrap_or_default(),
        agents: Vec::new(),
    };
    world.change_scopes(user, &chat_id, &scopes(add_scopes), &scopes(remove_scopes))?;
    Ok(Value::Null)
}

/// `update_customer` (940).
pub fn update_customer(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let details = read::<WithCustomer>(payload)?.customer.unwrap_or_default();
    world.update_customer(user, user, details)?;
    Ok(json!({ "customer": render::customer(world.known_customer(user)?) }))
}

#[derive(Deserialize)]
struct UpdateProperties {
    chat_id: ChatId,
    thread_id: Option<ThreadId>,
    properties: Value,
}

/// `update_chat_properties` (988).
pub fn update_chat_properties(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UpdateProperties { chat_id, properties, .. } = read(payload)?;
    set(world, user, Place { chat: chat_id, thread: None, event: None }, properties)
}

/// `update_chat_thread_properties` (1017).
pub fn update_chat_thread_properties(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UpdateProperties { chat_id, thread_id, properties } = read(payload)?;
    set(world, user, Place { chat: chat_id, thread: thread_id, event: None }, properties)
}

fn set(world: &mut World, user: &UserId, place: Place, properties: Value) -> Result<Value, Refusal> {
    world.chat_of_customer(user, &place.chat)?;
    world.set_properties(user, place, events::properties(Spoken::CustomerV03, properties)?)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct UpdateLastSeen {
    timestamp: Option<i64>,
    chat_id: Option<ChatId>,
}

/// `update_last_seen_timestamp` (1048): for one chat, or for all of the customer's (C03-A24).
pub fn update_last_seen_timestamp(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UpdateLastSeen { timestamp, chat_id } = read(payload)?;
    let timestamp = timestamp.unwrap_or(world.now.as_second());
    let chats = match chat_id {
        Some(id) => vec![world.chat_of_customer(user, &id)?.id.clone()],
        None => world.known_customer(user)?.chats.clone(),
    };
    world.see(user, chats, timestamp);
    Ok(json!({ "timestamp": timestamp }))
}
