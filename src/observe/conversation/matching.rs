//! Which request a response belongs to, and whose id a push carries.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::Conversation;
use crate::message::Message;
use crate::observe::{Moment, ViolationKind};

/// Correlation ids remembered after their answer, to recognise a second one and pushes that belong to them.
const REMEMBERED: usize = 32;
/// Longest name or id that is kept as it is, in bytes. Ours are far shorter; a foreign client could send any.
const LONGEST: usize = 256;

/// A request without an answer.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) number: u64,
    pub(super) correlation: Option<Box<str>>,
    pub(super) action: Box<str>,
    pub(super) intended: Moment,
    pub(super) sent: Moment,
    /// Whether the server has to answer.
    pub(super) owed: bool,
}

impl Conversation {
    /// The name of an action or push as it is kept and shown. One that a peer made up may be long, or even be a secret.
    pub(super) fn named<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let catalog = &self.dialect.catalog;
        if catalog.actions.contains_key(name) || catalog.pushes.contains_key(name) {
            return Cow::Borrowed(name);
        }
        Cow::Owned(self.transcript.redact(&kept(name)))
    }

    /// The request that a response belongs to. Of several with one id (nothing forbids a client to leave the ids out) it is the oldest
    /// with the response's action.
    pub(super) fn settle(&mut self, at: Moment, message: &Message) -> Option<Pending> {
        let id = message.correlation.as_deref().map(kept);
        let action = self.named(&message.action);
        let exact = |pending: &Pending| pending.correlation.as_deref() == id.as_deref() && *pending.action == *action;
        let mut found = take(&mut self.pending, exact).or_else(|| take(&mut self.overdue, exact));
        if found.is_none() && id.is_some() {
            let same = |pending: &Pending| pending.correlation.as_deref() == id.as_deref();
            found = take(&mut self.pending, same).or_else(|| take(&mut self.overdue, same));
        }
        if let Some(pending) = found {
            if let Some(id) = &pending.correlation {
                self.remember(id);
            }
            if *pending.action != *action {
                self.names_another_action(at, &pending, &message.action);
            }
            return Some(pending);
        }
        let got = match &id {
            Some(id) => format!("`{id}`"),
            None => "no correlation id".to_owned(),
        };
        if id.as_deref().is_some_and(|id| self.is_settled(id)) {
            let expected = "one response per request";
            let got = format!("another for {got}");
            self.violated(at, ViolationKind::DuplicateResponse, Some(&message.action), expected, &got);
            return None;
        }
        if id.as_deref().is_some_and(|_| self.has_forgotten_ids()) {
            return None;
        }
        // When only one request can be meant, the response is taken for its answer, so that one fault is told once.
        let mut candidates = self.pending.iter().filter(|pending| *pending.action == *action);
        let only = candidates.next().filter(|_| candidates.next().is_none()).map(|pending| pending.number);
        let pending = only.and_then(|number| take(&mut self.pending, |pending| pending.number == number));
        if pending.is_none() && id.is_none() {
            let without_id = take(&mut self.pending, |pending| pending.correlation.is_none());
            if let Some(pending) = without_id {
                self.names_another_action(at, &pending, &message.action);
                return Some(pending);
            }
        }
        let expected = match pending.as_ref().and_then(|pending| pending.correlation.as_deref()) {
            Some(id) => format!("the request's correlation id `{id}`"),
            None => "the correlation id of an outstanding request".to_owned(),
        };
        self.violated(at, ViolationKind::WrongCorrelation, Some(&message.action), &expected, &got);
        pending
    }

    fn names_another_action(&self, at: Moment, pending: &Pending, action: &str) {
        let expected = format!("the action of the request, `{}`", pending.action);
        self.violated(at, ViolationKind::WrongAction, Some(&pending.action), &expected, &format!("`{action}`"));
    }

    fn remember(&mut self, id: &str) {
        if self.settled.len() == REMEMBERED {
            self.settled.pop_front();
        }
        self.settled.push_back(id.into());
    }

    /// Whether a request with this id was answered.
    fn is_settled(&self, id: &str) -> bool {
        self.settled.iter().any(|settled| **settled == *id)
            || self.client.as_ref().is_some_and(|client| client.ids.has(id))
    }

    /// Whether a push may carry this id here.
    pub(super) fn may_name(&self, id: &str) -> bool {
        let id = kept(id);
        self.is_settled(&id)
            || self.pending.iter().chain(&self.overdue).any(|pending| pending.correlation.as_deref() == Some(&id))
            || self.has_forgotten_ids()
            || self.client.is_none() && self.was_ours(&id)
    }

    /// Whether a foreign client sent so much that an unknown id may be one of its own.
    fn has_forgotten_ids(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.ids.has_forgotten())
    }

    /// Our ids carry a number that only grows, so an old one that was forgotten is not taken for a foreign one.
    fn was_ours(&self, id: &str) -> bool {
        id.split_once('-').is_some_and(|(connection, number)| {
            connection.parse() == Ok(self.connection.0)
                && number.parse::<u64>().is_ok_and(|number| (1..=self.numbers).contains(&number))
        })
    }
}

pub(super) fn take(queue: &mut VecDeque<Pending>, wanted: impl Fn(&Pending) -> bool) -> Option<Pending> {
    let index = queue.iter().position(wanted)?;
    queue.remove(index)
}

/// A name or id as it is kept and compared: a very long one by its beginning and its length.
pub(super) fn kept(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let end = (0..=LONGEST / 4).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    Cow::Owned(format!("{}… ({} bytes, {:016x})", &text[..end], text.len(), super::ids::hash(text)))
}
