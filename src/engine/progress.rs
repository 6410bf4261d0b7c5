//! How a run goes on, for whoever watches it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use super::coming::Window;
use super::effort::Meter;
use crate::observe::{Clock, Fact};
use crate::record::{Recorder, Tally};

/// How a run goes on. All counts are of the whole run.
#[derive(Debug, Default)]
pub struct Progress {
    present: AtomicUsize,
    came: AtomicU64,
    answers: AtomicU64,
    timeouts: AtomicU64,
    pushes: AtomicU64,
    violations: AtomicU64,
    began: OnceLock<(Clock, Window)>,
    recorded: Mutex<Recorded>,
}

/// What has been recorded.
#[derive(Debug, Default)]
struct Recorded {
    recorders: Vec<Arc<Recorder>>,
    meter: Option<Meter>,
    /// What was taken from the recorders so far, so that somebody could look at it.
    gathered: Tally,
    /// What of it is still to be told to somebody who adds up parts; nothing while there is nobody.
    untold: Option<Tally>,
}

impl Progress {
    /// Shows everything that has been recorded so far, elsewhere only if that was added. For that the recorders are only emptied:
    /// adding up and looking is the work of the one who looks, not of the threads that make the load.
    pub fn look<T>(&self, look: impl FnOnce(&Tally) -> T) -> T {
        let mut recorded = self.recorded();
        recorded.gather();
        look(&recorded.gathered)
    }

    /// A copy of the same.
    pub fn tally(&self) -> Tally {
        self.look(Tally::clone)
    }

    /// What was recorded since the last time, for somebody who adds up the parts elsewhere. Who looks in between takes nothing away.
    pub fn part(&self) -> Tally {
        let mut recorded = self.recorded();
        recorded.gather();
        recorded.untold.replace(Tally::default()).unwrap_or_else(|| recorded.gathered.clone())
    }

    /// A part of the run that was recorded elsewhere.
    pub fn add(&self, part: Tally) {
        self.recorded().gathered.merge(part);
    }

    /// All that was recorded elsewhere, in place of the parts of it.
    pub fn replace(&self, whole: Tally) {
        self.recorded().gathered = whole;
    }

    /// The run's clock, and when people come; nothing before it began.
    pub fn began(&self) -> Option<(Clock, Window)> {
        self.began.get().copied()
    }

    /// The run begins, here or elsewhere.
    pub fn begin(&self, clock: Clock, window: Window) {
        // A run begins once.
        let _ = self.began.set((clock, window));
    }

    /// Actors that walk at present.
    pub fn present(&self) -> usize {
        self.present.load(Ordering::Relaxed)
    }

    /// Actors that have started.
    pub fn came_in_all(&self) -> u64 {
        self.came.load(Ordering::Relaxed)
    }

    /// Answers so far.
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Requests so far that were not answered within the documented limit.
    pub fn timeouts(&self) -> u64 {
        self.timeouts.load(Ordering::Relaxed)
    }

    /// Pushes so far.
    pub fn pushes(&self) -> u64 {
        self.pushes.load(Ordering::Relaxed)
    }

    /// Violations on single connections so far, of any grade.
    pub fn violations(&self) -> u64 {
        self.violations.load(Ordering::Relaxed)
    }

    /// All counts at once.
    pub fn counts(&self) -> Counts {
        Counts {
            present: self.present(),
            came: self.came_in_all(),
            answers: self.answers(),
            timeouts: self.timeouts(),
            pushes: self.pushes(),
            violations: self.violations(),
        }
    }

    /// A part of the run that is counted elsewhere went on.
    pub fn moved(&self, before: Counts, now: Counts) {
        // Numbers of those present can fall; adding wraps.
        self.present.fetch_add(now.present.wrapping_sub(before.present), Ordering::Relaxed);
        self.came.fetch_add(now.came.wrapping_sub(before.came), Ordering::Relaxed);
        self.answers.fetch_add(now.answers.wrapping_sub(before.answers), Ordering::Relaxed);
        self.timeouts.fetch_add(now.timeouts.wrapping_sub(before.timeouts), Ordering::Relaxed);
        self.pushes.fetch_add(now.pushes.wrapping_sub(before.pushes), Ordering::Relaxed);
        self.violations.fetch_add(now.violations.wrapping_sub(before.violations), Ordering::Relaxed);
    }

    pub(super) fn came(&self) {
        self.present.fetch_add(1, Ordering::Relaxed);
        self.came.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn left(&self) {
        self.present.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn observed(&self, fact: &Fact<'_>) {
        let counter = match fact {
            Fact::Answered(_) => &self.answers,
            Fact::TimedOut { .. } => &self.timeouts,
            Fact::Pushed(_) => &self.pushes,
            Fact::Violated(_) => &self.violations,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// From now on there is something to look at.
    pub(super) fn record(&self, recorders: Vec<Arc<Recorder>>, meter: Meter) {
        let mut recorded = self.recorded();
        (recorded.recorders, recorded.meter) = (recorders, Some(meter));
    }

    /// All that was recorded. Whoever still looks sees it.
    pub(super) fn end(&self) -> Tally {
        let mut recorded = self.recorded();
        recorded.gather();
        recorded.recorders.clear();
        recorded.meter = None;
        recorded.gathered.clone()
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorded {
    fn gather(&mut self) {
        let mut part = Tally::default();
        self.recorders.iter().for_each(|recorder| part.merge(recorder.take()));
        if let Some(meter) = &self.meter {
            part.effort = meter.read().since(&self.gathered.effort);
        }
        if let Some(untold) = &mut self.untold {
            untold.merge(part.clone());
        }
        self.gathered.merge(part);
    }
}

/// The counts of a [`Progress`] at one moment.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Actors that walk.
    pub present: usize,
    /// Actors that have started.
    pub came: u64,
    /// Answers.
    pub answers: u64,
    /// Requests without an answer within the documented limit.
    pub timeouts: u64,
    /// Pushes.
    pub pushes: u64,
    /// Violations on single connections.
    pub violations: u64,
}

impl Counts {
    /// Those of two runs together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            present: self.present + other.present,
            came: self.came + other.came,
            answers: self.answers + other.answers,
            timeouts: self.timeouts + other.timeouts,
            pushes: self.pushes + other.pushes,
            violations: self.violations + other.violations,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Ledger;

    #[test]
    fn parts_add_up_to_the_whole_whoever_looks_in_between() {
        let (progress, elsewhere) = (Progress::default(), Progress::default());
        let recorder = Arc::new(Recorder::new(Arc::new(Ledger::default())));
        progress.record(vec![recorder.clone()], Meter::start());
        for due in 1..=6 {
            recorder.due();
            if due % 2 == 0 {
                assert_eq!(progress.look(|tally| tally.schedule.due), due);
            }
            if due % 3 == 0 {
                elsewhere.add(progress.part());
                assert_eq!(elsewhere.tally().schedule.due, due);
            }
        }
        assert_eq!(elsewhere.tally().effort, progress.recorded().gathered.effort);
        recorder.due();
        let whole = progress.end();
        assert_eq!((whole.schedule.due, progress.tally()), (7, whole.clone()));
        elsewhere.replace(whole.clone());
        assert_eq!(elsewhere.tally(), whole);
    }
}
