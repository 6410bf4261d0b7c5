//! `get_archives` (1349): threads by text, date, agents, groups and properties.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::filters::Filters;
use super::super::read;
use crate::reference::refusal::Refusal;
use crate::reference::render::agent_v30 as render;
use crate::reference::world::{UserId, World};

#[derive(Deserialize)]
struct GetArchives {
    filters: Option<Filters>,
    pagination: Option<Pagination>,
}

#[derive(Deserialize, Default)]
struct Pagination {
    page: Option<usize>,
    limit: Option<usize>,
}

/// All threads that the agent may see, open ones too (A30-Q27), newest first; each with its chat (A30-B98).
pub fn get_archives(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let GetArchives { filters, pagination } = read(payload)?;
    let filters = filters.unwrap_or_default();
    let Pagination { page, limit } = pagination.unwrap_or_default();
    // The defaults of lines 1405 and 1406.
    let (page, limit) = (page.unwrap_or(1), limit.unwrap_or(25));
    let found = filters.search(world, user);
    let items = found.iter().skip((page - 1).saturating_mul(limit)).take(limit).map(|(chat, thread)| {
        let mut object = render::bare_chat(world, chat);
        object.insert("thread".to_owned(), render::thread(chat, thread));
        json!({ "chat": object })
    });
    let items: Vec<Value> = items.collect();
    Ok(json!({ "chats": items, "pagination": { "page": page, "total": found.len() } }))
}
