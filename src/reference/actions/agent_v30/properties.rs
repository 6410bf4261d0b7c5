//! Properties and tags. The schemas make sure that each action names what it is about, so one reader serves chats, threads and events.

use serde::Deserialize;
use serde_json::Value;

use super::super::{events, read};
use crate::reference::refusal::Refusal;
use crate::reference::render::Spoken;
use crate::reference::world::{ChatId, EventId, Place, ThreadId, UserId, World};

#[derive(Deserialize)]
struct Properties {
    chat_id: ChatId,
    thread_id: Option<ThreadId>,
    event_id: Option<EventId>,
    properties: Value,
}

impl Properties {
    fn split(self) -> (Place, Value) {
        (Place { chat: self.chat_id, thread: self.thread_id, event: self.event_id }, self.properties)
    }
}

/// `update_chat_properties` (1154), `update_chat_thread_properties` (1192), `update_event_properties` (1232).
pub fn update(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let (place, properties) = read::<Properties>(payload)?.split();
    world.chat_of_agent(user, &place.chat)?;
    world.set_properties(user, place, events::properties(Spoken::AgentV30, properties)?)?;
    Ok(Value::Null)
}

/// `delete_chat_properties` (1042), `delete_chat_thread_properties` (1078), `delete_event_properties` (1115).
pub fn delete(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let (place, names) = read::<Properties>(payload)?.split();
    world.chat_of_agent(user, &place.chat)?;
    world.delete_properties(user, place, read(names)?)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct Tag {
    chat_id: ChatId,
    thread_id: ThreadId,
    tag: String,
}

/// `tag_chat_thread` (1277), `untag_chat_thread` (1312).
pub fn tag(world: &mut World, user: &UserId, payload: Value, on: bool) -> Result<Value, Refusal> {
    let Tag { chat_id, thread_id, tag } = read(payload)?;
    world.chat_of_agent(user, &chat_id)?;
    world.tag(user, &chat_id, &thread_id, &tag, on)?;
    Ok(Value::Null)
}
