//! What came of a step: walked, broken off, or examined and told.

use serde_json::Value;

use super::actor::Walker;
use super::strand::{Strand, Walked};
use super::{Proof, ProofOutcome, StepFailure};
use crate::scenario::assert;
use crate::scenario::plan::{Assertion, Step, StepAction, visit};
use crate::scenario::template::{Hole, Lookup};

/// Longest text of the server's that a reason repeats, in characters.
const EXCERPT: usize = 120;

/// Whose doing it is that a step did not go as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// The server did something else than expected.
    Server,
    /// The step could not even be carried out.
    Circumstances,
    /// The same, because our own machine has no more sockets.
    Machine,
}

/// Why a line of steps did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stopped {
    /// JSON pointer of the step.
    pub step: String,
    /// What was expected and what happened.
    pub reason: String,
    /// Whose doing it is.
    pub obstacle: Obstacle,
    /// Whether the values that the step takes were taken all the same.
    pub taken: bool,
    /// Whether it has been told already, as the outcome of an examination.
    pub told: bool,
}

impl Stopped {
    /// The server did something else than expected.
    pub fn broken(step: &Step, reason: String) -> Self {
        Self { step: step.pointer.clone(), reason, obstacle: Obstacle::Server, taken: false, told: false }
    }

    /// The step could not be carried out.
    pub fn unfit(step: &Step, reason: String) -> Self {
        Self { obstacle: Obstacle::Circumstances, ..Self::broken(step, reason) }
    }
}

impl Strand<'_> {
    /// Tells what came of a step that proves something. The line goes on after it, unless the step should have given values
    /// that are not there now.
    pub(super) fn examined(&mut self, step: &Step, walked: Walked) -> Walked {
        if step.proves.is_empty() {
            return match &step.name {
                Some(name) => {
                    walked.map_err(|stopped| Stopped { reason: format!("in `{name}`: {}", stopped.reason), ..stopped })
                }
                None => walked,
            };
        }
        let (outcome, walked) = match walked {
            Ok(()) => (ProofOutcome::Held, Ok(())),
            Err(stopped) => {
                let reason = self.walker.redact(&stopped.reason);
                let outcome = match stopped.obstacle {
                    Obstacle::Server => ProofOutcome::Broken { reason },
                    Obstacle::Circumstances | Obstacle::Machine => ProofOutcome::Unfit { reason },
                };
                let goes_on = (stopped.taken && stopped.step == step.pointer) || !self.lacks_values_of(step);
                (outcome, if goes_on { Ok(()) } else { Err(Stopped { told: true, ..stopped }) })
            }
        };
        let walker = self.walker;
        walker.stage.surroundings.proved(Proof {
            name: step.name.clone().unwrap_or_default(),
            requirements: step.proves.clone(),
            dialect: walker.actor.dialect.name.clone(),
            actor: walker.label(),
            step: step.pointer.clone(),
            connection: walker.connection_id(),
            at: self.now(),
            outcome,
        });
        walked
    }

    /// Whether a step that was not walked to its end should have given values that later steps may need.
    fn lacks_values_of(&mut self, step: &Step) -> bool {
        let mut names = Vec::new();
        visit(std::slice::from_ref(step), &mut |step| match &step.action {
            StepAction::Call(call) => gives(&call.capture, &call.share, &mut names),
            StepAction::Await(wait) => gives(&wait.capture, &wait.share, &mut names),
            StepAction::Set(values) => names.extend(values.iter().map(|(name, _)| name.clone())),
            _ => {}
        });
        match &step.action {
            // An older value of the same name would mislead.
            StepAction::Call(_) | StepAction::Await(_) | StepAction::Set(_) => !names.is_empty(),
            _ => names.into_iter().any(|name| self.value(&Hole { name, pointer: None }).is_none()),
        }
    }

    /// Looks whether all assertions hold.
    pub(super) fn hold(&mut self, step: &Step, assertions: &[Assertion], payload: &Value) -> Walked {
        let walker = self.walker;
        let (mut wrong, mut unfit) = (Vec::new(), Vec::new());
        for assertion in assertions {
            match assertion.fill(self) {
                Ok(filled) => wrong.extend(assert::examine(&filled, payload, &|value| walker.excerpt(value)).err()),
                Err(reason) => unfit.push(reason),
            }
        }
        let obstacle = if wrong.is_empty() { Obstacle::Circumstances } else { Obstacle::Server };
        wrong.append(&mut unfit);
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(Stopped { obstacle, ..Stopped::broken(step, wrong.join("; ")) }),
        }
    }

    /// Tells a failure of this line of steps to whoever counts them.
    pub(super) fn report(&self, stopped: Stopped) {
        self.walker.failed(stopped);
    }
}

fn gives(
    capture: &[crate::scenario::plan::Capture],
    share: &[crate::scenario::plan::Capture],
    names: &mut Vec<String>,
) {
    names.extend(capture.iter().map(|capture| capture.name.clone()));
    names.extend(share.iter().map(|share| format!("cast.{}", share.name)));
}

impl Walker {
    /// Tells a failure to whoever counts them, unless it has been told. What else fails in a cast one of whom found no socket may
    /// fail because of that, so nothing is claimed of the server.
    pub fn failed(&self, stopped: Stopped) {
        if stopped.told {
            return;
        }
        if stopped.obstacle == Obstacle::Machine {
            self.cast.falls_short();
        }
        let failure = StepFailure {
            actor: self.label(),
            step: stopped.step,
            at: self.stage.clock.now(),
            reason: self.redact(&stopped.reason),
        };
        if self.cast.is_short() {
            self.stage.surroundings.exhausted(failure);
        } else {
            self.stage.surroundings.step_failed(failure);
        }
    }

    /// A value of the server's as a reason shows it: short and without the token.
    pub fn excerpt(&self, value: &Value) -> String {
        let text = self.redact(&value.to_string());
        match text.char_indices().nth(EXCERPT) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}
