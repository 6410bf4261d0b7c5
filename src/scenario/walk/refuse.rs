//! Requests that are wrong in one place each, and that the server must refuse.

use std::convert::Infallible;

use serde_json::Value;

use super::connection::Fault;
use super::proof::Stopped;
use super::strand::{Strand, Walked};
use super::{Proof, ProofOutcome};
use crate::message::ApiError;
use crate::protocol::{Channel, Kind, Mutation, NegativeClass, Transport, mutations};
use crate::scenario::plan::{Refuses, Step};
use crate::session::{CallOutcome, Token, Variation, WebSession};

/// A token that nobody has.
const NOBODY: &str = "nobody-has-this-token";
/// Mistakes that are told of one class; the rest is counted.
const TOLD: usize = 5;

impl Strand<'_> {
    /// Sends what must be refused, class by class, and tells what came of each class. The line goes on whatever comes.
    pub(super) async fn refuses(&mut self, step: &Step, refuses: &Refuses) -> Walked {
        let payload = match self.fill(step, &refuses.payload) {
            Ok(payload) => payload,
            Err(stopped) => {
                self.report(stopped);
                return Ok(());
            }
        };
        let dialect = self.walker.actor.dialect.clone();
        if let Some(class) = refuses.class {
            let outcome = self.walker.call(&refuses.action, &payload, &Variation::default(), self.intended).await;
            let wrong = self.must_be_refused("the request", outcome);
            self.told(step, refuses, class, wrong);
            return Ok(());
        }
        if let Some(wrong) = dialect.schemas.check(Kind::Request, &refuses.action, &payload).first() {
            let reason =
                format!("the payload is not valid to begin with: {} should be {}", wrong.pointer, wrong.expected);
            self.report(Stopped::unfit(step, reason));
            return Ok(());
        }
        let all = mutations(&dialect, &refuses.action, &payload);
        let is_upload = dialect.catalog.action(&refuses.action).is_some_and(|spec| spec.multipart.is_some());
        for class in NegativeClass::ALL {
            // The parts of a form are texts, whatever is put there.
            let in_a_form = matches!(class, NegativeClass::MissingMember | NegativeClass::OutsideLimit);
            let expressible = |_: &&Mutation| !is_upload || in_a_form;
            let mistakes: Vec<&Mutation> =
                all.iter().filter(|mutation| mutation.class == *class).filter(expressible).collect();
            if !mistakes.is_empty() {
                let wrong = self.mistakes(step, refuses, &mistakes).await;
                self.told(step, refuses, *class, wrong);
            }
        }
        self.aside(step, refuses, &payload).await;
        self.intended = self.now();
        Ok(())
    }

    /// Makes each mistake. What was asked before and after must be the same, and the connection alive.
    async fn mistakes(&mut self, step: &Step, refuses: &Refuses, mistakes: &[&Mutation]) -> Result<(), Vec<String>> {
        let before = self.ask(step, refuses).await.map_err(|reason| vec![reason])?;
        let mut wrong = Vec::new();
        for mistake in mistakes {
            let outcome = self.walker.call(&refuses.action, &mistake.payload, &Variation::default(), self.now()).await;
            wrong.extend(self.must_be_refused(&mistake.what, outcome).err().into_iter().flatten());
        }
        let after = self.ask(step, refuses).await.map_err(|reason| vec![reason])?;
        if wrong.is_empty() && before != after {
            wrong.push(format!(
                "refused, and something changed all the same: before {}, after {}",
                self.walker.excerpt(&before),
                self.walker.excerpt(&after)
            ));
        }
        if self.walker.actor.transport.channel() == Channel::Rtm && !self.walker.is_open() {
            wrong.push("the connection was closed".to_owned());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// The answer that must not change, as far as it is documented; null when nobody asks.
    async fn ask(&mut self, step: &Step, refuses: &Refuses) -> Result<Value, String> {
        let Some((action, payload)) = &refuses.unchanged else { return Ok(Value::Null) };
        let payload = self.fill(step, payload).map_err(|stopped| stopped.reason)?;
        match self.walker.call(action, &payload, &Variation::default(), self.now()).await {
            CallOutcome::Answered { success: true, payload } => {
                let mut known = self.walker.actor.dialect.schemas.known(Kind::Response, action, &payload);
                sort(&mut known);
                Ok(known)
            }
            other => Err(format!("`{action}`, which should tell whether anything changed, {}", self.shown(&other))),
        }
    }

    /// The valid request where it has no business: on a connection that has not logged in, with a token that nobody has, on
    /// a transport that does not offer it.
    async fn aside(&mut self, step: &Step, refuses: &Refuses, payload: &Value) {
        let dialect = self.walker.actor.dialect.clone();
        let Some(spec) = dialect.catalog.action(&refuses.action) else { return };
        let offers = |channel| spec.transports.contains(&channel);
        let is_login = dialect.catalog.login.before.contains(&refuses.action);
        let mut cases = Vec::new();
        if offers(Channel::Rtm) && !is_login {
            cases.push((NegativeClass::BeforeLogin, Channel::Rtm, false));
        }
        if offers(Channel::Web) {
            cases.push((NegativeClass::BadToken, Channel::Web, false));
        } else {
            cases.push((NegativeClass::WrongTransport, Channel::Web, true));
        }
        if !offers(Channel::Rtm) {
            cases.push((NegativeClass::WrongTransport, Channel::Rtm, true));
        }
        for (class, channel, known) in cases {
            let outcome = match channel {
                Channel::Web => Ok(self.over_web(refuses, payload, known).await),
                Channel::Rtm => self.over_rtm(refuses, payload, known).await,
            };
            match outcome {
                Ok(outcome) => {
                    let wrong = self.must_be_refused("the request", outcome);
                    self.told(step, refuses, class, wrong);
                }
                Err(fault) => self.report(Stopped::unfit(step, fault.reason)),
            }
        }
    }

    async fn over_web(&self, refuses: &Refuses, payload: &Value, known: bool) -> CallOutcome {
        let token = if known { self.walker.token().ok() } else { None };
        let session = WebSession::new(&self.walker.context(), &token.unwrap_or_else(|| Token::new(NOBODY)), None);
        session.call(&refuses.action, payload, self.now()).await
    }

    async fn over_rtm(&self, refuses: &Refuses, payload: &Value, known: bool) -> Result<CallOutcome, Fault> {
        let token = self.walker.token().map_err(Fault::ours)?;
        let session = self.walker.open_rtm(&token, &[]).await.map_err(|error| Fault::from(&error))?;
        let calling = async {
            if known {
                match session.login(&Value::Null, self.now()).await {
                    CallOutcome::Answered { success: true, .. } => {}
                    other => return other,
                }
            }
            session.call(&refuses.action, payload, self.now()).await
        };
        let listening = async {
            session.pump(|_| {}).await;
            std::future::pending::<Infallible>().await
        };
        let outcome = tokio::select! {
            outcome = calling => outcome,
            never = listening => match never {},
        };
        session.close().await;
        Ok(outcome)
    }

    /// A documented error is what should come.
    fn must_be_refused(&self, what: &str, outcome: CallOutcome) -> Result<(), Vec<String>> {
        let catalog = &self.walker.actor.dialect.catalog;
        if let CallOutcome::Answered { success: false, payload } = &outcome
            && let Some(error) = ApiError::from_payload(payload)
            && catalog.errors.contains_key(&error.kind)
        {
            return Ok(());
        }
        Err(vec![format!("{what}: {}", self.shown(&outcome))])
    }

    fn shown(&self, outcome: &CallOutcome) -> String {
        match outcome {
            CallOutcome::Answered { success: true, payload } => {
                format!("was answered with success: {}", self.walker.excerpt(payload))
            }
            CallOutcome::Answered { payload, .. } => {
                format!("was refused without a documented error: {}", self.walker.excerpt(payload))
            }
            CallOutcome::TimedOut => "was not answered in time".to_owned(),
            CallOutcome::Closed => "ended the connection".to_owned(),
            CallOutcome::Failed(reason) | CallOutcome::NotSent(reason) | CallOutcome::Exhausted(reason) => {
                format!("failed: {reason}")
            }
        }
    }

    fn told(&self, step: &Step, refuses: &Refuses, class: NegativeClass, wrong: Result<(), Vec<String>>) {
        let walker = self.walker;
        let outcome = match wrong {
            Ok(()) => ProofOutcome::Held,
            Err(mut wrong) => {
                let more = wrong.len().saturating_sub(TOLD);
                wrong.truncate(TOLD);
                if more > 0 {
                    wrong.push(format!("and {more} more"));
                }
                let reason = format!("should be refused with a documented error, but {}", wrong.join("; "));
                ProofOutcome::Broken { reason: walker.redact(&reason) }
            }
        };
        walker.stage.surroundings.proved(Proof {
            name: format!("negatives:{}/{}", refuses.action, class.name()),
            requirements: Vec::new(),
            dialect: walker.actor.dialect.name.clone(),
            actor: walker.label(),
            step: step.pointer.clone(),
            connection: if walker.actor.transport == Transport::Web { None } else { walker.connection_id() },
            at: self.now(),
            outcome,
        });
    }
}

/// Brings all arrays into one order: few have one by the documents, and a refused request does not turn one round.
fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            items.sort_by_cached_key(ToString::to_string);
        }
        Value::Object(members) => members.values_mut().for_each(sort),
        _ => {}
    }
}
