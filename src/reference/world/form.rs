//! A filled form, in words that both dialects can be translated from and to.

/// A filled form.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// Which form was filled, where the sender says so (agent-v3.0 rtm/events:98).
    pub form_id: Option<String>,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The type as the sender called it.
    pub kind: String,
    /// Its id, or its name where fields have no ids.
    pub id: String,
    /// The question.
    pub label: String,
    /// Whether it had to be filled.
    pub required: bool,
    /// What was filled in.
    pub answer: Answer,
}

/// What was filled in.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing.
    Nothing,
    /// A line of text.
    Text(String),
    /// Picks among options.
    Options(Vec<FormOption>),
}

/// An option of a choice.
#[derive(Debug, Clone, PartialEq)]
pub struct FormOption {
    /// Its id or value.
    pub id: String,
    /// What people read.
    pub label: String,
    /// Whether it was picked.
    pub checked: bool,
    /// The group that picking it chooses, for a `group_chooser`.
    pub group: Option<i64>,
}
