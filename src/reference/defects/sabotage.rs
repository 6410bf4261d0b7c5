//! Spoiling a response payload in just one place.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::protocol::{Dialect, Kind, MismatchKind};

/// Members that clients go on working with, or that are compared between observers. To spoil one of them would show
/// in more than the schema.
const SPARED: [&str; 7] = ["id", "order", "thread_order", "type", "text", "user_ids", "error"];

/// Gives one member another JSON type, such that the response's schema is violated just there. Does nothing if the payload has no
/// such member.
pub fn mistype(dialect: &Dialect, action: &str, payload: &mut Value, random: &mut ChaCha8Rng) {
    let mut places = Vec::new();
    collect(payload, &mut String::new(), &mut places);
    while !places.is_empty() {
        let place = places.swap_remove(random.random_range(0..places.len()));
        let Some(member) = payload.pointer_mut(&place) else { continue };
        let other = if member.is_string() { Value::from(7) } else { Value::from("seven") };
        let proper = std::mem::replace(member, other);
        if spoils_once(dialect, action, payload, MismatchKind::WrongType) {
            return;
        }
        if let Some(member) = payload.pointer_mut(&place) {
            *member = proper;
        }
    }
}

/// Takes the timestamp out of the event that a response carries, if its absence is all that is then wrong.
pub fn miss_member(dialect: &Dialect, action: &str, payload: &mut Value) {
    let carried = dialect.catalog.action(action).and_then(|spec| spec.answers.as_ref()?.events.as_ref());
    let Some(place) = carried else { return };
    let Some(event) = payload.pointer_mut(place).and_then(Value::as_object_mut) else { return };
    let Some(timestamp) = event.remove("timestamp") else { return };
    if !spoils_once(dialect, action, payload, MismatchKind::MissingMember)
        && let Some(event) = payload.pointer_mut(place).and_then(Value::as_object_mut)
    {
        event.insert("timestamp".to_owned(), timestamp);
    }
}

fn spoils_once(dialect: &Dialect, action: &str, payload: &Value, kind: MismatchKind) -> bool {
    matches!(&*dialect.schemas.check(Kind::Response, action, payload), [only] if only.kind == kind)
}

/// Pointers to all scalar members that may be spoiled.
fn collect(value: &Value, here: &mut String, places: &mut Vec<String>) {
    let length = here.len();
    let mut inner = |name: &str, value: &Value, places: &mut Vec<String>| {
        here.push('/');
        here.push_str(&name.replace('~', "~0").replace('/', "~1"));
        if value.is_object() || value.is_array() {
            collect(value, here, places);
        } else if !value.is_null() {
            places.push(here.clone());
        }
        here.truncate(length);
    };
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if !SPARED.contains(&name.as_str()) && !name.ends_with("_id") {
                    inner(name, member, places);
                }
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate().filter(|(_, item)| item.is_object()) {
                inner(&n.to_string(), item, places);
            }
        }
        _ => {}
    }
}
