//! What differs in the requests of one action.

use std::collections::{BTreeMap, BTreeSet};

use super::Run;
use super::bootstrap::{Redrawn, redraw};
use super::difference::{Difference, Unknown, of_parts, of_quotient};
use super::figure::Figure;
use crate::protocol::{DialectName, Transport};
use crate::record::{ActionTally, Tally};

/// The draws are the same each time, and those of one run are not those of the other.
const SEEDS: (u64, u64) = (1, 2);

/// Which requests are meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionName {
    /// The dialect spoken.
    pub dialect: DialectName,
    /// What carried them.
    pub transport: Transport,
    /// The action's name.
    pub action: String,
}

/// How often something was counted in both runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts<T> {
    /// What was counted.
    pub of: T,
    /// How often in the base.
    pub base: u64,
    /// How often in the new run.
    pub new: u64,
}

/// What differs in the requests of one action.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionDifferences {
    /// Which requests.
    pub name: ActionName,
    /// Requests that went out in the base and in the new run.
    pub sent: (u64, u64),
    /// Each figure that both runs have.
    pub differences: Vec<Difference>,
    /// Errors of each type that either run has.
    pub errors: Vec<Counts<String>>,
}

impl<T> Counts<T> {
    /// Whether it was not there before.
    pub fn is_new(&self) -> bool {
        self.base == 0 && self.new > 0
    }

    /// Whether it is not there any more.
    pub fn is_gone(&self) -> bool {
        self.base > 0 && self.new == 0
    }
}

impl ActionDifferences {
    pub(super) fn of(
        name: ActionName,
        (base, old): (&Run<'_>, &ActionTally),
        (new, now): (&Run<'_>, &ActionTally),
        tolerance: f64,
    ) -> Self {
        let redrawn = (redraw(&old.over_time, SEEDS.0), redraw(&now.over_time, SEEDS.1));
        let of_intervals = Figure::OF_INTERVALS.iter().enumerate().filter_map(|(place, figure)| {
            let values = (figure.of(old, base)?, figure.of(now, new)?);
            let interval = enough(*figure, old, now).and_then(|()| match &redrawn {
                (Ok(of_base), Ok(of_new)) => of_quotient(values, (of_base, of_new), place),
                (one, other) => Err(Unknown::FewIntervals { found: fewest(one, other) }),
            });
            Some(Difference::new(*figure, values, interval, tolerance))
        });
        let of_counts = Figure::OF_COUNTS.iter().filter_map(|figure| {
            let values = (figure.of(old, base)?, figure.of(now, new)?);
            let interval = of_parts(figure.counts(old), figure.counts(now));
            Some(Difference::new(*figure, values, Ok(interval), tolerance))
        });
        let types: BTreeSet<&String> = old.errors.keys().chain(now.errors.keys()).collect();
        let count = |action: &ActionTally, of: &String| action.errors.get(of).copied().unwrap_or_default();
        Self {
            name,
            sent: (old.sent, now.sent),
            differences: of_intervals.chain(of_counts).collect(),
            errors: types
                .into_iter()
                .map(|of| Counts { of: of.clone(), base: count(old, of), new: count(now, of) })
                .collect(),
        }
    }
}

/// Whether both runs have enough answers for a figure to mean something.
fn enough(figure: Figure, old: &ActionTally, now: &ActionTally) -> Result<(), Unknown> {
    let Figure::Time(statistic) = figure else { return Ok(()) };
    let (found, wanted) = (old.response.count().min(now.response.count()), statistic.samples_wanted());
    if found < wanted { Err(Unknown::FewSamples { found, wanted }) } else { Ok(()) }
}

fn fewest(one: &Result<Redrawn, usize>, other: &Result<Redrawn, usize>) -> usize {
    [one, other].into_iter().filter_map(|redrawn| redrawn.as_ref().err().copied()).min().unwrap_or_default()
}

/// The actions of a run.
pub(super) fn by_name(tally: &Tally) -> BTreeMap<ActionName, &ActionTally> {
    let named = |(dialect, transport, action, tally): (&DialectName, Transport, &str, _)| {
        (ActionName { dialect: dialect.clone(), transport, action: action.to_owned() }, tally)
    };
    tally.actions().map(named).collect()
}

/// What one run asked for and the other did not.
pub(super) fn only(
    asked: &BTreeMap<ActionName, &ActionTally>,
    other: &BTreeMap<ActionName, &ActionTally>,
) -> Vec<ActionName> {
    let sent =
        |actions: &BTreeMap<ActionName, &ActionTally>, name| actions.get(name).is_some_and(|action| action.sent > 0);
    asked.keys().filter(|name| sent(asked, name) && !sent(other, name)).cloned().collect()
}
