//! agent/v0.2. Line numbers are those of the methods page. What agent/v3.0 takes in just the same shape is done there.

mod archives;
mod chatting;
mod membership;
mod reading;
mod session;
mod updating;

use serde::Deserialize;
use serde_json::Value;

pub use session::login;

use super::{Request, agent_v30, change_push_notifications, not_built};
use crate::reference::refusal::Refusal;
use crate::reference::world::{self, UserId};

/// Carries an action out.
///
/// # Errors
/// Why it is refused.
pub fn perform(request: Request<'_>) -> Result<Value, Refusal> {
    let Request { world, user, action, payload, .. } = request;
    match action {
        "get_archives" => archives::get_archives(world, user, payload),
        "get_filtered_chats" => archives::get_filtered_chats(world, user, payload),
        "get_chat_threads" => reading::get_chat_threads(world, user, payload),
        "start_chat" => chatting::start_chat(world, user, payload),
        "send_event" => chatting::send_event(world, user, payload),
        "send_broadcast" => chatting::send_broadcast(world, user, payload),
        "send_typing_indicator" => agent_v30::chatting::send_typing_indicator(world, user, payload),
        "mark_event_as_seen" => chatting::mark_event_as_seen(world, user, payload),
        "close_thread" => chatting::close_thread(world, user, payload),
        "supervise_chat" => membership::supervise_chat(world, user, payload),
        "join_chat" => membership::join_chat(world, user, payload),
        "remove_from_chat" => membership::remove_from_chat(world, user, payload),
        "ban_customer" => agent_v30::customers::ban_customer(world, user, payload),
        "unban_customer" => membership::unban_customer(world, user, payload),
        "update_chat_scopes" => updating::update_chat_scopes(world, user, payload),
        "update_chat_properties" | "update_chat_thread_properties" => updating::properties(world, user, payload),
        "update_last_seen_timestamp" => agent_v30::session::update_last_seen_timestamp(world, user, payload),
        "update_agent" => session::update_agent(world, user, payload),
        "change_push_notifications" => change_push_notifications(world, user, payload),
        "ping" => Ok(Value::Null),
        _ => Err(not_built(action)),
    }
}

/// `{"groups": […], "agents": […]}` (A02-A44); null stands for absent.
#[derive(Deserialize, Default)]
struct Scopes {
    groups: Option<Vec<i64>>,
    agents: Option<Vec<UserId>>,
}

impl From<Option<Scopes>> for world::Scopes {
    fn from(sent: Option<Scopes>) -> Self {
        let Scopes { groups, agents } = sent.unwrap_or_default();
        Self { groups: groups.unwrap_or_default(), agents: agents.unwrap_or_default() }
    }
}
