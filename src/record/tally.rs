//! Bounded, mergeable numbers of a run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Latency;
use super::merge::{Merge, merge_members};
use super::timeline::{Stretch, Timeline, Turnover};
use super::violations::Violations;
use crate::observe::{Closing, Moment};
use crate::protocol::{DialectName, Transport};

/// Failure texts kept.
const FAILURES: usize = 5;

/// Everything that is known of a run, or of a worker's part of one.
///
/// Parts add up: merging in any grouping and order gives what one recorder would have told. (Beyond 32 distinct error
/// types a recorder calls further ones `other`, so parts may then know more names than one recorder would.)
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// The earliest moment anything happened.
    pub first: Option<Moment>,
    /// The latest.
    pub last: Option<Moment>,
    /// What was said, by dialect.
    pub dialects: BTreeMap<DialectName, DialectTally>,
    /// What was wrong, by kind.
    pub violations: Violations,
    /// What the order ledger looked at.
    pub ordering: Ordering,
    /// How well the generator kept to its schedule.
    pub schedule: Schedule,
    /// What that cost the generator's machine.
    pub effort: Effort,
    /// How the actors fared.
    pub actors: Actors,
    /// Steps that did not do what their scenario expects.
    pub steps: Steps,
}

/// What was said in one dialect.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DialectTally {
    /// Connections and requests, by transport.
    pub transports: BTreeMap<Transport, TransportTally>,
    /// Pushes that arrived, by name.
    pub pushes: BTreeMap<String, PushTally>,
    /// From the sender's actual send to the arrival of the push at a receiver who speaks this dialect, for events that
    /// were sent by this process and announced to another connection as new.
    pub delivery: Latency,
}

/// Connections and requests of one dialect over one transport.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TransportTally {
    /// Connections that were established.
    pub opened: u64,
    /// How connections ended.
    pub closings: BTreeMap<Closing, u64>,
    /// From the attempt to the finished handshake.
    pub connect: Latency,
    /// Requests, by action.
    pub actions: BTreeMap<String, ActionTally>,
    /// Connections over time, as far as it was told when they were established. Those of a warm-up are among them.
    #[serde(default)]
    pub over_time: Timeline<Turnover>,
}

/// Requests of one action and their answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionTally {
    /// Requests that went out.
    pub sent: u64,
    /// Requests that were answered, in time or late.
    pub answered: u64,
    /// Answers that say success.
    pub succeeded: u64,
    /// Answers that say failure, by error type.
    pub errors: BTreeMap<String, u64>,
    /// Requests without an answer within the documented limit.
    pub timeouts: u64,
    /// Answers after the documented limit.
    pub late: u64,
    /// Bytes of the requests.
    pub bytes_out: u64,
    /// Bytes of the answers.
    pub bytes_in: u64,
    /// From the intended moment to the answer.
    pub response: Latency,
    /// From the actual send to the answer.
    pub service: Latency,
    /// Answers and timeouts over time.
    #[serde(default)]
    pub over_time: Timeline<Stretch>,
}

/// Pushes of one name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PushTally {
    /// How many arrived.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many arrived over time.
    #[serde(default)]
    pub over_time: Timeline<u64>,
}

/// What the order ledger looked at. Reordering is told in the terms of RFC 4737.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ordering {
    /// Distinct events seen.
    pub events: u64,
    /// Distinct threads seen.
    pub threads: u64,
    /// First arrivals of an event by push, over all connections.
    pub arrivals: u64,
    /// Arrivals with a smaller `order` than one before, on the same connection in the same thread.
    pub reordered: u64,
    /// How many arrivals back the first larger `order` came, and how often; at most 32 are told apart.
    pub extents: BTreeMap<u32, u64>,
    /// Pairs of an acknowledged event and a connection that had to see it.
    pub expected: u64,
    /// Of these, never seen there.
    pub lost: u64,
    /// Of these, impossible to judge: the connection ended, or its user may have left the chat.
    pub indeterminate: u64,
    /// Threads forgotten to keep memory bounded; what came later in them was judged without their past.
    pub evicted: u64,
}

/// How well the generator kept to its schedule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// Arrivals that were due.
    pub due: u64,
    /// Arrivals that started.
    pub started: u64,
    /// Arrivals that could not start when they were due.
    pub dropped: u64,
    /// Actors who had to stop because the generator's machine had no more sockets, for them or for somebody in their cast.
    #[serde(default)]
    pub exhausted: u64,
    /// From the due moment to the start.
    pub lag: Latency,
    /// How late the worker threads got round to something that was due, tried a hundred times a second in each.
    pub delay: Latency,
}

/// What a run cost the machine that it ran on; nothing where the system does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Effort {
    /// How long the processes ran, in microseconds.
    pub elapsed_us: u64,
    /// Processor time that they used, in microseconds. The embedded reference server is part of the process.
    pub cpu_us: u64,
    /// The part of `elapsed_us` in which the machine's processors were busy, with whatever, on the average of them all.
    pub machine_us: u64,
}

/// How the actors fared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Actors {
    /// Began to walk their steps.
    pub started: u64,
    /// Came to the end of them.
    pub finished: u64,
    /// Gave up because a step failed.
    pub failed: u64,
    /// Were stopped by the end of the run.
    pub interrupted: u64,
    /// Those who walk, over time.
    #[serde(default)]
    pub over_time: Timeline<Turnover>,
}

/// Steps that did not do what their scenario expects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Steps {
    /// How many.
    pub failed: u64,
    /// The earliest of them, at most five.
    pub failures: Vec<StepFailure>,
}

/// One step that failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct StepFailure {
    /// When.
    pub at: Moment,
    /// Whose step.
    pub actor: String,
    /// Which step.
    pub step: String,
    /// Why, in words.
    pub reason: String,
}

merge_members! {
    DialectTally { transports, pushes, delivery }
    TransportTally { opened, closings, connect, actions, over_time }
    ActionTally { sent, answered, succeeded, errors, timeouts, late, bytes_out, bytes_in, response, service, over_time }
    PushTally { count, bytes, over_time }
    Ordering { events, threads, arrivals, reordered, extents, expected, lost, indeterminate, evicted }
    Schedule { due, started, dropped, exhausted, lag, delay }
    Effort { elapsed_us, cpu_us, machine_us }
    Actors { started, finished, failed, interrupted, over_time }
}

impl Tally {
    /// Adds another part.
    pub fn merge(&mut self, other: Self) {
        let Self { first, last, dialects, violations, ordering, schedule, effort, actors, steps } = other;
        self.first = [self.first, first].into_iter().flatten().min();
        self.last = self.last.max(last);
        self.dialects.absorb(dialects);
        self.violations.absorb(violations);
        self.ordering.absorb(ordering);
        self.schedule.absorb(schedule);
        self.effort.absorb(effort);
        self.actors.absorb(actors);
        self.steps.absorb(steps);
    }

    /// Moves everything out but the names, which stay with nothing counted. That costs no more than the names do.
    pub(super) fn take(&mut self) -> Self {
        let taken = std::mem::take(self);
        self.dialects = taken.dialects.iter().map(|(name, dialect)| (name.clone(), dialect.emptied())).collect();
        taken
    }

    /// Every action with its dialect and transport.
    pub fn actions(&self) -> impl Iterator<Item = (&DialectName, Transport, &str, &ActionTally)> {
        self.transports().flat_map(|(dialect, transport, tally)| {
            tally.actions.iter().map(move |(action, tally)| (dialect, transport, action.as_str(), tally))
        })
    }

    /// Every transport with its dialect.
    pub fn transports(&self) -> impl Iterator<Item = (&DialectName, Transport, &TransportTally)> {
        self.dialects.iter().flat_map(|(dialect, tally)| {
            tally.transports.iter().map(move |(transport, tally)| (dialect, *transport, tally))
        })
    }

    /// How many pushes arrived.
    pub fn pushes(&self) -> u64 {
        self.dialects.values().flat_map(|dialect| dialect.pushes.values()).map(|push| push.count).sum()
    }
}

impl DialectTally {
    /// The same names, with nothing counted.
    fn emptied(&self) -> Self {
        let transport = |tally: &TransportTally| {
            let actions = tally.actions.iter().map(|(name, action)| (name.clone(), action.emptied()));
            TransportTally { actions: actions.collect(), ..TransportTally::default() }
        };
        Self {
            transports: self.transports.iter().map(|(name, tally)| (*name, transport(tally))).collect(),
            pushes: self.pushes.keys().map(|name| (name.clone(), PushTally::default())).collect(),
            delivery: Latency::default(),
        }
    }
}

impl Effort {
    /// What was needed since an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            elapsed_us: self.elapsed_us.saturating_sub(earlier.elapsed_us),
            cpu_us: self.cpu_us.saturating_sub(earlier.cpu_us),
            // The machine's clock is coarse, and a reading may be a little less than one before it.
            machine_us: self.machine_us.saturating_sub(earlier.machine_us),
        }
    }

    /// Processors that a process used on average.
    pub fn cores(&self) -> Option<f64> {
        (self.elapsed_us > 0 && self.cpu_us > 0).then(|| self.cpu_us as f64 / self.elapsed_us as f64)
    }

    /// How busy the machine was, from 0 to 1.
    pub fn machine(&self) -> Option<f64> {
        (self.elapsed_us > 0 && self.machine_us > 0).then(|| self.machine_us as f64 / self.elapsed_us as f64)
    }
}

impl ActionTally {
    fn emptied(&self) -> Self {
        Self { errors: self.errors.keys().map(|kind| (kind.clone(), 0)).collect(), ..Self::default() }
    }

    /// Answers that say failure.
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// All of them in one.
    pub fn sum<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        parts.into_iter().cloned().fold(Self::default(), |mut sum, part| {
            sum.absorb(part);
            sum
        })
    }
}

impl Steps {
    pub(super) fn add(&mut self, failure: StepFailure) {
        self.failed += 1;
        let place = self.failures.partition_point(|kept| *kept <= failure);
        if place < FAILURES {
            self.failures.insert(place, failure);
            self.failures.truncate(FAILURES);
        }
    }
}

impl Merge for Steps {
    fn absorb(&mut self, other: Self) {
        self.failed.absorb(other.failed);
        self.failures.extend(other.failures);
        self.failures.sort();
        self.failures.truncate(FAILURES);
    }
}
