//! What messages carry, and how it is arranged.

use rand::RngExt;
use rand::seq::SliceRandom;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Hardship, Hardships};
use crate::protocol::Channel;
use crate::reference::defects::Edit;
use crate::reference::render::Spoken;

/// The member that no document names.
const UNKNOWN: &str = "of_next_year";
/// Members whose names or values are the clients' own.
const CLIENTS_OWN: [&str; 6] = ["properties", "content", "elements", "fields", "session_fields", "data"];
/// Lists that are sets.
const SETS: [&str; 8] = ["users", "user_ids", "removed_ids", "groups", "group_ids", "agents", "agent_ids", "tags"];

/// Another form that the documents allow for a message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reading {
    /// Where they do: an erratum or a requirement.
    #[serde(rename = "of")]
    _of: String,
    dialect: String,
    response: Option<String>,
    push: Option<String>,
    #[serde(rename = "do")]
    edit: Edit,
}

/// The other readings. A broken table, which the tests rule out, has none.
pub(super) fn readings() -> Vec<Reading> {
    serde_saphyr::from_str(include_str!("readings.yaml")).unwrap_or_default()
}

impl Hardships {
    /// Arranges an answer's frame, or the body of a Web call under `payload`.
    pub fn dress_answer(&mut self, spoken: Spoken, channel: Channel, action: &str, success: bool, frame: &mut Value) {
        if success {
            self.reread(spoken, frame, |reading| reading.response.as_deref() == Some(action));
        } else if self.has(Hardship::ErrorData)
            && let Some(error) = frame.pointer_mut("/payload/error").and_then(Value::as_object_mut)
        {
            error.entry("data").or_insert_with(|| json!({ "hint": "ask again", "number": 7 }));
        }
        if self.has(Hardship::EmptyPayloads)
            && channel == Channel::Rtm
            && frame.get("payload").is_none_or(Value::is_null)
        {
            match self.random.random_range(0..3) {
                0 => frame["payload"] = Value::Null,
                1 => frame["payload"] = json!({}),
                _ => drop(frame.as_object_mut().map(|members| members.remove("payload"))),
            }
        }
        self.rearrange(frame);
        if channel == Channel::Web
            && let Some(members) = frame.as_object_mut()
        {
            members.retain(|name, _| name == "payload");
        }
    }

    /// Arranges a push's frame.
    pub fn dress_push(&mut self, spoken: Spoken, name: &str, frame: &mut Value) {
        self.reread(spoken, frame, |reading| reading.push.as_deref() == Some(name));
        self.rearrange(frame);
    }

    fn reread(&mut self, spoken: Spoken, frame: &mut Value, meant: impl Fn(&Reading) -> bool) {
        for reading in &self.readings {
            let here = Spoken::named(&reading.dialect) == Some(spoken) && meant(reading);
            if here
                && self.random.random_bool(0.5)
                && let Some(payload) = frame.get_mut("payload")
            {
                reading.edit.apply(payload);
            }
        }
    }

    fn rearrange(&mut self, frame: &mut Value) {
        if self.has(Hardship::ShuffledLists)
            && let Some(payload) = frame.get_mut("payload")
        {
            self.shuffle(payload);
        }
        if self.has(Hardship::UnknownMembers) {
            self.add_unknown(frame);
            if let Some(payload) = frame.get_mut("payload").filter(|payload| has_members(payload)) {
                self.add_unknown(payload);
                self.add_to_objects(payload);
            }
        }
    }

    fn shuffle(&mut self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members.iter_mut().filter(|(name, _)| !CLIENTS_OWN.contains(&name.as_str())) {
                    if let (Value::Array(items), true) = (&mut *member, SETS.contains(&name.as_str())) {
                        items.shuffle(&mut self.random);
                    }
                    self.shuffle(member);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.shuffle(item)),
            _ => {}
        }
    }

    /// Adds to all objects that have an id.
    fn add_to_objects(&mut self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (_, member) in members.iter_mut().filter(|(name, _)| !CLIENTS_OWN.contains(&name.as_str())) {
                    if member.get("id").is_some() {
                        self.add_unknown(member);
                    }
                    self.add_to_objects(member);
                }
            }
            Value::Array(items) => {
                for item in items {
                    if item.get("id").is_some() {
                        self.add_unknown(item);
                    }
                    self.add_to_objects(item);
                }
            }
            _ => {}
        }
    }

    fn add_unknown(&mut self, object: &mut Value) {
        let kinds = [json!("text"), json!(7), json!(true), Value::Null, json!([1, "two"]), json!({ "a": 3 })];
        let value = kinds[self.random.random_range(0..kinds.len())].clone();
        if let Some(members) = object.as_object_mut() {
            members.insert(UNKNOWN.to_owned(), value);
        }
    }
}

/// Whether a payload is documented to have members: what comes in one that should be empty is not beyond dispute (A02-A06).
fn has_members(payload: &Value) -> bool {
    payload.as_object().is_some_and(|members| !members.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dressed(
        hardship: Hardship,
        frames: usize,
        frame: &Value,
        dress: impl Fn(&mut Hardships, &mut Value),
    ) -> Vec<Value> {
        let mut hardships = Hardships::new(vec![hardship], 1);
        (0..frames)
            .map(|_| {
                let mut frame = frame.clone();
                dress(&mut hardships, &mut frame);
                frame
            })
            .collect()
    }

    #[test]
    fn the_table_of_readings_can_be_read_and_each_names_one_message() {
        let all = readings();
        assert!(all.len() > 10);
        for reading in all {
            assert!(Spoken::named(&reading.dialect).is_some(), "{reading:?}");
            assert!(reading.response.is_some() != reading.push.is_some(), "{reading:?}");
        }
    }

    #[test]
    fn an_empty_payload_has_three_forms() {
        let frame = json!({"action": "ping", "type": "response", "success": true});
        let answers = dressed(Hardship::EmptyPayloads, 60, &frame, |hardships, frame| {
            hardships.dress_answer(Spoken::CustomerV03, Channel::Rtm, "ping", true, frame);
        });
        for form in [None, Some(Value::Null), Some(json!({}))] {
            assert!(answers.iter().any(|answer| answer.get("payload") == form.as_ref()), "{form:?}");
        }
    }

    #[test]
    fn a_message_is_told_in_either_form() {
        let frame = json!({"payload": {"chat": {"properties": {"rating": {"score": {"value": 1}}}}}});
        let pushes = dressed(Hardship::OtherReadings, 30, &frame, |hardships, frame| {
            hardships.dress_push(Spoken::CustomerV02, "incoming_chat_thread", frame);
        });
        for form in [json!(1), json!({"value": 1})] {
            assert!(
                pushes.iter().any(|push| push["payload"]["chat"]["properties"]["rating"]["score"] == form),
                "{form}"
            );
        }
    }

    #[test]
    fn unknown_members_come_where_clients_have_none_of_their_own() {
        let frame = json!({"payload": {"chat": {"id": "C", "properties": {"id": {}}, "users": [{"id": "U"}]}}});
        let [push] = &dressed(Hardship::UnknownMembers, 1, &frame, |hardships, frame| {
            hardships.dress_push(Spoken::CustomerV03, "incoming_chat_thread", frame);
        })[..] else {
            panic!("one frame is dressed");
        };
        for place in ["", "/payload", "/payload/chat", "/payload/chat/users/0"] {
            assert!(push.pointer(&format!("{place}/{UNKNOWN}")).is_some(), "{place}");
        }
        assert_eq!(push["payload"]["chat"]["properties"], json!({"id": {}}));
    }

    #[test]
    fn sets_are_shuffled_and_nothing_else_is() {
        let frame =
            json!({"payload": {"users": [1, 2, 3, 4], "events": [1, 2, 3, 4], "properties": {"tags": [1, 2, 3]}}});
        let pushes = dressed(Hardship::ShuffledLists, 20, &frame, |hardships, frame| {
            hardships.dress_push(Spoken::CustomerV03, "incoming_chat_thread", frame);
        });
        assert!(pushes.iter().any(|push| push["payload"]["users"] != frame["payload"]["users"]));
        for push in &pushes {
            assert_eq!(push["payload"]["events"], frame["payload"]["events"]);
            assert_eq!(push["payload"]["properties"], frame["payload"]["properties"]);
        }
    }

    #[test]
    fn an_error_has_data_and_a_web_body_nothing_around_it() {
        let frame = json!({"payload": {"error": {"type": "validation", "message": "no"}}});
        let [answer] = &dressed(Hardship::ErrorData, 1, &frame, |hardships, frame| {
            hardships.dress_answer(Spoken::AgentV30, Channel::Web, "close_thread", false, frame);
        })[..] else {
            panic!("one frame is dressed");
        };
        assert!(answer["payload"]["error"]["data"].is_object() && answer.as_object().unwrap().len() == 1);
    }
}
