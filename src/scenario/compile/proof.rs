//! What steps prove, and what they assert.

use serde_json::Value;

use super::Compiler;
use super::steps::Scope;
use crate::protocol::RequirementId;
use crate::scenario::file;
use crate::scenario::plan::{Assertion, Claim, Comparison, Subject};
use crate::scenario::template::Template;
use crate::yaml::join;
use crate::yaml::{Problem, list};

impl Compiler<'_> {
    /// The ids of what a step proves. Whether they exist is asked where requirements are known.
    pub(super) fn proves(&mut self, step: &file::Step, pointer: &str) -> Vec<RequirementId> {
        let at = join(pointer, "proves");
        let ids = step.proves.as_deref().unwrap_or_default();
        for (index, id) in ids.iter().enumerate().filter(|(_, id)| !is_id(id)) {
            let range = self.places.value(&join(&at, index));
            let problem = Problem::new(range, format!("`{id}` cannot be the id of a requirement"));
            self.problems.push(problem.help("ids look like `C03-B14`"));
        }
        match &step.name {
            Some(name) => self.step_name(name, &join(pointer, "name")),
            None if !ids.is_empty() => {
                let problem = Problem::new(self.places.key(&at), "a step that proves something needs a `name`");
                self.problems.push(problem.help("such as `name: closing_causes_thread_closed`"));
            }
            None => {}
        }
        ids.iter().map(|id| RequirementId(id.as_str().into())).collect()
    }

    /// The name of a step: no other step has it, but what an alias repeats is the same step.
    fn step_name(&mut self, name: &str, pointer: &str) {
        self.name(name, "a step", pointer);
        let range = self.places.value(pointer);
        let first = self.step_names.entry(name.to_owned()).or_insert_with(|| range.clone()).clone();
        if first != range {
            let line = 1 + self.text[..first.start].matches('\n').count();
            self.problems.push(Problem::new(range, format!("another step is called `{name}` (line {line})")));
        }
    }

    /// Assertions on a payload or, without one, on known values.
    pub(super) fn assertions(
        &mut self,
        assertions: Option<&Vec<file::Assertion>>,
        pointer: &str,
        scope: &Scope<'_>,
        has_payload: bool,
    ) -> Vec<Assertion> {
        let mut compiled = Vec::new();
        for (index, assertion) in assertions.into_iter().flatten().enumerate() {
            let pointer = join(pointer, index);
            let subject = self.subject(assertion, &pointer, scope, has_payload);
            let claim = self.claim(assertion, &pointer, scope);
            if let (Some(subject), Some(claim)) = (subject, claim) {
                compiled.push(Assertion { subject, claim });
            }
        }
        compiled
    }

    fn subject(
        &mut self,
        assertion: &file::Assertion,
        pointer: &str,
        scope: &Scope<'_>,
        has_payload: bool,
    ) -> Option<Subject> {
        let at = join(pointer, "at");
        let place = self.places.value(pointer);
        let problem = match (&assertion.at, &assertion.value) {
            (Some(path), None) if has_payload => {
                self.payload_pointer(path, self.places.value(&at));
                return Some(Subject::At(path.clone()));
            }
            (None, Some(value)) => {
                let here = join(pointer, "value");
                if assertion.present.is_some() {
                    let range = self.places.key(&join(pointer, "present"));
                    self.problems.push(Problem::new(range, "`present` goes with `at`: a value is always there"));
                }
                let template = self.template(value, &here, scope)?;
                if template.holes().is_empty() {
                    let problem = Problem::new(self.places.value(&here), "this value is known to everybody");
                    self.problems.push(problem.help("name a captured one, such as `\"${chat}\"`"));
                }
                let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                return Some(Subject::Value { written, value: template });
            }
            (Some(_), None) => Problem::new(self.places.key(&at), "`check` has no payload to look into")
                .help("write `value: \"${name}\"`, or use `assert` in a `call` or `await`"),
            (Some(_), Some(_)) => {
                Problem::new(self.places.key(&join(pointer, "value")), "`at` and `value` do not go together")
            }
            (None, None) if has_payload => Problem::new(place, "this assertion lacks `at` or `value`"),
            (None, None) => Problem::new(place, "this assertion lacks `value`"),
        };
        self.problems.push(problem);
        None
    }

    fn claim(&mut self, assertion: &file::Assertion, pointer: &str, scope: &Scope<'_>) -> Option<Claim> {
        let mut claims: Vec<(&str, Option<Claim>)> = Vec::new();
        let mut about = |key: &'static str, value: &Option<Value>, make: fn(Template) -> Claim| {
            if let Some(value) = value {
                claims.push((key, self.template(value, &join(pointer, key), scope).map(make)));
            }
        };
        about("equals", &assertion.equals, Claim::Equals);
        about("not", &assertion.not, Claim::Not);
        about("includes", &assertion.includes, Claim::Includes);
        about("excludes", &assertion.excludes, Claim::Excludes);
        for comparison in Comparison::ALL {
            let bound = match comparison {
                Comparison::Above => &assertion.above,
                Comparison::Below => &assertion.below,
                Comparison::AtLeast => &assertion.at_least,
                Comparison::AtMost => &assertion.at_most,
            };
            if let Some(bound) = bound {
                claims.push((comparison.key(), self.bound(comparison, bound, pointer, scope)));
            }
        }
        claims.extend(assertion.present.map(|present| ("present", Some(Claim::Present(present)))));
        claims.extend(assertion.size.map(|size| ("size", Some(Claim::Size(size)))));
        claims.extend(assertion.r#type.map(|kind| ("type", Some(Claim::Type(kind.0)))));
        if let Some(ascending) = assertion.ascending {
            if !ascending {
                self.problem(&join(pointer, "ascending"), "`ascending` can only be `true`");
            }
            claims.push(("ascending", Some(Claim::Ascending)));
        }
        match claims.as_slice() {
            [_] => claims.pop().and_then(|(_, claim)| claim),
            [] => {
                let problem = Problem::new(self.places.value(pointer), "nothing says what should hold");
                self.problems.push(problem.help(format!("one of {}", list(CLAIMS))));
                None
            }
            [(first, _), (second, _), ..] => {
                let range = self.places.key(&join(pointer, second));
                let problem = Problem::new(range, format!("`{first}` and `{second}` do not go together"));
                self.problems.push(problem.help("write two assertions, each with its own dash"));
                None
            }
        }
    }

    fn bound(&mut self, comparison: Comparison, bound: &Value, pointer: &str, scope: &Scope<'_>) -> Option<Claim> {
        let at = join(pointer, comparison.key());
        let template = self.template(bound, &at, scope)?;
        if !matches!(&template, Template::Hole(_) | Template::Literal(Value::Number(_))) {
            self.problem(&at, format!("`{}` needs a number", comparison.key()));
        }
        Some(Claim::Compared(comparison, template))
    }
}

/// What an assertion can say.
const CLAIMS: [&str; 12] = [
    "equals",
    "not",
    "present",
    "size",
    "includes",
    "excludes",
    "above",
    "below",
    "at_least",
    "at_most",
    "type",
    "ascending",
];

/// Whether this has the form of a requirement's id: a dialect's letter and number, a dash, a letter and a number.
fn is_id(text: &str) -> bool {
    let numbered = |part: &str| {
        let mut characters = part.chars();
        characters.next().is_some_and(|first| first.is_ascii_uppercase())
            && !characters.as_str().is_empty()
            && characters.as_str().bytes().all(|byte| byte.is_ascii_digit())
    };
    text.split_once('-').is_some_and(|(dialect, sentence)| numbered(dialect) && numbered(sentence))
}
