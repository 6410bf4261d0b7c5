//! How one worker brings its part of a population onto the stage.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::coming::{Coming, Place, Window, comings, most, places};
use super::run::Wanted;
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
    /// How many walk, when it is not the scenario that says so.
    pub wanted: Option<Wanted>,
    /// Actors that came because somebody else wanted it.
    pub numbers: AtomicU64,
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

    /// How many slots its Web API actors may need at the same time, with numbers of the scenario or of somebody else.
    pub fn slots(&self, wanted: bool) -> u64 {
        let web = self.population.members.iter().filter(|actor| actor.transport == Transport::Web).count();
        let casts = match &self.population.arrivals {
            _ if wanted => WEB_PLACES,
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

/// Slots for a population over the Web API of which somebody else says how many walk; a slot is there before it is wanted.
pub const WEB_PLACES: u64 = 1024;

/// Brings a worker's part of a population onto the stage, and returns when no more of it will come.
pub(super) async fn drive(shared: Arc<Shared>, crowd: Arc<Crowd>, share: Share, worker: Arc<Worker>, stage: Stage) {
    let (seed, window) = (shared.seed_of(&crowd), shared.window);
    let scene = Scene { shared, crowd, worker, stage };
    if let Some(wanted) = scene.shared.wanted.clone() {
        return scene.as_wanted(wanted, share).await;
    }
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
                    scene.start(number, due, scene.wind_down());
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

    /// What tells the actors to come to their end.
    fn wind_down(&self) -> &CancellationToken {
        if self.crowd.standing() { &self.shared.dismissal } else { &self.shared.last_call }
    }

    /// Starts a cast (or a single actor) and returns what tells that it has ended.
    fn start(&self, number: u64, due: Moment, wind_down: &CancellationToken) -> CancellationToken {
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

    /// Keeps as many walking as somebody else wants, of which this worker has a part, until nobody wants anything any more.
    async fn as_wanted(&self, mut wanted: Wanted, part: Share) {
        let has_web = self.crowd.slots(true) > 0;
        let (mut open, mut places) = (Vec::new(), FuturesUnordered::new());
        loop {
            let all = wanted.borrow_and_update().get(&self.crowd.population.name).copied().unwrap_or_default();
            let mine = part.count(if has_web { all.min(WEB_PLACES) } else { all });
            let mine = usize::try_from(mine).unwrap_or(usize::MAX);
            while open.len() > mine {
                open.pop().as_ref().map(CancellationToken::cancel);
            }
            while open.len() < mine {
                let closing = self.wind_down().child_token();
                places.push(self.place(closing.clone()));
                open.push(closing);
            }
            tokio::select! {
                changed = wanted.changed() => if changed.is_err() { return },
                () = self.shared.last_call.cancelled() => return,
                Some(()) = places.next() => {}
            }
        }
    }

    /// A place that somebody else wants: whoever ends is replaced until it is closed, and whoever is last finishes what he does.
    async fn place(&self, closing: CancellationToken) {
        while !closing.is_cancelled() {
            let number = self.crowd.share.global(self.shared.numbers.fetch_add(1, Ordering::Relaxed));
            self.start(number, self.worker.clock.now(), &closing).cancelled().await;
            // A round that takes no time at all must not turn into a busy loop.
            tokio::task::yield_now().await;
        }
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
                let ended = self.start(place.number(round), due, self.wind_down());
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
