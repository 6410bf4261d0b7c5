//! Reads a metric out of a tally.

use std::time::Duration;

use super::threshold::{Amount, Limit, Measure, Metric, Only, Statistic, Threshold};
use crate::observe::{Grade, Side};
use crate::record::{ActionTally, Latency, Tally};

/// What was measured; none when nothing could be, because no such thing happened.
pub(super) fn measured(metric: &Metric, tally: &Tally, elapsed: Duration) -> Option<Limit> {
    match metric {
        Metric::Action { action, only, measure } => of_action(&total(tally, only, Some(action)), measure, elapsed),
        Metric::Delivery(only, wanted) => statistic(&delivery(tally, only), *wanted),
        Metric::Connect(only, wanted) => statistic(&connect(tally, only), *wanted),
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

/// How many things have to be measured before a threshold's percentile means something. None for what needs no samples.
pub fn samples_wanted(threshold: &Threshold) -> Option<u64> {
    distribution(&threshold.metric).map(Statistic::samples_wanted)
}

/// How many things a threshold's metric was measured of.
pub fn samples(threshold: &Threshold, tally: &Tally) -> u64 {
    let latency = match &threshold.metric {
        Metric::Action { action, only, .. } => total(tally, only, Some(action)).response,
        Metric::Delivery(only, _) => delivery(tally, only),
        Metric::Connect(only, _) => connect(tally, only),
        Metric::Lag(_) => tally.schedule.lag.clone(),
        _ => return 0,
    };
    latency.count()
}

impl Statistic {
    /// How many things have to be measured before it means something: ten beyond a percentile.
    pub fn samples_wanted(self) -> u64 {
        match self {
            Self::Percentile(percent) if percent < 100.0 => (10.0 / (1.0 - percent / 100.0)).round() as u64,
            Self::Percentile(_) | Self::Mean | Self::Max => 100,
        }
    }

    /// The number; none when nothing was counted.
    pub fn of(self, latency: &Latency) -> Option<Duration> {
        match self {
            Self::Percentile(percent) => latency.percentile(percent),
            Self::Mean => latency.mean(),
            Self::Max => latency.max(),
        }
    }
}

pub(super) fn distribution(metric: &Metric) -> Option<Statistic> {
    match metric {
        Metric::Action { measure: Measure::Response(wanted) | Measure::Service(wanted), .. }
        | Metric::Delivery(_, wanted)
        | Metric::Connect(_, wanted)
        | Metric::Lag(wanted) => Some(*wanted),
        _ => None,
    }
}

/// How many answers a metric about the answers of one action or of all is about.
pub(super) fn answered(metric: &Metric, tally: &Tally) -> u64 {
    match metric {
        Metric::Action { action, only, .. } => total(tally, only, Some(action)).answered,
        Metric::Errors(only, _) => total(tally, only, None).answered,
        _ => 0,
    }
}

/// All requests that are meant, of one action or of all, added up.
fn total(tally: &Tally, only: &Only, action: Option<&str>) -> ActionTally {
    let meant = tally.actions().filter(|(dialect, transport, name, _)| {
        only.includes(dialect.as_str(), *transport) && action.is_none_or(|action| action == *name)
    });
    ActionTally::sum(meant.map(|(_, _, _, tally)| tally))
}

fn delivery(tally: &Tally, only: &Only) -> Latency {
    let dialects = tally.dialects.iter().filter(|(name, _)| only.includes_dialect(name.as_str()));
    Latency::sum(dialects.map(|(_, dialect)| &dialect.delivery))
}

fn connect(tally: &Tally, only: &Only) -> Latency {
    let transports = tally.transports().filter(|(name, transport, _)| only.includes(name.as_str(), *transport));
    Latency::sum(transports.map(|(_, _, transport)| &transport.connect))
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
    wanted.of(latency).map(Limit::Time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Transport;

    #[test]
    fn a_percentile_wants_ten_samples_beyond_it() {
        let wanted = |text: &str| samples_wanted(&text.parse().unwrap());
        for (text, expected) in [
            ("send_event.response.p99 < 1s", Some(1000)),
            ("send_event.service.p99.9 < 1s", Some(10_000)),
            ("delivery.p50 < 1s", Some(20)),
            ("connect.max < 1s", Some(100)),
            ("errors < 1%", None),
            ("send_event.rate > 5/s", None),
        ] {
            assert_eq!(wanted(text), expected, "{text}");
        }
    }

    #[test]
    fn samples_are_those_of_the_thresholds_own_metric() {
        let mut tally = Tally::default();
        tally.schedule.lag.record(Duration::from_millis(1));
        let dialect = tally.dialects.entry("agent/v3.0".into()).or_default();
        (0..2).for_each(|_| dialect.delivery.record(Duration::from_millis(1)));
        let transport = dialect.transports.entry(Transport::Websocket).or_default();
        (0..3).for_each(|_| transport.connect.record(Duration::from_millis(1)));
        let action = transport.actions.entry("send_event".to_owned()).or_default();
        (0..4).for_each(|_| action.response.record(Duration::from_millis(1)));
        for (text, expected) in [
            ("lag.max < 1s", 1),
            ("delivery.max < 1s", 2),
            ("connect.max < 1s", 3),
            ("send_event.service.max < 1s", 4),
            ("ping.response.max < 1s", 0),
            ("errors < 1%", 0),
        ] {
            assert_eq!(samples(&text.parse().unwrap(), &tally), expected, "{text}");
        }
    }
}
