//! What happened over time. An interval takes one line of the file, so that a long run can still be read.

use schemars::JsonSchema;
use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::value::to_raw_value;

use super::transports;
use crate::protocol::Transport;
use crate::report::format::micros;
use crate::report::{ActionSeries, Interval, Series};

/// What happened in each interval of the run. All are equally wide, and they are counted from the run's start.
#[derive(Serialize, JsonSchema)]
pub(super) struct Intervals<'a> {
    /// Seconds that an interval is wide.
    width_s: u64,
    /// All intervals of the run.
    #[serde(serialize_with = "a_line_each")]
    run: Vec<RunInterval>,
    /// Requests by dialect, transport and action.
    actions: Vec<ActionIntervals<'a>>,
}

/// All that happened in one interval.
#[derive(Serialize, JsonSchema)]
struct RunInterval {
    #[serde(flatten)]
    requests: RequestInterval,
    /// Pushes that arrived.
    pushes: u64,
    /// Violations that were noticed, of any kind and grade.
    violations: u64,
    /// Connections that are open at its end; null in all intervals when none was seen to be established.
    connections: Option<u64>,
    /// Actors that walk at its end; null in all intervals when there were none, or when the run's tally does not tell.
    actors: Option<u64>,
}

/// Requests of one action over time.
#[derive(Serialize, JsonSchema)]
struct ActionIntervals<'a> {
    dialect: &'a str,
    #[schemars(schema_with = "transports")]
    transport: Transport,
    action: &'a str,
    /// The intervals in which a request was answered or timed out.
    #[serde(serialize_with = "a_line_each")]
    intervals: Vec<RequestInterval>,
}

/// Requests in one interval, by the moment of the answer or of the timeout.
#[derive(Serialize, JsonSchema)]
struct RequestInterval {
    /// Seconds from the run's start to that of the interval.
    start_s: u64,
    /// Requests that were answered, in time or late.
    answered: u64,
    /// Answers a second. Of the last interval, the part counts that the run lasted, but at least a second.
    rate_per_s: f64,
    /// Median of the response time, less than a hundredth too short; null without answers.
    p50_us: Option<u64>,
    /// Its 99th percentile.
    p99_us: Option<u64>,
    /// Answers that say failure.
    failed: u64,
    /// Requests without an answer within the documented limit.
    timeouts: u64,
}

impl<'a> Intervals<'a> {
    pub(super) fn of(series: &Series<'a>) -> Self {
        let of = |counts: &[u64], number: usize| counts.get(number).copied();
        let run = series.requests.iter().enumerate().map(|(number, requests)| RunInterval {
            requests: RequestInterval::of(requests),
            pushes: of(&series.pushes, number).unwrap_or_default(),
            violations: of(&series.violations, number).unwrap_or_default(),
            connections: series.connections.as_ref().and_then(|counts| of(counts, number)),
            actors: series.actors.as_ref().and_then(|counts| of(counts, number)),
        });
        Self {
            width_s: series.width_s,
            run: run.collect(),
            actions: series.actions.iter().map(ActionIntervals::of).collect(),
        }
    }
}

impl<'a> ActionIntervals<'a> {
    fn of(series: &ActionSeries<'a>) -> Self {
        let &ActionSeries { dialect, transport, action, ref intervals } = series;
        let busy = intervals.iter().filter(|interval| interval.answered > 0 || interval.timeouts > 0);
        Self { dialect, transport, action, intervals: busy.map(RequestInterval::of).collect() }
    }
}

impl RequestInterval {
    fn of(interval: &Interval) -> Self {
        let &Interval { start_s, answered, per_second, p50, p99, failed, timeouts } = interval;
        Self {
            start_s,
            answered,
            rate_per_s: per_second,
            p50_us: p50.map(micros),
            p99_us: p99.map(micros),
            failed,
            timeouts,
        }
    }
}

fn a_line_each<S: Serializer>(intervals: &[impl Serialize], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(intervals.len()))?;
    for interval in intervals {
        list.serialize_element(&to_raw_value(interval).map_err(S::Error::custom)?)?;
    }
    list.end()
}
