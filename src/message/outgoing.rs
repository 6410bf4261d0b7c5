//! What a client sends over RTM.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ApiError;
use crate::protocol::CorrelationName;

/// A request as a server or proxy reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `request_id`, or `id`.
    pub correlation: Option<Box<str>>,
    /// Whether the client called the correlation id `id`; the answer then repeats it under that name too.
    pub correlation_is_id: bool,
    /// Name of the action.
    pub action: Box<str>,
    /// The payload; null when absent.
    pub payload: Value,
    /// For bots only; an empty one counts as absent.
    pub author_id: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, default)]
    request_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow, default)]
    author_id: Option<Cow<'a, str>>,
    payload: Option<Value>,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a Value>,
}

#[derive(Serialize)]
struct Refused<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    action: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    success: bool,
    payload: ErrorPayload<'a>,
}

#[derive(Serialize)]
struct ErrorPayload<'a> {
    error: &'a ApiError,
}

/// The text of the response frame that refuses a request (customer-v0.3 516; C03-A07). An id that came as `id` goes back under both
/// names.
pub fn refusal_text(request: &Request, error: &ApiError) -> String {
    let correlation = request.correlation.as_deref();
    let refused = Refused {
        request_id: correlation,
        id: correlation.filter(|_| request.correlation_is_id),
        action: &request.action,
        kind: "response",
        success: false,
        payload: ErrorPayload { error },
    };
    serde_json::to_string(&refused).unwrap_or_default()
}

/// The text of a request frame, whose correlation id is called as the dialect does. A null payload is left out.
///
/// # Panics
/// Never: a `Value` always serialises.
pub fn request_text(name: CorrelationName, correlation: &str, action: &str, payload: &Value) -> String {
    let payload = (!payload.is_null()).then_some(payload);
    let (request_id, id) = match name {
        CorrelationName::RequestId => (Some(correlation), None),
        CorrelationName::Id => (None, Some(correlation)),
    };
    serde_json::to_string(&Written { request_id, id, action, payload }).unwrap_or_default()
}

/// Reads a client's RTM frame.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_request(text: &str) -> Result<Request, String> {
    let raw: Raw<'_> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let boxed = |text: Cow<'_, str>| text.into_owned().into_boxed_str();
    Ok(Request {
        correlation_is_id: raw.request_id.is_none() && raw.id.is_some(),
        correlation: raw.request_id.or(raw.id).map(boxed),
        action: boxed(raw.action),
        payload: raw.payload.unwrap_or_default(),
        author_id: raw.author_id.filter(|id| !id.is_empty()).map(boxed),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(correlation in ".*", action in ".*", text in ".*", old: bool) {
            let payload = json!({"text": text});
            let name = if old { CorrelationName::Id } else { CorrelationName::RequestId };
            let request = parse_request(&request_text(name, &correlation, &action, &payload)).unwrap();
            prop_assert_eq!(request.correlation_is_id, old);
            prop_assert_eq!(request.correlation.as_deref(), Some(correlation.as_str()));
            prop_assert_eq!(&*request.action, action.as_str());
            prop_assert_eq!(request.payload, payload);
        }
    }

    #[test]
    fn a_refusal_is_a_failed_response_with_the_id_of_the_request() {
        let request = parse_request(r#"{"id":"7","action":"ping"}"#).unwrap();
        let error = ApiError { kind: "validation".to_owned(), message: "m".to_owned(), data: None };
        let text = refusal_text(&request, &error);
        let message = super::super::parse_frame(&text).unwrap();
        assert_eq!(message.body, super::super::Body::Response { success: false });
        assert_eq!((message.correlation.as_deref(), &*message.action), (Some("7"), "ping"));
        assert_eq!(ApiError::from_payload(&message.payload), Some(error.clone()));
        assert!(text.contains(r#""id":"7""#), "{text}");
        let silent = refusal_text(&parse_request(r#"{"action":"ping"}"#).unwrap(), &error);
        assert!(!silent.contains("id\""), "{silent}");
    }

    #[test]
    fn the_habits_of_real_clients_are_understood() {
        let request = parse_request(r#"{"id":"1","action":"ping","payload":null,"author_id":""}"#).unwrap();
        assert!(request.correlation_is_id);
        assert_eq!(request.payload, Value::Null);
        assert_eq!(request.author_id, None);
        assert_eq!(parse_request(r#"{"action":"ping"}"#).unwrap().correlation, None);
        assert!(parse_request("{}").unwrap_err().contains("action"));
    }
}
