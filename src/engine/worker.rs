//! One worker thread: a current-thread runtime, a pacer, a recorder.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::credentials::Credentials;
use super::population::{Crowd, Shared, drive};
use super::progress::Progress;
use super::run::Counting;
use super::stage::Worker;
use super::{EngineError, slots};
use crate::load::{Pacer, Share};
use crate::observe::{Clock, Observation, Observer};
use crate::record::{Ledger, Recorder};
use crate::scenario::Stage;
use crate::session::SessionContext;
use crate::traffic::CaptureWriter;

/// How often a worker is tried whether it gets round to what is due. Not a round number, so that it falls in with nothing.
const TRY_EVERY: Duration = Duration::from_micros(9_700);

/// What a worker needs to begin.
pub(super) struct Setup {
    pub clock: Clock,
    pub shared: Arc<Shared>,
    pub crowds: Vec<Arc<Crowd>>,
    pub share: Share,
    pub ledger: Arc<Ledger>,
    pub credentials: Arc<Credentials>,
    pub capture: Option<CaptureWriter>,
    pub progress: Arc<Progress>,
    /// Its observer and clock are replaced by the worker's own.
    pub session: SessionContext,
    /// Cancelled when the worker should drop what it still has and end.
    pub finish: CancellationToken,
    /// Held until no further arrival of this worker can come.
    pub driving: TaskTrackerToken,
    /// Users of goose, for the worker that serves the Web API's slots.
    pub slots: Option<usize>,
}

/// A worker's thread, and what it records into.
pub(super) type Started = (JoinHandle<Result<(), EngineError>>, Arc<Recorder>);

/// Starts the thread. What it recorded is in the recorder that comes with it.
pub(super) fn start(setup: Setup) -> Result<Started, EngineError> {
    let recorder = Arc::new(Recorder::new(setup.ledger.clone()).counting_from(setup.shared.counted_from));
    let kept = recorder.clone();
    let name = if setup.slots.is_some() { "web".to_owned() } else { format!("worker {}", setup.share) };
    let thread = std::thread::Builder::new()
        .name(name)
        .spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(EngineError::Worker)?;
            let done = runtime.block_on(work(setup, recorder));
            // Actors that still walk are dropped here; their sessions record their end.
            drop(runtime);
            done
        })
        .map_err(EngineError::Worker)?;
    Ok((thread, kept))
}

async fn work(setup: Setup, recorder: Arc<Recorder>) -> Result<(), EngineError> {
    let Setup {
        clock,
        shared,
        crowds,
        share,
        credentials,
        capture,
        progress,
        session,
        finish,
        driving: held,
        slots: users,
        ..
    } = setup;
    let pacer = Pacer::new(clock).map_err(EngineError::Worker)?;
    let observer: Arc<dyn Observer> = Arc::new(Counting { recorder: recorder.clone(), progress: progress.clone() });
    let observer = capture.map_or_else(|| observer.clone(), |capture| capture.beside(observer.clone()));
    let worker = Arc::new(Worker { clock, pacer, recorder, credentials, progress });
    let stage = Stage {
        surroundings: worker.clone(),
        clock,
        begin: shared.window.begin,
        session: SessionContext { observer, clock, ..session },
        wind_down: shared.last_call.clone(),
    };
    let drivers =
        join_all(crowds.into_iter().map(|crowd| drive(shared.clone(), crowd, share, worker.clone(), stage.clone())));
    let driving = async {
        drivers.await;
        drop(held);
        finish.cancelled().await;
        Ok(())
    };
    let _trying = AbortOnDropHandle::new(tokio::spawn(try_delay(worker.clone())));
    match users {
        None => tokio::select! {
            done = driving => done,
            () = finish.cancelled() => Ok(()),
        },
        Some(users) => {
            let serving =
                slots::serve(shared.slots.clone(), users, shared.scenario.clone(), worker.clone(), stage.clone());
            let (served, _) = tokio::join!(serving, async {
                tokio::select! {
                    _ = driving => {}
                    () = finish.cancelled() => {}
                }
            });
            served
        }
    }
}

/// Finds out how long whatever is due has to wait for this thread. The tries have a schedule that no delay moves: a thread that stood still
/// would otherwise count it once.
async fn try_delay(worker: Arc<Worker>) {
    let mut due = worker.clock.now();
    loop {
        due = due + TRY_EVERY;
        worker.pacer.until(due).await;
        worker.recorder.delayed(worker.clock.now().since(due));
    }
}

impl Observer for Counting {
    fn observe(&self, observation: &Observation<'_>) {
        self.progress.observed(&observation.fact);
        self.recorder.observe(observation);
    }
}
