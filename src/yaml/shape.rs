//! Is the file of the shape that its schema asks for? Every place where it is not becomes a problem.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::problem::{Problem, nearest};
use super::read::{Document, join};

/// Longest text of the user's that a message repeats, in characters.
const EXCERPT: usize = 60;

/// The JSON Schema (2020-12) of the files that a type reads, for editors.
pub fn editor_schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(without_null));
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// An optional member may be left out; writing null for it is a slip, not a way to do so.
fn without_null(schema: &mut Schema) {
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    let Some(Value::Array(branches)) = schema.get_mut("anyOf") else { return };
    branches.retain(|branch| branch.get("type").is_none_or(|one| one != "null"));
    if let [Value::Object(only)] = branches.as_slice() {
        let only = only.clone();
        schema.remove("anyOf");
        for (key, value) in only {
            if schema.get(&key).is_none() {
                schema.insert(key, value);
            }
        }
    }
}

/// Everything about the file's shape that is wrong.
pub fn check(document: &Document, schema: &Value) -> Vec<Problem> {
    let validator = match jsonschema::draft202012::options().with_base_uri("chatproof:///file").build(schema) {
        Ok(validator) => validator,
        Err(error) => return vec![Problem::with_the_file(format!("our own schema of this file is broken: {error}"))],
    };
    let mut check = Check { schema, document, problems: Vec::new() };
    for error in validator.iter_errors(&document.value) {
        check.take(&error);
    }
    check.problems
}

struct Check<'a> {
    schema: &'a Value,
    document: &'a Document,
    problems: Vec<Problem>,
}

/// One of the shapes that a union allows, and why the value is not of it.
struct Alternative<'a, 'e> {
    schema: &'a Value,
    errors: Vec<&'e ValidationError<'static>>,
}

impl<'a> Check<'a> {
    fn take(&mut self, error: &ValidationError<'_>) {
        let pointer = error.instance_path().as_str();
        let instance: &Value = error.instance();
        let schema = self.around(error);
        let here = self.document.places.value(pointer);
        match error.kind() {
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                self.union(pointer, instance, schema, context);
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let known: Vec<&str> = members(schema).collect();
                for key in unexpected {
                    let range = self.document.places.key(&join(pointer, key));
                    let problem = Problem::new(range, format!("unknown key `{key}`"));
                    self.problems.push(problem.allowed(key, known.iter().copied()));
                }
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let known: Vec<&str> = members(schema).collect();
                let keys = || instance.as_object().into_iter().flat_map(|map| map.keys());
                // A misspelt key has been told already, with what was meant.
                let is_misspelt =
                    keys().any(|key| !known.contains(&&**key) && nearest(key, known.iter().copied()) == Some(name));
                if !is_misspelt {
                    let problem = Problem::new(here, format!("`{name}` is missing"));
                    let meaning = schema["properties"][name]["description"].as_str();
                    self.problems.push(match meaning {
                        Some(meaning) => problem.help(format!("`{name}`: {meaning}")),
                        None => problem,
                    });
                }
            }
            ValidationErrorKind::Type { kind } => {
                let expected = title(schema).unwrap_or_else(|| type_words(kind));
                let problem = Problem::new(here, format!("expected {expected}, found {}", found(instance)));
                self.problems.push(with_examples(problem, schema));
            }
            ValidationErrorKind::Pattern { .. } => {
                let expected = title(schema).unwrap_or_else(|| "allowed here".to_owned());
                let problem = Problem::new(here, format!("{} is not {expected}", quoted(instance)));
                self.problems.push(with_examples(problem, schema));
            }
            kind => {
                let words = match kind {
                    ValidationErrorKind::Minimum { limit } => {
                        format!("{} is too small; at least {limit}", quoted(instance))
                    }
                    ValidationErrorKind::Maximum { limit } => {
                        format!("{} is too large; at most {limit}", quoted(instance))
                    }
                    ValidationErrorKind::ExclusiveMinimum { limit } => {
                        format!("{} is too small; more than {limit}", quoted(instance))
                    }
                    ValidationErrorKind::MinItems { limit: 1 } => "this list is empty".to_owned(),
                    ValidationErrorKind::MinItems { limit } => format!("this list is too short; {limit} items"),
                    ValidationErrorKind::MaxItems { limit } => format!("this list is too long; {limit} items"),
                    ValidationErrorKind::MinProperties { .. } => "this mapping is empty".to_owned(),
                    ValidationErrorKind::Constant { expected_value } => {
                        format!("{} is not allowed here; only {}", quoted(instance), quoted(expected_value))
                    }
                    other => format!("{} is not allowed here (`{}`)", quoted(instance), other.keyword()),
                };
                self.problems.push(Problem::new(here, words));
            }
        }
    }

    /// Says what is wrong about the alternative that the writer meant, or which alternatives there are.
    fn union(&mut self, pointer: &str, instance: &Value, schema: &'a Value, context: &[Vec<ValidationError<'static>>]) {
        let mut alternatives = Vec::new();
        self.flatten(schema, context, &mut alternatives);
        let of_same_type: Vec<&Alternative<'_, '_>> = alternatives
            .iter()
            .filter(|one| is_of_type(instance, one.schema) && constant(one.schema).is_none())
            .collect();
        if let Value::Object(map) = instance {
            let meant: Vec<&&Alternative<'_, '_>> = of_same_type
                .iter()
                .filter(|one| discriminator(one.schema).is_some_and(|key| map.contains_key(key)))
                .collect();
            if let [first, second, ..] = meant.as_slice() {
                let [first, second] = [first, second].map(|one| discriminator(one.schema).unwrap_or_default());
                let range = self.document.places.key(&join(pointer, second));
                let message = format!("`{first}` and `{second}` do not go together");
                self.problems
                    .push(Problem::new(range, message).help("write them one after the other, each with its own dash"));
                return;
            }
            if let [one] = meant.as_slice() {
                return one.errors.iter().for_each(|error| self.take(error));
            }
            let mut known: Vec<&str> = Vec::new();
            for name in alternatives.iter().filter_map(|one| discriminator(one.schema).or(constant(one.schema))) {
                if !known.contains(&name) {
                    known.push(name);
                }
            }
            if of_same_type.len() > 1 && !map.is_empty() {
                let key = map.keys().find(|key| nearest(key, known.iter().copied()).is_some());
                let key =
                    key.or_else(|| map.keys().min_by_key(|key| self.document.places.key(&join(pointer, key)).start));
                let key = key.map(String::as_str).unwrap_or_default();
                let what = title(schema).unwrap_or_else(|| "allowed here".to_owned());
                let range = self.document.places.key(&join(pointer, key));
                self.problems.push(Problem::new(range, format!("`{key}` is not {what}")).allowed(key, known));
                return;
            }
        }
        if let [one] = of_same_type.as_slice()
            && alternatives.iter().all(|other| constant(other.schema).is_none() || !instance.is_string())
        {
            return one.errors.iter().for_each(|error| self.take(error));
        }
        let what = title(schema).filter(|title| !title.starts_with('`')).unwrap_or_else(|| "allowed here".to_owned());
        let mut problem =
            Problem::new(self.document.places.value(pointer), format!("{} is not {what}", quoted(instance)));
        let texts = alternatives.iter().filter_map(|one| constant(one.schema));
        if let Some(near) = instance.as_str().and_then(|text| nearest(text, texts)) {
            problem = problem.label(format!("did you mean `{near}`?"));
        }
        let allowed: Vec<String> = alternatives.iter().map(|one| description(one.schema)).collect();
        self.problems.push(problem.help(format!("allowed: {}", allowed.join(", "))));
    }

    /// The alternatives of a union and of the unions in it.
    fn flatten<'e>(
        &self,
        schema: &'a Value,
        context: &'e [Vec<ValidationError<'static>>],
        alternatives: &mut Vec<Alternative<'a, 'e>>,
    ) {
        for (branch, errors) in branches(schema).iter().zip(context) {
            let branch = self.resolve(branch);
            match errors.as_slice() {
                [error] if !branches(branch).is_empty() => {
                    if let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } =
                        error.kind()
                    {
                        self.flatten(branch, context, alternatives);
                    }
                }
                _ => alternatives.push(Alternative { schema: branch, errors: errors.iter().collect() }),
            }
        }
    }

    /// The schema that has the keyword that failed.
    fn around(&self, error: &ValidationError<'_>) -> &'a Value {
        let location = error.absolute_keyword_location().map(ToString::to_string).unwrap_or_default();
        let keyword = location.split_once('#').map_or("", |(_, pointer)| pointer);
        let parent = keyword.rfind('/').map_or("", |end| &keyword[..end]);
        self.schema.pointer(parent).unwrap_or(&Value::Null)
    }

    fn resolve(&self, mut schema: &'a Value) -> &'a Value {
        while let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            match reference.strip_prefix('#').and_then(|pointer| self.schema.pointer(pointer)) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }
}

fn branches(schema: &Value) -> &[Value] {
    let branches = schema.get("anyOf").or_else(|| schema.get("oneOf"));
    branches.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The key that tells this alternative from the others: the first one that it needs.
fn discriminator(schema: &Value) -> Option<&str> {
    schema["required"][0].as_str()
}

/// The only text that this alternative allows.
fn constant(schema: &Value) -> Option<&str> {
    schema["const"].as_str()
}

fn members(schema: &Value) -> impl Iterator<Item = &str> {
    schema["properties"].as_object().into_iter().flat_map(|map| map.keys()).map(String::as_str)
}

fn title(schema: &Value) -> Option<String> {
    schema["title"].as_str().map(str::to_owned)
}

fn is_of_type(instance: &Value, schema: &Value) -> bool {
    match schema["type"].as_str() {
        Some("object") => instance.is_object(),
        Some("array") => instance.is_array(),
        Some("string") => instance.is_string(),
        Some("boolean") => instance.is_boolean(),
        Some("integer" | "number") => instance.is_number(),
        _ => false,
    }
}

/// An alternative in a few words.
fn description(schema: &Value) -> String {
    let example = schema["examples"].get(1).and_then(Value::as_str);
    match (constant(schema), title(schema), discriminator(schema)) {
        (Some(text), _, _) => format!("`{text}`"),
        (_, Some(title), _) => example.map_or(title.clone(), |example| format!("{title} such as `{example}`")),
        (_, _, Some(key)) => format!("`{{ {key}: … }}`"),
        _ => schema["type"].as_str().map_or("something else", type_word).to_owned(),
    }
}

fn with_examples(problem: Problem, schema: &Value) -> Problem {
    let examples: Vec<&str> = schema["examples"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match examples.is_empty() {
        true => problem,
        false => problem.help(format!("for example {}", super::problem::list(examples))),
    }
}

fn type_words(kind: &TypeKind) -> String {
    let word = |one: JsonType| type_word(one.as_str()).to_owned();
    match kind {
        TypeKind::Single(one) => word(*one),
        TypeKind::Multiple(several) => several.iter().map(word).collect::<Vec<_>>().join(" or "),
    }
}

fn type_word(name: &str) -> &str {
    match name {
        "string" => "a text",
        "number" => "a number",
        "integer" => "a whole number",
        "boolean" => "`true` or `false`",
        "array" => "a list",
        "object" => "a mapping",
        other => other,
    }
}

/// A value as a sentence about types speaks of it.
fn found(value: &Value) -> String {
    match value {
        Value::Number(_) => format!("the number {}", quoted(value)),
        Value::String(_) => format!("the text {}", quoted(value)),
        _ => quoted(value),
    }
}

/// A value as a sentence shows it.
fn quoted(value: &Value) -> String {
    let text = match value {
        Value::Null => return "nothing".to_owned(),
        Value::Array(items) if items.is_empty() => return "an empty list".to_owned(),
        Value::Object(members) if members.is_empty() => return "an empty mapping".to_owned(),
        Value::Array(_) => return "a list".to_owned(),
        Value::Object(_) => return "a mapping".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}
