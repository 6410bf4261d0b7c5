//! The members of a payload or object, one a row.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::shape::Shape;
use crate::protocol::{Dialect, ErratumId, Kind, Node};

/// What a payload or object consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Its title.
    pub title: String,
    /// Its type: `object or null`, or the name of the object that it is.
    pub r#type: String,
    /// Where the documents describe it.
    pub source: Vec<String>,
    /// The errata whose readings it is.
    pub errata: Vec<ErratumId>,
    /// Its members, by path.
    pub members: Vec<MemberRow>,
}

/// A member. One whose type names an object ends there; the object has rows of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberRow {
    /// Names on the way to it, such as `/chat/thread/events`: arrays are no step; `*` is any name. Empty when a condition
    /// makes the whole an object of another name.
    pub member: String,
    /// The condition under which this holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Its type in words; none when only more is asked of a member that has a row above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// Whether it must be there.
    pub required: bool,
    /// The listed values; any when empty.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub values: BTreeSet<String>,
    /// Bounds by schema keyword.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<&'static str, String>,
    /// Document and lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<String>,
    /// The errata whose readings it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errata: Vec<ErratumId>,
}

/// The rows of one schema file; names of the objects in it are added to `objects`.
pub(super) fn message(dialect: &Dialect, kind: Kind, name: &str, objects: &mut BTreeSet<String>) -> Option<Message> {
    let node = dialect.schemas.node(kind, name)?;
    let shape = Shape::of(std::slice::from_ref(&node));
    let mut rows = Rows { dialect, objects, rows: Vec::new() };
    if shape.objects.is_empty() {
        rows.inside(&shape, "", None);
    }
    let members = rows.rows;
    objects.extend(shape.objects.iter().cloned());
    let title = node.schema().get("title").and_then(|title| title.as_str()).unwrap_or(name).to_owned();
    let (source, errata) = origin(dialect, &shape.comments);
    Some(Message { title, r#type: shape.type_words(), source, errata, members })
}

struct Rows<'a> {
    dialect: &'a Dialect,
    objects: &'a mut BTreeSet<String>,
    rows: Vec<MemberRow>,
}

impl Rows<'_> {
    fn inside(&mut self, shape: &Shape<'_>, path: &str, when: Option<&str>) {
        for (name, member) in &shape.members {
            self.row(&member.nodes, member.required, &format!("{path}/{name}"), when);
        }
        if !shape.items.is_empty() {
            self.deeper(&Shape::of(&shape.items), path, when);
        }
        if !shape.others.is_empty() {
            self.row(&shape.others, false, &format!("{path}/*"), when);
        }
        for (condition, nodes) in &shape.variants {
            let words = when.map_or_else(|| condition.clone(), |outer| format!("{outer}, {condition}"));
            let inner = Shape::of(nodes);
            if inner.objects.is_empty() {
                self.inside(&inner, path, Some(&words));
            } else {
                self.row(nodes, false, path, Some(&words));
            }
        }
    }

    fn row(&mut self, nodes: &[Node<'_>], required: bool, path: &str, when: Option<&str>) {
        let shape = Shape::of(nodes);
        let (source, errata) = origin(self.dialect, &shape.comments);
        self.rows.push(MemberRow {
            member: path.to_owned(),
            when: when.map(str::to_owned),
            r#type: (!nodes.is_empty()).then(|| shape.type_words()),
            required,
            values: shape.values.clone(),
            limits: shape.limits.clone(),
            source,
            errata,
        });
        self.deeper(&shape, path, when);
    }

    fn deeper(&mut self, shape: &Shape<'_>, path: &str, when: Option<&str>) {
        if shape.objects.is_empty() {
            self.inside(shape, path, when);
        } else {
            self.objects.extend(shape.objects.iter().cloned());
        }
    }
}

/// Document and lines, and the errata, that comments name.
fn origin(dialect: &Dialect, comments: &[&str]) -> (Vec<String>, Vec<ErratumId>) {
    let mut lines: Vec<String> = Vec::new();
    let mut errata = BTreeSet::new();
    for comment in comments {
        let first = comment.split(';').next().unwrap_or_default().trim();
        if !lines.iter().any(|line| line == first) {
            lines.push(first.to_owned());
        }
        let words = comment.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        errata.extend(words.map(|word| ErratumId(word.into())).filter(|id| dialect.errata.contains_key(id)));
    }
    (lines, errata.into_iter().collect())
}
