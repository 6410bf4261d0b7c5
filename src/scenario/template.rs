//! Values with holes: `"${chat}"` is the captured value itself, `"order ${number} is late"` a text with it.

use serde_json::{Map, Value};

/// A JSON value with holes, parsed once.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// No hole in it.
    Literal(Value),
    /// One hole and nothing else: the value keeps its type.
    Hole(Hole),
    /// Text with holes.
    Text(TextTemplate),
    /// An array with holes in it.
    Array(Vec<Template>),
    /// An object with holes in its values.
    Object(Vec<(String, Template)>),
}

/// Text with holes.
#[derive(Debug, Clone, PartialEq)]
pub struct TextTemplate(pub Vec<Piece>);

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// As it is.
    Plain(String),
    /// To be filled.
    Hole(Hole),
}

/// A name to be looked up when the step is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The name: a capture, `cast.NAME`, a data source, a built-in, or `push`.
    pub name: String,
    /// Pointer into the value, for `${push:/event/text}` and `${row:/column}`.
    pub pointer: Option<String>,
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `${` without `}`.
    #[error("`${{` is not closed by `}}`")]
    Unclosed,
    /// Nothing between the braces, or something that is no name.
    #[error("`{0}` is not a name; write `${{name}}` or `${{name:/pointer}}`")]
    NotAName(String),
}

/// Where holes find their values.
pub trait Lookup {
    /// The value of a name; `None` when there is none (yet).
    fn value(&mut self, hole: &Hole) -> Option<Value>;
}

impl Template {
    /// Parses a JSON value. `$${` stands for a literal `${`.
    ///
    /// # Errors
    /// The first text that is not a template, with its JSON pointer.
    pub fn parse(value: &Value) -> Result<Self, (String, TemplateError)> {
        Ok(match value {
            Value::String(text) => Self::parse_text(text).map_err(|error| (String::new(), error))?,
            Value::Array(items) => {
                let mut parsed = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    parsed.push(Self::parse(item).map_err(|(at, error)| (format!("/{index}{at}"), error))?);
                }
                match parsed.iter().all(|item| matches!(item, Self::Literal(_))) {
                    true => Self::Literal(value.clone()),
                    false => Self::Array(parsed),
                }
            }
            Value::Object(map) => {
                let mut parsed = Vec::with_capacity(map.len());
                for (key, item) in map {
                    let item = Self::parse(item).map_err(|(at, error)| (format!("/{key}{at}"), error))?;
                    parsed.push((key.clone(), item));
                }
                match parsed.iter().all(|(_, item)| matches!(item, Self::Literal(_))) {
                    true => Self::Literal(value.clone()),
                    false => Self::Object(parsed),
                }
            }
            other => Self::Literal(other.clone()),
        })
    }

    fn parse_text(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = TextTemplate::parse(text)?.0;
        Ok(match (pieces.len(), pieces.pop()) {
            (1, Some(Piece::Hole(hole))) => Self::Hole(hole),
            (1, Some(Piece::Plain(plain))) => Self::Literal(Value::String(plain)),
            (_, None) => Self::Literal(Value::String(String::new())),
            (_, Some(last)) => {
                pieces.push(last);
                Self::Text(TextTemplate(pieces))
            }
        })
    }

    /// Fills the holes.
    ///
    /// # Errors
    /// The hole that has no value.
    pub fn fill(&self, lookup: &mut impl Lookup) -> Result<Value, Hole> {
        Ok(match self {
            Self::Literal(value) => value.clone(),
            Self::Hole(hole) => lookup.value(hole).ok_or_else(|| hole.clone())?,
            Self::Text(text) => Value::String(text.fill(lookup)?),
            Self::Array(items) => Value::Array(items.iter().map(|item| item.fill(lookup)).collect::<Result<_, _>>()?),
            Self::Object(members) => {
                let mut map = Map::new();
                for (key, member) in members {
                    map.insert(key.clone(), member.fill(lookup)?);
                }
                Value::Object(map)
            }
        })
    }

    /// All holes in it.
    pub fn holes(&self) -> Vec<&Hole> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Hole(hole) => vec![hole],
            Self::Text(text) => text.holes().collect(),
            Self::Array(items) => items.iter().flat_map(Self::holes).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, member)| member.holes()).collect(),
        }
    }
}

impl TextTemplate {
    /// Parses a text.
    ///
    /// # Errors
    /// When a hole is not closed or holds no name.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if rest[..start].ends_with('$') {
                plain.push_str(&rest[..start - 1]);
                plain.push_str("${");
                rest = &rest[start + 2..];
                continue;
            }
            plain.push_str(&rest[..start]);
            let end = rest[start..].find('}').ok_or(TemplateError::Unclosed)? + start;
            if !plain.is_empty() {
                pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Hole(Hole::parse(&rest[start + 2..end])?));
            rest = &rest[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Ok(Self(pieces))
    }

    fn fill(&self, lookup: &mut impl Lookup) -> Result<String, Hole> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Hole(hole) => match lookup.value(hole).ok_or_else(|| hole.clone())? {
                    Value::String(value) => text.push_str(&value),
                    other => text.push_str(&other.to_string()),
                },
            }
        }
        Ok(text)
    }

    fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Hole(hole) => Some(hole),
            Piece::Plain(_) => None,
        })
    }
}

impl Hole {
    /// Parses what stands between the braces: `name` or `name:/pointer`.
    ///
    /// # Errors
    /// When it is no name.
    pub fn parse(inside: &str) -> Result<Self, TemplateError> {
        let inside = inside.trim();
        let (name, pointer) = match inside.split_once(':') {
            Some((name, pointer)) => (name, Some(pointer.to_owned())),
            None => (inside, None),
        };
        let is_name = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
            && pointer.as_ref().is_none_or(|pointer| pointer.starts_with('/'));
        if is_name {
            Ok(Self { name: name.to_owned(), pointer })
        } else {
            Err(TemplateError::NotAName(inside.to_owned()))
        }
    }
}

impl std::fmt::Display for Hole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.pointer {
            Some(pointer) => write!(f, "${{{}:{pointer}}}", self.name),
            None => write!(f, "${{{}}}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    struct Names(Value);

    impl Lookup for Names {
        fn value(&mut self, hole: &Hole) -> Option<Value> {
            let value = self.0.get(&hole.name)?;
            match &hole.pointer {
                Some(pointer) => value.pointer(pointer).cloned(),
                None => Some(value.clone()),
            }
        }
    }

    #[test]
    fn a_hole_alone_keeps_its_type_and_a_hole_in_text_becomes_text() {
        let template = Template::parse(&json!({"a": "${n}", "b": ["n is ${n}"], "c": "${push:/text}"})).unwrap();
        let mut names = Names(json!({"n": 3, "push": {"text": "hi"}}));
        assert_eq!(template.fill(&mut names).unwrap(), json!({"a": 3, "b": ["n is 3"], "c": "hi"}));
        assert_eq!(template.holes().len(), 3);
    }

    #[test]
    fn an_unknown_name_is_told() {
        let template = Template::parse(&json!("${chat}")).unwrap();
        assert_eq!(template.fill(&mut Names(json!({}))).unwrap_err().to_string(), "${chat}");
    }

    #[test]
    fn what_is_no_template_is_told_with_its_place() {
        assert_eq!(Template::parse(&json!({"a": ["${x"]})), Err(("/a/0".to_owned(), TemplateError::Unclosed)));
        assert!(matches!(Template::parse(&json!("${a b}")), Err((_, TemplateError::NotAName(_)))));
    }

    proptest! {
        #[test]
        fn text_without_holes_stays_as_it_is(text in "[^$]*") {
            let template = Template::parse(&json!(text)).unwrap();
            prop_assert_eq!(template, Template::Literal(json!(text)));
        }

        #[test]
        fn an_escaped_hole_is_plain_text(name in "[a-z]{1,8}") {
            let template = Template::parse(&json!(format!("$${{{name}}}"))).unwrap();
            prop_assert_eq!(template, Template::Literal(json!(format!("${{{name}}}"))));
        }
    }
}
