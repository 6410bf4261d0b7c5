//! What agents can read of a chat.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::read;
use super::paging::{Order, Page, put_page_ids};
use crate::reference::refusal::Refusal;
use crate::reference::render::agent_v30 as render;
use crate::reference::world::{ChatId, ThreadId, UserId, World};

#[derive(Deserialize)]
struct GetChatThreads {
    chat_id: ChatId,
    thread_ids: Option<Vec<ThreadId>>,
}

/// `get_chat_threads` (1438): without ids, the summaries of all threads alone (A30-Q35). The member is spelt `properites` (A30-Q15).
pub fn get_chat_threads(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let GetChatThreads { chat_id, thread_ids } = read(payload)?;
    let chat = world.chat_of_agent(user, &chat_id)?;
    let mut object = render::chat_with_access(world, chat);
    if let Some(properties) = object.remove("properties") {
        object.insert("properites".to_owned(), properties);
    }
    if let Some(ids) = thread_ids {
        let wanted = chat.threads.iter().filter(|thread| ids.contains(&thread.id));
        object.insert("threads".to_owned(), wanted.map(|thread| render::thread(chat, thread)).collect());
    }
    let summaries = chat.threads.iter().map(|thread| json!({ "thread_id": thread.id, "order": thread.order }));
    object.insert("threads_summary".to_owned(), summaries.collect());
    Ok(json!({ "chat": object }))
}

#[derive(Deserialize)]
struct GetChatThreadsSummary {
    chat_id: ChatId,
    order: Option<Order>,
    limit: Option<usize>,
    page_id: Option<String>,
}

/// `get_chat_threads_summary` (1500).
pub fn get_chat_threads_summary(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let GetChatThreadsSummary { chat_id, order, limit, page_id } = read(payload)?;
    let chat = world.chat_of_agent(user, &chat_id)?;
    let page = Page::new(page_id, limit)?;
    let mut threads: Vec<_> = chat.threads.iter().collect();
    if order.unwrap_or_default() == Order::Desc {
        threads.reverse();
    }
    let summary = page
        .of(&threads)
        .map(|thread| json!({ "id": thread.id, "order": thread.order, "events_count": thread.events.len() }));
    let summary: Vec<Value> = summary.collect();
    let mut response = json!({ "threads_summary": summary, "found_threads": threads.len() });
    put_page_ids(&mut response, &page, threads.len());
    Ok(response)
}
