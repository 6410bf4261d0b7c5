//! From the text of a client's frame to a request, or why it is none.

use serde_json::Value;

use crate::message::{Request, parse_request};

/// Why nobody can answer a frame.
pub(super) enum Unreadable {
    NotJson(String),
    /// Without a text as its action.
    NoRequest(Value),
}

/// A request, and how it was read when its envelope is odd.
pub(super) type Read = (Request, Option<(Value, String)>);

/// Reads a frame of a client; of an odd one what a server needs to answer it.
pub(super) fn read(text: &str) -> Result<Read, Unreadable> {
    let reason = match parse_request(text) {
        Ok(request) if matches!(request.payload, Value::Null | Value::Object(_)) && !request.action.is_empty() => {
            return Ok((request, None));
        }
        Ok(_) => "a payload that is no object, or an empty action".to_owned(),
        Err(reason) => reason,
    };
    let value: Value = serde_json::from_str(text).map_err(|error| Unreadable::NotJson(error.to_string()))?;
    let Some(action) = value.get("action").and_then(Value::as_str).map(Box::from) else {
        return Err(Unreadable::NoRequest(value));
    };
    let id = |name: &str| match value.get(name) {
        Some(Value::String(id)) => Some(id.as_str().into()),
        Some(Value::Number(id)) => Some(id.to_string().into()),
        _ => None,
    };
    let (request_id, old_id) = (id("request_id"), id("id"));
    let request = Request {
        correlation_is_id: request_id.is_none() && old_id.is_some(),
        correlation: request_id.or(old_id),
        action,
        payload: value.get("payload").cloned().unwrap_or_default(),
        author_id: None,
    };
    Ok((request, Some((value, reason))))
}

/// A number in place of a correlation id: the documents do not say that it is a text (C03-A40).
pub(super) fn has_number_as_id(value: &Value) -> bool {
    ["request_id", "id"].iter().any(|name| value.get(name).is_some_and(Value::is_number))
}
