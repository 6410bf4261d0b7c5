//! Which names are known where.

use std::collections::{BTreeMap, BTreeSet};

use super::Compiler;
use super::steps::Scope;
use crate::protocol::Transport;
use crate::scenario::file::{self, Deed, File, Part, Reaction, Steps};
use crate::scenario::plan::{BUILT_IN, Draw};
use crate::scenario::template::Hole;
use crate::yaml::join;
use crate::yaml::{Problem, list, nearest};

/// The names that an actor gives to values, and its dealings with its cast.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Captured or set outside of reactions: known everywhere in the actor.
    pub names: BTreeSet<String>,
    /// Captured or set in some reaction: known there only.
    pub in_reactions: BTreeSet<String>,
    /// Given to the cast.
    pub shares: BTreeSet<String>,
    /// Meetings that it comes to.
    pub meetings: BTreeSet<String>,
    /// Parts of the actor could not be read, so there may be more.
    pub incomplete: bool,
}

/// Actors that start together: a cast, or one actor on its own.
#[derive(Debug)]
pub(super) struct Group {
    /// How a message says that something is so there.
    pub label: String,
    /// Names of its members.
    pub members: Vec<String>,
    /// Names that some member shares; `None` when that is not sure.
    pub shares: Option<BTreeSet<String>>,
    /// Each member's meetings.
    pub meetings: Vec<(String, BTreeSet<String>)>,
}

impl Known {
    /// What an actor knows.
    pub fn of(actor: &Part<file::Actor>) -> Self {
        let mut known = Self::default();
        match actor.good().and_then(|actor| actor.steps.good()) {
            Some(steps) => known.collect(steps, false),
            None => known.incomplete = true,
        }
        known
    }

    /// What is known before the first step.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// What a reaction alone knows.
    pub fn in_reaction(reaction: &Reaction) -> BTreeSet<String> {
        let mut known = Self::default();
        known.collect(&reaction.steps, false);
        known.names.extend(reaction.capture.iter().flat_map(BTreeMap::keys).cloned());
        known.names
    }

    fn collect(&mut self, steps: &Steps, in_reaction: bool) {
        for part in steps {
            let Some(step) = part.good() else {
                self.incomplete = true;
                continue;
            };
            let names = if in_reaction { &mut self.in_reactions } else { &mut self.names };
            names.extend(step.names().cloned());
            self.shares.extend(step.shares().cloned());
            match &step.deed {
                Deed::Meet(meet) => {
                    self.meetings.insert(meet.meet.clone());
                }
                Deed::React(react) => {
                    for reaction in &react.react {
                        self.in_reactions.extend(reaction.capture.iter().flat_map(BTreeMap::keys).cloned());
                        self.collect(&reaction.steps, true);
                    }
                }
                _ => {}
            }
            for block in step.blocks() {
                self.collect(block, in_reaction);
            }
        }
    }
}

impl Compiler<'_> {
    /// The groups in which actors come.
    pub(super) fn groups(&mut self, file: &File, known: &BTreeMap<&str, Known>) -> Vec<Group> {
        let mut groups = Vec::new();
        let casts = file.casts.as_ref().and_then(|casts| self.piece(casts, "/casts"));
        for (name, part) in casts.into_iter().flatten() {
            let pointer = join("/casts", name);
            self.name(name, "a cast", &pointer);
            let Some(members) = self.piece(part, &pointer) else { continue };
            for (index, member) in members.iter().enumerate().filter(|(_, member)| !known.contains_key(member.as_str()))
            {
                let range = self.places.value(&join(&pointer, index));
                let problem = Problem::new(range, format!("unknown actor `{member}`"));
                self.problems.push(problem.allowed(member, known.keys().copied()));
            }
            groups.push(group(format!("in the cast `{name}`"), members.clone(), known));
        }
        let populations = file.load.good().and_then(|load| load.populations.good());
        let alone: BTreeSet<&String> = populations
            .into_iter()
            .flatten()
            .filter_map(Part::good)
            .filter_map(|population| population.actor.as_ref())
            .filter(|actor| known.contains_key(actor.as_str()))
            .collect();
        for actor in alone {
            groups.push(group(format!("for `{actor}`, which comes without a cast"), vec![actor.clone()], known));
        }
        groups
    }

    /// Checks a name in a template.
    pub(super) fn hole(&mut self, hole: &Hole, pointer: &str, scope: &Scope<'_>) {
        let name = hole.name.as_str();
        let range = self.inside(pointer, &format!("${{{name}"));
        let range = match self.text.get(range.end..range.end + 1) {
            Some("}") => range.start..range.end + 1,
            _ => range,
        };
        if name == "push" {
            if scope.reaction.is_none() {
                let problem = Problem::new(range, "`push` is known in the steps of a reaction only");
                self.problems.push(problem.help("after `await`, take values out of the push with `capture`"));
            }
            return;
        }
        if name == "actor.user" && scope.transport == Some(Transport::Web) {
            let problem = Problem::new(range, "`actor.user` is known from the login, and the Web API has none");
            self.problems.push(problem);
            return;
        }
        if let Some(shared) = name.strip_prefix("cast.") {
            return self.shared(shared, pointer, scope);
        }
        let own = scope.reaction.unwrap_or(&scope.known.names);
        if own.contains(name) || scope.known.names.contains(name) || BUILT_IN.contains(&name) {
            return;
        }
        if let Some(source) = scope.surroundings.data.get(name) {
            if let (Some(source), Some(path)) = (source, &hole.pointer)
                && let Draw::Rows { rows, .. } = &source.draw
            {
                let columns: Vec<&str> = rows
                    .iter()
                    .take(1)
                    .filter_map(|row| row.as_object())
                    .flat_map(|row| row.keys())
                    .map(String::as_str)
                    .collect();
                let column = path.trim_start_matches('/').replace("~1", "/").replace("~0", "~");
                if !columns.contains(&column.as_str()) {
                    let problem = Problem::new(range, format!("`{name}` has no column `{column}`"));
                    self.problems.push(problem.allowed(&column, columns));
                }
            }
            return;
        }
        if scope.known.incomplete {
            return;
        }
        let problem = Problem::new(range, format!("nothing is called `{name}`"));
        if scope.known.in_reactions.contains(name) {
            let help =
                "it is captured in a reaction and known only there; `share` gives a value to everybody in the cast";
            self.problems.push(problem.help(help));
            return;
        }
        let captured: BTreeSet<&str> = own.iter().chain(&scope.known.names).map(String::as_str).collect();
        let data = scope.surroundings.data.keys().map(String::as_str);
        let all: Vec<&str> = captured.into_iter().chain(data).chain(BUILT_IN.iter().copied()).collect();
        self.problems.push(problem.allowed(name, all));
    }

    /// Checks a name that some member of the cast has to share.
    pub(super) fn shared(&mut self, name: &str, pointer: &str, scope: &Scope<'_>) {
        for group in scope.groups() {
            let Some(shares) = group.shares.as_ref().filter(|shares| !shares.contains(name)) else { continue };
            let mut problem =
                Problem::new(self.inside(pointer, name), format!("nobody shares `{name}` {}", group.label));
            if let Some(near) = nearest(name, shares.iter().map(String::as_str)) {
                problem = problem.label(format!("did you mean `{near}`?"));
            }
            self.problems.push(problem.help(match shares.is_empty() {
                true => format!(
                    "a `call` or `await` of {} gives it a value with `share: {{ {name}: /pointer }}`",
                    list(&group.members)
                ),
                false => format!("shared there: {}", list(shares)),
            }));
        }
    }

    /// Checks that somebody else comes to a meeting.
    pub(super) fn meeting(&mut self, name: &str, pointer: &str, scope: &Scope<'_>) {
        for group in scope.groups().filter(|group| group.shares.is_some()) {
            let mut mine = 0;
            let others: BTreeSet<&str> = group
                .meetings
                .iter()
                .filter(|(member, _)| {
                    mine += usize::from(member == scope.actor);
                    member != scope.actor || mine > 1
                })
                .flat_map(|(_, meetings)| meetings)
                .map(String::as_str)
                .collect();
            if !others.contains(name) {
                let message = format!("nobody else comes to the meeting `{name}` {}", group.label);
                let problem = Problem::new(self.places.value(pointer), message);
                self.problems.push(problem.allowed(name, others));
            }
        }
    }
}

fn group(label: String, members: Vec<String>, known: &BTreeMap<&str, Known>) -> Group {
    let facts: Vec<Option<&Known>> = members.iter().map(|member| known.get(member.as_str())).collect();
    let is_sure = facts.iter().all(|known| known.is_some_and(|known| !known.incomplete));
    let shares = facts.iter().flatten().flat_map(|known| known.shares.iter().cloned()).collect();
    let meetings = |member: &String| known.get(member.as_str()).map(|known| known.meetings.clone()).unwrap_or_default();
    let meetings = members.iter().map(|member| (member.clone(), meetings(member))).collect();
    Group { label, members, shares: is_sure.then_some(shares), meetings }
}
