//! What the licence knows: people, chats, threads, events. No IO and no clock.
//!
//! The caller sets [`World::now`], calls what an action asks for, and takes the [`Effect`]s. Whatever may be wrong with a request
//! is found before anything is changed, so a refused request leaves no trace.

mod access;
mod chat;
mod chats;
mod effect;
mod event;
mod form;
mod ids;
mod membership;
mod people;
mod properties;
mod remarks;
mod retention;
mod router;
mod routing;
mod seeding;
mod supervision;
mod threads;
mod user;
mod visits;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use jiff::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use access::USUAL_GROUPS;
pub use access::{EVERYBODY, Scopes};
pub use chat::{Chat, Following, Properties, PropertyNames, Thread};
pub use chats::NewChat;
pub use effect::{AccessChange, Effect, Place, Push, Resource, Target};
pub use event::{Body, Event, NewEvent, Recipients};
pub use form::{Answer, Field, Form, FormOption};
pub use ids::{ChatId, EventId, ThreadId, UserId, uuid};
use ids::{odd_id, short_code};
use retention::RETAINED_CHATS;
pub use seeding::{CustomerSeed, ThreadSeed};
pub use threads::Attach;
pub use user::{Agent, Customer, CustomerDetails, Phone, RoutingStatus};
pub use visits::{Monitoring, Visit};

use super::defects::Flags;
use super::hardships::Habits;
use super::refusal::Refusal;

/// Thread and chat orders start here, so that whoever keeps them in 32 bits is found out (A30-Q06).
const FIRST_ORDER: i64 = 1 << 33;

/// The whole licence.
#[derive(Debug, Clone)]
pub struct World {
    /// The moment at which the present request is carried out.
    pub now: Timestamp,
    /// The rules that are broken on purpose while it is carried out.
    pub broken: Flags,
    habits: Habits,
    /// The groups of agents who are met for the first time.
    newcomers: Vec<i64>,
    /// Whether the router remarks on what is done in chats.
    remarks: bool,
    chats: HashMap<ChatId, Chat>,
    customers: HashMap<UserId, Customer>,
    agents: HashMap<UserId, Agent>,
    /// Agents who take chats: those with the fewest active chats first, then those who waited longest.
    ready: BTreeSet<(usize, i64, UserId)>,
    /// Active chats, by the order of their open thread.
    open: BTreeMap<i64, ChatId>,
    /// Active chats that wait for an agent, by the order of the thread that waits.
    waiting: BTreeMap<i64, ChatId>,
    /// Closed chats and the order of their last thread, oldest first; some may have been opened again.
    closed: VecDeque<(ChatId, i64)>,
    /// Customers who left, oldest first; some may be back.
    departed: VecDeque<UserId>,
    most_chats: usize,
    sequence: i64,
    /// How many visits there have been.
    visits: i64,
    random: ChaCha8Rng,
    effects: Vec<Effect>,
}

impl World {
    /// A licence that nobody has used yet. The seed decides the ids of chats and threads.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Timestamp::UNIX_EPOCH,
            broken: Flags::default(),
            habits: Habits::default(),
            newcomers: USUAL_GROUPS.to_vec(),
            remarks: true,
            chats: HashMap::new(),
            customers: HashMap::new(),
            agents: HashMap::new(),
            ready: BTreeSet::new(),
            open: BTreeMap::new(),
            waiting: BTreeMap::new(),
            closed: VecDeque::new(),
            departed: VecDeque::new(),
            most_chats: RETAINED_CHATS,
            visits: 0,
            sequence: FIRST_ORDER,
            random: ChaCha8Rng::seed_from_u64(seed),
            effects: Vec::new(),
        }
    }

    /// The same with habits.
    pub fn with(self, habits: Habits) -> Self {
        Self { habits, ..self }
    }

    /// What the calls since the last time have caused, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Makes it as if nothing had been done since `before`; what chance has decided stays decided.
    pub fn undo(&mut self, before: Self) {
        let random = self.random.clone();
        *self = Self { random, ..before };
    }

    /// The chat of that id.
    pub fn chat(&self, id: &ChatId) -> Option<&Chat> {
        self.chats.get(id)
    }

    /// All chats, in no order.
    pub fn chats(&self) -> impl Iterator<Item = &Chat> {
        self.chats.values()
    }

    /// The customer of that id.
    pub fn customer(&self, id: &UserId) -> Option<&Customer> {
        self.customers.get(id)
    }

    /// All customers, in no order.
    pub fn customers(&self) -> impl Iterator<Item = &Customer> {
        self.customers.values()
    }

    /// All agents, in no order.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.values()
    }

    /// The agent of that id.
    pub fn agent(&self, id: &UserId) -> Option<&Agent> {
        self.agents.get(id)
    }

    /// The customer of that id, who must exist.
    ///
    /// # Errors
    /// A validation refusal.
    pub fn known_customer(&self, id: &UserId) -> Result<&Customer, Refusal> {
        self.customers.get(id).ok_or_else(|| no_customer(id))
    }

    fn customer_mut(&mut self, id: &UserId) -> Result<&mut Customer, Refusal> {
        self.customers.get_mut(id).ok_or_else(|| no_customer(id))
    }

    fn chat_mut(&mut self, id: &ChatId) -> Result<&mut Chat, Refusal> {
        self.chats.get_mut(id).ok_or_else(|| Refusal::no_chat(id))
    }

    /// By how much an order grows.
    fn step(&mut self) -> i64 {
        if self.habits.order_gaps { self.random.random_range(1..=1000) } else { 1 }
    }

    /// An id for a new chat or thread.
    fn new_id(&mut self) -> String {
        if self.habits.odd_ids { odd_id(&mut self.random) } else { short_code(&mut self.random) }
    }

    fn next_order(&mut self) -> i64 {
        self.sequence += self.step();
        self.sequence
    }

    /// Tells people what `by` asked for; he is told too.
    fn push(&mut self, by: &UserId, mut to: Vec<UserId>, what: Push) {
        if !to.contains(by) {
            to.push(by.clone());
        }
        self.effects.push(Effect::Push { to, what, direct: true });
    }

    /// Tells people what followed without anybody asking for it.
    fn push_consequence(&mut self, to: Vec<UserId>, what: Push) {
        self.effects.push(Effect::Push { to, what, direct: false });
    }
}

fn no_customer(id: &UserId) -> Refusal {
    Refusal::validation(format!("there is no customer `{id}`"))
}
