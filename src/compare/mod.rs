//! Compares two runs: how far their numbers are apart, how sure that is, and whether the new run is worse.
//!
//! Pure: the same two tallies give the same differences. `docs/compare.md` says how, and what it cannot tell.

mod action;
mod bootstrap;
mod difference;
mod figure;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

pub use action::{ActionDifferences, ActionName, Counts};
pub use bootstrap::FEWEST_INTERVALS;
pub use difference::{Change, Difference, FLOOR, Unknown};
pub use figure::Figure;

use crate::observe::{Grade, ViolationKind};
use crate::record::Tally;

/// One of two runs.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// What was measured and found.
    pub tally: &'a Tally,
    /// How long the run took.
    pub duration: Duration,
}

/// All that differs between two runs, and what does not.
#[derive(Debug, Clone, PartialEq)]
pub struct Differences {
    /// What both runs asked for.
    pub actions: Vec<ActionDifferences>,
    /// What only the new run asked for.
    pub new: Vec<ActionName>,
    /// What only the base asked for.
    pub gone: Vec<ActionName>,
    /// Violations of each kind that either run has.
    pub violations: Vec<Counts<ViolationKind>>,
}

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Something is worse.
    Worse,
    /// Nothing is worse, as far as could be told.
    NotWorse,
    /// Of no action both runs tell enough.
    Unknown,
}

/// Compares two runs. Differences up to `tolerance`, a part of the base such as 0.05, are taken as none.
pub fn compare(base: Run<'_>, new: Run<'_>, tolerance: f64) -> Differences {
    let (of_base, of_new) = (action::by_name(base.tally), action::by_name(new.tally));
    let common = of_base.iter().filter_map(|(name, action)| Some((name, *action, *of_new.get(name)?)));
    let common = common.filter(|(_, base, new)| base.sent > 0 && new.sent > 0);
    let actions =
        common.map(|(name, old, now)| ActionDifferences::of(name.clone(), (&base, old), (&new, now), tolerance));
    let kinds: BTreeSet<ViolationKind> =
        [base, new].iter().flat_map(|run| run.tally.violations.iter().map(|(kind, _)| kind)).collect();
    let count = |run: &Run<'_>, kind| run.tally.violations.count(kind);
    Differences {
        actions: actions.collect(),
        new: action::only(&of_new, &of_base),
        gone: action::only(&of_base, &of_new),
        violations: kinds.into_iter().map(|of| Counts { of, base: count(&base, of), new: count(&new, of) }).collect(),
    }
}

impl Differences {
    /// What it all comes to.
    pub fn outcome(&self) -> Outcome {
        let mut of_actions = self.actions.iter().flat_map(|action| &action.differences);
        if of_actions.clone().any(Difference::is_worse) || self.violations.iter().any(is_new_failure) {
            return Outcome::Worse;
        }
        // That nobody was refused is not enough to call two runs alike.
        let known = of_actions
            .any(|difference| matches!(difference.figure, Figure::Time(_)) && difference.change != Change::Unknown);
        if known { Outcome::NotWorse } else { Outcome::Unknown }
    }
}

/// Whether a kind of violation that fails a run is new.
pub fn is_new_failure(violations: &Counts<ViolationKind>) -> bool {
    violations.is_new() && violations.of.grade() == Grade::Fail
}
