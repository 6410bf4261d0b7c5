//! Starting chats, sending, closing.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{events, read};
use super::Scopes;
use crate::reference::refusal::Refusal;
use crate::reference::render::Spoken;
use crate::reference::render::agent_v02 as render;
use crate::reference::world::{self, Attach, ChatId, EventId, NewChat, ThreadId, UserId, World};

const HERE: Spoken = Spoken::AgentV02;

#[derive(Deserialize)]
struct StartChat {
    chat: Option<ChatSent>,
}

#[derive(Deserialize, Default)]
struct ChatSent {
    properties: Option<Value>,
    scopes: Option<Scopes>,
    thread: Option<ThreadSent>,
}

#[derive(Deserialize, Default)]
struct ThreadSent {
    events: Option<Vec<Value>>,
    properties: Option<Value>,
    scopes: Option<Scopes>,
}

/// `start_chat` (342): scopes count wherever they stand (A02-A37). A customer cannot be named (A02-A73).
pub fn start_chat(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let sent = read::<StartChat>(payload)?.chat.unwrap_or_default();
    let thread = sent.thread.unwrap_or_default();
    let (mut scopes, further) = (world::Scopes::from(sent.scopes), world::Scopes::from(thread.scopes));
    scopes.groups.extend(further.groups);
    scopes.agents.extend(further.agents);
    let new = NewChat {
        groups: scopes.groups,
        scoped_agents: scopes.agents,
        properties: events::optional_properties(HERE, sent.properties)?,
        thread_properties: events::optional_properties(HERE, thread.properties)?,
        events: events::all_initial(HERE, thread.events)?,
        ..NewChat::default()
    };
    let (id, thread) = world.start_chat(user, new)?;
    let chat = world.chat_of_agent(user, &id)?;
    let mut object = render::bare_chat(world, chat);
    let thread = chat.thread(&thread).ok_or_else(|| Refusal::no_thread(&thread))?;
    object.insert("thread".to_owned(), render::thread(thread));
    Ok(json!({ "chat": object }))
}

#[derive(Deserialize)]
struct SendEvent {
    chat_id: ChatId,
    event: Value,
}

/// `send_event` (477).
pub fn send_event(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let SendEvent { chat_id, event } = read(payload)?;
    world.chat_of_agent(user, &chat_id)?;
    let (thread, event) = world.send_event(user, &chat_id, events::sent(HERE, event)?, Attach::OpenThread)?;
    let stored = world.chat_of_agent(user, &chat_id)?.thread(&thread).and_then(|thread| thread.event(&event));
    Ok(json!({ "thread_id": thread, "event": stored.map(render::event) }))
}

#[derive(Deserialize)]
struct SendBroadcast {
    scopes: Option<Scopes>,
    content: Value,
}

/// `send_broadcast` (519): to the union of the listed agents and groups, or to everybody (A02-A46).
pub fn send_broadcast(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let SendBroadcast { scopes, content } = read(payload)?;
    let world::Scopes { groups, agents } = scopes.into();
    let to_all = groups.is_empty() && agents.is_empty();
    let mut to: BTreeSet<UserId> = agents.into_iter().collect();
    to.extend(if to_all { world.online_agents() } else { world.online_agents_of(&groups) });
    world.multicast(user, to.into_iter().collect(), content, None);
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct MarkEventAsSeen {
    chat_id: ChatId,
    event_id: EventId,
}

/// `mark_event_as_seen` (553): any event of the chat (A02-A69).
pub fn mark_event_as_seen(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let MarkEventAsSeen { chat_id, event_id } = read(payload)?;
    world.chat_of_agent(user, &chat_id)?;
    world.mark_as_seen(user, &chat_id, &event_id)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct CloseThread {
    chat_id: ChatId,
    thread_id: Option<ThreadId>,
}

/// `close_thread` (678): the active thread; one that is named has to be that (A02-A54).
pub fn close_thread(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let CloseThread { chat_id, thread_id } = read(payload)?;
    world.chat_of_agent(user, &chat_id)?;
    world.close_thread(user, &chat_id, thread_id.as_ref())?;
    Ok(Value::Null)
}
