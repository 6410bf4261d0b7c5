//! A run, or a share of one, in this process.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::arguments::RunArguments;
use super::super::conclude::thresholds;
use super::super::target::Aim;
use super::super::{Failure, load_scenario, protocol, results};
use super::overrides::override_load;
use crate::engine::{self, Others, Outcome, Progress, RunOptions};
use crate::load::Share;
use crate::observe::Clock;
use crate::protocol::Protocol;
use crate::scenario::Scenario;
use crate::session::{IdSource, SessionContext};
use crate::traffic::CaptureWriter;
use crate::verdict::{AbortCondition, ExitCode as Code, Threshold};

/// Connection numbers of a share; those of the next one begin after them.
pub const IDS: u64 = 1_000_000_000;

/// What is to be done.
pub(super) struct Plan {
    pub protocol: Arc<Protocol>,
    pub scenario: Arc<Scenario>,
    /// The scenario's thresholds, which are known to make sense.
    pub thresholds: Vec<String>,
    /// When it is given up.
    pub aborts: Vec<AbortCondition>,
    pub seed: u64,
    pub share: Share,
    /// Worker threads of this process.
    pub workers: usize,
}

impl Plan {
    /// Reads everything that the command line names.
    pub fn new(arguments: &RunArguments, share: Share) -> Result<Self, Failure> {
        let protocol = Arc::new(protocol(arguments.schemas.as_deref())?);
        let mut scenario = load_scenario(&arguments.scenario, &protocol)?;
        override_load(&mut scenario, arguments)?;
        let texts: Vec<String> = scenario.thresholds.iter().map(|threshold| threshold.text.clone()).collect();
        thresholds(&texts)?;
        let aborts = aborts(&scenario, &arguments.abort_on)?;
        // Processes share the cores; more threads than cores would only be in each other's way.
        let workers = (results::cores() / arguments.processes.unwrap_or(1)).max(1);
        let seed = arguments.seed.unwrap_or(scenario.seed);
        Ok(Self { protocol, scenario: Arc::new(scenario), thresholds: texts, aborts, seed, share, workers })
    }

    /// Runs to the end of a future on this thread.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(runtime.map_err(|error| Failure::new(Code::Internal, error))?.block_on(future))
    }
}

/// The conditions on which a run is given up: those of its scenario, then those of the command line.
fn aborts(scenario: &Scenario, asked: &[AbortCondition]) -> Result<Vec<AbortCondition>, Failure> {
    let own = scenario.thresholds.iter().filter(|threshold| threshold.abort).map(|threshold| {
        let threshold = threshold.text.parse::<Threshold>().map_err(|error| Failure::new(Code::Input, error))?;
        AbortCondition::unless(&threshold).map_err(|error| Failure::new(Code::Input, error))
    });
    let mut aborts = own.collect::<Result<Vec<_>, _>>()?;
    let members = scenario.load.populations.iter().flat_map(|population| &population.members);
    let called: BTreeSet<&str> = members.flat_map(|actor| actor.actions()).collect();
    for condition in asked {
        if let Some(action) = condition.action().filter(|action| !called.contains(action)) {
            let allowed = called.iter().map(|action| format!("`{action}`")).collect::<Vec<_>>().join(", ");
            let text = format!(
                "--abort-on: no actor that comes calls `{action}`, so it is never measured; they call {allowed}"
            );
            return Err(Failure::new(Code::Usage, text));
        }
        aborts.push(condition.clone());
    }
    Ok(aborts)
}

/// Everything is there, and the target answers.
pub(super) struct Ready<'a> {
    plan: &'a Plan,
    session: SessionContext,
    aim: Aim,
}

impl<'a> Ready<'a> {
    /// Knocks at the target.
    pub async fn get(plan: &'a Plan, aim: Aim) -> Result<Self, Failure> {
        let ids = IdSource::starting_at((plan.share.number() - 1).saturating_mul(IDS));
        let session = aim.session(&plan.scenario, ids)?;
        aim.knock(&plan.scenario, &session).await?;
        Ok(Self { plan, session, aim })
    }

    /// Runs it.
    pub async fn go(
        self,
        clock: Clock,
        others: Others,
        capture: Option<CaptureWriter>,
        progress: Arc<Progress>,
        interrupt: &CancellationToken,
    ) -> Result<Outcome, Failure> {
        let Self { plan, session, aim } = self;
        let options = RunOptions {
            scenario: plan.scenario.clone(),
            seed: plan.seed,
            share: plan.share,
            others,
            wanted: None,
            clock,
            warm_up: Duration::ZERO,
            workers: plan.workers,
            session,
            credentials: aim.credentials(&plan.scenario, plan.seed, plan.share)?,
            capture,
            progress,
            interrupt: interrupt.clone(),
        };
        engine::run(options).await.map_err(|error| Failure::new(Code::Internal, error))
    }
}
