//! Judges a tally: thresholds, the rules that always hold, and the exit code.

mod abort;
mod exit;
mod generator;
mod judge;
mod measure;
mod parse;
mod threshold;

pub use abort::{AbortCondition, AbortError};
pub use exit::ExitCode;
pub use generator::{has_stalled, is_refused, is_saturated, lack};
pub use judge::{Concern, Judgement, Reason, Sides, ThresholdOutcome, ThresholdState, Verdict, judge, judge_observed};
pub use measure::{samples, samples_wanted};
pub use parse::ThresholdError;
pub use threshold::{Amount, Comparison, Limit, Measure, Metric, Only, Statistic, Threshold};
