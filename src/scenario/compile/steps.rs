//! Steps: actions and pushes looked up in the catalog, templates parsed, limits and weights checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::names::{Group, Known};
use super::{Compiler, Surroundings};
use crate::protocol::{Channel, Dialect, Transport};
use crate::scenario::file::{self, OneOrMore, Steps};
use crate::scenario::plan::{Await, BUILT_IN, Call, Capture, Condition, Expect, Match, Reaction, Step, StepAction};
use crate::scenario::problem::Problem;
use crate::scenario::read::join;
use crate::scenario::template::{Hole, Piece, Template, TextTemplate};

/// How long a step waits that does not say.
const WITHIN: Duration = Duration::from_secs(15);

/// What a step can see.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    /// The actor's name.
    pub actor: &'s str,
    /// What it speaks, if that is known.
    pub dialect: Option<&'s Dialect>,
    /// Over what, if that is known.
    pub transport: Option<Transport>,
    /// The named things outside of the actor.
    pub surroundings: &'s Surroundings,
    /// The names of the actor.
    pub known: &'s Known,
    /// Within a reaction: its own names.
    pub reaction: Option<&'s BTreeSet<String>>,
}

impl<'s> Scope<'s> {
    /// The groups in which the actor comes.
    pub fn groups(&self) -> impl Iterator<Item = &'s Group> {
        self.surroundings.groups.iter().filter(|group| group.members.iter().any(|member| member == self.actor))
    }
}

impl Compiler<'_> {
    pub(super) fn steps(&mut self, steps: &Steps, pointer: &str, scope: &Scope<'_>) -> Vec<Step> {
        let mut compiled = Vec::with_capacity(steps.len());
        for (index, part) in steps.iter().enumerate() {
            let pointer = join(pointer, index);
            if let Some(step) = self.piece(part, &pointer)
                && let Some(action) = self.step(step, &pointer, scope)
            {
                compiled.push(Step { pointer, action });
            }
        }
        compiled
    }

    fn step(&mut self, step: &file::Step, pointer: &str, scope: &Scope<'_>) -> Option<StepAction> {
        let at = |member: &str| join(pointer, member);
        Some(match step {
            file::Step::Call(call) => StepAction::Call(self.call(call, pointer, scope)?),
            file::Step::Await(wait) => {
                self.needs_connection("await", pointer, scope);
                StepAction::Await(Await {
                    pushes: self.pushes(&wait.r#await, &at("await"), scope),
                    matches: self.matches(wait.r#match.as_ref(), &at("match"), scope),
                    unless: self.matches(wait.unless.as_ref(), &at("unless"), scope),
                    within: wait.within.map_or(WITHIN, |time| time.0),
                    capture: self.captures(wait.capture.as_ref(), &at("capture"), scope),
                    share: self.captures(wait.share.as_ref(), &at("share"), scope),
                })
            }
            file::Step::React(react) => {
                self.needs_connection("react", pointer, scope);
                let reactions = react.react.iter().enumerate();
                let reactions = reactions
                    .map(|(index, reaction)| Arc::new(self.reaction(reaction, &join(&at("react"), index), scope)));
                let reactions = reactions.collect();
                StepAction::React { reactions, during: self.steps(&react.during, &at("during"), scope) }
            }
            file::Step::Think(think) => {
                StepAction::Think(self.think(&think.think, &at("think"), &scope.surroundings.think_times)?)
            }
            file::Step::At(moment) => StepAction::At(moment.at.0),
            file::Step::Stay(stay) => StepAction::Stay(match stay.stay {
                file::Stay::Until(file::Until::UntilWindDown) => None,
                file::Stay::AtMost(time) => Some(time.0),
            }),
            file::Step::Repeat(repeat) => StepAction::Repeat {
                times: match repeat.repeat {
                    file::Times::Until(file::Until::UntilWindDown) => None,
                    file::Times::Number(times) => Some(times),
                },
                steps: self.steps(&repeat.steps, &at("steps"), scope),
            },
            file::Step::Choose(choose) => {
                let choices = choose.choose.iter().enumerate();
                let choices = choices.map(|(index, choice)| {
                    let pointer = join(&join(&at("choose"), index), "steps");
                    (choice.weight, self.steps(&choice.steps, &pointer, scope))
                });
                StepAction::Choose(choices.collect())
            }
            file::Step::If(step) => StepAction::If {
                condition: self.condition(&step.r#if, &at("if"), scope)?,
                then: self.steps(&step.then, &at("then"), scope),
                otherwise: match &step.r#else {
                    Some(steps) => self.steps(steps, &at("else"), scope),
                    None => Vec::new(),
                },
            },
            file::Step::Group(group) => {
                StepAction::Group { name: group.group.clone(), steps: self.steps(&group.steps, &at("steps"), scope) }
            }
            file::Step::Parallel(parallel) => {
                let lists = parallel.parallel.iter().enumerate();
                let lists = lists.map(|(index, steps)| self.steps(steps, &join(&at("parallel"), index), scope));
                StepAction::Parallel(lists.collect())
            }
            file::Step::Meet(meet) => {
                self.meeting(&meet.meet, &at("meet"), scope);
                StepAction::Meet(meet.meet.clone())
            }
            file::Step::WaitFor(wait) => {
                self.shared(&wait.wait_for, &at("wait_for"), scope);
                StepAction::WaitFor { name: wait.wait_for.clone(), within: wait.within.map_or(WITHIN, |time| time.0) }
            }
            file::Step::Set(set) => {
                let mut values = Vec::new();
                for (name, value) in &set.set {
                    let pointer = join(&at("set"), name);
                    self.own_name(name, &pointer, scope);
                    values.extend(self.template(value, &pointer, scope).map(|template| (name.clone(), template)));
                }
                StepAction::Set(values)
            }
            file::Step::Connection(step) => {
                let (name, action) = match step {
                    file::ConnectionStep::Disconnect => ("disconnect", StepAction::Disconnect),
                    file::ConnectionStep::Reconnect => ("reconnect", StepAction::Reconnect),
                };
                self.needs_connection(name, pointer, scope);
                action
            }
        })
    }

    fn call(&mut self, call: &file::CallStep, pointer: &str, scope: &Scope<'_>) -> Option<Call> {
        let at = |member: &str| join(pointer, member);
        let payload = call.payload.as_ref().map(|payload| self.template(payload, &at("payload"), scope));
        let payload = match payload {
            Some(parsed) => parsed,
            None => Some(Template::Literal(Value::Null)),
        };
        let expect = match &call.expect {
            None | Some(file::Expect::Success) => Expect::Success,
            Some(file::Expect::Anything) => Expect::Anything,
            Some(file::Expect::Error(kind)) => Expect::Error(kind.clone()),
        };
        if let (Some(dialect), Expect::Error(kind)) = (scope.dialect, &expect)
            && !dialect.catalog.errors.contains_key(kind)
        {
            let range = self.places.value(&join(&at("expect"), "error"));
            let problem = Problem::new(range, format!("`{}` has no error type `{kind}`", dialect.name));
            self.problems.push(problem.allowed(kind, dialect.catalog.errors.keys().map(String::as_str)));
        }
        let deliberately_invalid = call.deliberately.is_some();
        if deliberately_invalid && expect == Expect::Success {
            let range = self.places.key(&at("deliberately"));
            let problem = Problem::new(range, "`deliberately: invalid` needs another `expect` than success");
            self.problems.push(problem.help("such as `expect: { error: validation }`"));
        }
        let capture = self.captures(call.capture.as_ref(), &at("capture"), scope);
        let share = self.captures(call.share.as_ref(), &at("share"), scope);
        if let Some(dialect) = scope.dialect
            && self.action(&call.call, &at("call"), dialect, scope.transport)
            && let Some(payload) = &payload
        {
            self.check_payload(dialect, call, payload, pointer);
        }
        Some(Call { action: call.call.clone(), payload: payload?, expect, deliberately_invalid, capture, share })
    }

    /// Whether an action exists and can be called over this transport.
    fn action(&mut self, name: &str, pointer: &str, dialect: &Dialect, transport: Option<Transport>) -> bool {
        let actions = &dialect.catalog.actions;
        let has = |transport: Transport| {
            move |name: &&str| actions[*name].transports.contains(&transport.channel()) && !actions[*name].indexed_only
        };
        let range = self.places.value(pointer);
        let Some(spec) = actions.get(name) else {
            let known: Vec<&str> = actions.keys().map(String::as_str).collect();
            let known = match transport {
                Some(transport) => known.into_iter().filter(has(transport)).collect(),
                None => known,
            };
            let problem = Problem::new(range, format!("`{}` has no action `{name}`", dialect.name));
            self.problems.push(problem.allowed(name, known));
            return false;
        };
        if spec.indexed_only {
            let message = format!("`{name}` is named in the documents of `{}` but described nowhere", dialect.name);
            self.problems.push(Problem::new(range, message));
            return false;
        }
        let Some(transport) = transport.filter(|transport| !spec.transports.contains(&transport.channel())) else {
            return true;
        };
        let (here, there) = match transport.channel() {
            Channel::Rtm => ("a websocket", "web"),
            Channel::Web => ("the Web API", "websocket"),
        };
        let problem = Problem::new(range, format!("`{name}` cannot be called over {here}"));
        self.problems.push(
            problem
                .help(format!("it exists with `transport: {there}` only ({} {})", dialect.catalog.document, spec.line)),
        );
        false
    }

    fn reaction(&mut self, reaction: &file::Reaction, pointer: &str, scope: &Scope<'_>) -> Reaction {
        let at = |member: &str| join(pointer, member);
        let own = Known::in_reaction(reaction);
        let inside = Scope { reaction: Some(&own), ..*scope };
        Reaction {
            on: self.pushes(&reaction.on, &at("on"), scope),
            matches: self.matches(reaction.r#match.as_ref(), &at("match"), &inside),
            unless: self.matches(reaction.unless.as_ref(), &at("unless"), &inside),
            capture: self.captures(reaction.capture.as_ref(), &at("capture"), &inside),
            steps: self.steps(&reaction.steps, &at("steps"), &inside),
        }
    }

    fn pushes(&mut self, names: &OneOrMore, pointer: &str, scope: &Scope<'_>) -> Vec<String> {
        let names: Vec<(String, String)> = match names {
            OneOrMore::One(name) => vec![(pointer.to_owned(), name.clone())],
            OneOrMore::More(names) => {
                names.iter().enumerate().map(|(index, name)| (join(pointer, index), name.clone())).collect()
            }
        };
        if let Some(dialect) = scope.dialect {
            for (pointer, name) in names.iter().filter(|(_, name)| !dialect.catalog.pushes.contains_key(name)) {
                let problem =
                    Problem::new(self.places.value(pointer), format!("`{}` has no push `{name}`", dialect.name));
                self.problems.push(problem.allowed(name, dialect.catalog.pushes.keys().map(String::as_str)));
            }
        }
        names.into_iter().map(|(_, name)| name).collect()
    }

    fn matches(&mut self, wanted: Option<&BTreeMap<String, Value>>, pointer: &str, scope: &Scope<'_>) -> Match {
        let mut entries = Vec::new();
        for (path, value) in wanted.into_iter().flatten() {
            let place = join(pointer, path);
            self.payload_pointer(path, self.places.key(&place));
            entries.extend(self.template(value, &place, scope).map(|template| (path.clone(), template)));
        }
        Match(entries)
    }

    fn captures(
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

    /// A JSON pointer (RFC 6901) into a payload.
    fn payload_pointer(&mut self, path: &str, range: std::ops::Range<usize>) {
        let escapes = path.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        if !path.starts_with('/') || !escapes {
            let problem = Problem::new(range, format!("`{path}` is not a JSON pointer"));
            self.problems.push(problem.help("write for example `/chat/id` or `/chat/users/0/id`, from the payload"));
        }
    }

    /// A name that the user gives to a value.
    fn own_name(&mut self, name: &str, pointer: &str, scope: &Scope<'_>) {
        self.name(name, "a value", pointer);
        let taken = match name {
            "push" => Some("the push that a reaction reacts to".to_owned()),
            name if BUILT_IN.contains(&name) => Some("built in".to_owned()),
            name if scope.surroundings.data.contains_key(name) => Some("a data source".to_owned()),
            _ => None,
        };
        if let Some(taken) = taken {
            let range = self.places.key(pointer);
            self.problems.push(Problem::new(range, format!("`{name}` is taken: it is {taken}")));
        }
    }

    fn condition(&mut self, condition: &file::Condition, pointer: &str, scope: &Scope<'_>) -> Option<Condition> {
        Some(match condition {
            file::Condition::Known(name) => {
                let pointer = join(pointer, "known");
                self.hole(&Hole { name: name.clone(), pointer: None }, &pointer, scope);
                Condition::Known(name.clone())
            }
            file::Condition::Equal([left, right]) => {
                let pointer = join(pointer, "equal");
                let left = self.template(left, &join(&pointer, 0), scope);
                let right = self.template(right, &join(&pointer, 1), scope);
                Condition::Equal(left?, right?)
            }
            file::Condition::Chance(probability) => Condition::Chance(*probability),
        })
    }

    fn needs_connection(&mut self, step: &str, pointer: &str, scope: &Scope<'_>) {
        if scope.transport == Some(Transport::Web) {
            let range = self.places.key(&join(pointer, step));
            let problem = Problem::new(range, format!("`{step}` needs a connection, and the Web API has none"));
            self.problems
                .push(problem.help(format!("`{}` has `transport: web`; pushes come over `websocket`", scope.actor)));
        }
    }

    /// Parses the templates in a value and checks the names in them.
    pub(super) fn template(&mut self, value: &Value, pointer: &str, scope: &Scope<'_>) -> Option<Template> {
        self.holes(value, pointer, scope);
        Template::parse(value).ok()
    }

    fn holes(&mut self, value: &Value, pointer: &str, scope: &Scope<'_>) {
        match value {
            Value::String(text) => match TextTemplate::parse(text) {
                Ok(template) => {
                    for piece in &template.0 {
                        if let Piece::Hole(hole) = piece {
                            self.hole(hole, pointer, scope);
                        }
                    }
                }
                Err(error) => {
                    let problem = Problem::new(self.inside(pointer, "${"), error.to_string());
                    self.problems.push(problem.help("`$${` stands for a literal `${`"));
                }
            },
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.holes(item, &join(pointer, index), scope));
            }
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| self.holes(member, &join(pointer, name), scope));
            }
            _ => {}
        }
    }
}
