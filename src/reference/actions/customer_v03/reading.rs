//! What customers can read.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::read;
use crate::reference::refusal::Refusal;
use crate::reference::render::customer_v03 as render;
use crate::reference::world::{ChatId, Recipients, ThreadId, UserId, World};

#[derive(Deserialize)]
struct Page {
    offset: Option<usize>,
    limit: Option<usize>,
}

/// `get_chats_summary` (588): newest chats first (C03-A66).
pub fn get_chats_summary(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let Page { offset, limit } = read(payload)?;
    let mut chats: Vec<_> = world.known_customer(user)?.chats.iter().filter_map(|id| world.chat(id)).collect();
    chats.sort_unstable_by_key(|chat| std::cmp::Reverse(chat.order));
    let total = chats.len();
    // The defaults of lines 598 and 599.
    let page = chats.into_iter().skip(offset.unwrap_or(0)).take(limit.unwrap_or(10));
    let summaries: Vec<Value> = page.map(|chat| render::chat_summary(world, chat)).collect();
    Ok(json!({ "chats_summary": summaries, "total_chats": total }))
}

#[derive(Deserialize)]
struct GetChatThreads {
    chat_id: ChatId,
    thread_ids: Vec<ThreadId>,
}

/// `get_chat_threads` (642). Unknown threads are left out (C03-A71).
pub fn get_chat_threads(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let GetChatThreads { chat_id, thread_ids } = read(payload)?;
    let chat = world.chat_of_customer(user, &chat_id)?;
    let wanted = chat.threads.iter().filter(|thread| thread_ids.contains(&thread.id));
    Ok(json!({ "chat": render::chat_with_threads(world, chat, wanted) }))
}

#[derive(Deserialize)]
struct GetChatThreadsSummary {
    chat_id: ChatId,
    offset: Option<usize>,
    limit: Option<usize>,
}

/// `get_chat_threads_summary` (684): oldest threads first, as in the sample (710-720; C03-A66).
pub fn get_chat_threads_summary(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let GetChatThreadsSummary { chat_id, offset, limit } = read(payload)?;
    let chat = world.chat_of_customer(user, &chat_id)?;
    // The defaults of lines 695 and 696.
    let page = chat.threads.iter().skip(offset.unwrap_or(0)).take(limit.unwrap_or(25));
    let summary = page.map(|thread| {
        let events = thread.events_for(Recipients::All).count();
        json!({ "id": thread.id, "order": thread.order, "total_events": events })
    });
    Ok(json!({ "threads_summary": summary.collect::<Vec<_>>(), "total_threads": chat.threads.len() }))
}
