//! Messages that are wrong in just one place. A server must refuse such requests; a judge must not let such answers pass.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::schemas::{Kind, Schemas, escaped, resolved};
use super::{Dialect, NegativeClass};

/// References followed from a request's schema; the schemas are no deeper.
const DEEPEST: usize = 12;

/// A valid payload with one thing changed so that it is not valid any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutation {
    /// What kind of thing.
    pub class: NegativeClass,
    /// JSON pointer to it.
    pub pointer: String,
    /// The change in words, such as `without /chat_id` or `/limit is 26`.
    pub what: String,
    /// The changed payload.
    pub payload: Value,
}

/// Every way to make a valid request invalid in one place: see [`mutations_of`].
pub fn mutations(dialect: &Dialect, action: &str, valid: &Value) -> Vec<Mutation> {
    mutations_of(&dialect.schemas, Kind::Request, action, valid)
}

/// Every way to make a valid payload (or object, or envelope) invalid in one place: each required member missing, each member of
/// each wrong type, each listed value replaced by another, each limit passed by one. Each is invalid by its schema, and differs
/// from the payload in one place.
pub fn mutations_of(schemas: &Schemas, kind: Kind, name: &str, valid: &Value) -> Vec<Mutation> {
    let mut places = Places { schemas, found: Vec::new() };
    let address = format!("{}{}/{name}.json", schemas.folder, kind.folder());
    places.explore(&format!("{address}#"), valid, "", 0);
    let mut seen = BTreeSet::new();
    let mut mutations = Vec::new();
    for (class, pointer, change) in places.found {
        let what = match &change {
            None => format!("without {pointer}"),
            Some(value) => format!("{pointer} is {value}"),
        };
        let mut payload = valid.clone();
        let changed = put(&mut payload, &pointer, change);
        if changed && payload != *valid && seen.insert(what.clone()) && !schemas.is_valid(kind, name, &payload) {
            mutations.push(Mutation { class, pointer, what, payload });
        }
    }
    mutations
}

/// A place, what is done to it, and the value that is put there; none takes the member away.
type Change = (NegativeClass, String, Option<Value>);

struct Places<'a> {
    schemas: &'a Schemas,
    found: Vec<Change>,
}

impl Places<'_> {
    /// Looks at a schema and the value that it describes in the valid payload.
    fn explore(&mut self, address: &str, value: &Value, pointer: &str, depth: usize) {
        let Some(schema) = self.schemas.at(address) else { return };
        if depth > DEEPEST {
            return;
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|to| resolved(address, to)) {
            self.explore(&target, value, pointer, depth + 1);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let branches = schema.get(keyword).and_then(Value::as_array).map_or(0, Vec::len);
            for branch in 0..branches {
                self.explore(&format!("{address}/{keyword}/{branch}"), value, pointer, depth + 1);
            }
        }
        for keyword in ["if", "then", "else"] {
            self.explore(&format!("{address}/{keyword}"), value, pointer, depth + 1);
        }
        self.limits(schema, value, pointer);
        if let Value::Object(members) = value {
            for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
                if let Some(name) = name.as_str().filter(|name| members.contains_key(*name)) {
                    self.found.push((NegativeClass::MissingMember, step(pointer, name), None));
                }
            }
            for (name, inside) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let address = format!("{address}/properties/{}", escaped(name));
                self.member(&address, inside, members, &step(pointer, name), name, depth);
            }
        }
        if let Value::Array(items) = value
            && let Some(first) = items.first()
        {
            let pointer = step(pointer, "0");
            self.wrong_types(&pointer);
            self.explore(&format!("{address}/items"), first, &pointer, depth + 1);
        }
    }

    fn member(
        &mut self,
        address: &str,
        schema: &Value,
        members: &Map<String, Value>,
        pointer: &str,
        name: &str,
        depth: usize,
    ) {
        self.wrong_types(pointer);
        match members.get(name) {
            Some(value) => self.explore(address, value, pointer, depth + 1),
            // A scalar that the valid payload does without can still be there with a value that it must not have.
            None => self.limits(schema, &Value::Null, pointer),
        }
    }

    /// One value of every JSON type but null, which the documents leave open. Those of the right type drop out later.
    fn wrong_types(&mut self, pointer: &str) {
        for other in [json!("text"), json!(7), json!(1.5), json!(true), json!({"other": 1}), json!(["other"])] {
            self.found.push((NegativeClass::WrongType, pointer.to_owned(), Some(other)));
        }
    }

    fn limits(&mut self, schema: &Value, value: &Value, pointer: &str) {
        if schema.get("enum").is_some() || schema.get("const").is_some() {
            let other = if value.is_i64() { json!(987_654_321) } else { json!("no_such_value") };
            self.found.push((NegativeClass::OutsideEnum, pointer.to_owned(), Some(other)));
        }
        let number = |keyword: &str| schema.get(keyword).and_then(Value::as_i64);
        let beyond = [("minimum", -1), ("maximum", 1), ("exclusiveMinimum", 0), ("exclusiveMaximum", 0)];
        for (keyword, beyond) in beyond {
            if let Some(limit) = number(keyword) {
                let change = Some(json!(limit.saturating_add(beyond)));
                self.found.push((NegativeClass::OutsideLimit, pointer.to_owned(), change));
            }
        }
        let length = |keyword: &str| number(keyword).and_then(|length| usize::try_from(length).ok());
        if let Some(length) = length("minLength").filter(|length| *length > 0) {
            let change = Some(json!("x".repeat(length - 1)));
            self.found.push((NegativeClass::OutsideLimit, pointer.to_owned(), change));
        }
        if let Some(length) = length("maxLength") {
            let change = Some(json!("x".repeat(length + 1)));
            self.found.push((NegativeClass::OutsideLimit, pointer.to_owned(), change));
        }
        if let (Some(1..), Value::Array(_)) = (length("minItems"), value) {
            self.found.push((NegativeClass::OutsideLimit, pointer.to_owned(), Some(json!([]))));
        }
    }
}

/// Puts a value somewhere, or takes what is there away. False when there is no such place.
fn put(payload: &mut Value, pointer: &str, change: Option<Value>) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return match change {
            Some(value) => {
                *payload = value;
                true
            }
            None => false,
        };
    };
    let name = name.replace("~1", "/").replace("~0", "~");
    match (payload.pointer_mut(parent), change) {
        (Some(Value::Object(members)), Some(value)) => {
            members.insert(name, value);
            true
        }
        (Some(Value::Object(members)), None) => members.remove(&name).is_some(),
        (Some(Value::Array(items)), Some(value)) => match name.parse::<usize>().ok().and_then(|n| items.get_mut(n)) {
            Some(item) => {
                *item = value;
                true
            }
            None => false,
        },
        _ => false,
    }
}

fn step(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", escaped(name))
}
