//! Starting chats, sending, closing.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{OfChat, events, file_event, read};
use crate::reference::defects::Flag;
use crate::reference::files::StoredFile;
use crate::reference::refusal::Refusal;
use crate::reference::render::Spoken;
use crate::reference::render::customer_v03 as render;
use crate::reference::world::{Attach, ChatId, NewChat, NewEvent, ThreadId, UserId, World};

const HERE: Spoken = Spoken::CustomerV03;

#[derive(Deserialize, Default)]
struct StartChat {
    chat: Option<ChatSent>,
}

#[derive(Deserialize, Default)]
struct ChatSent {
    scopes: Option<Scopes>,
    properties: Option<Value>,
    thread: Option<ThreadSent>,
}

/// `{"groups": […]}` (C03-A17).
#[derive(Deserialize, Default)]
pub struct Scopes {
    /// Ids of groups.
    pub groups: Option<Vec<i64>>,
}

#[derive(Deserialize, Default)]
struct ThreadSent {
    events: Option<Vec<Value>>,
    properties: Option<Value>,
}

/// `start_chat` (726), for customers who have introduced themselves.
pub fn start_chat(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let (id, thread) = begin(world, user, payload)?;
    let chat = world.chat_of_customer(user, &id)?;
    let thread = chat.thread(&thread).ok_or_else(|| Refusal::no_thread(&thread))?;
    Ok(json!({ "chat": render::chat_with_thread(world, chat, thread) }))
}

/// Starts the chat that the payload asks for.
///
/// # Errors
/// When the customer has not introduced himself, or an initial event is refused.
pub fn begin(world: &mut World, user: &UserId, payload: Value) -> Result<(ChatId, ThreadId), Refusal> {
    let chat = read::<StartChat>(payload)?.chat.unwrap_or_default();
    if !world.known_customer(user)?.is_introduced() && !world.broken.has(Flag::DetailsNotNeeded) {
        return Err(Refusal::validation("Send the customer's name or email first, with login or update_customer"));
    }
    let thread = chat.thread.unwrap_or_default();
    let new = NewChat {
        customer: Some(user.clone()),
        groups: chat.scopes.and_then(|scopes| scopes.groups).unwrap_or_default(),
        properties: events::optional_properties(HERE, chat.properties)?,
        thread_properties: events::optional_properties(HERE, thread.properties)?,
        events: events::all_initial(HERE, thread.events)?,
        ..NewChat::default()
    };
    world.start_chat(user, new)
}

#[derive(Deserialize)]
struct SendEvent {
    chat_id: ChatId,
    event: Value,
}

/// `send_event` (797).
pub fn send_event(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let SendEvent { chat_id, event } = read(payload)?;
    if event.get("type").and_then(Value::as_str) == Some("file") {
        return Err(Refusal::validation("`event.type`: files are sent with send_file"));
    }
    store(world, user, &chat_id, events::sent(HERE, event)?)
}

fn store(world: &mut World, user: &UserId, chat: &ChatId, event: NewEvent) -> Result<Value, Refusal> {
    world.chat_of_customer(user, chat)?;
    let (thread, event) = world.send_event(user, chat, event, Attach::OpenThread)?;
    let stored = world.chat_of_customer(user, chat)?.thread(&thread).and_then(|thread| thread.event(&event));
    Ok(json!({ "thread_id": thread, "event": stored.map(render::event) }))
}

#[derive(Deserialize)]
struct SendFile {
    chat_id: ChatId,
    custom_id: Option<String>,
}

/// `send_file` (834): the file is an event of its own, the answer just its address (C03-A30).
pub fn send_file(world: &mut World, user: &UserId, payload: Value, file: Option<StoredFile>) -> Result<Value, Refusal> {
    let SendFile { chat_id, custom_id } = read(payload)?;
    let Some(file) = file else { return Err(Refusal::validation("`file` is missing")) };
    store(world, user, &chat_id, file_event(&file, custom_id))?;
    Ok(json!({ "url": file.url }))
}

#[derive(Deserialize)]
struct SendSneakPeek {
    chat_id: ChatId,
    sneak_peek_text: String,
}

/// `send_sneak_peek` (866).
pub fn send_sneak_peek(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let SendSneakPeek { chat_id, sneak_peek_text } = read(payload)?;
    world.chat_of_customer(user, &chat_id)?;
    world.sneak_peek(user, &chat_id, sneak_peek_text)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct CloseThread {
    #[serde(flatten)]
    of: OfChat,
    thread_id: Option<ThreadId>,
}

/// `close_thread` (889).
pub fn close_thread(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let CloseThread { of, thread_id } = read(payload)?;
    world.chat_of_customer(user, &of.chat_id)?;
    world.close_thread(user, &of.chat_id, thread_id.as_ref())?;
    Ok(Value::Null)
}
