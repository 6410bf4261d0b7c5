//! A whole run, from the first standing actor to the last closed connection.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::EngineError;
use super::coming::Window;
use super::credentials::Credentials;
use super::effort::Meter;
use super::population::{Crowd, Shared};
use super::progress::Progress;
use super::slots::Slots;
use super::worker::{self, Setup};
use crate::load::Share;
use crate::observe::{Clock, Moment};
use crate::record::{Ledger, Recorder, Tally};
use crate::scenario::{Arrivals, Scenario};
use crate::session::SessionContext;
use crate::traffic::CaptureWriter;

/// How long standing actors may take to leave once they are dismissed.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);
/// How often the order ledger is asked to judge what can be judged.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// What to run.
pub struct RunOptions {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Seed of all choices.
    pub seed: u64,
    /// Which part of the run's actors comes here.
    pub share: Share,
    /// What passes between this share and the others.
    pub others: Others,
    /// How many walk, when it is not the scenario that says so.
    pub wanted: Option<Wanted>,
    /// The run's time; it starts with the clock.
    pub clock: Clock,
    /// How long after the first arrival the target is only warmed up: what is due in it is not counted.
    pub warm_up: Duration,
    /// Worker threads for real-time actors.
    pub workers: usize,
    /// How to reach the server. The observer and the clock in it are replaced.
    pub session: SessionContext,
    /// Tokens.
    pub credentials: Credentials,
    /// Keeps a recording.
    pub capture: Option<CaptureWriter>,
    /// Told how the run goes on.
    pub progress: Arc<Progress>,
    /// Cancelled by somebody who wants the run to end early, with a report.
    pub interrupt: CancellationToken,
}

/// How many of each population, by its name, somebody else wants to walk at the same time. Whoever ends is replaced. The run ends
/// when nobody is left who could want something.
pub type Wanted = watch::Receiver<BTreeMap<String, u64>>;

/// The other shares of a run. Their actors may need the standing populations of this one, and the other way round. If nobody
/// tells, everybody stays for as long as anybody may.
#[derive(Debug, Clone, Default)]
pub struct Others {
    /// Cancelled by the run when everybody of its share but the standing populations is gone.
    pub done_here: CancellationToken,
    /// Cancelled by somebody who knows that this is so in all shares.
    pub done_everywhere: CancellationToken,
}

/// What came of a run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Everything that was recorded.
    pub tally: Tally,
    /// From the first arrival that counts to the end, without the time in which only other shares had something to do.
    pub duration: Duration,
    /// Answers that came between the warm-up and the end of arrivals.
    pub answered: u64,
    /// Whether somebody ended it early.
    pub interrupted: bool,
}

/// A worker's recorder, counting for the progress on the way.
pub(super) struct Counting {
    pub recorder: Arc<Recorder>,
    pub progress: Arc<Progress>,
}

/// Runs a scenario to its end.
///
/// # Errors
/// Only for failures of ours; whatever the target does is in the outcome.
pub async fn run(options: RunOptions) -> Result<Outcome, EngineError> {
    let RunOptions {
        scenario,
        seed,
        share,
        others,
        wanted,
        clock,
        warm_up,
        workers,
        session,
        credentials,
        capture,
        progress,
        interrupt,
    } = options;
    let load = scenario.load.clone();
    let meter = Meter::start();
    let window = Window::of(&load, wanted.is_some());
    let begin = window.begin;
    let crowds: Vec<_> = load
        .populations
        .iter()
        .enumerate()
        .map(|(number, population)| {
            Arc::new(Crowd { population: population.clone(), number, share, present: AtomicU64::new(0) })
        })
        .collect();
    let users: u64 = crowds.iter().map(|crowd| crowd.slots(wanted.is_some())).sum();
    let users = usize::try_from(users).unwrap_or(usize::MAX);
    let shared = Arc::new(Shared {
        scenario: scenario.clone(),
        seed,
        wanted,
        numbers: AtomicU64::new(0),
        window,
        counted_from: if warm_up.is_zero() { Moment::default() } else { begin + warm_up },
        last_call: CancellationToken::new(),
        dismissal: CancellationToken::new(),
        only_standing: load
            .populations
            .iter()
            .all(|population| matches!(population.arrivals, Arrivals::Standing { .. })),
        drivers: TaskTracker::new(),
        arriving: TaskTracker::new(),
        standing: TaskTracker::new(),
        slots: Arc::new(Slots::new(users)),
    });
    let (ledger, credentials) = (Arc::new(Ledger::default()), Arc::new(credentials));
    let finish = CancellationToken::new();
    let (web, rtm): (Vec<_>, Vec<_>) = crowds.into_iter().partition(|crowd| crowd.is_web());
    let mut threads = Vec::new();
    let mut recorders = Vec::new();
    let mut start = |crowds: &[Arc<Crowd>], share: Share, slots: Option<usize>| {
        let (thread, recorder) = worker::start(Setup {
            clock,
            shared: shared.clone(),
            crowds: crowds.to_vec(),
            share,
            ledger: ledger.clone(),
            credentials: credentials.clone(),
            capture: capture.clone(),
            progress: progress.clone(),
            session: session.clone(),
            finish: finish.clone(),
            driving: shared.drivers.token(),
            slots,
        })?;
        threads.push(thread);
        recorders.push(recorder);
        Ok::<_, EngineError>(())
    };
    let workers = if rtm.is_empty() { 0 } else { workers as u64 };
    // What somebody wants of this process is all of it.
    let mine = if shared.wanted.is_some() { Share::WHOLE } else { share };
    for worker in (1..=workers).filter_map(|number| Share::new(number, workers)) {
        start(&rtm, mine.divided(worker), None)?;
    }
    if users > 0 || !web.is_empty() {
        start(&web, mine, Some(users).filter(|users| *users > 0))?;
    }
    shared.drivers.close();
    progress.record(recorders.clone(), meter);
    progress.begin(clock, window);
    let counted = (begin + warm_up, window.end);
    let counting = tokio::spawn(count_answers(progress.clone(), clock, counted, finish.clone()));
    let settling = settle(recorders.first().cloned(), clock, finish.clone());
    let has_others = shared.wanted.is_some() || (share != Share::WHOLE && !shared.only_standing);
    let others = has_others.then_some(others);
    let directing = direct(&shared, clock, load.wind_down, others, &interrupt);
    let idle = tokio::select! {
        idle = directing => idle,
        () = settling => Duration::ZERO,
    };
    shared.slots.close();
    finish.cancel();
    let answered = counting.await.map_err(|_| EngineError::Panicked)?;
    let joined = tokio::task::spawn_blocking(move || {
        threads.into_iter().map(|thread| thread.join().unwrap_or(Err(EngineError::Panicked))).collect::<Vec<_>>()
    });
    let ended = joined.await.map_err(|_| EngineError::Panicked)?;
    let now = clock.now();
    recorders.iter().for_each(|recorder| recorder.settle(now));
    let tally = progress.end();
    ended.into_iter().collect::<Result<(), _>>()?;
    let duration = now.since(begin + warm_up).saturating_sub(idle);
    Ok(Outcome { tally, duration, answered, interrupted: interrupt.is_cancelled() })
}

/// Lets arrivals come until their time is over, everybody finish, and the standing populations go. Returns for how long only
/// other shares had something to do.
async fn direct(
    shared: &Shared,
    clock: Clock,
    wind_down: Duration,
    others: Option<Others>,
    interrupt: &CancellationToken,
) -> Duration {
    let at = |moment: Moment| tokio::time::sleep_until(clock.instant(moment).into());
    let time_is_up = async {
        match &shared.wanted {
            None => at(shared.window.end).await,
            Some(_) => pending().await,
        }
    };
    let none_left = async {
        if shared.wanted.is_some() {
            // Who walks would not be replaced any more, and may now come to the end.
            return shared.drivers.wait().await;
        }
        if shared.only_standing {
            // Nobody arrives, so nobody's leaving ends the run.
            at(shared.window.end).await;
        }
        shared.drivers.wait().await;
        shared.arriving.close();
        shared.arriving.wait().await;
    };
    tokio::select! {
        () = time_is_up => {}
        () = interrupt.cancelled() => {}
        () = none_left => {}
    }
    shared.last_call.cancel();
    shared.arriving.close();
    tokio::select! {
        () = shared.arriving.wait() => {}
        () = tokio::time::sleep(wind_down) => {}
        // Whoever interrupts does not want to wait for people who chat.
        () = interrupt.cancelled() => { tokio::time::sleep(LEAVE_WITHIN.min(wind_down) / 5).await; }
    }
    let done = clock.now();
    if let Some(Others { done_here, done_everywhere }) = others {
        done_here.cancel();
        let end = if shared.wanted.is_some() { done } else { shared.window.end };
        tokio::select! {
            () = done_everywhere.cancelled() => {}
            () = at(end + wind_down) => {}
            () = interrupt.cancelled() => {}
        }
    }
    let idle = clock.now().since(done);
    shared.dismissal.cancel();
    shared.standing.close();
    let _ = tokio::time::timeout(LEAVE_WITHIN, shared.standing.wait()).await;
    idle
}

/// Answers between two moments, or until the end if that comes first.
async fn count_answers(
    progress: Arc<Progress>,
    clock: Clock,
    (from, to): (Moment, Moment),
    finish: CancellationToken,
) -> u64 {
    let until = |moment: Moment| {
        let finish = finish.clone();
        async move {
            tokio::select! {
                () = tokio::time::sleep_until(clock.instant(moment).into()) => {}
                () = finish.cancelled() => {}
            }
        }
    };
    until(from).await;
    let before = progress.answers();
    until(to).await;
    progress.answers() - before
}

async fn settle(recorder: Option<Arc<Recorder>>, clock: Clock, finish: CancellationToken) {
    let Some(recorder) = recorder else { return pending().await };
    loop {
        tokio::select! {
            () = finish.cancelled() => return,
            () = tokio::time::sleep(SETTLE_EVERY) => recorder.settle(clock.now()),
        }
    }
}
