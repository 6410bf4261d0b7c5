//! Where requests come in and pushes go out: everything that happens under the one lock.
//!
//! What a request causes is put into all queues before the lock is given back, the response first. So all connections hear of the
//! events of a thread in the same order, and whoever asked has his answer before his push, which is what every known client can live with.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::actions;
use super::defects::{DefectKind, Defects, miss_member, mistype};
use super::files::{Files, StoredFile};
use super::hub::{ConnectionId, Hub, Outgoing};
use super::identity::identify;
use super::refusal::Refusal;
use super::render::Spoken;
use super::world::{Effect, Push, Recipients, UserId, World};
use crate::message::Request;
use crate::protocol::{CorrelationName, Dialect, Role};

/// How long a push is held back at most when nothing comes that could overtake it.
const HOLD: Duration = Duration::from_millis(300);

/// All that the lock protects.
pub struct Desk {
    pub world: World,
    pub hub: Hub,
    pub defects: Defects,
    pub files: Files,
    /// How late a late answer is.
    pub late: Duration,
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
    fn of(dialect: &Dialect, request: &Request, correlation: Option<&'a str>) -> Self {
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
        let result = if user.is_none() && !catalog.login.before.iter().any(|action| *action == *request.action) {
            Err(Refusal::authentication())
        } else if let Some(refusal) = wrong {
            Err(refusal)
        } else if *request.action == *catalog.login.action {
            self.login(catalog.role(), spoken, id, request.payload.take())
        } else if &*request.action == "logout" {
            self.leave(id);
            Ok(Value::Null)
        } else if let Some(user) = &user {
            let payload = request.payload.take();
            self.perform(spoken, user, &request.action, payload, None)
        } else {
            // Allowed before login, and nothing but a sign of life.
            Ok(Value::Null)
        };
        let banned = result.as_ref().is_err_and(|refusal| *refusal == Refusal::banned());
        self.answer(dialect, id, &request, result.map_err(|refusal| spoken.refusal(refusal)));
        if banned && spoken == Spoken::CustomerV02 {
            // A02E:28
            self.hub.send(id, Outgoing::Close(CloseCode::Policy, "customer_banned"));
        }
        let user = self.hub.user(id).cloned();
        let ids = Ids::of(dialect, &request, request.correlation.as_deref());
        self.tell(&Cause { user: user.as_ref(), connection: Some((id, ids)) });
    }

    /// Carries out a Web call. The answer is to be given when it says.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn web(
        &mut self,
        dialect: &Dialect,
        spoken: Spoken,
        user: &UserId,
        action: &str,
        payload: Value,
        file: Option<StoredFile>,
    ) -> (Result<Value, Refusal>, Promptness) {
        self.world.now = Timestamp::now();
        let known = match dialect.catalog.role() {
            Role::Customer => self.world.meet_customer(user).map(drop),
            Role::Agent => {
                self.world.meet_agent(user);
                Ok(())
            }
        };
        let mut result = known.and_then(|()| self.perform(spoken, user, action, payload, file));
        if let Ok(payload) = &mut result {
            self.spoil(dialect, action, payload);
        }
        self.tell(&Cause { user: Some(user), connection: None });
        (result, self.promptness(action))
    }

    fn perform(
        &mut self,
        spoken: Spoken,
        user: &UserId,
        action: &str,
        payload: Value,
        file: Option<StoredFile>,
    ) -> Result<Value, Refusal> {
        self.world.now = Timestamp::now();
        self.world.repeat_order = self.defects.strikes(DefectKind::DuplicateOrder);
        let world = &mut self.world;
        let result = actions::perform(spoken, actions::Request { world, user, action, payload, file });
        self.world.repeat_order = false;
        result
    }

    fn login(&mut self, role: Role, spoken: Spoken, id: ConnectionId, payload: Value) -> Result<Value, Refusal> {
        self.world.now = Timestamp::now();
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
        self.world.now = Timestamp::now();
        if let Some(user) = self.hub.detach(id) {
            self.world.leaves(&user);
        }
    }

    fn answer(&mut self, dialect: &Dialect, id: ConnectionId, request: &Request, result: Result<Value, Refusal>) {
        let action = &*request.action;
        let success = result.is_ok();
        let payload = match result {
            Ok(mut payload) => {
                self.spoil(dialect, action, &mut payload);
                payload
            }
            Err(refusal) => refusal.payload(),
        };
        let mut correlation = request.correlation.as_deref().map(Cow::Borrowed);
        if action != dialect.catalog.login.action && self.defects.strikes(DefectKind::WrongCorrelation) {
            correlation = correlation.map(|id| Cow::Owned(format!("{id}-of-nobody")));
        }
        let ids = Ids::of(dialect, request, correlation.as_deref());
        let frame = Frame { ids, action, kind: "response", success: Some(success), payload: &payload };
        match self.promptness(action) {
            Promptness::Now => self.hub.send(id, Outgoing::Text(frame.text(), None)),
            Promptness::After(time) => self.hub.send(id, Outgoing::Later(frame.text(), time, None)),
            Promptness::Never => {}
        }
    }

    fn spoil(&mut self, dialect: &Dialect, action: &str, payload: &mut Value) {
        if self.defects.strikes(DefectKind::WrongType) {
            mistype(dialect, action, payload, self.defects.random());
        }
        if self.defects.strikes(DefectKind::MissingMember) {
            miss_member(dialect, action, payload);
        }
    }

    fn promptness(&mut self, action: &str) -> Promptness {
        if action != "send_event" {
            Promptness::Now
        } else if self.defects.strikes(DefectKind::NoAnswer) {
            Promptness::Never
        } else if self.defects.strikes(DefectKind::LateAnswer) {
            Promptness::After(self.late)
        } else {
            Promptness::Now
        }
    }

    /// Puts what the world has to say into the queues of those who should hear it.
    fn tell(&mut self, cause: &Cause<'_>) {
        for effect in self.world.take_effects() {
            match effect {
                Effect::Push { mut to, what, direct } => {
                    if let Some(customer) = self.leaks_to(&what) {
                        to.push(customer);
                    }
                    self.push(&to, &what, direct, cause);
                }
                Effect::Disconnect { customer, reason } => self.disconnect(&customer, reason),
            }
        }
    }

    fn push(&mut self, to: &[UserId], what: &Push, direct: bool, cause: &Cause<'_>) {
        let thread = match what {
            Push::EventSent { thread, .. } => Some(thread),
            _ => None,
        };
        // Each dialect's words are found once, however many connections hear them.
        let mut renderings: Vec<(Spoken, Option<Rendering>)> = Vec::new();
        for (id, spoken) in self.lines_to(to, what, thread.is_some(), cause) {
            let known = renderings.iter().position(|(rendered, _)| *rendered == spoken).unwrap_or_else(|| {
                renderings.push((spoken, Rendering::of(spoken, &self.world, what)));
                renderings.len() - 1
            });
            let Some(rendering) = &mut renderings[known].1 else { continue };
            let text = match &cause.connection {
                Some((requester, ids)) if direct && *requester == id && spoken.numbers_pushes() => {
                    rendering.frame(*ids).text()
                }
                _ => rendering.for_others(),
            };
            let Some(thread) = thread else {
                self.hub.send(id, Outgoing::Text(text, None));
                continue;
            };
            if self.defects.strikes(DefectKind::DuplicatedPush) {
                self.hub.send(id, Outgoing::Text(text.clone(), Some(thread.clone())));
            }
            let outgoing = if self.defects.strikes(DefectKind::ReorderedDelivery) {
                Outgoing::Later(text, HOLD, Some(thread.clone()))
            } else {
                Outgoing::Text(text, Some(thread.clone()))
            };
            self.hub.send(id, outgoing);
        }
    }

    /// The connections that are told something: those of the people meant, and those whose dialect lets agents hear of every
    /// chat that they may see. A sent event may get lost on the way, if that defect strikes.
    fn lines_to(
        &mut self,
        to: &[UserId],
        what: &Push,
        may_be_lost: bool,
        cause: &Cause<'_>,
    ) -> Vec<(ConnectionId, Spoken)> {
        let mut lines = Vec::new();
        for user in to {
            let is_requester = cause.user == Some(user);
            if !may_be_lost || is_requester || !self.defects.strikes(DefectKind::LostPush) {
                lines.extend(self.hub.of_user(user));
            }
        }
        if let Some((chat, already)) = what.concerns()
            && let Some(chat) = self.world.chat(chat)
        {
            let overhearing = self.hub.overhearing().filter(|(_, _, user)| {
                !to.contains(user) && already != Some(*user) && self.world.agent_may_see(user, chat)
            });
            lines.extend(overhearing.map(|(id, spoken, _)| (id, spoken)));
        }
        lines
    }

    /// The customer who gets to see an event that is none of his business, if that defect strikes.
    fn leaks_to(&mut self, what: &Push) -> Option<UserId> {
        let Push::EventSent { chat, thread, event } = what else { return None };
        let chat = self.world.chat(chat)?;
        let customer = chat.customer.clone()?;
        let private = chat.thread(thread)?.event(event)?.recipients == Recipients::Agents;
        (private && self.defects.strikes(DefectKind::AgentsOnlyLeak)).then_some(customer)
    }

    fn disconnect(&mut self, customer: &UserId, reason: &'static str) {
        let payload = json!({ "reason": reason });
        let lines: Vec<ConnectionId> = self.hub.of_user(customer).map(|(id, _)| id).collect();
        for id in lines {
            self.announce(id, "customer_disconnected", &payload);
            self.hub.send(id, Outgoing::Close(CloseCode::Policy, reason));
            self.leave(id);
        }
    }

    /// Sends a push that no request caused.
    pub fn announce(&self, id: ConnectionId, name: &str, payload: &Value) {
        let frame = Frame { ids: Ids::NONE, action: name, kind: "push", success: None, payload };
        self.hub.send(id, Outgoing::Text(frame.text(), None));
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
