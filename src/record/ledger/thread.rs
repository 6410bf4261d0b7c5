//! One thread: its events, who watches it, and the checks between them.

use std::collections::HashMap;

use serde_json::Value;

use super::arrivals::Arrivals;
use super::chat::{GRACE, Sent};
use super::event::{Ack, Event, Sighted, Watchers};
use super::heard::Heard;
use super::place::Place;
use super::scene::Scene;
use super::sighting::{How, Seen};
use super::{Key, Keys, Ledger, Name};
use crate::observe::{ConnectionId, Moment, ViolationKind};
use crate::record::{Sequence, SideBySide, Tally, Told};

/// Events remembered of a thread, those with the highest `order`: faults show among neighbours.
const EVENTS: usize = 32;
/// Pairs of event and connection that are waited for in a thread; of more nothing is judged.
const AWAITED: usize = 1024;

/// A connection that sees a thread.
#[derive(Debug)]
struct Watcher {
    place: Place,
    arrivals: Arrivals,
    heard: Heard,
    /// When the latest of the pushes came that were looked at.
    latest: Moment,
    /// Whether it was told about the thread, other than by its own request to create something in it.
    knows: bool,
}

/// A connection that has to see an event.
#[derive(Debug)]
struct Awaited {
    event: Key,
    place: Place,
    user: Key,
    sent: Sent,
    /// When it saw that the thread went on.
    went_on: Option<Moment>,
}

/// One thread.
#[derive(Debug)]
pub(super) struct Thread {
    name: Name,
    chat: Option<Key>,
    events: Vec<Event>,
    /// The largest `order` that was seen of it. What comes with a larger one, as nearly all does, need not be compared with all
    /// that is remembered.
    highest: Option<i64>,
    /// Whether an event was acknowledged of which it is not noted yet who has to see it.
    acknowledged: bool,
    watchers: Vec<Watcher>,
    awaited: Vec<Awaited>,
}

impl Thread {
    pub(super) fn new(name: Name) -> Self {
        Self {
            name,
            chat: None,
            events: Vec::new(),
            highest: None,
            acknowledged: false,
            watchers: Vec::new(),
            awaited: Vec::new(),
        }
    }

    /// How many events are remembered.
    #[cfg(test)]
    pub(super) fn events(&self) -> usize {
        self.events.len()
    }

    /// A payload shows this thread.
    pub(super) fn see(&mut self, scene: &mut Scene<'_>, chat: Option<Key>, seen: &Seen<'_>, how: How) {
        self.chat = self.chat.or(chat);
        let watcher = self.watcher(scene);
        let hears = watcher.filter(|watcher| match how {
            How::Read { .. } => false,
            How::Announced { follows: true } => !self.watchers[*watcher].knows,
            How::Pushed | How::Announced { .. } => true,
        });
        for event in &seen.events {
            if let Some(index) = self.meet(scene, event, hears) {
                self.reached(scene, index, watcher);
                match how {
                    How::Read { made: Some(sent) } => self.acknowledged(scene, index, sent, seen.whole),
                    How::Read { made: None } => {}
                    How::Pushed | How::Announced { .. } => self.arrived(scene, index, watcher, how),
                }
            }
        }
        if let Some(watcher) = watcher {
            self.watchers[watcher].knows |= !matches!(how, How::Read { made: Some(_) });
        }
        self.expect(scene);
    }

    /// A connection was told that the thread is closed, so nothing of it is still to come there.
    pub(super) fn seen_closing(&mut self, connection: ConnectionId, at: Moment) {
        self.awaited.iter_mut().filter(|awaited| awaited.place.connection == connection).for_each(|awaited| {
            awaited.went_on.get_or_insert(at);
        });
    }

    pub(super) fn updated(&mut self, keys: &Keys, event: &Value) {
        let Some(key) = event.get("id").and_then(Value::as_str).map(|id| keys.key(id)) else { return };
        self.events.iter_mut().filter(|event| event.id.key == key).for_each(|event| event.updated = true);
    }

    /// The index of a connection that gets pushes; none for others, and when there are too many.
    fn watcher(&mut self, scene: &Scene<'_>) -> Option<usize> {
        if !scene.gets_pushes() {
            return None;
        }
        let known = self.watchers.iter().position(|watcher| watcher.place.connection == scene.connection);
        if known.is_none() && self.watchers.len() < Watchers::LIMIT {
            self.watchers.push(Watcher {
                place: scene.place(),
                arrivals: Arrivals::default(),
                heard: Heard::default(),
                latest: Moment::default(),
                knows: false,
            });
            return Some(self.watchers.len() - 1);
        }
        known
    }

    /// Finds or notes an event, and compares what this sighting says of it with what is known.
    fn meet(&mut self, scene: &mut Scene<'_>, seen: &Value, hears: Option<usize>) -> Option<usize> {
        let id = seen.get("id")?.as_str()?;
        let sighted = Sighted::read(seen, &scene.ledger.keys);
        let key = scene.ledger.keys.key(id);
        if let Some(watcher) = hears.map(|watcher| &mut self.watchers[watcher])
            && watcher.latest <= scene.at
        {
            watcher.heard.add(key, sighted.order);
        }
        let index = match self.events.iter().rposition(|event| event.id.key == key) {
            Some(index) => index,
            None => self.note(scene, scene.ledger.keys.name(id), sighted.order)?,
        };
        let event = &mut self.events[index];
        let (had_order, had_nonce) = (event.members.order.is_some(), event.members.is_ours());
        let difference = event.members.learn(&sighted, event.updated);
        let (has_order, has_nonce) = (event.members.order.is_some(), event.members.is_ours());
        if let Some(difference) = difference
            && !std::mem::replace(&mut event.differed, true)
        {
            let connection = scene.connection;
            let saw_it_before = event.first_seen_by == connection
                || self
                    .watchers
                    .iter()
                    .enumerate()
                    .any(|(i, w)| w.place.connection == connection && event.reached.has(i));
            let kind = if saw_it_before { ViolationKind::EventChanged } else { ViolationKind::ObserversDisagree };
            let first = event.first_seen_by;
            let expected = format!("event `{id}` with {}, as connection {} saw it", difference.before, first.0);
            scene.violated_between(kind, expected, difference.now, |transcript| {
                self.side_by_side(connection, first, |id| transcript.redact(id))
            });
        }
        if !had_order && has_order {
            self.check_order(scene, index);
        }
        if !had_nonce && has_nonce {
            self.check_nonce(scene, index);
        }
        Some(index)
    }

    /// Notes a new event; none when it belongs to another thread, or is older than what is remembered.
    fn note(&mut self, scene: &mut Scene<'_>, id: Name, order: Option<i64>) -> Option<usize> {
        let connection = scene.connection;
        if let Err(elsewhere) = scene.ledger.at_home(scene, id.key, &self.name) {
            if let Some((thread, seen_by)) = elsewhere {
                let kind =
                    if seen_by == connection { ViolationKind::EventChanged } else { ViolationKind::ObserversDisagree };
                let expected =
                    format!("event {} in thread {}, as connection {} saw it", id.quoted(), thread.quoted(), seen_by.0);
                scene.violated(kind, expected, format!("it in thread {}", self.name.quoted()));
            }
            return None;
        }
        if self.events.len() == EVENTS {
            let (lowest, event) = self.events.iter().enumerate().min_by_key(|(_, event)| event.members.order)?;
            if order <= event.members.order {
                return None;
            }
            let key = event.id.key;
            self.events.swap_remove(lowest);
            let before = self.awaited.len();
            self.awaited.retain(|awaited| awaited.event != key);
            scene.tally.ordering.indeterminate += (before - self.awaited.len()) as u64;
        }
        scene.tally.ordering.events += 1;
        self.events.push(Event::new(id, scene.at, connection));
        Some(self.events.len() - 1)
    }

    /// No other event of the thread may have this one's `order`. Told once for each event that comes second.
    fn check_order(&mut self, scene: &mut Scene<'_>, index: usize) {
        let event = &self.events[index];
        let Some(order) = event.members.order else { return };
        let highest = self.highest;
        self.highest = highest.max(Some(order));
        if highest < Some(order) {
            return;
        }
        let same = |(i, other): &(usize, &Event)| *i != index && other.members.order == Some(order);
        if let Some((_, other)) = self.events.iter().enumerate().find(same) {
            let expected = format!("each event of thread {} with an `order` of its own", self.name.quoted());
            let got = format!("`order` {order} of events {} and {}", other.id.quoted(), event.id.quoted());
            let (here, there) = (scene.connection, other.first_seen_by);
            scene.violated_between(ViolationKind::DuplicateOrder, expected, got, |transcript| {
                self.side_by_side(here, there, |id| transcript.redact(id))
            });
        }
    }

    /// No other event may come from the same send of ours.
    fn check_nonce(&self, scene: &mut Scene<'_>, index: usize) {
        let event = &self.events[index];
        let same = |(i, other): &(usize, &Event)| *i != index && other.members.same_send(&event.members);
        if let Some((_, other)) = self.events.iter().enumerate().find(same) {
            let expected = format!("one event from one send in thread {}", self.name.quoted());
            let got = format!("events {} and {} with one `custom_id`", other.id.quoted(), event.id.quoted());
            scene.violated(ViolationKind::DuplicateEvent, expected, got);
        }
    }

    /// A connection saw an event, in whatever way.
    fn reached(&mut self, scene: &mut Scene<'_>, index: usize, watcher: Option<usize>) {
        let event = &mut self.events[index];
        if let Some(watcher) = watcher {
            event.reached.add(watcher);
        }
        let (key, connection) = (event.id.key, scene.connection);
        self.awaited.retain(|awaited| awaited.event != key || awaited.place.connection != connection);
        if event.members.agents_only == Some(true) {
            let expected = format!("event {}, which is for agents only, at no customer", event.id.quoted());
            if watcher.is_none() && scene.place().is_customer() {
                scene.violated(ViolationKind::AgentsOnlyLeak, expected.clone(), "it at a customer".to_owned());
            }
            for (i, other) in self.watchers.iter().enumerate() {
                if event.reached.has(i) && other.place.is_customer() && event.leaked.add(i) {
                    leaked(scene, &other.place, expected.clone());
                }
            }
        }
    }

    /// An event came by push.
    fn arrived(&mut self, scene: &mut Scene<'_>, index: usize, watcher: Option<usize>, how: How) {
        let Some(watcher) = watcher else { return };
        let event = &mut self.events[index];
        let (pushed, announced) = (event.pushed.has(watcher), event.announced.has(watcher));
        let start = match how {
            // Somebody who begins to follow is shown what he may know already.
            How::Announced { follows: true } if self.watchers[watcher].knows => return,
            How::Announced { .. } => true,
            _ => false,
        };
        if start {
            event.announced.add(watcher)
        } else {
            event.pushed.add(watcher)
        };
        if pushed || announced {
            let id = event.id.quoted();
            let as_both = if start { pushed } else { announced };
            // A system message is sent by nobody, so no sentence about what is sent speaks of it: whoever is added to a chat may hear that
            // he was, and see it in the running thread that he is shown, in any order (agent-v3.0 rtm/events:215).
            if as_both && event.members.author.is_none() {
                return;
            }
            if as_both {
                let expected = format!("event {id} either as the start of its thread or as an event of it");
                scene.violated(ViolationKind::ThreadStartTwice, expected, "it as both".to_owned());
            } else {
                let expected = format!("event {id} once on a connection");
                scene.violated(ViolationKind::DuplicatePush, expected, "it a second time".to_owned());
            }
            return;
        }
        match event.ack {
            // When somebody begins to follow has nothing to do with when the event was sent.
            _ if how == (How::Announced { follows: true }) => {}
            Some(ack) => scene.delivered(&self.watchers[watcher].place, scene.at, ack),
            None => event.early.push((watcher, scene.at)),
        }
        scene.tally.ordering.arrivals += 1;
        let Some(order) = event.members.order else { return };
        // A push that had to wait for its thread is looked at late, which says nothing about the order of arrival.
        let watching = &mut self.watchers[watcher];
        if scene.at < watching.latest {
            return;
        }
        watching.latest = scene.at;
        if let Some(reordered) = watching.arrivals.add(order) {
            let ordering = &mut scene.tally.ordering;
            ordering.reordered += 1;
            *ordering.extents.entry(reordered.extent).or_default() += 1;
            let expected = format!("`order` above {} in thread {}", reordered.largest, self.name.quoted());
            let (here, there) = (scene.connection, self.events[index].first_seen_by);
            scene.violated_between(ViolationKind::ReorderedDelivery, expected, order.to_string(), |transcript| {
                self.side_by_side(here, there, |id| transcript.redact(id))
            });
        }
        let connection = scene.connection;
        for awaited in self.awaited.iter_mut().filter(|awaited| awaited.place.connection == connection) {
            let earlier = self.events.iter().find(|event| event.id.key == awaited.event);
            if earlier.is_some_and(|earlier| earlier.members.order < Some(order)) {
                awaited.went_on.get_or_insert(scene.at);
            }
        }
    }

    /// An answer confirms that an event was created.
    fn acknowledged(&mut self, scene: &mut Scene<'_>, index: usize, sent: Moment, whole: bool) {
        let event = &self.events[index];
        // A whole thread may show events of others, or older ones.
        let authored = || event.members.author.as_ref().map(|author| author.key) == scene.user && scene.user.is_some();
        if event.ack.is_some() || event.first < sent || (whole && !authored()) {
            return;
        }
        let ack = Ack { connection: scene.connection, sent, at: scene.at };
        let after = |other: &&Event| {
            let order = other.members.order.zip(event.members.order);
            other.ack.is_some_and(|other| other.connection == ack.connection && other.at < sent)
                && order.is_some_and(|(other, this)| other > this)
        };
        let may_be_after = self.highest > event.members.order;
        if let Some(other) = self.events.iter().filter(|_| may_be_after).find(after) {
            let expected = format!("`order` above that of event {}, whose answer came before", other.id.quoted());
            let got = format!("a lower one of event {}", event.id.quoted());
            let (here, there) = (scene.connection, other.first_seen_by);
            scene.violated_between(ViolationKind::CausalOrder, expected, got, |transcript| {
                self.side_by_side(here, there, |id| transcript.redact(id))
            });
        }
        let event = &mut self.events[index];
        event.ack = Some(ack);
        self.acknowledged = true;
        for (watcher, arrived) in std::mem::take(&mut event.early) {
            scene.delivered(&self.watchers[watcher].place, arrived, ack);
        }
    }

    /// Notes who has to see the events that were acknowledged, once it is known to which chat the thread belongs.
    fn expect(&mut self, scene: &mut Scene<'_>) {
        let Some(chat) = self.chat else { return };
        if !std::mem::take(&mut self.acknowledged) {
            return;
        }
        for event in &mut self.events {
            let Some(ack) = event.ack else { continue };
            if std::mem::replace(&mut event.expected, true) {
                continue;
            }
            let sent = Sent { thread: self.name.key, sent: ack.sent, acknowledged: ack.at };
            scene.ledger.with_chat(chat, |chat| {
                for subscriber in chat.entitled(sent) {
                    let place = &subscriber.place;
                    let agents_only = event.members.agents_only == Some(true);
                    if place.connection == ack.connection || (agents_only && place.is_customer()) {
                        continue;
                    }
                    let watcher = self.watchers.iter().position(|watcher| watcher.place.connection == place.connection);
                    if watcher.is_none() && self.watchers.len() == Watchers::LIMIT {
                        continue;
                    }
                    scene.tally.ordering.expected += 1;
                    if watcher.is_some_and(|watcher| event.reached.has(watcher)) {
                        continue;
                    }
                    if self.awaited.len() == AWAITED {
                        scene.tally.ordering.indeterminate += 1;
                        continue;
                    }
                    let largest = watcher.and_then(|watcher| self.watchers[watcher].arrivals.largest());
                    let went_on = (largest > event.members.order).then_some(ack.at);
                    let (event, user) = (event.id.key, subscriber.user);
                    self.awaited.push(Awaited { event, place: place.clone(), user, sent, went_on });
                }
            });
        }
    }

    /// Judges what can be judged now.
    pub(super) fn settle(
        &mut self,
        ledger: &Ledger,
        now: Moment,
        closed: &HashMap<ConnectionId, Moment>,
        tally: &mut Tally,
    ) {
        let mut awaited = std::mem::take(&mut self.awaited);
        awaited.retain(|awaited| {
            let closing = closed.get(&awaited.place.connection).copied();
            let waited_until = closing.map_or(now, |closing| closing.min(now));
            let limit = awaited.place.dialect.catalog.timeout;
            let long_enough = waited_until.since(awaited.sent.acknowledged) >= limit
                || awaited.went_on.is_some_and(|moment| waited_until.since(moment) >= GRACE);
            if long_enough {
                self.missing(ledger, awaited, waited_until, tally);
            } else if closing.is_some() {
                tally.ordering.indeterminate += 1;
            }
            !long_enough && closing.is_none()
        });
        self.awaited = awaited;
    }

    /// The thread is about to be forgotten: judges what can be judged, and gives the rest up.
    pub(super) fn forget(
        &mut self,
        ledger: &Ledger,
        now: Moment,
        closed: &HashMap<ConnectionId, Moment>,
        tally: &mut Tally,
    ) {
        self.settle(ledger, now, closed, tally);
        tally.ordering.indeterminate += self.awaited.len() as u64;
    }

    /// An event did not come where it had to: lost, if its receiver surely belonged to the chat.
    fn missing(&self, ledger: &Ledger, awaited: &Awaited, waited_until: Moment, tally: &mut Tally) {
        let event = self.events.iter().find(|event| event.id.key == awaited.event);
        let belongs = self
            .chat
            .and_then(|chat| ledger.with_chat(chat, |chat| chat.belongs(awaited.user, awaited.sent)))
            .unwrap_or(false);
        let allowed =
            event.is_some_and(|event| event.members.agents_only != Some(true) || !awaited.place.is_customer());
        let is_sure = belongs && allowed && !ledger.may_have_been_given_up(awaited.event, awaited.sent.sent);
        let (Some(event), true) = (event, is_sure) else {
            tally.ordering.indeterminate += 1;
            return;
        };
        tally.ordering.lost += 1;
        let sender = event.ack.map_or(0, |ack| ack.connection.0);
        let expected = format!(
            "event {} of thread {}, sent and acknowledged on connection {sender}",
            event.id.quoted(),
            self.name.quoted()
        );
        let waited = waited_until.since(awaited.sent.acknowledged).as_secs_f64();
        let went_on = if awaited.went_on.is_some() { ", though the thread went on there" } else { "" };
        let got = format!("nothing on connection {} within {waited:.1} s{went_on}", awaited.place.connection.0);
        let violation = awaited.place.violation(ViolationKind::LostEvent, waited_until, None, expected, got);
        tally.violations.add_between(violation, || {
            (Vec::new(), self.side_by_side(awaited.place.connection, ConnectionId(sender), str::to_owned))
        });
    }

    /// What one connection was told beside what another one was: the one that is named, or if it was told nothing, the one that was told
    /// most of the same.
    fn side_by_side(
        &self,
        here: ConnectionId,
        there: ConnectionId,
        shown: impl Fn(&str) -> String,
    ) -> Option<SideBySide> {
        let here = self.watchers.iter().find(|watcher| watcher.place.connection == here)?;
        let others = self.watchers.iter().filter(|watcher| watcher.place.connection != here.place.connection);
        let others =
            others.map(|watcher| (watcher.heard.in_common(&here.heard), watcher)).filter(|(count, _)| *count > 0);
        let (_, there) = others.max_by_key(|(count, watcher)| (watcher.place.connection == there, *count))?;
        let label = |key: Key| self.events.iter().find(|event| event.id.key == key).map(|event| shown(&event.id.label));
        let sequence = |watcher: &Watcher| Sequence {
            connection: watcher.place.connection,
            dialect: watcher.place.dialect.name.clone(),
            events: watcher.heard.events().map(|(key, order)| Told { event: label(key), order }).collect(),
        };
        Some(SideBySide { thread: shown(&self.name.label), here: sequence(here), there: sequence(there) })
    }
}

fn leaked(scene: &mut Scene<'_>, customer: &Place, expected: String) {
    let got = "it at a customer".to_owned();
    if customer.connection == scene.connection {
        return scene.violated(ViolationKind::AgentsOnlyLeak, expected, got);
    }
    let violation = customer.violation(ViolationKind::AgentsOnlyLeak, scene.at, None, expected, got);
    scene.tally.violations.add(violation, Vec::new);
}
