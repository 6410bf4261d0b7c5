//! What a client that is not ours was shown to cope with, by what is visible on the wire.
//!
//! Nothing is claimed that the frames do not show: a client that ends its work soon after something hard was neither shown to cope
//! nor to break.

mod item;
mod retries;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use item::{Finding, Item, ItemOutcome, ItemState, Provocation};

use crate::observe::{Closing, ConnectionId, Fact, Moment, Observation, Observer, TranscriptFrame, ViolationKind};
use crate::protocol::{Channel, Dialect, DialectName};
use retries::{Repetition, Retries};

/// What a client sends sooner after something than this was already on its way.
const REACTION: Duration = Duration::from_millis(100);
/// A client that logs in again does it within this time.
const RECONNECTS_WITHIN: Duration = Duration::from_secs(60);
/// Times that an item was broken of which the frames are kept.
const FINDINGS: usize = 3;
/// Connections and users that are remembered.
const REMEMBERED: usize = 4096;

/// Watches clients and fills in the list. It observes beside a recorder.
#[derive(Debug, Default)]
pub struct Checklist {
    state: Mutex<State>,
}

type User = (DialectName, Box<str>);

#[derive(Debug, Default)]
struct State {
    items: BTreeMap<Item, Counts>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Users whose connection was ended: when, where, and with which frames.
    away: BTreeMap<User, Away>,
    retries: BTreeMap<User, Retries>,
    /// Uncertain sends left alone by users who are forgotten.
    left_alone: u64,
}

#[derive(Debug, Default)]
struct Counts {
    shown: u64,
    broken: u64,
    findings: Vec<Finding>,
}

#[derive(Debug, Default)]
struct Connection {
    user: Option<User>,
    logged_in: Option<Moment>,
    /// What was done to it, and not yet survived.
    provoked: BTreeMap<Item, Moment>,
    /// Its end was provoked.
    ended: bool,
    /// The server said why it ends the connection: whether one may come back depends on the reason.
    told_why: bool,
    /// It was shown to hold longer than a silence could.
    held: bool,
}

#[derive(Debug)]
struct Away {
    since: Moment,
    connection: ConnectionId,
    frames: Vec<TranscriptFrame>,
    /// It was told nonsense, whereupon it may hang up itself.
    malformed: bool,
}

impl Away {
    /// What coming back shows.
    fn item(&self) -> Item {
        if self.malformed { Item::TakesMalformedFrames } else { Item::Reconnects }
    }
}

impl Checklist {
    /// Something was done to the client of a connection that is still open.
    pub fn provoked(&self, at: Moment, connection: ConnectionId, what: Provocation) {
        let mut state = self.state();
        let item = match what {
            Provocation::ReorderedPushes => Item::TakesReorderedPushes,
            Provocation::DuplicatePush => Item::TakesDuplicatePushes,
            Provocation::PushBeforeResponse => Item::TakesPushBeforeResponse,
            Provocation::UnknownPush => Item::TakesUnknownPushes,
            Provocation::UnknownMember => Item::TakesUnknownMembers,
            Provocation::SlowAnswer => Item::TakesSlowAnswers,
            Provocation::MalformedFrame => Item::TakesMalformedFrames,
            Provocation::Disconnect => {
                state.connection(connection).ended = true;
                return;
            }
        };
        state.connection(connection).provoked.entry(item).or_insert(at);
    }

    /// What came of each item by now.
    pub fn outcomes(&self, now: Moment) -> Vec<ItemOutcome> {
        let mut state = self.state();
        let gone: Vec<User> = state
            .away
            .iter()
            .filter(|(_, away)| now.since(away.since) > RECONNECTS_WITHIN)
            .map(|(user, _)| user.clone())
            .collect();
        for user in gone {
            if let Some(away) = state.away.remove(&user) {
                let within = RECONNECTS_WITHIN.as_secs();
                let item = away.item();
                let what = format!("the connection was ended, and its user did not log in again within {within} s");
                let finding = Finding { at: away.since, connection: away.connection, what, frames: away.frames };
                state.broken(item, finding);
            }
        }
        let left_alone = state.left_alone + state.retries.values().map(Retries::left_alone).sum::<u64>();
        let outcome = |item: &Item| {
            let counts = state.items.get(item);
            let mut shown = counts.map_or(0, |counts| counts.shown);
            if *item == Item::RepeatsNoUncertainSend {
                shown += left_alone;
            }
            let broken = counts.map_or(0, |counts| counts.broken);
            let state = match (shown, broken) {
                (0, 0) => ItemState::NotExercised,
                (_, 0) => ItemState::Shown,
                _ => ItemState::Broken,
            };
            let findings = counts.map(|counts| counts.findings.clone()).unwrap_or_default();
            ItemOutcome { item: *item, state, shown, broken, findings }
        };
        Item::ALL.iter().map(outcome).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Checklist {
    fn observe(&self, observation: &Observation<'_>) {
        self.state().observe(observation);
    }
}

impl State {
    fn observe(&mut self, observation: &Observation<'_>) {
        let (at, connection) = (observation.at, observation.connection);
        let rtm = observation.transport.channel() == Channel::Rtm;
        let user = observation.user.map(|user| (observation.dialect.name.clone(), Box::from(user)));
        match &observation.fact {
            Fact::Sent(sent) => {
                self.lives(observation);
                if let (Some(user), Some(payload)) = (user, sent.payload) {
                    let repetition = self.retries(user).sent(observation.dialect, sent.action, payload, at);
                    match repetition {
                        Repetition::New => {}
                        Repetition::Safe => self.shown(Item::RepeatsNoUncertainSend),
                        Repetition::Blind => {
                            let what = "a send that timed out was sent again without the same custom_id";
                            self.breaks(Item::RepeatsNoUncertainSend, what, observation);
                        }
                    }
                }
            }
            Fact::Pinged if rtm => self.lives(observation),
            Fact::Answered(answer) => {
                if let Some(user) = &user {
                    self.retries(user.clone()).answered(answer, at);
                }
                if rtm && answer.success && *answer.action == *observation.dialect.catalog.login.action {
                    self.logs_in(connection, user, at);
                }
            }
            Fact::TimedOut { action } => {
                if let Some(user) = user {
                    self.retries(user).timed_out(action, at);
                }
            }
            Fact::Pushed(push) if *push.action == *observation.dialect.catalog.disconnect.push => {
                self.connection(connection).told_why = true;
            }
            Fact::Violated(violation) => match violation.kind {
                ViolationKind::MissingPing => {
                    self.breaks(Item::PingsInTime, &violation.got, observation);
                }
                ViolationKind::SentAfterClose => {
                    self.breaks(Item::ClosesCleanly, "it sent a frame after its closing frame", observation);
                }
                // What a server does of itself is as good as what is provoked.
                ViolationKind::UnknownAction => {
                    self.connection(connection).provoked.entry(Item::TakesUnknownPushes).or_insert(at);
                }
                _ => {}
            },
            Fact::Closed { how, .. } if rtm => self.closes(*how, observation),
            // Nobody can say goodbye over the Web API.
            Fact::Closed { .. } => drop(self.connections.remove(&observation.connection)),
            _ => {}
        }
    }

    /// The client sent something, so it has survived what was done to it before.
    fn lives(&mut self, observation: &Observation<'_>) {
        let at = observation.at;
        let limit = silence_limit(observation.dialect);
        let connection = self.connection(observation.connection);
        let provoked = std::mem::take(&mut connection.provoked);
        let (survived, open): (BTreeMap<_, _>, _) =
            provoked.into_iter().partition(|(_, since)| at.since(*since) >= REACTION);
        connection.provoked = open;
        let holds = !connection.held && connection.logged_in.is_some_and(|since| at.since(since) > limit);
        connection.held |= holds;
        survived.into_keys().for_each(|item| self.shown(item));
        if holds {
            self.shown(Item::PingsInTime);
        }
    }

    fn logs_in(&mut self, connection: ConnectionId, user: Option<User>, at: Moment) {
        let state = self.connection(connection);
        state.logged_in.get_or_insert(at);
        state.user.clone_from(&user);
        if let Some(away) = user.and_then(|user| self.away.remove(&user)) {
            self.shown(away.item());
        }
    }

    fn closes(&mut self, how: Closing, observation: &Observation<'_>) {
        let Some(connection) = self.connections.remove(&observation.connection) else {
            return self.leaves(how, observation);
        };
        let dropped = how == Closing::DroppedByClient;
        let malformed = connection.provoked.contains_key(&Item::TakesMalformedFrames);
        for item in connection.provoked.keys().filter(|item| dropped && **item != Item::TakesMalformedFrames) {
            self.breaks(*item, "the client was gone without a closing frame right after it", observation);
        }
        let by_others = connection.ended || malformed || how == Closing::ByServer && !connection.told_why;
        if let Some(user) = connection.user.filter(|_| by_others) {
            if self.away.len() == REMEMBERED {
                self.away.pop_first();
            }
            let frames = observation.transcript.frames();
            let away = Away { since: observation.at, connection: observation.connection, frames, malformed };
            self.away.insert(user, away);
        }
        if !connection.ended {
            self.leaves(how, observation);
        }
    }

    fn leaves(&mut self, how: Closing, observation: &Observation<'_>) {
        match how {
            Closing::ByClient => self.shown(Item::ClosesCleanly),
            Closing::DroppedByClient => {
                self.breaks(Item::ClosesCleanly, "it was gone without a closing frame", observation);
            }
            Closing::ByUs | Closing::ByServer | Closing::Broken | Closing::ServerSilent => {}
        }
    }

    fn connection(&mut self, id: ConnectionId) -> &mut Connection {
        if self.connections.len() >= REMEMBERED && !self.connections.contains_key(&id) {
            self.connections.pop_first();
        }
        self.connections.entry(id).or_default()
    }

    fn retries(&mut self, user: User) -> &mut Retries {
        if self.retries.len() >= REMEMBERED
            && !self.retries.contains_key(&user)
            && let Some((_, forgotten)) = self.retries.pop_first()
        {
            self.left_alone += forgotten.left_alone();
        }
        self.retries.entry(user).or_default()
    }

    fn shown(&mut self, item: Item) {
        self.items.entry(item).or_default().shown += 1;
    }

    fn breaks(&mut self, item: Item, what: &str, observation: &Observation<'_>) {
        let (at, connection) = (observation.at, observation.connection);
        self.broken(item, Finding { at, connection, what: what.to_owned(), frames: observation.transcript.frames() });
    }

    fn broken(&mut self, item: Item, finding: Finding) {
        let counts = self.items.entry(item).or_default();
        counts.broken += 1;
        if counts.findings.len() < FINDINGS {
            counts.findings.push(finding);
        }
    }
}

/// The longest silence that a server bears.
fn silence_limit(dialect: &Dialect) -> Duration {
    let rtm = &dialect.catalog.rtm;
    rtm.idle_close_at_most.unwrap_or(rtm.idle_close)
}
