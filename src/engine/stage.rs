//! What the engine gives to the actors of one worker.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::credentials::Credentials;
use super::progress::Progress;
use crate::load::Pacer;
use crate::observe::{Clock, Moment};
use crate::record::Recorder;
use crate::scenario::{ActorOutcome, Instance, Proof, ProofOutcome, Scenario, Stage, StepFailure, Surroundings, walk};
use crate::session::Token;

/// A worker's pacer, recorder and token pools, as actors see them.
pub(super) struct Worker {
    pub clock: Clock,
    pub pacer: Pacer,
    pub recorder: Arc<Recorder>,
    pub credentials: Arc<Credentials>,
    pub progress: Arc<Progress>,
}

impl Surroundings for Worker {
    fn until(&self, moment: Moment) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.pacer.until(moment))
    }

    fn step_failed(&self, failure: StepFailure) {
        let StepFailure { actor, step, at, reason } = failure;
        self.recorder.step_failed(crate::record::StepFailure { at, actor, step, reason });
    }

    fn exhausted(&self, _: StepFailure) {
        self.recorder.exhausted();
    }

    fn proved(&self, proof: Proof) {
        let Proof { name, actor, step, at, outcome, .. } = proof;
        match outcome {
            ProofOutcome::Held => {}
            ProofOutcome::Broken { reason } | ProofOutcome::Unfit { reason } => {
                self.step_failed(StepFailure { actor, step, at, reason: format!("in `{name}`: {reason}") });
            }
        }
    }

    fn take_token(&self, pool: &str) -> Result<Token, String> {
        self.credentials.take(pool)
    }

    fn return_token(&self, pool: &str, token: Token) {
        self.credentials.give_back(pool, token);
    }
}

/// Counts an actor while it walks, however it ends.
struct Present<'a> {
    worker: &'a Worker,
    ended: bool,
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.worker.recorder.actor_interrupted(self.worker.clock.now());
        }
        self.worker.progress.left();
    }
}

/// Walks one actor and records how it fared.
pub(super) async fn perform(scenario: Arc<Scenario>, instance: Instance, worker: Arc<Worker>, stage: Stage) {
    let now = worker.clock.now();
    worker.recorder.started(now.since(instance.due));
    worker.recorder.actor_started(now);
    worker.progress.came();
    let mut present = Present { worker: &worker, ended: false };
    let outcome = walk(scenario, instance, stage).await;
    worker.recorder.actor_finished(worker.clock.now(), outcome == ActorOutcome::Finished);
    present.ended = true;
}
