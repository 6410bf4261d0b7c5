//! Why a request is not carried out: one of the documented error types and a text for people.

use http::StatusCode;
use serde_json::{Value, json};

use super::render::Spoken;
use super::world::{ChatId, ThreadId};

/// An error answer. The types are those of customer-v0.3 536-542 and of the agent dialect's list (rtm/errors:22-35).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The error's `type`.
    pub kind: &'static str,
    /// The error's `message`.
    pub message: String,
}

impl Refusal {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A refusal for no good reason: a defect.
    pub fn of_type(kind: &'static str) -> Self {
        Self::new(kind, "Refused")
    }

    /// The request is not what the documents ask for (C03-B42), or names something that does not exist (C03-A59).
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("validation", message)
    }

    /// The requester may not do this (C03-B41).
    pub fn authorization(message: impl Into<String>) -> Self {
        Self::new("authorization", message)
    }

    /// No token, or one that nobody issued (C03-B43).
    pub fn authentication() -> Self {
        Self::new("authentication", "Authentication error")
    }

    /// The customer may not come in (C03-B44).
    pub fn banned() -> Self {
        Self::new("customer_banned", "Customer is banned")
    }

    /// Only for agents who are logged in over RTM (agent-v3.0 rtm/errors:35).
    pub fn offline() -> Self {
        Self::new("requester_offline", "Requester offline")
    }

    /// Larger than what may be sent (agent-v3.0 rtm/errors:32).
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new("entity_too_large", message)
    }

    /// There is no such chat.
    pub fn no_chat(id: &ChatId) -> Self {
        Self::validation(format!("`chat_id`: there is no chat `{id}`"))
    }

    /// The chat has no such thread.
    pub fn no_thread(id: &ThreadId) -> Self {
        Self::validation(format!("`thread_id`: the chat has no thread `{id}`"))
    }

    /// The payload of the failed answer, in the words of a dialect.
    pub fn payload(&self, spoken: Spoken) -> Value {
        let (kind, message) = spoken.error(self.kind, &self.message);
        json!({ "error": { "type": kind, "message": message } })
    }

    /// The HTTP status of the error as a dialect calls it; the documents name none (C03-A05).
    pub fn status(&self, spoken: Spoken) -> StatusCode {
        match spoken.error(self.kind, &self.message).0 {
            "validation" => StatusCode::BAD_REQUEST,
            "authentication" | "auth" => StatusCode::UNAUTHORIZED,
            "authorization" | "customer_banned" => StatusCode::FORBIDDEN,
            "requester_offline" => StatusCode::CONFLICT,
            "entity_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
