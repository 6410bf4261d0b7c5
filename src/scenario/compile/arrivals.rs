//! Populations and how they come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Compiler;
use super::names::Known;
use crate::scenario::file::{self, Arrive, Concurrent, File, Part, Standing, Together};
use crate::scenario::plan::{Actor, Arrivals, Load, Population, RateStage, Spacing, UserStage};
use crate::yaml::join;
use crate::yaml::{Problem, list};

/// How long actors may take to finish in a scenario that does not say.
const WIND_DOWN: Duration = Duration::from_secs(20);

/// The ways to come.
const WAYS: [&str; 4] = ["standing", "arrive", "concurrent", "together"];

/// A piece of a changing level, be it a rate or a number of users.
enum Stage<T> {
    Change { from: Option<T>, to: T, over: Duration },
    Hold(Duration),
}

impl Compiler<'_> {
    pub(super) fn load(
        &mut self,
        file: &File,
        actors: &BTreeMap<String, Part<file::Actor>>,
        compiled: &BTreeMap<String, Arc<Actor>>,
        known: &BTreeMap<&str, Known>,
    ) -> Load {
        let mut load = Load { duration: Duration::ZERO, wind_down: WIND_DOWN, populations: Vec::new() };
        let Some(written) = self.piece(&file.load, "/load") else { return load };
        let length = self.piece(&written.r#for, "/load/for").map(|time| time.0);
        if length == Some(Duration::ZERO) {
            self.problem("/load/for", "a load of no length");
        }
        load.duration = length.unwrap_or_default();
        if let Some(part) = &written.wind_down
            && let Some(time) = self.piece(part, "/load/wind_down")
        {
            load.wind_down = time.0;
        }
        let empty = BTreeMap::new();
        let casts = file.casts.as_ref().and_then(Part::good).unwrap_or(&empty);
        let Some(populations) = self.piece(&written.populations, "/load/populations") else { return load };
        let mut is_sure = !populations.is_empty();
        let mut used = BTreeSet::new();
        for (index, part) in populations.iter().enumerate() {
            let pointer = join("/load/populations", index);
            let Some(population) = self.piece(part, &pointer) else {
                is_sure = false;
                continue;
            };
            let names = self.members(population, &pointer, casts, known);
            used.extend(names.iter().cloned());
            used.extend(population.cast.clone().map(|cast| format!("cast {cast}")));
            let arrivals = self.arrivals(population, &pointer, length);
            let name = population.actor.as_ref().or(population.cast.as_ref());
            if let (Some(name), Some(arrivals)) = (name, arrivals) {
                let members = names.iter().filter_map(|name| compiled.get(name).cloned()).collect();
                load.populations.push(Population { name: name.clone(), members, arrivals });
            }
        }
        if is_sure {
            self.unused(actors, casts, &used);
        }
        load
    }

    /// Everybody and every cast that is described but never comes.
    fn unused(
        &mut self,
        actors: &BTreeMap<String, Part<file::Actor>>,
        casts: &BTreeMap<String, Part<Vec<String>>>,
        used: &BTreeSet<String>,
    ) {
        let never = "never comes: no population of `load` has it";
        for name in casts.keys().filter(|name| !used.contains(&format!("cast {name}"))) {
            let range = self.places.key(&join("/casts", name));
            self.problems.push(Problem::new(range, format!("the cast `{name}` {never}")));
        }
        let in_casts: BTreeSet<&String> = casts.values().filter_map(Part::good).flatten().collect();
        for name in actors.keys().filter(|name| !used.contains(*name) && !in_casts.contains(name)) {
            let range = self.places.key(&join("/actors", name));
            self.problems.push(Problem::new(range, format!("the actor `{name}` {never}")));
        }
    }

    /// The names of the actors that start together.
    fn members(
        &mut self,
        population: &file::Population,
        pointer: &str,
        casts: &BTreeMap<String, Part<Vec<String>>>,
        known: &BTreeMap<&str, Known>,
    ) -> Vec<String> {
        match (&population.actor, &population.cast) {
            (Some(_), Some(_)) => {
                let range = self.places.key(&join(pointer, "cast"));
                self.problems.push(Problem::new(range, "a population is of one `actor` or of one `cast`, not of both"));
                Vec::new()
            }
            (None, None) => {
                self.problem(pointer, "this population lacks `actor` or `cast`");
                Vec::new()
            }
            (Some(actor), None) => {
                if !known.contains_key(actor.as_str()) {
                    let place = self.places.value(&join(pointer, "actor"));
                    let problem = Problem::new(place, format!("unknown actor `{actor}`"));
                    self.problems.push(match casts.contains_key(actor) {
                        true => problem.help(format!("`{actor}` is a cast: write `cast: {actor}`")),
                        false => problem.allowed(actor, known.keys().copied()),
                    });
                }
                vec![actor.clone()]
            }
            (None, Some(cast)) => match casts.get(cast) {
                Some(members) => members.good().cloned().unwrap_or_default(),
                None => {
                    let place = self.places.value(&join(pointer, "cast"));
                    let problem = Problem::new(place, format!("unknown cast `{cast}`"));
                    self.problems.push(match known.contains_key(cast.as_str()) {
                        true => problem.help(format!("`{cast}` is an actor: write `actor: {cast}`")),
                        false => problem.allowed(cast, casts.keys().map(String::as_str)),
                    });
                    Vec::new()
                }
            },
        }
    }

    fn arrivals(&mut self, population: &file::Population, pointer: &str, length: Option<Duration>) -> Option<Arrivals> {
        let file::Population { standing, arrive, concurrent, together, .. } = population;
        let given: Vec<&str> = WAYS
            .into_iter()
            .zip([standing.is_some(), arrive.is_some(), concurrent.is_some(), together.is_some()])
            .filter_map(|(way, is_given)| is_given.then_some(way))
            .collect();
        match given.as_slice() {
            [_] => {}
            [] => {
                let problem = Problem::new(self.places.value(pointer), "nothing says how this population comes");
                self.problems.push(problem.help(format!("one of {}", list(WAYS))));
                return None;
            }
            [first, second, ..] => {
                let range = self.places.key(&join(pointer, second));
                let problem = Problem::new(range, format!("`{first}` and `{second}` do not go together"));
                self.problems.push(problem.help("write two populations"));
                return None;
            }
        }
        // Without a known length nothing is beyond it.
        let length = length.filter(|length| !length.is_zero()).unwrap_or(Duration::MAX);
        if let Some(standing) = standing {
            let (count, ramp) = match standing {
                Standing::Count(count) => (count, Duration::ZERO),
                Standing::Detailed(standing) => (&standing.count, standing.ramp.map_or(Duration::ZERO, |time| time.0)),
            };
            return Some(Arrivals::Standing { count: count.0, ramp });
        }
        if let Some(arrive) = arrive {
            return Some(self.open(arrive, &join(pointer, "arrive"), length));
        }
        if let Some(concurrent) = concurrent {
            return Some(self.closed(concurrent, &join(pointer, "concurrent"), length));
        }
        let (count, at) = match together.as_ref()? {
            Together::Count(count) => (count, Duration::ZERO),
            Together::Detailed(crowd) => (&crowd.count, crowd.at.map_or(Duration::ZERO, |time| time.0)),
        };
        if at > length {
            self.problem(&join(&join(pointer, "together"), "at"), "this is after the end of the load (`load.for`)");
        }
        Some(Arrivals::Together { count: count.0, at })
    }

    fn open(&mut self, arrive: &Arrive, pointer: &str, length: Duration) -> Arrivals {
        let (stages, spacing, at_most) = match arrive {
            Arrive::Steady(steady) => {
                let rate = steady.rate.0;
                if rate <= 0.0 {
                    self.problem(&join(pointer, "rate"), "at this rate nobody ever comes");
                }
                (vec![RateStage { from: rate, to: rate, over: length }], steady.spacing, steady.at_most)
            }
            Arrive::Staged(staged) => {
                let pieces = staged.stages.iter().map(|stage| match stage {
                    file::RateStage::Change(change) => {
                        Stage::Change { from: change.from.map(|rate| rate.0), to: change.to.0, over: change.over.0 }
                    }
                    file::RateStage::Hold(hold) => Stage::Hold(hold.hold.0),
                });
                let stages = self.stages(pieces.collect(), &join(pointer, "stages"), length);
                let stages = stages.into_iter().map(|(from, to, over)| RateStage { from, to, over });
                (stages.collect(), staged.spacing, staged.at_most)
            }
        };
        let spacing = spacing.unwrap_or(Spacing::Poisson);
        Arrivals::Open { stages, spacing, at_most: at_most.map(|count| count.0) }
    }

    fn closed(&mut self, concurrent: &Concurrent, pointer: &str, length: Duration) -> Arrivals {
        let steady = |users: usize, ramp: Duration| {
            let ramp = (!ramp.is_zero()).then_some(UserStage { from: 0, to: users, over: ramp });
            ramp.into_iter().chain([UserStage { from: users, to: users, over: length }]).collect()
        };
        let stages = match concurrent {
            Concurrent::Count(count) => steady(count.0, Duration::ZERO),
            Concurrent::Ramped(ramped) => steady(ramped.users.0, ramped.ramp.map_or(Duration::ZERO, |time| time.0)),
            Concurrent::Staged(staged) => {
                let pieces = staged.stages.iter().map(|stage| match stage {
                    file::UserStage::Change(change) => {
                        Stage::Change { from: change.from, to: change.to, over: change.over.0 }
                    }
                    file::UserStage::Hold(hold) => Stage::Hold(hold.hold.0),
                });
                let stages = self.stages(pieces.collect(), &join(pointer, "stages"), length);
                stages.into_iter().map(|(from, to, over)| UserStage { from, to, over }).collect()
            }
        };
        Arrivals::Closed { stages }
    }

    /// Stages as (from, to, over), with their levels filled in: a stage without `from` begins where the one before ended.
    fn stages<T: Copy + Default + PartialEq>(
        &mut self,
        pieces: Vec<Stage<T>>,
        pointer: &str,
        length: Duration,
    ) -> Vec<(T, T, Duration)> {
        let mut level = T::default();
        let mut begins = Duration::ZERO;
        let mut stages = Vec::with_capacity(pieces.len());
        for (index, piece) in pieces.into_iter().enumerate() {
            let here = join(pointer, index);
            if index == 0 && matches!(piece, Stage::Hold(_)) {
                let problem =
                    Problem::new(self.places.key(&join(&here, "hold")), "the first stage has nothing to hold");
                self.problems.push(problem.help("begin with `{ from: …, to: …, over: … }`"));
            }
            if begins >= length {
                self.problem(&here, "this stage begins after the end of the load (`load.for`)");
            }
            let (from, to, over, member) = match piece {
                Stage::Change { from, to, over } => (from.unwrap_or(level), to, over, "over"),
                Stage::Hold(over) => (level, level, over, "hold"),
            };
            if over.is_zero() {
                self.problem(&join(&here, member), "a stage takes some time");
            }
            stages.push((from, to, over));
            level = to;
            begins = begins.saturating_add(over);
        }
        if stages.iter().all(|(from, to, _)| *from == T::default() && *to == T::default()) {
            self.problem(pointer, "in these stages nobody ever comes");
        }
        stages
    }
}
