//! The order oracle: compares what different connections were told about the same events.
//!
//! It knows what happened only as far as this process saw it, and it forgets; a judgement is made only on what is
//! certain. Its state is split by thread (and by chat, and by event id), each part behind a lock of its own, because the
//! observers of one chat live on different worker threads. Locks are taken in the order thread, then chat or event, and
//! never two of a kind.

mod arrivals;
mod chat;
mod event;
mod heard;
mod place;
mod recent;
mod scene;
mod sighting;
mod thread;
mod unplaced;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use self::chat::{Chat, Subscriber};
use self::place::Place;
use self::recent::Recent;
use self::scene::Scene;
use self::sighting::{How, Seen, at, homeless, items, text_at, threads};
use self::thread::Thread;
use self::unplaced::{PUSHES, Unplaced};
use super::Tally;
use crate::observe::{ConnectionId, Fact, Moment, Observation};
use crate::protocol::{Carries, Effect};

/// Parts of the state: many more than worker threads, so that two rarely want the same one.
const PARTS: usize = 16;
/// Threads remembered in a part. All parts together hold 16,384: a process holds some 20,000 sockets, and a chat that is worth
/// checking has two of them.
const THREADS: usize = 1024;
/// Chats remembered in a part: as many as threads.
const CHATS: usize = 1024;
/// Event ids remembered in a part, to notice one that turns up in another thread.
const EVENTS: usize = 8192;
/// Events of a part of which pushes wait for their thread. Only what comes before the sender's answer waits.
const UNPLACED: usize = 512;
/// How long a closed connection is remembered: longer than any request that was under way can still be answered.
const CLOSED: Duration = Duration::from_secs(60);

/// The hash of an id. Ids can be of any length; the hash has a random key, so that a peer cannot choose collisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key(u64);

/// Makes keys.
#[derive(Debug, Default)]
struct Keys(RandomState);

/// An id: its key, and its text as far as people want to see it.
#[derive(Debug, Clone)]
struct Name {
    key: Key,
    label: Box<str>,
}

impl Keys {
    fn key(&self, id: &str) -> Key {
        Key(self.0.hash_one(id))
    }

    fn name(&self, id: &str) -> Name {
        Name::new(self.key(id), id)
    }
}

impl Name {
    fn new(key: Key, id: &str) -> Self {
        /// Longest text kept of an id, in characters.
        const LONGEST: usize = 64;
        let end = id.char_indices().nth(LONGEST).map_or(id.len(), |(end, _)| end);
        Self { key, label: id[..end].into() }
    }

    fn quoted(&self) -> String {
        format!("`{}`", self.label)
    }
}

/// Where an event id was seen first.
#[derive(Debug)]
struct Home {
    thread: Name,
    connection: ConnectionId,
    told: bool,
}

/// What is known of event ids.
#[derive(Debug)]
struct Events {
    homes: Recent<Home>,
    /// Pushes of events that have no home yet.
    unplaced: Recent<Vec<Unplaced>>,
    /// Of the pushes that were given up, the latest arrival.
    given_up: Option<Moment>,
}

/// What all connections of a run were told about events. Shared by all [`Recorder`](super::Recorder)s.
#[derive(Debug)]
pub struct Ledger {
    keys: Keys,
    threads: Vec<Mutex<Recent<Thread>>>,
    chats: Vec<Mutex<Recent<Chat>>>,
    events: Vec<Mutex<Events>>,
    /// How many events have pushes that wait.
    unplaced: AtomicUsize,
    closed: Mutex<HashMap<ConnectionId, Moment>>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// Threads remembered at most.
    #[cfg(test)]
    pub(super) const LIMIT: usize = PARTS * THREADS;

    /// How many threads are remembered, and how many events of the longest.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, usize) {
        let lengths =
            self.threads.iter().flat_map(|part| lock(part).values_mut().map(|t| t.events()).collect::<Vec<_>>());
        lengths.fold((0, 0), |(count, longest), length| (count + 1, longest.max(length)))
    }

    /// Of how many events pushes wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.unplaced.load(Ordering::Relaxed)
    }

    /// How many closed connections are remembered, and how many subscriptions.
    #[cfg(test)]
    pub(super) fn connections(&self) -> (usize, usize) {
        let subscriptions =
            |part: &Mutex<Recent<Chat>>| lock(part).values_mut().map(|chat| chat.subscriptions()).sum::<usize>();
        (lock(&self.closed).len(), self.chats.iter().map(subscriptions).sum())
    }

    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            keys: Keys::default(),
            threads: parts(|| Recent::new(THREADS)),
            chats: parts(|| Recent::new(CHATS)),
            events: parts(Events::new),
            unplaced: AtomicUsize::new(0),
            closed: Mutex::default(),
        }
    }

    /// Takes note of what a connection saw; what is wrong goes into the tally.
    pub(super) fn observe(&self, observation: &Observation<'_>, tally: &mut Tally) {
        let catalog = &observation.dialect.catalog;
        match &observation.fact {
            Fact::Answered(answer) if answer.success => {
                let Some(action) = catalog.actions.get(answer.action) else { return };
                let Some(carries) = &action.answers else { return };
                let how = How::Read { made: action.sends.is_some().then_some(answer.sent) };
                let mut scene = Scene::new(self, observation, tally, answer.action);
                self.carried(&mut scene, carries, None, how, answer.payload);
            }
            Fact::Pushed(push) => {
                let Some(spec) = catalog.pushes.get(push.action) else { return };
                let mut scene = Scene::new(self, observation, tally, push.action);
                if let Some(carries) = &spec.carries {
                    let how = if carries.starts_thread {
                        How::Announced { follows: carries.also_on_follow }
                    } else {
                        How::Pushed
                    };
                    self.carried(&mut scene, carries, spec.effect.as_ref(), how, push.payload);
                }
                if let Some(updates) = &spec.updates {
                    self.updated(updates, push.payload);
                }
            }
            Fact::Closed { .. } => {
                lock(&self.closed).insert(observation.connection, observation.at);
            }
            _ => {}
        }
    }

    /// Judges what can be judged by now.
    pub(super) fn settle(&self, now: Moment, tally: &mut Tally) {
        let closed = lock(&self.closed).clone();
        for part in &self.threads {
            for thread in lock(part).values_mut() {
                thread.settle(self, now, &closed, tally);
            }
        }
        let forgotten = |at: Moment| now.since(at) > CLOSED;
        if closed.values().any(|&at| forgotten(at)) {
            for part in &self.chats {
                for chat in lock(part).values_mut() {
                    chat.unsubscribe(|connection| closed.get(&connection).is_some_and(|&at| forgotten(at)));
                }
            }
            lock(&self.closed).retain(|_, at| !forgotten(*at));
        }
    }

    fn carried(&self, scene: &mut Scene<'_>, carries: &Carries, effect: Option<&Effect>, how: How, payload: &Value) {
        let chat = text_at(payload, carries.chat.as_ref()).map(|id| self.keys.key(id));
        if let Some(chat) = chat {
            self.news(scene, chat, carries, effect, payload);
        }
        for seen in threads(carries, payload) {
            let key = self.keys.key(seen.thread);
            self.shown(scene, (key, || self.keys.name(seen.thread)), chat, &seen, how);
        }
        let pushed = if how == How::Pushed { homeless(carries, payload) } else { Vec::new() };
        for event in pushed {
            if let Some(home) = self.home_of(scene, chat, event) {
                let seen = Seen { thread: &home.label, events: vec![event], whole: false };
                self.shown(scene, (home.key, || home.clone()), chat, &seen, how);
            }
        }
        if let Some(thread) = effect.and_then(|effect| text_at(payload, effect.thread_closed.as_ref())) {
            let key = self.keys.key(thread);
            if let Some(thread) = lock(part(&self.threads, key)).get(key) {
                thread.seen_closing(scene.connection, scene.at);
            }
        }
    }

    /// A connection is shown something of a thread. What it tells of events may be what pushes have waited for.
    fn shown(
        &self,
        scene: &mut Scene<'_>,
        (key, name): (Key, impl FnOnce() -> Name),
        chat: Option<Key>,
        seen: &Seen<'_>,
        how: How,
    ) {
        let mut part = lock(part(&self.threads, key));
        let (thread, new) = part.touch(key, || Thread::new(name()));
        scene.tally.ordering.threads += u64::from(new);
        thread.see(scene, chat, seen, how);
        for push in seen.events.iter().flat_map(|event| self.take_unplaced(event)) {
            let observation = push.observation();
            let mut before = Scene::new(self, &observation, scene.tally, push.action());
            let seen = Seen { thread: seen.thread, events: vec![&push.event], whole: false };
            thread.see(&mut before, push.chat, &seen, How::Pushed);
        }
        let silent = part.silent(scene.at);
        let evicted = part.overflow();
        scene.tally.ordering.evicted += evicted.len() as u64;
        for mut forgotten in silent.into_iter().chain(evicted) {
            forgotten.forget(self, scene.at, &lock(&self.closed), scene.tally);
        }
    }

    /// What a payload says about who takes part in a chat.
    fn news(&self, scene: &Scene<'_>, chat: Key, carries: &Carries, effect: Option<&Effect>, payload: &Value) {
        let subscriber = (carries.subscribes && scene.gets_pushes())
            .then(|| scene.user.map(|user| Subscriber { place: scene.place(), user, since: scene.at }))
            .flatten();
        if subscriber.is_none() && carries.users.is_none() && effect.is_none() {
            return;
        }
        let value = |pointer: Option<&String>| pointer.and_then(|pointer| at(payload, pointer));
        let mut part = lock(part(&self.chats, chat));
        let (state, _) = part.touch(chat, Chat::default);
        if let Some(users) = value(carries.users.as_ref()).and_then(Value::as_array) {
            let present = users.iter().filter(|user| chat::is_present(user));
            let users: Vec<Key> = present.filter_map(|user| self.user(user)).collect();
            state.shown(&users, scene.at);
        }
        if let Some(subscriber) = subscriber {
            state.subscribe(subscriber);
        }
        if let Some(effect) = effect {
            let added = effect.users_added.iter().filter_map(|pointer| at(payload, pointer)).flat_map(items);
            added.filter_map(|user| self.user(user)).for_each(|user| state.added(user, scene.at));
            let removed = effect.users_removed.iter().filter_map(|pointer| at(payload, pointer)).flat_map(items);
            let removed = removed.filter_map(Value::as_str);
            removed.for_each(|user| state.removed(self.keys.key(user), scene.at));
            if let Some(thread) = value(effect.thread_closed.as_ref()).and_then(Value::as_str) {
                state.closed(self.keys.key(thread), scene.at);
            }
            if effect.membership_unclear {
                state.became_unclear(scene.at);
            }
        }
        part.silent(scene.at);
        part.overflow();
    }

    fn user(&self, user: &Value) -> Option<Key> {
        Some(self.keys.key(user.get("id")?.as_str()?))
    }

    /// An event was changed by its author or by the server: its text is no longer the one it was created with.
    fn updated(&self, updates: &Carries, payload: &Value) {
        for seen in threads(updates, payload) {
            let key = self.keys.key(seen.thread);
            if let Some(thread) = lock(part(&self.threads, key)).get(key) {
                seen.events.iter().for_each(|event| thread.updated(&self.keys, event));
            }
        }
    }

    /// Asks something about a chat, if it is remembered.
    fn with_chat<T>(&self, chat: Key, ask: impl FnOnce(&Chat) -> T) -> Option<T> {
        lock(part(&self.chats, chat)).get(chat).map(|chat| ask(chat))
    }

    /// Remembers the thread of an event that is new there. When the id was seen in another thread before: that thread, and
    /// who saw it; once for each id.
    fn at_home(&self, scene: &Scene<'_>, event: Key, thread: &Name) -> Result<(), Option<(Name, ConnectionId)>> {
        let mut part = lock(part(&self.events, event));
        let part = &mut part.homes;
        let (home, _) =
            part.touch(event, || Home { thread: thread.clone(), connection: scene.connection, told: false });
        let elsewhere = home.thread.key != thread.key;
        let before = (elsewhere && !home.told).then(|| (home.thread.clone(), home.connection));
        home.told |= elsewhere;
        part.silent(scene.at);
        part.overflow();
        if elsewhere { Err(before) } else { Ok(()) }
    }

    /// The thread of an event whose push does not name it. While nobody knows it, the push waits.
    fn home_of(&self, scene: &Scene<'_>, chat: Option<Key>, event: &Value) -> Option<Name> {
        let key = self.keys.key(event.get("id")?.as_str()?);
        let mut part = lock(part(&self.events, key));
        if let Some(home) = part.homes.get(key) {
            return Some(home.thread.clone());
        }
        let (waiting, new) = part.unplaced.touch(key, Vec::new);
        if waiting.len() < PUSHES {
            waiting.push(scene.unplaced(chat, event));
        }
        let given_up = part.unplaced.overflow();
        let latest = given_up.iter().flatten().map(|push| push.at).max();
        part.given_up = part.given_up.max(latest);
        self.unplaced.fetch_add(usize::from(new), Ordering::Relaxed);
        self.unplaced.fetch_sub(given_up.len(), Ordering::Relaxed);
        None
    }

    /// The pushes of an event that have waited for its thread, which is known now.
    fn take_unplaced(&self, event: &Value) -> Vec<Unplaced> {
        // Dialects whose pushes name the thread should not pay for this.
        if self.unplaced.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let Some(id) = event.get("id").and_then(Value::as_str) else { return Vec::new() };
        let key = self.keys.key(id);
        let taken = lock(part(&self.events, key)).unplaced.remove(key);
        self.unplaced.fetch_sub(usize::from(taken.is_some()), Ordering::Relaxed);
        taken.unwrap_or_default()
    }

    /// Whether a push of this event may have come and been given up, if the event was sent then.
    fn may_have_been_given_up(&self, event: Key, sent: Moment) -> bool {
        lock(part(&self.events, event)).given_up.is_some_and(|latest| sent <= latest)
    }
}

impl Events {
    fn new() -> Self {
        Self { homes: Recent::new(EVENTS), unplaced: Recent::new(UNPLACED), given_up: None }
    }
}

fn parts<V>(make: impl Fn() -> V) -> Vec<Mutex<V>> {
    (0..PARTS).map(|_| Mutex::new(make())).collect()
}

fn part<V>(parts: &[Mutex<V>], key: Key) -> &Mutex<V> {
    &parts[(key.0 >> 32) as usize % parts.len()]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves state behind that is no worse than a forgotten one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
