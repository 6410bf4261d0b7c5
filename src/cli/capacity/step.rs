//! One run at one load, and what it tells.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::vary::Varied;
use crate::capacity::{Outcome, Percentiles, Point, Purpose, Times};
use crate::cli::progress::Shown;
use crate::cli::target::Aim;
use crate::cli::{Failure, results};
use crate::engine::{self, Others, Progress, RunOptions};
use crate::live::SearchBoard;
use crate::load::Share;
use crate::observe::{Clock, Grade, Side};
use crate::record::{ActionTally, Latency, Tally};
use crate::scenario::Scenario;
use crate::session::SessionContext;
use crate::verdict::{
    ExitCode as Code, Judgement, Metric, Threshold, Verdict, has_stalled, is_refused, is_saturated, judge, lack,
    samples,
};

/// What all runs have in common.
pub struct Bench<'a> {
    pub scenario: &'a Scenario,
    pub varied: &'a Varied,
    pub thresholds: &'a [Threshold],
    /// The threshold that needs most samples.
    pub strictest: Option<Threshold>,
    pub seed: u64,
    pub aim: &'a Aim,
    /// Whether the progress of a run is not to be shown.
    pub quiet: bool,
    /// Told of each run, for those who watch.
    pub board: &'a SearchBoard,
}

/// A run that was not broken off.
pub struct Measured {
    pub point: Point,
    /// Whether the target let nobody do anything.
    pub nobody: bool,
    /// Whether the generator had pauses, which may be why it was too much.
    pub stalled: bool,
}

impl Bench<'_> {
    /// Makes a run, with other people than the runs before it; none when it was interrupted.
    pub async fn run(
        &self,
        session: &SessionContext,
        number: u64,
        (load, purpose): (f64, Purpose),
        times: Times,
        interrupt: &CancellationToken,
    ) -> Result<Option<Measured>, Failure> {
        let duration = times.warm_up + times.counted;
        let scenario = Arc::new(self.varied.scenario(self.scenario, load, duration));
        let seed = self.seed.wrapping_add(number);
        let progress = Arc::new(Progress::default());
        let _shown = Shown::run(&progress, &scenario.load, self.quiet);
        let options = RunOptions {
            scenario: scenario.clone(),
            seed,
            share: Share::WHOLE,
            others: Others::default(),
            wanted: None,
            clock: Clock::start(),
            warm_up: times.warm_up,
            workers: results::cores(),
            session: session.clone(),
            credentials: self.aim.credentials(&scenario, seed, Share::WHOLE)?,
            capture: None,
            progress: progress.clone(),
            interrupt: interrupt.clone(),
        };
        self.board.begins((load, purpose), times, progress);
        let outcome = engine::run(options).await.map_err(|error| Failure::new(Code::Internal, error))?;
        self.board.ended();
        if outcome.interrupted {
            return Ok(None);
        }
        let tally = &outcome.tally;
        let verdict = judge(tally, self.thresholds, times.counted);
        let (judged, reasons) = judged(tally, verdict);
        let all = ActionTally::sum(tally.actions().map(|(_, _, _, action)| action));
        let point = Point {
            load,
            purpose,
            outcome: judged,
            reasons,
            times,
            throughput: outcome.answered as f64 / times.counted.as_secs_f64(),
            mean: all.response.mean(),
            response: self.looked_at(tally, &all),
            answered: all.answered,
            errors: all.failed(),
            violations: tally.violations.graded(Side::Server, Grade::Fail) + all.timeouts,
            samples: self.strictest.as_ref().map(|threshold| samples(threshold, tally)),
            lag: tally.schedule.lag.percentile(50.0),
            dropped: tally.schedule.dropped,
        };
        Ok(Some(Measured { point, nobody: is_refused(tally), stalled: has_stalled(tally) }))
    }

    /// Response times of the first action that a threshold is about, or of all.
    fn looked_at(&self, tally: &Tally, all: &ActionTally) -> Option<Percentiles> {
        let about = self.thresholds.iter().find_map(|threshold| match &threshold.metric {
            Metric::Action { action, only, .. } => Some((action, only)),
            _ => None,
        });
        let Some((action, only)) = about else { return percentiles(&all.response) };
        let meant = tally
            .actions()
            .filter(|(dialect, transport, name, _)| only.includes(dialect.as_str(), *transport) && name == action);
        percentiles(&Latency::sum(meant.map(|(_, _, _, tally)| &tally.response)))
    }
}

fn percentiles(latency: &Latency) -> Option<Percentiles> {
    let at = |percent| latency.percentile(percent);
    Some(Percentiles { p50: at(50.0)?, p90: at(90.0)?, p99: at(99.0)?, max: latency.max()? })
}

/// What a run at a load comes to. The generator's limit is looked at first: beyond it the times are its own.
fn judged(tally: &Tally, verdict: Verdict) -> (Outcome, Vec<String>) {
    let dropped = tally.schedule.dropped;
    if let Some(lack) = lack(tally) {
        return (Outcome::Strained, vec![lack]);
    }
    if is_saturated(tally) {
        let lag = tally.schedule.lag.percentile(50.0).unwrap_or(Duration::ZERO).as_millis();
        return (Outcome::Strained, vec![format!("arrivals started {lag} ms late at the median")]);
    }
    let reasons = verdict.reasons.into_iter().map(|reason| reason.text);
    match verdict.judgement {
        Judgement::Failed => (Outcome::Missed, reasons.collect()),
        Judgement::Inconclusive => (Outcome::Unmeasured, reasons.collect()),
        Judgement::Passed | Judgement::NonStrict if dropped > 0 => {
            let reason =
                format!("{dropped} arrivals found no place: `at_most`, or the slots of the Web API, end there");
            (Outcome::Strained, vec![reason])
        }
        Judgement::Passed | Judgement::NonStrict => (Outcome::Met, Vec::new()),
    }
}
