//! Steps that talk with a server: actions and pushes looked up in the catalog, pointers and error types checked.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::Compiler;
use super::steps::{Scope, WITHIN};
use super::web::with_upload;
use crate::protocol::{Dialect, Transport};
use crate::scenario::file::{self, OneOrMore};
use crate::scenario::plan::{Await, Call, Capture, Expect, Match, Never, Refuses};
use crate::scenario::problem::Problem;
use crate::scenario::read::join;
use crate::scenario::template::Template;

/// What a `never` names that allows no push at all.
const ANYTHING: &str = "anything";
/// How long a `never` looks out that does not say.
const LOOKOUT: Duration = Duration::from_millis(500);

impl Compiler<'_> {
    pub(super) fn call(&mut self, call: &file::CallStep, pointer: &str, scope: &Scope<'_>) -> Option<Call> {
        let at = |member: &str| join(pointer, member);
        let payload = call.payload.as_ref().map(|payload| self.template(payload, &at("payload"), scope));
        let payload = match payload {
            Some(parsed) => parsed,
            None => Some(Template::Literal(Value::Null)),
        };
        let expect = self.expect(call.expect.as_ref(), &at("expect"), scope);
        let deliberately_invalid = call.deliberately.is_some();
        if deliberately_invalid && expect == Expect::Success {
            let range = self.places.key(&at("deliberately"));
            let problem = Problem::new(range, "`deliberately: invalid` needs another `expect` than success");
            self.problems.push(problem.help("such as `expect: { error: validation }`"));
        }
        let web = self.web_options(call, pointer, scope);
        let assertions = self.assertions(call.assert.as_ref(), &at("assert"), scope, true);
        let capture = self.captures(call.capture.as_ref(), &at("capture"), scope);
        let share = self.captures(call.share.as_ref(), &at("share"), scope);
        if let Some(dialect) = scope.dialect {
            // What a deliberately invalid call names need not exist, and then nothing says what its payload should be.
            let offered = offers(dialect, &call.call, scope.transport);
            if !offered && !deliberately_invalid {
                self.not_offered(&call.call, &at("call"), dialect, scope.transport);
            } else if offered && let Some(payload) = &payload {
                let multipart = dialect.catalog.action(&call.call).and_then(|spec| spec.multipart.as_ref());
                match multipart.filter(|_| call.upload.is_some()) {
                    Some(multipart) => {
                        self.check_payload(dialect, call, &with_upload(payload, multipart), pointer);
                    }
                    None => self.check_payload(dialect, call, payload, pointer),
                }
            }
        }
        let action = call.call.clone();
        Some(Call { action, payload: payload?, expect, assertions, deliberately_invalid, web, capture, share })
    }

    fn expect(&mut self, expect: Option<&file::Expect>, pointer: &str, scope: &Scope<'_>) -> Expect {
        let kinds = match expect {
            None | Some(file::Expect::Success) => return Expect::Success,
            Some(file::Expect::Anything) => return Expect::Anything,
            Some(file::Expect::Refused) => return Expect::Refused,
            Some(file::Expect::Error(kinds)) => listed(kinds, &join(pointer, "error")),
        };
        if let Some(dialect) = scope.dialect {
            for (pointer, kind) in kinds.iter().filter(|(_, kind)| !dialect.catalog.errors.contains_key(kind)) {
                let problem =
                    Problem::new(self.places.value(pointer), format!("`{}` has no error type `{kind}`", dialect.name));
                self.problems.push(problem.allowed(kind, dialect.catalog.errors.keys().map(String::as_str)));
            }
        }
        Expect::Error(kinds.into_iter().map(|(_, kind)| kind).collect())
    }

    /// Says why an action cannot be called: it does not exist, or not over this transport.
    fn not_offered(&mut self, name: &str, pointer: &str, dialect: &Dialect, transport: Option<Transport>) {
        let range = self.places.value(pointer);
        let help = "to send it all the same, add `deliberately: invalid`";
        let Some(spec) = dialect.catalog.actions.get(name) else {
            let known = dialect.catalog.actions.keys().map(String::as_str);
            let known = known.filter(|name| offers(dialect, name, transport));
            let problem = Problem::new(range, format!("`{}` has no action `{name}`", dialect.name));
            return self.problems.push(problem.allowed(name, known));
        };
        if spec.indexed_only {
            let message = format!("`{name}` is named in the documents of `{}` but described nowhere", dialect.name);
            return self.problems.push(Problem::new(range, message).help(help));
        }
        let (here, there) = match transport {
            Some(Transport::Web) => ("the Web API", "websocket"),
            Some(Transport::Socketio) => ("socket.io", "web"),
            _ => ("a websocket", "web"),
        };
        let problem = Problem::new(range, format!("`{name}` cannot be called over {here}"));
        let only =
            format!("it exists with `transport: {there}` only ({} {}); {help}", dialect.catalog.document, spec.line);
        self.problems.push(problem.help(only));
    }

    pub(super) fn awaited(&mut self, wait: &file::AwaitStep, pointer: &str, scope: &Scope<'_>) -> Await {
        let at = |member: &str| join(pointer, member);
        self.needs_connection("await", pointer, scope);
        Await {
            pushes: self.pushes(&wait.r#await, &at("await"), scope),
            matches: self.matches(wait.r#match.as_ref(), &at("match"), scope),
            unless: self.matches(wait.unless.as_ref(), &at("unless"), scope),
            within: wait.within.map_or(WITHIN, |time| time.0),
            assertions: self.assertions(wait.assert.as_ref(), &at("assert"), scope, true),
            capture: self.captures(wait.capture.as_ref(), &at("capture"), scope),
            share: self.captures(wait.share.as_ref(), &at("share"), scope),
        }
    }

    pub(super) fn never(&mut self, never: &file::NeverStep, pointer: &str, scope: &Scope<'_>) -> Never {
        let at = |member: &str| join(pointer, member);
        self.needs_connection("never", pointer, scope);
        Never {
            pushes: match &never.never {
                OneOrMore::One(name) if name == ANYTHING => Vec::new(),
                names => self.pushes(names, &at("never"), scope),
            },
            matches: self.matches(never.r#match.as_ref(), &at("match"), scope),
            unless: self.matches(never.unless.as_ref(), &at("unless"), scope),
            within: never.r#for.map_or(LOOKOUT, |time| time.0),
        }
    }

    pub(super) fn refuses(&mut self, refuses: &file::Refuses, pointer: &str, scope: &Scope<'_>) -> Option<Refuses> {
        let here = join(pointer, "refuses");
        let at = |member: &str| join(&here, member);
        let template = |compiler: &mut Self, payload: &Option<Value>, pointer: &str| match payload {
            Some(payload) => compiler.template(payload, pointer, scope),
            None => Some(Template::Literal(Value::Null)),
        };
        let payload = template(self, &refuses.payload, &at("payload"));
        let unchanged = refuses.unchanged.as_ref().map(|question| {
            let here = at("unchanged");
            if let Some(dialect) = scope.dialect.filter(|dialect| !offers(dialect, &question.action, scope.transport)) {
                self.not_offered(&question.action, &join(&here, "action"), dialect, scope.transport);
            }
            let payload = template(self, &question.payload, &join(&here, "payload"))?;
            Some((question.action.clone(), payload))
        });
        if let Some(dialect) = scope.dialect
            && refuses.class.is_none()
            && !offers(dialect, &refuses.action, scope.transport)
        {
            self.not_offered(&refuses.action, &at("action"), dialect, scope.transport);
        }
        Some(Refuses {
            action: refuses.action.clone(),
            payload: payload?,
            class: refuses.class,
            unchanged: unchanged.flatten(),
        })
    }

    pub(super) fn pushes(&mut self, names: &OneOrMore, pointer: &str, scope: &Scope<'_>) -> Vec<String> {
        let names = listed(names, pointer);
        if let Some(dialect) = scope.dialect {
            for (pointer, name) in names.iter().filter(|(_, name)| !dialect.catalog.pushes.contains_key(name)) {
                let problem =
                    Problem::new(self.places.value(pointer), format!("`{}` has no push `{name}`", dialect.name));
                self.problems.push(problem.allowed(name, dialect.catalog.pushes.keys().map(String::as_str)));
            }
        }
        names.into_iter().map(|(_, name)| name).collect()
    }

    pub(super) fn matches(
        &mut self,
        wanted: Option<&BTreeMap<String, Value>>,
        pointer: &str,
        scope: &Scope<'_>,
    ) -> Match {
        let mut entries = Vec::new();
        for (path, value) in wanted.into_iter().flatten() {
            let place = join(pointer, path);
            self.payload_pointer(path, self.places.key(&place));
            entries.extend(self.template(value, &place, scope).map(|template| (path.clone(), template)));
        }
        Match(entries)
    }

    pub(super) fn captures(
        &mut self,
        wanted: Option<&BTreeMap<String, String>>,
        pointer: &str,
        scope: &Scope<'_>,
    ) -> Vec<Capture> {
        let mut captures = Vec::new();
        for (name, path) in wanted.into_iter().flatten() {
            let place = join(pointer, name);
            self.own_name(name, &place, scope);
            self.payload_pointer(path, self.places.value(&place));
            captures.push(Capture { name: name.clone(), pointer: path.clone() });
        }
        captures
    }

    /// A JSON pointer (RFC 6901) into a payload; an empty one is the payload itself.
    pub(super) fn payload_pointer(&mut self, path: &str, range: std::ops::Range<usize>) {
        let escapes = path.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        if !(path.is_empty() || path.starts_with('/')) || !escapes {
            let problem = Problem::new(range, format!("`{path}` is not a JSON pointer"));
            self.problems.push(problem.help("write for example `/chat/id` or `/chat/users/0/id`, from the payload"));
        }
    }
}

/// Whether a dialect describes an action, and has it on this transport.
fn offers(dialect: &Dialect, name: &str, transport: Option<Transport>) -> bool {
    let spec = dialect.catalog.action(name);
    spec.is_some_and(|spec| transport.is_none_or(|transport| spec.transports.contains(&transport.channel())))
}

/// One name or several, each with its pointer.
fn listed(names: &OneOrMore, pointer: &str) -> Vec<(String, String)> {
    match names {
        OneOrMore::One(name) => vec![(pointer.to_owned(), name.clone())],
        OneOrMore::More(names) => {
            names.iter().enumerate().map(|(index, name)| (join(pointer, index), name.clone())).collect()
        }
    }
}
