//! Where requests come in and pushes go out: everything that happens under the one lock.
//!
//! What a request causes is put into all queues before the lock is given back, the response first. So all connections hear of the
//! events of a thread in the same order, and whoever asked has his answer before his push, which is what every known client can live with;
//! unless hardships let it be otherwise.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::actions;
use super::defects::{Audience, Copies, Defects, Delivery, Fate, Occasion, Pace, Point};
use super::files::{Files, StoredFile};
use super::hardships::Hardships;
use super::hub::{ConnectionId, Hub, Outgoing};
use super::identity::identify;
use super::refusal::Refusal;
use super::render::Spoken;
use super::world::{ChatId, Effect, Push, ThreadId, UserId, World};
use crate::message::Request;
use crate::protocol::{Channel, CorrelationName, Dialect, Role};

/// How long a push is held back at most when nothing comes that could overtake it.
const HOLD: Duration = Duration::from_millis(300);

/// All that the lock protects.
pub struct Desk {
    pub world: World,
    pub hub: Hub,
    pub defects: Defects,
    pub hardships: Hardships,
    pub files: Files,
    /// How late something is that comes after the documented limit.
    pub late: Duration,
}

/// The answer to a Web call.
pub struct WebReply {
    /// Its HTTP status.
    pub status: StatusCode,
    /// Its body; null stands for none.
    pub payload: Value,
    /// What follows the body.
    pub also: Option<&'static str>,
    /// When.
    pub promptness: Promptness,
}

/// When a Web call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promptness {
    /// At once.
    Now,
    /// After this time.
    After(Duration),
    /// Never.
    Never,
}

/// A frame as it travels (customer-v0.3 140-160).
#[derive(Serialize)]
struct Frame<'a> {
    #[serde(flatten)]
    ids: Ids<'a>,
    action: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    #[serde(skip_serializing_if = "Value::is_null")]
    payload: &'a Value,
}

impl Frame<'_> {
    fn text(&self) -> Utf8Bytes {
        serde_json::to_string(self).unwrap_or_default().into()
    }

    /// For defects to change.
    fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The correlation id of a request, under the names that its answer uses.
#[derive(Clone, Copy, Serialize)]
struct Ids<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

impl<'a> Ids<'a> {
    const NONE: Ids<'static> = Ids { request_id: None, id: None };

    /// Where `id` is the dialect's own name, the answer uses the name that the request used (C02-A10). Elsewhere whoever says `id` may
    /// read `request_id` all the same, so he gets both.
    fn of(dialect: &Dialect, request: &'a Request) -> Self {
        let correlation = request.correlation.as_deref();
        let is_id = request.correlation_is_id;
        let only_id = is_id && dialect.catalog.rtm.correlation == CorrelationName::Id;
        Self { request_id: correlation.filter(|_| !only_id), id: correlation.filter(|_| is_id) }
    }
}

/// Whose request causes what is told.
struct Cause<'a> {
    user: Option<&'a UserId>,
    /// The connection it came over, and the request's ids; neither for the Web API.
    connection: Option<(ConnectionId, Ids<'a>)>,
}

impl Desk {
    /// Carries out a request that came over RTM, answers it and tells everybody who should know. `wrong` is what the schema
    /// found wrong with it.
    pub fn rtm(
        &mut self,
        dialect: &Dialect,
        spoken: Spoken,
        id: ConnectionId,
        mut request: Request,
        wrong: Option<Refusal>,
    ) {
        let catalog = &dialect.catalog;
        let user = self.hub.user(id).cloned();
        let stranger = user.is_none() && !catalog.login.before.iter().any(|action| *action == *request.action);
        let wrong = if stranger { Some(Refusal::authentication()) } else { wrong };
        let asked = if self.defects.none() { Value::Null } else { request.payload.clone() };
        let (action, mut payload) = (&*request.action, request.payload.take());
        let result = self.decide(spoken, Channel::Rtm, action, &mut payload, wrong, |desk, payload| {
            if *action == *catalog.login.action {
                desk.login(catalog.role(), spoken, id, payload)
            } else if action == "logout" {
                desk.leave(id);
                Ok(Value::Null)
            } else if let Some(user) = &user {
                desk.perform(spoken, user, action, payload, None)
            } else {
                // Allowed before login, and nothing but a sign of life.
                Ok(Value::Null)
            }
        });
        let banned = result.as_ref().is_err_and(|refusal| *refusal == Refusal::banned());
        let ids = Ids::of(dialect, &request);
        let user = self.hub.user(id).cloned();
        let cause = Cause { user: user.as_ref(), connection: Some((id, ids)) };
        // Who has just logged in does not know it yet.
        if *action != *catalog.login.action && self.hardships.pushes_first() {
            self.tell(&cause);
        }
        let may_be_silent = catalog.action(action).is_some_and(|spec| spec.may_stay_unanswered);
        if !(may_be_silent && self.hardships.silent_pings()) {
            self.answer(spoken, id, ids, (action, &asked), result);
        }
        if banned && spoken == Spoken::CustomerV02 {
            // A02E:28
            self.hub.send(id, Outgoing::Close(CloseCode::Policy, "customer_banned"));
        }
        self.tell(&cause);
    }

    /// Carries out a Web call and tells everybody who should know. `keep` stores the file that came with it, if any, and
    /// `wrong` is what the schema found wrong with it.
    pub fn web(
        &mut self,
        dialect: &Dialect,
        spoken: Spoken,
        user: &UserId,
        action: &str,
        (mut payload, keep): (Value, impl FnOnce(&mut Files) -> Option<StoredFile>),
        wrong: Option<Refusal>,
    ) -> WebReply {
        self.begin();
        let asked = if self.defects.none() { Value::Null } else { payload.clone() };
        let result = self.decide(spoken, Channel::Web, action, &mut payload, wrong, |desk, payload| {
            match dialect.catalog.role() {
                Role::Customer => drop(desk.world.meet_customer(user)?),
                Role::Agent => desk.world.meet_agent(user),
            }
            let file = keep(&mut desk.files);
            desk.perform(spoken, user, action, payload, file)
        });
        self.tell(&Cause { user: Some(user), connection: None });
        self.reply(spoken, (action, &asked), result)
    }

    /// Puts the answer to a Web call into words.
    pub fn reply(
        &mut self,
        spoken: Spoken,
        (action, asked): (&str, &Value),
        result: Result<Value, Refusal>,
    ) -> WebReply {
        let words = |result: Result<Value, Refusal>| match result {
            Ok(payload) => (StatusCode::OK, payload),
            Err(refusal) => (refusal.status(spoken), refusal.payload(spoken)),
        };
        if self.is_plain() {
            let (status, payload) = words(result);
            return WebReply { status, payload, also: None, promptness: Promptness::Now };
        }
        let (status, payload) = words(self.defects.refusal(spoken, Channel::Web, (action, asked), result));
        let frame = json!({ "payload": payload });
        let mut delivery = self.defects.answer(spoken, Channel::Web, (action, asked), status.is_success(), frame);
        self.hardships.dress_answer(spoken, Channel::Web, action, status.is_success(), &mut delivery.frame);
        let promptness = match (delivery.pace, self.hardships.hold_answer()) {
            _ if delivery.copies == 0 || delivery.closes => Promptness::Never,
            (Pace::Late, _) => Promptness::After(self.late),
            (Pace::Now | Pace::HeldBack, Some(time)) => Promptness::After(time),
            (Pace::Now | Pace::HeldBack, None) => Promptness::Now,
        };
        WebReply { status, payload: delivery.frame["payload"].take(), also: delivery.also, promptness }
    }

    /// Has a request carried out, unless something is wrong with it. Here defects take hold of it.
    fn decide(
        &mut self,
        spoken: Spoken,
        channel: Channel,
        action: &str,
        payload: &mut Value,
        wrong: Option<Refusal>,
        carry_out: impl FnOnce(&mut Self, Value) -> Result<Value, Refusal>,
    ) -> Result<Value, Refusal> {
        if self.defects.none() {
            return wrong.map_or_else(|| carry_out(self, payload.take()), Err);
        }
        match self.defects.request(spoken, channel, action, payload, wrong) {
            Fate::CarriedOut => carry_out(self, payload.take()),
            Fate::Undone => {
                let before = self.world.clone();
                let result = carry_out(self, payload.take());
                self.world.undo(before);
                result
            }
            Fate::Settled(result) => result,
        }
    }

    /// Whether messages leave as they are made, which nearly all servers do that are told nothing else.
    fn is_plain(&self) -> bool {
        self.defects.none() && self.hardships.none()
    }

    /// Something is about to happen in the world.
    fn begin(&mut self) {
        self.world.now = Timestamp::now();
        self.world.broken = self.defects.flags();
    }

    fn perform(
        &mut self,
        spoken: Spoken,
        user: &UserId,
        action: &str,
        payload: Value,
        file: Option<StoredFile>,
    ) -> Result<Value, Refusal> {
        self.begin();
        let world = &mut self.world;
        actions::perform(spoken, actions::Request { world, user, action, payload, file })
    }

    fn login(&mut self, role: Role, spoken: Spoken, id: ConnectionId, payload: Value) -> Result<Value, Refusal> {
        self.begin();
        let user = identify(payload.get("token").and_then(Value::as_str).unwrap_or_default(), role)?;
        let is_new = self.hub.user(id) != Some(&user);
        let response = actions::login(spoken, &mut self.world, &user, payload, is_new)?;
        if is_new {
            self.leave(id);
            self.hub.login(id, &user);
        }
        Ok(response)
    }

    /// The user of a connection logs out there.
    fn leave(&mut self, id: ConnectionId) {
        if let Some(user) = self.hub.logout(id) {
            self.world.leaves(&user);
        }
    }

    /// A connection is gone.
    pub fn gone(&mut self, id: ConnectionId) {
        self.begin();
        if let Some(user) = self.hub.detach(id) {
            self.world.leaves(&user);
        }
    }

    fn answer(
        &mut self,
        spoken: Spoken,
        id: ConnectionId,
        ids: Ids<'_>,
        (action, asked): (&str, &Value),
        result: Result<Value, Refusal>,
    ) {
        let result = if self.defects.none() {
            result
        } else {
            self.defects.refusal(spoken, Channel::Rtm, (action, asked), result)
        };
        let success = result.is_ok();
        let payload = result.unwrap_or_else(|refusal| refusal.payload(spoken));
        let frame = Frame { ids, action, kind: "response", success: Some(success), payload: &payload };
        if self.is_plain() {
            return self.hub.send(id, Outgoing::Text(frame.text(), None));
        }
        let mut delivery = self.defects.answer(spoken, Channel::Rtm, (action, asked), success, frame.value());
        self.hardships.dress_answer(spoken, Channel::Rtm, action, success, &mut delivery.frame);
        let hold = self.hardships.hold_answer();
        self.deliver(id, delivery, None, hold);
    }

    /// Puts what the world has to say into the queues of those who should hear it.
    fn tell(&mut self, cause: &Cause<'_>) {
        for effect in self.world.take_effects() {
            match effect {
                Effect::Push { mut to, what, direct } => {
                    let only = !self.defects.none() && self.misdirect(&mut to, &what, cause);
                    self.push((&to, only), &what, direct, cause);
                }
                Effect::Disconnect { customer, reason } => self.disconnect(&customer, reason),
            }
        }
    }

    fn push(&mut self, to: (&[UserId], bool), what: &Push, direct: bool, cause: &Cause<'_>) {
        let thread = match what {
            Push::EventSent { thread, .. } => Some(thread),
            _ => None,
        };
        // Each dialect's words are found once, however many connections hear them.
        let mut renderings: Vec<(Spoken, Option<Rendering>)> = Vec::new();
        let mut deliveries = Vec::new();
        for (id, spoken, is_requester) in self.lines_to(to, what, cause.user) {
            let known = renderings.iter().position(|(rendered, _)| *rendered == spoken).unwrap_or_else(|| {
                renderings.push((spoken, Rendering::of(spoken, &self.world, what)));
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
        (to, only): (&[UserId], bool),
        what: &Push,
        by: Option<&UserId>,
    ) -> Vec<(ConnectionId, Spoken, bool)> {
        let mut lines = Vec::new();
        for user in to {
            lines.extend(self.hub.of_user(user).map(|(id, spoken)| (id, spoken, by == Some(user))));
        }
        if let Some((chat, already)) = what.concerns().filter(|_| !only)
            && let Some(chat) = self.world.chat(chat)
        {
            let overhearing = self.hub.overhearing().filter(|(_, _, user)| {
                !to.contains(user) && already != Some(*user) && self.world.agent_may_see(user, chat)
            });
            lines.extend(overhearing.map(|(id, spoken, user)| (id, spoken, by == Some(user))));
        }
        lines
    }

    /// Sends what defects and hardships may have changed, after a while if it is to be held. `thread` is that of the event in it.
    fn deliver(&self, id: ConnectionId, delivery: Delivery, thread: Option<&ThreadId>, hold: Option<Duration>) {
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
        for (audience, payload) in self.defects.audiences(|spoken| spoken.push(&self.world, what)) {
            let id = payload.get("chat_id").or_else(|| payload.pointer("/chat/id")).and_then(Value::as_str);
            let chat = id.and_then(|id| self.world.chat(&ChatId::from(id)));
            match audience {
                Audience::Everybody => to.extend(self.hub.users().cloned()),
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

    fn disconnect(&mut self, customer: &UserId, reason: &'static str) {
        let payload = json!({ "reason": reason });
        let lines: Vec<(ConnectionId, Spoken)> = self.hub.of_user(customer).collect();
        for (id, spoken) in lines {
            self.announce(id, spoken, "customer_disconnected", &payload);
            self.hub.send(id, Outgoing::Close(CloseCode::Policy, reason));
            self.leave(id);
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
