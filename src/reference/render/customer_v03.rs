//! customer/v0.3. Line numbers are those of the document.

use serde_json::{Map, Value, json};

use super::{properties, put};
use crate::reference::world::{
    Agent, Answer, Body, Chat, Customer, EVERYBODY, Event, Field, Form, FormOption, Place, Push, Recipients, Thread,
    UserId, World,
};

/// A push, if the dialect has it (1077-1309).
pub fn push(world: &World, push: &Push) -> Option<(&'static str, Value)> {
    Some(match push {
        Push::ThreadStarted { chat, thread, .. } => {
            let chat = world.chat(chat)?;
            ("incoming_chat_thread", json!({ "chat": chat_with_thread(world, chat, chat.thread(thread)?) }))
        }
        Push::EventSent { chat, thread, event: id } => {
            let event = event(world.chat(chat)?.thread(thread)?.event(id)?);
            ("incoming_event", json!({ "chat_id": chat, "thread_id": thread, "event": event }))
        }
        Push::ThreadClosed { chat, thread, by } => {
            let mut payload = json!({ "chat_id": chat, "thread_id": thread });
            if let Some(by) = by {
                payload["user_id"] = json!(by);
            }
            ("thread_closed", payload)
        }
        Push::UserAdded { chat: id, user: who, .. } => {
            let added = user(world, who)?;
            ("chat_users_updated", json!({ "chat_id": id, "updated_users": { "added": [added], "removed_ids": [] } }))
        }
        Push::UserRemoved { chat, user, .. } => {
            ("chat_users_updated", json!({ "chat_id": chat, "updated_users": { "added": [], "removed_ids": [user] } }))
        }
        Push::Typing { chat, author, is_typing, .. } => {
            let now = world.now.as_second();
            let indicator = json!({ "author_id": author, "timestamp": now, "is_typing": is_typing });
            ("incoming_typing_indicator", json!({ "chat_id": chat, "typing_indicator": indicator }))
        }
        Push::ScopesChanged { added, removed, .. } if added.groups.is_empty() && removed.groups.is_empty() => {
            return None;
        }
        Push::ScopesChanged { chat, added, removed } => {
            let (added, removed) = (scopes(&added.groups), scopes(&removed.groups));
            let payload = json!({ "chat_id": chat, "scopes_added": added, "scopes_removed": removed });
            ("chat_scopes_updated", payload)
        }
        Push::CustomerUpdated { customer: id, chat: Some(chat) } => {
            ("customer_updated", json!({ "chat_id": chat, "customer": customer(world.customer(id)?) }))
        }
        Push::PropertiesUpdated { place: Place { chat, thread: None, .. }, properties: changed } => {
            ("chat_properties_updated", json!({ "chat_id": chat, "properties": properties(changed) }))
        }
        Push::PropertiesUpdated { place: Place { chat, thread, event: None }, properties: changed } => {
            let payload = json!({ "chat_id": chat, "thread_id": thread, "properties": properties(changed) });
            ("chat_thread_properties_updated", payload)
        }
        Push::Seen { chat, user, timestamp } => {
            ("last_seen_timestamp_updated", json!({ "user_id": user, "chat_id": chat, "timestamp": timestamp }))
        }
        _ => return None,
    })
}

/// A chat with one of its threads (779-790, 1084-1100).
pub fn chat_with_thread(world: &World, chat: &Chat, the_thread: &Thread) -> Value {
    let mut object = bare_chat(world, chat);
    object.insert("thread".to_owned(), thread(the_thread));
    Value::Object(object)
}

/// A chat with several of its threads (666-678).
pub fn chat_with_threads<'a>(world: &World, chat: &Chat, threads: impl Iterator<Item = &'a Thread>) -> Value {
    let mut object = bare_chat(world, chat);
    object.insert("threads".to_owned(), threads.map(thread).collect());
    Value::Object(object)
}

fn bare_chat(world: &World, chat: &Chat) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(chat.id));
    object.insert("users".to_owned(), users(world, chat));
    object.insert("properties".to_owned(), properties(&chat.properties));
    object.insert("scopes".to_owned(), scopes(&chat.groups));
    object
}

/// An item of `get_chats_summary` (612-635).
pub fn chat_summary(world: &World, chat: &Chat) -> Value {
    let mut object = bare_chat(world, chat);
    object.insert("order".to_owned(), chat.order.into());
    if let Some(last) = chat.last_thread() {
        // The latest of each type: later ones overwrite (626; C03-A49).
        let events: Map<String, Value> =
            last.events_for(Recipients::All).map(|e| (e.body.kind().to_owned(), event(e))).collect();
        object.insert("last_event_per_type".to_owned(), json!({ "thread_id": last.id, "events": events }));
    }
    Value::Object(object)
}

/// The users of a chat (224).
pub fn users(world: &World, chat: &Chat) -> Value {
    chat.users().filter_map(|id| user(world, id)).collect()
}

pub(super) fn user(world: &World, id: &UserId) -> Option<Value> {
    world.customer(id).map(customer).or_else(|| world.agent(id).map(agent))
}

/// User > Customer (239-251). He is present wherever he is listed (C03-A51).
pub fn customer(customer: &Customer) -> Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(customer.id));
    object.insert("type".to_owned(), "customer".into());
    put(&mut object, "name", customer.name.as_deref());
    put(&mut object, "email", customer.email.as_deref());
    object.insert("present".to_owned(), true.into());
    object.insert("fields".to_owned(), json!(customer.fields));
    put(&mut object, "last_seen_timestamp", customer.last_seen);
    Value::Object(object)
}

/// User > Agent (255-264).
fn agent(agent: &Agent) -> Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(agent.id));
    object.insert("type".to_owned(), "agent".into());
    object.insert("name".to_owned(), agent.name().into());
    object.insert("avatar".to_owned(), agent.avatar().into());
    object.insert("present".to_owned(), true.into());
    put(&mut object, "last_seen_timestamp", agent.last_seen);
    Value::Object(object)
}

/// A thread with the events that a customer may see (198-217).
pub fn thread(thread: &Thread) -> Value {
    json!({
        "id": thread.id,
        "active": thread.active,
        "order": thread.order,
        "user_ids": thread.users,
        "events": thread.events_for(Recipients::All).map(event).collect::<Vec<_>>(),
        "properties": properties(&thread.properties),
    })
}

/// An event (267-450).
pub fn event(event: &Event) -> Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(event.id));
    put(&mut object, "custom_id", event.custom_id.as_deref());
    object.insert("order".to_owned(), event.order.into());
    object.insert("type".to_owned(), event.body.kind().into());
    put(&mut object, "author_id", event.author.as_ref().map(UserId::as_ref));
    object.insert("timestamp".to_owned(), event.at.as_second().into());
    match &event.body {
        Body::Plain { members, .. } => object.extend(members.clone()),
        Body::Form(form) => drop(object.insert("fields".to_owned(), form_fields(form))),
    }
    if !event.properties.is_empty() {
        object.insert("properties".to_owned(), properties(&event.properties));
    }
    Value::Object(object)
}

/// The groups a chat is restricted to; an empty object when it is not (472).
pub fn scopes(groups: &[i64]) -> Value {
    if groups.is_empty() || groups.contains(&EVERYBODY) { json!({}) } else { json!({ "groups": groups }) }
}

/// Fields of a filled form (339-397).
pub fn form_fields(form: &Form) -> Value {
    form.fields.iter().map(form_field).collect()
}

fn form_field(field: &Field) -> Value {
    let kind = match (&field.answer, field.kind.as_str()) {
        (_, own @ ("text" | "email" | "radio" | "checkbox" | "select")) => own,
        (Answer::Options(_), _) => "select",
        (Answer::Text(_) | Answer::Nothing, _) => "text",
    };
    let mut object = json!({ "type": kind, "name": field.id, "label": field.label, "required": field.required });
    match (&field.answer, kind) {
        (Answer::Text(text), _) => object["value"] = text.as_str().into(),
        (Answer::Nothing, "text" | "email") => object["value"] = "".into(),
        (Answer::Nothing, _) => object["options"] = json!([]),
        (Answer::Options(options), _) => {
            let option = |o: &FormOption| json!({ "label": o.label, "value": o.id, "checked": o.checked });
            object["options"] = options.iter().map(option).collect();
        }
    }
    object
}
