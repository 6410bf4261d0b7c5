//! How one worker brings its part of a population onto the stage.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::slots::{Job, Slots};
use super::stage::{Worker, perform};
use crate::load::{self, Profile};
use crate::observe::Moment;
use crate::protocol::Transport;
use crate::scenario::{Arrivals, Cast, Instance, Population, Scenario, Spacing, Stage};

/// What the workers of one run share.
pub(super) struct Shared {
    pub scenario: Arc<Scenario>,
    pub seed: u64,
    /// When the first of the standing populations come.
    pub start: Moment,
    /// When arrivals begin; standing populations come before.
    pub begin: Moment,
    /// What is due before is not counted.
    pub counted_from: Moment,
    /// When arrivals end.
    pub end: Moment,
    /// Cancelled when no further arrivals should start: at the end, or because somebody interrupts.
    pub last_call: CancellationToken,
    /// Cancelled when the standing populations may go.
    pub dismissal: CancellationToken,
    /// Whether nobody but standing populations comes.
    pub only_standing: bool,
    /// The workers whose arrivals are not over yet.
    pub drivers: TaskTracker,
    /// Everybody but the standing populations.
    pub arriving: TaskTracker,
    /// The standing populations.
    pub standing: TaskTracker,
    /// Where actors of the Web API run.
    pub slots: Arc<Slots>,
}

/// A population and how many of it are present, over all workers.
pub(super) struct Crowd {
    pub population: Population,
    pub number: usize,
    pub present: Arc<AtomicUsize>,
}

impl Crowd {
    /// Whether its actors all run on the Web API's slots.
    pub fn is_web(&self) -> bool {
        self.population.members.iter().all(|actor| actor.transport == Transport::Web)
    }

    /// How many slots its Web API actors may need at the same time.
    pub fn slots(&self) -> usize {
        let web = self.population.members.iter().filter(|actor| actor.transport == Transport::Web).count();
        let casts = match &self.population.arrivals {
            Arrivals::Open { at_most, .. } => at_most.unwrap_or(DEFAULT_SLOTS),
            Arrivals::Closed { stages } => stages.iter().map(|stage| stage.from.max(stage.to)).max().unwrap_or(0),
            Arrivals::Standing { count, .. } | Arrivals::Together { count, .. } => *count,
        };
        web * casts
    }

    fn standing(&self) -> bool {
        matches!(self.population.arrivals, Arrivals::Standing { .. })
    }
}

/// Slots for an open population over the Web API that sets no limit of its own.
const DEFAULT_SLOTS: usize = 256;

/// A worker's share: it takes the arrivals whose number is `index` modulo `of`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub index: usize,
    pub of: usize,
}

impl Share {
    fn has(self, number: usize) -> bool {
        number % self.of == self.index
    }
}

/// Brings this worker's part of a population onto the stage, and returns when no more of it will come.
pub(super) async fn drive(shared: Arc<Shared>, crowd: Arc<Crowd>, share: Share, worker: Arc<Worker>, stage: Stage) {
    let scene = Scene { shared, crowd, worker, stage };
    let duration = scene.shared.end.since(scene.shared.begin);
    match scene.crowd.population.arrivals.clone() {
        Arrivals::Open { stages, spacing, at_most } => {
            let profile = Profile {
                stages: stages.iter().map(|s| load::Stage { from: s.from, to: s.to, over: s.over }).collect(),
                spacing: match spacing {
                    Spacing::Even => load::Spacing::Even,
                    Spacing::Poisson => load::Spacing::Poisson,
                },
            };
            let seed = scene.shared.seed.wrapping_add(scene.crowd.number as u64);
            for (number, offset) in load::schedule(&profile, seed, duration).enumerate() {
                if share.has(number) {
                    let due = scene.shared.begin + offset;
                    if !scene.wait(due).await {
                        return;
                    }
                    if at_most.is_some_and(|most| scene.crowd.present.load(Ordering::Relaxed) >= most) {
                        scene.drop_arrival();
                    } else {
                        scene.start(number as u64, due);
                    }
                }
            }
        }
        Arrivals::Standing { count, ramp } => {
            for number in (0..count).filter(|number| share.has(*number)) {
                let due = scene.shared.start + ramp.mul_f64(number as f64 / count as f64);
                if !scene.wait(due).await {
                    return;
                }
                scene.start(number as u64, due);
            }
        }
        Arrivals::Together { count, at } => {
            let due = scene.shared.begin + at;
            if !scene.wait(due).await {
                return;
            }
            for number in (0..count).filter(|number| share.has(*number)) {
                scene.start(number as u64, due);
            }
        }
        Arrivals::Closed { stages } => {
            let most = stages.iter().map(|stage| stage.from.max(stage.to)).max().unwrap_or(0);
            let users = (0..most).filter(|number| share.has(*number)).map(|user| {
                let spans = load::presence(
                    &stages
                        .iter()
                        .map(|s| load::UserStage { from: s.from, to: s.to, over: s.over })
                        .collect::<Vec<_>>(),
                    user,
                    duration,
                );
                scene.closed_user(user as u64, most as u64, spans)
            });
            futures_util::future::join_all(users).await;
        }
    }
}

struct Scene {
    shared: Arc<Shared>,
    crowd: Arc<Crowd>,
    worker: Arc<Worker>,
    stage: Stage,
}

impl Scene {
    /// Waits for a due moment; false when no further arrivals should start.
    async fn wait(&self, due: Moment) -> bool {
        tokio::select! {
            biased;
            () = self.shared.last_call.cancelled() => false,
            () = self.worker.pacer.until(due) => true,
        }
    }

    fn drop_arrival(&self) {
        let members = self.crowd.population.members.len() as u64;
        (0..members).for_each(|_| self.worker.recorder.due());
        self.worker.recorder.dropped(members);
    }

    /// Starts a cast (or a single actor) and returns what tells that it has ended.
    fn start(&self, number: u64, due: Moment) -> CancellationToken {
        let members = &self.crowd.population.members;
        let ended = CancellationToken::new();
        let web = members.iter().filter(|actor| actor.transport == Transport::Web).count();
        let Some(places) = self.shared.slots.reserve(web) else {
            self.drop_arrival();
            ended.cancel();
            return ended;
        };
        self.crowd.present.fetch_add(1, Ordering::Relaxed);
        let cast = Arc::new(Cast::new(members.len()));
        let guard = Arc::new(Presence { crowd: self.crowd.clone(), ended: ended.clone() });
        let mut places = places.into_iter();
        for actor in members {
            self.worker.recorder.due();
            let instance = Instance {
                actor: actor.clone(),
                number,
                due,
                seed: self.shared.seed.wrapping_add(self.crowd.number as u64),
                cast: cast.clone(),
                persistent: self.crowd.standing(),
            };
            let tracker = if self.crowd.standing() { &self.shared.standing } else { &self.shared.arriving };
            let wind_down = if self.crowd.standing() { &self.shared.dismissal } else { &self.shared.last_call };
            if actor.transport == Transport::Web {
                if let Some(place) = places.next() {
                    let token = tracker.token();
                    let keep = (guard.clone(), token);
                    self.shared
                        .slots
                        .submit(place, Job { instance, wind_down: wind_down.clone(), keep: Box::new(keep) });
                }
            } else {
                let stage = Stage { wind_down: wind_down.clone(), ..self.stage.clone() };
                let performance = perform(self.shared.scenario.clone(), instance, self.worker.clone(), stage);
                let guard = guard.clone();
                tracker.spawn(async move {
                    performance.await;
                    drop(guard);
                });
            }
        }
        ended
    }

    /// One place of a closed population: whoever ends is replaced, as long as the place is open.
    async fn closed_user(&self, user: u64, places: u64, spans: Vec<(Duration, Duration)>) {
        let mut round = 0;
        for (from, to) in spans {
            let mut due = self.shared.begin + from;
            let until = self.shared.begin + to;
            while due < until {
                if !self.wait(due).await {
                    return;
                }
                let ended = self.start(round * places + user, due);
                round += 1;
                tokio::select! {
                    () = ended.cancelled() => {}
                    () = self.shared.last_call.cancelled() => return,
                }
                // A round that takes no time at all must not turn into a busy loop.
                tokio::task::yield_now().await;
                due = self.worker.clock.now();
            }
        }
    }
}

/// Told when the last member of a cast has ended.
struct Presence {
    crowd: Arc<Crowd>,
    ended: CancellationToken,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.crowd.present.fetch_sub(1, Ordering::Relaxed);
        self.ended.cancel();
    }
}
