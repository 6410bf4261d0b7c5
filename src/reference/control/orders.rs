//! What the control endpoint can be told to do. Each order answers with what came of it.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Complaint, Here, Named, Order, Reply};
use crate::reference::desk::Desk;
use crate::reference::hub::ConnectionId;
use crate::reference::licences::{LicenceId, Standing};
use crate::reference::provoked;
use crate::reference::refusal::Refusal;
use crate::reference::render::Spoken;
use crate::reference::world::{Body, ChatId, NewChat, NewEvent, Properties, Recipients, UserId};

fn bad(message: impl Into<String>) -> Complaint {
    Complaint::new(StatusCode::BAD_REQUEST, message)
}

fn done(value: Value) -> Reply {
    Ok(Json(value))
}

fn licence_of_chat(desk: &Desk, id: &ChatId) -> Result<LicenceId, Complaint> {
    desk.licences.of_chat(id).ok_or_else(|| Complaint::unknown("chat", id))
}

fn licence_of_user(desk: &Desk, id: &UserId) -> Result<LicenceId, Complaint> {
    desk.licences.of_user(id).ok_or_else(|| Complaint::unknown("user", id))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartChat {
    customer: UserId,
    #[serde(default)]
    groups: Vec<i64>,
    text: Option<String>,
}

/// `POST /chats`: a customer's chat begins, as if he had started it himself.
pub async fn start_chat(State(room): Here, Order(order): Order<StartChat>) -> Reply {
    let StartChat { customer, groups, text } = order;
    let mut desk = room.shared.desk();
    let licence = licence_of_user(&desk, &customer)?;
    let message = |text: String| {
        let members = Map::from_iter([("text".to_owned(), text.into())]);
        let body = Body::Plain { kind: "message", members };
        NewEvent { custom_id: None, recipients: Recipients::All, properties: Properties::new(), body }
    };
    let events = text.map(message).into_iter().collect();
    let new = NewChat { customer: Some(customer.clone()), groups, events, ..NewChat::default() };
    let (chat, thread) = desk.begin(licence).start_chat(&customer, new)?;
    desk.tell_all(licence);
    done(json!({ "chat_id": chat, "thread_id": thread }))
}

/// `POST /chats/{id}/close`: the router closes the active thread, as it does when nobody writes.
pub async fn close_thread(State(room): Here, Path(id): Named) -> Reply {
    let mut desk = room.shared.desk();
    let id = ChatId::from(id);
    let licence = licence_of_chat(&desk, &id)?;
    let closed = desk.begin(licence).close_inactive(&id);
    desk.tell_all(licence);
    match closed {
        Some(thread) => done(json!({ "thread_id": thread })),
        None => Err(bad(format!("the chat `{id}` has no active thread"))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemMessage {
    #[serde(rename = "type")]
    kind: String,
    text: String,
    #[serde(default)]
    text_vars: Map<String, Value>,
}

/// `POST /chats/{id}/system-messages`: the router adds one to the last thread.
pub async fn system_message(State(room): Here, Path(id): Named, Order(order): Order<SystemMessage>) -> Reply {
    if order.text_vars.values().any(|value| !value.is_string()) {
        return Err(bad("`text_vars`: all values are texts"));
    }
    let mut desk = room.shared.desk();
    let id = ChatId::from(id);
    let licence = licence_of_chat(&desk, &id)?;
    let event = desk.begin(licence).router_says(&id, &order.kind, order.text, order.text_vars)?;
    desk.tell_all(licence);
    done(json!({ "event_id": event }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ban {
    days: i64,
}

/// `POST /customers/{id}/ban`
pub async fn ban(State(room): Here, Path(id): Named, Order(Ban { days }): Order<Ban>) -> Reply {
    let mut desk = room.shared.desk();
    let id = UserId::from(id);
    let licence = licence_of_user(&desk, &id)?;
    desk.begin(licence).ban(None, &id, days)?;
    desk.tell_all(licence);
    done(json!({}))
}

/// `POST /customers/{id}/unban`
pub async fn unban(State(room): Here, Path(id): Named) -> Reply {
    let mut desk = room.shared.desk();
    let id = UserId::from(id);
    let licence = licence_of_user(&desk, &id)?;
    desk.begin(licence).unban(None, &id)?;
    desk.tell_all(licence);
    done(json!({}))
}

/// `POST /agents/{id}/delete`: the agent is no longer of the licence.
pub async fn delete_agent(State(room): Here, Path(id): Named) -> Reply {
    let mut desk = room.shared.desk();
    let id = UserId::from(id);
    let licence = licence_of_user(&desk, &id)?;
    desk.begin(licence).delete_agent(&id)?;
    desk.licences.delete(&id);
    desk.tell_all(licence);
    done(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    token: String,
    #[serde(default)]
    reason: TokenEnd,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum TokenEnd {
    #[default]
    AccessTokenRevoked,
    AccessTokenExpired,
}

/// `POST /tokens/revoke`: a token is good no more, and whoever has it is disconnected.
pub async fn revoke(State(room): Here, Order(Revoke { token, reason }): Order<Revoke>) -> Reply {
    let reason = match reason {
        TokenEnd::AccessTokenRevoked => "access_token_revoked",
        TokenEnd::AccessTokenExpired => "access_token_expired",
    };
    let mut desk = room.shared.desk();
    let members = desk.licences.revoke(&token);
    if members.is_empty() {
        // The token itself is a secret.
        return Err(Complaint::new(StatusCode::NOT_FOUND, "nobody can log in with this token"));
    }
    for member in &members {
        desk.disconnect(&member.user, reason, None);
        desk.tell_all(member.licence);
    }
    done(json!({ "users": members.iter().map(|member| &member.user).collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stand {
    standing: StandingSent,
    region: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StandingSent {
    Good,
    Expired,
    Gone,
    Moved,
    OlderProduct,
}

/// `POST /licences/{number}`: how it is with a licence. Those who can stay no longer are disconnected.
pub async fn stand(State(room): Here, Path(number): Path<u64>, Order(order): Order<Stand>) -> Reply {
    let (standing, reason) = match (order.standing, order.region) {
        (StandingSent::Moved, Some(region)) => (Standing::Moved(region), "misdirected_request"),
        (StandingSent::Moved, None) => return Err(bad("`region`: where the licence was moved to")),
        (_, Some(_)) => return Err(bad("`region`: only a licence that was `moved` has one")),
        (StandingSent::Good, None) => (Standing::Good, ""),
        (StandingSent::Expired, None) => (Standing::Expired, "license_expired"),
        (StandingSent::Gone, None) => (Standing::Gone, "license_not_found"),
        (StandingSent::OlderProduct, None) => (Standing::OlderProduct, "product_version_changed"),
    };
    let mut desk = room.shared.desk();
    let licence = desk.licences.numbered(number).ok_or_else(|| Complaint::unknown("licence", number))?;
    let region = if let Standing::Moved(region) = &standing { Some(region.clone()) } else { None };
    desk.licences[licence].standing = standing;
    let lines = desk.hub.lines();
    let there = lines.filter(|(_, _, member, _)| member.is_some_and(|member| member.licence == licence));
    let there: Vec<(ConnectionId, Spoken)> = there.map(|(id, spoken, _, _)| (id, spoken)).collect();
    for (id, spoken) in there {
        if desk.licences[licence].refusal(spoken).is_some() {
            desk.part(id, spoken, reason, region.as_deref());
        }
    }
    desk.tell_all(licence);
    done(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disconnect {
    user: UserId,
    reason: String,
    region: Option<String>,
}

/// `POST /disconnect`: all connections of somebody end, for a reason that the dialects of all of them have.
pub async fn disconnect(State(room): Here, Order(order): Order<Disconnect>) -> Reply {
    let Disconnect { user, reason, region } = order;
    let mut desk = room.shared.desk();
    let licence = licence_of_user(&desk, &user)?;
    if (reason == "misdirected_request") != region.is_some() {
        return Err(bad("`region` goes with `misdirected_request`, and with nothing else"));
    }
    let spoken: Vec<Spoken> = desk.hub.of_user(&user).map(|(_, spoken)| spoken).collect();
    for spoken in &spoken {
        if !desk.gives(*spoken, &reason) {
            let known = desk.goodbyes.get(spoken).map(|goodbye| goodbye.reasons.keys().cloned().collect::<Vec<_>>());
            let known = known.unwrap_or_default().join(", ");
            return Err(bad(format!("`reason`: the dialect of {user} has no `{reason}`; it has {known}")));
        }
    }
    desk.disconnect(&user, &reason, region.as_deref());
    desk.tell_all(licence);
    done(json!({ "connections": spoken.len() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refuse {
    dialect: String,
    error: String,
    action: Option<String>,
    user: Option<UserId>,
    #[serde(default = "once")]
    times: u64,
    region: Option<String>,
}

fn once() -> u64 {
    1
}

/// `POST /refuse`: the next requests that fit are refused with a documented error.
pub async fn refuse(State(room): Here, Order(order): Order<Refuse>) -> Reply {
    let Refuse { dialect, error, action, user, times, region } = order;
    let found = Spoken::named(&dialect).zip(room.protocol.dialect(&dialect).ok());
    let (spoken, dialect) = found.ok_or_else(|| Complaint::unknown("dialect", &dialect))?;
    let errors = &dialect.catalog.errors;
    let Some(documented) = errors.get(&error) else {
        let known: Vec<&str> = errors.keys().map(|name| name.as_str()).collect();
        return Err(bad(format!("`error`: {} has no `{error}`; it has {}", dialect.name, known.join(", "))));
    };
    if let Some(action) = action.as_deref().filter(|action| dialect.catalog.action(action).is_none()) {
        return Err(bad(format!("`action`: {} has no `{action}`", dialect.name)));
    }
    if error == "misdirected_request" && region.is_none() {
        return Err(bad("`region`: where else the request should have gone"));
    }
    if times == 0 {
        return Err(bad("`times`: at least 1"));
    }
    let refusal = Refusal::verbatim(error, documented.message.clone(), region);
    room.shared.desk().provoked.order(provoked::Order { spoken, action, user, times, refusal });
    done(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advance {
    #[serde(default)]
    days: u32,
    #[serde(default)]
    seconds: u32,
}

/// `POST /clock`: time passes in the worlds and for connections, though none did here.
pub async fn advance(State(room): Here, Order(Advance { days, seconds }): Order<Advance>) -> Reply {
    let mut desk = room.shared.desk();
    let seconds = u64::from(days) * 24 * 3600 + u64::from(seconds);
    desk.licences.advance(SignedDuration::from_secs(seconds.cast_signed()));
    room.shared.put_forward(seconds);
    desk.hub.look();
    done(json!({ "now": desk.licences.now() }))
}
