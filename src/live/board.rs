//! What is known of a run at the moment, in every form in which somebody asks for it.

use std::sync::Arc;
use std::time::Duration;

use super::metrics::{Metric, metrics};
use crate::engine::Progress;
use crate::protocol::Protocol;
use crate::record::Tally;
use crate::report::{Meta, RunReport, live_content, live_page};
use crate::verdict::{Threshold, judge};

/// Something that is watched while it goes on.
pub trait Board: Send + Sync {
    /// What is run.
    fn meta(&self) -> &Meta;

    /// All numbers, by name.
    fn metrics(&self) -> Vec<Metric>;

    /// The whole page.
    fn page(&self) -> String;

    /// What is inside of its `main`.
    fn content(&self) -> String;
}

/// A run that is watched.
#[derive(Debug)]
pub struct RunBoard {
    progress: Arc<Progress>,
    protocol: Arc<Protocol>,
    meta: Meta,
    thresholds: Vec<Threshold>,
}

impl RunBoard {
    /// Of a run that goes on like this: what it speaks, what it is, and what is good enough.
    pub fn new(progress: Arc<Progress>, protocol: Arc<Protocol>, meta: Meta, thresholds: Vec<Threshold>) -> Self {
        Self { progress, protocol, meta, thresholds }
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

impl Board for RunBoard {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn metrics(&self) -> Vec<Metric> {
        self.progress.look(|tally| metrics(tally, self.progress.counts(), &self.protocol))
    }

    fn page(&self) -> String {
        self.rendered(live_page)
    }

    fn content(&self) -> String {
        self.rendered(live_content)
    }
}
