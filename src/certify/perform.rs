//! Runs the cases: each against a server of its own, or all against the one that there is.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::witness::{Sight, Witness};
use super::{Case, Cases, Certification, evidence::Evidence, judge};
use crate::engine::Credentials;
use crate::observe::{Clock, Moment, Observer, TranscriptFrame};
use crate::protocol::{Check, Dialect, DialectName, ProtocolError, RequirementId, Schemas, Transport};
use crate::record::{Ledger, Recorder, Tally};
use crate::scenario::{
    ActorOutcome, Arrivals, Cast, Instance, Proof, Scenario, Stage, StepFailure, Surroundings, walk,
};
use crate::session::{IdSource, PingStyle, SessionContext, Target, Token};
use crate::traffic::CaptureWriter;

/// How the documents are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Word by word.
    Literal,
    /// With the errata.
    Consensus,
    /// With the errata, and nothing beside what they describe.
    Strict,
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Literal => "literal",
            Self::Consensus => "consensus",
            Self::Strict => "strict",
        })
    }
}

/// What to certify, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The dialects.
    pub dialects: Vec<Arc<Dialect>>,
    /// The requirements, by dialect; those that are not here are not judged.
    pub only: Option<BTreeSet<RequirementId>>,
    /// How the documents are read.
    pub profile: Profile,
    /// Over which real-time transport the cases' actors speak.
    pub transport: Transport,
    /// Leave slow cases out.
    pub quick: bool,
    /// Do not mind requirements that were not exercised.
    pub allow_missing: bool,
    /// Seed of all choices.
    pub seed: u64,
    /// Keeps a recording.
    pub capture: Option<CaptureWriter>,
    /// Told how far it is.
    pub done: Arc<CasesDone>,
}

/// How far a certification is.
#[derive(Debug, Default)]
pub struct CasesDone {
    done: AtomicUsize,
    of: AtomicUsize,
}

impl CasesDone {
    /// Cases that are over, and how many there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.done.load(Ordering::Relaxed), self.of.load(Ordering::Relaxed))
    }
}

/// Where a case takes place.
pub struct Place {
    /// The server.
    pub target: Arc<Target>,
    /// Tokens for it.
    pub credentials: Arc<Credentials>,
    /// What has to live as long as the case.
    pub keep: Box<dyn Any + Send>,
}

/// Gives every case its server.
pub trait Venue: Send + Sync {
    /// A place for a case.
    fn open<'a>(&'a self, case: &'a Case) -> Pin<Box<dyn Future<Output = Result<Place, String>> + Send + 'a>>;

    /// How many cases may run at the same time; slow ones do not count.
    fn at_once(&self) -> usize;
}

/// Our own failure to certify.
#[derive(Debug, thiserror::Error)]
pub enum CertifyError {
    /// There is no server to talk to.
    #[error("{0}")]
    Venue(String),
    /// The literal wording of a dialect does not hold together.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The HTTP client could not be made.
    #[error("no HTTP client: {0}")]
    Http(#[from] reqwest::Error),
    /// A case broke down.
    #[error("the case {0} broke down")]
    Broken(String),
}

/// What became of a case.
#[derive(Debug)]
pub(super) struct CaseOutcome {
    pub dialect: DialectName,
    pub name: String,
    pub scenario: Arc<Scenario>,
    pub proofs: Vec<(Proof, Vec<TranscriptFrame>)>,
    pub failures: Vec<StepFailure>,
    pub unfinished: usize,
    pub sights: BTreeMap<DialectName, Sight>,
    pub tally: Tally,
    pub history: Vec<String>,
}

/// Runs the cases and judges what they showed. When somebody interrupts, what was seen until then is judged.
///
/// # Errors
/// Only for failures of ours, and when there is no server.
pub async fn certify(
    cases: &Cases,
    options: &Options,
    venue: Arc<dyn Venue>,
    interrupt: CancellationToken,
) -> Result<Certification, CertifyError> {
    let mut literal = HashMap::new();
    for dialect in &options.dialects {
        literal.insert(dialect.name.clone(), dialect.literal()?);
    }
    let hall = Arc::new(Hall {
        literal: Arc::new(literal),
        http: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?,
        quick: Semaphore::new(venue.at_once().max(1)),
        profile: options.profile,
        seed: options.seed,
        capture: options.capture.clone(),
        venue,
    });
    let mut running = JoinSet::new();
    let mut certificates = Vec::new();
    for dialect in &options.dialects {
        for case in cases.of(&dialect.name).iter().filter(|case| wanted(case, dialect, options)) {
            let (hall, case, dialect) = (hall.clone(), case.over(options.transport), dialect.name.clone());
            running.spawn(async move { hall.perform(dialect, case).await });
        }
    }
    options.done.of.store(running.len(), Ordering::Relaxed);
    let mut outcomes: BTreeMap<DialectName, Vec<CaseOutcome>> = BTreeMap::new();
    loop {
        let done = tokio::select! {
            done = running.join_next() => done,
            () = interrupt.cancelled() => None,
        };
        let Some(done) = done else { break };
        let outcome = done.map_err(|error| CertifyError::Broken(error.to_string()))??;
        options.done.done.fetch_add(1, Ordering::Relaxed);
        outcomes.entry(outcome.dialect.clone()).or_default().push(outcome);
    }
    let mut history = Vec::new();
    for dialect in &options.dialects {
        let mut of_dialect = outcomes.remove(&dialect.name).unwrap_or_default();
        of_dialect.sort_by(|a, b| a.name.cmp(&b.name));
        for outcome in &mut of_dialect {
            history.push(format!("{{\"case\":\"{}/{}\"}}", outcome.dialect, outcome.name));
            history.append(&mut outcome.history);
        }
        let left_out = cases.of(&dialect.name).iter().filter(|case| options.quick && case.slow);
        let left_out = left_out.flat_map(|case| case.checks(&dialect.name)).collect();
        certificates.push(judge::judge(dialect, options, &Evidence::of(dialect, of_dialect), &left_out));
    }
    Ok(Certification::new(certificates, options, history))
}

/// Whether a case can say anything about the requirements that were asked for.
fn wanted(case: &Case, dialect: &Dialect, options: &Options) -> bool {
    if options.quick && case.slow {
        return false;
    }
    let Some(only) = &options.only else { return true };
    let asked: Vec<&Check> =
        dialect.requirements.values().filter(|row| only.contains(&row.id)).flat_map(|row| &row.check).collect();
    // What oracles and schemas say comes from all cases.
    let anywhere = asked.iter().any(|check| !matches!(check, Check::Step(_)));
    anywhere || case.checks(&dialect.name).iter().any(|check| asked.contains(&check))
}

/// What the cases share.
struct Hall {
    literal: Arc<HashMap<DialectName, Schemas>>,
    http: reqwest::Client,
    quick: Semaphore,
    profile: Profile,
    seed: u64,
    capture: Option<CaptureWriter>,
    venue: Arc<dyn Venue>,
}

impl Hall {
    async fn perform(&self, dialect: DialectName, case: Case) -> Result<CaseOutcome, CertifyError> {
        let _turn = match case.slow {
            true => None,
            false => self.quick.acquire().await.ok(),
        };
        let place = self.venue.open(&case).await.map_err(CertifyError::Venue)?;
        let clock = Clock::start();
        let recorder = Arc::new(Recorder::new(Arc::new(Ledger::default())));
        let witness = Arc::new(Witness::new(recorder.clone(), self.profile, self.literal.clone()));
        let floor = Arc::new(Floor {
            clock,
            credentials: place.credentials.clone(),
            witness: witness.clone(),
            proofs: Mutex::default(),
            failures: Mutex::default(),
        });
        let scenario = case.scenario.clone();
        let capture = self.capture.as_ref().map(|capture| capture.of_case(&format!("{dialect}/{}", case.name)));
        let observer: Arc<dyn Observer> = match &capture {
            Some(capture) => capture.beside(witness.clone()),
            None => witness.clone(),
        };
        let unfinished = play(&scenario, &floor, self.context(&place, &scenario, clock, observer)?, self.seed).await;
        let now = clock.now();
        recorder.settle(now);
        if let Some(capture) = capture {
            capture.case_over(now);
        }
        drop(place.keep);
        let (sights, history) = witness.take();
        Ok(CaseOutcome {
            dialect,
            name: case.name,
            scenario,
            proofs: std::mem::take(&mut *lock(&floor.proofs)),
            failures: std::mem::take(&mut *lock(&floor.failures)),
            unfinished,
            sights,
            tally: recorder.take(),
            history,
        })
    }

    fn context(
        &self,
        place: &Place,
        scenario: &Scenario,
        clock: Clock,
        observer: Arc<dyn Observer>,
    ) -> Result<SessionContext, CertifyError> {
        let first = scenario.actors.values().next().ok_or_else(|| CertifyError::Broken(scenario.name.clone()))?;
        Ok(SessionContext {
            target: place.target.clone(),
            dialect: first.dialect.clone(),
            observer,
            clock,
            ids: IdSource::default(),
            http: self.http.clone(),
            pings: PingStyle::default(),
        })
    }
}

/// Lets all casts of a scenario walk. Returns how many actors did not come to an end in time.
async fn play(scenario: &Arc<Scenario>, floor: &Arc<Floor>, session: SessionContext, seed: u64) -> usize {
    let wind_down = CancellationToken::new();
    let begin = floor.clock.now();
    let stage = Stage { surroundings: floor.clone(), clock: floor.clock, begin, session, wind_down: wind_down.clone() };
    let mut walking = JoinSet::new();
    let mut numbers: HashMap<String, u64> = HashMap::new();
    for population in &scenario.load.populations {
        let Arrivals::Together { count, at } = population.arrivals else { continue };
        for _ in 0..count {
            let cast = Arc::new(Cast::new(population.members.len()));
            for actor in &population.members {
                let number = numbers.entry(actor.name.clone()).or_default();
                let instance = Instance {
                    actor: actor.clone(),
                    number: *number,
                    due: begin + at,
                    seed,
                    cast: cast.clone(),
                    persistent: false,
                };
                *number += 1;
                let (scenario, stage) = (scenario.clone(), stage.clone());
                walking.spawn(async move {
                    tokio::time::sleep(at).await;
                    walk(scenario, instance, stage).await
                });
            }
        }
    }
    let mut everybody = async || {
        while let Some(done) = walking.join_next().await {
            let _: Result<ActorOutcome, _> = done;
        }
    };
    let _ = tokio::time::timeout(scenario.load.duration, everybody()).await;
    wind_down.cancel();
    let _ = tokio::time::timeout(scenario.load.wind_down, everybody()).await;
    let unfinished = walking.len();
    walking.shutdown().await;
    unfinished
}

/// What a case gives to its actors.
struct Floor {
    clock: Clock,
    credentials: Arc<Credentials>,
    witness: Arc<Witness>,
    proofs: Mutex<Vec<(Proof, Vec<TranscriptFrame>)>>,
    failures: Mutex<Vec<StepFailure>>,
}

impl Surroundings for Floor {
    fn until(&self, moment: Moment) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let rest = moment.since(self.clock.now());
            if rest > Duration::ZERO {
                tokio::time::sleep(rest).await;
            }
        })
    }

    fn step_failed(&self, failure: StepFailure) {
        lock(&self.failures).push(failure);
    }

    fn exhausted(&self, failure: StepFailure) {
        // Whatever the reason, the case was not carried out.
        self.step_failed(failure);
    }

    fn proved(&self, proof: Proof) {
        let frames = proof.connection.map(|connection| self.witness.frames(connection)).unwrap_or_default();
        lock(&self.proofs).push((proof, frames));
    }

    fn take_token(&self, pool: &str) -> Result<Token, String> {
        self.credentials.take(pool)
    }

    fn return_token(&self, pool: &str, token: Token) {
        self.credentials.give_back(pool, token);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
