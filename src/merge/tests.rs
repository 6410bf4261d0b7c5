//! The file's contract, and what is refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::*;
use crate::load::Share;
use crate::observe::{ConnectionId, Moment, Violation, ViolationKind};
use crate::protocol::Transport;
use crate::record::{StepFailure, Tally};
use crate::report::sample;

fn file(sample: sample::Run) -> TallyFile {
    let thresholds = vec!["send_event.response.p99 < 250ms".to_owned()];
    let planned = Duration::from_secs(30);
    TallyFile::new(("5eed".to_owned(), Share::WHOLE), (planned, thresholds), (sample.meta, sample.tally))
}

fn written(file: &TallyFile) -> String {
    let mut bytes = Vec::new();
    file.write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn contract() -> String {
    let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<TallyFile>();
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

/// On a difference the file is rewritten, so that the change of contract can be read with `git diff`.
#[test]
fn the_published_schema_is_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/tally.schema.json");
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    if published != contract() {
        std::fs::write(&path, contract()).unwrap();
        panic!("reports/tally.schema.json was out of date and has been rewritten");
    }
}

fn samples() -> [sample::Run; 4] {
    [sample::passing(), sample::failing(), sample::empty(), sample::hostile()]
}

#[test]
fn what_is_written_reads_back_and_obeys_no_terminal() {
    for sample in samples() {
        let file = file(sample);
        let text = written(&file);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        assert_eq!(TallyFile::parse(Path::new("tally.json"), &text).unwrap(), file);
    }
}

/// Takes members of these names out, wherever they are; says how many there were.
fn without(value: &mut Value, names: &[&str]) -> usize {
    match value {
        Value::Object(members) => {
            let before = members.len();
            members.retain(|name, _| !names.contains(&name.as_str()));
            let gone = before - members.len();
            gone + members.values_mut().map(|value| without(value, names)).sum::<usize>()
        }
        Value::Array(items) => items.iter_mut().map(|value| without(value, names)).sum(),
        _ => 0,
    }
}

#[test]
fn what_tallies_did_not_tell_at_first_may_be_missing() {
    let file = file(sample::failing());
    let mut older: Value = serde_json::from_str(&written(&file)).unwrap();
    assert!(without(&mut older, &["over_time", "exhausted"]) > 10);
    let read = TallyFile::parse(Path::new("tally.json"), &older.to_string()).unwrap();
    assert_eq!((&read.meta, read.tally.actions().count()), (&file.meta, file.tally.actions().count()));
    assert_eq!(read.tally.schedule, file.tally.schedule);
    // And nothing else may.
    assert_eq!(without(&mut older, &["lag"]), 1);
    assert!(TallyFile::parse(Path::new("tally.json"), &older.to_string()).is_err());
}

#[test]
fn tallies_fit_the_schema_and_broken_ones_do_not() {
    let schema: Value = serde_json::from_str(&contract()).unwrap();
    let validator = jsonschema::draft202012::options().build(&schema).unwrap();
    for sample in samples() {
        let tally: Value = serde_json::from_str(&written(&file(sample))).unwrap();
        let errors: Vec<String> = validator.iter_errors(&tally).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let good: Value = serde_json::from_str(&written(&file(sample::failing()))).unwrap();
    for (pointer, value) in [
        ("/format", json!(2)),
        ("/share", json!("0/3")),
        ("/planned_us", json!("30s")),
        ("/meta/seed", json!(-1)),
        ("/tally/dialects", json!([])),
        ("/tally/schedule/lag", json!(5)),
    ] {
        let mut broken = good.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&broken), "{pointer} was not noticed by the schema");
        let read = TallyFile::parse(Path::new("t.json"), &broken.to_string());
        assert!(read.is_err(), "{pointer} was not noticed by the reader");
    }
}

#[test]
fn what_cannot_be_used_is_told_with_what_to_do() {
    let told = |text: &str| TallyFile::parse(Path::new("b/tally.json"), text).unwrap_err().to_string();
    assert_eq!(
        told("{\"format\": 1,\n\"meta\": 3}"),
        "b/tally.json is not a tally: invalid type: integer `3`, expected what ran, as an object at line 2 column 9; \
         tallies are called tally.json and lie in the report folders of `chatproof run`"
    );
    let mut other: Value = serde_json::from_str(&written(&file(sample::passing()))).unwrap();
    other["format"] = json!(7);
    other["meta"]["version"] = json!("9.9.9");
    assert_eq!(
        told(&other.to_string()),
        format!(
            "b/tally.json has the tally format 7, written by chatproof 9.9.9, and this chatproof ({}) reads format 1; \
             use the version that wrote it",
            env!("CARGO_PKG_VERSION")
        )
    );
    let mut report = Vec::new();
    crate::report::json(&sample::passing().report(), &mut report).unwrap();
    assert_eq!(
        told(&String::from_utf8(report).unwrap()),
        "b/tally.json is a report; give the tally.json that lies beside it, or their folder"
    );
    let missing = TallyFile::read(Path::new("no/such/tally.json")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read the tally no/such/tally.json: "), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    let empty = TallyFile::read(folder.path()).unwrap_err().to_string();
    assert!(empty.contains("/tally.json: "), "{empty}");
    std::fs::write(folder.path().join("tally.json"), written(&file(sample::passing()))).unwrap();
    assert_eq!(TallyFile::read(folder.path()).unwrap(), file(sample::passing()));
}

/// Something that is recorded of a run.
#[derive(Debug, Clone)]
enum Happening {
    Answer { action: u8, response: u64, error: Option<u8> },
    Arrival { lag: u64 },
    Violation { kind: usize, at: u64 },
    Failure { at: u64 },
    Stay { came: u64, went: u64 },
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        (0u8..3, 0u64..90_000_000, proptest::option::of(0u8..3))
            .prop_map(|(action, response, error)| Happening::Answer { action, response, error }),
        (0u64..90_000_000).prop_map(|lag| Happening::Arrival { lag }),
        (0..ViolationKind::ALL.len(), any::<u64>()).prop_map(|(kind, at)| Happening::Violation { kind, at }),
        any::<u64>().prop_map(|at| Happening::Failure { at }),
        (0u64..300, 0u64..300).prop_map(|(came, lasted)| Happening::Stay { came, went: came + lasted }),
    ];
    proptest::collection::vec(one, 0..60)
}

fn tally<'a>(happenings: impl Iterator<Item = &'a Happening>) -> Tally {
    let mut tally = Tally::default();
    for happening in happenings {
        match happening.clone() {
            Happening::Answer { action, response, error } => {
                let dialect = tally.dialects.entry("agent/v3.0".into()).or_default();
                let actions = &mut dialect.transports.entry(Transport::Websocket).or_default().actions;
                let action = actions.entry(format!("action_{action}")).or_default();
                action.sent += 1;
                action.response.record(Duration::from_micros(response));
                action.service.record(Duration::from_micros(response / 2));
                match error {
                    Some(error) => *action.errors.entry(format!("error_{error}")).or_default() += 1,
                    None => action.succeeded += 1,
                }
            }
            Happening::Arrival { lag } => {
                tally.schedule.due += 1;
                tally.schedule.lag.record(Duration::from_micros(lag));
            }
            Happening::Violation { kind, at } => {
                tally.violations.add(violation(ViolationKind::ALL[kind], at), Vec::new)
            }
            Happening::Failure { at } => {
                let text = || "text".to_owned();
                let failure = StepFailure { at: Moment(at), actor: text(), step: text(), reason: text() };
                let mut steps = tally.steps.clone();
                steps.failed += 1;
                steps.failures.push(failure);
                steps.failures.sort();
                steps.failures.truncate(5);
                tally.steps = steps;
            }
            Happening::Stay { came, went } => {
                let second = |second: u64| Moment(second * 1_000_000_000);
                let dialect = tally.dialects.entry("agent/v3.0".into()).or_default();
                let connections = &mut dialect.transports.entry(Transport::Socketio).or_default().over_time;
                for over_time in [connections, &mut tally.actors.over_time] {
                    over_time.at(second(came)).came += 1;
                    over_time.at(second(went)).went += 1;
                }
            }
        }
    }
    tally
}

fn violation(kind: ViolationKind, at: u64) -> Violation {
    Violation {
        kind,
        at: Moment(at),
        connection: ConnectionId(at % 7),
        dialect: "agent/v3.0".into(),
        transport: Transport::Websocket,
        action: None,
        requirement: None,
        source: None,
        pointer: None,
        keyword: None,
        place: None,
        expected: "one".to_owned(),
        got: "two".to_owned(),
    }
}

type Parts = Vec<(PathBuf, TallyFile)>;

/// The shares of a run, as their files tell of them.
fn parts(of: u64, tally: impl Fn(Share) -> Tally) -> Parts {
    let shares = (1..=of).map(|number| Share::new(number, of).unwrap());
    let part = |share: Share| {
        let name = PathBuf::from(format!("{}.json", share.number()));
        let mut file = file(sample::empty());
        (file.share, file.tally) = (share, tally(share));
        let read = TallyFile::parse(&name, &written(&file)).unwrap();
        (name, read)
    };
    shares.map(part).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn merged_shares_are_bit_for_bit_what_one_recorder_would_have(
        happenings in happenings(), of in 1u64..5, turn in 0usize..5,
    ) {
        let mut parts = parts(of, |share| {
            let mine = (0u64..).zip(&happenings).filter(|(number, _)| share.has(*number));
            tally(mine.map(|(_, happening)| happening))
        });
        parts.rotate_left(turn % of as usize);
        let merged = merge(parts).unwrap().unwrap();
        prop_assert_eq!(merged.share, Share::WHOLE);
        let mut single = file(sample::empty());
        (single.tally, single.meta) = (tally(happenings.iter()), merged.meta.clone());
        prop_assert_eq!(written(&merged), written(&single));
    }
}

#[test]
fn a_merged_run_lasts_from_the_first_share_to_the_last() {
    let mut parts = parts(2, |_| Tally::default());
    let late = &mut parts[1].1.meta;
    late.started = "2031-01-01T00:00:00Z".to_owned();
    late.duration = Duration::from_secs(77);
    late.interrupted = true;
    late.notes = vec!["of the second".to_owned()];
    let first = parts[0].1.meta.clone();
    let merged = merge(parts).unwrap().unwrap().meta;
    assert_eq!((&merged.started, merged.duration), (&first.started, Duration::from_secs(77)));
    assert_eq!((merged.cores, merged.workers), (2 * first.cores, 2 * first.workers));
    assert!(merged.interrupted && merged.notes.contains(&"of the second".to_owned()));
}

#[test]
fn what_is_not_one_run_is_not_merged() {
    let told = |change: &dyn Fn(&mut Parts)| {
        let mut parts = parts(3, |_| Tally::default());
        change(&mut parts);
        merge(parts).unwrap_err().to_string()
    };
    let of_one_run = "1.json and 2.json are not of one run: ";
    assert_eq!(told(&|parts| parts[1].1.meta.seed = 8), format!("{of_one_run}the seed is 42 and 8"));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        told(&|parts| parts.iter_mut().for_each(|(_, file)| {
            file.meta.version = if file.share.number() == 2 { "9.9.9".to_owned() } else { version.to_owned() };
        })),
        format!("{of_one_run}the version of chatproof is {version} and 9.9.9")
    );
    assert_eq!(
        told(&|parts| parts[1].1.meta.scenario = "other".to_owned()),
        format!("{of_one_run}the scenario is {} and other", sample::empty().meta.scenario)
    );
    assert_eq!(
        told(&|parts| parts[1].1.fingerprint = "other".to_owned()),
        format!(
            "{of_one_run}the scenario `{}`, its data files or what the command line puts in place of its load or its licence differ",
            sample::empty().meta.scenario
        )
    );
    assert_eq!(
        told(&|parts| parts[1].1.share = Share::new(2, 4).unwrap()),
        format!("{of_one_run}the number of shares is 3 and 4")
    );
    assert_eq!(
        told(&|parts| parts[1].1.share = parts[0].1.share),
        "1.json and 2.json are both share 1/3; give each share once"
    );
    assert_eq!(
        told(&|parts| drop(parts.remove(1))),
        "share 2 of 3 is missing beside 1.json; what the others saw is only a part of the run"
    );
    assert_eq!(
        told(&|parts| parts.truncate(1)),
        "shares 2 and 3 of 3 are missing beside 1.json; what the others saw is only a part of the run"
    );
    assert_eq!(
        told(&|parts| {
            parts.truncate(1);
            parts[0].1.share = Share::new(1, u64::MAX).unwrap();
        }),
        format!(
            "shares 2, 3, 4, 5, 6, 7, 8, 9 and more of {} are missing beside 1.json; what the others saw is only a part of the run",
            u64::MAX
        )
    );
    assert_eq!(merge(Vec::new()), Ok(None));
}
