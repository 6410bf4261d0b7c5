//! What a person at a terminal sees while a run goes on.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::engine::Progress;

/// How often the line is drawn anew.
const EVERY: Duration = Duration::from_millis(200);

/// Shows the progress until dropped; nothing unless standard error is a terminal.
pub(super) struct Shown {
    bar: ProgressBar,
    task: tokio::task::JoinHandle<()>,
}

impl Shown {
    pub fn start(progress: Arc<Progress>, expected: Duration) -> Option<Self> {
        if !std::io::stderr().is_terminal() {
            return None;
        }
        let bar = ProgressBar::with_draw_target(Some(expected.as_secs().max(1)), ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {bar:30} {msg}") {
            bar.set_style(style);
        }
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                drawn.set_position(drawn.elapsed().as_secs().min(drawn.length().unwrap_or(0)));
                drawn.set_message(format!(
                    "{} present of {} so far, {} answers, {} pushes, {} findings",
                    progress.present(),
                    progress.came_in_all(),
                    progress.answers(),
                    progress.pushes(),
                    progress.violations()
                ));
            }
        });
        Some(Self { bar, task })
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}
