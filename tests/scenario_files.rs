//! The scenarios that come with chatproof, and the schema that editors use for them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use chatproof::protocol::Protocol;
use chatproof::scenario;
use serde_json::Value;

/// Every scenario file of the project that is meant to work.
fn shipped() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = ["scenarios", "tests/scenarios", "benches"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_shipped_scenario_loads() {
    let protocol = Protocol::embedded().unwrap();
    let names: Vec<String> = shipped()
        .iter()
        .map(|path| match scenario::load(path, &protocol, &|_| Ok(None)) {
            Ok(scenario) => scenario.name,
            Err(errors) => panic!("{errors}"),
        })
        .collect();
    for name in ["smoke", "support-desk", "thundering-herd"] {
        assert!(names.iter().any(|shipped| shipped == name), "{name} is not among {names:?}");
    }
}

#[test]
fn the_whole_example_of_the_guide_loads() {
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scenario.md")).unwrap();
    let example = guide.split("```yaml\n").find(|block| block.starts_with("about:")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("example.yaml");
    std::fs::write(&path, example.split("```").next().unwrap()).unwrap();
    let loaded = scenario::load(&path, &Protocol::embedded().unwrap(), &|_| Ok(None));
    assert!(loaded.is_ok(), "{}", loaded.unwrap_err());
}

#[test]
fn the_editor_schema_accepts_every_shipped_scenario() {
    let validator = jsonschema::draft202012::new(&scenario::editor_schema()).unwrap();
    for path in shipped() {
        let value: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let problems: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{}: {problems:?}", path.display());
    }
}

/// `UPDATE=1 cargo test --test scenario_files` writes it anew.
#[test]
fn the_published_editor_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/scenario.schema.json");
    let schema = format!("{:#}\n", scenario::editor_schema());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), schema, "run UPDATE=1 cargo test --test scenario_files");
}
