//! How one worker brings its part of a population onto the stage.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::coming::{Coming, Place, Window, comings, most, places};
use super::slots::{Job, Slots};
use super::stage::{Worker, perform};
use crate::load::Share;
use crate::observe::Moment;
use crate::protocol::Transport;
use crate::scenario::{Arrivals, Cast, Instance, Population, Scenario, Stage};

/// What the workers of one run share.
pub(super) struct Shared {
    pub scenario: Arc<Scenario>,
    pub seed: u64,
    /// When who comes.
    pub window: Window,
    /// What is due before is not counted.
    pub counted_from: Moment,
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

impl Shared {
    /// The seed of a population's choices.
    fn seed_of(&self, crowd: &Crowd) -> u64 {
        self.seed.wrapping_add(crowd.number as u64)
    }
}

/// A population and how many of it are present, over all workers of this process.
pub(super) struct Crowd {
    pub population: Population,
    pub number: usize,
    /// Which part of it this process brings.
    pub share: Share,
    pub present: AtomicU64,
}

impl Crowd {
    /// Whether its actors all run on the Web API's slots.
    pub fn is_web(&self) -> bool {
        self.population.members.iter().all(|actor| actor.transport == Transport::Web)
    }

    /// How many slots its Web API actors may need at the same time.
    pub fn slots(&self) -> u64 {
        let web = self.population.members.iter().filter(|actor| actor.transport == Transport::Web).count();
        let casts = match &self.population.arrivals {
            Arrivals::Open { .. } => self.limit().unwrap_or(DEFAULT_SLOTS),
            Arrivals::Closed { stages } => self.share.count(most(stages)),
            Arrivals::Standing { count, .. } | Arrivals::Together { count, .. } => self.share.count(*count as u64),
        };
        web as u64 * casts
    }

    /// How many of this process may be present at the same time, if that is limited. Over all shares that is the limit.
    fn limit(&self) -> Option<u64> {
        match self.population.arrivals {
            Arrivals::Open { at_most, .. } => at_most.map(|most| self.share.count(most as u64)),
            _ => None,
        }
    }

    fn standing(&self) -> bool {
        matches!(self.population.arrivals, Arrivals::Standing { .. })
    }
}

/// Slots for an open population over the Web API that sets no limit of its own.
const DEFAULT_SLOTS: u64 = 256;

/// Brings a worker's part of a population onto the stage, and returns when no more of it will come.
pub(super) async fn drive(shared: Arc<Shared>, crowd: Arc<Crowd>, share: Share, worker: Arc<Worker>, stage: Stage) {
    let (seed, window) = (shared.seed_of(&crowd), shared.window);
    let scene = Scene { shared, crowd, worker, stage };
    match &scene.crowd.population.arrivals {
        Arrivals::Closed { stages } => {
            let users = places(stages, share, window).map(|place| scene.closed_user(place));
            futures_util::future::join_all(users).await;
        }
        arrivals => {
            for Coming { number, due } in comings(arrivals, share, seed, window) {
                if !scene.wait(due).await {
                    return;
                }
                if scene.is_full() {
                    scene.drop_arrival();
                } else {
                    scene.start(number, due);
                }
            }
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

    /// Whether nobody else may come while so many are present.
    fn is_full(&self) -> bool {
        self.crowd.limit().is_some_and(|most| self.crowd.present.load(Ordering::Relaxed) >= most)
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
                seed: self.shared.seed_of(&self.crowd),
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
    async fn closed_user(&self, place: Place) {
        let mut round = 0;
        for (from, until) in &place.spans {
            let mut due = *from;
            while due < *until {
                if !self.wait(due).await {
                    return;
                }
                let ended = self.start(place.number(round), due);
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
