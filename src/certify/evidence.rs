//! What all cases of a dialect showed, put together.

use std::collections::{BTreeMap, BTreeSet};

use super::perform::CaseOutcome;
use super::witness::{Asked, Sight};
use crate::observe::{TranscriptFrame, ViolationKind};
use crate::protocol::{Check, Dialect};
use crate::record::Sample;
use crate::scenario::{Proof, ProofOutcome, Scenario, StepAction, visit};

/// A proof, where it was given, and the frames around it.
#[derive(Debug)]
pub(super) struct Given {
    pub case: String,
    pub proof: Proof,
    pub frames: Vec<TranscriptFrame>,
    /// Whether it says nothing because the target does not have the action that it is about.
    pub is_missing: bool,
}

/// What all cases of a dialect showed.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub proofs: BTreeMap<Check, Vec<Given>>,
    pub sight: Sight,
    /// What oracles raised; schemas speak through `sight.findings`.
    pub violations: BTreeMap<ViolationKind, Vec<Sample>>,
    pub prerequisites: Vec<String>,
    pub errors: BTreeSet<String>,
    /// Actions that the target does not have, by the way it refuses them.
    pub not_offered: BTreeSet<String>,
}

impl Evidence {
    pub fn of(dialect: &Dialect, outcomes: Vec<CaseOutcome>) -> Self {
        let mut evidence = Self::default();
        for (name, sight) in outcomes.iter().flat_map(|outcome| &outcome.sights) {
            if *name == dialect.name {
                evidence.sight.absorb(sight.clone());
            }
        }
        evidence.not_offered = not_offered(dialect, &evidence.sight.asked);
        for outcome in outcomes {
            evidence.add(dialect, outcome);
        }
        evidence
    }

    fn add(&mut self, dialect: &Dialect, outcome: CaseOutcome) {
        let about = Subjects::of(dialect, &outcome.scenario);
        let missing = |step: &str| about.missing(step, &self.not_offered);
        let failures = outcome.failures.iter().map(|failure| failure.step.as_str());
        let is_partial =
            failures.chain(outcome.proofs.iter().map(|(proof, _)| &*proof.step)).any(|s| missing(s).is_some());
        for (mut proof, frames) in outcome.proofs {
            // Customers see what agents' documents promise of them, and the other way round.
            let about_us = proof.requirements.iter().any(|id| dialect.requirements.contains_key(id));
            if proof.dialect != dialect.name && !about_us {
                // A step of another dialect's actor that proves nothing here only prepares something.
                if let ProofOutcome::Broken { reason } | ProofOutcome::Unfit { reason } = &proof.outcome {
                    self.missing(&outcome.name, &proof.actor, &proof.step, reason);
                }
                continue;
            }
            if let Some(action) = about.missing(&proof.step, &self.not_offered)
                && proof.dialect == dialect.name
            {
                proof.outcome = ProofOutcome::Unfit { reason: lacking(&action) };
            }
            let check = match proof.name.parse() {
                Ok(check @ Check::Negatives { .. }) => check,
                _ => Check::Step(proof.name.clone()),
            };
            let is_missing = about.missing(&proof.step, &self.not_offered).is_some()
                || (is_partial && matches!(proof.outcome, ProofOutcome::Unfit { .. }));
            let case = outcome.name.clone();
            self.proofs.entry(check).or_default().push(Given { case, proof, frames, is_missing });
        }
        let present = |step: &str| about.missing(step, &self.not_offered).is_none();
        let failures: Vec<_> = outcome.failures.iter().filter(|failure| present(&failure.step)).collect();
        for failure in failures {
            self.missing(&outcome.name, &failure.actor, &failure.step, &failure.reason);
        }
        if outcome.unfinished > 0 {
            self.prerequisites.push(format!("{}: {} actors did not come to an end", outcome.name, outcome.unfinished));
        }
        for (kind, tally) in outcome.tally.violations.iter().filter(|(kind, _)| !is_of_schema(*kind)) {
            let of_dialect = tally.samples.iter().filter(|sample| sample.violation.dialect == dialect.name).cloned();
            let samples: Vec<Sample> = of_dialect.collect();
            if !samples.is_empty() {
                self.violations.entry(kind).or_default().extend(samples);
            }
        }
        if let Some(tally) = outcome.tally.dialects.get(&dialect.name) {
            for action in tally.transports.values().flat_map(|transport| transport.actions.values()) {
                self.errors.extend(action.errors.keys().cloned());
            }
        }
    }

    fn missing(&mut self, case: &str, actor: &str, step: &str, reason: &str) {
        self.prerequisites.push(format!("{case}, {actor}, {step}: {reason}"));
    }

    /// Whether anything happened that the oracle of this kind looks at.
    pub fn exercised(&self, kind: ViolationKind) -> bool {
        use ViolationKind as V;
        let sight = &self.sight;
        let answers = sight.successes + sight.refusals;
        match kind {
            V::MalformedFrame | V::MalformedEnvelope | V::UnknownAction => answers + sight.pushes > 0,
            V::WrongType | V::MissingMember | V::WrongValue | V::DisputedReading | V::OpenReading => {
                sight.successes + sight.pushes > 0
            }
            V::WrongCorrelation | V::WrongAction | V::DuplicateResponse => sight.rtm_answers > 0,
            V::NoAnswer | V::LateAnswer => answers > 0,
            V::UndocumentedError => sight.refusals > 0,
            V::ForeignCorrelation | V::DuplicatePush => sight.pushes > 0,
            V::ThreadStartTwice => sight.thread_starts > 0,
            V::DuplicateOrder
            | V::EventChanged
            | V::ObserversDisagree
            | V::LostEvent
            | V::DuplicateEvent
            | V::AgentsOnlyLeak
            | V::CausalOrder
            | V::ReorderedDelivery => sight.events > 1,
            // Our own client is not judged.
            V::MalformedRequest
            | V::UndocumentedAction
            | V::WrongTransport
            | V::RequestType
            | V::RequestMember
            | V::RequestValue
            | V::UndocumentedMember
            | V::DisputedRequest
            | V::OpenRequest
            | V::RequestBeforeLogin
            | V::ReusedCorrelation
            | V::RecycledCorrelation
            | V::Uncorrelated
            | V::SentAfterClose
            | V::MissingPing => false,
        }
    }
}

/// Which action each step of a case is about: the one that it calls or, for what is expected after it, the last one called before.
struct Subjects {
    actions: BTreeMap<String, String>,
    /// The pushes that a step looks for, and the actions that cause them.
    causes: BTreeMap<String, BTreeSet<String>>,
}

impl Subjects {
    fn of(dialect: &Dialect, scenario: &Scenario) -> Self {
        let mut subjects = Self { actions: BTreeMap::new(), causes: BTreeMap::new() };
        for actor in scenario.actors.values().filter(|actor| actor.dialect.name == dialect.name) {
            let mut last: Option<&str> = None;
            visit(&actor.steps, &mut |step| {
                let pushes = match &step.action {
                    StepAction::Call(call) => {
                        last = Some(&call.action);
                        &[]
                    }
                    StepAction::Refuses(refuses) => {
                        last = Some(&refuses.action);
                        &[]
                    }
                    StepAction::Await(wait) => wait.pushes.as_slice(),
                    _ => &[],
                };
                subjects.actions.extend(last.map(|action| (step.pointer.clone(), action.to_owned())));
                let causing = dialect
                    .catalog
                    .actions
                    .iter()
                    .filter(|(_, spec)| !pushes.is_empty() && pushes.iter().any(|push| spec.pushes.contains(push)));
                let causing: BTreeSet<String> = causing.map(|(name, _)| name.clone()).collect();
                if !causing.is_empty() {
                    subjects.causes.insert(step.pointer.clone(), causing);
                }
            });
        }
        subjects
    }

    /// The action that a step is about and that the target does not have.
    fn missing(&self, step: &str, not_offered: &BTreeSet<String>) -> Option<String> {
        let own = self.actions.get(step).filter(|action| not_offered.contains(*action));
        let causes = self.causes.get(step).filter(|causes| causes.is_subset(not_offered));
        own.or_else(|| causes?.first()).cloned()
    }
}

/// Actions of the catalog that were never carried out, and always refused in the words with which actions are that do not
/// exist.
fn not_offered(dialect: &Dialect, asked: &BTreeMap<String, Asked>) -> BTreeSet<String> {
    let known = |action: &str| dialect.catalog.actions.contains_key(action);
    let words: BTreeSet<&String> =
        asked.iter().filter(|(action, _)| !known(action)).flat_map(|(_, asked)| &asked.refusals).collect();
    let absent = |asked: &Asked| {
        asked.successes == 0 && !asked.refusals.is_empty() && asked.refusals.iter().all(|text| words.contains(text))
    };
    asked.iter().filter(|(action, asked)| known(action) && absent(asked)).map(|(action, _)| action.clone()).collect()
}

fn lacking(action: &str) -> String {
    format!("the target does not offer `{action}`")
}

/// Kinds that schemas raise; the witness works these out itself, by profile.
pub(super) fn is_of_schema(kind: ViolationKind) -> bool {
    use ViolationKind as V;
    matches!(kind, V::WrongType | V::MissingMember | V::WrongValue | V::DisputedReading | V::OpenReading)
}

impl Sight {
    pub(super) fn absorb(&mut self, other: Self) {
        self.seen.absorb(other.seen);
        self.successes += other.successes;
        self.refusals += other.refusals;
        self.rtm_answers += other.rtm_answers;
        self.pushes += other.pushes;
        self.events += other.events;
        self.thread_starts += other.thread_starts;
        for (action, asked) in other.asked {
            let own = self.asked.entry(action).or_default();
            own.successes += asked.successes;
            own.refusals.extend(asked.refusals);
        }
        self.findings.extend(other.findings);
        for (difference, count) in other.differences {
            *self.differences.entry(difference).or_default() += count;
        }
    }
}
