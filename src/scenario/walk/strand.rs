//! One line of steps of an actor: its script, a branch of `parallel`, or one reaction.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::actor::Walker;
use super::draw;
use super::inbox::Arrived;
use super::proof::Stopped;
use crate::observe::Moment;
use crate::scenario::plan::{Condition, Each, Step, StepAction};
use crate::scenario::template::{Hole, Lookup, Template};

pub(super) type Walked = Result<(), Stopped>;
type Walking<'a> = Pin<Box<dyn Future<Output = Walked> + Send + 'a>>;

/// A line of steps. Lines of one actor share its captures, connection and inbox.
pub(super) struct Strand<'a> {
    pub walker: &'a Walker,
    /// When the next step should start: the moment the one before ended.
    pub intended: Moment,
    rng: ChaCha8Rng,
    /// Values that only this line knows: the captures of a reaction.
    own: Option<HashMap<String, Value>>,
    /// The push that a reaction reacts to.
    push: Option<Arc<Arrived>>,
    /// Awaiting steps look at pushes from here on.
    pub mark: u64,
    /// Pushes that have served an awaiting step.
    pub taken: Vec<u64>,
}

impl<'a> Strand<'a> {
    /// The actor's script, due at a moment.
    pub fn script(walker: &'a Walker, due: Moment) -> Self {
        Self::new(walker, due, "script", None)
    }

    /// A reaction to a push.
    pub fn reaction(walker: &'a Walker, push: Arc<Arrived>) -> Self {
        let mut strand = Self::new(walker, push.at, ("reaction", push.number), Some(push));
        strand.own = Some(HashMap::new());
        strand
    }

    fn new(walker: &'a Walker, due: Moment, purpose: impl std::hash::Hash, push: Option<Arc<Arrived>>) -> Self {
        Self {
            walker,
            intended: due,
            rng: draw::generator(walker.seed, purpose),
            own: None,
            push,
            mark: walker.inbox.mark(),
            taken: Vec::new(),
        }
    }

    /// The push that this line reacts to.
    pub fn push(&self) -> Option<Arc<Arrived>> {
        self.push.clone()
    }

    fn branch(&mut self) -> Self {
        let purpose: u64 = self.rng.random();
        Self {
            own: self.own.clone(),
            mark: self.mark,
            taken: self.taken.clone(),
            ..Self::new(self.walker, self.intended, purpose, self.push.clone())
        }
    }

    /// Walks the steps in order.
    pub fn steps<'s>(&'s mut self, steps: &'s [Step]) -> Walking<'s>
    where
        'a: 's,
    {
        Box::pin(async move {
            for step in steps {
                let walked = self.step(step).await;
                self.examined(step, walked)?;
            }
            Ok(())
        })
    }

    /// What is rare and large is in a box: a walking actor has room for the largest of these at each level of its steps.
    async fn step(&mut self, step: &Step) -> Walked {
        match &step.action {
            StepAction::Call(call) => self.call(step, call).await,
            StepAction::Await(wait) => self.wait(step, wait).await,
            StepAction::Refuses(refuses) => Box::pin(self.refuses(step, refuses)).await,
            StepAction::Never(never) => Box::pin(self.never(step, never)).await,
            StepAction::Check(assertions) => self.hold(step, assertions, &Value::Null),
            StepAction::Think(pause) => {
                let pause = draw::pause(pause, &mut self.rng);
                self.rest(pause).await;
                Ok(())
            }
            StepAction::At(offset) => {
                let moment = self.walker.stage.begin + *offset;
                self.walker.stage.surroundings.until(moment).await;
                self.intended = self.intended.max(moment);
                Ok(())
            }
            StepAction::Stay(at_most) => {
                self.stay(*at_most).await;
                Ok(())
            }
            StepAction::Repeat { times, steps } => {
                let mut done = 0;
                while times.is_none_or(|times| done < times) {
                    if times.is_none() && self.walker.stage.wind_down.is_cancelled() {
                        break;
                    }
                    self.steps(steps).await?;
                    done += 1;
                    // A loop of steps that never wait must not starve the other actors.
                    tokio::task::coop::consume_budget().await;
                }
                Ok(())
            }
            StepAction::Choose(branches) => {
                let picked = draw::choose(branches.iter().map(|(weight, _)| *weight), &mut self.rng);
                match picked.and_then(|index| branches.get(index)) {
                    Some((_, steps)) => self.steps(steps).await,
                    None => Ok(()),
                }
            }
            StepAction::If { condition, then, otherwise } => {
                let branch = if self.holds(step, condition)? { then } else { otherwise };
                self.steps(branch).await
            }
            StepAction::Group { name, steps } => self
                .steps(steps)
                .await
                .map_err(|stopped| Stopped { reason: format!("in `{name}`: {}", stopped.reason), ..stopped }),
            StepAction::Parallel(lists) => {
                let mut strands: Vec<_> = lists.iter().map(|_| self.branch()).collect();
                let walks = strands.iter_mut().zip(lists).map(|(strand, steps)| strand.steps(steps));
                let walked = Box::pin(futures_util::future::join_all(walks)).await;
                self.intended = strands.iter().map(|strand| strand.intended).max().unwrap_or(self.intended);
                // One that nobody has been told of yet comes first.
                let stopped = walked.into_iter().filter_map(Result::err).min_by_key(|stopped| stopped.told);
                stopped.map_or(Ok(()), Err)
            }
            StepAction::React { reactions, during } => Box::pin(self.react(reactions, during)).await,
            StepAction::Meet(name) => {
                self.walker.cast.meet(name).await;
                self.intended = self.now();
                Ok(())
            }
            StepAction::WaitFor { name, within } => {
                let shared = self.walker.cast.wait_for(name);
                let came = self.limited(*within, shared).await.is_some();
                self.intended = self.now();
                if came {
                    Ok(())
                } else {
                    Err(Stopped::unfit(step, format!("nobody shared `{name}` within {within:?}")))
                }
            }
            StepAction::Disconnect => {
                Box::pin(self.walker.disconnect()).await;
                self.intended = self.now();
                Ok(())
            }
            StepAction::Reconnect(reconnect) => {
                let query = self.changes(step, &reconnect.query)?;
                Box::pin(self.walker.disconnect()).await;
                let connected = match reconnect.refused {
                    true => Box::pin(self.walker.be_refused(&query)).await,
                    false => Box::pin(self.walker.connect(self.intended, &query)).await,
                };
                self.intended = self.now();
                connected.map_err(|fault| fault.at(step))
            }
            StepAction::Closes { within, not_before } => {
                let closed = Box::pin(self.walker.be_closed(self.intended, *within, *not_before)).await;
                self.intended = self.now();
                closed.map_err(|fault| fault.at(step))
            }
            StepAction::Set(values) => {
                for (name, template) in values {
                    let value = self.fill(step, template)?;
                    self.keep(name, value);
                }
                Ok(())
            }
        }
    }

    fn holds(&mut self, step: &Step, condition: &Condition) -> Result<bool, Stopped> {
        Ok(match condition {
            Condition::Known(hole) => !matches!(self.value(hole), None | Some(Value::Null | Value::Bool(false))),
            Condition::Equal(left, right) => self.fill(step, left)? == self.fill(step, right)?,
            Condition::Chance(probability) => self.rng.random::<f64>() < *probability,
        })
    }

    /// Rests for a while, counted from the moment the step before ended.
    async fn rest(&mut self, pause: Duration) {
        let until = self.intended + pause;
        self.walker.stage.surroundings.until(until).await;
        self.intended = until;
    }

    async fn stay(&mut self, at_most: Option<Duration>) {
        let stage = &self.walker.stage;
        match at_most {
            None => stage.wind_down.cancelled().await,
            Some(at_most) => {
                let until = self.intended + at_most;
                tokio::select! {
                    () = stage.wind_down.cancelled() => {}
                    () = stage.surroundings.until(until) => {}
                }
            }
        }
        self.intended = self.now();
    }

    pub async fn limited<T>(&self, within: Duration, future: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(within, future).await.ok()
    }

    /// A value with its holes filled.
    pub fn fill(&mut self, step: &Step, template: &Template) -> Result<Value, Stopped> {
        template.fill(self).map_err(|hole| Stopped::unfit(step, format!("{hole} has no value")))
    }

    pub fn keep(&mut self, name: &str, value: Value) {
        match &mut self.own {
            Some(own) => {
                own.insert(name.to_owned(), value);
            }
            None => self.walker.keep(name, value),
        }
    }

    pub fn now(&self) -> Moment {
        self.walker.stage.clock.now()
    }
}

impl Lookup for Strand<'_> {
    fn value(&mut self, hole: &Hole) -> Option<Value> {
        let inside = |value: &Value| match &hole.pointer {
            Some(pointer) => value.pointer(pointer).cloned(),
            None => Some(value.clone()),
        };
        let name = hole.name.as_str();
        if name == "push" {
            return inside(&self.push.as_ref()?.message.payload);
        }
        if let Some(own) = self.own.as_ref().and_then(|own| own.get(name)) {
            return inside(own);
        }
        if let Some(kept) = self.walker.kept(name) {
            return inside(&kept);
        }
        if let Some(shared) = name.strip_prefix("cast.") {
            return inside(&self.walker.cast.shared(shared)?);
        }
        if let Some(source) = self.walker.scenario.data.get(name) {
            let value = match source.each {
                Each::Use => draw::value(&source.draw, self.walker.number, &mut self.rng),
                Each::Actor => self.walker.once(name, source),
            };
            return inside(&value);
        }
        match name {
            "actor.id" => Some(json!(self.walker.label().replace(' ', "-"))),
            "actor.number" => Some(json!(self.walker.number)),
            "actor.token" => Some(json!(self.walker.token().ok()?.reveal())),
            "actor.user" => self.walker.user().map(Value::String),
            "unique" => {
                static COUNT: AtomicU64 = AtomicU64::new(0);
                Some(json!(format!("{:x}-{}", self.walker.seed, COUNT.fetch_add(1, Ordering::Relaxed))))
            }
            "now" => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
                Some(json!(since.as_secs()))
            }
            _ => None,
        }
    }
}
