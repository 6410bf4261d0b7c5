//! Broken scenario files and the whole text that a user sees about each: `tests/broken/<case>/{scenario.yaml,expected.txt}`.
//!
//! Cases named `shape-…` are those that an editor can find with the schema; `syntax-…` are not YAML at all.
//! `UPDATE=1 cargo test --test broken` writes the expected texts anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cases() -> Vec<String> {
    let folders = std::fs::read_dir(root().join("tests/broken")).unwrap();
    let mut cases: Vec<String> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    cases.sort();
    cases
}

/// What `chatproof scenario check` says, with its exit code.
fn check(case: &str) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_chatproof"))
        .current_dir(root())
        .args(["scenario", "check", &format!("tests/broken/{case}/scenario.yaml")])
        .output()
        .unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.status.code())
}

#[test]
fn every_broken_file_is_told_as_expected() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut different = Vec::new();
    for case in cases() {
        let (told, code) = check(&case);
        assert_eq!(code, Some(3), "{case} should be an unusable input: {told}");
        let path = root().join("tests/broken").join(&case).join("expected.txt");
        if update {
            std::fs::write(&path, &told).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if told != expected {
            different.push(format!("--- {case}, expected:\n{expected}\n--- told:\n{told}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn there_are_cases_of_every_family() {
    let cases = cases();
    let count = |prefix: &str| cases.iter().filter(|case| case.starts_with(prefix)).count();
    assert!(cases.len() >= 25 && count("shape-") >= 8 && count("syntax-") >= 3, "{cases:?}");
}

#[test]
fn the_editor_schema_refuses_the_broken_shapes_and_nothing_else() {
    let validator = jsonschema::draft202012::new(&chatproof::scenario::editor_schema()).unwrap();
    for case in cases().into_iter().filter(|case| !case.starts_with("syntax-")) {
        let text = std::fs::read_to_string(root().join("tests/broken").join(&case).join("scenario.yaml")).unwrap();
        let value: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(validator.is_valid(&value), !is_shape(&case), "{case}");
    }
}

/// `several-layers` and `arrivals` are wrong in their shape, too.
fn is_shape(case: &str) -> bool {
    case.starts_with("shape-") || matches!(case, "several-layers" | "arrivals")
}
