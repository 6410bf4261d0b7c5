//! What can be made of a run's tally afterwards.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use support::{binary, root, run};

fn report(tally: &Path, arguments: &[&str]) -> Output {
    Command::new(binary()).arg("report").arg(tally).args(arguments).current_dir(root()).output().unwrap()
}

#[test]
fn a_tally_gives_the_very_reports_of_its_run() {
    let run = run("scenarios/smoke.yaml", &["--defect", "wrong-type"]);
    assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
    for (format, name) in
        [("html", "report.html"), ("json", "report.json"), ("junit", "junit.xml"), ("terminal", "report.txt")]
    {
        let again = report(&run.folder().join("tally.json"), &["--format", format]);
        assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
        let written = std::fs::read_to_string(run.folder().join(name)).unwrap();
        assert!(written == String::from_utf8(again.stdout).unwrap(), "{name} differs");
    }
}

#[test]
fn what_is_no_tally_is_told_with_what_to_give() {
    let wrong = report(Path::new("scenarios/smoke.yaml"), &["--format", "html"]);
    assert_eq!(wrong.status.code(), Some(3));
    let told = String::from_utf8(wrong.stderr).unwrap();
    assert!(told.starts_with("error: scenarios/smoke.yaml is not a tally: "), "{told}");
    assert!(told.contains("tallies are called tally.json and lie in the report folders of `chatproof run`"), "{told}");
    assert!(wrong.stdout.is_empty());
}

/// A sample's file, the schema that it has to fit, and a member with a value that it must not have.
const SAMPLES: [(&str, &str, &str, &str); 3] = [
    ("support-desk/report.json", "report.schema.json", "/verdict/judgement", "perhaps"),
    ("certification/certificate.json", "certificate.schema.json", "/certificates/0/rows/0/verdict", "perhaps"),
    ("capacity/capacity.json", "capacity.schema.json", "/points/0/outcome", "perhaps"),
];

#[test]
fn every_sample_fits_its_published_schema() {
    let reports = root().join("reports");
    let read = |path: &Path| -> Value { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    for (sample, schema, pointer, wrong) in SAMPLES {
        let validator = jsonschema::validator_for(&read(&reports.join(schema))).unwrap();
        let mut report = read(&reports.join("samples").join(sample));
        let errors: Vec<_> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{sample}");
        *report.pointer_mut(pointer).unwrap() = wrong.into();
        assert!(!validator.is_valid(&report), "{sample}: {pointer} was not noticed");
    }
    // No sample is left out.
    let folders = std::fs::read_dir(reports.join("samples")).unwrap().flatten().filter(|entry| entry.path().is_dir());
    let mut found: Vec<_> = folders.map(|folder| folder.file_name().into_string().unwrap()).collect();
    found.sort();
    let mut known = SAMPLES.map(|(sample, ..)| sample.split('/').next().unwrap().to_owned());
    known.sort();
    assert_eq!(found, known);
    for folder in found {
        let page = std::fs::metadata(reports.join("samples").join(folder).join("report.html")).unwrap();
        assert!((10_000..1_500_000).contains(&page.len()), "{}", page.len());
    }
}
