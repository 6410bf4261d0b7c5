//! What agents search threads by, in both of their dialects. A thread is looked at together with its chat.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::reference::world::{Body, Chat, Thread, UserId, World};

/// `filters` of `get_archives` and `get_filtered_chats`; all that are set must hold. What a dialect lacks is never set.
#[derive(Deserialize, Default)]
pub struct Filters {
    query: Option<String>,
    date_from: Option<String>,
    date_to: Option<String>,
    agent_ids: Option<Vec<UserId>>,
    #[serde(alias = "team_ids")]
    group_ids: Option<Vec<i64>>,
    properties: Option<BTreeMap<String, BTreeMap<String, PropertyFilter>>>,
}

#[derive(Deserialize)]
struct PropertyFilter {
    exists: Option<bool>,
    values: Option<Vec<Value>>,
    exclude_values: Option<Vec<Value>>,
}

impl Filters {
    /// The threads that are looked for among all that the agent may see, open ones too, newest first.
    pub fn search<'a>(&self, world: &'a World, agent: &UserId) -> Vec<(&'a Chat, &'a Thread)> {
        let mut found: Vec<(&Chat, &Thread)> = world
            .chats()
            .filter(|chat| world.agent_may_see(agent, chat))
            .flat_map(|chat| chat.threads.iter().map(move |thread| (chat, thread)))
            .filter(|(chat, thread)| self.admit(chat, thread))
            .collect();
        found.sort_unstable_by_key(|(_, thread)| std::cmp::Reverse(thread.order));
        found
    }

    /// Whether a thread is among those that are looked for.
    pub fn admit(&self, chat: &Chat, thread: &Thread) -> bool {
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
