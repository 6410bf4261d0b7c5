//! agent/v3.0. Plain line numbers are those of the methods page, `rtm/…` those of its neighbouring pages.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{properties, put};
use crate::reference::world::{
    AccessChange, Agent, Answer, Body, Chat, Customer, Event, Field, Form, FormOption, Place, Push, Resource, Target,
    Thread, UserId, World,
};

/// A push, if the dialect has it (rtm/pushes:25-886).
pub fn push(world: &World, push: &Push) -> Option<(&'static str, Value)> {
    Some(match push {
        Push::ThreadStarted { chat, thread: id, .. } => {
            let chat = world.chat(chat)?;
            let mut object = bare_chat(world, chat);
            object.insert("properties".to_owned(), properties(&chat.properties));
            object.insert("thread".to_owned(), thread(chat, chat.thread(id)?));
            ("incoming_chat_thread", json!({ "chat": object }))
        }
        Push::EventSent { chat, thread, event: id } => {
            let event = event(world.chat(chat)?.thread(thread)?.event(id)?);
            ("incoming_event", json!({ "chat_id": chat, "thread_id": thread, "event": event }))
        }
        Push::EventUpdated { chat, thread, event: id } => {
            let event = event(world.chat(chat)?.thread(thread)?.event(id)?);
            ("event_updated", json!({ "chat_id": chat, "thread_id": thread, "event": event }))
        }
        Push::ThreadClosed { chat, thread, by } => {
            let mut payload = json!({ "chat_id": chat, "thread_id": thread });
            if let Some(by) = by {
                payload["user_id"] = json!(by);
            }
            ("thread_closed", payload)
        }
        Push::UserAdded { chat: id, thread, user: who } => {
            let added = user(world, world.chat(id)?, who)?;
            let mut payload = json!({ "chat_id": id, "user": added, "user_type": user_type(world, who) });
            payload["thread_id"] = json!(thread.as_ref().or(world.chat(id)?.last_thread().map(|last| &last.id))?);
            ("chat_user_added", payload)
        }
        Push::UserRemoved { chat: id, thread, user } => {
            let mut payload = json!({ "chat_id": id, "user_id": user, "user_type": user_type(world, user) });
            payload["thread_id"] = json!(thread.as_ref().or(world.chat(id)?.last_thread().map(|last| &last.id))?);
            ("chat_user_removed", payload)
        }
        Push::Typing { chat, thread, author, recipients, is_typing } => {
            let indicator = json!({
                "author_id": author,
                "recipients": recipients.as_str(),
                "timestamp": world.now.as_second(),
                "is_typing": is_typing,
            });
            let payload = json!({ "chat_id": chat, "thread_id": thread, "typing_indicator": indicator });
            ("incoming_typing_indicator", payload)
        }
        Push::SneakPeek { chat, thread, author, text } => {
            let now = world.now.as_second();
            let peek = json!({ "author_id": author, "recipients": "agents", "timestamp": now, "text": text });
            ("incoming_sneak_peek", json!({ "chat_id": chat, "thread_id": thread, "sneak_peek": peek }))
        }
        Push::AccessChanged { change, resource, groups } => {
            let name = match change {
                AccessChange::Granted => "access_granted",
                AccessChange::Revoked => "access_revoked",
                AccessChange::Set => "access_set",
            };
            let (resource, id) = match resource {
                Resource::Chat(id) => ("chat", id.as_ref()),
                Resource::Customer(id) => ("customer", id.as_ref()),
            };
            (name, json!({ "resource": resource, "id": id, "access": { "group_ids": groups } }))
        }
        Push::CustomerCreated { customer: id } => {
            ("customer_created", json!({ "customer": customer(world, world.customer(id)?) }))
        }
        Push::CustomerUpdated { customer: id, chat: None } => {
            // Flat, with `banned` (A30-Q26).
            let known = world.customer(id)?;
            let mut payload = profile(known);
            payload.insert("present".to_owned(), (known.connections > 0).into());
            payload.insert("banned".to_owned(), known.is_banned(world.now).into());
            payload.insert("fields".to_owned(), json!(known.fields));
            ("customer_updated", Value::Object(payload))
        }
        Push::VisitStarted { customer: id } => {
            let visit = world.customer(id)?.visit.as_ref()?;
            (
                "customer_visit_started",
                json!({
                    "customer_id": id, "visit_id": visit.id, "started_at": date(visit.started),
                }),
            )
        }
        Push::PageOpened { customer: id } => {
            let visit = world.customer(id)?.visit.as_ref()?;
            let mut payload = Map::new();
            payload.insert("customer_id".to_owned(), json!(id));
            payload.insert("visit_id".to_owned(), visit.id.into());
            payload.insert("opened_at".to_owned(), date(visit.opened).into());
            payload.insert("url".to_owned(), visit.url.as_str().into());
            put(&mut payload, "title", visit.title.as_deref());
            put(&mut payload, "referrer", visit.referrer.as_deref());
            ("customer_page_updated", Value::Object(payload))
        }
        Push::VisitEnded { customer, visit, at } => {
            ("customer_visit_ended", json!({ "customer_id": customer, "visit_id": visit, "ended_at": date(*at) }))
        }
        Push::CustomerBanned { customer, days } => {
            ("customer_banned", json!({ "customer_id": customer, "ban": { "days": days } }))
        }
        Push::AgentUpdated { agent } => {
            let routing = world.agent(agent)?.routing.as_str();
            ("agent_updated", json!({ "agent_id": agent, "routing_status": routing }))
        }
        Push::PropertiesUpdated { place, properties: changed } => {
            let name = match place {
                Place { thread: None, .. } => "chat_properties_updated",
                Place { event: None, .. } => "chat_thread_properties_updated",
                _ => "event_properties_updated",
            };
            (name, at(place, properties(changed)))
        }
        Push::PropertiesDeleted { place, names } => {
            let name = match place {
                Place { thread: None, .. } => "chat_properties_deleted",
                Place { event: None, .. } => "chat_thread_properties_deleted",
                _ => "event_properties_deleted",
            };
            (name, at(place, json!(names)))
        }
        Push::Tagged { chat, thread, tag } => {
            ("chat_thread_tagged", json!({ "chat_id": chat, "thread_id": thread, "tag": tag }))
        }
        Push::Untagged { chat, thread, tag } => {
            ("chat_thread_untagged", json!({ "chat_id": chat, "thread_id": thread, "tag": tag }))
        }
        Push::Transferred { chat, by, target } => {
            let (kind, ids) = match target {
                Target::Groups(groups) => ("group", json!(groups)),
                Target::Agents(agents) => ("agent", json!(agents)),
            };
            ("chat_transferred", json!({ "chat_id": chat, "requester_id": by, "type": kind, "ids": ids }))
        }
        Push::Seen { chat, user, timestamp } => {
            ("last_seen_timestamp_updated", json!({ "user_id": user, "chat_id": chat, "timestamp": timestamp }))
        }
        Push::Postback { chat, thread, event, user, postback, toggled } => {
            let postback = json!({ "id": postback, "toggled": toggled });
            let payload = json!({
                "user_id": user, "chat_id": chat, "thread_id": thread, "event_id": event, "postback": postback,
            });
            ("incoming_rich_message_postback", payload)
        }
        Push::Multicast { author, content, kind } => {
            let mut payload = json!({ "author_id": author, "content": content });
            if let Some(kind) = kind {
                payload["type"] = kind.as_str().into();
            }
            ("incoming_multicast", payload)
        }
        Push::ScopesChanged { .. }
        | Push::SupervisorAdded { .. }
        | Push::SupervisorRemoved { .. }
        | Push::CustomerUpdated { chat: Some(_), .. }
        | Push::CustomerUnbanned { .. }
        | Push::EventSeen { .. } => return None,
    })
}

/// The ids of a place, and what is told about its properties.
fn at(place: &Place, properties: Value) -> Value {
    let mut payload = json!({ "chat_id": place.chat, "properties": properties });
    if let Some(thread) = &place.thread {
        payload["thread_id"] = json!(thread);
    }
    if let Some(event) = &place.event {
        payload["event_id"] = json!(event);
    }
    payload
}

/// `id` and `users`, which every shape of a chat has (A30-Q15).
pub fn bare_chat(world: &World, chat: &Chat) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(chat.id));
    object.insert("users".to_owned(), chat.users().filter_map(|id| user(world, chat, id)).collect());
    object
}

/// A chat without its threads, but with everything else (106-112; 1474-1494).
pub fn chat_with_access(world: &World, chat: &Chat) -> Map<String, Value> {
    let mut object = bare_chat(world, chat);
    object.insert("properties".to_owned(), properties(&chat.properties));
    object.insert("access".to_owned(), access(&chat.groups));
    object
}

/// Who may see a chat (rtm/data:15); group 0 stands for all agents (rtm/data:29).
fn access(groups: &[i64]) -> Value {
    json!({ "group_ids": groups })
}

/// An item of the login response's `chats_summary` (946-1013).
pub fn chat_summary(world: &World, chat: &Chat) -> Value {
    let mut object = chat_with_access(world, chat);
    let mut per_type = Map::new();
    for thread in &chat.threads {
        for event in &thread.events {
            let latest = json!({ "thread_id": thread.id, "thread_order": thread.order, "event": self::event(event) });
            per_type.insert(event.body.kind().to_owned(), latest);
        }
    }
    object.insert("last_event_per_type".to_owned(), Value::Object(per_type));
    if let Some(last) = chat.last_thread() {
        let summary = json!({
            "id": last.id,
            "timestamp": last.started.as_second(),
            "user_ids": last.users,
            "order": last.order,
            "properties": properties(&last.properties),
        });
        object.insert("last_thread_summary".to_owned(), summary);
    }
    Value::Object(object)
}

fn user_type(world: &World, id: &UserId) -> &'static str {
    if world.agent(id).is_some() { "agent" } else { "customer" }
}

fn user(world: &World, chat: &Chat, id: &UserId) -> Option<Value> {
    if let Some(known) = world.agent(id) {
        return Some(Value::Object(agent(known)));
    }
    let known = world.customer(id)?;
    let mut object = full_profile(world, known);
    // Only within a chat (rtm/users:82,83); no fields once it is archived (rtm/users:96).
    object.insert("present".to_owned(), true.into());
    put(&mut object, "last_seen_timestamp", known.last_seen);
    if !chat.is_active() {
        object.remove("fields");
    }
    Some(Value::Object(object))
}

/// User > Agent (rtm/users:15).
pub fn agent(agent: &Agent) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(agent.id));
    object.insert("type".to_owned(), "agent".into());
    object.insert("name".to_owned(), agent.name().into());
    object.insert("email".to_owned(), json!(agent.id));
    object.insert("present".to_owned(), true.into());
    put(&mut object, "last_seen_timestamp", agent.last_seen);
    object.insert("avatar".to_owned(), agent.avatar().into());
    if agent.is_online() {
        object.insert("routing_status".to_owned(), agent.routing.as_str().into());
    }
    object
}

/// User > Customer outside of any chat (rtm/users:37).
pub fn customer(world: &World, customer: &Customer) -> Value {
    Value::Object(full_profile(world, customer))
}

fn profile(customer: &Customer) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(customer.id));
    object.insert("type".to_owned(), "customer".into());
    put(&mut object, "name", customer.name.as_deref());
    put(&mut object, "email", customer.email.as_deref());
    put(&mut object, "avatar", customer.avatar.as_deref());
    object
}

fn full_profile(world: &World, customer: &Customer) -> Map<String, Value> {
    let threads: usize = customer.chats.iter().filter_map(|id| world.chat(id)).map(|chat| chat.threads.len()).sum();
    let mut object = profile(customer);
    object.insert("fields".to_owned(), json!(customer.fields));
    let statistics = json!({
        "chats_count": customer.chats.len(), "threads_count": threads, "visits_count": customer.visits,
    });
    object.insert("statistics".to_owned(), statistics);
    put(&mut object, "agent_last_event_created_at", customer.last_agent_event.map(date));
    put(&mut object, "customer_last_event_created_at", customer.last_event.map(date));
    object.insert("created_at".to_owned(), date(customer.created).into());
    object
}

/// ISO 8601 with microseconds, in UTC (777).
fn date(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// A thread with all of its events; of tags the documents only have pushes (rtm/data:125).
pub fn thread(chat: &Chat, thread: &Thread) -> Value {
    json!({
        "id": thread.id,
        "timestamp": thread.started.as_second(),
        "active": thread.active,
        "user_ids": thread.users,
        "events": thread.events.iter().map(event).collect::<Vec<_>>(),
        "order": thread.order,
        "properties": properties(&thread.properties),
        "access": access(&chat.groups),
    })
}

/// An event (rtm/events:12-424).
pub fn event(event: &Event) -> Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(event.id));
    put(&mut object, "custom_id", event.custom_id.as_deref());
    object.insert("order".to_owned(), event.order.into());
    object.insert("type".to_owned(), event.body.kind().into());
    put(&mut object, "author_id", event.author.as_ref().map(UserId::as_ref));
    object.insert("timestamp".to_owned(), event.at.as_second().into());
    object.insert("recipients".to_owned(), event.recipients.as_str().into());
    match &event.body {
        Body::Plain { members, .. } => object.extend(members.clone()),
        Body::Form(form) => {
            object.insert("form_id".to_owned(), json!(form.form_id.as_deref().unwrap_or(event.id.as_ref())));
            object.insert("fields".to_owned(), form_fields(form));
        }
    }
    if !event.properties.is_empty() {
        object.insert("properties".to_owned(), properties(&event.properties));
    }
    Value::Object(object)
}

/// Fields of a filled form (rtm/events:98).
fn form_fields(form: &Form) -> Value {
    form.fields.iter().map(form_field).collect()
}

fn form_field(field: &Field) -> Value {
    let kind = match field.kind.as_str() {
        own @ ("name" | "email" | "question" | "textarea" | "radio" | "select" | "checkbox" | "group_chooser") => own,
        _ => "question",
    };
    let mut object = json!({ "type": kind, "id": field.id, "label": field.label });
    let picked = |o: &FormOption| match o.group {
        Some(group) => json!({ "label": o.label, "group_id": group }),
        None => json!({ "id": o.id, "label": o.label }),
    };
    match &field.answer {
        Answer::Nothing => {}
        Answer::Text(text) => object["answer"] = text.as_str().into(),
        Answer::Options(options) => {
            let mut checked = options.iter().filter(|option| option.checked).map(picked);
            if kind == "checkbox" {
                object["answers"] = checked.collect();
            } else if let Some(only) = checked.next() {
                object["answer"] = only;
            }
        }
    }
    object
}
