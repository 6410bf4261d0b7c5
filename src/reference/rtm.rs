//! From the text of a frame to a checked request.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::message::{Request, parse_request};
use crate::protocol::{ActionSpec, Channel, Dialect, Kind};

/// What a frame is.
pub enum Reading {
    /// A request, and what is wrong with it.
    Request(Request, Option<Refusal>),
    /// JSON without an action: nobody can answer it.
    NoRequest,
    /// Not even JSON.
    NotJson,
}

/// What can be read of a request whose other parts cannot.
#[derive(Deserialize)]
struct Salvaged {
    request_id: Option<String>,
    id: Option<String>,
    action: String,
}

/// Reads a frame of a client, and checks what can be checked without knowing who sent it.
pub fn read_request(dialect: &Dialect, text: &str) -> Reading {
    match parse_request(text) {
        Ok(mut request) => {
            let wrong = check(dialect, Channel::Rtm, &request.action, &mut request.payload).err();
            Reading::Request(request, wrong)
        }
        Err(reason) => match serde_json::from_str::<Salvaged>(text) {
            Ok(Salvaged { request_id, id, action }) => {
                let request = Request {
                    correlation_is_id: request_id.is_none() && id.is_some(),
                    correlation: request_id.or(id).map(Into::into),
                    action: action.into(),
                    payload: Value::Null,
                    author_id: None,
                };
                Reading::Request(request, Some(Refusal::validation(reason)))
            }
            Err(_) if serde_json::from_str::<IgnoredAny>(text).is_ok() => Reading::NoRequest,
            Err(_) => Reading::NotJson,
        },
    }
}

/// Whether there is such an action on that channel, and whether the payload is what it takes. An absent payload becomes an empty object.
///
/// # Errors
/// A validation refusal that names the place and what is expected there (C03-B103).
pub fn check(dialect: &Dialect, channel: Channel, action: &str, payload: &mut Value) -> Result<(), Refusal> {
    find(dialect, channel, action)?;
    if payload.is_null() {
        *payload = json!({});
    }
    match dialect.schemas.check(Kind::Request, action, payload).first() {
        None => Ok(()),
        Some(mismatch) => {
            let place = if mismatch.pointer.is_empty() { "payload" } else { &mismatch.pointer };
            Err(Refusal::validation(format!("`{place}`: expected {}, got {}", mismatch.expected, mismatch.got)))
        }
    }
}

/// The action's specification.
///
/// # Errors
/// When the dialect has no such action, or not on that channel (C03-A44).
pub fn find<'a>(dialect: &'a Dialect, channel: Channel, action: &str) -> Result<&'a ActionSpec, Refusal> {
    let spec = dialect.catalog.action(action);
    spec.filter(|spec| spec.transports.contains(&channel))
        .ok_or_else(|| Refusal::validation(format!("There is no action `{action}` here")))
}
