//! What a person sees while a run or a certification goes on.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio_util::task::AbortOnDropHandle;

use crate::certify::CasesDone;
use crate::engine::Progress;
use crate::live::{View, Watch};
use crate::report::{duration, grouped, significant};
use crate::scenario::Load;

/// How often the view in a terminal is drawn anew.
const REDRAW: Duration = Duration::from_secs(1);
/// How often a line is said where there is no terminal.
const SAY: Duration = Duration::from_secs(10);
/// Steps of the bar.
const STEPS: u64 = 1000;

/// Shows how it goes on until dropped: in a terminal as one view that is drawn anew, elsewhere as a line now and then.
pub(super) struct Shown {
    bar: Option<ProgressBar>,
    _task: AbortOnDropHandle<()>,
}

/// What is to be shown at one moment.
#[derive(Debug, PartialEq)]
struct Status {
    /// From 0 to 1.
    done: f64,
    /// What it is at.
    head: String,
    /// Numbers.
    details: String,
}

impl Shown {
    /// Of a run with this load; nothing if that is not wanted.
    pub fn run(progress: &Arc<Progress>, load: &Load, quiet: bool) -> Option<Self> {
        let (progress, load, mut watch) = (progress.clone(), load.clone(), Watch::default());
        Self::start(quiet, move |color| of_run(&watch.look(&progress, &load), color))
    }

    /// Of a certification.
    pub fn certification(cases: &Arc<CasesDone>, quiet: bool) -> Option<Self> {
        let (cases, begun) = (cases.clone(), Instant::now());
        Self::start(quiet, move |_| of_certification(cases.counts(), begun.elapsed()))
    }

    fn start(quiet: bool, mut look: impl FnMut(bool) -> Status + Send + 'static) -> Option<Self> {
        if quiet {
            return None;
        }
        let stderr = std::io::stderr();
        let color = super::color(&stderr);
        let bar = stderr.is_terminal().then(bar);
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(if drawn.is_some() { REDRAW } else { SAY }).await;
                let status = look(color);
                match &drawn {
                    Some(bar) => {
                        bar.set_position((status.done * STEPS as f64) as u64);
                        bar.set_prefix(status.head);
                        bar.set_message(status.details);
                    }
                    None => super::say(&status.line()),
                }
            }
        });
        Some(Self { bar, _task: AbortOnDropHandle::new(task) })
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {prefix}\n{wide_msg}") {
        bar.set_style(style);
    }
    bar
}

impl Status {
    fn line(&self) -> String {
        format!("{}: {}", self.head, self.details)
    }
}

fn of_run(view: &View, color: bool) -> Status {
    let Some(phase) = view.phase else {
        return Status { done: 0.0, head: "getting ready".to_owned(), details: "nobody came yet".to_owned() };
    };
    let left = view.remaining().map(|left| format!(", {} left", clock(left))).unwrap_or_default();
    let share = view.elapsed.as_secs_f64() / view.length.as_secs_f64().max(f64::MIN_POSITIVE);
    let bad = |number: u64, things: &str| {
        let text = format!("{} {things}", grouped(number));
        let style = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        if color && number > 0 { format!("{style}{text}{style:#}") } else { text }
    };
    let of = |what: &str, time: Option<Duration>| time.map(|time| format!("{what} {}", duration(time)));
    let own: Vec<String> = [
        of("lag", view.lag),
        view.cores.map(|cores| format!("CPU {} cores", significant(cores))),
        view.machine.map(|busy| format!("machine {:.0}% busy", busy * 100.0)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let parts = [
        Some(format!("{} came, {} present", grouped(view.came), grouped(view.present as u64))),
        Some(format!("{} messages/s", grouped(view.messages.round() as u64))),
        of("p99", view.p99),
        Some(format!("{}, {}", bad(view.violations, "violations"), bad(view.timeouts, "timeouts"))),
        Some(own.join(", ")).filter(|own| !own.is_empty()),
    ];
    Status {
        done: share.min(1.0),
        head: format!("{} of {}, {phase}{left}", clock(view.elapsed), clock(view.length)),
        details: parts.into_iter().flatten().collect::<Vec<_>>().join(" | "),
    }
}

fn of_certification((done, of): (usize, usize), elapsed: Duration) -> Status {
    Status {
        done: done as f64 / of.max(1) as f64,
        head: format!("{}, certifying", clock(elapsed)),
        details: format!("{done} of {of} cases done"),
    }
}

/// `0:07`, `12:34`, `1:02:03`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Phase;

    fn view() -> View {
        View {
            phase: Some(Phase::FullLoad),
            elapsed: Duration::from_millis(72_900),
            length: Duration::from_secs(300),
            came: 1_240,
            present: 38,
            messages: 2_468.4,
            p99: Some(Duration::from_micros(12_345)),
            violations: 0,
            timeouts: 0,
            lag: Some(Duration::from_micros(21)),
            cores: Some(0.42),
            machine: Some(0.614),
        }
    }

    #[test]
    fn a_run_is_told_in_one_line() {
        let line = of_run(&view(), false).line();
        let expected = "1:12 of 5:00, at full load, 3:47 left: 1,240 came, 38 present | 2,468 messages/s | p99 12.3ms | \
             0 violations, 0 timeouts | lag 21µs, CPU 0.42 cores, machine 61% busy";
        assert_eq!(line, expected);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let view = View {
            phase: Some(Phase::Draining),
            elapsed: Duration::from_secs(3725),
            length: Duration::from_secs(3600),
            ..View::default()
        };
        let status = of_run(&view, true);
        assert_eq!(status.done, 1.0);
        let expected = "1:02:05 of 1:00:00, draining: 0 came, 0 present | 0 messages/s | 0 violations, 0 timeouts";
        assert_eq!(status.line(), expected);
        assert_eq!(of_run(&View::default(), true).line(), "getting ready: nobody came yet");
    }

    #[test]
    fn what_is_wrong_is_red_where_colours_are_welcome() {
        let wrong = View { violations: 3, ..view() };
        let red = of_run(&wrong, true).details;
        assert!(red.contains("\u{1b}[1m\u{1b}[31m3 violations\u{1b}[0m, 0 timeouts"), "{red:?}");
        assert!(!of_run(&wrong, false).details.contains('\u{1b}'));
        assert!(!of_run(&view(), true).details.contains('\u{1b}'));
    }

    #[test]
    fn a_certification_is_told_by_its_cases() {
        let status = of_certification((12, 96), Duration::from_secs(20));
        assert_eq!((status.done, status.line().as_str()), (0.125, "0:20, certifying: 12 of 96 cases done"));
        assert_eq!(of_certification((0, 0), Duration::ZERO).done, 0.0);
    }
}
