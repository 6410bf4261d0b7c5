//! The report for programs. Its contract is `reports/report.schema.json`.

mod document;

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::RunReport;
use super::format::is_unseen;
use document::Document;

/// Writes the report as JSON that fits `reports/report.schema.json`, indented, with a newline at its end.
///
/// # Errors
/// When the writer fails.
pub fn json(report: &RunReport<'_>, out: &mut impl Write) -> io::Result<()> {
    write_json(&Document::of(report), out)
}

/// Writes a value as JSON that is safe to be shown on a terminal, indented, with a newline at its end.
///
/// # Errors
/// When the writer fails.
pub fn write_json(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    out.write_all(escaped(text).as_bytes())?;
    out.write_all(b"\n")
}

/// JSON forbids raw control characters only below U+0020. The others, which a terminal would obey all the same, can
/// only be inside of strings, so they may be written as escapes wherever they are.
fn escaped(text: String) -> String {
    let obeyed = |c: char| c != '\n' && is_unseen(c);
    if !text.contains(obeyed) {
        return text;
    }
    let mut clean = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if obeyed(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(clean, "\\u{unit:04x}");
            }
        } else {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use schemars::generate::SchemaSettings;
    use serde_json::Value;

    use super::*;
    use crate::report::sample;

    fn written(sample: &sample::Run) -> String {
        let mut bytes = Vec::new();
        json(&sample.report(), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn contract() -> String {
        let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Document>();
        serde_json::to_string_pretty(&schema).unwrap() + "\n"
    }

    /// On a difference the file is rewritten, so that the change of contract can be read with `git diff`.
    #[test]
    fn the_published_schema_is_what_the_types_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/report.schema.json");
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        if published != contract() {
            std::fs::write(&path, contract()).unwrap();
            panic!("reports/report.schema.json was out of date and has been rewritten");
        }
    }

    #[test]
    fn reports_fit_the_schema_and_broken_ones_do_not() {
        let schema: Value = serde_json::from_str(&contract()).unwrap();
        let validator = jsonschema::draft202012::options().build(&schema).unwrap();
        for sample in [sample::passing(), sample::failing(), sample::observed(), sample::empty(), sample::hostile()] {
            let report: Value = serde_json::from_str(&written(&sample)).unwrap();
            let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
        let good: Value = serde_json::from_str(&written(&sample::failing())).unwrap();
        let breaks: [(&str, Value); 5] = [
            ("/meta/duration_us", "long".into()),
            ("/verdict/judgement", "perhaps".into()),
            ("/requests/0/response/p99_us", (-1).into()),
            ("/violations/0/kind", "nonsense".into()),
            ("/format", 2.into()),
        ];
        for (pointer, value) in breaks {
            let mut broken = good.clone();
            *broken.pointer_mut(pointer).unwrap() = value;
            assert!(!validator.is_valid(&broken), "{pointer} was not noticed");
        }
        let mut incomplete = good;
        incomplete.as_object_mut().unwrap().remove("ordering").unwrap();
        assert!(!validator.is_valid(&incomplete));
    }

    #[test]
    fn histograms_can_be_read_back_and_merged() {
        let sample = sample::passing();
        let report: Value = serde_json::from_str(&written(&sample)).unwrap();
        let first = &report["requests"][0];
        let read: crate::record::Latency = serde_json::from_value(first["response"]["histogram"].clone()).unwrap();
        let (_, _, action, tally) = sample.tally.actions().next().unwrap();
        assert_eq!(first["action"], action);
        assert_eq!(read, tally.response);
    }

    #[test]
    fn foreign_texts_are_kept_but_escaped() {
        let text = written(&sample::hostile());
        assert!(!text.contains(|c: char| c != '\n' && is_unseen(c)));
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["violations"][0]["samples"][0]["got"], sample::HOSTILE);
    }

    /// Without the histograms, whose text may change with the library that packs them.
    fn golden(name: &str, sample: &sample::Run) {
        let filters = [(r#""histogram": "[^"]+""#, r#""histogram": "…""#)];
        insta::with_settings!({ filters => filters }, { insta::assert_snapshot!(name, written(sample)) });
    }

    #[test]
    fn whole_reports() {
        golden("passing", &sample::passing());
        golden("failing", &sample::failing());
        golden("observed", &sample::observed());
        golden("empty", &sample::empty());
    }
}
