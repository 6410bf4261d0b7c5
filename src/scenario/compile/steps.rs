//! Steps: actions and pushes looked up in the catalog, templates parsed, limits and weights checked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::names::{Group, Known};
use super::{Compiler, Surroundings};
use crate::protocol::{Dialect, Transport};
use crate::scenario::file::{self, Deed, Steps};
use crate::scenario::plan::{BUILT_IN, Condition, Reaction, Reconnect, Step, StepAction};
use crate::scenario::template::{Hole, Piece, Template, TextTemplate};
use crate::yaml::Problem;
use crate::yaml::join;

/// How long a step waits that does not say.
pub(super) const WITHIN: Duration = Duration::from_secs(15);

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
                && let Some(action) = self.step(&step.deed, &pointer, scope)
            {
                let proves = self.proves(step, &pointer);
                compiled.push(Step { pointer, action, proves, name: step.name.clone() });
            }
        }
        compiled
    }

    fn step(&mut self, step: &Deed, pointer: &str, scope: &Scope<'_>) -> Option<StepAction> {
        let at = |member: &str| join(pointer, member);
        Some(match step {
            Deed::Call(call) => StepAction::Call(self.call(call, pointer, scope)?),
            Deed::Await(wait) => StepAction::Await(self.awaited(wait, pointer, scope)),
            Deed::Refuses(refuses) => StepAction::Refuses(self.refuses(&refuses.refuses, pointer, scope)?),
            Deed::Never(never) => StepAction::Never(self.never(never, pointer, scope)),
            Deed::Check(check) => StepAction::Check(self.assertions(Some(&check.check), &at("check"), scope, false)),
            Deed::React(react) => {
                self.needs_connection("react", pointer, scope);
                let reactions = react.react.iter().enumerate();
                let reactions = reactions
                    .map(|(index, reaction)| Arc::new(self.reaction(reaction, &join(&at("react"), index), scope)));
                let reactions = reactions.collect();
                StepAction::React { reactions, during: self.steps(&react.during, &at("during"), scope) }
            }
            Deed::Think(think) => {
                StepAction::Think(self.think(&think.think, &at("think"), &scope.surroundings.think_times)?)
            }
            Deed::At(moment) => StepAction::At(moment.at.0),
            Deed::Stay(stay) => StepAction::Stay(match stay.stay {
                file::Stay::Until(file::Until::UntilWindDown) => None,
                file::Stay::AtMost(time) => Some(time.0),
            }),
            Deed::Repeat(repeat) => StepAction::Repeat {
                times: match repeat.repeat {
                    file::Times::Until(file::Until::UntilWindDown) => None,
                    file::Times::Number(times) => Some(times),
                },
                steps: self.steps(&repeat.steps, &at("steps"), scope),
            },
            Deed::Choose(choose) => {
                let choices = choose.choose.iter().enumerate();
                let choices = choices.map(|(index, choice)| {
                    let pointer = join(&join(&at("choose"), index), "steps");
                    (choice.weight, self.steps(&choice.steps, &pointer, scope))
                });
                StepAction::Choose(choices.collect())
            }
            Deed::If(step) => StepAction::If {
                condition: self.condition(&step.r#if, &at("if"), scope)?,
                then: self.steps(&step.then, &at("then"), scope),
                otherwise: match &step.r#else {
                    Some(steps) => self.steps(steps, &at("else"), scope),
                    None => Vec::new(),
                },
            },
            Deed::Group(group) => {
                StepAction::Group { name: group.group.clone(), steps: self.steps(&group.steps, &at("steps"), scope) }
            }
            Deed::Parallel(parallel) => {
                let lists = parallel.parallel.iter().enumerate();
                let lists = lists.map(|(index, steps)| self.steps(steps, &join(&at("parallel"), index), scope));
                StepAction::Parallel(lists.collect())
            }
            Deed::Meet(meet) => {
                self.meeting(&meet.meet, &at("meet"), scope);
                StepAction::Meet(meet.meet.clone())
            }
            Deed::WaitFor(wait) => {
                self.shared(&wait.wait_for, &at("wait_for"), scope);
                StepAction::WaitFor { name: wait.wait_for.clone(), within: wait.within.map_or(WITHIN, |time| time.0) }
            }
            Deed::Set(set) => {
                let mut values = Vec::new();
                for (name, value) in &set.set {
                    let pointer = join(&at("set"), name);
                    self.own_name(name, &pointer, scope);
                    values.extend(self.template(value, &pointer, scope).map(|template| (name.clone(), template)));
                }
                StepAction::Set(values)
            }
            Deed::Closes(step) => {
                self.needs_connection("closes", pointer, scope);
                let not_before = step.closes.not_before.unwrap_or_default().0;
                let within = match (step.closes.within, step.closes.not_before) {
                    (None, Some(_)) => None,
                    (within, _) => Some(within.map_or(WITHIN, |time| time.0)),
                };
                if let Some(within) = within.filter(|within| not_before >= *within) {
                    let problem = Problem::new(
                        self.places.value(&join(&at("closes"), "not_before")),
                        "`not_before` is not shorter than `within`",
                    );
                    self.problems.push(problem.help(format!("`within` is {within:?} here")));
                }
                StepAction::Closes { within, not_before }
            }
            Deed::Reconnect(step) => {
                self.needs_connection("reconnect", pointer, scope);
                let query = self.query(step.reconnect.query.as_ref(), &join(&at("reconnect"), "query"), scope);
                let refused = step.reconnect.expect == Some(file::Welcome::Refused);
                StepAction::Reconnect(Reconnect { query, refused })
            }
            Deed::Connection(step) => {
                let (name, action) = match step {
                    file::ConnectionStep::Disconnect => ("disconnect", StepAction::Disconnect),
                    file::ConnectionStep::Reconnect => ("reconnect", StepAction::Reconnect(Reconnect::default())),
                };
                self.needs_connection(name, pointer, scope);
                action
            }
        })
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

    /// A name that the user gives to a value.
    pub(super) fn own_name(&mut self, name: &str, pointer: &str, scope: &Scope<'_>) {
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
                let Ok(hole) = Hole::parse(name) else {
                    self.problem(&pointer, format!("`{name}` is not a name; write `name` or `name:/pointer`"));
                    return None;
                };
                self.hole(&hole, &pointer, scope);
                Condition::Known(hole)
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

    pub(super) fn needs_connection(&mut self, step: &str, pointer: &str, scope: &Scope<'_>) {
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
