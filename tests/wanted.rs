//! A run in which somebody else says how many actors walk, as they walk.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatproof::engine::{Credentials, EngineError, Others, Outcome, Progress, RunOptions, run};
use chatproof::load::Share;
use chatproof::observe::{Clock, Observation, Observer};
use chatproof::protocol::Protocol;
use chatproof::scenario::load_text;
use chatproof::session::{IdSource, PingStyle, SessionContext, Target};
use support::serve;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Customers who stay until they are told to go, agents who do so and stand by, and callers over the Web API who come and go.
const SCENARIO: &str = "
actors:
  agent: { dialect: agent/v3.0, transport: websocket, login: {}, steps: [{ stay: until_wind_down }] }
  customer: { dialect: customer/v0.3, transport: websocket, login: {}, steps: [{ stay: until_wind_down }, { think: 500ms }] }
  caller:
    dialect: agent/v3.0
    transport: web
    steps: [{ call: get_archives, payload: { pagination: { page: 1, limit: 10 } } }, { think: 50ms }]
load:
  for: 1s
  wind_down: 20s
  populations:
    - { actor: agent, standing: 1 }
    - { actor: customer, arrive: { rate: 1/s, at_most: 1 } }
    - { actor: caller, concurrent: 1 }
";

struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: &Observation<'_>) {}
}

struct Wanting {
    want: watch::Sender<BTreeMap<String, u64>>,
    progress: Arc<Progress>,
    others: Others,
    interrupt: CancellationToken,
}

impl Wanting {
    fn want(&self, agents: u64, customers: u64, callers: u64) {
        let names = ["agent", "customer", "caller"].map(str::to_owned);
        self.want.send(names.into_iter().zip([agents, customers, callers]).collect()).unwrap();
    }

    /// Waits until so many walk. Callers are between two of them now and then, so there must be none.
    async fn until_present(&self, count: usize) {
        self.until(&format!("{count} present"), || self.progress.present() == count).await;
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < Duration::from_secs(60), "still not {what}: {} are", self.progress.present());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A run against a server, and the end that `script` gives it.
fn play(script: impl AsyncFnOnce(Wanting)) -> Outcome {
    let server = serve(&[]);
    let protocol = Protocol::embedded().unwrap();
    let scenario = load_text(Path::new("wanted.yaml"), SCENARIO.to_owned(), &protocol, &|_| Ok(None));
    let scenario = Arc::new(scenario.unwrap_or_else(|errors| panic!("{}", errors.render(false))));
    let clock = Clock::start();
    let (want, wanted) = watch::channel(BTreeMap::new());
    let wanting =
        Wanting { want, progress: Arc::default(), others: Others::default(), interrupt: CancellationToken::new() };
    let options = RunOptions {
        seed: 1,
        share: Share::new(2, 3).unwrap(),
        others: wanting.others.clone(),
        wanted: Some(wanted),
        clock,
        warm_up: Duration::ZERO,
        workers: 2,
        session: SessionContext {
            target: Arc::new(Target::parse(&server.url, 1).unwrap()),
            dialect: scenario.actors["agent"].dialect.clone(),
            observer: Arc::new(Nobody),
            clock,
            ids: IdSource::default(),
            http: reqwest::Client::new(),
            pings: PingStyle::default(),
        },
        credentials: Credentials::invented(&scenario, 1),
        capture: None,
        progress: wanting.progress.clone(),
        interrupt: wanting.interrupt.clone(),
        scenario,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (outcome, ()): (Result<Outcome, EngineError>, ()) =
        runtime.block_on(async { tokio::join!(run(options), script(wanting)) });
    outcome.unwrap()
}

#[test]
fn as_many_walk_as_somebody_wants_and_the_standing_ones_go_last() {
    let outcome = play(async |wanting| {
        wanting.want(2, 3, 0);
        wanting.until_present(5).await;
        // Beyond the scenario's own limit, and down again: nobody replaces who leaves.
        wanting.want(2, 7, 0);
        wanting.until_present(9).await;
        wanting.want(1, 2, 0);
        wanting.until_present(3).await;
        assert_eq!(wanting.progress.tally().actors.started, 9);
        let Wanting { want, others, progress, .. } = wanting;
        drop(want);
        others.done_here.cancelled().await;
        // The agent is there as long as somebody elsewhere may need it.
        assert_eq!(progress.present(), 1);
        others.done_everywhere.cancel();
    });
    assert_eq!((outcome.tally.actors.started, outcome.tally.actors.finished), (9, 9));
    assert!(!outcome.interrupted);
}

#[test]
fn whoever_ends_is_replaced_by_somebody_with_another_number() {
    let outcome = play(async |wanting| {
        wanting.want(0, 0, 2);
        wanting.until("a dozen", || wanting.progress.came_in_all() >= 12).await;
        assert!(wanting.progress.present() <= 2);
        wanting.want(0, 0, 0);
        wanting.until_present(0).await;
        let came = wanting.progress.came_in_all();
        wanting.want(0, 1, 0);
        wanting.until_present(1).await;
        assert_eq!(wanting.progress.came_in_all(), came + 1);
        wanting.others.done_everywhere.cancel();
    });
    let actors = outcome.tally.actors;
    assert_eq!((actors.failed, actors.interrupted, actors.finished), (0, 0, actors.started));
    assert_eq!(outcome.tally.schedule.dropped, 0);
}

#[test]
fn an_interruption_does_not_wait_for_anybody() {
    let outcome = play(async |wanting| {
        wanting.want(1, 1, 0);
        wanting.until_present(2).await;
        wanting.interrupt.cancel();
        // Nobody says that anything is done, and `want` is still there.
        wanting.others.done_here.cancelled().await;
    });
    assert!(outcome.interrupted);
}
