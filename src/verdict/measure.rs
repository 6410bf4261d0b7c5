//! Reads a metric out of a tally.

use std::time::Duration;

use super::threshold::{Amount, Limit, Measure, Metric, Only, Statistic};
use crate::observe::{Grade, Side};
use crate::record::{ActionTally, Latency, Tally};

/// What was measured; none when nothing could be, because no such thing happened.
pub(super) fn measured(metric: &Metric, tally: &Tally, elapsed: Duration) -> Option<Limit> {
    match metric {
        Metric::Action { action, only, measure } => of_action(&total(tally, only, Some(action)), measure, elapsed),
        Metric::Delivery(only, wanted) => {
            let dialects = tally.dialects.iter().filter(|(name, _)| only.includes_dialect(name.as_str()));
            statistic(&Latency::sum(dialects.map(|(_, dialect)| &dialect.delivery)), *wanted)
        }
        Metric::Connect(only, wanted) => {
            let transports = tally.transports().filter(|(name, transport, _)| only.includes(name.as_str(), *transport));
            statistic(&Latency::sum(transports.map(|(_, _, transport)| &transport.connect)), *wanted)
        }
        Metric::Lag(wanted) => statistic(&tally.schedule.lag, *wanted),
        Metric::Errors(only, share) => errors(&total(tally, only, None), *share),
        Metric::Timeouts(only) => Some(Limit::Count(total(tally, only, None).timeouts)),
        Metric::Late(only) => Some(Limit::Count(total(tally, only, None).late)),
        Metric::Violations(None) => Some(Limit::Count(tally.violations.graded(Side::Server, Grade::Fail))),
        Metric::Violations(Some(kind)) => Some(Limit::Count(tally.violations.count(*kind))),
        Metric::ClientViolations => Some(Limit::Count(tally.violations.graded(Side::Client, Grade::Fail))),
        Metric::NonStrict => Some(Limit::Count(tally.violations.graded(Side::Server, Grade::NonStrict))),
        Metric::Reordered => Some(Limit::Count(tally.ordering.reordered)),
        Metric::Dropped => Some(Limit::Count(tally.schedule.dropped)),
        Metric::FailedSteps => Some(Limit::Count(tally.steps.failed)),
    }
}

/// All requests that are meant, of one action or of all, added up.
fn total(tally: &Tally, only: &Only, action: Option<&str>) -> ActionTally {
    let meant = tally.actions().filter(|(dialect, transport, name, _)| {
        only.includes(dialect.as_str(), *transport) && action.is_none_or(|action| action == *name)
    });
    ActionTally::sum(meant.map(|(_, _, _, tally)| tally))
}

fn of_action(total: &ActionTally, measure: &Measure, elapsed: Duration) -> Option<Limit> {
    match measure {
        Measure::Response(wanted) => statistic(&total.response, *wanted),
        Measure::Service(wanted) => statistic(&total.service, *wanted),
        Measure::Errors(share) => errors(total, *share),
        Measure::Timeouts => (total.sent > 0).then_some(Limit::Count(total.timeouts)),
        Measure::Late => (total.sent > 0).then_some(Limit::Count(total.late)),
        Measure::Count => Some(Limit::Count(total.sent)),
        Measure::Rate => (!elapsed.is_zero()).then(|| Limit::PerSecond(total.sent as f64 / elapsed.as_secs_f64())),
    }
}

fn errors(total: &ActionTally, amount: Amount) -> Option<Limit> {
    let answered = (total.answered > 0).then_some(total.answered)?;
    Some(match amount {
        Amount::Count => Limit::Count(total.failed()),
        Amount::Percent => Limit::Percent(total.failed() as f64 * 100.0 / answered as f64),
    })
}

fn statistic(latency: &Latency, wanted: Statistic) -> Option<Limit> {
    let time = match wanted {
        Statistic::Percentile(percent) => latency.percentile(percent),
        Statistic::Mean => latency.mean(),
        Statistic::Max => latency.max(),
    };
    time.map(Limit::Time)
}
