//! Starting chats, sending, closing.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{OfChat, events, file_event, read};
use crate::reference::files::StoredFile;
use crate::reference::refusal::Refusal;
use crate::reference::render::Spoken;
use crate::reference::render::agent_v30 as render;
use crate::reference::world::{Attach, ChatId, EventId, NewChat, NewEvent, Recipients, ThreadId, UserId, World};

const HERE: Spoken = Spoken::AgentV30;

#[derive(Deserialize, Default)]
struct StartChat {
    chat: Option<ChatSent>,
}

#[derive(Deserialize)]
struct ActivateChat {
    chat: ActivatedChat,
}

#[derive(Deserialize)]
struct ActivatedChat {
    id: ChatId,
    #[serde(flatten)]
    sent: ChatSent,
}

#[derive(Deserialize, Default)]
struct ChatSent {
    users: Option<Vec<UserSent>>,
    access: Option<Access>,
    properties: Option<Value>,
    thread: Option<ThreadSent>,
}

#[derive(Deserialize)]
struct UserSent {
    id: UserId,
}

#[derive(Deserialize)]
struct Access {
    group_ids: Vec<i64>,
}

#[derive(Deserialize, Default)]
struct ThreadSent {
    events: Option<Vec<Value>>,
    properties: Option<Value>,
    tags: Option<BTreeSet<String>>,
}

fn new_chat(sent: ChatSent) -> Result<NewChat, Refusal> {
    let thread = sent.thread.unwrap_or_default();
    Ok(NewChat {
        customer: sent.users.into_iter().flatten().map(|user| user.id).next(),
        groups: sent.access.map(|access| access.group_ids).unwrap_or_default(),
        scoped_agents: Vec::new(),
        properties: events::optional_properties(HERE, sent.properties)?,
        thread_properties: events::optional_properties(HERE, thread.properties)?,
        events: events::all_initial(HERE, thread.events)?,
        tags: thread.tags.unwrap_or_default(),
    })
}

/// `start_chat` (158): the response has the chat's id, users and thread only (A30-Q15).
pub fn start_chat(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let sent = read::<StartChat>(payload)?.chat.unwrap_or_default();
    let (id, thread) = world.start_chat(user, new_chat(sent)?)?;
    let chat = world.chat_of_agent(user, &id)?;
    let mut object = render::bare_chat(world, chat);
    let thread = chat.thread(&thread).ok_or_else(|| Refusal::no_thread(&thread))?;
    object.insert("thread".to_owned(), render::thread(chat, thread));
    Ok(json!({ "chat": object }))
}

/// `activate_chat` (29).
pub fn activate_chat(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let ActivatedChat { id, sent } = read::<ActivateChat>(payload)?.chat;
    let thread = world.activate_chat(user, &id, new_chat(sent)?)?;
    let chat = world.chat_of_agent(user, &id)?;
    let mut object = render::chat_with_access(world, chat);
    let threads = chat.thread(&thread).map(|thread| render::thread(chat, thread));
    object.insert("threads".to_owned(), threads.into_iter().collect());
    object.insert("is_followed".to_owned(), true.into());
    Ok(json!({ "chat": object }))
}

#[derive(Deserialize)]
struct SendEvent {
    chat_id: ChatId,
    event: Value,
    attach_to_last_thread: Option<bool>,
    require_active_thread: Option<bool>,
}

/// `send_event` (826). `require_active_thread` wins over `attach_to_last_thread` (A30-Q07).
pub fn send_event(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let SendEvent { chat_id, event, attach_to_last_thread, require_active_thread } = read(payload)?;
    let attach = match (require_active_thread, attach_to_last_thread) {
        (Some(true), _) => Attach::ActiveThreadOnly,
        (_, Some(true)) => Attach::LastThread,
        _ => Attach::OpenThread,
    };
    store(world, user, &chat_id, events::sent(HERE, event)?, attach)
}

fn store(world: &mut World, user: &UserId, chat: &ChatId, event: NewEvent, attach: Attach) -> Result<Value, Refusal> {
    world.chat_of_agent(user, chat)?;
    let (thread, event) = world.send_event(user, chat, event, attach)?;
    let stored = world.chat_of_agent(user, chat)?.thread(&thread).and_then(|thread| thread.event(&event));
    Ok(json!({ "thread_id": thread, "event": stored.map(render::event) }))
}

#[derive(Deserialize)]
struct SendFile {
    chat_id: ChatId,
    custom_id: Option<String>,
    require_active_thread: Option<Value>,
}

/// `send_file` (web/methods:1297).
pub fn send_file(world: &mut World, user: &UserId, payload: Value, file: Option<StoredFile>) -> Result<Value, Refusal> {
    let SendFile { chat_id, custom_id, require_active_thread } = read(payload)?;
    let Some(file) = file else { return Err(Refusal::validation("`file` is missing")) };
    // A part of a multipart body is text.
    let required = require_active_thread.is_some_and(|value| value == true || value == "true");
    let attach = if required { Attach::ActiveThreadOnly } else { Attach::OpenThread };
    store(world, user, &chat_id, file_event(&file, custom_id), attach)?;
    Ok(json!({ "url": file.url }))
}

/// `upload_image` (web/methods:1571).
pub fn upload_image(file: Option<StoredFile>) -> Result<Value, Refusal> {
    let Some(file) = file else { return Err(Refusal::validation("`image` is missing")) };
    let path = file.url.find("/files/").map_or("", |at| &file.url[at..]).to_owned();
    Ok(json!({ "url": file.url, "path": path }))
}

#[derive(Deserialize)]
struct SendTypingIndicator {
    chat_id: ChatId,
    recipients: Option<Recipients>,
    is_typing: bool,
}

/// `send_typing_indicator` (1658; agent-v0.2-methods 583).
pub fn send_typing_indicator(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let SendTypingIndicator { chat_id, recipients, is_typing } = read(payload)?;
    world.chat_of_agent(user, &chat_id)?;
    world.typing(user, &chat_id, recipients.unwrap_or_default(), is_typing)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct SendPostback {
    chat_id: ChatId,
    thread_id: ThreadId,
    event_id: EventId,
    postback: Postback,
}

#[derive(Deserialize)]
struct Postback {
    id: String,
    toggled: bool,
}

/// `send_rich_message_postback` (1557).
pub fn send_rich_message_postback(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let SendPostback { chat_id, thread_id, event_id, postback } = read(payload)?;
    world.chat_of_agent(user, &chat_id)?;
    world.postback(user, &chat_id, (&thread_id, &event_id), postback.id, postback.toggled)?;
    Ok(Value::Null)
}

/// `close_thread` (1690).
pub fn close_thread(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let OfChat { chat_id } = read(payload)?;
    world.chat_of_agent(user, &chat_id)?;
    world.close_thread(user, &chat_id, None)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct Multicast {
    scopes: Scopes,
    content: Value,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Scopes {
    agents: Option<AgentScope>,
    customers: Option<CustomerScope>,
}

#[derive(Deserialize, Default)]
struct AgentScope {
    all: Option<bool>,
    ids: Option<Vec<UserId>>,
    /// Numbers; strings are taken too (A30-Q40).
    groups: Option<Vec<Value>>,
}

#[derive(Deserialize, Default)]
struct CustomerScope {
    ids: Option<Vec<UserId>>,
}

/// `multicast` (1598): the union of the scopes (A30-Q40).
pub fn multicast(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let Multicast { scopes, content, kind } = read(payload)?;
    let agents = scopes.agents.unwrap_or_default();
    let number = |group: &Value| group.as_i64().or_else(|| group.as_str()?.parse().ok());
    let groups: Vec<i64> = agents.groups.iter().flatten().filter_map(number).collect();
    let mut to: BTreeSet<UserId> = agents.ids.into_iter().flatten().collect();
    to.extend(if agents.all == Some(true) { world.online_agents() } else { world.online_agents_of(&groups) });
    to.extend(scopes.customers.unwrap_or_default().ids.into_iter().flatten());
    world.multicast(user, to.into_iter().collect(), content, kind);
    Ok(Value::Null)
}
