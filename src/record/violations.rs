//! Violations by kind, each with its first samples.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::merge::Merge;
use super::side_by_side::SideBySide;
use super::timeline::Timeline;
use crate::observe::{Grade, Side, TranscriptFrame, Violation, ViolationKind};

/// Samples kept of each kind: enough to see whether they are all alike, few enough to read.
const SAMPLES: usize = 5;

/// Violations by kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Violations(BTreeMap<ViolationKind, ViolationTally>);

/// All violations of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ViolationTally {
    /// How many.
    pub count: u64,
    /// The earliest of them, at most five.
    pub samples: Vec<Sample>,
    /// How many over time.
    #[serde(default)]
    pub over_time: Timeline<u64>,
}

/// One violation with what passed on its connection just before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// What was wrong.
    pub violation: Violation,
    /// The connection's last frames, oldest first; empty when it was found out without a frame of that connection.
    pub transcript: Vec<TranscriptFrame>,
    /// What this connection and another one were told of the thread, where it is about the order of events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observers: Option<SideBySide>,
}

impl Violations {
    /// Counts one. The frames are only asked for when the sample is kept.
    pub fn add(&mut self, violation: Violation, transcript: impl FnOnce() -> Vec<TranscriptFrame>) {
        self.add_between(violation, || (transcript(), None));
    }

    /// Counts one that shows between two connections. The evidence is only asked for when the sample is kept.
    pub fn add_between(
        &mut self,
        violation: Violation,
        evidence: impl FnOnce() -> (Vec<TranscriptFrame>, Option<SideBySide>),
    ) {
        let tally = self.0.entry(violation.kind).or_default();
        tally.count += 1;
        *tally.over_time.at(violation.at) += 1;
        let place = tally.samples.partition_point(|kept| earlier(&kept.violation, &violation).is_le());
        if place < SAMPLES {
            let (transcript, observers) = evidence();
            tally.samples.insert(place, Sample { violation, transcript, observers });
            tally.samples.truncate(SAMPLES);
        }
    }

    /// What was seen of one kind.
    pub fn get(&self, kind: ViolationKind) -> Option<&ViolationTally> {
        self.0.get(&kind)
    }

    /// All kinds that were seen.
    pub fn iter(&self) -> impl Iterator<Item = (ViolationKind, &ViolationTally)> {
        self.0.iter().map(|(kind, tally)| (*kind, tally))
    }

    /// How many of one kind.
    pub fn count(&self, kind: ViolationKind) -> u64 {
        self.get(kind).map_or(0, |tally| tally.count)
    }

    /// How many of one side and grade.
    pub fn graded(&self, side: Side, grade: Grade) -> u64 {
        let meant = self.iter().filter(|(kind, _)| kind.side() == side && kind.grade() == grade);
        meant.map(|(_, tally)| tally.count).sum()
    }

    /// Whether none was seen.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// By time and connection; the rest only so that merging in any order keeps the same samples.
fn earlier(a: &Violation, b: &Violation) -> Ordering {
    let key = |v: &Violation| (v.at, v.connection);
    let rest =
        |v: &Violation| (v.action.clone(), v.pointer.clone(), v.keyword.clone(), v.expected.clone(), v.got.clone());
    key(a).cmp(&key(b)).then_with(|| rest(a).cmp(&rest(b)))
}

impl Merge for Violations {
    fn absorb(&mut self, other: Self) {
        self.0.absorb(other.0);
    }
}

impl Merge for ViolationTally {
    fn absorb(&mut self, other: Self) {
        self.count.absorb(other.count);
        self.over_time.absorb(other.over_time);
        self.samples.extend(other.samples);
        self.samples.sort_by(|a, b| earlier(&a.violation, &b.violation));
        self.samples.truncate(SAMPLES);
    }
}
