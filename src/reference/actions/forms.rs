//! Filled forms as clients send them: customer-v0.3 327-403, much like agent/v0.2, and agent-v3.0 rtm/events:98-173.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::read;
use crate::reference::refusal::Refusal;
use crate::reference::render::Spoken;
use crate::reference::world::{Answer, Field, Form, FormOption};

/// The form in a `filled_form` event.
///
/// # Errors
/// When a field is not what the dialect documents.
pub fn read_form(spoken: Spoken, mut event: Map<String, Value>) -> Result<Form, Refusal> {
    let fields: Vec<Value> = read(event.remove("fields").unwrap_or_else(|| Value::Array(Vec::new())))?;
    let form_id = event.get("form_id").and_then(Value::as_str).map(str::to_owned);
    let field = |(n, field)| match spoken {
        Spoken::CustomerV02 | Spoken::CustomerV03 | Spoken::AgentV02 => Ok(customers_field(n, read(field)?)),
        Spoken::AgentV30 => Ok(agents_field(n, read(field)?)),
    };
    Ok(Form { form_id, fields: fields.into_iter().enumerate().map(field).collect::<Result<_, Refusal>>()? })
}

#[derive(Deserialize)]
struct CustomersField {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    label: Option<String>,
    /// A boolean, or its text (A02-A68).
    required: Option<Value>,
    value: Option<String>,
    options: Option<Vec<CustomersOption>>,
}

#[derive(Deserialize)]
struct CustomersOption {
    label: String,
    value: String,
    checked: bool,
}

fn customers_field(number: usize, field: CustomersField) -> Field {
    let option = |o: CustomersOption| FormOption { id: o.value, label: o.label, checked: o.checked, group: None };
    let answer = match (field.value, field.options) {
        (_, Some(options)) => Answer::Options(options.into_iter().map(option).collect()),
        (Some(text), None) => Answer::Text(text),
        (None, None) => Answer::Nothing,
    };
    let label = field.label.unwrap_or_default();
    let required = field.required.is_some_and(|required| required == true || required == "true");
    Field { id: id(number, field.name), kind: field.kind, label, required, answer }
}

#[derive(Deserialize)]
struct AgentsField {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    label: Option<String>,
    answer: Option<AgentsAnswer>,
    answers: Option<Vec<AgentsOption>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AgentsAnswer {
    Text(String),
    Option(AgentsOption),
}

#[derive(Deserialize)]
struct AgentsOption {
    id: Option<String>,
    label: Option<String>,
    group_id: Option<i64>,
}

fn agents_field(number: usize, field: AgentsField) -> Field {
    let option = |(n, o): (usize, AgentsOption)| {
        let label = o.label.unwrap_or_default();
        FormOption { id: o.id.unwrap_or_else(|| n.to_string()), label, checked: true, group: o.group_id }
    };
    let answer = match (field.answer, field.answers) {
        (Some(AgentsAnswer::Text(text)), _) => Answer::Text(text),
        (Some(AgentsAnswer::Option(picked)), _) => Answer::Options(vec![option((0, picked))]),
        (None, Some(picked)) => Answer::Options(picked.into_iter().enumerate().map(option).collect()),
        (None, None) => Answer::Nothing,
    };
    let label = field.label.unwrap_or_default();
    Field { id: id(number, field.id), kind: field.kind, label, required: false, answer }
}

/// Fields without an id are numbered.
fn id(number: usize, given: Option<String>) -> String {
    given.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("field_{}", number + 1))
}
