//! Where requests come in and pushes go out: everything that happens under the one lock.
//!
//! What a request causes is put into all queues before the lock is given back, the response first. So all connections hear of the
//! events of a thread in the same order, and whoever asked has his answer before his push, which is what every known client can live with;
//! unless hardships let it be otherwise.

mod telling;

use std::collections::HashMap;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use self::telling::{Cause, Frame, Ids};
use super::actions;
use super::defects::{Defects, Fate, Pace};
use super::files::{Files, StoredFile};
use super::hardships::Hardships;
use super::hub::{ConnectionId, Hub, Outgoing};
use super::licences::{LicenceId, Licences, Member};
use super::provoked::Provoked;
use super::refusal::Refusal;
use super::render::Spoken;
use super::turns::Turns;
use super::world::World;
use super::{Defect, Hardship, Limits};
use crate::message::Request;
use crate::protocol::{Channel, Dialect, DisconnectSpec, Protocol, Role};

/// All that the lock protects.
pub struct Desk {
    pub licences: Licences,
    pub hub: Hub,
    /// Errors that were ordered.
    pub provoked: Provoked,
    /// How much is taken and kept.
    pub limits: Limits,
    /// The requests that wait because of one of these.
    turns: Turns,
    /// Decides the ids of chats.
    pub seed: u64,
    /// What each dialect calls the push that ends a connection, and the reasons that it can give.
    pub goodbyes: HashMap<Spoken, DisconnectSpec>,
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

impl Desk {
    /// A desk with the usual licence, on which nothing has happened yet. The seed decides ids and when defects strike.
    pub fn new(
        protocol: &Protocol,
        seed: u64,
        (defects, hardships): (Vec<Defect>, Vec<Hardship>),
        late: Duration,
    ) -> Self {
        let hardships = Hardships::new(hardships, seed);
        let spoken = protocol.dialects().filter_map(|dialect| Spoken::named(dialect.name.as_str()).zip(Some(dialect)));
        Self {
            licences: Licences::usual(seed, hardships.habits()),
            hub: Hub::default(),
            provoked: Provoked::default(),
            limits: Limits::default(),
            turns: Turns::default(),
            seed,
            goodbyes: spoken.map(|(spoken, dialect)| (spoken, dialect.catalog.disconnect.clone())).collect(),
            defects: Defects::new(defects, seed, protocol),
            hardships,
            files: Files::default(),
            late,
        }
    }

    /// The moment until which a request has to wait in line; none when it need not.
    ///
    /// # Errors
    /// A refusal when the line is too long.
    pub fn turn(&mut self, dialect: &Dialect, action: &str) -> Result<Option<Instant>, Refusal> {
        let counted = dialect.catalog.login.before.iter().all(|free| *free != *action);
        let limit = self.limits.requests_per_second.filter(|_| counted);
        limit.map(|limit| self.turns.take(limit, Instant::now())).transpose()
    }

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
        let member = self.hub.member(id).cloned();
        let stranger = member.is_none() && !catalog.login.before.iter().any(|action| *action == *request.action);
        let wrong = if stranger { Some(Refusal::authentication()) } else { wrong };
        let turned_away = self.hub.turned_away(id);
        let provoked = self.provoked.take(spoken, &request.action, member.as_ref().map(|member| &member.user));
        let wrong = turned_away.clone().or(provoked).or(wrong);
        let licence = member.as_ref().map_or(LicenceId::FIRST, |member| member.licence);
        let asked = if self.defects.none() { Value::Null } else { request.payload.clone() };
        let (action, mut payload) = (&*request.action, request.payload.take());
        let result = self.decide(licence, (spoken, Channel::Rtm, action), &mut payload, wrong, |desk, payload| {
            if *action == *catalog.login.action {
                desk.login(spoken, id, payload)
            } else if action == "logout" {
                desk.leave(id);
                Ok(Value::Null)
            } else if let Some(member) = &member {
                desk.perform(spoken, member, action, payload, None)
            } else {
                // Allowed before login, and nothing but a sign of life.
                Ok(Value::Null)
            }
        });
        let drops = result.as_ref().is_err_and(Refusal::drops_older_customers) && spoken == Spoken::CustomerV02;
        let ids = Ids::of(dialect, &request);
        // Who logs in is somebody afterwards, and who logs out was somebody before.
        let now = self.hub.member(id).cloned();
        let licence = now.as_ref().map_or(licence, |member| member.licence);
        let cause = Cause { licence, user: now.as_ref().map(|member| &member.user), connection: Some((id, ids)) };
        // Who has just logged in does not know it yet.
        if *action != *catalog.login.action && self.hardships.pushes_first() {
            self.tell(&cause);
        }
        let may_be_silent = catalog.action(action).is_some_and(|spec| spec.may_stay_unanswered);
        if !(may_be_silent && self.hardships.silent_pings()) {
            self.answer(spoken, id, ids, (action, &asked), result);
        }
        if drops || turned_away.is_some() {
            self.hub.send(id, Outgoing::Close(CloseCode::Policy, "refused"));
        }
        self.tell(&cause);
    }

    /// Carries out a Web call and tells everybody who should know. `keep` stores the file that came with it, if any, and
    /// `wrong` is what the schema found wrong with it.
    pub fn web(
        &mut self,
        dialect: &Dialect,
        spoken: Spoken,
        member: &Member,
        action: &str,
        (mut payload, keep): (Value, impl FnOnce(&mut Files) -> Option<StoredFile>),
        wrong: Option<Refusal>,
    ) -> WebReply {
        let Member { licence, user } = member;
        self.begin(*licence);
        let asked = if self.defects.none() { Value::Null } else { payload.clone() };
        let wrong = self.provoked.take(spoken, action, Some(user)).or(wrong);
        let result = self.decide(*licence, (spoken, Channel::Web, action), &mut payload, wrong, |desk, payload| {
            let world = &mut desk.licences[*licence].world;
            match dialect.catalog.role() {
                Role::Customer => drop(world.meet_customer(user)?),
                Role::Agent => world.meet_agent(user),
            }
            let file = keep(&mut desk.files);
            desk.perform(spoken, member, action, payload, file)
        });
        self.tell(&Cause { licence: *licence, user: Some(user), connection: None });
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
        licence: LicenceId,
        (spoken, channel, action): (Spoken, Channel, &str),
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
                let before = self.licences[licence].world.clone();
                let result = carry_out(self, payload.take());
                self.licences[licence].world.undo(before);
                result
            }
            Fate::Settled(result) => result,
        }
    }

    /// Whether messages leave as they are made, which nearly all servers do that are told nothing else.
    fn is_plain(&self) -> bool {
        self.defects.none() && self.hardships.none()
    }

    /// Something is about to happen in a world.
    pub fn begin(&mut self, licence: LicenceId) -> &mut World {
        let now = self.licences.now();
        let world = &mut self.licences[licence].world;
        world.now = now;
        world.broken = self.defects.flags();
        world.make_room();
        world
    }

    fn perform(
        &mut self,
        spoken: Spoken,
        Member { licence, user }: &Member,
        action: &str,
        payload: Value,
        file: Option<StoredFile>,
    ) -> Result<Value, Refusal> {
        let world = self.begin(*licence);
        actions::perform(spoken, actions::Request { world, user, action, payload, file })
    }

    fn login(&mut self, spoken: Spoken, id: ConnectionId, payload: Value) -> Result<Value, Refusal> {
        let token = payload.get("token").and_then(Value::as_str).unwrap_or_default();
        let member = self.licences.identify(spoken, token, self.hub.number(id))?;
        let is_new = self.hub.member(id) != Some(&member);
        let number = self.licences[member.licence].number;
        let world = self.begin(member.licence);
        let response = actions::login(spoken, actions::Login { world, number, user: &member.user, payload, is_new })?;
        if is_new {
            self.leave(id);
            self.hub.login(id, &member);
        }
        Ok(response)
    }

    /// The user of a connection logs out there.
    fn leave(&mut self, id: ConnectionId) {
        if let Some(Member { licence, user }) = self.hub.logout(id) {
            self.begin(licence).leaves(&user);
        }
    }

    /// A connection is gone.
    pub fn gone(&mut self, id: ConnectionId) {
        if let Some(Member { licence, user }) = self.hub.detach(id) {
            self.begin(licence).leaves(&user);
            self.tell_all(licence);
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
}
