//! The clean reference server passes its certification without a remark, whatever the seed, also when it does every hard thing that
//! the documents allow, and over socket.io as over websockets.
//!
//! `cargo test --test clean_server` tries a few seeds; `just seeds` (`SEEDS=20`) tries twenty. The slow cases are left to the run of
//! `chatproof certify` that every change has to pass.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;

use chatproof::certify::{Cases, CheckState, Options, Profile, RowVerdict, certify};
use chatproof::protocol::{Protocol, Transport};
use chatproof::reference::Hardship;
use support::arena::Arena;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Seeds that every test run tries.
const SEEDS: u64 = 2;
/// Certifications at the same time.
const AT_ONCE: usize = 3;

/// What keeps certifications of all dialects from being spotless.
async fn blemishes(
    protocol: Arc<Protocol>,
    cases: Arc<Cases>,
    (seed, transport): (u64, Transport),
    hardships: &[Hardship],
) -> Vec<String> {
    let options = Options {
        dialects: protocol.dialects().cloned().collect(),
        only: None,
        profile: Profile::Consensus,
        transport,
        quick: true,
        allow_missing: false,
        capture: None,
        done: Arc::default(),
        seed,
    };
    let arena = Arc::new(Arena { protocol, seed, defects: Vec::new(), hardships: hardships.to_vec() });
    let certification = certify(&cases, &options, arena, CancellationToken::new()).await.unwrap();
    assert_eq!(certification.certificates.len(), options.dialects.len());
    let mut found = Vec::new();
    for certificate in &certification.certificates {
        let about = format!("{}, {transport}, seed {seed}, {} hardships", certificate.dialect, hardships.len());
        assert!(certificate.rows.len() > 30, "{about}: only {} rows", certificate.rows.len());
        let blemished = certificate.rows.iter().filter(|row| {
            let left_out = row.checks.iter().any(|check| check.state == CheckState::LeftOut);
            let good = match row.verdict {
                RowVerdict::Pass | RowVerdict::Excluded => true,
                RowVerdict::Info => !hardships.is_empty(),
                RowVerdict::NotExercised | RowVerdict::Inconclusive => left_out,
                RowVerdict::NonStrict | RowVerdict::Fail => false,
            };
            !good
        });
        found.extend(blemished.map(|row| {
            let details: Vec<&str> = row.checks.iter().map(|check| &*check.detail).collect();
            format!("{about}: {} {} ({})", row.id, row.verdict.name(), details.join("; "))
        }));
        let stray = certificate.unattributed.iter().filter(|stray| stray.fails);
        found.extend(stray.map(|stray| format!("{about}: {} ({})", stray.kind, stray.detail)));
        found.extend(certificate.prerequisites.iter().map(|prerequisite| format!("{about}: {prerequisite}")));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clean_server_passes_without_a_remark() {
    let seeds = std::env::var("SEEDS").map_or(SEEDS, |text| text.parse().unwrap());
    let protocol = Arc::new(Protocol::embedded().unwrap());
    let cases = Arc::new(Cases::embedded(&protocol).unwrap());
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    let over_websocket = (1..=seeds).map(|seed| (seed, Transport::Websocket));
    for choice in over_websocket.chain([(1, Transport::Socketio)]) {
        for hardships in [&[], Hardship::ALL] {
            let (protocol, cases, turns) = (protocol.clone(), cases.clone(), turns.clone());
            running.spawn(async move {
                let _turn = turns.acquire_owned().await;
                blemishes(protocol, cases, choice, hardships).await
            });
        }
    }
    let found: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert!(found.is_empty(), "{} blemishes:\n{}", found.len(), found.join("\n"));
}
