//! The comparison for programs. Its contract is `reports/compare.schema.json`.

use std::io::{self, Write};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::{CompareReport, Compared};
use crate::compare::{self, ActionDifferences, Change, FLOOR, Figure};
use crate::observe::{Grade, ViolationKind};
use crate::protocol::Transport;
use crate::report::{Meta, write_json};

/// The number of this format. It rises when a reader of the former one could be misled; new members do not raise it.
const FORMAT: u32 = 1;

/// How two runs of a scenario differ. Response times are in microseconds, rates are per second; errors are a part of the answers and timeouts
/// a part of the requests, from 0 to 1.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "chatproof compare report")]
struct Document<'a> {
    /// The number of this format. It rises when a reader of the former one could be misled; new members do not raise it.
    #[schemars(extend("const" = FORMAT))]
    format: u32,
    /// The run that the other one is held against.
    base: Run<'a>,
    /// The other one.
    new: Run<'a>,
    /// The part of the base that a difference may have without being one.
    tolerance: f64,
    /// Response times that are closer than this are the same.
    floor_us: f64,
    /// How sure the intervals are.
    confidence: f64,
    outcome: Outcome,
    /// The same for people.
    sentence: String,
    /// Anything else that a reader should know, a sentence each.
    notes: &'a [String],
    /// What both runs asked for.
    actions: Vec<Action<'a>>,
    /// What only the new run asked for.
    new_actions: Vec<Name<'a>>,
    /// What only the base asked for.
    gone_actions: Vec<Name<'a>>,
    /// Violations of each kind that either run has.
    violations: Vec<Violations>,
}

/// One of the two runs.
#[derive(Serialize, JsonSchema)]
struct Run<'a> {
    /// Its tally, as it was named.
    tally: &'a str,
    meta: &'a Meta,
}

/// What a comparison comes to.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// Something is worse.
    Worse,
    /// Nothing is worse, as far as could be told.
    NotWorse,
    /// Of no action both runs tell enough.
    Unknown,
}

#[derive(Serialize, JsonSchema)]
struct Name<'a> {
    dialect: &'a str,
    #[schemars(schema_with = "transports")]
    transport: Transport,
    action: &'a str,
}

/// What differs in the requests of one action.
#[derive(Serialize, JsonSchema)]
struct Action<'a> {
    #[serde(flatten)]
    name: Name<'a>,
    /// Requests that went out in the base.
    base_sent: u64,
    /// Requests that went out in the new run.
    new_sent: u64,
    differences: Vec<Difference>,
    /// Errors of each type that either run has.
    errors: Vec<Errors<'a>>,
}

/// One number of both runs.
#[derive(Serialize, JsonSchema)]
struct Difference {
    #[schemars(schema_with = "figures")]
    figure: String,
    base: f64,
    new: f64,
    /// Of times and rates a part of the base: 0.1 is 10 % more. Of errors and timeouts the difference of both.
    difference: Option<f64>,
    /// The lower end of the difference's confidence interval; null when it is not known.
    low: Option<f64>,
    /// Its upper end.
    high: Option<f64>,
    change: How,
    /// Whether the new run is worse by it.
    worse: bool,
    /// Whether the new run is better by it.
    better: bool,
}

/// What a difference comes to.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum How {
    /// Within what chance or the tolerance explains.
    Same,
    /// Sure, and more than the tolerance.
    Up,
    /// The same, downwards.
    Down,
    /// Too little was measured to tell.
    Unknown,
}

/// Errors of one type.
#[derive(Serialize, JsonSchema)]
struct Errors<'a> {
    #[serde(rename = "type")]
    of: &'a str,
    base: u64,
    new: u64,
}

/// Violations of one kind.
#[derive(Serialize, JsonSchema)]
struct Violations {
    #[schemars(schema_with = "kinds")]
    kind: ViolationKind,
    #[schemars(schema_with = "grades")]
    grade: Grade,
    base: u64,
    new: u64,
    /// Whether the new run is worse by it.
    worse: bool,
}

/// Writes the report as JSON that fits `reports/compare.schema.json`, indented, with a newline at its end.
///
/// # Errors
/// When the writer fails.
pub fn json(report: &CompareReport<'_>, out: &mut impl Write) -> io::Result<()> {
    write_json(&Document::of(report), out)
}

impl<'a> Document<'a> {
    fn of(report: &CompareReport<'a>) -> Self {
        let differences = report.differences;
        Self {
            format: FORMAT,
            base: Run::of(report.base),
            new: Run::of(report.new),
            tolerance: report.tolerance,
            floor_us: FLOOR * 1e6,
            confidence: 0.95,
            outcome: match differences.outcome() {
                compare::Outcome::Worse => Outcome::Worse,
                compare::Outcome::NotWorse => Outcome::NotWorse,
                compare::Outcome::Unknown => Outcome::Unknown,
            },
            sentence: report.sentence(),
            notes: report.notes,
            actions: differences.actions.iter().map(Action::of).collect(),
            new_actions: differences.new.iter().map(Name::of).collect(),
            gone_actions: differences.gone.iter().map(Name::of).collect(),
            violations: differences.violations.iter().map(Violations::of).collect(),
        }
    }
}

impl<'a> Run<'a> {
    fn of(run: Compared<'a>) -> Self {
        Self { tally: run.tally, meta: run.meta }
    }
}

impl<'a> Name<'a> {
    fn of(name: &'a compare::ActionName) -> Self {
        Self { dialect: name.dialect.as_str(), transport: name.transport, action: &name.action }
    }
}

impl<'a> Action<'a> {
    fn of(action: &'a ActionDifferences) -> Self {
        let (base_sent, new_sent) = action.sent;
        Self {
            name: Name::of(&action.name),
            base_sent,
            new_sent,
            differences: action.differences.iter().map(Difference::of).collect(),
            errors: action
                .errors
                .iter()
                .map(|error| Errors { of: &error.of, base: error.base, new: error.new })
                .collect(),
        }
    }
}

impl Difference {
    fn of(difference: &compare::Difference) -> Self {
        let unit = if matches!(difference.figure, Figure::Time(_)) { 1e6 } else { 1.0 };
        let told = Some(difference.difference()).filter(|difference| difference.is_finite());
        let (low, high) = difference.interval.ok().unzip();
        Self {
            figure: difference.figure.to_string(),
            base: difference.base * unit,
            new: difference.new * unit,
            difference: told,
            low,
            high,
            change: match difference.change {
                Change::Same => How::Same,
                Change::Up => How::Up,
                Change::Down => How::Down,
                Change::Unknown => How::Unknown,
            },
            worse: difference.is_worse(),
            better: difference.is_better(),
        }
    }
}

impl Violations {
    fn of(violations: &compare::Counts<ViolationKind>) -> Self {
        let &compare::Counts { of: kind, base, new } = violations;
        Self { kind, grade: kind.grade(), base, new, worse: compare::is_new_failure(violations) }
    }
}

fn names(names: &[&str]) -> Schema {
    json_schema!({ "type": "string", "enum": names })
}

fn transports(_: &mut SchemaGenerator) -> Schema {
    names(&["websocket", "socketio", "web"])
}

fn grades(_: &mut SchemaGenerator) -> Schema {
    names(&["info", "non_strict", "fail"])
}

fn figures(_: &mut SchemaGenerator) -> Schema {
    names(&["p50", "p90", "p99", "mean", "rate", "errors", "timeouts"])
}

fn kinds(_: &mut SchemaGenerator) -> Schema {
    names(&ViolationKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use schemars::generate::SchemaSettings;
    use serde_json::Value;

    use super::*;
    use crate::report::compare::terminal::samples;

    fn contract() -> String {
        let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Document>();
        serde_json::to_string_pretty(&schema).unwrap() + "\n"
    }

    fn written(pair: &samples::Pair) -> Value {
        let mut bytes = Vec::new();
        json(&pair.report(), &mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// On a difference the file is rewritten, so that the change of contract can be read with `git diff`.
    #[test]
    fn the_published_schema_is_what_the_types_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/compare.schema.json");
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        if published != contract() {
            std::fs::write(&path, contract()).unwrap();
            panic!("reports/compare.schema.json was out of date and has been rewritten");
        }
    }

    #[test]
    fn reports_fit_the_schema_and_broken_ones_do_not() {
        let validator = jsonschema::draft202012::options().build(&contract().parse().unwrap()).unwrap();
        for pair in samples::all() {
            let report = written(&pair);
            let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
        let good = written(&samples::worse());
        let breaks: [(&str, Value); 6] = [
            ("/outcome", "perhaps".into()),
            ("/actions/0/transport", "pigeon".into()),
            ("/actions/0/differences/0/figure", "p51".into()),
            ("/actions/0/differences/0/change", 1.into()),
            ("/violations/0/kind", "nonsense".into()),
            ("/format", 2.into()),
        ];
        for (pointer, value) in breaks {
            let mut broken = good.clone();
            *broken.pointer_mut(pointer).unwrap() = value;
            assert!(!validator.is_valid(&broken), "{pointer} was not noticed");
        }
    }

    #[test]
    fn a_slower_action_is_told_with_its_figures() {
        let report = written(&samples::worse());
        assert_eq!(report["outcome"], "worse");
        let sending =
            report["actions"].as_array().unwrap().iter().find(|action| action["action"] == "send_event").unwrap();
        let p50 = &sending["differences"][0];
        assert_eq!((&p50["figure"], &p50["change"], &p50["worse"]), (&"p50".into(), &"up".into(), &true.into()));
        // 20 ms became 30 ms, and some seconds are slower.
        let number = |member: &str| p50[member].as_f64().unwrap();
        let is_near = |member: &str, expected: f64| (number(member) / expected - 1.0).abs() < 0.05;
        assert!(is_near("base", 20_000.0) && is_near("new", 30_000.0) && is_near("difference", 0.5), "{p50}");
        assert!(number("low") < 0.5 && 0.5 < number("high"), "{p50}");
        let new_error = &sending["errors"][0];
        assert_eq!((&new_error["type"], &new_error["new"]), (&"internal".into(), &40.into()));
    }
}
