//! Renders a search for the highest load: for people, in a terminal and in a browser, and for programs.

mod at_hand;
mod document;
mod html;
mod terminal;

pub use at_hand::{AtHand, live_content, live_page};
pub use document::json;
pub use html::html;
#[cfg(test)]
pub(super) use terminal::samples;
pub use terminal::terminal;

use super::Meta;
use super::format::significant;
use crate::capacity::{Course, Finding, Fit, Outcome, Peak, Purpose, Unit, fit, knee};

/// All that the report of a search tells about.
#[derive(Debug, Clone, Copy)]
pub struct CapacityReport<'a> {
    /// What ran.
    pub meta: &'a Meta,
    /// What was tried and found.
    pub course: &'a Course,
    /// What was good enough.
    pub thresholds: &'a [String],
}

impl CapacityReport<'_> {
    /// The load at which the 99th percentile begins to explode.
    fn knee(&self) -> Option<f64> {
        let point = |point: &&crate::capacity::Point| Some((point.load, point.response?.p99.as_secs_f64()));
        knee(&self.course.of_target().iter().filter_map(point).collect::<Vec<_>>())
    }

    /// The law of scalability that fits what was measured.
    fn law(&self) -> Option<Fit> {
        let points = self.course.of_target();
        fit(&points.iter().filter_map(|point| Some((point.concurrency()?, point.throughput))).collect::<Vec<_>>())
    }

    /// What the fitted law says, or why there is none.
    fn law_in_words(&self) -> String {
        let Some(fit) = self.law() else { return "too few different loads for a fit".to_owned() };
        let peak = match fit.peak() {
            Peak::At { concurrency, throughput } => format!(
                "its peak is at {} answers/s, with {} requests under way",
                significant(throughput),
                significant(concurrency)
            ),
            Peak::Beyond { concurrency, throughput } => format!(
                "{} answers/s with {} requests under way, which is twice what was measured; its peak is beyond, and nothing is said of it",
                significant(throughput),
                significant(concurrency)
            ),
        };
        format!(
            "Universal Scalability Law, λ {}/s, σ {:.3}, κ {:.2e}, R² {:.3}: {peak}",
            significant(fit.lambda),
            fit.sigma,
            fit.kappa,
            fit.r_squared
        )
    }

    /// What was found, in a sentence.
    pub(super) fn sentence(&self) -> String {
        let of = |value| load(self.course.unit, value);
        match self.course.finding {
            Finding::Between { met, missed } => {
                let gap = significant((missed / met - 1.0) * 100.0);
                format!("{} is good enough and {} is too much, {gap}% more; both were confirmed", of(met), of(missed))
            }
            Finding::AtLeast { met } => format!("{}, the highest that was allowed, is good enough", of(met)),
            Finding::BelowLowest { missed } => {
                format!("{}, the lowest that was tried, is too much; try a lower one with --from", of(missed))
            }
            Finding::Generator { met: Some(met), strained } => format!(
                "at least {}: from {} on the generator, not the target, was the bottleneck. Use a bigger machine, or take the lower \
                 bound with --allow-saturated",
                of(met),
                of(strained)
            ),
            Finding::Generator { met: None, strained } => {
                format!("nothing is known of the target: the generator cannot even make {}", of(strained))
            }
            Finding::Open { met: Some(met), .. } => format!("unfinished; {} was good enough", of(met)),
            Finding::Open { met: None, .. } => "unfinished; no load is known to be good enough".to_owned(),
        }
    }
}

/// How a run went, in a word or two.
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Met => "good",
        Outcome::Missed => "too much",
        Outcome::Strained => "not made",
        Outcome::Unmeasured => "not measured",
    }
}

/// What a run at a load is for.
fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Raise => "raise",
        Purpose::Narrow => "narrow",
        Purpose::Confirm => "confirm",
    }
}

/// A load with its unit.
pub fn load(unit: Unit, load: f64) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", significant(load)),
        Unit::People => format!("{} at a time", significant(load).trim_end_matches(".00").trim_end_matches(".0")),
    }
}
