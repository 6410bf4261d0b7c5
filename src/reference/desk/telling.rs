//! What leaves the desk: pushes to those who should hear them, and the ends of connections.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::Desk;
use crate::message::Request;
use crate::protocol::{Channel, CorrelationName, Dialect};
use crate::reference::defects::{Audience, Copies, Delivery, Occasion, Pace, Point};
use crate::reference::hub::{Attached, ConnectionId, Outgoing};
use crate::reference::licences::{LicenceId, Standing};
use crate::reference::refusal::Refusal;
use crate::reference::render::Spoken;
use crate::reference::world::{ChatId, Effect, Push, ThreadId, UserId, World};

/// How long a push is held back at most when nothing comes that could overtake it.
const HOLD: Duration = Duration::from_millis(300);

/// A frame as it travels (customer-v0.3 140-160).
#[derive(Serialize)]
pub(super) struct Frame<'a> {
    #[serde(flatten)]
    pub(super) ids: Ids<'a>,
    pub(super) action: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) success: Option<bool>,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(super) payload: &'a Value,
}

impl Frame<'_> {
    pub(super) fn text(&self) -> Utf8Bytes {
        serde_json::to_string(self).unwrap_or_default().into()
    }

    /// For defects to change.
    pub(super) fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The correlation id of a request, under the names that its answer uses.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Ids<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
}

impl<'a> Ids<'a> {
    pub(super) const NONE: Ids<'static> = Ids { request_id: None, id: None };

    /// Where `id` is the dialect's own name, the answer uses the name that the request used (C02-A10). Elsewhere whoever says `id` may
    /// read `request_id` all the same, so he gets both.
    pub(super) fn of(dialect: &Dialect, request: &'a Request) -> Self {
        let correlation = request.correlation.as_deref();
        let is_id = request.correlation_is_id;
        let only_id = is_id && dialect.catalog.rtm.correlation == CorrelationName::Id;
        Self { request_id: correlation.filter(|_| !only_id), id: correlation.filter(|_| is_id) }
    }
}

/// Whose request causes what is told.
pub(super) struct Cause<'a> {
    /// Where it happens.
    pub(super) licence: LicenceId,
    pub(super) user: Option<&'a UserId>,
    /// The connection it came over, and the request's ids; neither for the Web API.
    pub(super) connection: Option<(ConnectionId, Ids<'a>)>,
}

impl Desk {
    /// A connection was opened, over a URL with this licence number if its dialect has one there. Where it cannot stay, whoever is
    /// there is told so, at once or at his first request, as the dialect has it.
    pub fn come(&mut self, spoken: Spoken, number: Option<u64>) -> Attached {
        let there = self.hub.len();
        let crowded = there >= self.limits.connections;
        let unknown = number.is_some_and(|number| {
            let licence = self.licences.numbered(number);
            licence.is_none_or(|licence| self.licences[licence].standing == Standing::Gone)
        });
        let attached = self.hub.attach(spoken, number);
        if there >= self.limits.connections.saturating_mul(2) {
            // Those who wait to be told that there are too many are too many themselves.
            self.hub.send(attached.id, Outgoing::Close(CloseCode::Again, "too many connections"));
        } else if crowded {
            self.turn_away(attached.id, spoken, "too_many_connections", Refusal::too_many());
        } else if unknown {
            // C03-A56; A02E:32
            self.turn_away(attached.id, spoken, "license_not_found", Refusal::no_licence());
        }
        attached
    }

    fn turn_away(&mut self, id: ConnectionId, spoken: Spoken, reason: &str, why: Refusal) {
        if self.gives(spoken, reason) {
            self.part(id, spoken, reason, None);
        } else {
            self.hub.turn_away(id, why);
        }
    }

    /// Whether a dialect can end a connection for this reason.
    pub fn gives(&self, spoken: Spoken, reason: &str) -> bool {
        self.goodbyes.get(&spoken).is_some_and(|goodbye| goodbye.reasons.contains_key(reason))
    }

    /// Ends a connection, and says why where the dialect has words for it.
    pub fn part(&mut self, id: ConnectionId, spoken: Spoken, reason: &str, region: Option<&str>) {
        if self.gives(spoken, reason)
            && let Some(goodbye) = self.goodbyes.get(&spoken)
        {
            let name = goodbye.push.clone();
            let mut payload = json!({ "reason": reason });
            if let Some(region) = region {
                payload["data"] = json!({ "region": region });
            }
            self.announce(id, spoken, &name, &payload);
        }
        self.hub.send(id, Outgoing::Close(CloseCode::Policy, "disconnected"));
        self.leave(id);
    }

    /// Puts what the world has to say into the queues of those who should hear it.
    pub(super) fn tell(&mut self, cause: &Cause<'_>) {
        for effect in self.licences[cause.licence].world.take_effects() {
            match effect {
                Effect::Push { mut to, what, direct } => {
                    let only = !self.defects.none() && self.misdirect(&mut to, &what, cause);
                    self.push((&to, only), &what, direct, cause);
                }
                Effect::Disconnect { user, reason } => self.disconnect(&user, reason, None),
            }
        }
    }

    /// Tells what has happened on a licence without anybody's request.
    pub fn tell_all(&mut self, licence: LicenceId) {
        self.tell(&Cause { licence, user: None, connection: None });
    }

    fn push(&mut self, to: (&[UserId], bool), what: &Push, direct: bool, cause: &Cause<'_>) {
        let world = &self.licences[cause.licence].world;
        let thread = match what {
            Push::EventSent { thread, .. } => Some(thread),
            _ => None,
        };
        // Each dialect's words are found once, however many connections hear them.
        let mut renderings: Vec<(Spoken, Option<Rendering>)> = Vec::new();
        let mut deliveries = Vec::new();
        for (id, spoken, is_requester) in self.lines_to(world, to, what, cause.user) {
            let known = renderings.iter().position(|(rendered, _)| *rendered == spoken).unwrap_or_else(|| {
                renderings.push((spoken, Rendering::of(spoken, world, what)));
                renderings.len() - 1
            });
            let Some(rendering) = &mut renderings[known].1 else { continue };
            let requested = cause.connection.filter(|(requester, _)| direct && *requester == id);
            let ids = requested.map(|(_, ids)| ids).filter(|_| spoken.numbers_pushes());
            if self.is_plain() {
                let text = match ids {
                    Some(ids) => rendering.frame(ids).text(),
                    None => rendering.for_others(),
                };
                self.hub.send(id, Outgoing::Text(text, thread.cloned()));
                continue;
            }
            let copies = match requested {
                Some(_) => Some(Copies::Requester),
                None if is_requester => None,
                None => Some(Copies::Others),
            };
            let channel = if cause.connection.is_some() { Channel::Rtm } else { Channel::Web };
            let occasion = Occasion::new(Point::Push, rendering.name, spoken, channel, &rendering.payload);
            let frame = rendering.frame(ids.unwrap_or(Ids::NONE)).value();
            let mut delivery = self.defects.deliver(&Occasion { copies, ..occasion }, frame);
            self.hardships.dress_push(spoken, rendering.name, &mut delivery.frame);
            deliveries.push((id, delivery));
        }
        for (id, delivery) in deliveries {
            let hold = self.hardships.hold_push();
            self.deliver(id, delivery, thread, hold);
        }
    }

    /// The connections that are told something, and whether they are of the one who caused it: those of the people meant, and those
    /// whose dialect lets agents hear of every chat that they may see, unless `only` the people meant may hear of it.
    fn lines_to(
        &self,
        world: &World,
        (to, only): (&[UserId], bool),
        what: &Push,
        by: Option<&UserId>,
    ) -> Vec<(ConnectionId, Spoken, bool)> {
        let mut lines = Vec::new();
        for user in to {
            lines.extend(self.hub.of_user(user).map(|(id, spoken)| (id, spoken, by == Some(user))));
        }
        if let Some((chat, already)) = what.concerns().filter(|_| !only)
            && let Some(chat) = world.chat(chat)
        {
            let overhearing = self
                .hub
                .overhearing()
                .filter(|(_, _, user)| !to.contains(user) && already != Some(*user) && world.agent_may_see(user, chat));
            lines.extend(overhearing.map(|(id, spoken, user)| (id, spoken, by == Some(user))));
        }
        lines
    }

    /// Sends what defects and hardships may have changed, after a while if it is to be held. `thread` is that of the event in it.
    pub(super) fn deliver(
        &self,
        id: ConnectionId,
        delivery: Delivery,
        thread: Option<&ThreadId>,
        hold: Option<Duration>,
    ) {
        if delivery.closes {
            return self.hub.send(id, Outgoing::Close(CloseCode::Error, "a defect"));
        }
        let text = Utf8Bytes::from(delivery.frame.to_string());
        // The last copy is the one that may have to wait.
        for _ in 1..delivery.copies {
            self.hub.send(id, Outgoing::Text(text.clone(), thread.cloned()));
        }
        if delivery.copies > 0 {
            let thread = thread.cloned();
            let outgoing = match (delivery.pace, hold) {
                (Pace::Now, None) => Outgoing::Text(text, thread),
                (Pace::Now, Some(time)) => Outgoing::Later(text, time, None),
                (Pace::Late, _) => Outgoing::Later(text, self.late, None),
                (Pace::HeldBack, _) => Outgoing::Later(text, HOLD, thread),
            };
            self.hub.send(id, outgoing);
        }
        if let Some(also) = delivery.also {
            self.hub.send(id, Outgoing::Text(Utf8Bytes::from_static(also), None));
        }
    }

    /// Lets others hear of something than those who should. Says whether nobody else may hear of it.
    fn misdirect(&mut self, to: &mut Vec<UserId>, what: &Push, cause: &Cause<'_>) -> bool {
        let mut only = false;
        let world = &self.licences[cause.licence].world;
        for (audience, payload) in self.defects.audiences(|spoken| spoken.push(world, what)) {
            let id = payload.get("chat_id").or_else(|| payload.pointer("/chat/id")).and_then(Value::as_str);
            let chat = id.and_then(|id| world.chat(&ChatId::from(id)));
            match audience {
                Audience::Everybody => to.extend(self.hub.users().filter(|user| world.knows(user)).cloned()),
                Audience::Chat => to.extend(chat.into_iter().flat_map(|chat| chat.users().cloned())),
                Audience::Members => to.retain(|user| chat.is_some_and(|chat| chat.has_user(user))),
                Audience::Requester => to.retain(|user| cause.user == Some(user)),
            }
            only |= !matches!(audience, Audience::Everybody | Audience::Chat);
            to.sort_unstable();
            to.dedup();
        }
        only
    }

    /// Ends all connections of somebody.
    pub fn disconnect(&mut self, user: &UserId, reason: &str, region: Option<&str>) {
        let lines: Vec<(ConnectionId, Spoken)> = self.hub.of_user(user).collect();
        for (id, spoken) in lines {
            self.part(id, spoken, reason, region);
        }
    }

    /// Sends a push that no request caused.
    pub fn announce(&mut self, id: ConnectionId, spoken: Spoken, name: &str, payload: &Value) {
        let frame = Frame { ids: Ids::NONE, action: name, kind: "push", success: None, payload };
        if self.is_plain() {
            return self.hub.send(id, Outgoing::Text(frame.text(), None));
        }
        let occasion = Occasion::new(Point::Push, name, spoken, Channel::Rtm, payload);
        let mut delivery = self.defects.deliver(&occasion, frame.value());
        self.hardships.dress_push(spoken, name, &mut delivery.frame);
        self.deliver(id, delivery, None, None);
    }
}

/// A push in the words of one dialect.
struct Rendering {
    name: &'static str,
    payload: Value,
    text: Option<Utf8Bytes>,
}

impl Rendering {
    fn of(spoken: Spoken, world: &World, what: &Push) -> Option<Self> {
        spoken.push(world, what).map(|(name, payload)| Self { name, payload, text: None })
    }

    /// With the request's ids in the copy for the requester (customer-v0.3 154).
    fn frame<'a>(&'a self, ids: Ids<'a>) -> Frame<'a> {
        Frame { ids, action: self.name, kind: "push", success: None, payload: &self.payload }
    }

    fn for_others(&mut self) -> Utf8Bytes {
        if self.text.is_none() {
            self.text = Some(self.frame(Ids::NONE).text());
        }
        self.text.clone().unwrap_or_default()
    }
}
