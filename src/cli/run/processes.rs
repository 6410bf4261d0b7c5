//! `--processes N`: worker processes of this same program, each with a share of the run. One process holds only so many
//! connections.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::super::Failure;
use super::super::target::Aim;
use super::Performed;
use super::led::{Said, Told};
use crate::engine::{Counts, Outcome, Progress, Window};
use crate::load::Share;
use crate::observe::Clock;
use crate::scenario::{Load, Scenario};
use crate::verdict::{ExitCode as Code, is_saturated};

/// From the moment at which all are ready to the common start: time enough to tell it to all.
const NOTICE: Duration = Duration::from_millis(200);

/// A worker process, as its leader sees it.
#[derive(Default)]
struct Worker {
    /// Closed when it should end.
    orders: Option<ChildStdin>,
    counts: Counts,
    ready: bool,
    done: bool,
    ended: bool,
}

/// What comes from a worker process.
enum Heard {
    Said(Said),
    /// It is gone; how, in words.
    Gone(String),
}

/// All worker processes of a run.
struct Crew {
    workers: Vec<Worker>,
    performed: Performed,
    left: usize,
}

/// Runs a plan in so many processes.
pub(super) async fn perform(
    count: usize,
    (aim, scenario): (&Aim, &Scenario),
    progress: &Progress,
    end: &CancellationToken,
) -> Result<Performed, Failure> {
    let (tell, mut told) = unbounded_channel();
    let mut crew = Crew { workers: Vec::new(), performed: Performed::default(), left: count };
    for number in 0..count {
        let share = Share::new(number as u64 + 1, count as u64).unwrap_or(Share::WHOLE);
        let mut child = command(share, aim.embedded_at.as_deref())
            .and_then(|mut command| command.spawn())
            .map_err(|error| Failure::new(Code::Internal, format!("cannot start worker process {share}: {error}")))?;
        let orders = child.stdin.take();
        crew.workers.push(Worker { orders, ..Worker::default() });
        let tell = tell.clone();
        std::thread::spawn(move || listen(number, child, &tell));
    }
    while crew.left > 0 {
        tokio::select! {
            heard = told.recv() => match heard {
                Some((number, Heard::Said(said))) => crew.hear(number, said, progress, &scenario.load),
                Some((number, Heard::Gone(how))) => crew.lose(number, &how),
                None => break,
            },
            () = end.cancelled(), if crew.has_orders() => crew.stop(),
        }
    }
    Ok(crew.performed)
}

impl Crew {
    fn hear(&mut self, number: usize, said: Said, progress: &Progress, load: &Load) {
        let worker = &mut self.workers[number];
        match said {
            Said::Ready => {
                worker.ready = true;
                if self.workers.iter().all(|worker| worker.ready) {
                    self.tell(Told::Start(Timestamp::now() + NOTICE));
                    progress.begin(Clock::starting(Instant::now() + NOTICE), Window::of(load, false));
                }
            }
            Said::Progress(counts) => progress.moved(std::mem::replace(&mut worker.counts, counts), counts),
            Said::Part(tally) => progress.add(*tally),
            Said::Done => self.done(number),
            Said::Ended(outcome) => {
                worker.ended = true;
                self.performed.add(*outcome);
                if self.workers.iter().all(|worker| worker.ended) {
                    progress.replace(self.performed.outcome.tally.clone());
                }
                self.done(number);
            }
            Said::Failed(code, text) => {
                worker.ended = true;
                self.fail(Failure { code, text });
            }
        }
    }

    fn done(&mut self, number: usize) {
        self.workers[number].done = true;
        if self.workers.iter().all(|worker| worker.done) {
            self.tell(Told::Done);
        }
    }

    /// A worker process is gone. If it has not told what it measured, the run is not whole.
    fn lose(&mut self, number: usize, how: &str) {
        self.left -= 1;
        if !self.workers[number].ended {
            let text = format!(
                "worker process {} of {} ended ({how}) before it had told what it measured, so the run is not whole",
                number + 1,
                self.workers.len()
            );
            self.fail(Failure::new(Code::Internal, text));
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.performed.trouble.get_or_insert(failure);
        self.stop();
    }

    fn tell(&mut self, order: Told) {
        let Ok(line) = serde_json::to_string(&order) else { return };
        for orders in self.workers.iter_mut().filter_map(|worker| worker.orders.as_mut()) {
            // Who cannot be told any more is gone, and that is heard of.
            let _ = writeln!(orders, "{line}");
        }
    }

    fn has_orders(&self) -> bool {
        self.workers.iter().any(|worker| worker.orders.is_some())
    }

    /// Has all of them end early.
    fn stop(&mut self) {
        self.workers.iter_mut().for_each(|worker| drop(worker.orders.take()));
    }
}

impl Performed {
    /// What another process did at the same time.
    fn add(&mut self, other: Outcome) {
        let Outcome { tally, duration, answered, interrupted } = other;
        self.saturated |= is_saturated(&tally);
        self.outcome.tally.merge(tally);
        self.outcome.answered += answered;
        self.outcome.duration = self.outcome.duration.max(duration);
        self.outcome.interrupted |= interrupted;
    }
}

/// The same command line once more, for one share.
fn command(share: Share, embedded_at: Option<&str>) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut given = std::env::args_os().skip(1);
    command.args(given.next()).arg(format!("--led={share}"));
    command.args(embedded_at.map(|url| OsString::from(format!("--reference={url}")))).args(given);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    // Ctrl-C at the terminal is for the leader, who says what is to be done.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Ok(command)
}

/// Passes on what a worker process says, until it is gone.
fn listen(number: usize, mut child: Child, tell: &UnboundedSender<(usize, Heard)>) {
    let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines()).into_iter().flatten();
    for said in lines.map_while(|line| serde_json::from_str(&line.ok()?).ok()) {
        if tell.send((number, Heard::Said(said))).is_err() {
            break;
        }
    }
    let how = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
    let _ = tell.send((number, Heard::Gone(how)));
}
