//! The file's contract, and what is refused.

use std::path::Path;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::*;
use crate::load::Share;
use crate::report::sample;

fn file(sample: sample::Run) -> TallyFile {
    let thresholds = vec!["send_event.response.p99 < 250ms".to_owned()];
    let planned = std::time::Duration::from_secs(30);
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
             merge with the version that wrote it",
            env!("CARGO_PKG_VERSION")
        )
    );
    let missing = TallyFile::read(Path::new("no/such/tally.json")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read the tally no/such/tally.json: "), "{missing}");
}
