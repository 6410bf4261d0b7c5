//! Why a request is not carried out: one of the documented error types and a text for people.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::{Value, json};

use super::render::Spoken;
use super::world::{ChatId, ThreadId};

/// An error answer. The types are those of customer-v0.3 536-542 and of the agent dialect's list (rtm/errors:22-35).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The error's `type`.
    pub kind: Cow<'static, str>,
    /// The error's `message`.
    pub message: String,
    /// The region to turn to (agent-v3.0 rtm/errors:39).
    pub region: Option<String>,
    /// Whether the type is the dialect's own word already.
    pub verbatim: bool,
}

impl Refusal {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind: Cow::Borrowed(kind), message: message.into(), region: None, verbatim: false }
    }

    /// A refusal for no good reason: a defect.
    pub fn of_type(kind: &'static str) -> Self {
        Self::new(kind, "Refused")
    }

    /// An error of a dialect's list, in just those words.
    pub fn verbatim(kind: String, message: String, region: Option<String>) -> Self {
        Self { kind: Cow::Owned(kind), message, region, verbatim: true }
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

    /// The licence has expired (C03-B45; agent-v0.2-methods 108).
    pub fn licence_expired() -> Self {
        Self::new("license_expired", "License expired")
    }

    /// There is no such licence (A02E:32; agent-v3.0 rtm/errors:34).
    pub fn no_licence() -> Self {
        Self::new("license_not_found", "License not found")
    }

    /// The licence is in another region (agent-v3.0 rtm/errors:31,39).
    pub fn misdirected(region: &str) -> Self {
        Self { region: Some(region.to_owned()), ..Self::new("misdirected_request", "Wrong region") }
    }

    /// The licence is on the older product (agent-v3.0 rtm/errors:33).
    pub fn wrong_product() -> Self {
        Self::new("wrong_product_version", "Wrong product version")
    }

    /// There are as many connections as there may be (A02E:34).
    pub fn too_many() -> Self {
        Self::new("too_many_connections", "Too many connections")
    }

    /// It would take too long (customer-v0.3 542; agent-v3.0 rtm/errors:28).
    pub fn timed_out() -> Self {
        Self::new("request_timeout", "Request timed out")
    }

    /// Whether the older customers' page says that the connection is dropped with it (A02E:28,32-34).
    pub fn drops_older_customers(&self) -> bool {
        let kinds = ["customer_banned", "license_not_found", "incorrect_region", "too_many_connections"];
        kinds.contains(&self.words(Spoken::CustomerV02).0)
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
        let (kind, message) = self.words(spoken);
        let mut error = json!({ "type": kind, "message": message });
        if let Some(region) = &self.region {
            error["data"] = json!({ "region": region });
        }
        json!({ "error": error })
    }

    fn words(&self, spoken: Spoken) -> (&str, &str) {
        if self.verbatim { (&self.kind, &self.message) } else { spoken.error(&self.kind, &self.message) }
    }

    /// The HTTP status of the error as a dialect calls it; the documents name none (C03-A05).
    pub fn status(&self, spoken: Spoken) -> StatusCode {
        match self.words(spoken).0 {
            "validation" => StatusCode::BAD_REQUEST,
            "authentication" | "auth" => StatusCode::UNAUTHORIZED,
            "authorization" | "customer_banned" | "license_expired" | "wrong_product_version" => StatusCode::FORBIDDEN,
            "license_not_found" => StatusCode::NOT_FOUND,
            "misdirected_request" | "incorrect_region" => StatusCode::MISDIRECTED_REQUEST,
            "too_many_connections" => StatusCode::TOO_MANY_REQUESTS,
            "request_timeout" => StatusCode::GATEWAY_TIMEOUT,
            "unsupported_version" => StatusCode::NOT_IMPLEMENTED,
            "requester_offline" => StatusCode::CONFLICT,
            "entity_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
