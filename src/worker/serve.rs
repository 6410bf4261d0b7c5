//! Binds the machine to the connection, the clock and the engine.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::classes::wanted;
use super::link::{Link, LinkError, News};
use super::message::{Counts, Delivery, Exception, Finish, Heartbeat, Incoming, Outgoing};
use super::{Account, Action, Alarm, Class, Event, Leaving, Machine, health};
use crate::engine::{self, EngineError, Others, Outcome, Progress, RunOptions};
use crate::load::Share;
use crate::merge::TallyFile;
use crate::record::Tally;

/// What a worker needs from whoever starts it.
pub trait Troupe {
    /// What a test of the worker with this number, counted from 0, runs with. How many walk comes from the master.
    ///
    /// # Errors
    /// When this machine does not have what a test needs, in words.
    fn test(&mut self, index: u64) -> Result<RunOptions, String>;

    /// The tally file of a test that is over, as that part of the test of this name.
    fn tally_file(&self, outcome: Outcome, share: Share, test: &str) -> TallyFile;

    /// Tells the person in front of the worker something.
    fn say(&self, text: &str);
}

/// A worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The master's address.
    #[error(transparent)]
    Address(#[from] LinkError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A test could not begin.
    #[error("a test cannot begin: {0}")]
    Test(String),
    /// A message or a tally could not be written: our bug.
    #[error("cannot write what the master is to be told: {0}")]
    Unwritten(String),
}

/// Serves a master until there is a reason to leave.
///
/// # Errors
/// [`WorkerError`], which is never the fault of the server under test.
pub async fn serve(
    (master, id): (&str, &str),
    classes: &[Class],
    troupe: &mut dyn Troupe,
    interrupt: &CancellationToken,
) -> Result<Leaving, WorkerError> {
    let link = Link::new(master, id)?;
    let began = Instant::now();
    let mut worker =
        Worker { id, classes, troupe, link, began, health: health::Health::default(), test: None, over: None };
    let mut machine = Machine::new(Duration::ZERO);
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut left = false;
    loop {
        let event = tokio::select! {
            news = worker.link.next() => match news {
                News::Connected => Some(Event::Connected),
                News::Said(message) => worker.understand(&message),
            },
            step = next(&mut worker.test) => match step? {
                Step::Gone => Some(Event::Gone),
                Step::Ended(outcome) => Some(worker.end(*outcome)),
            },
            _ = ticks.tick() => {
                worker.count();
                Some(Event::Tick)
            }
            () = interrupt.cancelled(), if !left => {
                left = true;
                Some(Event::Interrupted)
            }
        };
        let Some(event) = event else { continue };
        for action in machine.on(began.elapsed(), event) {
            if let Some(leaving) = worker.act(action).await? {
                worker.link.close().await;
                return Ok(leaving);
            }
        }
    }
}

/// How a test comes to its end.
enum Step {
    /// Nobody but the standing populations is left.
    Gone,
    /// It is over.
    Ended(Box<Outcome>),
}

async fn next(test: &mut Option<Test>) -> Result<Step, EngineError> {
    let Some(test) = test else { return std::future::pending().await };
    tokio::select! {
        outcome = test.running.as_mut() => outcome.map(|outcome| Step::Ended(Box::new(outcome))),
        () = test.others.done_here.cancelled(), if !test.gone => {
            test.gone = true;
            Ok(Step::Gone)
        }
    }
}

struct Worker<'a> {
    id: &'a str,
    classes: &'a [Class],
    troupe: &'a mut dyn Troupe,
    link: Link,
    began: Instant,
    health: health::Health,
    test: Option<Test>,
    /// The last test, as long as nobody has its tally.
    over: Option<(Outcome, Count)>,
}

struct Test {
    running: Pin<Box<dyn Future<Output = Result<Outcome, EngineError>>>>,
    /// Dropped to say that all are to come to their end.
    want: Option<watch::Sender<BTreeMap<String, u64>>>,
    others: Others,
    gone: bool,
    abort: CancellationToken,
    progress: Arc<Progress>,
    count: Count,
}

/// What the master has been told of a test.
#[derive(Default)]
struct Count {
    account: Account,
    alarm: Alarm,
    raised: Vec<Exception>,
}

impl Count {
    fn add(&mut self, tally: &Tally) {
        self.account.count(tally, unix_time());
        self.raised.extend(self.alarm.raise(tally));
    }
}

impl Worker<'_> {
    fn understand(&self, message: &[u8]) -> Option<Event> {
        match Incoming::read(message) {
            Ok(message) => Some(Event::Told(message)),
            Err(error) => {
                self.troupe.say(&error.to_string());
                None
            }
        }
    }

    async fn act(&mut self, action: Action) -> Result<Option<Leaving>, WorkerError> {
        match action {
            Action::Send(message) => self.say(&message).await?,
            Action::Heartbeat(state) => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                let current_cpu_usage = self.health.cpu(self.began.elapsed(), cores);
                let current_memory_usage = health::memory();
                self.say(&Outgoing::Heartbeat(Heartbeat { state, current_cpu_usage, current_memory_usage })).await?;
            }
            Action::Report(counts) => self.report(counts).await?,
            Action::Begin(index) => self.begin(index)?,
            Action::Want(counts) => self.want(&counts).await?,
            Action::End => {
                if let Some(test) = &mut self.test {
                    test.want = None;
                }
            }
            Action::Dismiss => {
                if let Some(test) = &self.test {
                    test.others.done_everywhere.cancel();
                }
            }
            Action::Abort => {
                if let Some(test) = &mut self.test {
                    test.abort.cancel();
                }
            }
            Action::Deliver(finish) => self.deliver(finish).await?,
            Action::Connect => {
                self.over = None;
                self.troupe.say("the master does not answer; looking for it again");
                self.link.renew().await;
            }
            Action::Leave(leaving) => return Ok(Some(leaving)),
        }
        Ok(None)
    }

    async fn say(&self, message: &Outgoing) -> Result<(), WorkerError> {
        let bytes = message.write(self.id).map_err(|error| WorkerError::Unwritten(error.to_string()))?;
        self.link.say(bytes).await;
        Ok(())
    }

    fn begin(&mut self, index: u64) -> Result<(), WorkerError> {
        self.troupe.say(&format!("a test begins; this is worker {index}"));
        self.over = None;
        let (want, wanted) = watch::channel(BTreeMap::new());
        let options = self.troupe.test(index).map_err(WorkerError::Test)?;
        let (progress, others, abort) = (options.progress.clone(), options.others.clone(), options.interrupt.clone());
        let running = Box::pin(engine::run(RunOptions { wanted: Some(wanted), ..options }));
        let count = Count::default();
        self.test = Some(Test { running, want: Some(want), others, gone: false, abort, progress, count });
        Ok(())
    }

    async fn want(&mut self, counts: &Counts) -> Result<(), WorkerError> {
        let (wanted, complaints) = wanted(self.classes, counts);
        for complaint in complaints {
            self.troupe.say(&complaint.msg);
            self.say(&Outgoing::Exception(complaint)).await?;
        }
        if let Some(want) = self.test.as_ref().and_then(|test| test.want.as_ref()) {
            let _ = want.send(wanted);
        }
        Ok(())
    }

    fn count(&mut self) {
        if let Some(test) = &mut self.test {
            test.count.add(&test.progress.tally());
        }
    }

    async fn report(&mut self, counts: Counts) -> Result<(), WorkerError> {
        let count = self.test.as_mut().map(|test| &mut test.count).or(self.over.as_mut().map(|(_, count)| count));
        let Some(count) = count else { return Ok(()) };
        let (stats, raised) = (count.account.report(counts), std::mem::take(&mut count.raised));
        self.say(&Outgoing::Stats(Box::new(stats))).await?;
        for exception in raised {
            self.say(&Outgoing::Exception(exception)).await?;
        }
        Ok(())
    }

    fn end(&mut self, outcome: Outcome) -> Event {
        if let Some(mut test) = self.test.take() {
            test.count.add(&outcome.tally);
            self.over = Some((outcome, test.count));
        }
        self.troupe.say("the test is over");
        Event::Ended
    }

    async fn deliver(&mut self, Finish { test, part, of }: Finish) -> Result<(), WorkerError> {
        let outcome = self.over.take().map_or_else(Outcome::default, |(outcome, _)| outcome);
        let Some(share) = Share::new(part, of) else {
            self.troupe.say(&format!("the locustfile asks for part {part} of {of}, which there is not"));
            return Ok(());
        };
        let mut written = Vec::new();
        let unwritten = |error: &dyn std::fmt::Display| WorkerError::Unwritten(error.to_string());
        self.troupe.tally_file(outcome, share, &test).write(&mut written).map_err(|error| unwritten(&error))?;
        let tally = String::from_utf8(written).map_err(|error| unwritten(&error))?;
        self.say(&Outgoing::Tally(Delivery { part, test, tally })).await
    }
}

fn unix_time() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
