//! The pings of socket.io's own wire: when they are due, and when a server that answers none is gone.

use std::time::Duration;

use crate::observe::Moment;

/// Shortest and longest time between two pings, and after one of them, whatever the peer asks for.
const BOUNDS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(3600));

/// How one session is kept alive. A server of socket.io counts nothing but pings as a sign of life; to its clients everything is one.
#[derive(Debug)]
pub(super) struct Heartbeat {
    every: Duration,
    within: Duration,
    last: Moment,
    /// Since when a ping waits for a sign of life.
    unanswered: Option<Moment>,
}

impl Heartbeat {
    /// As a handshake asks for it: milliseconds between two pings, and after one of them.
    pub fn asked(every: u64, within: u64) -> Self {
        let bounded = |millis| Duration::from_millis(millis).clamp(BOUNDS.0, BOUNDS.1);
        Self { every: bounded(every), within: bounded(within), last: Moment::default(), unanswered: None }
    }

    /// Starts counting; it may not beat more seldom than so.
    pub fn start(&mut self, now: Moment, at_least_every: Duration) {
        (self.last, self.every) = (now, self.every.min(at_least_every));
    }

    /// Whether a ping is due. If so it is taken to be sent.
    pub fn beats(&mut self, now: Moment) -> bool {
        let due = now.since(self.last) >= self.every;
        if due {
            self.last = now;
            self.unanswered.get_or_insert(now);
        }
        due
    }

    /// Something came.
    pub fn heard(&mut self) {
        self.unanswered = None;
    }

    /// Whether a ping waits for longer than the server asked for.
    pub fn is_lost(&self, now: Moment) -> bool {
        self.unanswered.is_some_and(|since| now.since(since) >= self.within)
    }

    /// When there is next something to do.
    pub fn next(&self) -> Moment {
        let beat = self.last + self.every;
        self.unanswered.map_or(beat, |since| beat.min(since + self.within))
    }
}
