//! Payloads against the request schemas, as far as their literals go: a hole satisfies anything.

use serde_json::{Map, Value, json};

use super::Compiler;
use crate::protocol::{Dialect, Kind, Mismatch, MismatchKind};
use crate::scenario::file::CallStep;
use crate::scenario::template::Template;
use crate::yaml::join;
use crate::yaml::{Problem, nearest};

/// Keywords that judge a value as a whole, with everything that is in it.
const WHOLE: [&str; 7] = ["anyOf", "oneOf", "not", "enum", "const", "contains", "uniqueItems"];

/// A place in a payload that is not literal.
struct Open {
    pointer: String,
    /// A text with holes in it: what it says is unknown, but it is a text.
    is_text: bool,
}

impl Compiler<'_> {
    pub(super) fn check_payload(&mut self, dialect: &Dialect, call: &CallStep, payload: &Template, pointer: &str) {
        let at = join(pointer, "payload");
        let found = mismatches(dialect, &call.call, payload);
        match (&call.deliberately, payload) {
            (Some(_), Template::Literal(_)) if found.is_empty() => {
                let range = self.places.key(&join(pointer, "deliberately"));
                let problem = Problem::new(range, format!("this payload of `{}` is valid", call.call));
                self.problems.push(problem.help("remove `deliberately`"));
            }
            (Some(_), _) => {}
            (None, Template::Literal(Value::Null)) => {
                if !found.is_empty() {
                    let lacking: Vec<String> =
                        found.iter().map(|mismatch| format!("`{}`", last(&mismatch.pointer))).collect();
                    let range = self.places.value(&join(pointer, "call"));
                    let problem = Problem::new(range, format!("`{}` needs a payload", call.call));
                    self.problems.push(problem.help(format!("with {}", lacking.join(", "))));
                }
            }
            (None, _) => {
                let help = "to send it all the same, add `deliberately: invalid`";
                found.iter().for_each(|mismatch| self.mismatch(&call.call, mismatch, &at, call.payload.as_ref(), help));
            }
        }
    }

    /// The members of a login payload; the session adds the token.
    pub(super) fn check_login(&mut self, dialect: &Dialect, members: &Template, pointer: &str) {
        let action = &dialect.catalog.login.action;
        let is_added = |mismatch: &Mismatch| {
            mismatch.kind == MismatchKind::MissingMember && mismatch.pointer.rfind('/') == Some(0)
        };
        for mismatch in mismatches(dialect, action, members).iter().filter(|mismatch| !is_added(mismatch)) {
            self.mismatch(action, mismatch, pointer, None, "");
        }
    }

    fn mismatch(&mut self, action: &str, mismatch: &Mismatch, at: &str, payload: Option<&Value>, help: &str) {
        let place = format!("{at}{}", mismatch.pointer);
        let parent = &mismatch.pointer[..mismatch.pointer.rfind('/').unwrap_or(0)];
        let source = mismatch.source.as_deref().and_then(|source| source.split(';').next());
        let help: Vec<String> = source
            .map(|source| format!("documented in {source}"))
            .into_iter()
            .chain((!help.is_empty()).then(|| help.to_owned()))
            .collect();
        let problem = match mismatch.kind {
            MismatchKind::MissingMember => {
                let name = last(&mismatch.pointer);
                let siblings = payload.and_then(|payload| payload.pointer(parent)).and_then(Value::as_object);
                let near = nearest(&name, siblings.into_iter().flat_map(|map| map.keys()).map(String::as_str));
                let within = if parent.is_empty() { String::new() } else { format!(" at `{parent}`") };
                let message = format!("the payload of `{action}` lacks `{name}`{within}");
                match near {
                    Some(near) => Problem::new(self.places.key(&join(&format!("{at}{parent}"), near)), message)
                        .label(format!("did you mean `{name}`?")),
                    None => Problem::new(self.places.value(&format!("{at}{parent}")), message),
                }
            }
            MismatchKind::WrongType | MismatchKind::WrongValue => {
                let message = format!("`{action}` wants {} here, found {}", mismatch.expected, mismatch.got);
                Problem::new(self.places.value(&place), message)
            }
        };
        self.problems.push(match help.is_empty() {
            true => problem,
            false => problem.help(help.join("; ")),
        });
    }
}

/// What is wrong with a payload whatever its holes are filled with.
fn mismatches(dialect: &Dialect, action: &str, payload: &Template) -> Vec<Mismatch> {
    let check = |value: &Value| dialect.schemas.check(Kind::Request, action, value);
    if let Template::Literal(value) = payload {
        return match value {
            // The members that are lacking say more than "an object".
            Value::Null if !check(value).is_empty() => {
                Some(check(&json!({}))).filter(|found| !found.is_empty()).unwrap_or_else(|| check(value))
            }
            _ => check(value),
        };
    }
    let mut open = Vec::new();
    places(payload, String::new(), &mut open);
    let fillings = [json!("text"), json!(1), json!({}), json!([]), json!(true), Value::Null];
    let mut fewest: Option<Vec<Mismatch>> = None;
    for filling in fillings {
        let mut found = check(&filled(payload, &filling));
        found.retain(|mismatch| !open.iter().any(|open| open.excuses(mismatch)));
        if fewest.as_ref().is_none_or(|fewest| found.len() < fewest.len()) {
            fewest = Some(found);
        }
    }
    fewest.unwrap_or_default()
}

impl Open {
    /// Whether this mismatch may vanish once the hole is filled.
    fn excuses(&self, mismatch: &Mismatch) -> bool {
        let is_within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let judged_as_whole = WHOLE.contains(&mismatch.keyword.as_str()) && is_within(&self.pointer, &mismatch.pointer);
        let here = match self.is_text {
            true => mismatch.pointer == self.pointer && mismatch.kind == MismatchKind::WrongValue,
            false => is_within(&mismatch.pointer, &self.pointer),
        };
        here || judged_as_whole
    }
}

fn places(template: &Template, pointer: String, open: &mut Vec<Open>) {
    match template {
        Template::Literal(_) => {}
        Template::Hole(_) => open.push(Open { pointer, is_text: false }),
        Template::Text(_) => open.push(Open { pointer, is_text: true }),
        Template::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, join(&pointer, index), open));
        }
        Template::Object(members) => {
            members.iter().for_each(|(name, member)| places(member, join(&pointer, name), open));
        }
    }
}

fn filled(template: &Template, filling: &Value) -> Value {
    match template {
        Template::Literal(value) => value.clone(),
        Template::Hole(_) => filling.clone(),
        Template::Text(_) => json!("text"),
        Template::Array(items) => items.iter().map(|item| filled(item, filling)).collect(),
        Template::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), filled(member, filling))).collect::<Map<_, _>>().into()
        }
    }
}

/// The last token of a pointer.
fn last(pointer: &str) -> String {
    pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~")
}
