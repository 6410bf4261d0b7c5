//! The Web API: one HTTP POST, one answer.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Multipart};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Map, Value, json};

use super::defects::Flag;
use super::desk::{Promptness, WebReply};
use super::files::Files;
use super::licences::Member;
use super::refusal::Refusal;
use super::render::Spoken;
use super::rtm::{check, find};
use super::server::Shared;
use crate::message::web_payload;
use crate::protocol::{self, Channel, Dialect, WebSpec};

/// Largest JSON body.
const LARGEST_BODY: usize = 1 << 20;

/// What a call carries.
struct Call {
    payload: Value,
    /// Name, MIME type and content of an uploaded file.
    file: Option<(String, String, Bytes)>,
}

/// Answers one call. Always a JSON object: an empty one where the documents have no payload.
pub async fn answer(
    shared: Arc<Shared>,
    dialect: Arc<Dialect>,
    spoken: Spoken,
    action: String,
    request: Request<Body>,
) -> Response {
    let spec = match find(&dialect, Channel::Web, &action) {
        Ok(spec) => spec,
        Err(refusal) => {
            let reply = shared.desk().reply(spoken, (&action, &Value::Null), Err(refusal));
            let status = if reply.status.is_success() { reply.status } else { StatusCode::NOT_FOUND };
            return respond(WebReply { status, ..reply }).await;
        }
    };
    let read: Result<(Member, Call, Option<Refusal>), Refusal> = async {
        let number = check_query(&shared, &dialect.catalog.web.query, request.uri().query())?;
        let member = member(&shared, spoken, request.headers(), number)?;
        let mut call = match &spec.multipart {
            Some(multipart) => read_multipart(multipart, spoken, request).await?,
            None => read_json(&dialect.catalog.web, request).await?,
        };
        let wrong = check(&dialect, Channel::Web, &action, &mut call.payload).err();
        Ok((member, call, wrong))
    }
    .await;
    let (member, call, wrong) = match read {
        Ok(read) => read,
        Err(refusal) => {
            let reply = shared.desk().reply(spoken, (&action, &Value::Null), Err(refusal));
            return respond(reply).await;
        }
    };
    let turn = shared.desk().turn(&dialect, &action);
    let wrong = match turn {
        Ok(Some(turn)) => {
            tokio::time::sleep_until(turn).await;
            wrong
        }
        Ok(None) => wrong,
        Err(refusal) => Some(refusal),
    };
    let mut reply = {
        let mut desk = shared.desk();
        let keep = |files: &mut Files| call.file.map(|(name, kind, file)| files.keep(&shared.base, name, kind, file));
        desk.web(&dialect, spoken, &member, &action, (call.payload, keep), wrong)
    };
    if spoken == Spoken::CustomerV03 && spec.multipart.is_some() && reply.status.is_success() {
        // Where nothing says which it is (C03-A04), the known client reads this one under `payload`, and no other.
        reply.payload = json!({ "payload": reply.payload });
    }
    respond(reply).await
}

/// Sends a reply when it is due.
async fn respond(reply: WebReply) -> Response {
    match reply.promptness {
        Promptness::Now => {}
        Promptness::After(time) => tokio::time::sleep(time).await,
        Promptness::Never => std::future::pending().await,
    }
    let body = if reply.payload.is_null() { json!({}) } else { reply.payload };
    match reply.also {
        Some(also) => (reply.status, format!("{body}{also}")).into_response(),
        None => json_response(reply.status, &body),
    }
}

/// Serves an uploaded file.
pub fn file(shared: &Shared, number: u64) -> Response {
    let found = shared.desk().files.get(number);
    match found {
        Some((kind, content)) => ([(header::CONTENT_TYPE, kind)], content).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The query members that a URL must have; `license_id` is a number (customer-v0.3 83, 113), which is returned.
///
/// # Errors
/// A validation refusal (C03-A56).
pub fn check_query(shared: &Shared, wanted: &[String], query: Option<&str>) -> Result<Option<u64>, Refusal> {
    let mut number = None;
    for name in wanted {
        let mut members = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let value = members.find(|(member, _)| member == name).map(|(_, value)| value);
        let digits = value.filter(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()));
        if name == "license_id" {
            // No licence has a number that is too large for us.
            number = digits.as_ref().map(|digits| digits.parse().unwrap_or(u64::MAX));
        }
        if digits.is_none() && !shared.desk().defects.breaks(Flag::LicenseIdNotNeeded) {
            return Err(Refusal::validation(format!("The URL needs the query member `{name}`, a number")));
        }
    }
    Ok(number)
}

fn member(shared: &Shared, spoken: Spoken, headers: &HeaderMap, number: Option<u64>) -> Result<Member, Refusal> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    shared.desk().licences.identify(spoken, token.unwrap_or_default(), number)
}

async fn read_json(spec: &WebSpec, request: Request<Body>) -> Result<Call, Refusal> {
    let body = to_bytes(request.into_body(), LARGEST_BODY)
        .await
        .map_err(|_| Refusal::validation("The body is too large or did not arrive"))?;
    let payload = web_payload(spec, &body).map_err(Refusal::validation)?;
    Ok(Call { payload, file: None })
}

async fn read_multipart(spec: &protocol::Multipart, spoken: Spoken, request: Request<Body>) -> Result<Call, Refusal> {
    // The limit of the whole call may be noticed before the file's own.
    let broken = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(spoken, usize::try_from(spec.max_bytes).unwrap_or(usize::MAX)),
        _ => Refusal::validation(error.body_text()),
    };
    let mut parts =
        Multipart::from_request(request, &()).await.map_err(|error| Refusal::validation(error.body_text()))?;
    let (mut payload, mut file, mut refusal) = (Map::new(), None, None);
    while let Some(mut part) = parts.next_field().await.map_err(broken)? {
        let Some(part_name) = part.name().map(str::to_owned) else { continue };
        let alias = spec.alias_prefix.as_deref().and_then(|prefix| part_name.strip_prefix(prefix));
        let Some(name) = alias.or_else(|| part_name.strip_prefix(&spec.prefix)).map(str::to_owned) else { continue };
        let is_file = spec.file.strip_prefix(&spec.prefix) == Some(&name);
        let (file_name, kind) = (part.file_name().map(str::to_owned), part.content_type().map(str::to_owned));
        let limit = if is_file { usize::try_from(spec.max_bytes).unwrap_or(usize::MAX) } else { LARGEST_BODY };
        let (mut content, mut size) = (Vec::new(), 0);
        while let Some(chunk) = part.chunk().await.map_err(broken)? {
            // What is too large is read to its end all the same: a client that is refused while it writes may not hear why.
            size += chunk.len();
            if size <= limit {
                content.extend_from_slice(&chunk);
            }
        }
        if size > limit {
            refusal = Some(too_large(spoken, limit));
        } else if is_file {
            let file_name = file_name.unwrap_or_else(|| "file".to_owned());
            payload.insert(name, file_name.as_str().into());
            let kind = kind.unwrap_or_else(|| "application/octet-stream".to_owned());
            file = Some((file_name, kind, Bytes::from(content)));
        } else {
            let text = String::from_utf8(content).map_err(|_| Refusal::validation(format!("`{name}`: not UTF-8")))?;
            payload.insert(name, text.into());
        }
    }
    refusal.map_or(Ok(Call { payload: Value::Object(payload), file }), Err)
}

/// Only agent/v3.0 has an error type for it (C03-A29).
pub fn too_large(spoken: Spoken, limit: usize) -> Refusal {
    let message = format!("Upload limit exceeded ({limit} bytes)");
    match spoken {
        Spoken::CustomerV02 | Spoken::CustomerV03 | Spoken::AgentV02 => Refusal::validation(message),
        Spoken::AgentV30 => Refusal::too_large(message),
    }
}

/// The answer to what is not carried out.
pub fn refused(spoken: Spoken, status: StatusCode, refusal: &Refusal) -> Response {
    json_response(status, &refusal.payload(spoken))
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let text = serde_json::to_string(body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}
