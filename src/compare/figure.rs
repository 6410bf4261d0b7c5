//! What is compared of each action.

use std::fmt;

use super::Run;
use crate::record::ActionTally;
use crate::verdict::Statistic;

/// One number that both runs have of an action.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// Response time, in seconds.
    Time(Statistic),
    /// Requests a second.
    Rate,
    /// Answers that say failure, as a part of all answers.
    Errors,
    /// Requests without an answer within the documented limit, as a part of all requests.
    Timeouts,
}

impl Figure {
    /// Those whose confidence is learned from the intervals of the runs.
    pub(super) const OF_INTERVALS: [Self; 5] = [
        Self::Time(Statistic::Percentile(50.0)),
        Self::Time(Statistic::Percentile(90.0)),
        Self::Time(Statistic::Percentile(99.0)),
        Self::Time(Statistic::Mean),
        Self::Rate,
    ];
    /// Those whose confidence follows from the numbers themselves.
    pub(super) const OF_COUNTS: [Self; 2] = [Self::Errors, Self::Timeouts];

    /// The number; none where there is nothing to tell it of.
    pub(super) fn of(self, action: &ActionTally, run: &Run<'_>) -> Option<f64> {
        match self {
            Self::Time(statistic) => statistic.of(&action.response).map(|time| time.as_secs_f64()),
            Self::Rate => (!run.duration.is_zero()).then(|| action.sent as f64 / run.duration.as_secs_f64()),
            Self::Errors | Self::Timeouts => {
                let (part, whole) = self.counts(action);
                (whole > 0).then(|| part as f64 / whole as f64)
            }
        }
    }

    /// How many, and of how many.
    pub(super) fn counts(self, action: &ActionTally) -> (u64, u64) {
        match self {
            Self::Errors => (action.failed(), action.answered),
            Self::Timeouts => (action.timeouts, action.sent),
            Self::Time(_) => (action.response.count(), action.answered),
            Self::Rate => (action.sent, action.sent),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(statistic) => statistic.fmt(f),
            Self::Rate => f.write_str("rate"),
            Self::Errors => f.write_str("errors"),
            Self::Timeouts => f.write_str("timeouts"),
        }
    }
}
