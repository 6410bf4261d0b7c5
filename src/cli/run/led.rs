//! A worker process of `chatproof run --processes N`. It does one share of the run and is led over its standard input and
//! output, a JSON value a line. When its input ends nobody leads it any more, and it ends as if interrupted.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::super::Failure;
use super::super::arguments::RunArguments;
use super::super::target::Aim;
use super::perform::{Plan, Ready};
use crate::engine::{Counts, Others, Outcome, Progress};
use crate::load::Share;
use crate::observe::Clock;
use crate::record::Tally;
use crate::verdict::ExitCode as Code;

/// How often a worker says how it goes on.
const EVERY: Duration = Duration::from_millis(500);

/// What a worker process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// It could begin.
    Ready,
    /// How it goes on.
    Progress(Counts),
    /// What it measured since it last said so; only if somebody watches, or the run may be given up for it.
    Part(Box<Tally>),
    /// Everybody of its share but the standing populations is gone.
    Done,
    /// What it measured.
    Ended(Box<Outcome>),
    /// It could not do its share.
    Failed(Code, String),
}

/// What a worker process is told.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// Begin at this moment.
    Start(Timestamp),
    /// All shares are done.
    Done,
}

/// Does one share, as it is told.
pub(super) fn led(arguments: &RunArguments, share: Share) -> Code {
    let (code, last) = match obey(arguments, share) {
        Ok(outcome) => (Code::Passed, Said::Ended(Box::new(outcome))),
        Err(Failure { code, text }) => (code, Said::Failed(code, text)),
    };
    say(&last);
    code
}

fn obey(arguments: &RunArguments, share: Share) -> Result<Outcome, Failure> {
    let plan = Plan::new(arguments, share)?;
    let aim = match &arguments.reference {
        Some(url) => Aim::of_leader(url, &arguments.aim)?,
        None => Aim::take(&arguments.aim, plan.seed, &plan.protocol)?,
    };
    let interrupt = CancellationToken::new();
    let (tell, told) = unbounded_channel();
    let nobody_leads = interrupt.clone();
    std::thread::spawn(move || {
        listen(&tell);
        nobody_leads.cancel();
    });
    let watched = arguments.watch.is_asked_for() || !plan.aborts.is_empty();
    plan.block_on(perform(&plan, aim, (told, watched), &interrupt))?
}

async fn perform(
    plan: &Plan,
    aim: Aim,
    (mut told, watched): (UnboundedReceiver<Told>, bool),
    interrupt: &CancellationToken,
) -> Result<Outcome, Failure> {
    let ready = Ready::get(plan, aim).await?;
    say(&Said::Ready);
    let clock = loop {
        tokio::select! {
            () = interrupt.cancelled() => break Clock::start(),
            order = told.recv() => if let Some(Told::Start(start)) = order { break begin(start).await },
        }
    };
    let (progress, others) = (Arc::new(Progress::default()), Others::default());
    let performing = ready.go(clock, others.clone(), None, progress.clone(), interrupt);
    let talking = async {
        let mut is_done = false;
        loop {
            tokio::select! {
                () = others.done_here.cancelled(), if !is_done => {
                    is_done = true;
                    say(&Said::Done);
                }
                order = told.recv(), if !others.done_everywhere.is_cancelled() => {
                    if matches!(order, None | Some(Told::Done)) {
                        others.done_everywhere.cancel();
                    }
                }
                () = tokio::time::sleep(EVERY) => {
                    say(&Said::Progress(progress.counts()));
                    if watched {
                        say(&Said::Part(Box::new(progress.part())));
                    }
                }
            }
        }
    };
    tokio::select! {
        outcome = performing => outcome,
        never = talking => never,
    }
}

/// Waits for the common start. Who hears of it too late is late from the beginning, and its arrivals show it.
async fn begin(start: Timestamp) -> Clock {
    let (now, instant) = (Timestamp::now(), Instant::now());
    let distance = now.duration_until(start);
    let epoch = match Duration::try_from(distance) {
        Ok(ahead) => instant + ahead,
        Err(_) => instant.checked_sub(distance.unsigned_abs()).unwrap_or(instant),
    };
    tokio::time::sleep_until(epoch.into()).await;
    Clock::starting(epoch)
}

/// Passes on what comes on standard input, until it ends.
fn listen(tell: &UnboundedSender<Told>) {
    for line in std::io::stdin().lock().lines() {
        let order = line.ok().and_then(|line| serde_json::from_str(&line).ok());
        let Some(order) = order else { return };
        if tell.send(order).is_err() {
            return;
        }
    }
}

/// When nobody listens any more, standard input ends as well, and that is acted upon.
fn say(said: &Said) {
    if let Ok(line) = serde_json::to_string(said) {
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}
