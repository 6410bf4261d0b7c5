//! What there is, for tests to find their way. No token is told.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Here, Reply};
use crate::reference::licences::{Licence, Standing};
use crate::reference::world::{Agent, Chat, Customer, World};

/// People and chats of each licence that are listed; the newest chats.
const LISTED: usize = 1000;

/// `GET /state`
pub async fn state(State(room): Here) -> Reply {
    let desk = room.shared.desk();
    let licences = &desk.licences;
    let dialect = |spoken| room.protocol.dialects().map(|dialect| dialect.name.as_str()).find(|name| is(name, spoken));
    let connections: Vec<Value> = desk
        .hub
        .lines()
        .take(LISTED)
        .map(|(_, spoken, member, _)| {
            let licence = member.map(|member| licences[member.licence].number);
            json!({ "dialect": dialect(spoken), "licence": licence, "user": member.map(|member| &member.user) })
        })
        .collect();
    Ok(Json(json!({
        "now": licences.now(),
        "ahead_seconds": licences.ahead.as_secs(),
        "total_connections": desk.hub.len(),
        "connections": connections,
        "licences": licences.all().map(|(_, licence)| licence_state(licence)).collect::<Vec<_>>(),
    })))
}

fn is(name: &str, spoken: crate::reference::render::Spoken) -> bool {
    crate::reference::render::Spoken::named(name) == Some(spoken)
}

fn licence_state(licence: &Licence) -> Value {
    let world = &licence.world;
    let (standing, region) = match &licence.standing {
        Standing::Good => ("good", None),
        Standing::Expired => ("expired", None),
        Standing::Gone => ("gone", None),
        Standing::Moved(region) => ("moved", Some(region)),
        Standing::OlderProduct => ("older_product", None),
    };
    let mut agents: Vec<&Agent> = world.agents().collect();
    agents.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    let mut customers: Vec<&Customer> = world.customers().collect();
    customers.sort_unstable_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let mut chats: Vec<&Chat> = world.chats().collect();
    chats.sort_unstable_by_key(|chat| std::cmp::Reverse(chat.order));
    json!({
        "id": licence.number,
        "standing": standing,
        "region": region,
        "total_agents": agents.len(),
        "agents": agents.into_iter().take(LISTED).map(agent_state).collect::<Vec<_>>(),
        "total_customers": customers.len(),
        "customers": customers.into_iter().take(LISTED).map(|customer| customer_state(world, customer)).collect::<Vec<_>>(),
        "total_chats": chats.len(),
        "chats": chats.into_iter().take(LISTED).map(chat_state).collect::<Vec<_>>(),
    })
}

fn agent_state(agent: &Agent) -> Value {
    let phones = agent.phones.values().map(|phone| json!({ "platform": phone.platform, "enabled": phone.enabled }));
    json!({
        "id": agent.id,
        "name": agent.name(),
        "connections": agent.connections,
        "routing_status": agent.routing.as_str(),
        "away": agent.away,
        "groups": agent.groups,
        "active_chats": agent.active,
        "phones": phones.collect::<Vec<_>>(),
    })
}

fn customer_state(world: &World, customer: &Customer) -> Value {
    json!({
        "id": customer.id,
        "name": customer.name,
        "connections": customer.connections,
        "banned_until": customer.banned_until.filter(|_| customer.is_banned(world.now)),
        "chats": customer.chats,
    })
}

fn chat_state(chat: &Chat) -> Value {
    let threads = chat
        .threads
        .iter()
        .map(|thread| json!({ "id": thread.id, "active": thread.active, "events": thread.events.len() }));
    json!({
        "id": chat.id,
        "customer": chat.customer,
        "agents": chat.agents,
        "groups": chat.groups,
        "threads": threads.collect::<Vec<_>>(),
    })
}
