//! The domain in the words of a dialect.
//!
//! One file a dialect. A renderer says how a push is called and looks there, or that the dialect has no such push.

pub mod agent_v02;
pub mod agent_v30;
pub mod customer_v02;
pub mod customer_v03;

use serde_json::{Map, Value, json};

use super::world::{Properties, Push, World};
use crate::protocol::Role;

/// The dialects that this server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spoken {
    /// customer/v0.2
    CustomerV02,
    /// customer/v0.3
    CustomerV03,
    /// agent/v0.2
    AgentV02,
    /// agent/v3.0
    AgentV30,
}

impl Spoken {
    /// The dialect of that name, if it is spoken here.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "customer/v0.2" => Some(Self::CustomerV02),
            "customer/v0.3" => Some(Self::CustomerV03),
            "agent/v0.2" => Some(Self::AgentV02),
            "agent/v3.0" => Some(Self::AgentV30),
            _ => None,
        }
    }

    /// The type and message of an error in the dialect's own words. What was called `authentication` later, and `authorization` for
    /// customers, was `auth` at first (C02-A25; A02-A04).
    pub fn error<'a>(self, kind: &'a str, message: &'a str) -> (&'a str, &'a str) {
        match (self, kind) {
            (Self::CustomerV02, "authentication" | "authorization" | "license_expired") => ("auth", message),
            (Self::CustomerV02 | Self::CustomerV03 | Self::AgentV02, "misdirected_request") => {
                ("incorrect_region", "License is in another region")
            }
            // Its list of types has none for that (C03-A09).
            (Self::CustomerV03, "license_not_found") => ("validation", "`license_id`: there is no such licence"),
            (Self::AgentV02, "authentication") => ("auth", "Invalid access token"),
            _ => (kind, message),
        }
    }

    /// Who speaks it.
    pub fn role(self) -> Role {
        match self {
            Self::CustomerV02 | Self::CustomerV03 => Role::Customer,
            Self::AgentV02 | Self::AgentV30 => Role::Agent,
        }
    }

    /// A push as its name and payload; none where the dialect does not have it.
    pub fn push(self, world: &World, push: &Push) -> Option<(&'static str, Value)> {
        match self {
            Self::CustomerV02 => customer_v02::push(world, push),
            Self::CustomerV03 => customer_v03::push(world, push),
            Self::AgentV02 => agent_v02::push(world, push),
            Self::AgentV30 => agent_v30::push(world, push),
        }
    }

    /// Whether the copy of a push that goes to the requester carries the id of the request (customer-v0.3 154; old/ref:181). The
    /// pushes of the older dialects have no id (A02-B08; A02P:48).
    pub fn numbers_pushes(self) -> bool {
        !matches!(self, Self::CustomerV02 | Self::AgentV02)
    }

    /// Whether agents hear of every chat that they may see, and not only of those they take part in (A02-A12).
    pub fn overhears(self) -> bool {
        self == Self::AgentV02
    }
}

/// Properties as every dialect returns them: each value under `value` (C03-B36; A30-Q04).
fn properties(properties: &Properties) -> Value {
    let namespaces = properties.iter().map(|(namespace, values)| {
        let values: Map<String, Value> =
            values.iter().map(|(name, value)| (name.clone(), json!({ "value": value }))).collect();
        (namespace.clone(), Value::Object(values))
    });
    Value::Object(namespaces.collect())
}

/// Puts a member in if there is a value for it.
fn put<T: Into<Value>>(object: &mut Map<String, Value>, name: &str, value: Option<T>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}
