//! One worker thread's recorder.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Latency;
use super::ledger::Ledger;
use super::tally::{ActionTally, PushTally, StepFailure, Tally};
use super::timeline::Turnover;
use crate::message::ApiError;
use crate::observe::{Answer, Fact, Moment, Observation, Observer, Pushed, Sent};

/// Distinct error types kept of an action; a peer could invent any number.
const ERROR_TYPES: usize = 32;
/// Distinct names of pushes (and of actions) kept of a dialect, for the same reason.
const NAMES: usize = 256;
/// What the names beyond a limit are called.
const OTHER: &str = "other";
/// The error type of a refusal that names none.
const UNTYPED: &str = "untyped";

/// Folds the observations of one worker thread into a tally.
///
/// Its lock is for moving the tally out; as each worker has its own recorder, nobody else waits for it.
#[derive(Debug)]
pub struct Recorder {
    tally: Mutex<Tally>,
    ledger: Arc<Ledger>,
    /// Before this, the target is only warmed up.
    counted_from: Moment,
}

impl Recorder {
    /// A recorder that shares the order ledger with the others of the run.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self { tally: Mutex::default(), ledger, counted_from: Moment::default() }
    }

    /// The same, but what was due before that moment is not counted: requests, their answers and times, pushes and deliveries. What was
    /// wrong with them counts all the same.
    #[must_use]
    pub fn counting_from(self, moment: Moment) -> Self {
        Self { counted_from: moment, ..self }
    }

    /// What was recorded since the last time; the recorder goes on with an empty tally, but for the names in it: the limits on how many
    /// there may be hold for all parts together.
    pub fn take(&self) -> Tally {
        self.tally().take()
    }

    /// A copy of what was recorded.
    pub fn snapshot(&self) -> Tally {
        self.tally().clone()
    }

    /// Judges what can be judged now about events that had to reach somebody. To be called about once a second by one
    /// of the workers, and once after the last connection was closed.
    pub fn settle(&self, now: Moment) {
        self.ledger.settle(now, &mut self.tally());
    }

    /// An arrival is due.
    pub fn due(&self) {
        self.tally().schedule.due += 1;
    }

    /// Arrivals could not start when they were due.
    pub fn dropped(&self, arrivals: u64) {
        self.tally().schedule.dropped += arrivals;
    }

    /// An arrival started, `lag` after it was due.
    pub fn started(&self, lag: Duration) {
        let schedule = &mut self.tally().schedule;
        schedule.started += 1;
        schedule.lag.record(lag);
    }

    /// A worker got round to something so long after it was due.
    pub fn delayed(&self, delay: Duration) {
        self.tally().schedule.delay.record(delay);
    }

    /// An actor begins to walk its steps.
    pub fn actor_started(&self, at: Moment) {
        let actors = &mut self.tally().actors;
        actors.started += 1;
        actors.over_time.at(at).came += 1;
    }

    /// An actor has no further steps: it came to the end, or it gave up.
    pub fn actor_finished(&self, at: Moment, ok: bool) {
        let actors = &mut self.tally().actors;
        *(if ok { &mut actors.finished } else { &mut actors.failed }) += 1;
        actors.over_time.at(at).went += 1;
    }

    /// An actor was stopped by the end of the run.
    pub fn actor_interrupted(&self, at: Moment) {
        let actors = &mut self.tally().actors;
        actors.interrupted += 1;
        actors.over_time.at(at).went += 1;
    }

    /// A step could not be carried out because our machine has no more sockets.
    pub fn exhausted(&self) {
        self.tally().schedule.exhausted += 1;
    }

    /// A step did not do what its scenario expects.
    pub fn step_failed(&self, failure: StepFailure) {
        self.tally().steps.add(failure);
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        // A panic elsewhere leaves numbers behind that are still worth reporting.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn observe(&self, observation: &Observation<'_>) {
        let mut tally = self.tally();
        tally.first = tally.first.map_or(Some(observation.at), |first| Some(first.min(observation.at)));
        tally.last = tally.last.max(Some(observation.at));
        if let Fact::Violated(violation) = &observation.fact {
            tally.violations.add(violation.clone(), || observation.transcript.frames());
            return;
        }
        let due = match &observation.fact {
            Fact::Sent(sent) => sent.intended,
            Fact::Answered(answer) => answer.intended,
            _ => observation.at,
        };
        // Who is there is there, whether it came in the warm-up or not.
        match observation.fact {
            Fact::Connected { .. } => turnover(&mut tally, observation).came += 1,
            Fact::Closed { was_connected: true, .. } => turnover(&mut tally, observation).went += 1,
            _ => {}
        }
        // A request that nobody answers is no question of when it was due.
        if due >= self.counted_from || matches!(observation.fact, Fact::TimedOut { .. } | Fact::Closed { .. }) {
            count(&mut tally, observation);
        }
        self.ledger.observe(observation, &mut tally);
        if observation.at < self.counted_from {
            tally.dialects.values_mut().for_each(|dialect| dialect.delivery = Latency::default());
        }
    }
}

fn count(tally: &mut Tally, observation: &Observation<'_>) {
    let dialect = tally.dialects.entry(observation.dialect.name.clone()).or_default();
    if let Fact::Pushed(push) = &observation.fact {
        return named(&mut dialect.pushes, push.action, NAMES, |tally| pushed(tally, push, observation.at));
    }
    let transport = dialect.transports.entry(observation.transport).or_default();
    let actions = &mut transport.actions;
    match &observation.fact {
        Fact::Connected { took } => {
            transport.opened += 1;
            transport.connect.record(*took);
        }
        Fact::Closed { how, .. } => *transport.closings.entry(*how).or_default() += 1,
        Fact::Sent(sent) => named(actions, sent.action, NAMES, |tally| requested(tally, sent)),
        Fact::Answered(answer) => named(actions, answer.action, NAMES, |tally| answered(tally, answer, observation.at)),
        Fact::TimedOut { action } => named(actions, action, NAMES, |tally| timed_out(tally, observation.at)),
        Fact::Pushed(_) | Fact::Violated(_) | Fact::Ponged | Fact::Pinged => {}
    }
}

fn turnover<'a>(tally: &'a mut Tally, observation: &Observation<'_>) -> &'a mut Turnover {
    let dialect = tally.dialects.entry(observation.dialect.name.clone()).or_default();
    dialect.transports.entry(observation.transport).or_default().over_time.at(observation.at)
}

fn pushed(tally: &mut PushTally, push: &Pushed<'_>, at: Moment) {
    tally.count += 1;
    *tally.over_time.at(at) += 1;
    tally.bytes += push.bytes as u64;
}

fn requested(tally: &mut ActionTally, sent: &Sent<'_>) {
    tally.sent += 1;
    tally.bytes_out += sent.bytes as u64;
}

fn timed_out(tally: &mut ActionTally, at: Moment) {
    tally.timeouts += 1;
    tally.over_time.at(at).timeouts += 1;
}

fn answered(tally: &mut ActionTally, answer: &Answer<'_>, at: Moment) {
    tally.answered += 1;
    tally.bytes_in += answer.bytes as u64;
    tally.late += u64::from(answer.late);
    let response = at.since(answer.intended);
    tally.response.record(response);
    tally.service.record(at.since(answer.sent));
    let stretch = tally.over_time.at(at);
    stretch.answered += 1;
    stretch.failed += u64::from(!answer.success);
    stretch.response.record(response);
    if answer.success {
        tally.succeeded += 1;
    } else {
        let kind = ApiError::kind_of(answer.payload).unwrap_or(UNTYPED);
        named(&mut tally.errors, kind, ERROR_TYPES, |count: &mut u64| *count += 1);
    }
}

/// Changes the entry of that name, without allocating when there is one; past the limit, the entry of all others.
fn named<V: Default>(map: &mut BTreeMap<String, V>, name: &str, limit: usize, change: impl FnOnce(&mut V)) {
    let name = if map.len() < limit || map.contains_key(name) { name } else { OTHER };
    if let Some(value) = map.get_mut(name) {
        change(value);
    } else {
        let mut value = V::default();
        change(&mut value);
        map.insert(name.to_owned(), value);
    }
}
