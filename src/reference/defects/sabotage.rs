//! Spoiling a response payload in just one place, wherever that may be.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::edit::other_type;
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
        let other = other_type(member);
        let proper = std::mem::replace(member, other);
        if spoils_once(dialect, action, payload) {
            return;
        }
        if let Some(member) = payload.pointer_mut(&place) {
            *member = proper;
        }
    }
}

fn spoils_once(dialect: &Dialect, action: &str, payload: &Value) -> bool {
    matches!(&*dialect.schemas.check(Kind::Response, action, payload), [only] if only.kind == MismatchKind::WrongType)
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
