//! Changing JSON in one place.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A place in a payload or frame: a JSON pointer in which `*` stands for every element of an array or member of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Pointer(Vec<String>);

impl TryFrom<String> for Pointer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else { return Err(format!("`{text}` does not begin with `/`")) };
        Ok(Self(rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect()))
    }
}

impl Pointer {
    /// Everything that is there.
    pub fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        self.0.iter().fold(vec![value], |found, token| {
            found
                .into_iter()
                .flat_map(|value| keys(value, token).into_iter().filter_map(|key| get(value, &key)))
                .collect()
        })
    }

    /// Whether a plain JSON pointer leads here, or to something below.
    pub fn covers(&self, pointer: &str) -> bool {
        let mut tokens = pointer.split('/').skip(1);
        self.0.iter().all(|wanted| tokens.next().is_some_and(|token| wanted == "*" || wanted == token))
    }

    /// Calls `act` with every object or array that has, or could have, something here, and with the last key.
    fn at_parents(&self, value: &mut Value, act: &mut dyn FnMut(&mut Value, &str)) {
        fn walk(value: &mut Value, tokens: &[String], act: &mut dyn FnMut(&mut Value, &str)) {
            let Some((token, rest)) = tokens.split_first() else { return };
            for key in keys(value, token) {
                if rest.is_empty() {
                    act(value, &key);
                } else if let Some(child) = get_mut(value, &key) {
                    walk(child, rest, act);
                }
            }
        }
        walk(value, &self.0, act);
    }

    fn for_each(&self, value: &mut Value, mut act: impl FnMut(&mut Value)) {
        self.at_parents(value, &mut |parent, key| {
            if let Some(found) = get_mut(parent, key) {
                act(found);
            }
        });
    }
}

/// What a token of a pointer stands for in a value; of an array's elements the last comes first, so that they can be taken out.
fn keys(value: &Value, token: &str) -> Vec<String> {
    match value {
        _ if token != "*" => vec![token.to_owned()],
        Value::Object(members) => members.keys().cloned().collect(),
        Value::Array(items) => (0..items.len()).rev().map(|index| index.to_string()).collect(),
        _ => Vec::new(),
    }
}

fn get<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

fn get_mut<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    match value {
        Value::Object(members) => members.get_mut(key),
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    }
}

/// One change of a payload or frame. Where there is nothing at the pointer, nothing happens, except for `set`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// Takes members out.
    Remove(Pointer),
    /// Gives members these values, whether they are there or not; the objects that hold them must be there.
    Set(BTreeMap<Pointer, Value>),
    /// Gives members other names.
    Rename(BTreeMap<Pointer, String>),
    /// Gives members another JSON type.
    Mistype(Pointer),
    /// Adds to numbers.
    Add(BTreeMap<Pointer, i64>),
    /// Puts a member in the place of the object that has it.
    Lift(Pointer),
    /// Turns arrays round.
    Reverse(Pointer),
    /// Takes the first element out of arrays.
    Shorten(Pointer),
    /// Puts the first element of arrays there twice.
    Repeat(Pointer),
}

impl Edit {
    /// Makes the change.
    pub fn apply(&self, value: &mut Value) {
        match self {
            Self::Remove(place) => place.at_parents(value, &mut |parent, key| drop(take(parent, key))),
            Self::Set(members) => {
                if value.is_null() {
                    *value = Value::Object(Map::new());
                }
                for (place, new) in members {
                    place.at_parents(value, &mut |parent, key| set(parent, key, new));
                }
            }
            Self::Rename(members) => {
                for (place, name) in members {
                    place.at_parents(value, &mut |parent, key| {
                        if let Some(member) = take(parent, key) {
                            set(parent, name, &member);
                        }
                    });
                }
            }
            Self::Mistype(place) => place.for_each(value, |member| *member = other_type(member)),
            Self::Add(members) => {
                for (place, more) in members {
                    place.for_each(value, |member| {
                        if let Some(number) = member.as_i64() {
                            *member = number.saturating_add(*more).into();
                        }
                    });
                }
            }
            Self::Lift(Pointer(tokens)) => {
                let Some((last, parents)) = tokens.split_last() else { return };
                Pointer(parents.to_vec()).for_each(value, |object| {
                    if let Some(member) = get_mut(object, last) {
                        *object = member.take();
                    }
                });
            }
            Self::Reverse(place) => in_arrays(place, value, |items| items.reverse()),
            Self::Shorten(place) => in_arrays(place, value, |items| drop(items.drain(..items.len().min(1)))),
            Self::Repeat(place) => in_arrays(place, value, |items| {
                if let Some(first) = items.first().cloned() {
                    items.insert(0, first);
                }
            }),
        }
    }
}

/// A value of another JSON type.
pub fn other_type(value: &Value) -> Value {
    if value.is_string() || value.is_object() || value.is_array() { Value::from(7) } else { Value::from("seven") }
}

fn take(parent: &mut Value, key: &str) -> Option<Value> {
    match parent {
        Value::Object(members) => members.remove(key),
        Value::Array(items) => {
            let index = key.parse::<usize>().ok().filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

fn set(parent: &mut Value, key: &str, new: &Value) {
    if let Some(members) = parent.as_object_mut() {
        members.insert(key.to_owned(), new.clone());
    } else if let Some(item) = get_mut(parent, key) {
        *item = new.clone();
    }
}

fn in_arrays(place: &Pointer, value: &mut Value, act: impl Fn(&mut Vec<Value>)) {
    place.for_each(value, |found| {
        if let Some(items) = found.as_array_mut() {
            act(items);
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn edited(edit: Value, mut value: Value) -> Value {
        serde_json::from_value::<Edit>(edit).unwrap().apply(&mut value);
        value
    }

    fn pointer(text: &str) -> Pointer {
        Pointer::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn each_edit_changes_its_place_and_no_other() {
        let before = || json!({"a": {"n": 1, "s": "x"}, "list": [{"n": 1}, {"n": 2}], "last": true});
        for (edit, after) in [
            (json!({"remove": "/a/n"}), json!({"a": {"s": "x"}, "list": [{"n": 1}, {"n": 2}], "last": true})),
            (json!({"remove": "/list/*"}), json!({"a": {"n": 1, "s": "x"}, "list": [], "last": true})),
            (
                json!({"set": {"/a/n": null, "/a/new": [1]}}),
                json!({"a": {"n": null, "s": "x", "new": [1]}, "list": [{"n": 1}, {"n": 2}], "last": true}),
            ),
            (
                json!({"rename": {"/list/*/n": "m"}}),
                json!({"a": {"n": 1, "s": "x"}, "list": [{"m": 1}, {"m": 2}], "last": true}),
            ),
            (
                json!({"mistype": "/a/*"}),
                json!({"a": {"n": "seven", "s": 7}, "list": [{"n": 1}, {"n": 2}], "last": true}),
            ),
            (
                json!({"add": {"/list/*/n": -1}}),
                json!({"a": {"n": 1, "s": "x"}, "list": [{"n": 0}, {"n": 1}], "last": true}),
            ),
            (json!({"lift": "/list/*/n"}), json!({"a": {"n": 1, "s": "x"}, "list": [1, 2], "last": true})),
            (json!({"reverse": "/list"}), json!({"a": {"n": 1, "s": "x"}, "list": [{"n": 2}, {"n": 1}], "last": true})),
            (json!({"shorten": "/list"}), json!({"a": {"n": 1, "s": "x"}, "list": [{"n": 2}], "last": true})),
            (
                json!({"repeat": "/list"}),
                json!({"a": {"n": 1, "s": "x"}, "list": [{"n": 1}, {"n": 1}, {"n": 2}], "last": true}),
            ),
        ] {
            assert_eq!(edited(edit.clone(), before()), after, "{edit}");
        }
    }

    #[test]
    fn where_there_is_nothing_nothing_happens() {
        let before = || json!({"a": [], "b": "text"});
        for edit in [
            json!({"remove": "/c/d"}),
            json!({"remove": "/a/0"}),
            json!({"set": {"/c/d": 1}}),
            json!({"rename": {"/c": "d"}}),
            json!({"mistype": "/a/*"}),
            json!({"add": {"/b": 1}}),
            json!({"lift": "/b/value"}),
            json!({"shorten": "/a"}),
            json!({"repeat": "/a"}),
        ] {
            assert_eq!(edited(edit.clone(), before()), before(), "{edit}");
        }
        assert_eq!(edited(json!({"set": {"/a": 1}}), Value::Null), json!({"a": 1}));
    }

    #[test]
    fn a_pointer_finds_and_covers() {
        let value = json!({"list": [{"n": 1}, {"m": 2}, {"n": 3}], "a/b": 4});
        assert_eq!(pointer("/list/*/n").find(&value), [&json!(3), &json!(1)]);
        assert_eq!(pointer("/a~1b").find(&value), [&json!(4)]);
        assert!(pointer("/list/*").covers("/list/0/n") && pointer("/list").covers("/list"));
        assert!(!pointer("/list/*").covers("/list") && !pointer("/other").covers("/list"));
        assert!(Pointer::try_from("list".to_owned()).is_err());
    }
}
