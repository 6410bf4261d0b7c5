//! agent/v3.0. Line numbers are those of the methods page.

mod archives;
pub(super) mod chatting;
pub(super) mod customers;
mod membership;
mod paging;
mod properties;
mod reading;
pub(super) mod session;

use serde_json::Value;

pub use session::login;

use super::{Request, change_push_notifications, not_built};
use crate::reference::refusal::Refusal;
use crate::reference::world::AccessChange;

/// Carries an action out.
///
/// # Errors
/// Why it is refused.
pub fn perform(request: Request<'_>) -> Result<Value, Refusal> {
    let Request { world, user, action, payload, file } = request;
    match action {
        "start_chat" => chatting::start_chat(world, user, payload),
        "activate_chat" => chatting::activate_chat(world, user, payload),
        "send_event" => chatting::send_event(world, user, payload),
        "send_file" => chatting::send_file(world, user, payload, file),
        "upload_image" => chatting::upload_image(file),
        "send_typing_indicator" => chatting::send_typing_indicator(world, user, payload),
        "send_rich_message_postback" => chatting::send_rich_message_postback(world, user, payload),
        "close_thread" => chatting::close_thread(world, user, payload),
        "multicast" => chatting::multicast(world, user, payload),
        "get_chat_threads" => reading::get_chat_threads(world, user, payload),
        "get_chat_threads_summary" => reading::get_chat_threads_summary(world, user, payload),
        "get_archives" => archives::get_archives(world, user, payload),
        "follow_chat" => membership::follow_chat(world, user, payload),
        "unfollow_chat" => membership::unfollow_chat(world, user, payload),
        "add_user_to_chat" => membership::add_user_to_chat(world, user, payload),
        "remove_user_from_chat" => membership::remove_user_from_chat(world, user, payload),
        "transfer_chat" => membership::transfer_chat(world, user, payload),
        "grant_access" => membership::change_access(world, user, AccessChange::Granted, payload),
        "revoke_access" => membership::change_access(world, user, AccessChange::Revoked, payload),
        "set_access" => membership::change_access(world, user, AccessChange::Set, payload),
        "update_agent" => session::update_agent(world, user, payload),
        "set_away_status" => session::set_away_status(world, user, payload),
        "get_customers" => customers::get_customers(world, payload),
        "create_customer" => customers::create_customer(world, user, payload),
        "update_customer" => customers::update_customer(world, user, payload),
        "ban_customer" => customers::ban_customer(world, user, payload),
        "update_chat_properties" | "update_chat_thread_properties" | "update_event_properties" => {
            properties::update(world, user, payload)
        }
        "delete_chat_properties" | "delete_chat_thread_properties" | "delete_event_properties" => {
            properties::delete(world, user, payload)
        }
        "tag_chat_thread" => properties::tag(world, user, payload, true),
        "untag_chat_thread" => properties::tag(world, user, payload, false),
        "update_last_seen_timestamp" => session::update_last_seen_timestamp(world, user, payload),
        "change_push_notifications" => change_push_notifications(world, user, payload),
        "ping" => Ok(Value::Null),
        _ => Err(not_built(action)),
    }
}
