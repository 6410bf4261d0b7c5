//! The Web API's actors run on goose: its users are execution slots, each of which walks one actor at a time.
//!
//! goose only knows a closed model of its own, so its users do nothing by themselves: they take jobs, whose due moments
//! come from our schedule and pacer, and what happens is recorded by our recorder. This is the only file that knows goose.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use goose::GooseAttack;
use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{Scenario as GooseScenario, Transaction};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::EngineError;
use super::stage::{Worker, perform};
use crate::scenario::{Instance, Scenario, Stage};
use crate::session::SessionContext;

/// An actor that is due.
pub(super) struct Job {
    pub instance: Instance,
    pub wind_down: CancellationToken,
    /// Dropped when the actor has ended.
    pub keep: Box<dyn Any + Send>,
}

/// A reserved slot.
pub(super) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The queue in front of goose's users. Never longer than there are free users, as places are reserved first.
pub(super) struct Slots {
    free: Arc<AtomicUsize>,
    sender: mpsc::UnboundedSender<(Place, Job)>,
    jobs: Mutex<mpsc::UnboundedReceiver<(Place, Job)>>,
    closed: CancellationToken,
}

impl Slots {
    pub fn new(count: usize) -> Self {
        let (sender, jobs) = mpsc::unbounded_channel();
        Self {
            free: Arc::new(AtomicUsize::new(count)),
            sender,
            jobs: Mutex::new(jobs),
            closed: CancellationToken::new(),
        }
    }

    /// Reserves slots, all or none.
    pub fn reserve(&self, count: usize) -> Option<Vec<Place>> {
        let taken = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(count));
        taken.ok().map(|_| (0..count).map(|_| Place(self.free.clone())).collect())
    }

    /// Hands an actor to a reserved slot.
    pub fn submit(&self, place: Place, job: Job) {
        // The receiver lives as long as `self`.
        let _ = self.sender.send((place, job));
    }

    /// No further jobs; what runs is dropped.
    pub fn close(&self) {
        self.closed.cancel();
    }

    async fn next(&self) -> Option<(Place, Job)> {
        tokio::select! {
            biased;
            () = self.closed.cancelled() => None,
            job = async { self.jobs.lock().await.recv().await } => job,
        }
    }
}

/// Runs goose with so many users until the slots are closed.
pub(super) async fn serve(
    slots: Arc<Slots>,
    count: usize,
    scenario: Arc<Scenario>,
    worker: Arc<Worker>,
    stage: Stage,
) -> Result<(), EngineError> {
    let users = count.to_string();
    let arguments = ["--users", &users, "--increase-rate", &users];
    let quiet = ["-q", "-q", "-q", "--no-print-metrics", "--no-metrics", "--no-telnet", "--no-error-summary"];
    let arguments: Vec<&str> = arguments.into_iter().chain(quiet).collect();
    let failed = |error: goose::GooseError| EngineError::Slots(error.to_string());
    let configuration =
        GooseConfiguration::parse_args_default(&arguments).map_err(|error| EngineError::Slots(error.to_string()))?;
    let work = {
        let slots = slots.clone();
        Transaction::new(Arc::new(move |user| {
            let http = user.client.clone();
            let (slots, scenario, worker, stage) = (slots.clone(), scenario.clone(), worker.clone(), stage.clone());
            Box::pin(async move {
                let session = SessionContext { http, ..stage.session.clone() };
                while let Some((place, job)) = slots.next().await {
                    let stage = Stage { session: session.clone(), wind_down: job.wind_down, ..stage.clone() };
                    tokio::select! {
                        () = slots.closed.cancelled() => {}
                        () = perform(scenario.clone(), job.instance, worker.clone(), stage) => {}
                    }
                    drop((place, job.keep));
                }
                // goose would start over at once.
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(())
            })
        }))
    };
    let stop = {
        let slots = slots.clone();
        tokio::spawn(async move {
            slots.closed.cancelled().await;
            goose::trigger_killswitch("the run is over");
        })
    };
    // goose demands a host; ours are in the sessions.
    let scenario = GooseScenario::new("slots").register_transaction(work).set_host("http://localhost");
    let client = GooseClientBuilder::new().without_cookies().timeout(Duration::from_secs(60));
    GooseAttack::initialize_with_config(configuration)
        .and_then(|attack| attack.set_client_builder_without_cookies(client))
        .map_err(failed)?
        .register_scenario(scenario)
        .execute()
        .await
        .map_err(failed)?;
    stop.abort();
    Ok(())
}
