//! agent/v0.2. Plain line numbers are those of the methods page, `pushes …` those of the pushes page.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::customer_v03::form_fields;
use super::{properties, put};
use crate::reference::world::{
    Agent, Body, Chat, Customer, EVERYBODY, Event, Place, Push, Scopes, Thread, UserId, World,
};

/// A push, if the dialect has it (pushes 12-347). Who comes to a running thread knows it already: agents here hear of every chat
/// that they may see.
pub fn push(world: &World, push: &Push) -> Option<(&'static str, Value)> {
    Some(match push {
        Push::ThreadStarted { running: true, .. } => return None,
        Push::ThreadStarted { chat, thread, .. } => {
            let chat = world.chat(chat)?;
            let mut object = bare_chat(world, chat);
            object.insert("properties".to_owned(), properties(&chat.properties));
            object.insert("thread".to_owned(), self::thread(chat.thread(thread)?));
            ("incoming_chat_thread", json!({ "chat": object }))
        }
        Push::EventSent { chat, thread, event } => {
            let event = self::event(world.chat(chat)?.thread(thread)?.event(event)?);
            ("incoming_event", json!({ "chat_id": chat, "event": event }))
        }
        Push::ThreadClosed { chat, thread, by } => {
            let mut payload = json!({ "chat_id": chat, "thread_id": thread });
            if let Some(by) = by {
                payload["user_id"] = json!(by);
            }
            ("thread_closed", payload)
        }
        Push::UserAdded { chat, user, .. } => match world.agent(user) {
            Some(known) => added(chat, "agents", agent(known, "agent")),
            None => added(chat, "customers", customer(world, world.customer(user)?)),
        },
        Push::UserRemoved { chat, user, .. } => {
            removed(chat, if world.agent(user).is_some() { "agents" } else { "customers" }, user)
        }
        Push::SupervisorAdded { chat, user } => added(chat, "supervisors", agent(world.agent(user)?, "supervisor")),
        Push::SupervisorRemoved { chat, user } => removed(chat, "supervisors", user),
        Push::Typing { chat, author, recipients, is_typing, .. } => {
            let indicator = json!({
                "author_id": author,
                "recipients": recipients.as_str(),
                "timestamp": world.now.as_second(),
                "is_typing": is_typing,
            });
            ("incoming_typing_indicator", json!({ "chat_id": chat, "typing_indicator": indicator }))
        }
        Push::SneakPeek { chat, author, text, .. } => {
            let now = world.now.as_second();
            let peek = json!({ "author_id": author, "recipients": "agents", "timestamp": now, "text": text });
            ("incoming_sneak_peek", json!({ "chat_id": chat, "sneak_peek": peek }))
        }
        Push::ScopesChanged { chat, added, removed } => {
            let payload = json!({ "chat_id": chat, "scopes_added": scopes(added), "scopes_removed": scopes(removed) });
            ("chat_scopes_updated", payload)
        }
        Push::CustomerUpdated { customer: id, chat: Some(chat) } => {
            let known = customer(world, world.customer(id)?);
            ("customer_updated", json!({ "chat_id": chat, "customer": known }))
        }
        Push::CustomerBanned { customer, days } => {
            ("customer_banned", json!({ "customer_id": customer, "ban": { "days": days } }))
        }
        Push::CustomerUnbanned { customer } => ("customer_unbanned", json!({ "customer_id": customer })),
        Push::AgentUpdated { agent } => {
            let routing = world.agent(agent)?.routing.as_str();
            ("agent_updated", json!({ "agent_id": agent, "routing_status": routing }))
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
        Push::EventSeen { chat, event, user } => {
            ("event_marked_as_seen", json!({ "chat_id": chat, "event_id": event, "user_id": user }))
        }
        Push::Multicast { author, content, .. } => {
            ("incoming_broadcast", json!({ "author_id": author, "content": content }))
        }
        _ => return None,
    })
}

/// Somebody came (pushes 51-69); who is of another kind is in another group.
fn added(chat: &impl serde::Serialize, group: &str, user: Value) -> (&'static str, Value) {
    users_updated(chat, group, json!({ "added": [user], "removed_ids": [] }))
}

/// Somebody went.
fn removed(chat: &impl serde::Serialize, group: &str, user: &UserId) -> (&'static str, Value) {
    users_updated(chat, group, json!({ "added": [], "removed_ids": [user] }))
}

fn users_updated(chat: &impl serde::Serialize, group: &str, change: Value) -> (&'static str, Value) {
    let nobody = json!({ "added": [], "removed_ids": [] });
    let mut users = json!({ "customers": nobody, "agents": nobody, "supervisors": nobody });
    users[group] = change;
    ("chat_users_updated", json!({ "chat_id": chat, "updated_users": users }))
}

/// `id` and `users`, supervisors among them, which every shape of a chat has (A02-A74).
pub fn bare_chat(world: &World, chat: &Chat) -> Map<String, Value> {
    let customers = chat.customer.iter().filter_map(|id| world.customer(id)).map(|known| customer(world, known));
    let all_agents = |ids: &[UserId], kind| {
        ids.iter().filter_map(|id| world.agent(id)).map(|known| agent(known, kind)).collect::<Vec<Value>>()
    };
    let agents = all_agents(&chat.agents, "agent").into_iter().chain(all_agents(&chat.supervisors, "supervisor"));
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(chat.id));
    object.insert("users".to_owned(), customers.chain(agents).collect());
    object
}

/// A chat without its threads, but with everything else (283-306).
pub fn chat_with_scopes(world: &World, chat: &Chat) -> Map<String, Value> {
    let mut object = bare_chat(world, chat);
    object.insert("properties".to_owned(), properties(&chat.properties));
    let (groups, agents) = (chat.groups.clone(), chat.scoped_agents.clone());
    object.insert("scopes".to_owned(), scopes(&Scopes { groups, agents }));
    object
}

/// An item of `chats_summary` (54-98): the last event of each type is that of the last thread (A02-A17).
pub fn chat_summary(world: &World, chat: &Chat) -> Value {
    let mut object = chat_with_scopes(world, chat);
    if let Some(last) = chat.last_thread() {
        let latest: BTreeMap<&str, &Event> = last.events.iter().map(|event| (event.body.kind(), event)).collect();
        let mut latest: Vec<&Event> = latest.into_values().collect();
        latest.sort_unstable_by_key(|event| event.order);
        let summary = json!({
            "id": last.id,
            "timestamp": last.started.as_second(),
            "user_ids": last.users,
            "last_event_per_type": latest.into_iter().map(event).collect::<Vec<_>>(),
            "order": last.order,
            "properties": properties(&last.properties),
        });
        object.insert("last_thread_summary".to_owned(), summary);
    }
    Value::Object(object)
}

/// Groups and agents that a chat is restricted to; an empty object when it is not (C-OBJ:357).
fn scopes(scopes: &Scopes) -> Value {
    let mut object = Map::new();
    let groups: Vec<i64> = scopes.groups.iter().copied().filter(|group| *group != EVERYBODY).collect();
    put(&mut object, "groups", Some(groups).filter(|groups| !groups.is_empty()));
    put(&mut object, "agents", Some(json!(scopes.agents)).filter(|_| !scopes.agents.is_empty()));
    Value::Object(object)
}

/// User > Agent and User > Supervisor (C-OBJ:90, C-OBJ:105). Who has seen nothing yet has seen it at 0.
fn agent(agent: &Agent, kind: &str) -> Value {
    let mut object = json!({
        "id": agent.id,
        "type": kind,
        "name": agent.name(),
        "email": agent.id,
        "present": true,
        "last_seen_timestamp": agent.last_seen.unwrap_or(0),
        "avatar": agent.avatar(),
    });
    if agent.is_online() {
        object["routing_status"] = agent.routing.as_str().into();
    }
    object
}

/// User > My profile (C-OBJ:119).
pub fn profile(known: &Agent) -> Value {
    let mut object = agent(known, "agent");
    object["permission"] = "normal".into();
    object
}

/// User > Customer (C-OBJ:33). Properties are a flat map of text here (A02-A43).
fn customer(world: &World, customer: &Customer) -> Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(customer.id));
    object.insert("type".to_owned(), "customer".into());
    put(&mut object, "name", customer.name.as_deref());
    put(&mut object, "email", customer.email.as_deref());
    object.insert("present".to_owned(), true.into());
    put(&mut object, "last_seen_timestamp", customer.last_seen);
    object.insert("properties".to_owned(), json!(customer.fields));
    object.insert("banned".to_owned(), customer.is_banned(world.now).into());
    Value::Object(object)
}

/// A thread with all of its events (C-OBJ:12).
pub fn thread(thread: &Thread) -> Value {
    json!({
        "id": thread.id,
        "timestamp": thread.started.as_second(),
        "active": thread.active,
        "user_ids": thread.users,
        "events": thread.events.iter().map(event).collect::<Vec<_>>(),
        "order": thread.order,
        "properties": properties(&thread.properties),
    })
}

/// An event (C-OBJ:134-304).
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
        Body::Plain { members, .. } => {
            object.extend(members.clone());
            if let Some(Value::String(kind)) = object.get_mut("system_message_type") {
                *kind = older_type(kind).to_owned();
            }
        }
        Body::Form(form) => drop(object.insert("fields".to_owned(), form_fields(form))),
    }
    if !event.properties.is_empty() {
        object.insert("properties".to_owned(), properties(&event.properties));
    }
    Value::Object(object)
}

/// What a type of system messages was called before agent/v3.0 had its longer list (C-EV:215-217, C-ROUT:34-58).
fn older_type(kind: &str) -> &str {
    match kind {
        "agent_added" => "agent_joined",
        "agent_removed" => "agent_left",
        "manual_archived_agent" | "manual_archived_customer" => "manual_archived",
        // The router's own doings had no reasons.
        _ => match kind.split_once('_') {
            Some((what @ ("routing.assigned" | "routing.unassigned" | "routing.archived"), _)) => what,
            _ => kind,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::older_type;

    #[test]
    fn the_routers_doings_had_no_reasons() {
        for (newer, older) in [
            ("routing.assigned_deleted", "routing.assigned"),
            ("routing.unassigned_signed_out", "routing.unassigned"),
            ("routing.archived_inactive", "routing.archived"),
            ("routing.idle", "routing.idle"),
            ("agent_removed", "agent_left"),
            ("customer_banned", "customer_banned"),
            ("rating.chat_rated", "rating.chat_rated"),
        ] {
            assert_eq!(older_type(newer), older);
        }
    }
}
