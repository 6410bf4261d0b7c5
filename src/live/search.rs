//! What is known at the moment of a search for the highest load.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::board::Board;
use super::metrics::{Metric, metrics};
use crate::capacity::{Course, Purpose, Times};
use crate::engine::{Counts, Progress};
use crate::protocol::Protocol;
use crate::record::{ActionTally, Tally};
use crate::report::capacity::{AtHand, live_content, live_page};
use crate::report::{CapacityReport, Meta};

/// A search that is watched.
#[derive(Debug)]
pub struct SearchBoard {
    protocol: Arc<Protocol>,
    meta: Meta,
    thresholds: Vec<String>,
    began: Instant,
    known: Mutex<Known>,
}

/// What is known so far.
#[derive(Debug)]
struct Known {
    course: Course,
    /// What all runs before came to together. Numbers by name only grow: they are of the whole search.
    before: Tally,
    counts: Counts,
    run: Option<Run>,
}

/// The run that goes on.
#[derive(Debug)]
struct Run {
    load: f64,
    purpose: Purpose,
    times: Times,
    progress: Arc<Progress>,
}

impl SearchBoard {
    /// Of a search that begins now: what it speaks, what it is, what is good enough, and what is known before the first run.
    pub fn new(protocol: Arc<Protocol>, meta: Meta, thresholds: Vec<String>, course: Course) -> Self {
        let known = Known { course, before: Tally::default(), counts: Counts::default(), run: None };
        Self { protocol, meta, thresholds, began: Instant::now(), known: Mutex::new(known) }
    }

    /// A run begins.
    pub fn begins(&self, (load, purpose): (f64, Purpose), times: Times, progress: Arc<Progress>) {
        self.known().run = Some(Run { load, purpose, times, progress });
    }

    /// It is over.
    pub fn ended(&self) {
        let mut known = self.known();
        if let Some(run) = known.run.take() {
            known.before.merge(run.progress.tally());
            // Nobody is left.
            known.counts = Counts { present: 0, ..known.counts.plus(run.progress.counts()) };
        }
    }

    /// What the runs came to so far.
    pub fn knows(&self, course: Course) {
        self.known().course = course;
    }

    fn rendered(&self, render: impl FnOnce(&CapacityReport<'_>, Option<&AtHand>) -> String) -> String {
        let meta = Meta { duration: self.began.elapsed(), ..self.meta.clone() };
        let (course, at_hand) = {
            let known = self.known();
            (known.course.clone(), known.run.as_ref().map(Run::at_hand))
        };
        render(&CapacityReport { meta: &meta, course: &course, thresholds: &self.thresholds }, at_hand.as_ref())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    fn at_hand(&self) -> AtHand {
        let Self { load, purpose, times, ref progress } = *self;
        let counts = progress.counts();
        let all = progress.look(|tally| ActionTally::sum(tally.actions().map(|(_, _, _, action)| action)));
        AtHand {
            load,
            purpose,
            times,
            elapsed: progress.began().map_or(Duration::ZERO, |(clock, window)| clock.now().since(window.begin)),
            present: counts.present as u64,
            answers: counts.answers,
            timeouts: counts.timeouts,
            violations: counts.violations,
            p50: all.response.percentile(50.0),
            p99: all.response.percentile(99.0),
        }
    }
}

impl Board for SearchBoard {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn metrics(&self) -> Vec<Metric> {
        let known = self.known();
        let (mut tally, mut counts) = (known.before.clone(), known.counts);
        if let Some(run) = &known.run {
            tally.merge(run.progress.tally());
            counts = counts.plus(run.progress.counts());
        }
        drop(known);
        metrics(&tally, counts, &self.protocol)
    }

    fn page(&self) -> String {
        self.rendered(live_page)
    }

    fn content(&self) -> String {
        self.rendered(live_content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::{Finding, Unit};
    use crate::live::Points;

    /// How many actors have started and how many walk, by the metrics.
    fn actors(board: &SearchBoard) -> (f64, f64) {
        let of = |name: &str| {
            let metrics = board.metrics();
            match &metrics.iter().find(|metric| metric.name == name).unwrap().points {
                Points::Counter(points) | Points::Gauge(points) => points[0].1,
                Points::Histogram(_) => f64::NAN,
            }
        };
        (of("chatproof_actors_started"), of("chatproof_actors"))
    }

    #[test]
    fn numbers_are_of_all_runs_and_the_page_tells_of_the_one_at_hand() {
        let course = Course {
            population: "customer".to_owned(),
            unit: Unit::PerSecond,
            action: None,
            wanted: None,
            points: Vec::new(),
            finding: Finding::Open { met: None, missed: None },
        };
        let protocol = Arc::new(Protocol::embedded().unwrap());
        let board = SearchBoard::new(protocol, Meta::default(), Vec::new(), course.clone());
        assert_eq!(actors(&board), (0.0, 0.0));
        assert!(!board.content().contains("id=\"at-hand\""));
        let times = Times { warm_up: Duration::from_secs(1), counted: Duration::from_secs(3) };
        for (load, came) in [(20.0, 30), (40.0, 70)] {
            let progress = Arc::new(Progress::default());
            let mut run = Tally::default();
            run.schedule.started = came;
            run.actors.started = came;
            progress.add(run);
            progress.moved(Counts::default(), Counts { came, present: 5, ..Counts::default() });
            board.begins((load, Purpose::Raise), times, progress);
            let content = board.content();
            assert!(
                content.contains(&format!("{load:.1}/s, to raise")) && content.contains("id=\"at-hand\""),
                "{content}"
            );
            assert_eq!(actors(&board).1, 5.0);
            board.ended();
        }
        assert_eq!(actors(&board), (100.0, 0.0));
        board.knows(Course { finding: Finding::Open { met: Some(40.0), missed: None }, ..course });
        let content = board.content();
        assert!(content.contains("unfinished; 40.0/s was good enough") && !content.contains("id=\"at-hand\""));
    }
}
