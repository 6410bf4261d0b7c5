//! When a run is hopeless: conditions on which it ends before its time.
//!
//! A run is only given up for what more of it cannot mend: a count that has grown too far, or a percentile, mean or percentage that rests on
//! enough samples. What is broken from the beginning until it holds, such as `send_event.count >= 1000`, gives no such condition.

use std::str::FromStr;
use std::time::Duration;

use super::ThresholdError;
use super::judge::{holds, readable};
use super::measure::{answered, distribution, measured, samples, samples_wanted};
use super::threshold::{Comparison, Limit, Metric, Statistic, Threshold};
use crate::record::Tally;

/// Answers that a percentage of them must rest on.
const ANSWERS: u64 = 100;

/// A condition on which a run ends early.
#[derive(Debug, Clone, PartialEq)]
pub struct AbortCondition {
    /// What has to hold for the run to go on.
    good: Threshold,
    /// The condition as it was asked for.
    asked: Asked,
}

#[derive(Debug, Clone, PartialEq)]
enum Asked {
    /// This should hold.
    Unless(Threshold),
    /// This should not come true.
    When(Threshold),
}

/// Why a run cannot be given up for something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AbortError {
    /// The text is not even a threshold.
    #[error(transparent)]
    NotAThreshold(#[from] ThresholdError),
    /// It is a rate.
    #[error("`{0}` is an average over the whole run, which is known at its end, so no run can end early for it")]
    Rate(String),
    /// It may be broken now and hold later.
    #[error("`{0}` may not hold until late in a run, so no run can end early for it")]
    MayHoldLater(String),
    /// It is so when nothing has happened yet.
    #[error("`{0}` is true before anything has happened; say what must not happen, such as `violations > 100`")]
    TrueAtFirst(String),
}

impl AbortCondition {
    /// A run ends when this threshold is broken.
    ///
    /// # Errors
    /// When more of the run could still mend it.
    pub fn unless(threshold: &Threshold) -> Result<Self, AbortError> {
        let text = || threshold.to_string();
        match check(threshold) {
            Ok(()) => Ok(Self { good: threshold.clone(), asked: Asked::Unless(threshold.clone()) }),
            Err(Unfit::Rate) => Err(AbortError::Rate(text())),
            Err(Unfit::Grows) => Err(AbortError::MayHoldLater(text())),
        }
    }

    /// A run ends when this comes true.
    ///
    /// # Errors
    /// When it is true from the beginning.
    pub fn when(threshold: &Threshold) -> Result<Self, AbortError> {
        let good = Threshold { comparison: opposite(threshold.comparison), ..threshold.clone() };
        match check(&good) {
            Ok(()) => Ok(Self { good, asked: Asked::When(threshold.clone()) }),
            Err(Unfit::Rate) => Err(AbortError::Rate(threshold.to_string())),
            Err(Unfit::Grows) => Err(AbortError::TrueAtFirst(threshold.to_string())),
        }
    }

    /// The action that it is about.
    pub fn action(&self) -> Option<&str> {
        self.good.action()
    }

    /// Whether what has been measured so far meets it, in words. What nothing has been measured of meets nothing.
    pub fn met(&self, tally: &Tally) -> Option<String> {
        // Rates are the only metric that needs to know how long the run took.
        let found = measured(&self.good.metric, tally, Duration::ZERO)?;
        if holds(self.good.comparison, found, self.good.limit) != Some(false) || !is_certain(&self.good, found, tally) {
            return None;
        }
        let found = readable(found);
        Some(match &self.asked {
            Asked::Unless(threshold) => format!("`{threshold}` does not hold: it was {found}"),
            Asked::When(threshold) => format!("`{threshold}` came true: it was {found}"),
        })
    }
}

impl FromStr for AbortCondition {
    type Err = AbortError;

    /// Reads what must not come true.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::when(&text.parse::<Threshold>()?)
    }
}

/// Why a broken threshold means nothing in the course of a run.
enum Unfit {
    Rate,
    Grows,
}

fn check(threshold: &Threshold) -> Result<(), Unfit> {
    match (threshold.limit, threshold.comparison) {
        (Limit::PerSecond(_), _) => Err(Unfit::Rate),
        (Limit::Count(_), Comparison::Above | Comparison::AtLeast | Comparison::NotEqual) => Err(Unfit::Grows),
        _ => Ok(()),
    }
}

/// Whether a threshold that is broken stays so, or is so for more than a few unlucky samples.
fn is_certain(threshold: &Threshold, found: Limit, tally: &Tally) -> bool {
    match (found, threshold.limit) {
        // Counts only grow.
        (Limit::Count(found), Limit::Count(limit)) => found > limit || threshold.comparison == Comparison::Below,
        (Limit::Percent(_), _) => answered(&threshold.metric, tally) >= ANSWERS,
        _ => grows(&threshold.metric) || samples(threshold, tally) >= samples_wanted(threshold).unwrap_or(0),
    }
}

/// Whether it is a maximum, which only grows: one sample is enough.
fn grows(metric: &Metric) -> bool {
    distribution(metric) == Some(Statistic::Max)
}

fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Below => Comparison::AtLeast,
        Comparison::AtMost => Comparison::Above,
        Comparison::Above => Comparison::AtMost,
        Comparison::AtLeast => Comparison::Below,
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Transport;

    fn when(text: &str) -> AbortCondition {
        text.parse().unwrap()
    }

    fn unless(text: &str) -> AbortCondition {
        AbortCondition::unless(&text.parse().unwrap()).unwrap()
    }

    /// So many timeouts, errors of so many answers, and response times of so many milliseconds.
    fn tally(timeouts: u64, (errors, answered): (u64, u64), times: &[u64]) -> Tally {
        let mut tally = Tally::default();
        let transport = tally.dialects.entry("agent/v3.0".into()).or_default().transports.entry(Transport::Web);
        let action = transport.or_default().actions.entry("send_event".to_owned()).or_default();
        action.timeouts = timeouts;
        action.answered = answered;
        action.errors.insert("internal".to_owned(), errors);
        times.iter().for_each(|ms| action.response.record(Duration::from_millis(*ms)));
        tally
    }

    #[test]
    fn a_count_that_has_grown_too_far_ends_a_run() {
        let condition = when("timeouts > 2");
        assert_eq!(condition.met(&tally(2, (0, 0), &[])), None);
        assert_eq!(condition.met(&tally(3, (0, 0), &[])).as_deref(), Some("`timeouts > 2` came true: it was 3"));
        let threshold = unless("timeouts == 2");
        for (timeouts, met) in [(0, false), (1, false), (2, false), (3, true)] {
            assert_eq!(threshold.met(&tally(timeouts, (0, 0), &[])).is_some(), met, "{timeouts} may become 2");
        }
        let broken = unless("timeouts < 2").met(&tally(2, (0, 0), &[]));
        assert_eq!(broken.as_deref(), Some("`timeouts < 2` does not hold: it was 2"));
        assert!(when("timeouts != 0").met(&tally(1, (0, 0), &[])).is_some());
    }

    #[test]
    fn a_few_unlucky_samples_end_none() {
        let slow = when("send_event.response.p90 > 1s");
        assert_eq!(slow.met(&tally(0, (0, 0), &[])), None, "nothing was measured");
        assert_eq!(slow.met(&tally(0, (0, 0), &[2000; 99])), None);
        assert!(slow.met(&tally(0, (0, 0), &[2000; 100])).is_some());
        assert!(slow.met(&tally(0, (0, 0), &[20; 100])).is_none());
        // One is enough for what only grows.
        assert!(unless("send_event.response.max < 1s").met(&tally(0, (0, 0), &[2000])).is_some());
        let many = unless("send_event.errors < 5%");
        assert!(many.met(&tally(0, (99, 99), &[])).is_none() && many.met(&tally(0, (6, 100), &[])).is_some());
        assert!(when("errors >= 5%").met(&tally(0, (6, 100), &[])).is_some());
        assert!(when("errors >= 5%").met(&tally(0, (4, 100), &[])).is_none());
    }

    #[test]
    fn what_more_of_a_run_could_mend_is_refused() {
        for (text, told) in [
            (
                "violations < 100",
                "`violations < 100` is true before anything has happened; say what must not happen, such as `violations > 100`",
            ),
            (
                "timeouts == 0",
                "`timeouts == 0` is true before anything has happened; say what must not happen, such as `violations > 100`",
            ),
            (
                "send_event.rate < 5/s",
                "`send_event.rate < 5/s` is an average over the whole run, which is known at its end, so no run can end early for it",
            ),
            ("violations", "found the end, allowed: one of `<`, `<=`, `>`, `>=`, `==`, `!=`"),
        ] {
            assert_eq!(text.parse::<AbortCondition>().unwrap_err().to_string(), told);
        }
        for text in ["send_event.count >= 1000", "send_event.count != 3"] {
            let told = format!("`{text}` may not hold until late in a run, so no run can end early for it");
            assert_eq!(AbortCondition::unless(&text.parse().unwrap()).unwrap_err().to_string(), told);
        }
    }
}
