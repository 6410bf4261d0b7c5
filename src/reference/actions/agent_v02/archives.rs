//! `get_archives` (111) and `get_filtered_chats` (179).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::filters::Filters;
use super::super::read;
use crate::reference::refusal::Refusal;
use crate::reference::render::agent_v02 as render;
use crate::reference::world::{Chat, UserId, World};

/// Threads on a page when nothing is asked for; the sample's number (150), which no line promises.
const LIMIT: i64 = 25;

#[derive(Deserialize)]
struct GetArchives {
    filters: Option<Filters>,
    pagination: Option<Pagination>,
}

#[derive(Deserialize, Default)]
struct Pagination {
    page: Option<i64>,
    limit: Option<i64>,
}

/// All threads that the agent may see, open ones too (A02-A22), newest first; each with its chat.
pub fn get_archives(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let GetArchives { filters, pagination } = read(nested(payload))?;
    let Pagination { page, limit } = pagination.unwrap_or_default();
    let number = page.unwrap_or(1);
    let (Ok(before), Ok(limit)) = (usize::try_from(number - 1), usize::try_from(limit.unwrap_or(LIMIT))) else {
        return Err(Refusal::validation("`pagination`: pages count from 1, and no limit is below 0"));
    };
    let found = filters.unwrap_or_default().search(world, user);
    let items = found.iter().skip(before.saturating_mul(limit)).take(limit).map(|(chat, thread)| {
        let mut object = render::bare_chat(world, chat);
        object.insert("thread".to_owned(), render::thread(thread));
        json!({ "chat": object })
    });
    let items: Vec<Value> = items.collect();
    Ok(json!({ "chats": items, "pagination": { "page": number, "total": found.len() } }))
}

#[derive(Deserialize)]
struct GetFilteredChats {
    filters: Option<ChatFilters>,
}

#[derive(Deserialize, Default)]
struct ChatFilters {
    include_active: Option<bool>,
    #[serde(flatten)]
    filters: Filters,
}

/// The chats that the agent may see, newest first; without those that are active unless they are asked for (A02-A23).
pub fn get_filtered_chats(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let ChatFilters { include_active, filters } =
        read::<GetFilteredChats>(nested(payload))?.filters.unwrap_or_default();
    let wanted = |chat: &&Chat| {
        (include_active == Some(true) || !chat.is_active())
            && world.agent_may_see(user, chat)
            && chat.last_thread().is_some_and(|thread| filters.admit(chat, thread))
    };
    let mut found: Vec<&Chat> = world.chats().filter(wanted).collect();
    found.sort_unstable_by_key(|chat| std::cmp::Reverse(chat.order));
    let summaries: Vec<Value> = found.into_iter().map(|chat| render::chat_summary(world, chat)).collect();
    Ok(json!({ "chats_summary": summaries }))
}

/// Writes property filters such as `"rating.score": {…}` as `"rating": {"score": {…}}` (A02-A21).
fn nested(mut payload: Value) -> Value {
    if let Some(Value::Object(properties)) = payload.pointer_mut("/filters/properties") {
        for (key, filter) in std::mem::take(properties) {
            match key.split_once('.') {
                Some((namespace, name)) => {
                    let names = properties.entry(namespace).or_insert_with(|| Value::Object(Map::new()));
                    names[name] = filter;
                }
                None => match properties.get_mut(&key).and_then(Value::as_object_mut) {
                    Some(names) => names.extend(filter.as_object().cloned().unwrap_or_default()),
                    None => drop(properties.insert(key, filter)),
                },
            }
        }
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_and_nested_filters_are_the_same() {
        let filters = |properties: Value| json!({ "filters": { "properties": properties } });
        let (one, other) = (json!({"values": [1]}), json!({"exists": true}));
        let mixed = filters(json!({"a.b": one, "a": {"c": other}, "d.e.f": one}));
        assert_eq!(nested(mixed), filters(json!({"a": {"b": one, "c": other}, "d": {"e.f": one}})));
        assert_eq!(nested(json!({"filters": null})), json!({"filters": null}));
    }
}
