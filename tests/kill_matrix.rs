//! Who checks the checker: certification catches every defect of the reference server, by the requirement that it breaks.
//!
//! `cargo test --test kill_matrix` tries a sample; `just kill-matrix` (`KILL_MATRIX=all`) tries all of them and writes
//! `docs/kill-matrix.md`; `KILL_MATRIX=agent/v3.0` tries those whose name or dialect contains the text.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use chatproof::certify::{Cases, Certificate, Options, Profile, RowVerdict, certify};
use chatproof::protocol::{Check, Dialect, Kind, Protocol, RequirementId, Transport};
use chatproof::reference::{Defect, DefectRow};
use support::arena::Arena;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// One of so many defects is in the sample that every test run tries.
const SAMPLE: usize = 24;
/// Certifications at the same time.
const AT_ONCE: usize = 6;
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kill-matrix.md");

/// What certification made of one defect in one dialect.
struct Trial {
    defect: &'static DefectRow,
    dialect: String,
    expected: Vec<RequirementId>,
    caught: BTreeSet<RequirementId>,
    certificate: Certificate,
}

impl Trial {
    fn missed(&self) -> Vec<String> {
        self.expected.iter().filter(|id| !self.caught.contains(*id)).map(ToString::to_string).collect()
    }
}

/// Whether only slow cases can prove a requirement.
fn is_slow(dialect: &Dialect, cases: &Cases, id: &RequirementId) -> bool {
    let checks = &dialect.requirements[id].check;
    let shown_in_time = |check: &Check| matches!(check, Check::Schema { kind: Kind::Push, name, .. } if dialect.catalog.comes_with_time(name));
    if checks.iter().any(shown_in_time) {
        return true;
    }
    let steps = checks.iter().filter(|check| matches!(check, Check::Step(_)));
    let of_slow = |check: &&Check| {
        cases.of(&dialect.name).iter().filter(|case| case.slow).any(|case| case.checks(&dialect.name).contains(check))
    };
    steps.filter(of_slow).count() > 0
}

async fn attempt(
    protocol: Arc<Protocol>,
    cases: Arc<Cases>,
    defect: &'static DefectRow,
    dialect: Arc<Dialect>,
) -> Trial {
    let expected = defect.breaks[&dialect.name].clone();
    let slow = expected.iter().any(|id| is_slow(&dialect, &cases, id));
    let options = Options {
        dialects: vec![dialect.clone()],
        only: slow.then(|| expected.iter().cloned().collect()),
        profile: Profile::Consensus,
        transport: Transport::Websocket,
        quick: !slow,
        allow_missing: false,
        capture: None,
        done: Arc::default(),
        seed: 1,
    };
    let defects = vec![Defect { row: defect, probability: 1.0 }];
    let arena = Arc::new(Arena { protocol, seed: 1, defects, hardships: Vec::new() });
    let mut certification = certify(&cases, &options, arena, CancellationToken::new()).await.unwrap();
    let certificate = certification.certificates.remove(0);
    let broken = |verdict| matches!(verdict, RowVerdict::Fail | RowVerdict::NonStrict | RowVerdict::Info);
    let caught = certificate.rows.iter().filter(|row| broken(row.verdict)).map(|row| row.id.clone()).collect();
    Trial { defect, dialect: dialect.name.to_string(), expected, caught, certificate }
}

async fn attempts(choice: &str) -> Vec<Trial> {
    let protocol = Arc::new(Protocol::embedded().unwrap());
    let cases = Arc::new(Cases::embedded(&protocol).unwrap());
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (n, defect) in DefectRow::all().unwrap().iter().enumerate() {
        for dialect in protocol.dialects().filter(|dialect| defect.breaks.contains_key(&dialect.name)) {
            let chosen = match choice {
                "" => n % SAMPLE == 0,
                "all" => true,
                part => defect.name.contains(part) || dialect.name.as_str().contains(part),
            };
            if !chosen {
                continue;
            }
            let (protocol, cases, dialect, turns) = (protocol.clone(), cases.clone(), dialect.clone(), turns.clone());
            running.spawn(async move {
                let _turn = turns.acquire().await;
                attempt(protocol, cases, defect, dialect).await
            });
        }
    }
    let mut trials = running.join_all().await;
    let place = |trial: &Trial| {
        let at = DefectRow::all().unwrap().iter().position(|row| row.name == trial.defect.name);
        (at, trial.dialect.clone())
    };
    trials.sort_by_key(place);
    trials
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_defect_is_caught_by_the_requirement_that_it_breaks() {
    let choice = std::env::var("KILL_MATRIX").unwrap_or_default();
    let trials = attempts(&choice).await;
    assert!(trials.len() >= if choice.is_empty() { 20 } else { 1 }, "only {} trials", trials.len());
    if choice == "all" {
        std::fs::write(DOCUMENT, document(&trials)).unwrap();
    }
    let missed: Vec<String> = trials
        .iter()
        .filter(|trial| !trial.missed().is_empty())
        .map(|trial| {
            let reasons = trial.certificate.reasons.iter().take(3).map(|reason| format!("\n      {}", reason.text));
            let caught = ids(&trial.caught);
            let (name, dialect) = (&trial.defect.name, &trial.dialect);
            format!(
                "{name} in {dialect}: not caught by {}; caught by {caught}{}",
                trial.missed().join(", "),
                reasons.collect::<String>()
            )
        })
        .collect();
    assert!(missed.is_empty(), "{} of {} trials:\n{}", missed.len(), trials.len(), missed.join("\n"));
}

fn ids<'a>(ids: impl IntoIterator<Item = &'a RequirementId>) -> String {
    ids.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn document(trials: &[Trial]) -> String {
    let mut text = format!(
        "# The kill matrix\n\nEvery defect that the reference server can be told to have, and the requirements by which certification caught it: \
         {} trials. `just kill-matrix` runs them all and writes this file; the test suite runs a sample. \
         [defects.md](defects.md) says what each defect is.\n\n\
         | defect | dialect | breaks | caught by | verdict |\n|---|---|---|---|---|\n",
        trials.len()
    );
    for trial in trials {
        let verdict = format!("{:?}", trial.certificate.judgement).to_lowercase();
        let (name, dialect) = (&trial.defect.name, &trial.dialect);
        let _ =
            writeln!(text, "| `{name}` | {dialect} | {} | {} | {verdict} |", ids(&trial.expected), ids(&trial.caught));
    }
    text
}
