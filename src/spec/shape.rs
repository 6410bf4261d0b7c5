//! One level of a schema as a reader sees it: what may stand there, and which members it has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::condition;
use crate::protocol::Node;

/// Keywords that bound a value and say what they mean by themselves.
const LIMITS: [&str; 13] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "pattern",
    "format",
    "contains",
];

/// What the schemas of one place say together. References are followed until they lead to an object, which is named.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape<'a> {
    /// JSON types; any when empty.
    pub types: BTreeSet<&'a str>,
    /// Names of the objects that it is.
    pub objects: BTreeSet<String>,
    /// The listed values; any when empty.
    pub values: BTreeSet<String>,
    /// Bounds, by keyword.
    pub limits: BTreeMap<&'static str, String>,
    /// The members by name.
    pub members: BTreeMap<String, Member<'a>>,
    /// What an array is made of.
    pub items: Vec<Node<'a>>,
    /// What members are whose name is free.
    pub others: Vec<Node<'a>>,
    /// What holds besides under a condition.
    pub variants: BTreeMap<String, Vec<Node<'a>>>,
    /// It must not be there.
    pub absent: bool,
    /// Where the documents say so.
    pub comments: Vec<&'a str>,
}

/// A member: what it is, and whether it must be there.
#[derive(Debug, Clone, Default)]
pub(super) struct Member<'a> {
    pub nodes: Vec<Node<'a>>,
    pub required: bool,
}

impl<'a> Shape<'a> {
    /// What all these schemas say together.
    pub fn of(nodes: &[Node<'a>]) -> Self {
        let mut shape = Self::default();
        for node in nodes {
            shape.take(node);
        }
        if shape.absent {
            shape.values.clear();
            shape.limits.clear();
        }
        shape
    }

    fn take(&mut self, node: &Node<'a>) {
        let schema = node.schema();
        self.absent |= schema == &Value::Bool(false);
        let Some(keywords) = schema.as_object() else { return };
        self.comments.extend(keywords.get("$comment").and_then(Value::as_str));
        if let Some(target) = node.referred() {
            let only = keywords.keys().all(|keyword| keyword.starts_with('$') || keyword == "title");
            // A whole file that is nothing but a reference is another name for the same object.
            let named = target.object().filter(|_| only && node.object().is_none());
            let before = self.comments.len();
            self.take(&target);
            if named.is_some() || keywords.contains_key("$comment") {
                self.comments.truncate(before);
            }
            self.objects.extend(named.map(str::to_owned));
        }
        self.scalars(schema);
        for name in names(schema.get("required")) {
            self.members.entry(name.to_owned()).or_default().required = true;
        }
        for name in keywords.get("properties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys()) {
            self.members.entry(name.clone()).or_default().nodes.extend(node.inside(&["properties", name]));
        }
        self.items.extend(node.inside(&["items"]));
        self.others.extend(node.inside(&["additionalProperties"]));
        let patterns =
            keywords.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
        self.others.extend(patterns.filter_map(|pattern| node.inside(&["patternProperties", pattern])));
        node.listed("allOf").iter().for_each(|branch| self.take(branch));
        self.alternatives(&[node.listed("anyOf"), node.listed("oneOf")].concat());
        if let Some(condition) = keywords.get("if") {
            self.condition(condition, node);
        }
    }

    fn scalars(&mut self, schema: &'a Value) {
        let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
        let types: BTreeSet<&str> = match schema.get("type") {
            Some(Value::String(one)) => [one.as_str()].into(),
            Some(several) => names(Some(several)).collect(),
            None => listed.clone().map(type_of).collect(),
        };
        narrow(&mut self.types, types);
        narrow(&mut self.values, listed.map(plain).collect());
        for keyword in LIMITS {
            if let Some(limit) = schema.get(keyword) {
                self.limits.insert(keyword, if limit.is_object() { condition::words(limit) } else { plain(limit) });
            }
        }
        match schema.get("not") {
            Some(Value::Object(inside)) if inside.is_empty() => self.absent = true,
            Some(inside) => drop(self.limits.insert("not", condition::words(inside))),
            None => {}
        }
    }

    fn condition(&mut self, condition: &'a Value, node: &Node<'a>) {
        let (then, otherwise) = (node.inside(&["then"]), node.inside(&["else"]));
        if condition::is_not_null(condition) {
            let mut inner = Self::of(then.as_slice());
            if !inner.types.is_empty() {
                inner.types.insert("null");
            }
            self.absorb(inner);
            return;
        }
        let words = condition::words(condition);
        for (word, branch) in [("if", then), ("unless", otherwise)] {
            if let Some(branch) = branch {
                self.variants.entry(format!("{word} {words}")).or_default().push(branch);
            }
        }
    }

    /// One of several: its type is one of theirs; what else they ask is told apart, unless only one asks something.
    fn alternatives(&mut self, branches: &[Node<'a>]) {
        let shapes: Vec<Self> = branches.iter().map(|branch| Self::of(std::slice::from_ref(branch))).collect();
        let asks = |shape: &Self| !shape.members.is_empty() && shape.objects.is_empty();
        let several = shapes.iter().filter(|shape| asks(shape)).count() > 1;
        let mut either = Self::default();
        let (mut any_type, mut any_value) = (false, false);
        for (number, (mut shape, branch)) in shapes.into_iter().zip(branches).enumerate() {
            any_type |= shape.types.is_empty();
            any_value |= shape.values.is_empty();
            either.types.append(&mut shape.types);
            either.values.append(&mut shape.values);
            if several && asks(&shape) {
                either.variants.insert(format!("in case {}", number + 1), vec![branch.clone()]);
            } else {
                either.absorb(shape);
            }
        }
        if any_type {
            either.types.clear();
        }
        if any_value {
            either.values.clear();
        }
        self.absorb(either);
    }

    fn absorb(&mut self, other: Self) {
        narrow(&mut self.types, other.types);
        narrow(&mut self.values, other.values);
        self.objects.extend(other.objects);
        self.limits.extend(other.limits);
        self.items.extend(other.items);
        self.others.extend(other.others);
        self.variants.extend(other.variants);
        self.absent |= other.absent;
        for (name, member) in other.members {
            let mine = self.members.entry(name).or_default();
            mine.nodes.extend(member.nodes);
            mine.required |= member.required;
        }
    }

    /// Its type in words: `array of event or null`.
    pub fn type_words(&self) -> String {
        let mut words: Vec<String> = self.objects.iter().cloned().collect();
        if words.is_empty() {
            let types = self.types.iter().filter(|name| **name != "null");
            words.extend(
                types.map(
                    |name| {
                        if *name == "array" { self.array_words(Self::type_words) } else { (*name).to_owned() }
                    },
                ),
            );
        }
        self.or_null(words)
    }

    /// The same, with `object` for every object whatever its name.
    pub fn json_types(&self) -> String {
        let types = self.types.iter().filter(|name| **name != "null");
        let words =
            types.map(|name| if *name == "array" { self.array_words(Self::json_types) } else { (*name).to_owned() });
        self.or_null(words.collect())
    }

    fn array_words(&self, words: impl Fn(&Self) -> String) -> String {
        match self.items.is_empty() {
            true => "array".to_owned(),
            false => format!("array of {}", words(&Self::of(&self.items))),
        }
    }

    fn or_null(&self, mut words: Vec<String>) -> String {
        match (self.absent, words.is_empty(), self.types.contains("null")) {
            (true, ..) => return "absent".to_owned(),
            (_, true, false) => return "any".to_owned(),
            (_, _, true) => words.push("null".to_owned()),
            _ => {}
        }
        words.join(" or ")
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A value as people write it: text without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn names(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Keeps what both allow; an empty set allows everything.
fn narrow<T: Ord + Clone>(mine: &mut BTreeSet<T>, other: BTreeSet<T>) {
    if mine.is_empty() {
        *mine = other;
    } else if !other.is_empty() {
        let both: BTreeSet<T> = mine.intersection(&other).cloned().collect();
        if !both.is_empty() {
            *mine = both;
        }
    }
}
