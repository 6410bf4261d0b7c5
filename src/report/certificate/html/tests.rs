//! What the page of a certification says, and that its links lead somewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::certify::{
    Blame, Certificate, CheckOutcome, CheckState, Counts, Coverage, Difference, DocumentFinding, Profile, Row,
    Unattributed,
};
use crate::observe::{Direction, Moment, TranscriptFrame};
use crate::protocol::{Basis, ErratumId, ErratumKind, Exclusion, Level, Line, Reason};
use crate::report::format::is_unseen;
use crate::report::sample::HOSTILE;

fn id(text: &str) -> RequirementId {
    RequirementId(text.into())
}

fn row(number: &str, verdict: RowVerdict, state: CheckState) -> Row {
    let frame = TranscriptFrame {
        at: Moment(0),
        direction: Direction::ToClient,
        text: r#"{"payload":{"event":{"order":"17"}}}"#.into(),
    };
    let is_broken = state != CheckState::Held && state != CheckState::NotRun;
    Row {
        id: id(number),
        level: Level::Must,
        basis: Basis::Prose,
        section: "Events".into(),
        statement: format!("What {number} says."),
        lines: vec![Line::Own(598)],
        verdict,
        blame: is_broken.then_some(Blame::Server),
        checks: vec![CheckOutcome {
            check: "schema:responses/send_event#/event/order".into(),
            state,
            detail: if state == CheckState::Held { "" } else { "expected an integer" }.into(),
            case: None,
            step: None,
            pointer: is_broken.then(|| "/event/order".into()),
            frames: if is_broken { vec![frame] } else { Vec::new() },
        }],
        excluded: None,
        waived: None,
    }
}

/// One requirement that holds, one that does not, one that nobody looked at, one that nobody can look at.
fn certification() -> Certification {
    let excluded = Exclusion { reason: Reason::TooLong, because: "It takes a month.".into() };
    let rows = vec![
        row("C03-B1", RowVerdict::Pass, CheckState::Held),
        row("C03-B2", RowVerdict::Fail, CheckState::Broken),
        row("C03-B3", RowVerdict::NotExercised, CheckState::NotRun),
        Row { excluded: Some(excluded), checks: Vec::new(), ..row("C03-B4", RowVerdict::Excluded, CheckState::NotRun) },
    ];
    let verdicts: BTreeMap<RowVerdict, usize> = rows.iter().map(|row| (row.verdict, 1)).collect();
    let counts = Counts {
        levels: BTreeMap::from([(Level::Must, (4, 3))]),
        excluded: BTreeMap::from([(Reason::TooLong, 1)]),
        sections: vec![("Events".into(), verdicts.clone())],
        verdicts,
    };
    let reason = |text: &str, requirement: &str| Objection { text: text.into(), requirement: Some(id(requirement)) };
    let certificate = Certificate {
        dialect: "customer/v0.3".into(),
        document: "customer-v0.3".into(),
        judgement: Judgement::Failed,
        accepted: Judgement::Failed,
        reasons: vec![reason("C03-B2 fail", "C03-B2"), reason("C03-B3 not exercised", "C03-B3")],
        rows,
        unattributed: Vec::new(),
        prerequisites: Vec::new(),
        not_offered: Vec::new(),
        counts,
        coverage: Coverage { members: (1000, 999), unseen: vec!["objects/thread#/id".into()], ..Coverage::default() },
        differences: Vec::new(),
        documents: vec![DocumentFinding {
            id: ErratumId("C03-A1".into()),
            kind: ErratumKind::Typo,
            about: "A slip.".into(),
            lines: vec![Line::Own(5), Line::Own(7)],
            taken: "What was meant.".into(),
        }],
    };
    Certification {
        judgement: Judgement::Failed,
        accepted: Judgement::Failed,
        profile: Profile::Consensus,
        transport: Transport::Websocket,
        quick: false,
        allow_missing: false,
        seed: 42,
        certificates: vec![certificate],
        history: Vec::new(),
    }
}

fn written(certification: &Certification) -> String {
    let meta = CertifyMeta {
        version: "0.1.0".into(),
        target: "ws://127.0.0.1:1".into(),
        started: "2026-01-02T03:04:05Z".into(),
        duration: Duration::from_secs(9),
    };
    let mut bytes = Vec::new();
    html(certification, &meta, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The text between the first and the next of these marks.
fn between<'a>(page: &'a str, first: &str, next: &str) -> &'a str {
    let (_, rest) = page.split_once(first).unwrap_or_else(|| panic!("{first} is missing"));
    rest.split_once(next).unwrap().0
}

#[test]
fn a_cause_leads_to_the_requirement_and_that_to_the_place_in_the_frame() {
    let page = written(&certification());
    let cause = between(&page, "C03-B2 fail ", "</li>");
    assert_eq!(cause, "<a href=\"#requirement-C03-B2\">Show</a>");
    let evidence = between(&page, "<div id=\"requirement-C03-B2\">", "</section>");
    for told in [
        "customer-v0.3, line 598, “Events”",
        "the server breaks a promise",
        "<dt>what</dt><dd>expected an integer</dd>",
        "<mark>&quot;order&quot;: &quot;17&quot;</mark>",
    ] {
        assert!(evidence.contains(told), "{told}: {evidence}");
    }
    assert!(!evidence.contains("requirement-C03-B1"));
}

#[test]
fn every_link_leads_to_one_place() {
    let mut certification = certification();
    crate::report::html::assert_links(&written(&certification));
    // Also when nothing is broken.
    let certificate = &mut certification.certificates[0];
    certificate.rows.retain(|row| row.verdict == RowVerdict::Pass);
    certificate.reasons = vec!["nothing was shown to hold".to_owned().into()];
    crate::report::html::assert_links(&written(&certification));
}

#[test]
fn the_summary_counts_what_passed_of_what_is_checked() {
    let page = written(&certification());
    let summary = between(&page, "id=\"summary-table\"", "</table>");
    assert!(summary.contains(">33 %<meter min=\"0\" max=\"3\" value=\"1\">1 of 3</meter>"), "{summary}");
    let coverage = between(&page, "id=\"coverage-table\"", "</table>");
    assert!(coverage.contains(">99 %<meter") && !coverage.contains("100 %"), "{coverage}");
}

#[test]
fn what_was_not_tested_says_why() {
    let page = written(&certification());
    let untested = between(&page, "id=\"untested-table\"", "</table>");
    for told in ["not exercised", "expected an integer", "would take too long", "It takes a month."] {
        assert!(untested.contains(told), "{told}: {untested}");
    }
    assert!(!untested.contains("C03-B1") && !untested.contains("C03-B2"), "{untested}");
}

#[test]
fn waivers_are_shown_and_what_is_accepted_with_them() {
    let mut certification = certification();
    assert!(!written(&certification).contains("id=\"waived-table\""));
    certification.accepted = Judgement::Passed;
    certification.certificates[0].rows[1].waived = Some("We know (Ann, until 2027-01-01)".into());
    let page = written(&certification);
    assert!(page.contains("Not every requirement holds. With the waivers: passed."));
    assert!(between(&page, "id=\"waived-table\"", "</table>").contains("We know (Ann, until 2027-01-01)"));
}

#[test]
fn nothing_that_a_peer_says_becomes_markup() {
    let clean = written(&certification());
    let mut certification = certification();
    let certificate = &mut certification.certificates[0];
    let hostile = || HOSTILE.to_owned();
    let frames = vec![TranscriptFrame { at: Moment(0), direction: Direction::ToClient, text: hostile() }];
    for check in certificate.rows.iter_mut().flat_map(|row| &mut row.checks) {
        (check.detail, check.step, check.pointer, check.frames) =
            (hostile(), Some(hostile()), Some(hostile()), frames.clone());
    }
    certificate.reasons.push(hostile().into());
    certificate.prerequisites.push(hostile());
    certificate.not_offered.push(hostile());
    certificate.unattributed.push(Unattributed {
        kind: hostile(),
        fails: true,
        detail: hostile(),
        source: Some(hostile()),
        pointer: Some(hostile()),
        frames,
    });
    certificate.coverage.unseen.push(hostile());
    certificate.coverage.unknown.push((hostile(), 1));
    certificate.differences.push(Difference {
        at: hostile(),
        expected: hostile(),
        breaks_the_words: true,
        erratum: None,
        source: Some(hostile()),
        count: 1,
    });
    let page = written(&certification);
    assert_eq!(page.matches("<script").count(), clean.matches("<script").count());
    assert!(page.matches("&lt;script").count() > 10);
    assert!(!page.contains(|c: char| c != '\n' && is_unseen(c)));
}

#[test]
fn several_dialects_are_told_apart() {
    let mut certification = certification();
    let mut other = certification.certificates[0].clone();
    other.dialect = "agent/v3.0".into();
    other.rows.iter_mut().for_each(|row| row.id = id(&row.id.to_string().replace("C03", "A30")));
    other.reasons[0].requirement = Some(id("A30-B2"));
    other.reasons.truncate(1);
    certification.certificates.push(other);
    let page = written(&certification);
    crate::report::html::assert_links(&page);
    assert!(page.contains("agent/v3.0: C03-B2 fail <a href=\"#requirement-A30-B2\">"));
    assert!(page.contains("<option>agent/v3.0</option>"));
}
