//! `chatproof run`.

mod brake;
mod led;
mod overrides;
mod perform;
mod processes;

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use self::brake::Brake;
pub(super) use self::perform::IDS;
use self::perform::{Plan, Ready};
use super::arguments::{AimArguments, Hardships, RunArguments};
use super::conclude::{Concluded, thresholds};
use super::github::Github;
use super::live::{Door, Watched};
use super::progress::Shown;
use super::target::Aim;
use super::{Failure, interrupt, live, recording, results, start};
use crate::engine::{Others, Outcome, Progress};
use crate::live::RunBoard;
use crate::merge::TallyFile;
use crate::protocol::{DialectName, sha256};
use crate::report::{Meta, live_content};
use crate::scenario::{Arrivals, Population, Scenario};
use crate::traffic::{CaptureWriter, Client};
use crate::verdict::{ExitCode as Code, is_saturated};

/// What came of a run, in however many processes.
#[derive(Default)]
struct Performed {
    outcome: Outcome,
    /// Whether the generator was the bottleneck, in any of them.
    saturated: bool,
    /// Why it was given up, if it was.
    given_up: Option<String>,
    /// What went wrong beside it. What was seen is reported all the same.
    trouble: Option<Failure>,
}

pub(super) fn run(arguments: &RunArguments, github: &Github) -> Result<Code, Failure> {
    if let Some(share) = arguments.led {
        return Ok(led::led(arguments, share));
    }
    let interrupt = interrupt::install()?;
    start::in_future(arguments.start_at)?;
    let plan = Plan::new(arguments, arguments.share)?;
    github.is_about(&plan.scenario);
    let door = live::open(&arguments.watch)?;
    let folder = results::folder(arguments.report.as_deref(), &plan.scenario.name)?;
    let capture = recording::begin(arguments.record.as_deref(), Client::Ours)?;
    let aim = Aim::take(&arguments.aim, plan.seed, &plan.protocol)?;
    let (file, concluded, trouble) = plan.block_on(watched(&plan, arguments, aim, (capture, door), &interrupt))??;
    let code = concluded.hand_over(&folder, &file, github)?;
    match trouble {
        Some(failure) => Err(failure),
        None => Ok(code),
    }
}

/// Runs for those who watch, who learn of its end what the reports will tell.
async fn watched(
    plan: &Plan,
    arguments: &RunArguments,
    aim: Aim,
    (capture, door): (Option<CaptureWriter>, Option<Door>),
    interrupt: &CancellationToken,
) -> Result<(TallyFile, Concluded, Option<Failure>), Failure> {
    let meta = meta(plan, arguments, aim.name.clone());
    let progress = Arc::new(Progress::default());
    let board = RunBoard::new(progress.clone(), plan.protocol.clone(), meta.clone(), thresholds(&plan.thresholds)?);
    let watched = Watched::start(&arguments.watch, door, Arc::new(board))?;
    let performed = perform(plan, arguments, aim, (capture, &progress), interrupt).await;
    let Performed { outcome, saturated, given_up, trouble } =
        performed.unwrap_or_else(|failure| Performed { trouble: Some(failure), ..Performed::default() });
    let meta = Meta {
        duration: outcome.duration,
        interrupted: outcome.interrupted && given_up.is_none(),
        notes: trouble.iter().map(|failure| failure.text.clone()).collect(),
        ..meta
    };
    let run = (fingerprint(&plan.scenario, arguments), plan.share);
    let planned = (plan.scenario.load.duration, plan.thresholds.clone());
    let mut file = TallyFile::new(run, planned, (meta, outcome.tally));
    file.given_up = given_up;
    let concluded = Concluded::of(&file, saturated && !arguments.allow_saturated)?;
    watched.end(|| live_content(&concluded.report(&file))).await;
    Ok((file, concluded, trouble))
}

/// What is known of a run before it begins.
fn meta(plan: &Plan, arguments: &RunArguments, target: String) -> Meta {
    let started = arguments.start_at.unwrap_or_else(Timestamp::now);
    Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: plan.scenario.name.clone(),
        about: plan.scenario.about.clone().unwrap_or_default(),
        file: arguments.scenario.display().to_string(),
        target,
        dialects: dialects(&plan.scenario),
        seed: plan.seed,
        started: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        load: plan.scenario.load.populations.iter().map(describe).collect(),
        cores: results::cores(),
        workers: plan.workers * arguments.processes.unwrap_or(1),
        ..Meta::default()
    }
}

async fn perform(
    plan: &Plan,
    arguments: &RunArguments,
    aim: Aim,
    (capture, progress): (Option<CaptureWriter>, &Arc<Progress>),
    interrupt: &CancellationToken,
) -> Result<Performed, Failure> {
    let shown = || Shown::run(progress, &plan.scenario.load, arguments.show.quiet);
    if let Some(count) = arguments.processes {
        let _shown = shown();
        let brake = Brake::new(&plan.aborts, interrupt);
        let mut performed = tokio::select! {
            performed = processes::perform(count, (&aim, &plan.scenario), progress, &brake.end) => performed?,
            never = brake.watch(progress) => match never {},
        };
        performed.given_up = brake.reason();
        return Ok(performed);
    }
    let ready = Ready::get(plan, aim).await?;
    let clock = start::wait(arguments.start_at, interrupt).await?;
    let _shown = shown();
    let brake = Brake::new(&plan.aborts, interrupt);
    let outcome = tokio::select! {
        outcome = ready.go(clock, Others::default(), capture.clone(), progress.clone(), &brake.end) => outcome?,
        never = brake.watch(progress) => match never {},
    };
    let trouble = recording::end(capture.as_ref(), clock.now()).err();
    Ok(Performed { saturated: is_saturated(&outcome.tally), outcome, given_up: brake.reason(), trouble })
}

/// All that the shares of one run have in common, in a short text.
fn fingerprint(scenario: &Scenario, arguments: &RunArguments) -> String {
    let RunArguments { aim, duration, rate, users, .. } = arguments;
    // Not the target's address: shares may use different entrances to one system.
    let AimArguments { license_id, defect, hardship, .. } = aim;
    let hardship = Hardships::of(hardship);
    let load = format!("{duration:?} {rate:?} {users:?} {license_id} {defect:?} {hardship:?}");
    sha256(format!("{}\n{load}", scenario.fingerprint).as_bytes())
}

pub(super) fn dialects(scenario: &Scenario) -> Vec<String> {
    let members = scenario.load.populations.iter().flat_map(|population| &population.members);
    let mut names: Vec<DialectName> = members.map(|actor| actor.dialect.name.clone()).collect();
    names.sort();
    names.dedup();
    names.iter().map(ToString::to_string).collect()
}

/// One sentence on how a population comes.
pub(super) fn describe(population: &Population) -> String {
    let name = &population.name;
    match &population.arrivals {
        Arrivals::Open { stages, spacing, at_most } => {
            let peak = stages.iter().map(|stage| stage.from.max(stage.to)).fold(0.0, f64::max);
            let spacing = format!("{spacing:?}").to_lowercase();
            let cap = at_most.map(|most| format!(", at most {most} present")).unwrap_or_default();
            format!("{name}: arriving at up to {peak}/s ({spacing}){cap}")
        }
        Arrivals::Closed { stages } => {
            let most = stages.iter().map(|stage| stage.from.max(stage.to)).max().unwrap_or(0);
            format!("{name}: up to {most} at the same time")
        }
        Arrivals::Standing { count, .. } => format!("{name}: {count} standing"),
        Arrivals::Together { count, at } if at.is_zero() => format!("{name}: {count} together"),
        Arrivals::Together { count, at } => format!("{name}: {count} together after {at:?}"),
    }
}
