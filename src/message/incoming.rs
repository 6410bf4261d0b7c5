//! What a server sends over RTM.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A response or push, read once.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// `request_id`, or `id` where the peer uses the name of 2017.
    pub correlation: Option<Box<str>>,
    /// Name of the action or push.
    pub action: Box<str>,
    /// Response or push.
    pub body: Body,
    /// The payload; null when absent.
    pub payload: Value,
}

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// The answer to a request.
    Response {
        /// Whether the request was carried out.
        success: bool,
    },
    /// Sent by the server on its own account.
    Push,
}

/// Why bytes are not a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Malformed {
    /// Not JSON at all; the reason names line and column.
    NotJson(String),
    /// JSON, but not one of the documented envelopes. The value is what was read.
    NotAnEnvelope {
        /// What is wrong with it.
        reason: String,
        /// The frame, for validation against the envelope schemas.
        value: Box<Value>,
    },
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, default)]
    request_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    success: Option<bool>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

/// Reads one RTM frame of a server.
///
/// # Errors
/// [`Malformed`], for anything that is not a documented response or push. This is the peer's doing, not a failure of ours.
pub fn parse_frame(text: &str) -> Result<Message, Malformed> {
    let raw: Raw<'_> = serde_json::from_str(text).map_err(|e| not_an_envelope(text, &e.to_string()))?;
    let body = match (&*raw.kind, raw.success) {
        ("response", Some(success)) => Body::Response { success },
        ("push", None) => Body::Push,
        ("response", None) => return Err(not_an_envelope(text, "a response without `success`")),
        ("push", Some(_)) => return Err(not_an_envelope(text, "a push with `success`")),
        (other, _) => return Err(not_an_envelope(text, &format!("unknown type `{other}`"))),
    };
    let payload = match raw.payload {
        None => Value::Null,
        Some(raw) => serde_json::from_str(raw.get()).map_err(|e| Malformed::NotJson(e.to_string()))?,
    };
    if !matches!(payload, Value::Null | Value::Object(_)) {
        return Err(not_an_envelope(text, "a payload that is not an object"));
    }
    let correlation = raw.request_id.or(raw.id).map(|id| id.into_owned().into_boxed_str());
    Ok(Message { correlation, action: raw.action.into(), body, payload })
}

fn not_an_envelope(text: &str, reason: &str) -> Malformed {
    match serde_json::from_str(text) {
        Ok(value) => Malformed::NotAnEnvelope { reason: reason.to_owned(), value: Box::new(value) },
        Err(error) => Malformed::NotJson(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;
    use crate::protocol::{Kind, Protocol};

    fn parse(value: &Value) -> Result<Message, Malformed> {
        parse_frame(&value.to_string())
    }

    #[test]
    fn a_response_is_read_with_either_name_of_the_correlation_id() {
        for name in ["request_id", "id"] {
            let message = parse(&json!({name: "7", "action": "ping", "type": "response", "success": true})).unwrap();
            assert_eq!(message.correlation.as_deref(), Some("7"));
            assert_eq!(message.body, Body::Response { success: true });
            assert_eq!(message.payload, Value::Null);
        }
    }

    #[test]
    fn a_push_must_not_have_success() {
        let push = json!({"action": "thread_closed", "type": "push", "payload": {"chat_id": "c"}});
        assert_eq!(parse(&push).unwrap().payload, json!({"chat_id": "c"}));
        let mut odd = push;
        odd["success"] = json!(true);
        assert!(
            matches!(parse(&odd), Err(Malformed::NotAnEnvelope { reason, .. }) if reason == "a push with `success`")
        );
    }

    #[test]
    fn what_is_not_json_is_told_apart_from_what_is_no_envelope() {
        assert!(matches!(parse_frame("<html>"), Err(Malformed::NotJson(_))));
        assert!(matches!(parse_frame("[1]"), Err(Malformed::NotAnEnvelope { .. })));
        assert!(matches!(
            parse_frame(r#"{"action":"x","type":"push","payload":3}"#),
            Err(Malformed::NotAnEnvelope { .. })
        ));
        let twice = r#"{"action":"x","action":"y","type":"push"}"#;
        assert!(
            matches!(parse_frame(twice), Err(Malformed::NotAnEnvelope { reason, .. }) if reason.contains("duplicate"))
        );
    }

    proptest::proptest! {
        /// What the types accept is exactly what the envelope schemas accept.
        #[test]
        fn types_and_envelope_schemas_agree(frame in any_frame()) {
            static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());
            for dialect in PROTOCOL.dialects() {
                let valid = |envelope| dialect.schemas.check(Kind::Envelope, envelope, &frame).is_empty();
                // The error in a failed response is judged with its payload, so only successes are compared.
                if frame["success"] != json!(false) {
                    proptest::prop_assert_eq!(parse(&frame).is_ok(), valid("response") || valid("push"), "{}", frame);
                }
            }
        }
    }

    /// Frames around the edge of what is legal.
    fn any_frame() -> impl Strategy<Value = Value> {
        let text = || prop_oneof![Just(None), Just(Some(json!("x"))), Just(Some(json!(3)))];
        let kind =
            prop_oneof![Just(None), Just(Some(json!("response"))), Just(Some(json!("push"))), Just(Some(json!("x")))];
        let success = prop_oneof![Just(None), Just(Some(json!(true))), Just(Some(json!("true")))];
        let payload = prop_oneof![Just(None), Just(Some(json!({}))), Just(Some(Value::Null)), Just(Some(json!([])))];
        (text(), text(), kind, success, payload).prop_map(|(request_id, action, kind, success, payload)| {
            let members = [
                ("request_id", request_id),
                ("action", action),
                ("type", kind),
                ("success", success),
                ("payload", payload),
            ];
            members
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect::<Map<_, _>>()
                .into()
        })
    }

    #[test]
    fn deep_nesting_ends_in_an_error_not_in_an_overflow() {
        let deep =
            format!(r#"{{"action":"x","type":"push","payload":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(parse_frame(&deep), Err(Malformed::NotJson(_))));
    }
}
