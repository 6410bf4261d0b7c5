//! The world file as it is written. The comments on the types are what editors show.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What there is when the server starts: licences, the people on them, and their past chats.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "a chatproof world", deny_unknown_fields)]
pub(super) struct File {
    /// Whether `agent:EMAIL` and `customer:NAME` are good tokens as well, though nobody issued them; by default they are not.
    pub open: Option<bool>,
    /// The licences; people of one never meet those of another.
    #[schemars(extend("minItems" = 1))]
    pub licences: Vec<Licence>,
}

/// A licence.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "a licence", deny_unknown_fields)]
pub(super) struct Licence {
    /// Its number: what its customers write as `license_id`.
    pub id: u64,
    /// Whether the router adds system messages to chats when people join, leave, transfer, archive or ban; by default it does.
    pub system_messages: Option<bool>,
    /// Groups of agents. Group 0, which all agents are in, need not be listed.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Those who work there.
    #[serde(default)]
    pub agents: Vec<Agent>,
    /// Those who have come before.
    #[serde(default)]
    pub customers: Vec<Customer>,
    /// What they have talked about.
    #[serde(default)]
    pub chats: Vec<Chat>,
}

/// A group of agents.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "a group", deny_unknown_fields)]
pub(super) struct Group {
    /// Its number, above 0.
    #[schemars(extend("minimum" = 1))]
    pub id: i64,
    /// What people call it; for readers of the file.
    #[allow(dead_code, reason = "no API tells the names of groups")]
    pub name: Option<String>,
}

/// Somebody who works there.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "an agent", deny_unknown_fields)]
pub(super) struct Agent {
    /// The agent's id.
    #[schemars(extend("minLength" = 1))]
    pub email: String,
    /// What the agent logs in with.
    #[schemars(extend("minLength" = 1))]
    pub token: Option<String>,
    /// What people call the agent; by default the address up to the `@`.
    pub name: Option<String>,
    /// The groups that the agent is in, besides that of all agents.
    #[serde(default)]
    pub groups: Vec<i64>,
}

/// Somebody who has come before.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "a customer", deny_unknown_fields)]
pub(super) struct Customer {
    /// What he is called, here and in `chats`.
    #[schemars(extend("minLength" = 1))]
    pub name: String,
    /// His id; by default the one that the token `customer:NAME` would give.
    #[schemars(extend("minLength" = 1))]
    pub id: Option<String>,
    /// What he logs in with.
    #[schemars(extend("minLength" = 1))]
    pub token: Option<String>,
    /// His e-mail address.
    pub email: Option<String>,
    /// Address of his picture.
    pub avatar: Option<String>,
    /// The country he is in, for `get_customers`.
    pub country: Option<String>,
    /// Free text by name.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// For how many days from now he may not come in.
    #[serde(default)]
    #[schemars(extend("minimum" = 0))]
    pub banned_days: i64,
}

/// A chat.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "a chat", deny_unknown_fields)]
pub(super) struct Chat {
    /// Its id; by default any.
    #[schemars(extend("minLength" = 1))]
    pub id: Option<String>,
    /// Name of the customer.
    pub customer: Option<String>,
    /// Addresses of the agents who are users of it.
    #[serde(default)]
    pub agents: Vec<String>,
    /// Groups whose agents may see it; by default all agents.
    #[serde(default)]
    pub groups: Vec<i64>,
    /// Namespace, name, value.
    #[serde(default)]
    pub properties: BTreeMap<String, BTreeMap<String, Value>>,
    /// What was said, oldest first.
    #[schemars(extend("minItems" = 1))]
    pub threads: Vec<Thread>,
}

/// One stretch of a chat.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "a thread", deny_unknown_fields)]
pub(super) struct Thread {
    /// Its id; by default any.
    #[schemars(extend("minLength" = 1))]
    pub id: Option<String>,
    /// When it began, such as 2019-10-17T07:57:41Z; by default when the server starts.
    #[schemars(title = "a moment", extend("examples" = ["2019-10-17T07:57:41Z"]))]
    pub started: Option<String>,
    /// Whether it is still open, which only the last one of a chat can be; by default it is closed.
    #[serde(default)]
    pub open: bool,
    /// Namespace, name, value.
    #[serde(default)]
    pub properties: BTreeMap<String, BTreeMap<String, Value>>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// What was said.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// An event: a message with its `text`, or any other with its members.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(title = "an event", deny_unknown_fields)]
pub(super) struct Event {
    /// Who sent it: an agent's address, the customer's name, or `router` for a system message.
    pub by: String,
    /// When; by default a second after what came before.
    #[schemars(title = "a moment", extend("examples" = ["2019-10-17T07:57:41Z"]))]
    pub at: Option<String>,
    /// The text of a message.
    pub text: Option<String>,
    /// The members of an event as agent/v3.0 sends it, `type` among them.
    pub event: Option<Map<String, Value>>,
}
