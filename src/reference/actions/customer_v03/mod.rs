//! customer/v0.3. Line numbers are those of the document.

pub(super) mod chatting;
mod reading;
mod updating;

use serde_json::{Value, json};

use super::{Login, Request, WithCustomer, not_built, read};
use crate::reference::refusal::Refusal;

/// `login` (547). A further login of the same customer on one connection only tells more about him (C03-A60).
///
/// # Errors
/// When the customer is banned (C03-B44).
pub fn login(login: Login<'_>) -> Result<Value, Refusal> {
    let Login { world, user, payload, is_new, .. } = login;
    let details = read::<WithCustomer>(payload)?.customer.unwrap_or_default();
    if is_new {
        world.customer_arrives(user, details)?;
    } else {
        world.tell_about(user, details)?;
    }
    Ok(json!({ "customer_id": user, "static_config_path": "chatproof.invalid/static/config.json" }))
}

/// Carries an action out.
///
/// # Errors
/// Why it is refused.
pub fn perform(request: Request<'_>) -> Result<Value, Refusal> {
    let Request { world, user, action, payload, file } = request;
    match action {
        "start_chat" => chatting::start_chat(world, user, payload),
        "send_event" => chatting::send_event(world, user, payload),
        "send_file" => chatting::send_file(world, user, payload, file),
        "send_sneak_peek" => chatting::send_sneak_peek(world, user, payload),
        "close_thread" => chatting::close_thread(world, user, payload),
        "get_chats_summary" => reading::get_chats_summary(world, user, payload),
        "get_chat_threads" => reading::get_chat_threads(world, user, payload),
        "get_chat_threads_summary" => reading::get_chat_threads_summary(world, user, payload),
        "update_chat_scopes" => updating::update_chat_scopes(world, user, payload),
        "update_customer" => updating::update_customer(world, user, payload),
        "update_chat_properties" => updating::update_chat_properties(world, user, payload),
        "update_chat_thread_properties" => updating::update_chat_thread_properties(world, user, payload),
        "update_last_seen_timestamp" => updating::update_last_seen_timestamp(world, user, payload),
        "ping" => Ok(Value::Null),
        _ => Err(not_built(action)),
    }
}
