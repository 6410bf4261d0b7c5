//! What Locust's tables and charts show: differences of tallies, in Locust's own terms.
//!
//! They are for looking at while a test runs. Locust rounds response times to two digits (`bucket_response_time` in its
//! `stats.py`); what is judged in the end are the tallies themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::message::Counts;
use crate::protocol::Transport;
use crate::record::{ActionTally, Tally};

/// What a worker tells of its last seconds. Everything but the user counts is a difference to the report before.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stats {
    /// One for each action and transport.
    pub stats: Vec<Entry>,
    /// All of them in one.
    pub stats_total: Entry,
    /// Failures by their text; the keys are the same on all workers.
    pub errors: BTreeMap<String, Failure>,
    /// Actors that walk.
    pub user_classes_count: Counts,
    /// All of them.
    pub user_count: u64,
}

/// Requests of one action over one transport, with Locust's names (`StatsEntryDict`); times are milliseconds, moments seconds
/// since 1970.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Entry {
    name: String,
    method: String,
    last_request_timestamp: Option<f64>,
    start_time: f64,
    num_requests: i64,
    /// Requests without a response time. A late answer gives one to a request that had none, so this may shrink.
    num_none_requests: i64,
    num_failures: u64,
    total_response_time: f64,
    max_response_time: f64,
    min_response_time: Option<f64>,
    total_content_length: u64,
    response_times: BTreeMap<u64, u64>,
    num_reqs_per_sec: BTreeMap<u64, i64>,
    num_fail_per_sec: BTreeMap<u64, u64>,
}

/// One way to fail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Failure {
    method: String,
    name: String,
    error: String,
    occurrences: u64,
    first_seen: f64,
    last_seen: f64,
}

/// Counts for Locust what a tally that grows has more each time.
#[derive(Debug, Default)]
pub struct Account {
    /// What was counted already, by action and transport.
    before: BTreeMap<(String, Transport), ActionTally>,
    /// What was counted and not reported yet.
    due: Stats,
}

impl Account {
    /// Counts what the tally has more than the last time, as of this moment, in seconds since 1970.
    pub fn count(&mut self, tally: &Tally, now: f64) {
        let mut actions: BTreeMap<(String, Transport), Vec<&ActionTally>> = BTreeMap::new();
        for (_, transport, action, tally) in tally.actions() {
            actions.entry((action.to_owned(), transport)).or_default().push(tally);
        }
        for (key, tallies) in actions {
            let after = ActionTally::sum(tallies);
            let before = self.before.remove(&key).unwrap_or_default();
            self.add(&key, &before, &after, now);
            self.before.insert(key, after);
        }
    }

    /// What is to be reported. The next report begins after it.
    pub fn report(&mut self, user_classes_count: Counts) -> Stats {
        let user_count = user_classes_count.values().sum();
        Stats { user_classes_count, user_count, ..std::mem::take(&mut self.due) }
    }

    fn add(&mut self, (name, transport): &(String, Transport), before: &ActionTally, after: &ActionTally, now: f64) {
        let method = transport.to_string();
        let entry = match self.due.stats.iter_mut().position(|entry| entry.name == *name && entry.method == method) {
            Some(at) => &mut self.due.stats[at],
            None => {
                self.due.stats.push(Entry { name: name.clone(), method: method.clone(), ..Entry::default() });
                let last = self.due.stats.len() - 1;
                &mut self.due.stats[last]
            }
        };
        self.due.stats_total.name = "Aggregated".to_owned();
        for entry in [entry, &mut self.due.stats_total] {
            entry.add(before, after, now);
        }
        let unanswered = (after.timeouts > before.timeouts).then(|| {
            ("no answer within the documented limit".to_owned(), after.timeouts.saturating_sub(before.timeouts))
        });
        let refused = after.errors.iter().filter_map(|(kind, count)| {
            let more = count.saturating_sub(before.errors.get(kind).copied().unwrap_or_default());
            (more > 0).then(|| (kind.clone(), more))
        });
        for (error, count) in refused.chain(unanswered) {
            let failure = self.due.errors.entry(format!("{method}.{name}.{error}")).or_insert_with(|| Failure {
                method: method.clone(),
                name: name.clone(),
                error,
                occurrences: 0,
                first_seen: now,
                last_seen: now,
            });
            failure.occurrences += count;
            failure.last_seen = now;
        }
    }
}

impl Entry {
    fn add(&mut self, before: &ActionTally, after: &ActionTally, now: f64) {
        let more = |of: fn(&ActionTally) -> u64| of(after).saturating_sub(of(before));
        let answered = more(|tally| tally.answered);
        let unanswered = more(|tally| tally.timeouts) as i64 - more(|tally| tally.late) as i64;
        let failures = more(ActionTally::failed) + more(|tally| tally.timeouts);
        let requests = answered as i64 + unanswered;
        if self.start_time == 0.0 {
            self.start_time = now;
        }
        if answered == 0 && unanswered == 0 && failures == 0 {
            return;
        }
        self.last_request_timestamp = Some(now);
        self.num_requests += requests;
        self.num_none_requests += unanswered;
        self.num_failures += failures;
        self.total_content_length += more(|tally| tally.bytes_in);
        *self.num_reqs_per_sec.entry(now as u64).or_default() += requests;
        if failures > 0 {
            *self.num_fail_per_sec.entry(now as u64).or_default() += failures;
        }
        let mut old = before.response.counts().peekable();
        for (time, count) in after.response.counts() {
            // Both are in order, and nothing ever leaves a histogram.
            let known = old.next_if(|(before, _)| *before == time).map_or(0, |(_, known)| known);
            if count > known {
                self.add_times(time, count - known);
            }
        }
    }

    fn add_times(&mut self, time: Duration, count: u64) {
        let millis = time.as_secs_f64() * 1000.0;
        self.total_response_time += millis * count as f64;
        self.max_response_time = self.max_response_time.max(millis);
        self.min_response_time = Some(self.min_response_time.map_or(millis, |least| least.min(millis)));
        *self.response_times.entry(rounded(millis)).or_default() += count;
    }
}

/// As Locust rounds: to a millisecond below 100 ms, to two digits above.
fn rounded(millis: f64) -> u64 {
    let unit = match millis {
        ..100.0 => 1.0,
        ..1_000.0 => 10.0,
        ..10_000.0 => 100.0,
        _ => 1_000.0,
    };
    // Python rounds halves to the even neighbour.
    ((millis / unit).round_ties_even() * unit) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Latency;

    fn latency(millis: &[u64]) -> Latency {
        let mut latency = Latency::default();
        millis.iter().for_each(|millis| latency.record(Duration::from_millis(*millis)));
        latency
    }

    fn tally(action: ActionTally) -> Tally {
        let mut tally = Tally::default();
        let dialect = tally.dialects.entry("customer/v0.3".into()).or_default();
        dialect.transports.entry(Transport::Websocket).or_default().actions.insert("send_event".to_owned(), action);
        tally
    }

    fn answered(millis: &[u64]) -> Tally {
        let count = millis.len() as u64;
        let response = latency(millis);
        tally(ActionTally {
            sent: count,
            answered: count,
            succeeded: count,
            bytes_in: 10 * count,
            response,
            ..ActionTally::default()
        })
    }

    #[test]
    fn a_report_has_what_came_since_the_one_before() {
        let mut account = Account::default();
        account.count(&answered(&[5, 7]), 100.2);
        account.count(&answered(&[5, 7, 147]), 101.2);
        let counts = Counts::from([("Customer".to_owned(), 2)]);
        let report = account.report(counts.clone());
        assert_eq!((report.user_classes_count, report.user_count), (counts, 2));
        let [entry] = report.stats.as_slice() else { panic!("{:?}", report.stats) };
        assert_eq!((entry.name.as_str(), entry.method.as_str()), ("send_event", "websocket"));
        assert_eq!((entry.num_requests, entry.num_none_requests, entry.num_failures), (3, 0, 0));
        assert_eq!(entry.response_times, BTreeMap::from([(5, 1), (7, 1), (150, 1)]));
        assert_eq!(entry.num_reqs_per_sec, BTreeMap::from([(100, 2), (101, 1)]));
        assert_eq!((entry.total_content_length, entry.last_request_timestamp), (30, Some(101.2)));
        assert_eq!(report.stats_total, Entry { name: "Aggregated".to_owned(), method: String::new(), ..entry.clone() });

        account.count(&answered(&[5, 7, 147, 147]), 104.0);
        let report = account.report(Counts::new());
        assert_eq!(report.stats[0].response_times, BTreeMap::from([(150, 1)]));
        assert_eq!((report.stats[0].num_requests, report.stats[0].total_content_length), (1, 10));
        assert_eq!(account.report(Counts::new()), Stats::default());
    }

    #[test]
    fn refusals_and_missing_answers_are_failures_and_late_answers_give_the_missing_time() {
        let errors = BTreeMap::from([("validation".to_owned(), 2)]);
        let first = ActionTally {
            sent: 5,
            answered: 3,
            succeeded: 1,
            errors,
            timeouts: 2,
            response: latency(&[1, 2, 3]),
            ..ActionTally::default()
        };
        let mut account = Account::default();
        account.count(&tally(first.clone()), 50.0);
        let report = account.report(Counts::new());
        assert_eq!(
            (report.stats[0].num_requests, report.stats[0].num_none_requests, report.stats[0].num_failures),
            (5, 2, 4)
        );
        let failures: Vec<_> = report.errors.iter().map(|(key, failure)| (key.as_str(), failure.occurrences)).collect();
        assert_eq!(
            failures,
            [("websocket.send_event.no answer within the documented limit", 2), ("websocket.send_event.validation", 2)]
        );

        let late = ActionTally { answered: 4, succeeded: 2, late: 1, response: latency(&[1, 2, 3, 16_000]), ..first };
        account.count(&tally(late), 66.0);
        let report = account.report(Counts::new());
        assert_eq!((report.stats[0].num_requests, report.stats[0].num_none_requests), (0, -1));
        assert_eq!(report.stats[0].response_times, BTreeMap::from([(16_000, 1)]));
        assert!(report.errors.is_empty());
    }

    #[test]
    fn times_are_rounded_as_locust_does() {
        // The examples in Locust's documentation of `bucket_response_time`, and its borders and halves.
        for (millis, expected) in [
            (147.0, 150),
            (3432.0, 3400),
            (58760.0, 59000),
            (0.4, 0),
            (0.5, 0),
            (1.5, 2),
            (99.4, 99),
            (99.6, 100),
            (100.0, 100),
            (145.0, 140),
            (155.0, 160),
            (999.0, 1000),
            (1000.0, 1000),
            (9999.0, 10000),
            (10499.0, 10000),
        ] {
            assert_eq!(rounded(millis), expected, "{millis}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn reports_of_any_lengths_add_up(
            steps in proptest::collection::vec((proptest::collection::vec(0u64..60_000, 0..8), any::<bool>()), 1..10),
        ) {
            let (mut account, mut all, mut sum, mut requests) = (Account::default(), Vec::new(), BTreeMap::new(), 0);
            let last = steps.len() - 1;
            for (index, (more, reported)) in steps.into_iter().enumerate() {
                all.extend(more);
                account.count(&answered(&all), index as f64 + 1.0);
                if reported || index == last {
                    for entry in account.report(Counts::new()).stats {
                        requests += entry.num_requests;
                        for (time, count) in entry.response_times {
                            *sum.entry(time).or_insert(0) += count;
                        }
                    }
                }
            }
            let mut whole = Account::default();
            whole.count(&answered(&all), 1.0);
            let whole = whole.report(Counts::new()).stats;
            prop_assert_eq!(requests as usize, all.len());
            prop_assert_eq!(sum, whole.first().map(|entry| entry.response_times.clone()).unwrap_or_default());
        }
    }
}
