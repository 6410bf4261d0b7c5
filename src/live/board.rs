//! What is known of a run at the moment, in every form in which somebody asks for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::metrics::{Metric, metrics};
use crate::engine::Progress;
use crate::protocol::Protocol;
use crate::record::Tally;
use crate::report::{Meta, RunReport, live_content, live_page};
use crate::verdict::{Threshold, judge};

/// How old a rendered report may be before it is rendered anew.
const FRESH: Duration = Duration::from_millis(900);

/// A run that is watched.
#[derive(Debug)]
pub struct Board {
    progress: Arc<Progress>,
    protocol: Arc<Protocol>,
    meta: Meta,
    thresholds: Vec<Threshold>,
    /// The report as somebody last saw it, and when.
    latest: Mutex<Option<(Instant, Arc<str>)>>,
}

impl Board {
    /// Of a run that goes on like this: what it speaks, what it is, and what is good enough.
    pub fn new(progress: Arc<Progress>, protocol: Arc<Protocol>, meta: Meta, thresholds: Vec<Threshold>) -> Self {
        Self { progress, protocol, meta, thresholds, latest: Mutex::default() }
    }

    /// What is run.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// All numbers, by name.
    pub fn metrics(&self) -> Vec<Metric> {
        self.progress.look(|tally| metrics(tally, self.progress.counts(), &self.protocol))
    }

    /// The whole page.
    pub(super) fn page(&self) -> String {
        self.rendered(live_page)
    }

    /// What is inside of its `main`; rendered anew only if nobody has asked a moment ago.
    pub(super) fn content(&self) -> Arc<str> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, content)) = latest.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return content.clone();
        }
        let content: Arc<str> = self.last_content().into();
        *latest = Some((Instant::now(), content.clone()));
        content
    }

    /// The same, as it is now.
    pub(super) fn last_content(&self) -> String {
        self.rendered(live_content)
    }

    fn rendered(&self, render: impl FnOnce(&RunReport<'_>) -> String) -> String {
        let tally = self.progress.tally();
        let meta = Meta { duration: self.so_far(&tally), ..self.meta.clone() };
        let verdict = judge(&tally, &self.thresholds, meta.duration);
        render(&RunReport { meta: &meta, tally: &tally, verdict: &verdict, checklist: None })
    }

    /// Since arrivals began, as in the report of a run that is over.
    fn so_far(&self, tally: &Tally) -> Duration {
        let Some((_, window)) = self.progress.began() else { return Duration::ZERO };
        tally.last.map_or(Duration::ZERO, |last| last.since(window.begin))
    }
}
