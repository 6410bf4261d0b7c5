//! Assertions as they are written.

use std::borrow::Cow;

use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::scenario::plan::JsonType;

/// What should hold: `at` or `value`, and exactly one of the others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an assertion")]
pub(in crate::scenario) struct Assertion {
    /// The place in the payload that it is about: a JSON pointer, in which `*` stands for every element or member.
    pub at: Option<String>,
    /// The known value that it is about, such as `${chat}`, in place of `at`.
    #[serde(default, deserialize_with = "given")]
    pub value: Option<Value>,
    /// It is this.
    #[serde(default, deserialize_with = "given")]
    pub equals: Option<Value>,
    /// It is anything but this.
    #[serde(default, deserialize_with = "given")]
    pub not: Option<Value>,
    /// Whether something is there.
    pub present: Option<bool>,
    /// An array has so many elements, an object so many members, a text so many characters.
    pub size: Option<u64>,
    /// An array has this element; a text contains this text.
    #[serde(default, deserialize_with = "given")]
    pub includes: Option<Value>,
    /// An array has no such element; a text does not contain this text.
    #[serde(default, deserialize_with = "given")]
    pub excludes: Option<Value>,
    /// A number larger than this.
    #[serde(default, deserialize_with = "given")]
    pub above: Option<Value>,
    /// A number smaller than this.
    #[serde(default, deserialize_with = "given")]
    pub below: Option<Value>,
    /// A number not smaller than this.
    #[serde(default, deserialize_with = "given")]
    pub at_least: Option<Value>,
    /// A number not larger than this.
    #[serde(default, deserialize_with = "given")]
    pub at_most: Option<Value>,
    /// Of this type.
    #[serde(default, deserialize_with = "given")]
    pub r#type: Option<Type>,
    /// `true`: an array of numbers of which none is smaller than the one before.
    pub ascending: Option<bool>,
}

/// A member that is there, whatever its value is: null is a value to compare with.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A JSON type. YAML reads `null` as nothing, so that stands for the type of that name.
#[derive(Debug, Clone, Copy)]
pub(in crate::scenario) struct Type(pub JsonType);

const TYPES: [(&str, JsonType); 5] = [
    ("string", JsonType::String),
    ("integer", JsonType::Integer),
    ("boolean", JsonType::Boolean),
    ("object", JsonType::Object),
    ("array", JsonType::Array),
];

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(name) = Option::<String>::deserialize(deserializer)? else { return Ok(Self(JsonType::Null)) };
        let found = TYPES.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, kind)| Self(kind)).ok_or_else(|| serde::de::Error::custom(format!("`{name}` is not a type")))
    }
}

impl JsonSchema for Type {
    fn schema_name() -> Cow<'static, str> {
        "Type".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = TYPES.iter().map(|(name, _)| serde_json::json!({ "type": "string", "const": name }));
        let null = serde_json::json!({ "const": null, "title": "`null`" });
        json_schema!({ "oneOf": names.chain([null]).collect::<Vec<_>>() })
    }
}
