//! The judge is judged: each kind of violation of a server is provoked by a defect of the reference server and found, as exactly that
//! kind, and the clean server yields none. (The kinds of a client's violations are proved in `src/observe/tests/client.rs`.)

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::LazyLock;
use std::thread;

use chatproof::observe::{Grade, Side, ViolationKind};
use chatproof::protocol::Protocol;
use chatproof::reference::{Defect, DefectRow};
use chatproof::traffic;
use support::{Run, root, run, run_recorded};

/// People talk over the websocket.
const CONVERSATION: &str = "tests/scenarios/conversation.yaml";
/// Somebody waits longer than the documented limit for an answer.
const PATIENCE: &str = "tests/scenarios/patience.yaml";
/// A thread is closed and the next one opened; a request is refused.
const REOPENING: &str = "tests/scenarios/reopening.yaml";
/// An agent of 2017 is refused over the Web API.
const REFUSED: &str = "tests/scenarios/refused.yaml";
/// Somebody sends over the Web API and nobody listens.
const ALONE: &str = "tests/scenarios/alone.yaml";

#[track_caller]
fn finds(run: &Run, kinds: &[&str], code: i32) {
    assert_eq!(run.kinds(), kinds, "\n{}\n{}", run.stdout, run.stderr);
    assert_eq!(run.code, code, "\n{}\n{}", run.stdout, run.stderr);
    for kind in kinds {
        assert!(run.stdout.contains(kind), "the terminal names `{kind}`:\n{}", run.stdout);
    }
}

/// Runs a scenario against the server with a defect, which must be found as the kind that its row promises. Only what breaks a
/// promise of the documents makes a run fail.
#[track_caller]
fn proves(scenario: &str, defect: &str) -> Run {
    let row = defect.parse::<Defect>().unwrap().row;
    let kind = row.found_as.as_deref().unwrap();
    let run = run_recorded(scenario, &["--defect", defect]);
    finds(&run, &[kind], i32::from(kind_named(kind).grade() == Grade::Fail));
    is_found_again(&run);
    run
}

/// The recording of a run comes to the same violations as the run itself.
#[track_caller]
fn is_found_again(run: &Run) {
    static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());
    let recording = traffic::check(&run.capture(), &PROTOCOL).unwrap();
    assert_eq!(recording.damages.first, []);
    let again: BTreeMap<String, u64> =
        recording.replayed.tally.violations.iter().map(|(kind, tally)| (kind.to_string(), tally.count)).collect();
    assert_eq!(again, run.counts());
}

fn kind_named(name: &str) -> ViolationKind {
    *ViolationKind::ALL.iter().find(|kind| kind.name() == name).unwrap_or_else(|| panic!("no kind is called {name}"))
}

macro_rules! proofs {
    ($($name:ident: $defect:literal in $scenario:ident;)+) => {
        const PROVED: &[&str] = &[$($defect),+];
        $(#[test] fn $name() { proves($scenario, $defect); })+
    };
}

proofs! {
    a_frame_that_is_not_json: "malformed-frame=0.2" in CONVERSATION;
    json_that_is_no_message: "malformed-envelope=0.2" in CONVERSATION;
    a_push_that_no_document_names: "unknown-push=0.2" in CONVERSATION;
    a_member_of_another_type: "wrong-type=0.3" in CONVERSATION;
    a_missing_member: "missing-member=0.3" in CONVERSATION;
    a_member_with_another_value: "wrong-value" in CONVERSATION;
    a_value_that_breaks_a_disputed_reading_is_not_strict: "scopes-of-texts" in CONVERSATION;
    a_value_that_breaks_an_open_reading_is_only_told: "web-refusal-under-another-name" in REFUSED;
    a_wrong_correlation_id: "wrong-correlation=0.2" in CONVERSATION;
    a_wrong_action: "wrong-action=0.2" in CONVERSATION;
    a_second_response: "duplicated-response=0.2" in CONVERSATION;
    no_answer_at_all: "no-answer" in PATIENCE;
    an_answer_after_the_documented_limit: "late-answer" in PATIENCE;
    an_error_that_no_document_lists: "undocumented-error" in REOPENING;
    a_correlation_id_at_somebody_else: "foreign-correlation=0.2" in CONVERSATION;
    two_events_with_one_order: "duplicate-order=0.2" in CONVERSATION;
    an_event_that_changes: "event-changed=0.2" in CONVERSATION;
    an_event_that_two_see_differently: "observers-disagree=0.2" in CONVERSATION;
    a_push_that_never_comes: "lost-push=0.15" in CONVERSATION;
    an_event_that_is_stored_twice: "duplicated-event=0.2" in CONVERSATION;
    a_push_that_comes_twice_is_not_strict: "duplicated-push=0.3" in CONVERSATION;
    an_event_for_agents_that_reaches_a_customer: "agents-only-leak" in CONVERSATION;
    a_thread_that_is_announced_twice: "thread-start-twice" in REOPENING;
    an_order_that_falls_is_not_strict: "falling-order" in ALONE;
}

#[test]
fn events_that_arrive_out_of_order_are_a_metric_and_fail_only_on_request() {
    let reordered = proves(CONVERSATION, "reordered-delivery=0.3");
    assert!(reordered.report()["ordering"]["reordered"].as_u64().unwrap() > 0);
}

#[test]
fn every_kind_of_violation_of_a_server_is_proved() {
    let promised: BTreeSet<ViolationKind> =
        DefectRow::all().unwrap().iter().filter_map(|row| row.found_as.as_deref()).map(kind_named).collect();
    assert_eq!(promised, ViolationKind::ALL.iter().copied().filter(|kind| kind.side() == Side::Server).collect());
    let proved = PROVED.iter().copied().chain(["reordered-delivery"]);
    let proved: BTreeSet<&str> = proved.map(|text| text.split('=').next().unwrap()).collect();
    let rows = DefectRow::all().unwrap().iter().filter(|row| row.found_as.is_some());
    assert_eq!(proved, rows.map(|row| row.name.as_str()).collect());
}

#[test]
fn the_clean_server_yields_nothing_over_twenty_seeds() {
    let runs: Vec<_> = (0..4)
        .map(|lane| {
            thread::spawn(move || {
                (0..5).map(|n| run(CONVERSATION, &["--seed", &(lane * 5 + n).to_string()])).collect::<Vec<_>>()
            })
        })
        .collect();
    for run in runs.into_iter().flat_map(|lane| lane.join().unwrap()) {
        finds(&run, &[], 0);
        let report = run.report();
        assert!(report["ordering"]["expected"].as_u64().unwrap() > 0, "nothing had to be delivered: {report:#}");
    }
    for scenario in [REOPENING, ALONE, REFUSED] {
        let run = run_recorded(scenario, &[]);
        finds(&run, &[], 0);
        is_found_again(&run);
    }
}

/// `docs/defects.md`, made from the table.
fn page() -> String {
    let rows = DefectRow::all().unwrap();
    let mut page = format!(
        "# Defects, and what finds them

<!-- Made from src/reference/defects/table.yaml: `UPDATE=1 cargo test --test defects page`. -->

The reference server can be told to have a fault, so that whoever judges servers can be judged himself: `--defect NAME`, or
`--defect NAME=PROBABILITY` for each opportunity, with `chatproof run` and `chatproof serve`; several may be given. There are {}. Each has one
effect and no other. `chatproof serve --list-defects` prints their names.

Most are changes of one request or message on its way: a member is taken out, set, renamed or given another type; a message is
withheld, sent twice, late or to others; a request is refused, ignored, or accepted though it is not valid. The others are rules of the server that it
breaks. A new one is a row of `src/reference/defects/table.yaml`; a tour through everything that the server does
(`src/reference/tests/tour.rs`) makes sure that it shows in each dialect of which it is said to break something.

## Found by every run

These show as a violation in any run, whatever the scenario checks: as exactly that kind (`tests/defects.rs`). The clean server yields
none over twenty seeds.

| defect | what the server does | found as | grade | exit code |
|---|---|---|---|---|
",
        rows.len()
    );
    for row in rows {
        let Some(kind) = row.found_as.as_deref().map(kind_named) else { continue };
        let (grade, code) = match kind.grade() {
            Grade::Fail => ("fail", 1),
            Grade::NonStrict => ("non-strict", 0),
            Grade::Info => ("info", 0),
        };
        writeln!(page, "| `{}` | {} | `{kind}` | {grade} | {code} |", row.name, row.about).unwrap();
    }
    page.push_str(
        "
Where the exit code is 0, a scenario can ask for more: the thresholds `reordered == 0` and `non_strict == 0` make these runs fail.

## All, and the requirements that they break

| defect | what the server does | breaks |
|---|---|---|
",
    );
    for row in rows {
        let ids: Vec<String> = row.breaks.values().flatten().map(ToString::to_string).collect();
        writeln!(page, "| `{}` | {} | {} |", row.name, row.about, ids.join(" ")).unwrap();
    }
    page
}

#[test]
fn the_page_of_defects_is_that_of_the_table() {
    let path = root().join("docs/defects.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == page(), "docs/defects.md is out of date: UPDATE=1 cargo test --test defects page");
}
