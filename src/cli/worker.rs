//! `chatproof worker`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::arguments::{AimArguments, Hardships, WorkerArguments};
use super::conclude::thresholds;
use super::run::{IDS, dialects};
use super::target::Aim;
use super::{Failure, interrupt, load_scenario, protocol, results, say};
use crate::engine::{Others, Outcome, Progress, RunOptions};
use crate::load::Share;
use crate::merge::TallyFile;
use crate::protocol::sha256;
use crate::report::Meta;
use crate::scenario::Scenario;
use crate::session::IdSource;
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
    if arguments.aim.target.is_some() && arguments.share.is_none() {
        let text = "--share: say which part of the tokens this worker takes, as K/N; no two workers may take the same";
        return Err(Failure::new(Code::Usage, text));
    }
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
    let aim = Aim::take(&arguments.aim, seed, &protocol)?;
    aim.credentials(&scenario, seed, Share::WHOLE)?;
    let AimArguments { target, license_id, defect, hardship, .. } = &arguments.aim;
    let hardship = Hardships::of(hardship);
    let mut company = Company {
        file: arguments.scenario.display().to_string(),
        fingerprint: format!("{}\n{target:?} {license_id} {defect:?} {hardship:?}", scenario.fingerprint),
        scenario: Arc::new(scenario),
        thresholds: texts,
        seed,
        share: arguments.share,
        aim,
        started: Timestamp::now(),
        tests: 0,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Code::Internal, error))?;
    runtime.block_on(async {
        let session = company.aim.session(&company.scenario, IdSource::default())?;
        company.aim.knock(&company.scenario, &session).await?;
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
    fingerprint: String,
    thresholds: Vec<String>,
    seed: u64,
    share: Option<Share>,
    aim: Aim,
    /// When the last test began.
    started: Timestamp,
    tests: u64,
}

impl Troupe for Company {
    fn test(&mut self, index: u64) -> Result<RunOptions, String> {
        self.tests += 1;
        self.started = Timestamp::now();
        let share = self.share.or_else(|| Share::new(index + 1, WORKERS)).unwrap_or(Share::WHOLE);
        let ids = IdSource::starting_at((share.number() - 1).saturating_mul(IDS));
        let told = |failure: Failure| failure.text;
        let session = self.aim.session(&self.scenario, ids).map_err(told)?;
        // People who are made up are others in each test: those of an earlier one may have left chats behind.
        let credentials =
            self.aim.credentials(&self.scenario, self.seed.wrapping_add(self.tests), share).map_err(told)?;
        Ok(RunOptions {
            scenario: self.scenario.clone(),
            seed: self.seed,
            share,
            others: Others::default(),
            wanted: None,
            clock: session.clock,
            warm_up: Duration::ZERO,
            workers: results::cores(),
            session,
            credentials,
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
            target: self.aim.name.clone(),
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
