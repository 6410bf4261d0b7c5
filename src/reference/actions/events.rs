//! Events as clients send them.

use serde_json::{Map, Value};

use super::forms;
use super::read;
use crate::reference::refusal::Refusal;
use crate::reference::render::Spoken;
use crate::reference::world::{Body, NewEvent, Properties, Recipients};

/// Longest text of a message in bytes (agent-v3.0 rtm/events:212). Agents read what customers write, so it holds for both.
const LONGEST_TEXT: usize = 16 * 1024;

/// Each type that may be sent, and the members that belong to it. Whatever else comes is dropped: a client neither
/// chooses ids nor adds members.
const TYPES: [(&str, &[&str]); 6] = [
    ("message", &["text", "postback"]),
    ("annotation", &["text", "annotation_type"]),
    ("custom", &["content"]),
    ("rich_message", &["template_id", "elements"]),
    ("file", &["name", "url", "thumbnail_url", "thumbnail2x_url", "content_type", "size", "width", "height"]),
    ("system_message", &["text", "system_message_type", "text_vars"]),
];

/// An event of `send_event`.
///
/// # Errors
/// For a system message, which users may not send (customer-v0.3 291), and what [`initial`] refuses.
pub fn sent(spoken: Spoken, event: Value) -> Result<NewEvent, Refusal> {
    if event.get("type").and_then(Value::as_str) == Some("system_message") {
        return Err(Refusal::validation("`event.type`: a user cannot send a system_message"));
    }
    initial(spoken, event)
}

/// The initial events of a chat. System messages are taken here, because the documents print them here (C03-A15; A30-Q18).
///
/// # Errors
/// When one of them is refused.
pub fn all_initial(spoken: Spoken, events: Option<Vec<Value>>) -> Result<Vec<NewEvent>, Refusal> {
    events.unwrap_or_default().into_iter().map(|event| initial(spoken, event)).collect()
}

fn initial(spoken: Spoken, event: Value) -> Result<NewEvent, Refusal> {
    let Value::Object(mut event) = event else { return Err(Refusal::validation("`event`: not an object")) };
    let properties = match event.remove("properties") {
        None | Some(Value::Null) => Properties::new(),
        Some(properties) => self::properties(spoken, properties)?,
    };
    let recipients = match event.remove("recipients") {
        None | Some(Value::Null) => Recipients::All,
        Some(_) if matches!(spoken, Spoken::CustomerV02 | Spoken::CustomerV03) => Recipients::All,
        Some(recipients) => read(recipients)?,
    };
    let custom_id = event.get("custom_id").and_then(Value::as_str).map(str::to_owned);
    Ok(NewEvent { custom_id, recipients, properties, body: body(spoken, event)? })
}

fn body(spoken: Spoken, mut event: Map<String, Value>) -> Result<Body, Refusal> {
    let sent = event.get("type").and_then(Value::as_str).unwrap_or_default();
    if sent == "filled_form" {
        return Ok(Body::Form(forms::read_form(spoken, event)?));
    }
    let Some((kind, allowed)) = TYPES.iter().find(|(kind, _)| *kind == sent) else {
        return Err(Refusal::validation(format!("`event.type`: `{sent}` cannot be sent")));
    };
    let mut members = Map::new();
    for name in *allowed {
        if let Some(mut value) = event.remove(*name) {
            // An explicit null counts as absent (C03-A46), but custom content is the sender's own.
            if *name != "content" {
                drop_nulls(&mut value);
            }
            if !value.is_null() {
                members.insert((*name).to_owned(), value);
            }
        }
    }
    match *kind {
        "message" if text_length(&members) > LONGEST_TEXT => {
            return Err(Refusal::validation("`event.text`: at most 16 KB"));
        }
        "system_message" => {
            members.entry("system_message_type").or_insert_with(|| "custom".into());
        }
        "file" => complete_file(&mut members),
        _ => {}
    }
    Ok(Body::Plain { kind, members })
}

fn text_length(members: &Map<String, Value>) -> usize {
    members.get("text").and_then(Value::as_str).map_or(0, str::len)
}

/// Every file has a size (customer-v0.3 421); only images have measures and thumbnails (A30-B81).
fn complete_file(members: &mut Map<String, Value>) {
    members.entry("size").or_insert_with(|| 0.into());
    if !members.get("content_type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("image/")) {
        for name in ["width", "height", "thumbnail_url", "thumbnail2x_url"] {
            members.remove(name);
        }
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The event of an uploaded file.
pub fn file(name: &str, url: &str, content_type: &str, size: usize, custom_id: Option<String>) -> NewEvent {
    let mut members = Map::new();
    members.insert("name".to_owned(), name.into());
    members.insert("url".to_owned(), url.into());
    members.insert("content_type".to_owned(), content_type.into());
    members.insert("size".to_owned(), size.into());
    let body = Body::Plain { kind: "file", members };
    NewEvent { custom_id, recipients: Recipients::All, properties: Properties::new(), body }
}

/// Properties as clients set them: bare values. Agents may also wrap one in `value` (A30-Q04).
///
/// # Errors
/// When it is not two levels of objects.
pub fn properties(spoken: Spoken, properties: Value) -> Result<Properties, Refusal> {
    let mut read: Properties = read(properties)?;
    if spoken == Spoken::AgentV30 {
        for value in read.values_mut().flat_map(|values| values.values_mut()) {
            if let Some(inner) = value.get_mut("value") {
                *value = inner.take();
            }
        }
    }
    Ok(read)
}

/// [`properties`] that may be absent.
///
/// # Errors
/// When they are there and are not two levels of objects.
pub fn optional_properties(spoken: Spoken, properties: Option<Value>) -> Result<Properties, Refusal> {
    properties.map_or_else(|| Ok(Properties::new()), |properties| self::properties(spoken, properties))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(event: &Value) -> Map<String, Value> {
        match sent(Spoken::AgentV30, event.clone()).unwrap().body {
            Body::Plain { members, .. } => members,
            Body::Form(form) => panic!("{form:?}"),
        }
    }

    #[test]
    fn only_the_members_of_the_type_are_kept() {
        let event = json!({"type": "message", "text": "a", "id": "own", "order": 7, "author_id": "x", "elements": []});
        assert_eq!(Value::Object(plain(&event)), json!({"text": "a"}));
    }

    #[test]
    fn nulls_are_dropped_at_every_depth_but_not_from_custom_content() {
        let event =
            json!({"type": "rich_message", "template_id": null, "elements": [{"title": null, "subtitle": "s"}]});
        assert_eq!(Value::Object(plain(&event)), json!({"elements": [{"subtitle": "s"}]}));
        let event = json!({"type": "custom", "content": {"a": null}});
        assert_eq!(Value::Object(plain(&event)), json!({"content": {"a": null}}));
    }

    #[test]
    fn a_file_that_is_no_image_has_no_measures() {
        let event = json!({"type": "file", "name": "n", "url": "u", "content_type": "text/plain", "width": 3});
        assert_eq!(
            Value::Object(plain(&event)),
            json!({"name": "n", "url": "u", "content_type": "text/plain", "size": 0})
        );
    }

    #[test]
    fn a_message_is_at_most_16_kb_of_utf8() {
        let message = |length: usize| json!({"type": "message", "text": "ü".repeat(length / 2)});
        assert!(sent(Spoken::CustomerV03, message(LONGEST_TEXT)).is_ok());
        assert!(sent(Spoken::CustomerV03, message(LONGEST_TEXT + 2)).is_err());
    }

    #[test]
    fn agents_may_wrap_values_and_customers_may_not() {
        let wrapped = json!({"ns": {"name": {"value": 1}}});
        let value = |spoken| properties(spoken, wrapped.clone()).unwrap()["ns"]["name"].clone();
        assert_eq!(value(Spoken::AgentV30), json!(1));
        assert_eq!(value(Spoken::CustomerV03), json!({"value": 1}));
    }

    #[test]
    fn a_customer_cannot_hide_an_event_from_himself() {
        let event = json!({"type": "message", "text": "a", "recipients": "agents"});
        assert_eq!(sent(Spoken::CustomerV03, event).unwrap().recipients, Recipients::All);
    }
}
