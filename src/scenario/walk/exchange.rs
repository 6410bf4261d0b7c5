//! Steps that talk with the server: calls, and the pushes that should or should not come.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::connection::Fault;
use super::inbox::Arrived;
use super::proof::Stopped;
use super::strand::{Strand, Walked};
use crate::message::ApiError;
use crate::scenario::plan::{Assertion, Await, Call, Capture, Expect, Match, Never, Step, WebOptions};
use crate::scenario::template::Template;
use crate::session::{Authorization, CallOutcome, Variation};

/// What a step takes out of a payload, and what it asserts of it.
struct Look<'p> {
    assertions: &'p [Assertion],
    capture: &'p [Capture],
    share: &'p [Capture],
    /// Name of the action or push.
    from: &'p str,
}

/// The pushes that a step looks for; without names, those of any name.
struct Wanted<'p> {
    names: &'p [String],
    matches: Vec<(String, Value)>,
    unless: Vec<(String, Value)>,
}

impl Strand<'_> {
    pub(super) async fn call(&mut self, step: &Step, call: &Call) -> Walked {
        let mut payload = self.fill(step, &call.payload)?;
        if !call.deliberately_invalid {
            self.walker.sign(&call.action, &mut payload);
        }
        let variation = match &call.web {
            Some(web) => self.variation(step, web)?,
            None => Variation::default(),
        };
        self.mark = self.walker.inbox.mark();
        self.taken.clear();
        let outcome = self.walker.call(&call.action, &payload, &variation, self.intended).await;
        self.intended = self.now();
        let action = call.action.as_str();
        let broken = |reason: String| Err(Stopped::broken(step, reason));
        match outcome {
            CallOutcome::Answered { success, payload } => {
                let wrong = self.unexpected(call, success, &payload);
                let look =
                    Look { assertions: &call.assertions, capture: &call.capture, share: &call.share, from: action };
                self.look(step, &payload, wrong, &look)
            }
            CallOutcome::TimedOut => {
                broken(format!("`{action}` was not answered within {:?}", self.walker.actor.dialect.catalog.timeout))
            }
            CallOutcome::Closed => broken(format!("`{action}` was not answered: the connection was closed")),
            CallOutcome::Failed(reason) => broken(format!("`{action}` failed: {reason}")),
            CallOutcome::NotSent(reason) => {
                Err(Stopped::unfit(step, format!("`{action}` could not be sent: {reason}")))
            }
            CallOutcome::Exhausted(reason) => {
                Err(Fault::exhausted(format!("`{action}` could not be sent: {reason}")).at(step))
            }
        }
    }

    fn variation(&mut self, step: &Step, web: &WebOptions) -> Result<Variation, Stopped> {
        Ok(Variation {
            authorization: match &web.authorization {
                None => Authorization::Token,
                Some(None) => Authorization::None,
                Some(Some(text)) => Authorization::Text(text_of(self.fill(step, text)?).unwrap_or_default()),
            },
            query: self.changes(step, &web.query)?,
            content_type: web.content_type.clone(),
            upload: web.upload.clone(),
        })
    }

    /// Changes of a URL's query, with the holes filled.
    pub(super) fn changes(
        &mut self,
        step: &Step,
        query: &[(String, Template)],
    ) -> Result<Vec<(String, Option<String>)>, Stopped> {
        query.iter().map(|(member, value)| Ok((member.clone(), text_of(self.fill(step, value)?)))).collect()
    }

    /// What is wrong about the kind of an answer, with what came.
    fn unexpected(&self, call: &Call, success: bool, payload: &Value) -> Option<String> {
        let error = if success { None } else { ApiError::from_payload(payload) };
        let documented = &self.walker.actor.dialect.catalog.errors;
        let is_expected = match (&call.expect, &error) {
            (Expect::Anything, _) => true,
            (Expect::Success, _) => success,
            (Expect::Error(kinds), Some(error)) => kinds.contains(&error.kind),
            (Expect::Refused, Some(error)) => documented.contains_key(&error.kind),
            (Expect::Error(_) | Expect::Refused, None) => false,
        };
        if is_expected {
            return None;
        }
        let got = match &error {
            Some(error) => format!("the error `{}` ({})", error.kind, error.message),
            None if success => format!("success with {}", self.walker.excerpt(payload)),
            None => format!("a failure without a readable error: {}", self.walker.excerpt(payload)),
        };
        Some(format!("`{}` should be answered with {}, got {got}", call.action, call.expect))
    }

    /// Looks at a payload and takes what the step captures, even when something is wrong with it.
    fn look(&mut self, step: &Step, payload: &Value, wrong: Option<String>, look: &Look<'_>) -> Walked {
        let held = match wrong {
            Some(reason) => Err(Stopped::broken(step, reason)),
            None => self
                .hold(step, look.assertions, payload)
                .map_err(|stopped| Stopped { reason: format!("in `{}`: {}", look.from, stopped.reason), ..stopped }),
        };
        let taken = self.take(step, payload, look.capture, look.share, look.from);
        match held {
            Ok(()) => taken,
            Err(stopped) => Err(Stopped { taken: taken.is_ok(), ..stopped }),
        }
    }

    pub(super) async fn wait(&mut self, step: &Step, wait: &Await) -> Walked {
        let wanted = self.wanted(step, &wait.pushes, &wait.matches, &wait.unless)?;
        let was_open = self.walker.is_open();
        match self.find(&wanted, wait.within).await {
            Some(arrived) => {
                self.taken.push(arrived.number);
                self.intended = arrived.at.max(self.intended);
                let from = &*arrived.message.action;
                let look = Look { assertions: &wait.assertions, capture: &wait.capture, share: &wait.share, from };
                self.look(step, &arrived.message.payload, None, &look)
            }
            None => {
                self.intended = self.now();
                let reason = format!("no {} came within {:?}", wanted.shown(), wait.within);
                if !was_open {
                    return Err(Stopped::unfit(step, format!("{reason}: there is no connection")));
                }
                let came = self.walker.inbox.names_since(self.mark);
                let came = if came.is_empty() { "nothing".to_owned() } else { listed(&came, ", ") };
                Err(Stopped::broken(step, format!("{reason}; since the call before came {came}")))
            }
        }
    }

    pub(super) async fn never(&mut self, step: &Step, never: &Never) -> Walked {
        let wanted = self.wanted(step, &never.pushes, &never.matches, &never.unless)?;
        let found = self.find(&wanted, never.within).await;
        self.intended = self.now();
        match found {
            Some(arrived) => {
                let payload = self.walker.excerpt(&arrived.message.payload);
                let reason = format!("`{}` came, which should not: {payload}", arrived.message.action);
                Err(Stopped::broken(step, reason))
            }
            None if self.walker.is_open() => Ok(()),
            None => {
                let reason = format!("nobody can tell whether {} came: there is no connection", wanted.shown());
                Err(Stopped::unfit(step, reason))
            }
        }
    }

    /// The pushes that a step looks for, with the holes of its match filled.
    fn wanted<'p>(
        &mut self,
        step: &Step,
        names: &'p [String],
        matches: &Match,
        unless: &Match,
    ) -> Result<Wanted<'p>, Stopped> {
        Ok(Wanted { names, matches: self.filled(step, matches)?, unless: self.filled(step, unless)? })
    }

    /// Waits for a push that nobody has taken since the last call.
    async fn find(&self, wanted: &Wanted<'_>, within: Duration) -> Option<Arc<Arrived>> {
        let found = self
            .walker
            .inbox
            .find(self.mark, |arrived| !self.taken.contains(&arrived.number) && wanted.is_met_by(arrived));
        self.limited(within, found).await
    }

    /// The match of a step with its holes filled.
    pub(super) fn filled(&mut self, step: &Step, matches: &Match) -> Result<Vec<(String, Value)>, Stopped> {
        matches.0.iter().map(|(pointer, value)| Ok((pointer.clone(), self.fill(step, value)?))).collect()
    }

    /// Takes captures out of a payload.
    pub(super) fn take(
        &mut self,
        step: &Step,
        payload: &Value,
        capture: &[Capture],
        share: &[Capture],
        from: &str,
    ) -> Walked {
        for (wanted, shared) in capture.iter().map(|c| (c, false)).chain(share.iter().map(|c| (c, true))) {
            let Some(value) = payload.pointer(&wanted.pointer) else {
                let reason = format!("`{from}` has nothing at `{}` for `{}`", wanted.pointer, wanted.name);
                return Err(Stopped::broken(step, reason));
            };
            if shared {
                self.walker.cast.share(&wanted.name, value.clone());
            } else {
                self.keep(&wanted.name, value.clone());
            }
        }
        Ok(())
    }
}

impl Wanted<'_> {
    fn is_met_by(&self, arrived: &Arrived) -> bool {
        let payload = &arrived.message.payload;
        let at = |(pointer, value): &(String, Value)| payload.pointer(pointer) == Some(value);
        (self.names.is_empty() || self.names.iter().any(|name| **name == *arrived.message.action))
            && self.matches.iter().all(at)
            && (self.unless.is_empty() || !self.unless.iter().all(at))
    }

    fn shown(&self) -> String {
        let names = if self.names.is_empty() { "any push".to_owned() } else { listed(self.names, " or ") };
        if self.matches.is_empty() {
            return names;
        }
        let matches = self.matches.iter().map(|(pointer, value)| format!("{pointer} = {value}"));
        format!("{names} with {}", matches.collect::<Vec<_>>().join(", "))
    }
}

/// A value as a URL or a header has it; null is none.
fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn listed(names: &[String], between: &str) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(between)
}

impl std::fmt::Display for Expect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Success => f.write_str("success"),
            Self::Error(kinds) => write!(f, "the error {}", listed(kinds, " or ")),
            Self::Refused => f.write_str("a documented error"),
            Self::Anything => f.write_str("anything"),
        }
    }
}
