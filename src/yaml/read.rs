//! YAML text → a JSON value, and where in the text each of its parts stands.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Location, Spanned};

use super::problem::Problem;

/// A file's content and the places of its parts.
#[derive(Debug)]
pub struct Document {
    /// The content.
    pub value: Value,
    /// Where it stands.
    pub places: Places,
}

/// JSON pointer → bytes of the file.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<String, Place>);

#[derive(Debug, Clone)]
struct Place {
    /// The key that leads here; absent in lists and at the root.
    key: Option<Range<usize>>,
    /// The value; of a list or mapping only where it begins.
    value: Range<usize>,
    /// Whether the value is a list, a mapping or nothing, which is best shown by its key.
    by_key: bool,
}

impl Places {
    /// What to underline for the value at a pointer: a scalar itself, a list or mapping by its key.
    ///
    /// A pointer to something that is not in the file gives the nearest thing around it.
    pub fn value(&self, pointer: &str) -> Range<usize> {
        match self.nearest(pointer) {
            Some(Place { key: Some(key), by_key: true, .. }) => key.clone(),
            Some(place) => place.value.clone(),
            None => 0..0,
        }
    }

    /// What to underline for the key at a pointer, or for the value where there is no key.
    pub fn key(&self, pointer: &str) -> Range<usize> {
        match self.nearest(pointer) {
            Some(Place { key: Some(key), .. }) => key.clone(),
            Some(place) => place.value.clone(),
            None => 0..0,
        }
    }

    fn nearest(&self, mut pointer: &str) -> Option<&Place> {
        loop {
            match self.0.get(pointer) {
                Some(place) => return Some(place),
                None => pointer = &pointer[..pointer.rfind('/')?],
            }
        }
    }
}

/// Adds a member's name to a JSON pointer.
pub fn join(pointer: &str, name: impl fmt::Display) -> String {
    let name = name.to_string();
    match name.contains(['~', '/']) {
        true => format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")),
        false => format!("{pointer}/{name}"),
    }
}

/// Reads YAML.
///
/// # Errors
/// What is not YAML, or not what a file may be (duplicate keys, several documents), with its place.
pub fn read(text: &str) -> Result<Document, Problem> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let root: Node = serde_saphyr::from_str_with_options(text, options).map_err(|error| problem(text, &error))?;
    let mut places = BTreeMap::new();
    let value = root.place(text, String::new(), None, &mut places);
    Ok(Document { value, places: Places(places) })
}

fn problem(text: &str, error: &serde_saphyr::Error) -> Problem {
    let error = error.without_snippet();
    let range = error.location().map_or(text.len()..text.len(), |location| range(text, &location));
    if let serde_saphyr::Error::DuplicateMappingKey { key, .. } = error {
        let key = key.as_deref().unwrap_or("this key");
        return Problem::new(range, format!("`{key}` is given twice")).label("second time");
    }
    let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    // The renderer names the place again; ours is beside the line.
    let message = message.lines().next().unwrap_or_default();
    let message = message.rfind(" at line ").map_or(message, |end| &message[..end]);
    Problem::new(range, format!("this cannot be read as YAML: {message}"))
}

/// The bytes of a location. A location without them is turned into some by its line and column.
fn range(text: &str, location: &Location) -> Range<usize> {
    let span = location.span();
    match (span.byte_offset(), span.byte_len()) {
        (Some(offset), Some(length)) => {
            let start = usize::try_from(offset).unwrap_or(text.len()).min(text.len());
            start..start.saturating_add(usize::try_from(length).unwrap_or(0)).min(text.len())
        }
        _ => {
            let line = usize::try_from(location.line()).unwrap_or(1).max(1);
            let begin: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
            let column = usize::try_from(location.column()).unwrap_or(1).max(1);
            let inside = text[begin..].char_indices().nth(column - 1).map_or(0, |(index, _)| index);
            begin + inside..begin + inside
        }
    }
}

/// A YAML node with its place.
struct Node(Spanned<Content>);

enum Content {
    Scalar(Value),
    List(Vec<Node>),
    Mapping(Vec<(Spanned<String>, Node)>),
}

impl Node {
    fn place(
        self,
        text: &str,
        pointer: String,
        key: Option<Range<usize>>,
        places: &mut BTreeMap<String, Place>,
    ) -> Value {
        let mut whole = range(text, &self.0.defined);
        let (value, by_key) = match self.0.value {
            Content::Scalar(value) => {
                let is_null = value.is_null();
                (value, is_null)
            }
            Content::List(nodes) => {
                let items = nodes.into_iter().enumerate();
                (items.map(|(index, node)| node.place(text, join(&pointer, index), None, places)).collect(), true)
            }
            Content::Mapping(members) => {
                let mut map = Map::new();
                if let Some((first, _)) = members.first() {
                    whole = range(text, &first.defined);
                }
                for (key, node) in members {
                    let at = range(text, &key.defined);
                    let value = node.place(text, join(&pointer, &key.value), Some(at), places);
                    map.insert(key.value, value);
                }
                (Value::Object(map), true)
            }
        };
        places.insert(pointer, Place { key, value: whole, by_key });
        value
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true, false, null, a list or a mapping")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Content, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("this number has no end"))?;
        Ok(Content::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Content::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Content, A::Error> {
        let mut members: Vec<(Spanned<String>, Node)> = Vec::new();
        while let Some((key, node)) = mapping.next_entry::<Spanned<String>, Node>()? {
            if members.iter().any(|(known, _)| known.value == key.value) {
                return Err(A::Error::custom(format!("`{}` is given twice", key.value)));
            }
            members.push((key, node));
        }
        Ok(Content::Mapping(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What is underlined for the key and for the value at a pointer.
    fn underlined<'t>(text: &'t str, pointer: &str) -> (&'t str, &'t str) {
        let places = read(text).unwrap().places;
        (&text[places.key(pointer)], &text[places.value(pointer)])
    }

    const TEXT: &str = "a: {b: \"x\\ny\", 'ü': [1, 2.5]}\nlist:\n  - call: hé # c\n    payload:\n      /on/x: yes\n  - on: |\n      two\n";

    #[test]
    fn everything_has_its_place() {
        let value = json!({
            "a": { "b": "x\ny", "ü": [1, 2.5] },
            "list": [{ "call": "hé", "payload": { "/on/x": "yes" } }, { "on": "two\n" }],
        });
        assert_eq!(read(TEXT).unwrap().value, value);
        assert_eq!(underlined(TEXT, "/a/b"), ("b", "\"x\\ny\""));
        assert_eq!(underlined(TEXT, "/a/ü"), ("'ü'", "'ü'"), "a list is shown by its key");
        assert_eq!(underlined(TEXT, "/a/ü/1"), ("2.5", "2.5"));
        assert_eq!(underlined(TEXT, "/list/0"), ("call", "call"), "an item is shown by its first key");
        assert_eq!(underlined(TEXT, "/list/0/payload/~1on~1x"), ("/on/x", "yes"));
    }

    #[test]
    fn what_is_not_there_is_shown_by_what_is_around_it() {
        assert_eq!(underlined(TEXT, "/list/0/payload/chat_id/deep").1, "payload");
        assert_eq!(read("").unwrap().places.value("/actors"), 0..0);
    }

    #[test]
    fn an_alias_is_shown_where_it_is_defined() {
        let text = "x: &x {k: 1}\ny: *x\n";
        assert_eq!(read(text).unwrap().places.value("/y/k"), read(text).unwrap().places.value("/x/k"));
    }

    #[test]
    fn words_that_look_like_booleans_stay_words() {
        assert_eq!(read("on: no\ny: [yes, true]").unwrap().value, json!({"on": "no", "y": ["yes", true]}));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_with_a_place_in_it(text in "[-a-z:\\[\\]{}&*!|>'\"#,\\n é0-9<$%@`?.~\\t]{0,60}") {
            match read(&text) {
                Ok(document) => {
                    for pointer in document.places.0.keys() {
                        prop_assert!(text.get(document.places.value(pointer)).is_some());
                        prop_assert!(text.get(document.places.key(pointer)).is_some());
                    }
                }
                Err(problem) => {
                    let shown = format!("{problem:?}");
                    prop_assert!(shown.contains("range: Some("), "{}", shown);
                }
            }
        }
    }
}
