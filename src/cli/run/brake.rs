//! Ends a run that is hopeless.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::engine::Progress;
use crate::record::Tally;
use crate::verdict::AbortCondition;

/// How often a run is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Ends a run as soon as one of its conditions is met.
pub(super) struct Brake<'a> {
    conditions: &'a [AbortCondition],
    began: Instant,
    /// Cancelled when the run should end, for this reason or because somebody interrupts.
    pub end: CancellationToken,
    reason: OnceLock<String>,
}

impl<'a> Brake<'a> {
    /// Of a run that begins now.
    pub fn new(conditions: &'a [AbortCondition], interrupt: &CancellationToken) -> Self {
        Self { conditions, began: Instant::now(), end: interrupt.child_token(), reason: OnceLock::new() }
    }

    /// Looks at a run in this process, for as long as it is polled.
    pub async fn watch(&self, progress: &Progress) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(EVERY).await;
            if !self.conditions.is_empty() {
                progress.look(|tally| self.look(tally));
            }
        }
    }

    /// Looks at what has been measured so far.
    fn look(&self, tally: &Tally) {
        if self.end.is_cancelled() {
            return;
        }
        let Some(met) = self.conditions.iter().find_map(|condition| condition.met(tally)) else { return };
        super::super::say(&format!("ending early, with a report: {met}"));
        let after = self.began.elapsed().as_secs_f64();
        let _ = self.reason.set(format!("ended early, after {after:.1} s: {met}"));
        self.end.cancel();
    }

    /// Why the run was given up, if it was.
    pub fn reason(self) -> Option<String> {
        self.reason.into_inner()
    }
}
