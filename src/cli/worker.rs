//! `chatproof worker`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::arguments::WorkerArguments;
use super::conclude::thresholds;
use super::run::{IDS, Nobody, dialects};
use super::target::{Aim, knock};
use super::{Failure, interrupt, load_scenario, protocol, results, say, tokens};
use crate::engine::{Credentials, Others, Outcome, Progress, RunOptions};
use crate::load::Share;
use crate::merge::TallyFile;
use crate::observe::Clock;
use crate::protocol::sha256;
use crate::report::Meta;
use crate::scenario::Scenario;
use crate::session::{IdSource, PingStyle, SessionContext, Target, Token};
use crate::verdict::ExitCode as Code;
use crate::worker::{self, Class, Leaving, Troupe, classes, locustfile};

/// Shares that workers have by the numbers that the master gives them, when they are told none. A prime, so that a worker
/// that goes through data row by row does not come to the same few rows again and again.
const WORKERS: u64 = 1_000_003;

pub(super) fn worker(arguments: &WorkerArguments) -> Result<Code, Failure> {
    let protocol = Arc::new(protocol(arguments.schemas.as_deref())?);
    let mut scenario = load_scenario(&arguments.scenario, &protocol)?;
    let classes = classes(&scenario).map_err(|error| Failure::new(Code::Input, error))?;
    let Some(master) = &arguments.master else {
        super::print(&locustfile(&scenario, &classes));
        return Ok(Code::Passed);
    };
    let texts: Vec<String> = scenario.thresholds.iter().map(|threshold| threshold.text.clone()).collect();
    thresholds(&texts)?;
    // Populations of one actor are one class, and one of them is enough to walk it.
    let mut seen = Vec::new();
    scenario.load.populations.retain(|population| {
        let is_new = !seen.contains(&population.name);
        seen.push(population.name.clone());
        is_new
    });
    let seed = arguments.seed.unwrap_or(scenario.seed);
    let interrupt = interrupt::install()?;
    let embedded = match arguments.target {
        Some(_) => None,
        None => Some(Aim::reference(&scenario, seed, &protocol)?),
    };
    let (target, name) = match (&arguments.target, &embedded) {
        (Some(url), _) => {
            let target = Target::parse(url, arguments.license_id).map_err(|error| Failure::new(Code::Usage, error))?;
            let name = target.peer();
            (Arc::new(target), name)
        }
        (None, Some(aim)) => (aim.target.clone(), aim.name.clone()),
        (None, None) => return Err(Failure::new(Code::Internal, "there is nobody to talk to")),
    };
    let pools = arguments.target.as_ref().and(arguments.token_file.as_deref()).map(tokens::read).transpose()?;
    if let Some(pools) = &pools {
        Credentials::listed(&scenario, pools.clone()).map_err(|error| Failure::new(Code::Input, error))?;
    }
    let fingerprint = format!("{}\n{:?} {}", scenario.fingerprint, arguments.target, arguments.license_id);
    let mut company = Company {
        file: arguments.scenario.display().to_string(),
        scenario: Arc::new(scenario),
        thresholds: texts,
        seed,
        share: arguments.share,
        target,
        name,
        pools,
        fingerprint,
        started: jiff::Timestamp::now(),
        tests: 0,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Code::Internal, error))?;
    runtime.block_on(async {
        let context = company.session(Share::WHOLE)?;
        knock(&company.name, &company.scenario, &context).await?;
        serve(master, &classes, &mut company, &interrupt).await
    })
}

async fn serve(
    master: &str,
    classes: &[Class],
    company: &mut Company,
    interrupt: &CancellationToken,
) -> Result<Code, Failure> {
    // Locust spreads users over machines by what comes before the first `_` of a worker's id.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).take(64).collect();
    let id = format!("{host}_{:032x}", rand::random::<u128>());
    match worker::serve((master, &id), classes, company, interrupt).await {
        Ok(Leaving::Told) => Ok(Code::Passed),
        Ok(Leaving::Interrupted) => Ok(Code::Interrupted),
        Ok(Leaving::NoMaster) => Err(Failure::new(
            Code::Unreachable,
            format!(
                "no Locust master answers at {master}; start `locust --master` with the file that `--locustfile` prints"
            ),
        )),
        Err(error @ worker::WorkerError::Address(_)) => Err(Failure::new(Code::Usage, error)),
        Err(error) => Err(Failure::new(Code::Internal, error)),
    }
}

/// What all tests of this worker have in common.
struct Company {
    file: String,
    scenario: Arc<Scenario>,
    thresholds: Vec<String>,
    seed: u64,
    share: Option<Share>,
    target: Arc<Target>,
    name: String,
    /// Tokens of a file; without them users are made up for the embedded server.
    pools: Option<BTreeMap<String, Vec<Token>>>,
    fingerprint: String,
    /// When the last test began.
    started: jiff::Timestamp,
    tests: u64,
}

impl Company {
    fn session(&self, share: Share) -> Result<SessionContext, Failure> {
        let members = self.scenario.load.populations.iter().flat_map(|population| &population.members);
        let Some(first) = members.into_iter().next() else {
            return Err(Failure::new(Code::Inconclusive, "the scenario has no population"));
        };
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Failure::new(Code::Internal, error))?;
        Ok(SessionContext {
            target: self.target.clone(),
            dialect: first.dialect.clone(),
            observer: Arc::new(Nobody),
            clock: Clock::start(),
            ids: IdSource::starting_at((share.number() - 1).saturating_mul(IDS)),
            http,
            pings: PingStyle::default(),
        })
    }

    fn credentials(&self, share: Share) -> Credentials {
        let credentials = match &self.pools {
            Some(pools) => Credentials::of_pools(pools.clone()),
            // Those who were there in an earlier test may have left chats behind.
            None => Credentials::invented(&self.scenario, self.seed.wrapping_add(self.tests)),
        };
        credentials.of_share(share)
    }
}

impl Troupe for Company {
    fn test(&mut self, index: u64) -> Result<RunOptions, String> {
        self.tests += 1;
        self.started = jiff::Timestamp::now();
        let share = self.share.or_else(|| Share::new(index + 1, WORKERS)).unwrap_or(Share::WHOLE);
        let session = self.session(share).map_err(|failure| failure.text)?;
        Ok(RunOptions {
            scenario: self.scenario.clone(),
            seed: self.seed,
            share,
            others: Others::default(),
            wanted: None,
            clock: session.clock,
            workers: results::cores(),
            session,
            credentials: self.credentials(share),
            capture: None,
            progress: Arc::new(Progress::default()),
            interrupt: CancellationToken::new(),
        })
    }

    fn tally_file(&self, outcome: Outcome, share: Share, test: &str) -> TallyFile {
        let populations = &self.scenario.load.populations;
        let meta = Meta {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: self.scenario.name.clone(),
            about: self.scenario.about.clone().unwrap_or_default(),
            file: self.file.clone(),
            target: self.name.clone(),
            dialects: dialects(&self.scenario),
            seed: self.seed,
            started: self.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            duration: outcome.duration,
            load: populations.iter().map(|p| format!("{}: as many as the Locust master wanted", p.name)).collect(),
            cores: results::cores(),
            workers: results::cores(),
            interrupted: outcome.interrupted,
            notes: Vec::new(),
        };
        let fingerprint = sha256(format!("{}\n{test}", self.fingerprint).as_bytes());
        TallyFile::new((fingerprint, share), (outcome.duration, self.thresholds.clone()), (meta, outcome.tally))
    }

    fn say(&self, text: &str) {
        say(text);
    }
}
