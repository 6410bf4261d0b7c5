//! From an action's payload to the world and back to the response's payload: one folder a dialect, one file a group of actions.
//!
//! Payloads have passed the request schema before they get here, so reading them can hardly fail; what the schema cannot say is
//! checked here or in the world.

pub mod agent_v02;
pub mod agent_v30;
pub mod customer_v02;
pub mod customer_v03;
mod events;
mod filters;
mod forms;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::files::StoredFile;
use super::refusal::Refusal;
use super::render::Spoken;
use super::world::{ChatId, CustomerDetails, NewEvent, Phone, UserId, World};

/// What an action is performed on, and for whom.
pub struct Request<'a> {
    /// Everything.
    pub world: &'a mut World,
    /// Who asks.
    pub user: &'a UserId,
    /// The name of the action.
    pub action: &'a str,
    /// What came with it; an empty object if nothing did.
    pub payload: Value,
    /// The file that came with it, on the actions that upload one.
    pub file: Option<StoredFile>,
}

/// Carries an action out. A null payload stands for none.
///
/// # Errors
/// Why it is refused.
pub fn perform(spoken: Spoken, request: Request<'_>) -> Result<Value, Refusal> {
    match spoken {
        Spoken::CustomerV02 => customer_v02::perform(request),
        Spoken::CustomerV03 => customer_v03::perform(request),
        Spoken::AgentV02 => agent_v02::perform(request),
        Spoken::AgentV30 => agent_v30::perform(request),
    }
}

/// Somebody who logs in, and was found to be who he says.
pub struct Login<'a> {
    /// The licence.
    pub world: &'a mut World,
    /// The licence's number.
    pub number: u64,
    /// Who.
    pub user: &'a UserId,
    /// What came with the login.
    pub payload: Value,
    /// Whether it is not just another login of the same user on the same connection.
    pub is_new: bool,
}

/// What a login answers, once the user is known and counted as here.
///
/// # Errors
/// Why it is refused.
pub fn login(spoken: Spoken, login: Login<'_>) -> Result<Value, Refusal> {
    match spoken {
        Spoken::CustomerV02 => customer_v02::login(login),
        Spoken::CustomerV03 => customer_v03::login(login),
        Spoken::AgentV02 => agent_v02::login(login),
        Spoken::AgentV30 => agent_v30::login(login),
    }
}

/// `push_notifications` of an agent's login: a phone that wants to hear of chats (agent-v3.0 921; agent-v0.2-methods 16). Without a
/// token there is nothing to remember (A30-Q29).
#[derive(serde::Deserialize)]
struct PushNotifications {
    firebase_token: Option<String>,
    #[serde(flatten)]
    phone: Phone,
}

impl PushNotifications {
    fn remember(self, world: &mut World, agent: &UserId) {
        if let Some(token) = self.firebase_token {
            world.remember_phone(agent, token, self.phone);
        }
    }
}

/// `change_push_notifications` (agent-v3.0 1725; agent-v0.2-methods 776). No message leaves for any phone; what was asked for is kept.
fn change_push_notifications(world: &mut World, user: &UserId, payload: Value) -> Result<Value, Refusal> {
    read::<PushNotifications>(payload)?.remember(world, user);
    Ok(Value::Null)
}

/// An event of a world file, written as agent/v3.0 sends it.
///
/// # Errors
/// What is wrong with it.
pub fn seeded_event(event: Value) -> Result<NewEvent, Refusal> {
    let mut events = events::all_initial(Spoken::AgentV30, Some(vec![event]))?;
    events.pop().ok_or_else(|| Refusal::validation("there is no event"))
}

/// A payload as a type.
fn read<T: DeserializeOwned>(payload: Value) -> Result<T, Refusal> {
    serde_json::from_value(payload).map_err(|error| Refusal::validation(error.to_string()))
}

/// Just a chat's id.
#[derive(serde::Deserialize)]
struct OfChat {
    chat_id: ChatId,
}

/// A file that was uploaded, as an event.
fn file_event(file: &StoredFile, custom_id: Option<String>) -> NewEvent {
    events::file(&file.name, &file.url, &file.content_type, file.size, custom_id)
}

/// An action that the catalog has and this server does not.
fn not_built(action: &str) -> Refusal {
    Refusal::validation(format!("This server does not carry out `{action}`"))
}

/// `customer` of a login or an update, which may be absent.
#[derive(serde::Deserialize)]
struct WithCustomer {
    #[serde(default)]
    customer: Option<CustomerDetails>,
}
