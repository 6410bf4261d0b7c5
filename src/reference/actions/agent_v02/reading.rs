//! What agents can read of a chat.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::read;
use crate::reference::refusal::Refusal;
use crate::reference::render::agent_v02 as render;
use crate::reference::world::{ChatId, ThreadId, UserId, World};

#[derive(Deserialize)]
struct GetChatThreads {
    chat_id: ChatId,
    thread_ids: Option<Vec<ThreadId>>,
}

/// `get_chat_threads` (262): without ids, the summaries of all threads alone (A02-A26).
pub fn get_chat_threads(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let GetChatThreads { chat_id, thread_ids } = read(payload)?;
    let chat = world.chat_of_agent(user, &chat_id)?;
    let mut object = render::chat_with_scopes(world, chat);
    if let Some(ids) = thread_ids {
        let wanted = chat.threads.iter().filter(|thread| ids.contains(&thread.id));
        object.insert("threads".to_owned(), wanted.map(render::thread).collect());
    }
    let summaries = chat.threads.iter().map(|thread| json!({ "thread_id": thread.id, "order": thread.order }));
    object.insert("threads_summary".to_owned(), summaries.collect());
    Ok(json!({ "chat": object }))
}
