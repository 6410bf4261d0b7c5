//! customer/v0.2: what it does not share with customer/v0.3. Line numbers are those of the page of pushes; marks such as `A02C:65` name
//! its neighbouring pages.

use serde_json::{Map, Value, json};

use super::customer_v03 as later;
use crate::reference::world::{Chat, Customer, Push, Recipients, Thread, UserId, World};

/// A push, if the dialect has it (10-233).
pub fn push(world: &World, push: &Push) -> Option<(&'static str, Value)> {
    Some(match push {
        Push::ThreadStarted { chat, thread, .. } => {
            let chat = world.chat(chat)?;
            ("incoming_chat_thread", json!({ "chat": chat_with_thread(world, chat, chat.thread(thread)?) }))
        }
        Push::UserAdded { chat: id, user: who, .. } => {
            let added = user(world, who)?;
            ("chat_users_updated", json!({ "chat_id": id, "updated_users": { "added": [added], "removed_ids": [] } }))
        }
        Push::EventSeen { chat, event, user } => {
            ("event_marked_as_seen", json!({ "chat_id": chat, "event_id": event, "user_id": user }))
        }
        Push::CustomerUpdated { customer: id, chat: Some(chat) } => {
            ("customer_updated", json!({ "chat_id": chat, "customer": customer(world.customer(id)?) }))
        }
        other => return later::push(world, other),
    })
}

/// A chat with one of its threads (20-33).
pub fn chat_with_thread(world: &World, chat: &Chat, thread: &Thread) -> Value {
    with_users(world, chat, later::chat_with_thread(world, chat, thread))
}

/// A chat with several of its threads (A02C:144).
pub fn chat_with_threads<'a>(world: &World, chat: &Chat, threads: impl Iterator<Item = &'a Thread>) -> Value {
    with_users(world, chat, later::chat_with_threads(world, chat, threads))
}

/// An item of `get_chats_summary`, with the chat's last event of any type (A02C:127).
pub fn chat_summary(world: &World, chat: &Chat) -> Value {
    let mut summary = Map::new();
    summary.insert("id".to_owned(), json!(chat.id));
    summary.insert("users".to_owned(), users(world, chat));
    summary.insert("properties".to_owned(), super::properties(&chat.properties));
    summary.insert("scopes".to_owned(), later::scopes(&chat.groups));
    let last =
        chat.threads.iter().rev().find_map(|thread| Some((thread, thread.events_for(Recipients::All).next_back()?)));
    if let Some((thread, event)) = last {
        summary.insert("last_event".to_owned(), json!({ "thread_id": thread.id, "event": later::event(event) }));
    }
    Value::Object(summary)
}

/// A chat in the answer to a login, with its newest threads first (A02C:9).
pub fn recent_chat(world: &World, chat: &Chat, threads: usize) -> Value {
    let mut summary = with_users(world, chat, later::chat_summary(world, chat));
    if let Some(events) = summary.pointer_mut("/last_event_per_type/events") {
        // A list here (C02-A20).
        *events = events.as_object().into_iter().flat_map(Map::values).cloned().collect();
    }
    let recent = chat.threads.iter().rev().take(threads).map(|thread| {
        let events = thread.events_for(Recipients::All).count();
        json!({ "id": thread.id, "order": thread.order, "events_count": events })
    });
    summary["last_threads_summary"] = recent.collect();
    summary["total_threads"] = chat.threads.len().into();
    summary
}

/// User > Customer, whose own data are called properties (C02-A16).
pub fn customer(customer: &Customer) -> Value {
    let mut object = later::customer(customer);
    if let Some(members) = object.as_object_mut()
        && let Some(fields) = members.remove("fields")
    {
        members.insert("properties".to_owned(), fields);
    }
    object
}

fn with_users(world: &World, chat: &Chat, mut object: Value) -> Value {
    object["users"] = users(world, chat);
    object
}

fn users(world: &World, chat: &Chat) -> Value {
    chat.users().filter_map(|id| user(world, id)).collect()
}

fn user(world: &World, id: &UserId) -> Option<Value> {
    world.customer(id).map(customer).or_else(|| later::user(world, id))
}
