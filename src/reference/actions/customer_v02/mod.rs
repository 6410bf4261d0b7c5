//! customer/v0.2, as far as it is not customer/v0.3. Marks such as `A02C:9` name the pages beside the document.

mod reading;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Login, Request, customer_v03, read};
use crate::reference::refusal::Refusal;
use crate::reference::render::customer_v02 as render;
use crate::reference::world::{CustomerDetails, Monitoring, UserId, World};

#[derive(Deserialize)]
struct Sent {
    customer: Option<CustomerSent>,
    last_chats_limit: Option<usize>,
    last_threads_limit: Option<usize>,
}

/// What a customer tells about himself; what he calls properties became fields later (C02-A16).
#[derive(Deserialize, Default)]
struct CustomerSent {
    name: Option<String>,
    email: Option<String>,
    properties: Option<BTreeMap<String, String>>,
    monitoring: Option<Monitoring>,
}

impl From<CustomerSent> for CustomerDetails {
    fn from(sent: CustomerSent) -> Self {
        Self { name: sent.name, email: sent.email, avatar: None, fields: sent.properties, monitoring: sent.monitoring }
    }
}

/// `login` (A02C:9), which also answers with the newest chats.
///
/// # Errors
/// When the customer is banned (A02E:28).
pub fn login(login: Login<'_>) -> Result<Value, Refusal> {
    let Login { world, user, payload, is_new, .. } = login;
    let sent: Sent = read(payload)?;
    let details = sent.customer.unwrap_or_default().into();
    if is_new {
        world.customer_arrives(user, details)?;
    } else {
        world.tell_about(user, details)?;
    }
    let chats = reading::newest_chats(world, user)?;
    // The defaults of A02C:14 and A02C:15.
    let (chats_limit, threads_limit) = (sent.last_chats_limit.unwrap_or(1), sent.last_threads_limit.unwrap_or(10));
    let recent: Vec<Value> =
        chats.iter().take(chats_limit).map(|chat| render::recent_chat(world, chat, threads_limit)).collect();
    Ok(json!({
        "customer_id": user,
        "static_config_path": "chatproof.invalid/static/config.json",
        "last_chats_summary": recent,
        "total_chats": chats.len(),
    }))
}

/// Carries an action out.
///
/// # Errors
/// Why it is refused.
pub fn perform(request: Request<'_>) -> Result<Value, Refusal> {
    let Request { world, user, action, payload, file } = request;
    match action {
        "start_chat" => start_chat(world, user, payload),
        "get_chats_summary" => reading::get_chats_summary(world, user, payload),
        "get_chat_threads" => reading::get_chat_threads(world, user, payload),
        "get_chat_threads_summary" => reading::get_chat_threads_summary(world, user, payload),
        "update_customer" => update_customer(world, user, payload),
        // The rest is the same in both.
        _ => customer_v03::perform(Request { world, user, action, payload, file }),
    }
}

/// `start_chat` (A02C:230), whose initial events may also stand beside the thread (C02-A19).
fn start_chat(world: &mut World, user: &UserId, mut payload: Value) -> Result<Value, Refusal> {
    if let Some(chat) = payload.get_mut("chat").and_then(Value::as_object_mut)
        && let Some(events) = chat.remove("events").filter(|events| !events.is_null())
    {
        let thread = chat.entry("thread").or_insert(Value::Null);
        if thread.is_null() {
            *thread = json!({});
        }
        if thread.get("events").is_none_or(Value::is_null) {
            thread["events"] = events;
        }
    }
    let (id, thread) = customer_v03::chatting::begin(world, user, payload)?;
    let chat = world.chat_of_customer(user, &id)?;
    let thread = chat.thread(&thread).ok_or_else(|| Refusal::no_thread(&thread))?;
    Ok(json!({ "chat": render::chat_with_thread(world, chat, thread) }))
}

#[derive(Deserialize)]
struct UpdateCustomer {
    customer: Option<CustomerSent>,
}

/// `update_customer` (A02C:446).
fn update_customer(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    let UpdateCustomer { customer } = read(payload)?;
    world.update_customer(user, user, customer.unwrap_or_default().into())?;
    Ok(json!({ "customer": render::customer(world.known_customer(user)?) }))
}
