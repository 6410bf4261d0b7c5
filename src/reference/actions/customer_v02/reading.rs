//! What customers can read.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::read;
use crate::reference::refusal::Refusal;
use crate::reference::render::customer_v02 as render;
use crate::reference::world::{Chat, ChatId, ThreadId, UserId, World};

/// The customer's chats, newest first.
///
/// # Errors
/// When the customer is unknown.
pub fn newest_chats<'a>(world: &'a World, user: &UserId) -> Result<Vec<&'a Chat>, Refusal> {
    let mut chats: Vec<_> = world.known_customer(user)?.chats.iter().filter_map(|id| world.chat(id)).collect();
    chats.sort_unstable_by_key(|chat| std::cmp::Reverse(chat.order));
    Ok(chats)
}

#[derive(Deserialize, Default)]
struct Pagination {
    page: Option<usize>,
    offset: Option<usize>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
struct GetChatsSummary {
    pagination: Option<Pagination>,
}

/// `get_chats_summary` (A02C:92), by numbered pages (C02-A18).
pub fn get_chats_summary(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let pagination = read::<GetChatsSummary>(payload)?.pagination.unwrap_or_default();
    // The defaults of A02C:97.
    let (page, limit) = (pagination.page.unwrap_or(1), pagination.limit.unwrap_or(10));
    let chats = newest_chats(world, user)?;
    let before = page.saturating_sub(1).saturating_mul(limit);
    let summaries: Vec<Value> =
        chats.iter().skip(before).take(limit).map(|chat| render::chat_summary(world, chat)).collect();
    Ok(json!({ "chats_summary": summaries, "pagination": { "page": page, "total": chats.len() } }))
}

#[derive(Deserialize)]
struct GetChatThreads {
    chat_id: ChatId,
    thread_ids: Vec<ThreadId>,
}

/// `get_chat_threads` (A02C:144).
pub fn get_chat_threads(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let GetChatThreads { chat_id, thread_ids } = read(payload)?;
    let chat = world.chat_of_customer(user, &chat_id)?;
    let wanted = chat.threads.iter().filter(|thread| thread_ids.contains(&thread.id));
    Ok(json!({ "chat": render::chat_with_threads(world, chat, wanted) }))
}

#[derive(Deserialize)]
struct GetChatThreadsSummary {
    chat_id: ChatId,
    pagination: Option<Pagination>,
}

/// `get_chat_threads_summary` (A02C:183), oldest threads first as in customer/v0.3 (C02-A22).
pub fn get_chat_threads_summary(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let GetChatThreadsSummary { chat_id, pagination } = read(payload)?;
    let pagination = pagination.unwrap_or_default();
    // The defaults of A02C:190.
    let (offset, limit) = (pagination.offset.unwrap_or(0), pagination.limit.unwrap_or(25));
    let chat = world.chat_of_customer(user, &chat_id)?;
    let page = chat.threads.iter().skip(offset).take(limit);
    let summary: Vec<Value> = page.map(|thread| json!({ "thread_id": thread.id, "order": thread.order })).collect();
    Ok(json!({
        "chat": { "id": chat.id, "threads_summary": summary },
        "pagination": { "offset": offset, "total": chat.threads.len() },
    }))
}
