//! Makes messages out of schemas: the smallest, the fullest and many between, of every documented kind of event. Nothing is
//! random: the same schemas give the same messages.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chatproof::protocol::{Kind, Node, Schemas, mutations_of};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Deeper than any payload of the documents.
const DEEPEST: usize = 12;

/// How many alternatives of a place are tried.
const CHOICES: usize = 14;

/// Texts of which one fits every pattern of the documents.
const TEXTS: [&str; 6] = [
    "text",
    "2020-01-02T03:04:05Z",
    "2020-01-02",
    "image/png",
    "0f8fad5b-d9cb-469f-a165-70867728950e",
    // Of another variant.
    "0f8fad5b-d9cb-469f-0165-70867728950e",
];

/// Valid messages of a schema that are changed in one place.
const CHANGED: usize = 6;

/// Messages of one schema by what it says of them.
#[derive(Debug, Default)]
pub struct Samples {
    pub valid: Vec<Value>,
    pub invalid: Vec<Value>,
}

/// Messages of one schema: those that follow it, and those that are wrong in one place.
pub fn samples(schemas: &Schemas, kind: Kind, name: &str) -> Samples {
    let Some(node) = schemas.node(kind, name) else { return Samples::default() };
    let mut tried = Tried { schemas, kind, name, known: BTreeSet::new(), samples: Samples::default() };
    for choice in 0..CHOICES {
        for extent in [Extent::Least, Extent::One, Extent::All] {
            let sketch = Sketch { choice, extent, conditions: RefCell::default() };
            let value = sketch.value(std::slice::from_ref(&node), 0);
            tried.grow(&sketch, &node, value);
        }
    }
    for value in [json!(null), json!("text"), json!([]), json!({}), json!(7), json!(true)] {
        tried.put(value);
    }
    for value in evenly(tried.samples.valid.clone(), CHANGED) {
        tried.nulls(&value);
        for mutation in mutations_of(schemas, kind, name, &value) {
            tried.put(mutation.payload);
        }
        if let Value::Object(mut members) = value {
            members.insert("nobody_knows_this".to_owned(), json!(1));
            tried.put(Value::Object(members));
        }
    }
    tried.samples
}

/// At most so many of them, from all over the list.
pub fn evenly(messages: Vec<Value>, most: usize) -> impl Iterator<Item = Value> {
    let step = messages.len().div_ceil(most).max(1);
    messages.into_iter().step_by(step)
}

struct Tried<'a> {
    schemas: &'a Schemas,
    kind: Kind,
    name: &'a str,
    known: BTreeSet<String>,
    samples: Samples,
}

impl Tried<'_> {
    fn put(&mut self, value: Value) -> bool {
        let valid = self.schemas.is_valid(self.kind, self.name, &value);
        if self.known.insert(value.to_string()) {
            if valid { &mut self.samples.valid } else { &mut self.samples.invalid }.push(value);
        }
        valid
    }

    /// Keeps a sketch; when it is not valid, takes its members one after the other and leaves out what spoils it.
    fn grow<'b>(&mut self, sketch: &Sketch, node: &Node<'b>, value: Value) {
        let small = Sketch { choice: sketch.choice, extent: Extent::Least, conditions: RefCell::default() };
        if self.put(value.clone()) {
            return;
        }
        let (Value::Object(wanted), Value::Object(mut grown)) = (value, small.value(std::slice::from_ref(node), 0))
        else {
            return;
        };
        for (name, member) in wanted {
            let before = grown.insert(name.clone(), member);
            if !self.put(Value::Object(grown.clone())) {
                match before {
                    Some(before) => grown.insert(name, before),
                    None => grown.remove(&name),
                };
            }
        }
    }

    /// The message with null in place of one member.
    fn nulls(&mut self, value: &Value) {
        let mut pointers = Vec::new();
        members(value, "", &mut pointers);
        for pointer in pointers {
            let mut changed = value.clone();
            if let Some(member) = changed.pointer_mut(&pointer) {
                *member = Value::Null;
            }
            self.put(changed);
        }
    }
}

/// Pointers to all members of a value.
fn members(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, inside) in map {
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                members(inside, &pointer, found);
                found.push(pointer);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| members(item, &format!("{pointer}/{index}"), found))
        }
        _ => {}
    }
}

/// How much of what need not be there is put in.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    Least,
    /// One member of each object.
    One,
    All,
}

/// How to make a value: which of several possibilities to take, and how much to put in.
struct Sketch {
    choice: usize,
    extent: Extent,
    conditions: RefCell<HashMap<String, Validator>>,
}

/// What schemas say together of one place.
#[derive(Default)]
struct Said<'a> {
    scalars: Map<String, Value>,
    values: Vec<&'a Value>,
    required: BTreeSet<&'a str>,
    members: BTreeMap<&'a str, Vec<Node<'a>>>,
    /// Values that conditions ask members for.
    hints: BTreeMap<&'a str, Vec<&'a Value>>,
    items: Vec<Node<'a>>,
    others: Vec<Node<'a>>,
    /// What members are whose name has a pattern.
    patterned: Vec<Node<'a>>,
    conditions: Vec<Node<'a>>,
}

impl Sketch {
    /// A value that does what the schemas say, as far as can be seen from each place alone.
    fn value(&self, nodes: &[Node<'_>], depth: usize) -> Value {
        let mut active = nodes.to_vec();
        let mut value = Value::Null;
        // What a condition adds may make another condition true.
        for _ in 0..4 {
            let mut said = Said::default();
            active.iter().for_each(|node| self.read(node, &mut said));
            value = self.make(&said, depth);
            let added = said.conditions.iter().filter_map(|node| {
                let holds = self.holds(node.schema().get("if")?, &value);
                node.inside(&[if holds { "then" } else { "else" }])
            });
            let next: Vec<Node<'_>> = nodes.iter().cloned().chain(added).collect();
            if next.len() == active.len() && next.iter().zip(&active).all(|(a, b)| std::ptr::eq(a.schema(), b.schema()))
            {
                break;
            }
            active = next;
        }
        value
    }

    fn read<'a>(&self, node: &Node<'a>, said: &mut Said<'a>) {
        let schema = node.schema();
        if let Some(target) = node.referred() {
            self.read(&target, said);
        }
        for keyword in ["type", "minLength", "maxLength", "minimum", "maximum", "pattern", "minItems", "not"] {
            if let Some(value) = schema.get(keyword) {
                said.scalars.insert(keyword.to_owned(), value.clone());
            }
        }
        let list = |keyword: &str| schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
        let values: Vec<&Value> = list("enum").chain(schema.get("const")).collect();
        if !values.is_empty() {
            said.values = values;
        }
        said.required.extend(list("required").filter_map(Value::as_str));
        for name in schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys()) {
            said.members.entry(name).or_default().extend(node.inside(&["properties", name]));
        }
        said.items.extend(node.inside(&["items"]));
        if schema.get("minContains") != Some(&json!(0)) {
            said.items.extend(node.inside(&["contains"]));
        }
        said.others.extend(node.inside(&["additionalProperties"]));
        for pattern in schema.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys())
        {
            said.patterned.extend(node.inside(&["patternProperties", pattern]));
        }
        node.listed("allOf").iter().for_each(|branch| self.read(branch, said));
        for keyword in ["anyOf", "oneOf"] {
            let branches = node.listed(keyword);
            if !branches.is_empty() {
                self.read(&branches[self.choice % branches.len()], said);
            }
        }
        if let Some(condition) = schema.get("if") {
            said.conditions.push(node.clone());
            for (name, asked) in condition.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let listed = asked.get("enum").and_then(Value::as_array).into_iter().flatten();
                let hints = said.hints.entry(name).or_default();
                for hint in listed.chain(asked.get("const")) {
                    if !hints.contains(&hint) {
                        hints.push(hint);
                    }
                }
            }
        }
    }

    fn make(&self, said: &Said<'_>, depth: usize) -> Value {
        if !said.values.is_empty() {
            return said.values[self.choice % said.values.len()].clone();
        }
        match self.type_of(said) {
            "object" => self.object(said, depth),
            "array" => {
                let least = said.scalars.get("minItems").and_then(Value::as_u64).unwrap_or(0);
                let count = least.max(u64::from(self.extent != Extent::Least || self.choice % 2 == 1));
                let items = if depth < DEEPEST { count } else { least };
                (0..items).map(|_| self.value(&said.items, depth + 1)).collect()
            }
            "integer" => said.scalars.get("minimum").cloned().unwrap_or(json!(1 + self.choice)),
            "number" => json!(1.5),
            "boolean" => json!((self.choice / 2).is_multiple_of(2)),
            "null" => Value::Null,
            _ => self.text(said),
        }
    }

    fn type_of<'a>(&self, said: &'a Said<'_>) -> &'a str {
        let types: Vec<&str> = match said.scalars.get("type") {
            Some(Value::Array(types)) => {
                types.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
            }
            Some(Value::String(one)) => vec![one],
            _ if !said.items.is_empty() => vec!["array"],
            _ if !said.required.is_empty() || !said.members.is_empty() || !said.others.is_empty() => vec!["object"],
            _ => vec!["string"],
        };
        types.get(self.choice % types.len().max(1)).copied().unwrap_or("null")
    }

    fn text(&self, said: &Said<'_>) -> Value {
        let schema = Value::Object(said.scalars.clone());
        let fitting: Vec<&str> = TEXTS.into_iter().filter(|text| self.holds(&schema, &json!(text))).collect();
        match schema.get("pattern") {
            Some(_) if !fitting.is_empty() => json!(fitting[self.choice % fitting.len()]),
            _ => json!(fitting.first().unwrap_or(&TEXTS[0])),
        }
    }

    fn object(&self, said: &Said<'_>, depth: usize) -> Value {
        let mut object = Map::new();
        let nothing = Vec::new();
        let optional: Vec<&str> = said.members.keys().copied().filter(|name| !said.required.contains(name)).collect();
        let taken: &[&str] = match self.extent {
            Extent::One if !optional.is_empty() => &[optional[self.choice % optional.len()]],
            Extent::All => &optional,
            _ => &[],
        };
        let taken = if depth < DEEPEST { taken } else { &[] };
        let names: BTreeSet<&str> =
            said.required.iter().chain(taken).copied().chain(said.hints.keys().copied()).collect();
        for name in names {
            let nodes = said.members.get(name).unwrap_or(&nothing);
            let forbidden =
                |node: &Node<'_>| node.schema() == &json!(false) || node.schema().get("not") == Some(&json!({}));
            let wanted = said.required.contains(name) || taken.contains(&name);
            if nodes.iter().any(forbidden) {
                continue;
            }
            let own = || wanted.then(|| self.value(nodes, depth + 1));
            let value = match said.hints.get(name) {
                Some(hints) => self.decisive(hints, nodes).or_else(own),
                None => own(),
            };
            object.extend(value.map(|value| (name.to_owned(), value)));
        }
        // A name with a dot is all that a pattern of the documents asks for.
        for (name, nodes) in [("other", &said.others), ("dotted.name", &said.patterned)] {
            if self.extent != Extent::Least && depth < DEEPEST && !nodes.is_empty() {
                object.insert(name.to_owned(), self.value(nodes, depth + 1));
            }
        }
        Value::Object(object)
    }

    /// A value for a member on which other members depend: each one that matters, each one that is listed, or none of them.
    fn decisive(&self, hints: &[&Value], nodes: &[Node<'_>]) -> Option<Value> {
        let mut said = Said::default();
        nodes.iter().for_each(|node| self.read(node, &mut said));
        let others = said.values.iter().filter(|value| !hints.contains(value));
        let values: Vec<&&Value> = hints.iter().chain(others).collect();
        values.get(self.choice % (values.len() + 1)).map(|value| (**value).clone())
    }

    /// Whether a schema without references says yes.
    fn holds(&self, schema: &Value, value: &Value) -> bool {
        let mut conditions = self.conditions.borrow_mut();
        let validator =
            conditions.entry(schema.to_string()).or_insert_with(|| jsonschema::draft202012::new(schema).unwrap());
        validator.is_valid(value)
    }
}
