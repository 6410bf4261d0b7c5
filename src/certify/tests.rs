//! From evidence to verdicts, without a server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use jiff::civil::date;
use serde_json::json;

use super::evidence::{Evidence, Given};
use super::judge::judge;
use super::witness::SchemaFinding;
use super::*;
use crate::observe::{Grade, Moment};
use crate::protocol::{Check, Dialect, Kind, Protocol, RequirementId, Transport};
use crate::scenario::{Proof, ProofOutcome};
use crate::verdict::Judgement;

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

fn customer() -> &'static Arc<Dialect> {
    PROTOCOL.dialect("customer/v0.3").unwrap()
}

fn id(text: &str) -> RequirementId {
    RequirementId(text.into())
}

fn only(ids: &[&str]) -> Options {
    Options {
        dialects: vec![customer().clone()],
        only: Some(ids.iter().map(|text| id(text)).collect()),
        profile: Profile::Consensus,
        transport: Transport::Websocket,
        quick: false,
        allow_missing: false,
        capture: None,
        done: Arc::default(),
        seed: 1,
    }
}

/// Every check of some requirements, told with one outcome.
fn proved(ids: &[&str], outcome: &ProofOutcome) -> Evidence {
    let mut evidence = Evidence::default();
    for check in ids.iter().flat_map(|text| &customer().requirements[&id(text)].check) {
        evidence.proofs.entry(check.clone()).or_default().push(given(check, outcome.clone()));
    }
    evidence
}

fn given(check: &Check, outcome: ProofOutcome) -> Given {
    let proof = Proof {
        name: check.to_string(),
        requirements: Vec::new(),
        dialect: customer().name.clone(),
        actor: "customer 0".into(),
        step: "/actors/customer/steps/3".into(),
        connection: None,
        at: Moment(0),
        outcome,
    };
    Given { case: "chats.yaml".into(), proof, frames: Vec::new(), is_missing: false }
}

fn verdict(options: &Options, evidence: &Evidence, left_out: &BTreeSet<Check>) -> (RowVerdict, Judgement) {
    let certificate = judge(customer(), options, evidence, left_out);
    assert_eq!(certificate.rows.len(), 1);
    (certificate.rows[0].verdict, certificate.judgement)
}

/// A must whose only check is a step, without an erratum.
const MUST: &str = "C03-B71";
/// A should of that kind.
const SHOULD: &str = "C03-B34";

#[test]
fn only_positive_evidence_passes() {
    let nothing = BTreeSet::new();
    let broken = ProofOutcome::Broken { reason: "no `thread_closed` came".into() };
    let unfit = ProofOutcome::Unfit { reason: "`${chat}` has no value".into() };
    let of = |row: &str, outcome: &ProofOutcome| verdict(&only(&[row]), &proved(&[row], outcome), &nothing);
    assert_eq!(of(MUST, &ProofOutcome::Held), (RowVerdict::Pass, Judgement::Passed));
    assert_eq!(of(MUST, &broken), (RowVerdict::Fail, Judgement::Failed));
    assert_eq!(of(MUST, &unfit), (RowVerdict::Inconclusive, Judgement::Inconclusive));
    assert_eq!(of(SHOULD, &broken), (RowVerdict::NonStrict, Judgement::NonStrict));
    let silence = Evidence::default();
    assert_eq!(verdict(&only(&[MUST]), &silence, &nothing), (RowVerdict::NotExercised, Judgement::Inconclusive));
}

#[test]
fn a_broken_remark_is_told_and_hides_nothing() {
    let dialect = PROTOCOL.dialect("customer/v0.2").unwrap();
    let options = Options { dialects: vec![dialect.clone()], ..only(&["C02-B42"]) };
    let steps = &dialect.requirements[&id("C02-B42")].check;
    let broken = ProofOutcome::Broken { reason: "it was opened".into() };
    let unfit = ProofOutcome::Unfit { reason: "there is no connection".into() };
    for (rest, expected) in [
        (None, Judgement::Inconclusive),
        (Some(unfit), Judgement::Inconclusive),
        (Some(ProofOutcome::Held), Judgement::Passed),
    ] {
        let mut evidence = Evidence::default();
        evidence.proofs.insert(steps[0].clone(), vec![given(&steps[0], broken.clone())]);
        for (check, outcome) in steps[1..].iter().filter_map(|check| Some((check, rest.clone()?))) {
            evidence.proofs.insert(check.clone(), vec![given(check, outcome)]);
        }
        let certificate = judge(dialect, &options, &evidence, &BTreeSet::new());
        assert_eq!((certificate.rows[0].verdict, certificate.judgement), (RowVerdict::Info, expected));
    }
}

#[test]
fn one_broken_proof_among_many_is_enough() {
    let mut evidence = proved(&[MUST], &ProofOutcome::Held);
    let broken = proved(&[MUST], &ProofOutcome::Broken { reason: "late".into() });
    for (check, given) in broken.proofs {
        evidence.proofs.entry(check).or_default().extend(given);
    }
    assert_eq!(verdict(&only(&[MUST]), &evidence, &BTreeSet::new()).0, RowVerdict::Fail);
}

#[test]
fn what_was_not_exercised_is_inconclusive_unless_somebody_asked_for_it() {
    let mut options = only(&[MUST, SHOULD]);
    let evidence = proved(&[SHOULD], &ProofOutcome::Held);
    let judgement = |options: &Options, left_out| judge(customer(), options, &evidence, &left_out).judgement;
    assert_eq!(judgement(&options, BTreeSet::new()), Judgement::Inconclusive);
    options.allow_missing = true;
    assert_eq!(judgement(&options, BTreeSet::new()), Judgement::Passed);
    options.allow_missing = false;
    let slow: BTreeSet<Check> = customer().requirements[&id(MUST)].check.iter().cloned().collect();
    assert_eq!(judgement(&options, slow), Judgement::Passed, "what --quick leaves out is no fault");
}

#[test]
fn a_missing_prerequisite_and_a_stray_violation_fail() {
    let mut evidence = proved(&[MUST], &ProofOutcome::Held);
    evidence.prerequisites.push("chats.yaml, agent 0, /actors/agent: login was refused".into());
    assert_eq!(verdict(&only(&[MUST]), &evidence, &BTreeSet::new()).1, Judgement::Failed);
    let mut evidence = proved(&[MUST], &ProofOutcome::Held);
    evidence.sight.findings.push(finding(Kind::Response, "ping", "/pong", Grade::Fail));
    let certificate = judge(customer(), &only(&[MUST]), &evidence, &BTreeSet::new());
    let row = &certificate.rows[0];
    assert_eq!((row.verdict, certificate.judgement), (RowVerdict::Pass, Judgement::Failed));
    assert!(certificate.reasons[0].text.contains("responses/ping#/pong"), "{:?}", certificate.reasons);
}

fn finding(kind: Kind, name: &str, path: &str, grade: Grade) -> SchemaFinding {
    SchemaFinding {
        kind,
        name: name.into(),
        path: path.into(),
        pointer: path.into(),
        place: None,
        grade,
        expected: "string".into(),
        got: "7".into(),
        source: None,
        at: Moment(0),
        frames: Vec::new(),
    }
}

#[test]
fn a_schema_check_needs_the_member_and_fails_with_it() {
    // C03-B49: login answers with customer_id and static_config_path.
    let options = only(&["C03-B49"]);
    let mut evidence = proved(&["C03-B49"], &ProofOutcome::Held);
    assert_eq!(verdict(&options, &evidence, &BTreeSet::new()).0, RowVerdict::NotExercised);
    let login = json!({"customer_id": "c", "static_config_path": "cdn"});
    customer().schemas.look(Kind::Response, "login", &login, &mut evidence.sight.seen);
    assert_eq!(verdict(&options, &evidence, &BTreeSet::new()).0, RowVerdict::Pass);
    evidence.sight.findings.push(finding(Kind::Response, "login", "/customer_id", Grade::Fail));
    assert_eq!(verdict(&options, &evidence, &BTreeSet::new()).0, RowVerdict::Fail);
}

#[test]
fn a_push_that_comes_with_time_is_left_to_the_slow_cases() {
    // A30-B20: agent_disconnected has a reason. No action causes it.
    let dialect = PROTOCOL.dialect("agent/v3.0").unwrap();
    let options = |quick| Options { dialects: vec![dialect.clone()], quick, ..only(&["A30-B20"]) };
    let judged = |quick| judge(dialect, &options(quick), &Evidence::default(), &BTreeSet::new());
    assert_eq!(judged(false).judgement, Judgement::Inconclusive);
    let quick = judged(true);
    assert_eq!(quick.rows[0].checks[0].state, CheckState::LeftOut);
    assert_eq!(quick.rows[0].verdict, RowVerdict::NotExercised);
}

#[test]
fn what_speaks_of_another_transport_is_left_out_and_no_fault() {
    // C03-B10: websocket ping frames.
    let row = "C03-B10";
    let options = |transport| Options { transport, ..only(&[row, MUST]) };
    let held = proved(&[row, MUST], &ProofOutcome::Held);
    let broken = proved(&[row], &ProofOutcome::Broken { reason: "closed".into() });
    let judged = |transport, evidence: &Evidence| judge(customer(), &options(transport), evidence, &BTreeSet::new());
    let of_row = |certificate: &Certificate| certificate.rows.iter().find(|it| it.id == id(row)).unwrap().verdict;
    let over_websocket = judged(Transport::Websocket, &held);
    assert_eq!((of_row(&over_websocket), over_websocket.judgement), (RowVerdict::Pass, Judgement::Passed));
    assert_eq!(of_row(&judged(Transport::Websocket, &broken)), RowVerdict::Fail);
    let over_socketio = judged(Transport::Socketio, &held);
    assert_eq!((of_row(&over_socketio), over_socketio.judgement), (RowVerdict::NotExercised, Judgement::Passed));
    assert_eq!(of_row(&judged(Transport::Socketio, &broken)), RowVerdict::NotExercised);
}

#[test]
fn waivers_change_what_is_accepted_and_never_the_certificate() {
    let options = only(&[MUST]);
    let broken = proved(&[MUST], &ProofOutcome::Broken { reason: "no".into() });
    let certificate = judge(customer(), &options, &broken, &BTreeSet::new());
    let mut certification = Certification::new(vec![certificate], &options, Vec::new());
    let text = format!("- {{ requirement: {MUST}, reason: known, owner: Ann, expires: 2030-01-31 }}");
    let waivers = Waivers::parse(&text, &PROTOCOL, date(2030, 1, 31)).unwrap();
    waivers.apply(&mut certification).unwrap();
    assert_eq!(certification.judgement, Judgement::Failed);
    // Nothing is left that was shown to hold.
    assert_eq!(certification.accepted, Judgement::Inconclusive);
    assert_eq!(certification.certificates[0].rows[0].waived.as_deref(), Some("known (Ann, until 2030-01-31)"));
}

#[test]
fn stale_and_malformed_waivers_are_errors() {
    let parse = |text: &str| Waivers::parse(text, &PROTOCOL, date(2030, 2, 1)).unwrap_err().to_string();
    let row = |id: &str, reason: &str, day: &str| {
        format!("- {{ requirement: {id}, reason: '{reason}', owner: Ann, expires: {day} }}\n")
    };
    let cases = BTreeMap::from([
        (
            row(MUST, "x", "2030-01-31"),
            "the waiver for C03-B71 (owner: Ann) expired on 2030-01-31; mend the server, or agree on a new one",
        ),
        (row("C03-B999", "x", "2031-01-01"), "the waiver for C03-B999: there is no such requirement"),
        (row(MUST, " ", "2031-01-01"), "the waiver for C03-B71 needs a reason and an owner"),
        (row(MUST, "x", "2031-01-01").repeat(2), "there are two waivers for C03-B71"),
    ]);
    for (text, expected) in cases {
        assert_eq!(parse(&text), expected, "{text}");
    }
    assert!(parse("waivers: none").starts_with("not a list of waivers"));
    let options = only(&[MUST]);
    let certificate = judge(customer(), &options, &proved(&[MUST], &ProofOutcome::Held), &BTreeSet::new());
    let mut certification = Certification::new(vec![certificate], &options, Vec::new());
    let waivers = Waivers::parse(&row(MUST, "x", "2031-01-01"), &PROTOCOL, date(2030, 2, 1)).unwrap();
    assert_eq!(
        waivers.apply(&mut certification).unwrap_err().to_string(),
        "the waiver for C03-B71 (owner: Ann) is stale: the requirement is not broken; take the waiver out"
    );
}
