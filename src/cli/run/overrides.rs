//! What the command line puts in place of a scenario's load.

use super::super::Failure;
use super::super::arguments::{Named, RunArguments};
use crate::scenario::{Arrivals, Population, Scenario};
use crate::verdict::ExitCode as Code;

pub(super) fn override_load(scenario: &mut Scenario, arguments: &RunArguments) -> Result<(), Failure> {
    if let Some(duration) = arguments.duration {
        scenario.load.duration = duration;
    }
    for Named { name, value } in &arguments.rate {
        let population =
            pick(scenario, name.as_deref(), "--rate", |arrivals| matches!(arrivals, Arrivals::Open { .. }))?;
        if let Arrivals::Open { stages, .. } = &mut population.arrivals {
            // The shape stays; its peak becomes the rate.
            let peak = stages.iter().map(|stage| stage.from.max(stage.to)).fold(0.0, f64::max);
            for stage in stages {
                stage.from *= value / peak;
                stage.to *= value / peak;
            }
        }
    }
    for Named { name, value } in &arguments.users {
        let counted = |arrivals: &Arrivals| !matches!(arrivals, Arrivals::Open { .. });
        let population = pick(scenario, name.as_deref(), "--users", counted)?;
        match &mut population.arrivals {
            Arrivals::Closed { stages } => {
                let most = stages.iter().map(|stage| stage.from.max(stage.to)).max().unwrap_or(1).max(1);
                for stage in stages {
                    stage.from = stage.from * value / most;
                    stage.to = stage.to * value / most;
                }
            }
            Arrivals::Standing { count, .. } | Arrivals::Together { count, .. } => *count = *value,
            Arrivals::Open { .. } => {}
        }
    }
    Ok(())
}

/// The population that an option means: the named one, or the only one that it fits.
fn pick<'a>(
    scenario: &'a mut Scenario,
    name: Option<&str>,
    option: &str,
    fits: impl Fn(&Arrivals) -> bool,
) -> Result<&'a mut Population, Failure> {
    let fitting: Vec<String> = scenario
        .load
        .populations
        .iter()
        .filter(|population| fits(&population.arrivals))
        .map(|population| population.name.clone())
        .collect();
    let list = fitting.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let wrong = |reason: String| Failure::new(Code::Usage, format!("{option}: {reason}"));
    let wanted = match (name, fitting.as_slice()) {
        (_, []) => return Err(wrong("the scenario has no population that it fits".to_owned())),
        (None, [only]) => only.clone(),
        (None, _) => return Err(wrong(format!("say which population is meant, as NAME=VALUE; it fits {list}"))),
        (Some(name), all) if all.iter().any(|fitting| fitting == name) => name.to_owned(),
        (Some(name), _) => return Err(wrong(format!("it does not fit a population `{name}`; it fits {list}"))),
    };
    let found =
        scenario.load.populations.iter_mut().find(|population| population.name == wanted && fits(&population.arrivals));
    found.ok_or_else(|| wrong("no such population".to_owned()))
}
