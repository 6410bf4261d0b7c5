//! What agents can change of a chat.

use serde::Deserialize;
use serde_json::Value;

use super::super::{events, read};
use super::Scopes;
use crate::reference::refusal::Refusal;
use crate::reference::render::Spoken;
use crate::reference::world::{ChatId, Place, ThreadId, UserId, World};

#[derive(Deserialize)]
struct UpdateChatScopes {
    chat_id: ChatId,
    add_scopes: Option<Scopes>,
    remove_scopes: Option<Scopes>,
}

/// `update_chat_scopes` (708).
pub fn update_chat_scopes(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UpdateChatScopes { chat_id, add_scopes, remove_scopes } = read(payload)?;
    world.change_scopes(user, &chat_id, &add_scopes.into(), &remove_scopes.into())?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct UpdateProperties {
    chat_id: ChatId,
    thread_id: Option<ThreadId>,
    properties: Value,
}

/// `update_chat_properties` (813), `update_chat_thread_properties` (849); the schema makes sure that the latter names a thread.
pub fn properties(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UpdateProperties { chat_id, thread_id, properties } = read(payload)?;
    world.chat_of_agent(user, &chat_id)?;
    let place = Place { chat: chat_id, thread: thread_id, event: None };
    world.set_properties(user, place, events::properties(Spoken::AgentV02, properties)?)?;
    Ok(Value::Null)
}
