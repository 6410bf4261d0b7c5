//! The schema files mean the same to other validators: messages that follow them and messages that are wrong in one place get the
//! same verdict from our compiled schemas and from Python's jsonschema, message by message.
//!
//! The messages are made from the schemas (`support::samples`) and taken from what the reference server really sends. The whole corpus
//! is left in `corpus.ndjson` of Cargo's folder for the tests' files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use chatproof::protocol::{Dialect, Kind, Protocol};
use serde_json::{Value, json};
use support::samples::{evenly, samples};
use support::{root, traffic};

/// Messages kept of one schema and verdict; of more, some from all over the list.
const MOST: usize = 30;

/// The dialects that the reference server speaks: their traffic is in the corpus.
const SPOKEN: [&str; 4] = ["agent/v0.2", "agent/v3.0", "customer/v0.2", "customer/v0.3"];

/// A message and our verdict.
struct Judged {
    schema: String,
    kind: Kind,
    message: Value,
    valid: bool,
}

impl Judged {
    /// The dialect's name: the schema's without kind and name.
    fn dialect(&self) -> &str {
        self.schema.rsplitn(3, '/').last().unwrap_or_default()
    }
}

/// Messages made from each schema of a dialect.
fn made(dialect: &Dialect) -> Vec<Judged> {
    let mut corpus = Vec::new();
    for kind in Kind::ALL {
        for name in dialect.schemas.names(kind) {
            let made = samples(&dialect.schemas, kind, name);
            let schema = format!("{}/{}/{name}", dialect.name, kind.folder());
            assert!(!made.valid.is_empty() && !made.invalid.is_empty(), "{schema} has no valid or no invalid message");
            for (valid, messages) in [(true, made.valid), (false, made.invalid)] {
                corpus.extend(evenly(messages, MOST).map(|message| Judged {
                    schema: schema.clone(),
                    kind,
                    message,
                    valid,
                }));
            }
        }
    }
    corpus
}

/// What the reference server says when it is asked everything that the schemas of requests allow.
fn said(protocol: &Arc<Protocol>, dialect: &str) -> Vec<Judged> {
    let schemas = &protocol.dialect(dialect).unwrap().schemas;
    let heard = traffic::heard(protocol, dialect);
    let mut corpus = Vec::new();
    for ((kind, name), messages) in heard {
        let schema = format!("{dialect}/{}/{name}", kind.folder());
        let judged = |message: Value| {
            let valid = schemas.is_valid(kind, &name, &message);
            Judged { schema: schema.clone(), kind, message, valid }
        };
        corpus.extend(evenly(messages, MOST).map(judged));
    }
    corpus
}

/// The interpreter that has the second validator: that of `.ci/run`, or the system's.
fn python() -> PathBuf {
    let own = root().join("target/venv/bin/python");
    if own.exists() { own } else { "python3".into() }
}

/// The verdicts of Python's jsonschema over the schema files on disk.
fn second_opinion(corpus: &[Judged]) -> Vec<bool> {
    let asked: String = corpus
        .iter()
        .map(|judged| format!("{}\n", json!({"schema": judged.schema, "message": judged.message})))
        .collect();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus.ndjson");
    std::fs::write(&kept, &asked).unwrap();
    let how = "The second validator is Python's jsonschema: `python3 -m venv target/venv && target/venv/bin/pip install \
               jsonschema==4.26.0` (CONTRIBUTING.md).";
    let process = Command::new(python())
        .arg(root().join("tests/other_validators.py"))
        .arg(root().join("schemas"))
        .stdin(std::fs::File::open(&kept).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {}: {error}. {how}", python().display()));
    let output = process.wait_with_output().unwrap();
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed. {how}\n{trouble}", python().display());
    String::from_utf8(output.stdout).unwrap().lines().map(|verdict| verdict == "valid").collect()
}

#[test]
fn a_second_validator_agrees_about_every_message() {
    let protocol = Arc::new(Protocol::embedded().unwrap());
    let (mut corpus, said) = std::thread::scope(|scope| {
        let making: Vec<_> = protocol.dialects().map(|dialect| scope.spawn(|| made(dialect))).collect();
        let asking: Vec<_> = SPOKEN.iter().map(|dialect| scope.spawn(|| said(&protocol, dialect))).collect();
        let joined = |threads: Vec<std::thread::ScopedJoinHandle<'_, Vec<Judged>>>| -> Vec<Judged> {
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        };
        (joined(making), joined(asking))
    });
    what_the_server_says_is_valid_and_not_little(&said);
    corpus.extend(said);
    let theirs = second_opinion(&corpus);
    assert_eq!(theirs.len(), corpus.len(), "a verdict for each message");

    let mut counts: BTreeMap<(&str, Kind), [usize; 2]> = BTreeMap::new();
    let mut disputed = Vec::new();
    for (judged, theirs) in corpus.iter().zip(theirs) {
        counts.entry((judged.dialect(), judged.kind)).or_default()[usize::from(judged.valid)] += 1;
        if judged.valid != theirs {
            disputed.push(format!("{}: we say {}, they say {theirs}: {}", judged.schema, judged.valid, judged.message));
        }
    }
    assert!(disputed.is_empty(), "{} of {} disputed:\n{}", disputed.len(), corpus.len(), disputed.join("\n"));
    for dialect in protocol.dialects() {
        for kind in Kind::ALL {
            let [invalid, valid] = counts.get(&(dialect.name.as_str(), kind)).copied().unwrap_or_default();
            let files = dialect.schemas.names(kind).len();
            let enough = valid >= 2 * files && invalid >= 5 * files;
            assert!(enough, "{} {kind:?}: only {valid} valid and {invalid} invalid messages", dialect.name);
        }
    }
}

#[track_caller]
fn what_the_server_says_is_valid_and_not_little(said: &[Judged]) {
    for judged in said {
        assert!(judged.valid, "the server broke {}: {}", judged.schema, judged.message);
    }
    for dialect in SPOKEN {
        let count =
            |kind: Kind| said.iter().filter(|judged| judged.dialect() == dialect && judged.kind == kind).count();
        let (responses, pushes) = (count(Kind::Response), count(Kind::Push));
        assert!(responses >= 20 && pushes >= 10, "{dialect}: only {responses} responses and {pushes} pushes");
    }
}
