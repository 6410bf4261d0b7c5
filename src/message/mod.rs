//! Bytes ↔ one typed message, and what is wrong with it.
//!
//! The envelopes are the documented ones (customer-v0.3 129-160; agent-v3.0 companion old/ref:150-184), with the
//! tolerance that real clients need: the correlation id may be called `request_id` or `id`, and a payload may be
//! absent, null or an object.

mod framing;
mod incoming;
mod multipart;
mod outgoing;
pub mod socketio;
mod web;

pub use framing::{Framing, Unwrapped};
pub use incoming::{Body, Malformed, Message, parse_frame};
pub use outgoing::{Request, parse_request, refusal_text, request_text};
pub use web::{WebAnswer, WebRequest, parse_web_answer, web_body, web_payload};

/// The error object of a failed answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ApiError {
    /// One of the documented types, if the peer keeps to them.
    #[serde(rename = "type")]
    pub kind: String,
    /// Text for people.
    #[serde(default)]
    pub message: String,
    /// Further facts, on some types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

impl ApiError {
    /// Reads `{"error": {…}}` out of a failed payload.
    pub fn from_payload(payload: &serde_json::Value) -> Option<Self> {
        serde::Deserialize::deserialize(payload.get("error")?).ok()
    }

    /// The type alone, without copying the rest.
    pub fn kind_of(payload: &serde_json::Value) -> Option<&str> {
        payload.get("error")?.get("type")?.as_str()
    }
}
