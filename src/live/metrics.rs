//! What the systems that people have are told of a run: the metrics by name, whichever way they go.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::Counts;
use crate::observe::{Side, ViolationKind};
use crate::protocol::{Dialect, DialectName, Protocol};
use crate::record::{ActionTally, Latency, Tally};

/// Upper bounds of the buckets of all histograms, in seconds. The documented limit of an answer, 15 s, is one of them.
pub const BOUNDS: [f64; 19] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0,
    30.0, 60.0,
];

/// A duration of three digits may stand for one that is so much shorter, such as a bound.
const ALIKE: f64 = 1.001;

/// What a name is called that the documents do not know: whoever answers could invent any number of them.
const OTHER: &str = "other";

/// All that there is of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// The name, without what the kind of a metric puts behind it.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// The numbers, by labels.
    pub points: Points,
}

/// The numbers of a metric.
#[derive(Debug, Clone, PartialEq)]
pub enum Points {
    /// What only grows.
    Counter(Vec<(Labels, f64)>),
    /// What goes up and down.
    Gauge(Vec<(Labels, f64)>),
    /// Durations in seconds.
    Histogram(Vec<(Labels, Buckets)>),
}

/// What a number is about.
pub type Labels = Vec<(&'static str, String)>;

/// A finished histogram.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Buckets {
    /// How many durations are at most a bound and more than the one before; the last number is of those beyond all bounds.
    pub counts: [u64; BOUNDS.len() + 1],
    /// All durations together, in seconds.
    pub sum: f64,
}

impl Buckets {
    /// How many durations there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn of(latency: &Latency) -> Self {
        let mut buckets = Self::default();
        for (duration, count) in latency.counts() {
            let seconds = duration.as_secs_f64();
            buckets.counts[BOUNDS.partition_point(|bound| bound * ALIKE < seconds)] += count;
            buckets.sum += seconds * count as f64;
        }
        buckets
    }
}

/// All metrics of a run, by the names that dashboards and alerts know them by; `docs/live.md` lists them.
pub fn metrics(tally: &Tally, counts: Counts, protocol: &Protocol) -> Vec<Metric> {
    let mut metrics = of_actions(&by_action(tally, protocol));
    metrics.extend(of_dialects(tally, protocol));
    metrics.push(Metric {
        name: "chatproof_violations",
        help: "Violations of the documents by the server.",
        points: Points::Counter(violations(tally)),
    });
    metrics.extend(of_generator(tally, counts));
    metrics
}

/// Actions as the labels tell them apart.
type ByAction<'a> = BTreeMap<(&'a str, String, String), Vec<&'a ActionTally>>;

fn by_action<'a>(tally: &'a Tally, protocol: &Protocol) -> ByAction<'a> {
    let mut rows = ByAction::new();
    for (dialect, transport, action, tally) in tally.actions() {
        let known = of(protocol, dialect).is_some_and(|dialect| dialect.catalog.actions.contains_key(action));
        let action = if known { action } else { OTHER };
        rows.entry((dialect.as_str(), transport.to_string(), action.to_owned())).or_default().push(tally);
    }
    rows
}

fn of_actions(rows: &ByAction<'_>) -> Vec<Metric> {
    let labelled = |(dialect, transport, action): &(&str, String, String)| {
        vec![("dialect", (*dialect).to_owned()), ("transport", transport.clone()), ("action", action.clone())]
    };
    let counter = |name, help, number: fn(&ActionTally) -> u64| {
        let sum = |tallies: &[&ActionTally]| tallies.iter().map(|tally| number(tally)).sum::<u64>() as f64;
        Metric {
            name,
            help,
            points: Points::Counter(rows.iter().map(|(row, tallies)| (labelled(row), sum(tallies))).collect()),
        }
    };
    let histogram = |name, help, of: fn(&ActionTally) -> &Latency| {
        let all = |tallies: &[&ActionTally]| Buckets::of(&Latency::sum(tallies.iter().map(|tally| of(tally))));
        Metric {
            name,
            help,
            points: Points::Histogram(rows.iter().map(|(row, tallies)| (labelled(row), all(tallies))).collect()),
        }
    };
    vec![
        histogram("chatproof_response_seconds", "From the intended moment of a request to its answer.", |tally| {
            &tally.response
        }),
        histogram("chatproof_service_seconds", "From the actual sending of a request to its answer.", |tally| {
            &tally.service
        }),
        counter("chatproof_requests", "Requests that went out.", |tally| tally.sent),
        counter("chatproof_answers", "Requests that were answered, in time or late.", |tally| tally.answered),
        counter("chatproof_failures", "Answers that say failure.", ActionTally::failed),
        counter("chatproof_timeouts", "Requests without an answer within the documented limit.", |tally| {
            tally.timeouts
        }),
    ]
}

fn of_dialects(tally: &Tally, protocol: &Protocol) -> Vec<Metric> {
    let dialect = |name: &DialectName| ("dialect", name.as_str().to_owned());
    let mut pushes = BTreeMap::<(String, String), u64>::new();
    for (name, of_dialect) in &tally.dialects {
        for (push, tally) in &of_dialect.pushes {
            let known = of(protocol, name).is_some_and(|dialect| dialect.catalog.pushes.contains_key(push));
            let push = if known { push } else { OTHER };
            *pushes.entry((name.to_string(), push.to_owned())).or_default() += tally.count;
        }
    }
    let pushes = pushes.into_iter().map(|((dialect, push), n)| (vec![("dialect", dialect), ("push", push)], n as f64));
    let delivery = tally.dialects.iter().map(|(name, tally)| (vec![dialect(name)], Buckets::of(&tally.delivery)));
    let connect = tally.transports().map(|(name, transport, tally)| {
        (vec![dialect(name), ("transport", transport.to_string())], Buckets::of(&tally.connect))
    });
    vec![
        Metric {
            name: "chatproof_connect_seconds",
            help: "From the attempt to connect to the finished handshake.",
            points: Points::Histogram(connect.collect()),
        },
        Metric {
            name: "chatproof_delivery_seconds",
            help: "From the sending of an event to its arrival as a push at somebody else.",
            points: Points::Histogram(delivery.collect()),
        },
        Metric { name: "chatproof_pushes", help: "Pushes that arrived.", points: Points::Counter(pushes.collect()) },
    ]
}

/// Of every kind, so that the first one of a kind is a step that queries see.
fn violations(tally: &Tally) -> Vec<(Labels, f64)> {
    let kinds = ViolationKind::ALL.iter().filter(|kind| kind.side() == Side::Server);
    let labels = |kind: ViolationKind| {
        let grade = match kind.grade() {
            crate::observe::Grade::Info => "info",
            crate::observe::Grade::NonStrict => "non_strict",
            crate::observe::Grade::Fail => "fail",
        };
        vec![("kind", kind.name().to_owned()), ("grade", grade.to_owned())]
    };
    kinds.map(|kind| (labels(*kind), tally.violations.count(*kind) as f64)).collect()
}

fn of_generator(tally: &Tally, counts: Counts) -> Vec<Metric> {
    let one = |name, help, points: fn(Vec<(Labels, f64)>) -> Points, number: f64| Metric {
        name,
        help,
        points: points(vec![(Vec::new(), number)]),
    };
    let seconds = |micros: u64| Duration::from_micros(micros).as_secs_f64();
    let late = |name, help, latency: &Latency| Metric {
        name,
        help,
        points: Points::Histogram(vec![(Vec::new(), Buckets::of(latency))]),
    };
    let (schedule, effort) = (&tally.schedule, &tally.effort);
    vec![
        one("chatproof_actors", "Actors that walk at present.", Points::Gauge, counts.present as f64),
        one("chatproof_actors_started", "Actors that have started.", Points::Counter, counts.came as f64),
        one(
            "chatproof_arrivals_dropped",
            "Arrivals that could not start when they were due.",
            Points::Counter,
            schedule.dropped as f64,
        ),
        late("chatproof_arrival_lag_seconds", "From the due moment of an arrival to its start.", &schedule.lag),
        late(
            "chatproof_worker_delay_seconds",
            "How late worker threads of the generator got round to what was due.",
            &schedule.delay,
        ),
        one(
            "chatproof_cpu_seconds",
            "Processor time of the generator, with the embedded server if there is one.",
            Points::Counter,
            seconds(effort.cpu_us),
        ),
        one(
            "chatproof_machine_busy_seconds",
            "Time in which the generator's machine was busy, on the average of its processors.",
            Points::Counter,
            seconds(effort.machine_us),
        ),
    ]
}

fn of<'a>(protocol: &'a Protocol, name: &DialectName) -> Option<&'a Dialect> {
    protocol.dialect(name.as_str()).ok().map(std::convert::AsRef::as_ref)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn latency(micros: &[u64]) -> Latency {
        let mut latency = Latency::default();
        micros.iter().for_each(|us| latency.record(Duration::from_micros(*us)));
        latency
    }

    #[test]
    fn a_duration_is_counted_once_under_the_bound_that_it_does_not_exceed() {
        let buckets = Buckets::of(&latency(&[1, 100, 101, 3_000, 90_000_000]));
        let filled: Vec<_> = buckets.counts.iter().enumerate().filter(|(_, count)| **count > 0).collect();
        // Beyond a minute everything counts as a minute.
        assert_eq!(filled, [(0, &2), (1, &1), (5, &1), (18, &1)]);
        assert_eq!(buckets.count(), 5);
        assert!((buckets.sum - 60.003_202).abs() < 0.06, "{}", buckets.sum);
        assert_eq!(Buckets::of(&Latency::default()), Buckets::default());
    }

    #[test]
    fn names_that_nobody_documented_are_one_label() {
        let protocol = Protocol::embedded().unwrap();
        let mut tally = Tally::default();
        let dialect = tally.dialects.entry("customer/v0.3".into()).or_default();
        for (push, count) in [("incoming_event", 4), ("invented_1", 2), ("invented_2", 3)] {
            dialect.pushes.entry(push.to_owned()).or_default().count = count;
        }
        let websocket = dialect.transports.entry(crate::protocol::Transport::Websocket).or_default();
        for (action, sent) in [("send_event", 7), ("dance", 1), ("sing", 1)] {
            websocket.actions.entry(action.to_owned()).or_default().sent = sent;
        }
        let all = metrics(&tally, Counts::default(), &protocol);
        let points = |name: &str| match &all.iter().find(|metric| metric.name == name).unwrap().points {
            Points::Counter(points) => {
                points.iter().map(|(labels, n)| (labels.last().unwrap().1.clone(), *n)).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        let named = |name: &str, number: f64| (name.to_owned(), number);
        assert_eq!(points("chatproof_pushes"), [named("incoming_event", 4.0), named("other", 5.0)]);
        assert_eq!(points("chatproof_requests"), [named("other", 2.0), named("send_event", 7.0)]);
    }

    /// Every name in a text that begins as ours do.
    fn names(text: &str) -> BTreeSet<String> {
        let name = |rest: &str| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>();
        text.match_indices("chatproof_").map(|(at, _)| name(&text[at..])).collect()
    }

    #[test]
    fn the_dashboard_and_the_documentation_know_all_metrics_and_no_others() {
        let protocol = Protocol::embedded().unwrap();
        let all = metrics(&Tally::default(), Counts::default(), &protocol);
        let suffixes = |points: &Points| match points {
            Points::Counter(_) => vec!["_total"],
            Points::Gauge(_) => vec![""],
            Points::Histogram(_) => vec!["_bucket", "_sum", "_count"],
        };
        let dashboard = names(include_str!("../../deploy/grafana/chatproof.json"));
        let documentation = names(include_str!("../../docs/live.md"));
        let mut known = BTreeSet::new();
        for metric in &all {
            let here: Vec<_> = suffixes(&metric.points).iter().map(|end| format!("{}{end}", metric.name)).collect();
            assert!(here.iter().any(|name| dashboard.contains(name)), "the dashboard does not show {here:?}");
            let told = match metric.points {
                Points::Histogram(_) => metric.name.to_owned(),
                _ => here[0].clone(),
            };
            assert!(documentation.contains(&told), "docs/live.md does not tell of {told}");
            known.extend(here);
            known.insert(told);
        }
        let unknown: Vec<_> = dashboard.union(&documentation).filter(|name| !known.contains(*name)).collect();
        assert!(unknown.is_empty(), "there is no metric {unknown:?}");
    }

    #[test]
    fn every_kind_of_violation_is_there_from_the_beginning() {
        let all = violations(&Tally::default());
        assert_eq!(all.len(), ViolationKind::ALL.iter().filter(|kind| kind.side() == Side::Server).count());
        assert!(all.iter().all(|(_, count)| *count == 0.0));
        assert!(all.iter().any(|(labels, _)| labels[0].1 == "lost_event" && labels[1].1 == "fail"));
    }
}
