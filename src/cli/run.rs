//! `chatproof run`.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::arguments::{Hardships, Named, RunArguments};
use super::progress::Shown;
use super::target::Aim;
use super::{Failure, interrupt, load_scenario, protocol, recording, results};
use crate::engine::{self, Outcome, Progress, RunOptions};
use crate::load::Share;
use crate::merge::TallyFile;
use crate::observe::{Clock, Observation, Observer};
use crate::protocol::{DialectName, sha256};
use crate::record::Tally;
use crate::report::{Meta, RunReport};
use crate::scenario::{Arrivals, Population, Scenario};
use crate::session::{IdSource, PingStyle, SessionContext};
use crate::traffic::{CaptureWriter, Client};
use crate::verdict::{ExitCode as Code, Judgement, Threshold, Verdict, judge};

/// Median lag of arrivals from which on the generator was the bottleneck: people would notice it, and every number is
/// larger by it.
const SATURATED: Duration = Duration::from_millis(50);

pub(super) fn run(arguments: &RunArguments) -> Result<Code, Failure> {
    let protocol = Arc::new(protocol(arguments.schemas.as_deref())?);
    let mut scenario = load_scenario(&arguments.scenario, &protocol)?;
    override_load(&mut scenario, arguments)?;
    let thresholds = scenario
        .thresholds
        .iter()
        .map(|threshold| threshold.text.parse::<Threshold>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Failure::new(Code::Input, error))?;
    let seed = arguments.seed.unwrap_or(scenario.seed);
    let scenario = Arc::new(scenario);
    let interrupt = interrupt::install()?;
    let folder = results::folder(arguments.report.as_deref(), &scenario.name)?;
    let capture = recording::begin(arguments.record.as_deref(), Client::Ours)?;
    let aim = Aim::take(arguments, &scenario, seed, &protocol)?;
    let name = aim.name.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Code::Internal, e))?;
    let started = jiff::Timestamp::now();
    let performed = runtime.block_on(perform(&scenario, seed, aim, capture, &interrupt));
    let (outcome, trouble) = match performed {
        Ok((outcome, recorded)) => (outcome, recorded.err()),
        // What was seen is reported all the same.
        Err(failure) => {
            (Outcome { tally: Tally::default(), duration: Duration::ZERO, interrupted: false }, Some(failure))
        }
    };
    let verdict = judge(&outcome.tally, &thresholds, outcome.duration);
    let code = exit_code(&outcome, &verdict, arguments.allow_saturated);
    let meta = Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: scenario.name.clone(),
        about: scenario.about.clone().unwrap_or_default(),
        file: arguments.scenario.display().to_string(),
        target: name,
        dialects: dialects(&scenario),
        seed,
        started: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        duration: outcome.duration,
        load: scenario.load.populations.iter().map(describe).collect(),
        cores: results::cores(),
        workers: workers(),
        interrupted: outcome.interrupted,
        notes: trouble.iter().map(|failure| failure.text.clone()).chain(remark(code)).collect(),
    };
    let report = RunReport { meta: &meta, tally: &outcome.tally, verdict: &verdict, checklist: None };
    results::hand_over(&folder, &report)?;
    let thresholds = scenario.thresholds.iter().map(|threshold| threshold.text.clone()).collect();
    let planned = (scenario.load.duration, thresholds);
    let file = TallyFile::new((fingerprint(&scenario, arguments), Share::WHOLE), planned, (meta, outcome.tally));
    results::write_tally(&folder, &file)?;
    match trouble {
        Some(failure) => Err(failure),
        None => Ok(code),
    }
}

async fn perform(
    scenario: &Arc<Scenario>,
    seed: u64,
    aim: Aim,
    capture: Option<CaptureWriter>,
    interrupt: &CancellationToken,
) -> Result<(Outcome, Result<(), Failure>), Failure> {
    let ours = |error: &dyn std::fmt::Display| Failure::new(Code::Internal, error);
    let Some(first) = scenario.load.populations.iter().flat_map(|population| &population.members).next() else {
        return Err(Failure::new(Code::Inconclusive, "the scenario has no population"));
    };
    let clock = Clock::start();
    let http =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().map_err(|error| ours(&error))?;
    let session = SessionContext {
        target: aim.target.clone(),
        dialect: first.dialect.clone(),
        observer: Arc::new(Nobody),
        clock,
        ids: IdSource::default(),
        http,
        pings: PingStyle::default(),
    };
    aim.knock(scenario, &session).await?;
    let progress = Arc::new(Progress::default());
    let _shown = Shown::start(progress.clone(), scenario.load.duration);
    let clock = Clock::start();
    let options = RunOptions {
        scenario: scenario.clone(),
        seed,
        clock,
        workers: workers(),
        session,
        credentials: aim.credentials,
        capture: capture.clone(),
        progress,
        interrupt: interrupt.clone(),
    };
    let outcome = engine::run(options).await.map_err(|error| ours(&error))?;
    Ok((outcome, recording::end(capture.as_ref(), clock.now())))
}

/// Nobody is told about the first knock.
struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: &Observation<'_>) {}
}

fn exit_code(outcome: &Outcome, verdict: &Verdict, allow_saturated: bool) -> Code {
    if outcome.interrupted {
        return Code::Interrupted;
    }
    let refused = outcome
        .tally
        .dialects
        .values()
        .flat_map(|dialect| dialect.transports.values())
        .all(|transport| transport.actions.values().all(|action| action.succeeded == 0));
    let asked = outcome.tally.actions().any(|(_, _, _, action)| action.failed() > 0);
    let lag = outcome.tally.schedule.lag.percentile(50.0);
    match verdict.judgement {
        Judgement::Failed if refused && asked => Code::Unreachable,
        Judgement::Failed => Code::PeerFailed,
        Judgement::Inconclusive => Code::Inconclusive,
        _ if !allow_saturated && lag.is_some_and(|lag| lag > SATURATED) => Code::Saturated,
        Judgement::Passed | Judgement::NonStrict => Code::Passed,
    }
}

/// What a reader should know of an exit code that the verdict does not explain.
fn remark(code: Code) -> Option<String> {
    match code {
        Code::Unreachable => Some("the target let nobody log in".to_owned()),
        Code::Saturated => {
            Some("the generator could not keep its schedule, so the numbers are its own, not the target's".to_owned())
        }
        _ => None,
    }
}

/// All that the shares of one run have in common, in a short text.
fn fingerprint(scenario: &Scenario, arguments: &RunArguments) -> String {
    let RunArguments { target, license_id, defect, hardship, duration, rate, users, .. } = arguments;
    let hardship = Hardships::of(hardship);
    let load = format!("{duration:?} {rate:?} {users:?} {target:?} {license_id} {defect:?} {hardship:?}");
    sha256(format!("{}\n{load}", scenario.fingerprint).as_bytes())
}

fn workers() -> usize {
    results::cores()
}

fn dialects(scenario: &Scenario) -> Vec<String> {
    let members = scenario.load.populations.iter().flat_map(|population| &population.members);
    let mut names: Vec<DialectName> = members.map(|actor| actor.dialect.name.clone()).collect();
    names.sort();
    names.dedup();
    names.iter().map(ToString::to_string).collect()
}

/// One sentence on how a population comes.
fn describe(population: &Population) -> String {
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

fn override_load(scenario: &mut Scenario, arguments: &RunArguments) -> Result<(), Failure> {
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
