//! Compares the payloads of two dialects, member by member.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::diff::{Area, Aspect, Change};
use super::shape::{Member, Shape};
use crate::protocol::{Dialect, Kind, Node};

/// Payloads are compared through objects of different names; an object that both dialects have is compared once, by itself.
pub(super) struct Comparison<'a> {
    from: &'a Dialect,
    to: &'a Dialect,
    waiting: VecDeque<String>,
    known: BTreeSet<String>,
    /// Objects that extend another one in both dialects.
    extend: BTreeMap<String, String>,
    changes: Vec<Change>,
}

/// Where a comparison is.
#[derive(Clone)]
struct Here {
    area: Area,
    name: String,
    path: String,
    when: Option<String>,
}

impl Here {
    fn step(&self, name: &str) -> Self {
        Self { path: format!("{}/{name}", self.path), ..self.clone() }
    }

    fn if_so(&self, condition: &str) -> Self {
        let when = self.when.as_ref().map_or_else(|| condition.to_owned(), |outer| format!("{outer}, {condition}"));
        Self { when: Some(when), ..self.clone() }
    }
}

impl<'a> Comparison<'a> {
    pub fn new(from: &'a Dialect, to: &'a Dialect) -> Self {
        Self {
            from,
            to,
            waiting: VecDeque::new(),
            known: BTreeSet::new(),
            extend: BTreeMap::new(),
            changes: Vec::new(),
        }
    }

    /// Compares the payloads of this kind that both have.
    pub fn all(&mut self, kind: Kind, area: Area) {
        for name in self.from.schemas.names(kind) {
            self.one(kind, area, name);
        }
    }

    fn one(&mut self, kind: Kind, area: Area, name: &str) {
        let (Some(from), Some(to)) = (self.from.schemas.node(kind, name), self.to.schemas.node(kind, name)) else {
            return;
        };
        if kind == Kind::Object
            && let (Some(from), Some(to)) = (from.referred(), to.referred())
            && let (Some(base), true) = (from.object(), from.object() == to.object())
        {
            self.extend.insert(name.to_owned(), base.to_owned());
            self.meet(base);
        }
        let here = Here { area, name: name.to_owned(), path: String::new(), when: None };
        self.shapes(&here, &Shape::of(&[from]), &Shape::of(&[to]));
    }

    /// Compares the objects that were met on the way, and ends. What changes in an object is not told again of those that
    /// extend it.
    pub fn finish(mut self) -> Vec<Change> {
        while let Some(name) = self.waiting.pop_front() {
            self.one(Kind::Object, Area::Object, &name);
        }
        let again = |change: &Change| {
            let base = self.extend.get(&change.name).filter(|_| change.area == Area::Object);
            base.is_some_and(|base| self.changes.contains(&Change { name: base.clone(), ..change.clone() }))
        };
        self.changes.iter().filter(|change| !again(change)).cloned().collect()
    }

    fn meet(&mut self, object: &str) {
        if self.known.insert(object.to_owned()) {
            self.waiting.push_back(object.to_owned());
        }
    }

    fn shapes(&mut self, here: &Here, from: &Shape<'a>, to: &Shape<'a>) {
        if from.json_types() != to.json_types() {
            let words = |shape: &Shape<'_>| Some(json!(shape.type_words()));
            self.put(here, Aspect::Type, words(from), words(to));
        }
        self.inside(here, from, to);
    }

    /// Compares all but the types.
    fn inside(&mut self, here: &Here, from: &Shape<'a>, to: &Shape<'a>) {
        if !from.objects.is_empty() && from.objects == to.objects {
            from.objects.iter().for_each(|name| self.meet(name));
            return;
        }
        self.differ(here, Aspect::Values, given(&from.values), given(&to.values));
        self.differ(here, Aspect::Limits, given(&from.limits), given(&to.limits));
        let (mine, theirs) = (members(from), members(to));
        for name in mine.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
            self.member(&here.step(name), mine.get(name), theirs.get(name));
        }
        if !from.items.is_empty() && !to.items.is_empty() {
            self.inside(here, &Shape::of(&from.items), &Shape::of(&to.items));
        }
        for condition in from.variants.keys().chain(to.variants.keys()).collect::<BTreeSet<_>>() {
            let here = here.if_so(condition);
            match (from.variants.get(condition), to.variants.get(condition)) {
                (Some(from), Some(to)) => self.shapes(&here, &Shape::of(from), &Shape::of(to)),
                (from, to) => self.put(&here, Aspect::Existence, from.map(variant), to.map(variant)),
            }
        }
    }

    fn member(&mut self, here: &Here, from: Option<&Member<'a>>, to: Option<&Member<'a>>) {
        match (from, to) {
            (Some(from), Some(to)) => {
                self.differ(here, Aspect::Required, Some(json!(from.required)), Some(json!(to.required)));
                self.shapes(here, &Shape::of(&from.nodes), &Shape::of(&to.nodes));
            }
            (from, to) => self.put(here, Aspect::Existence, from.map(described), to.map(described)),
        }
    }

    fn differ(&mut self, here: &Here, aspect: Aspect, from: Option<Value>, to: Option<Value>) {
        if from != to {
            self.put(here, aspect, from, to);
        }
    }

    fn put(&mut self, here: &Here, aspect: Aspect, from: Option<Value>, to: Option<Value>) {
        let Here { area, name, path, when } = here.clone();
        self.changes.push(Change { area, name, member: Some(path), when, aspect, from, to });
    }
}

/// The members by name, `*` for those whose name is free; what must not be there is none.
fn members<'a>(shape: &Shape<'a>) -> BTreeMap<String, Member<'a>> {
    let others = Member { nodes: shape.others.clone(), required: false };
    let free = (!shape.others.is_empty()).then(|| ("*".to_owned(), others));
    let named = shape.members.iter().map(|(name, member)| (name.clone(), member.clone()));
    named.chain(free).filter(|(_, member)| !Shape::of(&member.nodes).absent).collect()
}

fn described(member: &Member<'_>) -> Value {
    let shape = Shape::of(&member.nodes);
    let mut about = json!({ "type": shape.type_words(), "required": member.required });
    if let Some(values) = given(&shape.values) {
        about["values"] = values;
    }
    about
}

/// What holds under a condition: the object that it is, or the members that are asked for.
fn variant(nodes: &Vec<Node<'_>>) -> Value {
    let shape = Shape::of(nodes);
    match shape.objects.is_empty() {
        true => json!({ "members": shape.members.keys().collect::<Vec<_>>() }),
        false => json!({ "type": shape.type_words() }),
    }
}

/// A list or table, unless it is empty.
fn given(value: &impl serde::Serialize) -> Option<Value> {
    let value = json!(value);
    let empty = value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(serde_json::Map::is_empty);
    (!empty).then_some(value)
}
