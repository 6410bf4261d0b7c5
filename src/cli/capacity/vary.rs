//! Which population's load is varied, and the scenario with another load of it.

use std::time::Duration;

use crate::capacity::{Range, Unit};
use crate::cli::Failure;
use crate::cli::arguments::{Amount, CapacityArguments};
use crate::scenario::{Arrivals, RateStage, Scenario, UserStage};
use crate::verdict::ExitCode as Code;

/// How wide the final gap may be. The result is then within half of it.
const PRECISION: f64 = 0.025;
/// The lowest load, as a share of the scenario's own, when nothing is said.
const FIRST: f64 = 0.25;

/// The population whose load is varied.
#[derive(Debug, PartialEq)]
pub struct Varied {
    pub population: String,
    pub unit: Unit,
    pub range: Range,
    place: usize,
}

impl Varied {
    /// The population that is meant: the named one, or the only one that arrives at a rate, or else the only one with a number of users.
    pub fn pick(scenario: &Scenario, arguments: &CapacityArguments) -> Result<Self, Failure> {
        let wrong = |text: String| Failure::new(Code::Usage, text);
        let populations: Vec<_> = scenario.load.populations.iter().enumerate().collect();
        let of = |unit: Unit| {
            let fitting = populations.iter().filter(|(_, population)| unit_of(&population.arrivals) == Some(unit));
            fitting.copied().collect::<Vec<_>>()
        };
        let (rates, users) = (of(Unit::PerSecond), of(Unit::People));
        let fitting = match &arguments.vary {
            Some(name) => rates.iter().chain(&users).copied().filter(|(_, it)| it.name == *name).collect(),
            None if rates.is_empty() => users.clone(),
            None => rates.clone(),
        };
        let list = |some: &[(usize, &crate::scenario::Population)]| {
            some.iter().map(|(_, population)| format!("`{}`", population.name)).collect::<Vec<_>>().join(", ")
        };
        let (place, population) = match (fitting.as_slice(), &arguments.vary) {
            ([only], _) => *only,
            ([], None) => {
                let reason = "no population arrives at a rate or has a number of users, so there is no load to vary";
                return Err(wrong(format!("the scenario cannot be used: {reason}")));
            }
            ([], Some(name)) => {
                let all: Vec<_> = rates.iter().chain(&users).copied().collect();
                return Err(wrong(format!(
                    "--vary: there is no load of `{name}` to vary; there is one of {}",
                    list(&all)
                )));
            }
            (several, None) => return Err(wrong(format!("say with --vary which load is varied: {}", list(several)))),
            (several, Some(name)) => {
                let count = several.len();
                return Err(wrong(format!(
                    "--vary: {count} populations are called `{name}`; give only one of them a load"
                )));
            }
        };
        let unit = unit_of(&population.arrivals).unwrap_or(Unit::PerSecond);
        let usual = peak(&population.arrivals) * FIRST;
        let from = bound("--from", unit, &population.name, arguments.from)?.unwrap_or(usual);
        let to = bound("--to", unit, &population.name, arguments.to)?;
        if let Some(to) = to.filter(|to| *to < from) {
            return Err(wrong(format!("--to: {to} is below the lowest load, which is {from}")));
        }
        let range = Range { from, to, precision: PRECISION, whole: unit == Unit::People };
        Ok(Self { population: population.name.clone(), unit, range, place })
    }

    /// The scenario with this load of the population, for so long.
    pub fn scenario(&self, original: &Scenario, load: f64, duration: Duration) -> Scenario {
        let mut scenario = original.clone();
        scenario.load.duration = duration;
        if let Some(population) = scenario.load.populations.get_mut(self.place) {
            match &mut population.arrivals {
                Arrivals::Open { stages, .. } => *stages = vec![RateStage { from: load, to: load, over: duration }],
                Arrivals::Closed { stages } => {
                    let users = load.round() as usize;
                    *stages = vec![UserStage { from: users, to: users, over: duration }];
                }
                Arrivals::Standing { .. } | Arrivals::Together { .. } => {}
            }
        }
        scenario
    }
}

fn unit_of(arrivals: &Arrivals) -> Option<Unit> {
    match arrivals {
        Arrivals::Open { .. } => Some(Unit::PerSecond),
        Arrivals::Closed { .. } => Some(Unit::People),
        Arrivals::Standing { .. } | Arrivals::Together { .. } => None,
    }
}

fn peak(arrivals: &Arrivals) -> f64 {
    match arrivals {
        Arrivals::Open { stages, .. } => stages.iter().map(|stage| stage.from.max(stage.to)).fold(0.0, f64::max),
        Arrivals::Closed { stages } => {
            stages.iter().map(|stage| stage.from.max(stage.to)).max().unwrap_or_default() as f64
        }
        Arrivals::Standing { .. } | Arrivals::Together { .. } => 0.0,
    }
}

fn bound(option: &str, unit: Unit, population: &str, given: Option<Amount>) -> Result<Option<f64>, Failure> {
    match (unit, given) {
        (_, None) => Ok(None),
        (Unit::PerSecond, Some(Amount::Rate(rate))) => Ok(Some(rate)),
        (Unit::People, Some(Amount::Users(users))) => Ok(Some(users as f64)),
        (Unit::PerSecond, Some(Amount::Users(_))) => {
            let text = format!("{option}: `{population}` arrives at a rate; write for example 20/s");
            Err(Failure::new(Code::Usage, text))
        }
        (Unit::People, Some(Amount::Rate(_))) => {
            let text = format!("{option}: `{population}` has a number of users, not a rate; write for example 20");
            Err(Failure::new(Code::Usage, text))
        }
    }
}
