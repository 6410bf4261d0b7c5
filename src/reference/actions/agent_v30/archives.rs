//! `get_archives` (1349): threads by text, date, agents, groups and properties.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::read;
use crate::reference::refusal::Refusal;
use crate::reference::render::agent_v30 as render;
use crate::reference::world::{Body, Chat, Thread, UserId, World};

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

#[derive(Deserialize, Default)]
struct Filters {
    query: Option<String>,
    date_from: Option<String>,
    date_to: Option<String>,
    agent_ids: Option<Vec<UserId>>,
    group_ids: Option<Vec<i64>>,
    properties: Option<BTreeMap<String, BTreeMap<String, PropertyFilter>>>,
}

#[derive(Deserialize)]
struct PropertyFilter {
    exists: Option<bool>,
    values: Option<Vec<Value>>,
    exclude_values: Option<Vec<Value>>,
}

/// All threads that the agent may see, open ones too (A30-Q27), newest first; each with its chat (A30-B98).
pub fn get_archives(world: &World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let GetArchives { filters, pagination } = read(payload)?;
    let filters = filters.unwrap_or_default();
    let Pagination { page, limit } = pagination.unwrap_or_default();
    // The defaults of lines 1405 and 1406.
    let (page, limit) = (page.unwrap_or(1), limit.unwrap_or(25));
    let mut found: Vec<(&Chat, &Thread)> = world
        .chats()
        .filter(|chat| world.agent_may_see(user, chat))
        .flat_map(|chat| chat.threads.iter().map(move |thread| (chat, thread)))
        .filter(|(chat, thread)| filters.admit(chat, thread))
        .collect();
    found.sort_unstable_by_key(|(_, thread)| std::cmp::Reverse(thread.order));
    let items = found.iter().skip((page - 1).saturating_mul(limit)).take(limit).map(|(chat, thread)| {
        let mut object = render::bare_chat(world, chat);
        object.insert("thread".to_owned(), render::thread(chat, thread));
        json!({ "chat": object })
    });
    let items: Vec<Value> = items.collect();
    Ok(json!({ "chats": items, "pagination": { "page": page, "total": found.len() } }))
}

impl Filters {
    fn admit(&self, chat: &Chat, thread: &Thread) -> bool {
        // Whole days in UTC; text of this form sorts by date.
        let date = thread.started.strftime("%Y-%m-%d").to_string();
        let late_enough = self.date_from.as_ref().is_none_or(|from| date >= *from);
        let early_enough = self.date_to.as_ref().is_none_or(|to| date <= *to);
        let by_agent = self.agent_ids.as_ref().is_none_or(|ids| ids.iter().any(|id| thread.users.contains(id)));
        let by_group = self.group_ids.as_ref().is_none_or(|ids| ids.iter().any(|id| chat.groups.contains(id)));
        let by_text = self.query.as_ref().is_none_or(|query| says(thread, query));
        let by_property = self.properties.iter().flatten().all(|(namespace, filters)| {
            filters.iter().all(|(name, filter)| filter.admits(property(chat, thread, namespace, name)))
        });
        late_enough && early_enough && by_agent && by_group && by_text && by_property
    }
}

impl PropertyFilter {
    /// Just one of the three is set; the schema sees to it.
    fn admits(&self, value: Option<&Value>) -> bool {
        self.exists.is_none_or(|exists| exists == value.is_some())
            && self.values.as_ref().is_none_or(|values| value.is_some_and(|value| values.contains(value)))
            && self.exclude_values.as_ref().is_none_or(|values| !value.is_some_and(|value| values.contains(value)))
    }
}

fn property<'a>(chat: &'a Chat, thread: &'a Thread, namespace: &str, name: &str) -> Option<&'a Value> {
    let of_thread = thread.properties.get(namespace).and_then(|values| values.get(name));
    of_thread.or_else(|| chat.properties.get(namespace)?.get(name))
}

fn says(thread: &Thread, query: &str) -> bool {
    thread.events.iter().any(|event| match &event.body {
        Body::Plain { members, .. } => {
            members.get("text").and_then(Value::as_str).is_some_and(|text| text.contains(query))
        }
        Body::Form(_) => false,
    })
}
