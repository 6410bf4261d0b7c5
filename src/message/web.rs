//! The bodies of the Web API.
//!
//! The documents show requests under `payload` (customer-v0.3 88-93) and answers as the bare response payload
//! (C03-A04; A30-Q02); failures are the bare error object (C03-A08).

use serde_json::{Map, Value, json};

use super::multipart;
use crate::protocol::{BodyStyle, Catalog, WebSpec};

/// What an HTTP answer says.
#[derive(Debug, Clone, PartialEq)]
pub enum WebAnswer {
    /// The request was carried out; this is the response payload.
    Done(Value),
    /// It was refused; this is the body, which should be `{"error": {…}}`.
    Refused(Value),
    /// The body is not JSON, or not an object.
    Unreadable(String),
}

/// A request body in the dialect's style. Without a payload it is an empty object (customer-v0.3 90).
pub fn web_body(style: BodyStyle, payload: &Value) -> Value {
    match style {
        _ if payload.is_null() => json!({}),
        BodyStyle::Wrapped => json!({ "payload": payload }),
        BodyStyle::Bare => payload.clone(),
    }
}

/// Takes the payload out of a request body (C03-A03; A30-Q02). An empty body has none.
///
/// # Errors
/// In words, when the body is no JSON object.
pub fn web_payload(spec: &WebSpec, body: &[u8]) -> Result<Value, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    match serde_json::from_slice(body).map_err(|error| format!("The body is not JSON: {error}"))? {
        Value::Null => Ok(Value::Null),
        Value::Object(members) => Ok(unwrapped(spec, members)),
        _ => Err("The body is not a JSON object".to_owned()),
    }
}

fn unwrapped(spec: &WebSpec, mut members: Map<String, Value>) -> Value {
    match (spec.request_body, members.remove("payload")) {
        (BodyStyle::Wrapped, Some(payload)) => payload,
        (BodyStyle::Wrapped, None) if spec.accepts_bare => Value::Object(members),
        (BodyStyle::Wrapped, None) => Value::Null,
        (BodyStyle::Bare, None) => Value::Object(members),
        (BodyStyle::Bare, Some(payload)) => {
            members.insert("payload".to_owned(), payload);
            Value::Object(members)
        }
    }
}

/// What a call of the Web API asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct WebRequest {
    /// The payload, or why there is none, in words.
    pub payload: Result<Value, String>,
    /// What is shown of the body: of an upload its parts, and of its file the name.
    pub shown: String,
}

impl WebRequest {
    /// Reads the body of a call.
    pub fn read(catalog: &Catalog, action: &str, content_type: &str, body: &[u8]) -> Self {
        match catalog.action(action).and_then(|action| action.multipart.as_ref()) {
            Some(spec) => {
                let payload = multipart::payload(spec, content_type, body);
                let shown = web_body(catalog.web.request_body, payload.as_ref().unwrap_or(&Value::Null)).to_string();
                Self { payload, shown }
            }
            None => {
                let shown = String::from_utf8_lossy(body).into_owned();
                Self { payload: web_payload(&catalog.web, body), shown }
            }
        }
    }
}

/// Reads an HTTP answer: a 2xx status with the payload, or another status with the error.
///
/// A success that wraps the payload (`{"payload": …}` and nothing else) is unwrapped, as C03-A04 recommends.
pub fn parse_web_answer(status: u16, body: &[u8]) -> WebAnswer {
    let value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(_) if body.iter().all(u8::is_ascii_whitespace) && (200..300).contains(&status) => Value::Null,
        Err(error) => return WebAnswer::Unreadable(format!("HTTP {status}, {error}")),
    };
    match value {
        Value::Object(mut map) if (200..300).contains(&status) => {
            if map.len() == 1
                && let Some(inner) = map.get_mut("payload").filter(|inner| inner.is_object())
            {
                return WebAnswer::Done(inner.take());
            }
            WebAnswer::Done(Value::Object(map))
        }
        Value::Null if (200..300).contains(&status) => WebAnswer::Done(Value::Null),
        other if (200..300).contains(&status) => WebAnswer::Unreadable(format!("HTTP {status} with {}", kind(&other))),
        other => WebAnswer::Refused(other),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "an array",
        Value::String(_) => "a string",
        _ => "a bare value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_read_bare_and_wrapped() {
        assert_eq!(parse_web_answer(200, br#"{"url":"u"}"#), WebAnswer::Done(json!({"url": "u"})));
        assert_eq!(parse_web_answer(200, br#"{"payload":{"url":"u"}}"#), WebAnswer::Done(json!({"url": "u"})));
        assert_eq!(parse_web_answer(200, b""), WebAnswer::Done(Value::Null));
        let error = json!({"error": {"type": "validation", "message": "m"}});
        assert_eq!(parse_web_answer(400, error.to_string().as_bytes()), WebAnswer::Refused(error));
    }

    #[test]
    fn what_is_no_object_is_unreadable() {
        assert!(matches!(parse_web_answer(200, b"<html>"), WebAnswer::Unreadable(_)));
        assert!(
            matches!(parse_web_answer(200, b"[]"), WebAnswer::Unreadable(reason) if reason == "HTTP 200 with an array")
        );
    }

    #[test]
    fn requests_are_wrapped_as_the_dialect_says() {
        assert_eq!(web_body(BodyStyle::Wrapped, &json!({"a": 1})), json!({"payload": {"a": 1}}));
        assert_eq!(web_body(BodyStyle::Wrapped, &Value::Null), json!({}));
        assert_eq!(web_body(BodyStyle::Bare, &json!({"a": 1})), json!({"a": 1}));
    }
}
