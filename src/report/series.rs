//! A tally as time series: what happened in each interval of the run, all on one axis.

use std::time::Duration;

use super::format::per_second;
use crate::observe::Moment;
use crate::protocol::{DialectName, Transport};
use crate::record::{ActionTally, Stretch, Tally, Timeline, Turnover};

/// Intervals that a series has at most, as those of a timeline.
const MOST: u64 = 120;
const SECOND: u64 = 1_000_000_000;

/// What happened over time. Everything has the same intervals, without gaps, from the run's start to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Series<'a> {
    /// Seconds that an interval is wide: a power of two.
    pub width_s: u64,
    /// Requests of all actions together.
    pub requests: Vec<Interval>,
    /// Pushes that arrived in each interval.
    pub pushes: Vec<u64>,
    /// Violations that were noticed in each interval, of any kind.
    pub violations: Vec<u64>,
    /// Connections that are open at the end of each interval; nothing when none was seen coming.
    pub connections: Option<Vec<u64>>,
    /// Actors that walk at the end of each interval; nothing when there were none.
    pub actors: Option<Vec<u64>>,
    /// Requests by action.
    pub actions: Vec<ActionSeries<'a>>,
}

/// Requests of one action over time.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionSeries<'a> {
    /// The dialect spoken.
    pub dialect: &'a str,
    /// What carried the requests.
    pub transport: Transport,
    /// The action's name.
    pub action: &'a str,
    /// What happened in each interval.
    pub intervals: Vec<Interval>,
}

/// Requests in one interval, by the moment of the answer or of the timeout.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Interval {
    /// Seconds from the run's start to that of the interval.
    pub start_s: u64,
    /// Requests that were answered, in time or late.
    pub answered: u64,
    /// Answers a second. Of the last interval, the part counts that the run lasted, but at least a second.
    pub per_second: f64,
    /// Median of the response time, less than a hundredth too short; none without answers.
    pub p50: Option<Duration>,
    /// Its 99th percentile.
    pub p99: Option<Duration>,
    /// Answers that say failure.
    pub failed: u64,
    /// Requests without an answer within the documented limit.
    pub timeouts: u64,
}

impl<'a> Series<'a> {
    /// The series of a tally.
    pub fn of(tally: &'a Tally) -> Self {
        let requests = Timeline::sum(tally.actions().map(|(_, _, _, action)| &action.over_time));
        let pushes = tally.dialects.values().flat_map(|dialect| dialect.pushes.values());
        let pushes = Timeline::sum(pushes.map(|push| &push.over_time));
        let violations = Timeline::sum(tally.violations.iter().map(|(_, kind)| &kind.over_time));
        let connections = Timeline::sum(tally.transports().map(|(_, _, transport)| &transport.over_time));
        let actors = &tally.actors.over_time;
        let reached = [reach(&requests), reach(&pushes), reach(&violations), reach(&connections), reach(actors)];
        let axis = Axis::of(tally.last, reached);
        let action = |(dialect, transport, action, tally): (&'a DialectName, Transport, &'a str, &ActionTally)| {
            let intervals = axis.requests(&tally.over_time);
            ActionSeries { dialect: dialect.as_str(), transport, action, intervals }
        };
        Self {
            width_s: axis.width_s,
            requests: axis.requests(&requests),
            pushes: axis.counts(&pushes),
            violations: axis.counts(&violations),
            connections: axis.present(&connections),
            actors: axis.present(actors),
            actions: tally.actions().map(action).collect(),
        }
    }
}

/// The intervals that all series share.
#[derive(Debug, Clone, Copy)]
struct Axis {
    width_s: u64,
    intervals: u64,
    end: Moment,
}

impl Axis {
    /// The widest intervals are everybody's, and they reach to the run's last moment.
    fn of(last: Option<Moment>, timelines: [(u64, Option<u64>); 5]) -> Self {
        let end = last.unwrap_or_default();
        let mut width_s = timelines.iter().map(|(width_s, _)| *width_s).fold(1, u64::max);
        while end.0 / SECOND / width_s >= MOST {
            width_s *= 2;
        }
        let in_these = |(own_s, number): (u64, Option<u64>)| Some(number? * own_s / width_s);
        let numbers = timelines.into_iter().filter_map(in_these).chain(last.map(|_| end.0 / SECOND / width_s));
        Self { width_s, intervals: numbers.max().map_or(0, |number| number + 1), end }
    }

    fn requests(&self, timeline: &Timeline<Stretch>) -> Vec<Interval> {
        let start_s = |number| number * self.width_s;
        let quiet = |number| Interval { start_s: start_s(number), ..Interval::default() };
        let mut intervals: Vec<Interval> = (0..self.intervals).map(quiet).collect();
        for (number, stretch) in timeline.widened(self.width_s).intervals() {
            if let Some(interval) = intervals.get_mut(number as usize) {
                *interval = Interval {
                    start_s: start_s(number),
                    answered: stretch.answered,
                    per_second: per_second(stretch.answered, self.span(number)).unwrap_or_default(),
                    p50: stretch.response.percentile(50.0),
                    p99: stretch.response.percentile(99.0),
                    failed: stretch.failed,
                    timeouts: stretch.timeouts,
                };
            }
        }
        intervals
    }

    fn counts(&self, timeline: &Timeline<u64>) -> Vec<u64> {
        let mut counts = vec![0; self.intervals as usize];
        for (number, count) in timeline.widened(self.width_s).intervals() {
            if let Some(place) = counts.get_mut(number as usize) {
                *place = *count;
            }
        }
        counts
    }

    /// How many are there at the end of each interval.
    fn present(&self, timeline: &Timeline<Turnover>) -> Option<Vec<u64>> {
        timeline.intervals().next()?;
        let mut turnovers = vec![Turnover::default(); self.intervals as usize];
        for (number, turnover) in timeline.widened(self.width_s).intervals() {
            if let Some(place) = turnovers.get_mut(number as usize) {
                *place = *turnover;
            }
        }
        let mut sum = Turnover::default();
        let present = turnovers.into_iter().map(|Turnover { came, went }| {
            sum = Turnover { came: sum.came.saturating_add(came), went: sum.went.saturating_add(went) };
            sum.came.saturating_sub(sum.went)
        });
        Some(present.collect())
    }

    /// How much of an interval the run lasted. The last one may have had hardly any of its time, and rates would be absurd.
    fn span(&self, number: u64) -> Duration {
        let lasted = self.end.since(Moment((number * self.width_s).saturating_mul(SECOND)));
        lasted.clamp(Duration::from_secs(1), Duration::from_secs(self.width_s))
    }
}

/// How wide the intervals are, and the number of the last in which something happened.
fn reach<T>(timeline: &Timeline<T>) -> (u64, Option<u64>) {
    (timeline.width_s(), timeline.intervals().last().map(|(number, _)| number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::ViolationKind;
    use crate::report::sample;

    fn seconds(series: &[Interval]) -> Vec<(u64, u64, f64)> {
        series.iter().map(|interval| (interval.start_s, interval.answered, interval.per_second)).collect()
    }

    #[test]
    fn everything_has_the_same_intervals_and_quiet_ones_are_there() {
        let run = sample::answered(&[(0, 2_000), (0, 4_000), (2, 8_000)], Moment(3_500_000_000));
        let series = Series::of(&run);
        assert_eq!(series.width_s, 1);
        assert_eq!(seconds(&series.requests), [(0, 2, 2.0), (1, 0, 0.0), (2, 1, 1.0), (3, 0, 0.0)]);
        assert_eq!(series.requests[0].p50.unwrap().as_micros(), 2_000);
        assert_eq!((series.requests[0].p99.unwrap().as_micros(), series.requests[1].p99), (4_000, None));
        assert_eq!((series.pushes.len(), series.violations.len()), (4, 4));
        assert_eq!(series.actions.len(), 1);
        assert_eq!(series.actions[0].intervals, series.requests);
    }

    #[test]
    fn the_widest_intervals_are_everybodys_and_the_last_may_be_short() {
        // 200 s take intervals of 2 s; the last has had 1.5 s of its 2.
        let mut run = sample::answered(
            &[(0, 2_000), (1, 4_000), (200, 8_000), (200, 8_000), (200, 8_000)],
            Moment(201_500_000_000),
        );
        // It is noticed in the second second.
        run.violations.add(sample::violation(ViolationKind::WrongType, "an integer", "a text"), Vec::new);
        let series = Series::of(&run);
        assert_eq!((series.width_s, series.requests.len()), (2, 101));
        assert_eq!(seconds(&series.requests)[0], (0, 2, 1.0));
        assert_eq!(seconds(&series.requests)[100], (200, 3, 2.0));
        assert_eq!((series.violations[0], series.violations[1..].iter().sum::<u64>()), (1, 0));
    }

    #[test]
    fn who_is_there_at_the_end_of_an_interval_came_before_it_and_did_not_go() {
        let mut run = sample::answered(&[(0, 5)], Moment(4_000_000_000));
        assert_eq!((&Series::of(&run).connections, &Series::of(&run).actors), (&None, &None));
        let second = |second: u64| Moment(second * SECOND);
        for (at, came, went) in [(0, 5, 1), (2, 1, 3), (3, 0, 2)] {
            *run.actors.over_time.at(second(at)) = Turnover { came, went };
        }
        assert_eq!(Series::of(&run).actors, Some(vec![4, 4, 2, 0, 0]));
        // Connections over all transports; they reach further, so all intervals are wider.
        let customers = run.dialects.get_mut("customer/v0.3").unwrap();
        for (transport, opened, closed) in [(Transport::Websocket, 1, 3), (Transport::Socketio, 2, 200)] {
            let over_time = &mut customers.transports.entry(transport).or_default().over_time;
            over_time.at(second(opened)).came += 1;
            over_time.at(second(closed)).went += 1;
        }
        let series = Series::of(&run);
        assert_eq!((series.width_s, series.requests.len()), (2, 101));
        assert_eq!(series.connections.as_ref().unwrap()[..3], [1, 1, 1]);
        assert_eq!(series.connections.unwrap()[99..], [1, 0]);
        assert_eq!(series.actors.unwrap()[..3], [4, 0, 0]);
    }

    #[test]
    fn a_last_moment_far_away_asks_for_no_more_room() {
        let series_of = |last| Series::of(&sample::answered(&[(0, 5)], last)).requests.len();
        assert!(series_of(Moment(u64::MAX)) <= 120);
        assert_eq!(series_of(Moment(119_000_000_000)), 120);
        assert_eq!(series_of(Moment(120_000_000_000)), 61);
        let nothing = Tally::default();
        assert_eq!(Series::of(&nothing).requests, []);
    }
}
