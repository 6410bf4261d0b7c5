//! What all cases of a dialect showed, put together.

use std::collections::{BTreeMap, BTreeSet};

use super::perform::CaseOutcome;
use super::witness::Sight;
use crate::observe::{TranscriptFrame, ViolationKind};
use crate::protocol::{Check, Dialect};
use crate::record::Sample;
use crate::scenario::{Proof, ProofOutcome};

/// A proof, where it was given, and the frames around it.
#[derive(Debug)]
pub(super) struct Given {
    pub case: String,
    pub proof: Proof,
    pub frames: Vec<TranscriptFrame>,
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
}

impl Evidence {
    pub fn of(dialect: &Dialect, outcomes: Vec<CaseOutcome>) -> Self {
        let mut evidence = Self::default();
        for outcome in outcomes {
            evidence.add(dialect, outcome);
        }
        evidence
    }

    fn add(&mut self, dialect: &Dialect, outcome: CaseOutcome) {
        for (proof, frames) in outcome.proofs {
            // Customers see what agents' documents promise of them, and the other way round.
            let about_us = proof.requirements.iter().any(|id| dialect.requirements.contains_key(id));
            if proof.dialect != dialect.name && !about_us {
                // A step of another dialect's actor that proves nothing here only prepares something.
                if let ProofOutcome::Broken { reason } | ProofOutcome::Unfit { reason } = &proof.outcome {
                    self.missing(&outcome.name, &proof.actor, &proof.step, reason);
                }
                continue;
            }
            let check = match proof.name.parse() {
                Ok(check @ Check::Negatives { .. }) => check,
                _ => Check::Step(proof.name.clone()),
            };
            self.proofs.entry(check).or_default().push(Given { case: outcome.name.clone(), proof, frames });
        }
        for failure in &outcome.failures {
            self.missing(&outcome.name, &failure.actor, &failure.step, &failure.reason);
        }
        if outcome.unfinished > 0 {
            self.prerequisites.push(format!("{}: {} actors did not come to an end", outcome.name, outcome.unfinished));
        }
        for (name, sight) in outcome.sights {
            if name == dialect.name {
                self.sight.absorb(sight);
            }
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
        }
    }
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
        self.findings.extend(other.findings);
        for (difference, count) in other.differences {
            *self.differences.entry(difference).or_default() += count;
        }
    }
}
