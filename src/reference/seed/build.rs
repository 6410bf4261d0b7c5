//! From a world file to licences, and what in the file makes no sense.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::file::{Chat, Event, File, Licence, Thread};
use crate::protocol::{Kind, Protocol, Role};
use crate::reference::actions;
use crate::reference::hardships::Habits;
use crate::reference::licences::{self, LicenceId, Licences, Member};
use crate::reference::world::{ChatId, CustomerSeed, EVERYBODY, NewChat, ThreadId, ThreadSeed, UserId, World};

/// Who `router` is in a world file: nobody.
const ROUTER: &str = "router";

/// Something in the file that makes no sense.
#[derive(Debug)]
pub(super) struct Slip {
    /// Where.
    pub pointer: String,
    /// What.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

pub(super) struct Builder<'a> {
    licences: Licences,
    /// What events are held against, unless that was done before.
    protocol: Option<&'a Protocol>,
    slips: Vec<Slip>,
    /// Ids of people and tokens, which are unique over all licences, and where each was given.
    taken: BTreeSet<(&'static str, String)>,
}

/// The people of one licence.
struct People {
    licence: LicenceId,
    customers: BTreeMap<String, UserId>,
    agents: BTreeSet<UserId>,
    groups: BTreeSet<i64>,
}

impl<'a> Builder<'a> {
    /// The licences of a file; what made no sense is left out of them, and told.
    pub fn build(file: &File, seed: u64, habits: Habits, protocol: Option<&'a Protocol>) -> (Licences, Vec<Slip>) {
        let now = Timestamp::now();
        let numbers = (seed..).zip(&file.licences);
        let list = numbers.map(|(seed, licence)| {
            let mut world = World::new(seed).with(habits);
            world.now = now;
            licences::Licence::new(licence.id, world)
        });
        let licences = Licences::of(list.collect(), file.open.unwrap_or(false));
        let mut builder = Self { licences, protocol, slips: Vec::new(), taken: BTreeSet::new() };
        for (place, licence) in file.licences.iter().enumerate() {
            let pointer = format!("/licences/{place}");
            if !builder.is_new("licence", &licence.id.to_string(), &format!("{pointer}/id")) {
                continue;
            }
            if let Some(id) = builder.licences.numbered(licence.id) {
                builder.licence(&pointer, id, licence, now);
            }
        }
        (builder.licences, builder.slips)
    }

    fn slip(&mut self, pointer: impl Into<String>, message: impl Into<String>, help: Option<String>) {
        self.slips.push(Slip { pointer: pointer.into(), message: message.into(), help });
    }

    /// Whether a name is given for the first time; it is a slip otherwise.
    fn is_new(&mut self, what: &'static str, name: &str, pointer: &str) -> bool {
        let is_new = self.taken.insert((what, name.to_owned()));
        if !is_new {
            // A token is a secret, wherever it stands.
            let message = match what {
                "token" => "this token is given twice".to_owned(),
                _ => format!("the {what} `{name}` is given twice"),
            };
            self.slip(pointer, message, None);
        }
        is_new
    }

    fn licence(&mut self, pointer: &str, id: LicenceId, licence: &Licence, now: Timestamp) {
        let mut people = People {
            licence: id,
            customers: BTreeMap::new(),
            agents: BTreeSet::new(),
            groups: licence.groups.iter().map(|group| group.id).chain([EVERYBODY]).collect(),
        };
        if !licence.groups.is_empty() {
            self.licences[id].world.seed_groups();
        }
        for (place, agent) in licence.agents.iter().enumerate() {
            let here = format!("{pointer}/agents/{place}");
            self.know_groups(&people, &agent.groups, &format!("{here}/groups"));
            if !self.is_new("agent", &agent.email, &format!("{here}/email")) {
                continue;
            }
            let user = UserId::from(agent.email.as_str());
            self.licences[id].world.seed_agent(&user, agent.name.clone(), &agent.groups);
            people.agents.insert(user.clone());
            self.issue(agent.token.as_deref(), Role::Agent, Member { licence: id, user }, &here);
        }
        for (place, customer) in licence.customers.iter().enumerate() {
            let here = format!("{pointer}/customers/{place}");
            let named = || self.licences.customer_named(id, &customer.name);
            let user = customer.id.as_deref().map_or_else(named, UserId::from);
            if people.customers.contains_key(&customer.name) {
                self.slip(format!("{here}/name"), format!("the customer `{}` is given twice", customer.name), None);
                continue;
            }
            if !self.is_new("customer id", user.as_ref(), &format!("{here}/id")) {
                continue;
            }
            self.licences[id].world.seed_customer(CustomerSeed {
                id: user.clone(),
                name: customer.name.clone(),
                email: customer.email.clone(),
                avatar: customer.avatar.clone(),
                country: customer.country.clone(),
                fields: customer.fields.clone(),
                banned_days: customer.banned_days,
            });
            people.customers.insert(customer.name.clone(), user.clone());
            self.issue(customer.token.as_deref(), Role::Customer, Member { licence: id, user }, &here);
        }
        if licence.system_messages == Some(false) {
            self.licences[id].world.silence_the_router();
        }
        for (place, chat) in licence.chats.iter().enumerate() {
            self.chat(&format!("{pointer}/chats/{place}"), &people, chat, now);
        }
        let world = &mut self.licences[id].world;
        world.now = now;
        // Nobody is there to hear of it.
        world.take_effects();
    }

    fn issue(&mut self, token: Option<&str>, role: Role, member: Member, pointer: &str) {
        if let Some(token) = token
            && self.is_new("token", token, &format!("{pointer}/token"))
        {
            self.licences.issue(token.to_owned(), role, member);
        }
    }

    fn know_groups(&mut self, people: &People, groups: &[i64], pointer: &str) {
        for (place, group) in groups.iter().enumerate() {
            if !people.groups.contains(group) {
                let known: Vec<String> = people.groups.iter().map(|group| format!("`{group}`")).collect();
                let help = format!("known groups: {}", known.join(", "));
                self.slip(format!("{pointer}/{place}"), format!("there is no group `{group}`"), Some(help));
            }
        }
    }

    fn chat(&mut self, pointer: &str, people: &People, chat: &Chat, now: Timestamp) {
        self.know_groups(people, &chat.groups, &format!("{pointer}/groups"));
        let customer = match &chat.customer {
            None => None,
            Some(name) => match people.customers.get(name) {
                Some(user) => Some(user.clone()),
                None => {
                    return self.slip(format!("{pointer}/customer"), format!("there is no customer `{name}`"), None);
                }
            },
        };
        let mut agents = Vec::new();
        for (place, email) in chat.agents.iter().enumerate() {
            match people.agents.get(email.as_str()) {
                Some(agent) => agents.push(agent.clone()),
                None => self.slip(format!("{pointer}/agents/{place}"), format!("there is no agent `{email}`"), None),
            }
        }
        if let Some(id) = &chat.id
            && !self.is_new("chat", id, &format!("{pointer}/id"))
        {
            return;
        }
        let (mut made, mut clock) = (None::<ChatId>, None);
        for (place, thread) in chat.threads.iter().enumerate() {
            let here = format!("{pointer}/threads/{place}");
            if thread.open && place + 1 < chat.threads.len() {
                self.slip(format!("{here}/open"), "only the last thread of a chat can be open", None);
            }
            if let Some(id) = &thread.id {
                self.is_new("thread", id, &format!("{here}/id"));
            }
            let started = self.moment(thread.started.as_deref(), clock, now, &format!("{here}/started"));
            clock = Some(started);
            let seed = ThreadSeed {
                id: thread.id.as_deref().map(ThreadId::from),
                properties: thread.properties.clone(),
                tags: thread.tags.clone(),
            };
            let world = &mut self.licences[people.licence].world;
            world.now = started;
            let opened = match &made {
                Some(chat) => world.seed_thread(chat, seed),
                None => {
                    let (customer, groups, properties) =
                        (customer.clone(), chat.groups.clone(), chat.properties.clone());
                    let new = NewChat { customer, groups, properties, ..NewChat::default() };
                    world.seed_chat(chat.id.as_deref().map(ChatId::from), new, &agents, seed).map(|id| made = Some(id))
                }
            };
            if let Err(refusal) = opened {
                return self.slip(here, refusal.message, None);
            }
            let Some(id) = &made else { return };
            self.thread(&here, people, (id, customer.as_ref()), thread, &mut clock);
        }
    }

    fn thread(
        &mut self,
        pointer: &str,
        people: &People,
        (chat, customer): (&ChatId, Option<&UserId>),
        thread: &Thread,
        clock: &mut Option<Timestamp>,
    ) {
        for (place, event) in thread.events.iter().enumerate() {
            let here = format!("{pointer}/events/{place}");
            let author = match people.agents.get(event.by.as_str()) {
                Some(agent) => Some(agent.clone()),
                None if event.by == ROUTER => None,
                None => match people.customers.get(&event.by).filter(|user| customer == Some(*user)) {
                    Some(user) => Some(user.clone()),
                    None => {
                        let message = format!("`{}` is neither an agent nor the customer of this chat", event.by);
                        self.slip(format!("{here}/by"), message, Some("an e-mail address, a name, or `router`".into()));
                        continue;
                    }
                },
            };
            let before = clock.unwrap_or(Timestamp::UNIX_EPOCH);
            let next = before.saturating_add(SignedDuration::from_secs(1)).unwrap_or(before);
            let at = self.moment(event.at.as_deref(), *clock, next, &format!("{here}/at"));
            *clock = Some(at);
            let Some(members) = self.members(&here, event, author.is_none()) else { continue };
            if !self.is_documented(&here, &members) {
                continue;
            }
            match actions::seeded_event(Value::Object(members)) {
                Ok(new) => {
                    let world = &mut self.licences[people.licence].world;
                    world.now = at;
                    if let Err(refusal) = world.seed_event(chat, author.as_ref(), new) {
                        self.slip(here, refusal.message, None);
                    }
                }
                Err(refusal) => self.slip(format!("{here}/event"), refusal.message, None),
            }
        }
        if !thread.open {
            self.licences[people.licence].world.seed_close(chat);
        }
    }

    /// The members of an event; there are none where it is not clear which.
    fn members(&mut self, pointer: &str, event: &Event, by_router: bool) -> Option<Map<String, Value>> {
        let kind = if by_router { "system_message" } else { "message" };
        let members = match (&event.text, &event.event) {
            (Some(text), None) => json!({ "type": kind, "text": text }).as_object().cloned()?,
            (None, Some(members)) => members.clone(),
            _ => {
                self.slip(pointer, "an event has either a `text` or an `event`", None);
                return None;
            }
        };
        if (members.get("type").and_then(Value::as_str) == Some("system_message")) != by_router {
            self.slip(format!("{pointer}/by"), "system messages are by `router`, and nothing else is", None);
            return None;
        }
        Some(members)
    }

    /// Whether an event is one that agent/v3.0 can send.
    fn is_documented(&mut self, pointer: &str, members: &Map<String, Value>) -> bool {
        let Some(dialect) = self.protocol.and_then(|protocol| protocol.dialect("agent/v3.0").ok()) else { return true };
        // System messages only stand in that request (A30-Q18).
        let request = json!({ "chat": { "thread": { "events": [members] } } });
        let mismatches = dialect.schemas.check(Kind::Request, "start_chat", &request);
        for mismatch in &mismatches {
            let inner = mismatch.pointer.strip_prefix("/chat/thread/events/0").unwrap_or_default();
            let message = format!("expected {}, got {}", mismatch.expected, mismatch.got);
            self.slip(format!("{pointer}/event{inner}"), message, None);
        }
        mismatches.is_empty()
    }

    /// A moment that is written, which must not be before what came before; or the one that stands for it.
    fn moment(
        &mut self,
        text: Option<&str>,
        before: Option<Timestamp>,
        otherwise: Timestamp,
        pointer: &str,
    ) -> Timestamp {
        let Some(text) = text else { return before.map_or(otherwise, |before| before.max(otherwise)) };
        match text.parse::<Timestamp>() {
            Ok(at) if before.is_none_or(|before| at >= before) => at,
            Ok(_) => {
                self.slip(pointer, format!("`{text}` is before what came before it"), None);
                otherwise
            }
            Err(_) => {
                let help = "a moment such as `2019-10-17T07:57:41Z`".to_owned();
                self.slip(pointer, format!("`{text}` is not a moment"), Some(help));
                otherwise
            }
        }
    }
}
