//! `chatproof capacity`.

mod step;
mod vary;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use self::step::{Bench, Measured};
use self::vary::Varied;
use super::arguments::CapacityArguments;
use super::github::Github;
use super::live::Watched;
use super::target::Aim;
use super::{Failure, interrupt, live, load_scenario, protocol, results, run};
use crate::capacity::{Course, Finding, Next, Outcome, Pace, Point, Search, Times};
use crate::live::SearchBoard;
use crate::load::Share;
use crate::report::{self, CapacityReport, Meta};
use crate::scenario::{AskedThreshold, Scenario};
use crate::session::IdSource;
use crate::verdict::{ExitCode as Code, Metric, Threshold, samples_wanted};

/// Runs in a row that are made again because the generator had pauses in them.
const MOST_DOUBTS: usize = 3;

pub(super) fn capacity(arguments: &CapacityArguments, github: &Github) -> Result<Code, Failure> {
    let protocol = Arc::new(protocol(arguments.schemas.as_deref())?);
    let scenario = load_scenario(&arguments.scenario, &protocol)?;
    let varied = Varied::pick(&scenario, arguments)?;
    if arguments.step.is_zero() {
        return Err(Failure::new(Code::Usage, "--step: nothing can be measured in no time; write for example 10s"));
    }
    let thresholds = thresholds(&scenario.thresholds, &arguments.slo)?;
    let strictest = thresholds.iter().filter(|threshold| samples_wanted(threshold).is_some());
    let strictest = strictest.max_by_key(|threshold| samples_wanted(threshold)).cloned();
    let seed = arguments.seed.unwrap_or(scenario.seed);
    let interrupt = interrupt::install()?;
    let door = live::open(&arguments.watch)?;
    let folder = results::folder(arguments.report.as_deref(), &scenario.name)?;
    let aim = Aim::take(&arguments.aim, seed, &protocol)?;
    aim.credentials(&scenario, seed, Share::WHOLE)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Internal, error))?;
    let clock = std::time::Instant::now();
    let meta = meta(&scenario, arguments, seed, aim.name.clone());
    let texts: Vec<String> = thresholds.iter().map(ToString::to_string).collect();
    let usual = Times { warm_up: arguments.warm_up, counted: arguments.step };
    let searching = async {
        let course = unsearched(&varied, &thresholds, strictest.as_ref());
        let board = Arc::new(SearchBoard::new(protocol, meta.clone(), texts.clone(), course.clone()));
        let watched = Watched::start(&arguments.watch, door, board.clone())?;
        let (scenario, varied, quiet) = (&scenario, &varied, arguments.show.quiet);
        let bench =
            Bench { scenario, varied, thresholds: &thresholds, strictest, seed, aim: &aim, quiet, board: &board };
        let (course, refused) = search(&bench, course, usual, &interrupt).await?;
        let meta = Meta {
            duration: clock.elapsed(),
            interrupted: interrupt.is_cancelled(),
            notes: refused.then(|| "the target let nobody log in".to_owned()).into_iter().collect(),
            ..meta
        };
        let report = CapacityReport { meta: &meta, course: &course, thresholds: &texts };
        watched.end(|| report::capacity::live_content(&report, None)).await;
        let code = exit_code(&course.finding, refused, &interrupt, arguments.allow_saturated);
        results::hand_over_capacity(&folder, &report)?;
        github.tell(|| report::github::capacity(&report));
        Ok(code)
    };
    runtime.block_on(searching)
}

/// What is known of a search before it begins.
fn meta(scenario: &Scenario, arguments: &CapacityArguments, seed: u64, target: String) -> Meta {
    Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: scenario.name.clone(),
        about: scenario.about.clone().unwrap_or_default(),
        file: arguments.scenario.display().to_string(),
        target,
        dialects: run::dialects(scenario),
        seed,
        started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        load: scenario.load.populations.iter().map(run::describe).collect(),
        cores: results::cores(),
        workers: results::cores(),
        ..Meta::default()
    }
}

/// A search in which nothing was tried yet.
fn unsearched(varied: &Varied, thresholds: &[Threshold], strictest: Option<&Threshold>) -> Course {
    let action = thresholds.iter().find_map(|threshold| match &threshold.metric {
        Metric::Action { action, .. } => Some(action.clone()),
        _ => None,
    });
    let wanted = strictest.and_then(samples_wanted);
    let finding = Search::new(varied.range).so_far();
    Course { population: varied.population.clone(), unit: varied.unit, action, wanted, points: Vec::new(), finding }
}

/// The scenario's thresholds and those of the command line, each once.
fn thresholds(own: &[AskedThreshold], asked: &[Threshold]) -> Result<Vec<Threshold>, Failure> {
    let own = own.iter().map(|threshold| threshold.text.parse::<Threshold>());
    let mut all = own.collect::<Result<Vec<_>, _>>().map_err(|error| Failure::new(Code::Input, error))?;
    for threshold in asked {
        if !all.contains(threshold) {
            all.push(threshold.clone());
        }
    }
    Ok(all)
}

/// Makes one run after the other until the search is over. Also whether the target let nobody do anything.
async fn search(
    bench: &Bench<'_>,
    mut course: Course,
    usual: Times,
    interrupt: &CancellationToken,
) -> Result<(Course, bool), Failure> {
    let session = bench.aim.session(bench.scenario, IdSource::default())?;
    bench.aim.knock(bench.scenario, &session).await?;
    let mut search = Search::new(bench.varied.range);
    let mut pace = Pace::new(usual, course.wanted.unwrap_or(0));
    let (mut refused, mut runs, mut doubted) = (false, 0, 0);
    course.finding = loop {
        let (load, purpose) = match search.next() {
            Next::Run(load, purpose) => (load, purpose),
            Next::Done(finding) => break finding,
        };
        let times = pace.times(load);
        let measured = bench.run(&session, runs, (load, purpose), times, interrupt).await?;
        runs += 1;
        let Some(Measured { point, nobody, stalled }) = measured else { break search.so_far() };
        refused |= nobody;
        let short = pace.learn(load, times, point.samples.unwrap_or_default());
        let doubtful = stalled && point.outcome == Outcome::Missed && doubted < MOST_DOUBTS;
        doubted = if doubtful { doubted + 1 } else { 0 };
        let again = match (short, doubtful) {
            (true, _) => Some("too short for its percentile, so it is measured again for longer"),
            (_, true) => Some("too much, but the generator had pauses too, so it is measured again"),
            (false, false) => None,
        };
        if !bench.quiet {
            super::say(&said(bench.varied, &point, again));
        }
        let good = point.outcome == Outcome::Met;
        if again.is_none() {
            search.tell(load, point.outcome);
            course.points.push(point);
            course.finding = search.so_far();
            bench.board.knows(course.clone());
        }
        rest(pace.rest(times, good), interrupt).await;
    };
    Ok((course, refused))
}

async fn rest(time: Duration, interrupt: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = interrupt.cancelled() => {}
    }
}

/// A line for whoever waits.
fn said(varied: &Varied, point: &Point, again: Option<&str>) -> String {
    let outcome = again.unwrap_or(match point.outcome {
        Outcome::Met => "good",
        Outcome::Missed => "too much",
        Outcome::Strained => "more than the generator can make",
        Outcome::Unmeasured => "nothing was measured",
    });
    let reason =
        point.reasons.first().filter(|_| again.is_none()).map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{}: {outcome}{reason}", crate::report::capacity::load(varied.unit, point.load))
}

fn exit_code(finding: &Finding, refused: bool, interrupt: &CancellationToken, allow_saturated: bool) -> Code {
    match finding {
        _ if interrupt.is_cancelled() => Code::Interrupted,
        Finding::Between { .. } | Finding::AtLeast { .. } => Code::Passed,
        Finding::BelowLowest { .. } if refused => Code::Unreachable,
        Finding::BelowLowest { .. } => Code::PeerFailed,
        Finding::Generator { met: Some(_), .. } if allow_saturated => Code::Passed,
        Finding::Generator { .. } => Code::Saturated,
        Finding::Open { .. } => Code::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_has_its_exit_code() {
        let calm = CancellationToken::new();
        let code = |finding, refused, allow| exit_code(&finding, refused, &calm, allow);
        let between = Finding::Between { met: 1.0, missed: 2.0 };
        assert_eq!(code(between, false, false), Code::Passed);
        assert_eq!(code(Finding::AtLeast { met: 1.0 }, false, false), Code::Passed);
        assert_eq!(code(Finding::BelowLowest { missed: 1.0 }, false, false), Code::PeerFailed);
        assert_eq!(code(Finding::BelowLowest { missed: 1.0 }, true, false), Code::Unreachable);
        let generator = |met| Finding::Generator { met, strained: 2.0 };
        assert_eq!(code(generator(Some(1.0)), false, false), Code::Saturated);
        assert_eq!(code(generator(Some(1.0)), false, true), Code::Passed);
        assert_eq!(code(generator(None), false, true), Code::Saturated);
        assert_eq!(code(Finding::Open { met: Some(1.0), missed: None }, false, false), Code::Inconclusive);
        let pressed = CancellationToken::new();
        pressed.cancel();
        assert_eq!(exit_code(&between, false, &pressed, false), Code::Interrupted);
    }
}
