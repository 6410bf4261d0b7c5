//! What of the schemas was ever seen: files, members and listed values; and what was seen that they do not know.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::schemas::{Kind, Schemas, escaped, resolved};

/// Names of unknown members and values kept; a peer could invent any number.
const UNKNOWN: usize = 200;

/// A member of a schema file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The file without `.json`, relative to the dialect's folder: `objects/thread`.
    pub file: String,
    /// Names on the way to the member, such as `/chats_summary/order`: arrays and alternatives do not count as a step.
    pub member: String,
}

/// Something that a peer can show: a member, or one of the values listed for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spot {
    /// The member.
    pub place: Place,
    /// The listed value.
    pub value: Option<String>,
}

/// What was seen of a dialect.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Messages and the paths of their known members, array indices left out; the empty path is the message itself.
    pub paths: BTreeSet<(Kind, String, String)>,
    /// Members of schema files, and listed values.
    pub spots: BTreeSet<Spot>,
    /// Members (or, with `=`, values) that no schema knows, by message, and how often.
    pub unknown: BTreeMap<(Kind, String, String), u64>,
}

impl Place {
    /// The member behind the address of a schema keyword; `folder` is what the addresses of the dialect begin with.
    pub(super) fn of(address: &str, folder: &str) -> Option<Self> {
        let (file, fragment) = address.strip_prefix(folder)?.split_once('#').unwrap_or((address, ""));
        let mut member = String::new();
        let mut tokens = fragment.split('/').skip(1);
        while let Some(token) = tokens.next() {
            match token {
                "properties" => {
                    if let Some(name) = tokens.next() {
                        member.push('/');
                        member.push_str(name);
                    }
                }
                "additionalProperties" | "patternProperties" => {
                    member.push_str("/*");
                    if token == "patternProperties" {
                        tokens.next();
                    }
                }
                _ => {}
            }
        }
        Some(Self { file: file.strip_suffix(".json")?.to_owned(), member })
    }
}

impl Seen {
    /// Takes in what was seen elsewhere.
    pub fn absorb(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.spots.extend(other.spots);
        for (unknown, count) in other.unknown {
            *self.unknown.entry(unknown).or_default() += count;
        }
    }
}

/// The names that one schema keyword vouches for, at one place of a message.
struct Vouched<'a> {
    address: &'a str,
    names: Vec<&'a str>,
}

impl Schemas {
    /// Notes what a valid message shows of the schemas.
    pub fn look(&self, kind: Kind, name: &str, value: &Value, seen: &mut Seen) {
        seen.paths.insert((kind, name.to_owned(), String::new()));
        let Some(validator) = self.validator(kind, name) else { return };
        let evaluation = validator.evaluate(value);
        let mut addresses = Vec::new();
        for entry in evaluation.iter_annotations() {
            let Some(address) = entry.absolute_keyword_location.map(ToString::to_string) else { continue };
            // A list is what a keyword vouches for; anything else only shows that the schema was there.
            if !entry.annotations.value().is_array() && !self.minds_members(&address) {
                continue;
            }
            let names = entry.annotations.value().as_array().into_iter().flatten().filter_map(Value::as_str);
            addresses.push((entry.instance_location.as_str().to_owned(), address, names.collect::<Vec<_>>()));
        }
        let mut known: BTreeMap<&str, Vec<Vouched<'_>>> = BTreeMap::new();
        for (at, address, names) in &addresses {
            known.entry(at).or_default().push(Vouched { address, names: names.clone() });
        }
        for (at, vouched) in known {
            let Some(Value::Object(members)) = value.pointer(at) else { continue };
            let path = without_indices(value, at);
            for (member, inside) in members {
                let mut found = false;
                for keyword in vouched.iter().filter(|keyword| keyword.names.contains(&member.as_str())) {
                    found = true;
                    self.mark(keyword.address, member, inside, (kind, name, &path), seen);
                }
                let path = format!("{path}/{member}");
                if found {
                    seen.paths.insert((kind, name.to_owned(), path));
                } else {
                    unknown(seen, (kind, name, path));
                }
            }
        }
    }

    /// The pointers, without array indices, of a valid message's members that no schema knows.
    pub fn unknown_members(&self, kind: Kind, name: &str, value: &Value) -> Vec<String> {
        let mut seen = Seen::default();
        self.look(kind, name, value, &mut seen);
        // With `=` it is a known member's value.
        seen.unknown.into_keys().map(|(_, _, path)| path).filter(|path| !path.contains('=')).collect()
    }

    /// Whether a schema that a member of a message has to follow says what may be in it, so that other members are unknown. Where
    /// anything may be, nothing is.
    fn minds_members(&self, address: &str) -> bool {
        let Some(schema) = self.at(address) else { return false };
        let is_free = schema.get("additionalProperties") == Some(&Value::Bool(true));
        let says = |keyword: &&str| schema.get(keyword).is_some();
        !is_free && ["type", "properties", "additionalProperties", "patternProperties"].iter().any(says)
    }

    /// A message without the members that no schema knows. What is free in form, such as the value of a property, stays whole.
    pub fn known(&self, kind: Kind, name: &str, value: &Value) -> Value {
        let Some(validator) = self.validator(kind, name) else { return value.clone() };
        let evaluation = validator.evaluate(value);
        let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut described = BTreeSet::new();
        for entry in evaluation.iter_annotations() {
            let at = entry.instance_location.as_str();
            if entry.schema_location.ends_with("/properties") {
                described.insert(at);
            }
            let names = entry.annotations.value().as_array().into_iter().flatten().filter_map(Value::as_str);
            known.entry(at).or_default().extend(names);
        }
        let mut message = value.clone();
        for (at, names) in known.into_iter().filter(|(at, _)| described.contains(at)) {
            if let Some(Value::Object(members)) = message.pointer_mut(at) {
                members.retain(|member, _| names.contains(member.as_str()));
            }
        }
        message
    }

    /// Notes a member that a keyword vouches for, and which of its listed values it has.
    fn mark(&self, address: &str, member: &str, value: &Value, message: (Kind, &str, &str), seen: &mut Seen) {
        let listed = address.ends_with("/properties");
        let address = if listed { format!("{address}/{}", escaped(member)) } else { address.to_owned() };
        let Some(place) = Place::of(&address, &self.folder) else { return };
        if listed && let Some(schema) = self.at(&address) {
            let values = listed_values(schema);
            let scalars = match value {
                Value::Array(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            };
            for text in scalars.iter().filter_map(Value::as_str).filter(|_| !values.is_empty()) {
                if values.contains(text) {
                    seen.spots.insert(Spot { place: place.clone(), value: Some(text.to_owned()) });
                } else {
                    let (kind, name, path) = message;
                    unknown(seen, (kind, name, format!("{path}/{member}={text}")));
                }
            }
        }
        seen.spots.insert(Spot { place: Place { member: String::new(), ..place.clone() }, value: None });
        seen.spots.insert(Spot { place, value: None });
    }

    /// Everything that the server's messages can show: members and listed values of all files that responses, pushes and
    /// errors are made of.
    pub fn spots(&self) -> BTreeSet<Spot> {
        let mut waiting: Vec<String> = self
            .documents
            .keys()
            .filter(|address| {
                let file = address.strip_prefix(&self.folder).unwrap_or_default();
                file.starts_with("responses/") || file.starts_with("pushes/") || file == "envelopes/web-error.json"
            })
            .cloned()
            .collect();
        let mut visited = BTreeSet::new();
        let mut spots = BTreeSet::new();
        while let Some(address) = waiting.pop() {
            if !visited.insert(address.clone()) {
                continue;
            }
            if let Some(document) = self.documents.get(&address) {
                self.enumerate(document, &format!("{address}#"), &mut spots, &mut waiting);
            }
        }
        spots
    }

    fn enumerate(&self, schema: &Value, here: &str, spots: &mut BTreeSet<Spot>, files: &mut Vec<String>) {
        match schema {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str)
                    && let Some(target) = resolved(here, reference)
                    && let Some((file, _)) = target.split_once('#')
                {
                    files.push(file.to_owned());
                }
                for (keyword, inside) in members {
                    let address = format!("{here}/{}", escaped(keyword));
                    match (keyword.as_str(), inside) {
                        ("properties", Value::Object(properties)) => {
                            for (name, schema) in properties {
                                let address = format!("{address}/{}", escaped(name));
                                // What must be absent cannot be seen.
                                if schema == &Value::Bool(false) || schema.get("not") == Some(&json!({})) {
                                    continue;
                                }
                                if let Some(place) = Place::of(&address, &self.folder) {
                                    for value in listed_values(schema) {
                                        spots.insert(Spot { place: place.clone(), value: Some(value.to_owned()) });
                                    }
                                    spots.insert(Spot { place, value: None });
                                }
                                self.enumerate(schema, &address, spots, files);
                            }
                        }
                        // What must not be is not there.
                        ("not" | "enum" | "const" | "examples", _) => {}
                        _ => self.enumerate(inside, &address, spots, files),
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.enumerate(item, &format!("{here}/{index}"), spots, files);
                }
            }
            _ => {}
        }
    }
}

/// The values that a member's schema lists, itself or in one of its alternatives.
fn listed_values(schema: &Value) -> BTreeSet<&str> {
    let own = schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
    let mut values: BTreeSet<&str> = own.filter_map(Value::as_str).collect();
    for keyword in ["anyOf", "oneOf", "allOf"] {
        values.extend(schema.get(keyword).and_then(Value::as_array).into_iter().flatten().flat_map(listed_values));
    }
    values.extend(schema.get("items").into_iter().flat_map(listed_values));
    values
}

fn unknown(seen: &mut Seen, (kind, name, path): (Kind, &str, String)) {
    let key = (kind, name.to_owned(), path);
    if seen.unknown.len() < UNKNOWN || seen.unknown.contains_key(&key) {
        *seen.unknown.entry(key).or_default() += 1;
    }
}

/// A pointer into a message without the steps into arrays.
pub(super) fn without_indices(value: &Value, pointer: &str) -> String {
    let (mut path, mut here) = (String::new(), Some(value));
    for token in pointer.split('/').skip(1) {
        let inside_array = here.is_some_and(Value::is_array);
        let step = format!("/{token}");
        here = here.and_then(|value| value.pointer(&step));
        if !inside_array {
            path.push_str(&step);
        }
    }
    path
}
