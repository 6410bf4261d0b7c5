//! Finds the events in a payload, where the catalog says they are.

use serde_json::Value;

use crate::observe::Moment;
use crate::protocol::Carries;

/// How a connection came to see events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// In an answer.
    Read {
        /// When the request was sent, if it asked to create events.
        made: Option<Moment>,
    },
    /// In a push.
    Pushed,
    /// In the push that announces a thread. `follows` when that push also comes to those who begin to follow.
    Announced {
        /// Whether it may also be a repetition of a thread that has been running.
        follows: bool,
    },
}

/// One thread in a payload, with its events.
pub(super) struct Seen<'a> {
    /// The thread's id.
    pub(super) thread: &'a str,
    /// The events, lowest `order` first.
    pub(super) events: Vec<&'a Value>,
    /// Whether the payload shows a whole thread, so that not all of its events need to be new.
    pub(super) whole: bool,
}

/// The value at a pointer of the catalog, which has no escapes.
pub(super) fn at<'a>(payload: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(payload, |value, member| value.get(member))
}

/// The text at a pointer.
pub(super) fn text_at<'a>(payload: &'a Value, pointer: Option<&String>) -> Option<&'a str> {
    at(payload, pointer?)?.as_str()
}

/// One value or the items of an array.
pub(super) fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

/// The threads in a payload that have an id.
pub(super) fn threads<'a>(carries: &Carries, payload: &'a Value) -> Vec<Seen<'a>> {
    if let Some(threads) = carries.threads.as_ref().and_then(|pointer| at(payload, pointer)) {
        return items(threads)
            .iter()
            .filter_map(|thread| {
                let id = thread.get("id")?.as_str()?;
                Some(Seen { thread: id, events: sorted(thread.get("events")), whole: true })
            })
            .collect();
    }
    let events = carries.events.as_ref().and_then(|pointer| at(payload, pointer));
    match (text_at(payload, carries.thread.as_ref()), events) {
        (Some(thread), Some(_)) => vec![Seen { thread, events: sorted(events), whole: false }],
        _ => Vec::new(),
    }
}

/// The events in a payload that should name their thread, and does not.
pub(super) fn homeless<'a>(carries: &Carries, payload: &'a Value) -> Vec<&'a Value> {
    match (&carries.thread, text_at(payload, carries.thread.as_ref())) {
        (Some(_), None) => sorted(carries.events.as_ref().and_then(|pointer| at(payload, pointer))),
        _ => Vec::new(),
    }
}

/// Whoever receives a list is not promised a sorted one, so its order is not an order of arrival.
fn sorted(events: Option<&Value>) -> Vec<&Value> {
    let mut events: Vec<&Value> = events.map(items).unwrap_or_default().iter().collect();
    events.sort_by_key(|event| event.get("order").and_then(Value::as_i64));
    events
}
