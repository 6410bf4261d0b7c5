//! One actor: what it knows, and the task that it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::Stage;
use super::cast::Cast;
use super::connection::Connection;
use super::draw;
use super::inbox::Inbox;
use super::proof::Stopped;
use super::strand::Strand;
use crate::observe::Moment;
use crate::scenario::plan::{Actor, DataSource, Scenario, StepAction, visit};

/// Which actor starts, and when it is due.
#[derive(Debug, Clone)]
pub struct Instance {
    /// What it does.
    pub actor: Arc<Actor>,
    /// Its number among the actors of that name, from 0.
    pub number: u64,
    /// When it should start.
    pub due: Moment,
    /// The run's seed.
    pub seed: u64,
    /// Who it belongs to.
    pub cast: Arc<Cast>,
    /// Whether its connection is established again when it breaks.
    pub persistent: bool,
}

/// How an actor came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorOutcome {
    /// It walked all of its steps.
    Finished,
    /// A step failed, or it could not connect.
    Failed,
}

/// An actor on its way.
pub(super) struct Walker {
    pub scenario: Arc<Scenario>,
    pub actor: Arc<Actor>,
    pub number: u64,
    pub seed: u64,
    pub cast: Arc<Cast>,
    pub stage: Stage,
    pub inbox: Inbox,
    pub connection: Connection,
    kept: Mutex<HashMap<String, Value>>,
    drawn: Mutex<HashMap<String, Value>>,
}

/// Walks an actor from its due moment to its end, and says how it went. Failures go to the stage's surroundings.
pub async fn walk(scenario: Arc<Scenario>, instance: Instance, stage: Stage) -> ActorOutcome {
    let Instance { actor, number, due, seed, cast, persistent } = instance;
    let (mut awaits, mut ends) = (false, false);
    visit(&actor.steps, &mut |step| match &step.action {
        StepAction::Await(_) | StepAction::Never(_) => awaits = true,
        StepAction::Closes { .. } => ends = true,
        StepAction::Reconnect(reconnect) => ends |= reconnect.refused,
        _ => {}
    });
    let walker = Walker {
        scenario,
        number,
        seed: actor_seed(seed, &actor.name, number),
        cast,
        inbox: Inbox::new(awaits),
        // Who waits for the end of its connection does not want another one by itself.
        connection: Connection::new(&actor, persistent && !ends),
        actor,
        stage,
        kept: Mutex::default(),
        drawn: Mutex::default(),
    };
    let walked = {
        let script = walker.script(due);
        let pump = walker.pump();
        tokio::pin!(script, pump);
        tokio::select! {
            walked = &mut script => walked,
            never = &mut pump => match never {},
        }
    };
    walker.disconnect().await;
    let outcome = match walked {
        Ok(()) => ActorOutcome::Finished,
        Err(stopped) => {
            walker.failed(stopped);
            ActorOutcome::Failed
        }
    };
    walker.give_back_tokens();
    outcome
}

fn actor_seed(seed: u64, name: &str, number: u64) -> u64 {
    use rand::RngExt;
    draw::generator(seed, ("actor", name, number)).random()
}

impl Walker {
    async fn script(&self, due: Moment) -> Result<(), Stopped> {
        self.connect(due, &[]).await.map_err(|fault| Stopped {
            step: format!("/actors/{}", self.actor.name),
            reason: fault.reason,
            obstacle: fault.obstacle,
            taken: false,
            told: false,
        })?;
        let mut strand = Strand::script(self, due.max(self.connection.ready_since()));
        strand.steps(&self.actor.steps).await
    }

    /// How it is called in failures.
    pub fn label(&self) -> String {
        format!("{} {}", self.actor.name, self.number)
    }

    /// Remembers a value for all of the actor's steps.
    pub fn keep(&self, name: &str, value: Value) {
        lock(&self.kept).insert(name.to_owned(), value);
    }

    /// A remembered value.
    pub fn kept(&self, name: &str) -> Option<Value> {
        lock(&self.kept).get(name).cloned()
    }

    /// The one value that a source has for this actor.
    pub fn once(&self, name: &str, source: &DataSource) -> Value {
        if let Some(value) = lock(&self.drawn).get(name) {
            return value.clone();
        }
        let value = draw::value(&source.draw, self.number, &mut draw::generator(self.seed, ("data", name)));
        lock(&self.drawn).insert(name.to_owned(), value.clone());
        value
    }

    /// Gives every event that a request creates a `custom_id` of ours, unless it has one. It is unique for the send,
    /// so that two events with it prove that one send was carried out twice. Null asks for an event without one.
    pub fn sign(&self, action: &str, payload: &mut Value) {
        let Some(pointer) = self.actor.dialect.catalog.action(action).and_then(|spec| spec.sends.as_ref()) else {
            return;
        };
        let Some(target) = payload.pointer_mut(pointer) else { return };
        let events = match target {
            Value::Array(events) => events.as_mut_slice(),
            event => std::slice::from_mut(event),
        };
        for event in events.iter_mut().filter_map(Value::as_object_mut) {
            match event.get("custom_id") {
                None => drop(event.insert("custom_id".to_owned(), json!(self.connection.nonce()))),
                Some(Value::Null) => drop(event.remove("custom_id")),
                Some(_) => {}
            }
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
