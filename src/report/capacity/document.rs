//! The report for programs. Its contract is `reports/capacity.schema.json`.

use std::io::{self, Write};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::CapacityReport;
use crate::capacity::{self, Finding, Outcome, Peak, Purpose};
use crate::report::format::micros;
use crate::report::{Meta, write_json};

/// The number of this format. It rises when a reader of the former one could be misled; new members do not raise it.
const FORMAT: u32 = 1;

/// What a search for the highest load found. Durations are in microseconds, rates per second.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "chatproof capacity report")]
struct Document<'a> {
    /// The number of this format. It rises when a reader of the former one could be misled; new members do not raise it.
    #[schemars(extend("const" = FORMAT))]
    format: u32,
    meta: &'a Meta,
    /// The population whose load was varied.
    population: &'a str,
    unit: Unit,
    /// What was good enough, beside no violation, timeout and failed step.
    thresholds: &'a [String],
    result: Found,
    /// The load at which the 99th percentile begins to explode (Kneedle); null where too little was measured, or it does not.
    knee: Option<f64>,
    /// The Universal Scalability Law that fits the points; null where there are too few.
    law: Option<Law>,
    /// The action whose response times the points have; null for all requests.
    action: Option<&'a str>,
    /// Samples that the strictest threshold needs; null when none needs any.
    samples_wanted: Option<u64>,
    /// All runs, in the order in which they were made.
    points: Vec<Point<'a>>,
}

/// What a load is a number of.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Unit {
    ArrivalsPerSecond,
    Users,
}

/// What was found. The capacity is at least `met`, and less than `missed`.
#[derive(Serialize, JsonSchema)]
struct Found {
    kind: Kind,
    /// The highest load that was good enough.
    met: Option<f64>,
    /// The lowest that was not.
    missed: Option<f64>,
    /// The lowest that the generator could not make.
    strained: Option<f64>,
    /// The same for people.
    sentence: String,
}

/// What a search comes to.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Both ends were confirmed.
    Between,
    /// The highest load that was allowed was good enough.
    AtLeast,
    /// The lowest load was too much.
    BelowLowest,
    /// The generator came to its limit first.
    Generator,
    /// Broken off.
    Open,
}

/// `X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1))`: answers per second over requests under way.
#[derive(Serialize, JsonSchema)]
struct Law {
    lambda: f64,
    sigma: f64,
    kappa: f64,
    r_squared: f64,
    /// The largest concurrency that was measured.
    measured: f64,
    /// Whether the highest throughput is within twice what was measured; if not, the numbers are those of twice what was measured.
    peak_within_reach: bool,
    peak_concurrency: f64,
    peak_throughput: f64,
}

#[derive(Serialize, JsonSchema)]
struct Point<'a> {
    load: f64,
    purpose: Why,
    outcome: How,
    /// Why, unless everything held.
    reasons: &'a [String],
    warm_up_us: u64,
    counted_us: u64,
    /// Answers to all requests.
    throughput: f64,
    /// Requests under way at the same time, on average.
    concurrency: Option<f64>,
    /// Mean response time of all requests.
    mean_us: Option<u64>,
    /// Response times of the action that is looked at.
    response: Option<Percentiles>,
    answered: u64,
    errors: u64,
    /// Violations that fail a run, and requests without an answer in time.
    violations: u64,
    /// Samples of the threshold that needs most of them.
    samples: Option<u64>,
    /// Median lag of arrivals.
    lag_us: Option<u64>,
    dropped: u64,
}

#[derive(Serialize, JsonSchema)]
struct Percentiles {
    p50_us: u64,
    p90_us: u64,
    p99_us: u64,
    max_us: u64,
}

/// Why a load was tried.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Why {
    Raise,
    Narrow,
    Confirm,
}

/// How a run went.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum How {
    Met,
    Missed,
    Strained,
    Unmeasured,
}

/// Writes the report as JSON that fits `reports/capacity.schema.json`, indented, with a newline at its end.
///
/// # Errors
/// When the writer fails.
pub fn json(report: &CapacityReport<'_>, out: &mut impl Write) -> io::Result<()> {
    write_json(&Document::of(report), out)
}

impl<'a> Document<'a> {
    fn of(report: &'a CapacityReport<'a>) -> Self {
        let course = report.course;
        Self {
            format: FORMAT,
            meta: report.meta,
            population: &course.population,
            unit: match course.unit {
                capacity::Unit::PerSecond => Unit::ArrivalsPerSecond,
                capacity::Unit::People => Unit::Users,
            },
            thresholds: report.thresholds,
            result: found(report),
            knee: report.knee(),
            law: report.law().map(law),
            action: course.action.as_deref(),
            samples_wanted: course.wanted,
            points: course.points.iter().map(point).collect(),
        }
    }
}

fn found(report: &CapacityReport<'_>) -> Found {
    let finding = report.course.finding;
    let (kind, missed, strained) = match finding {
        Finding::Between { missed, .. } => (Kind::Between, Some(missed), None),
        Finding::AtLeast { .. } => (Kind::AtLeast, None, None),
        Finding::BelowLowest { missed } => (Kind::BelowLowest, Some(missed), None),
        Finding::Generator { strained, .. } => (Kind::Generator, None, Some(strained)),
        Finding::Open { missed, .. } => (Kind::Open, missed, None),
    };
    Found { kind, met: finding.met(), missed, strained, sentence: report.sentence() }
}

fn law(fit: capacity::Fit) -> Law {
    let (peak_within_reach, peak_concurrency, peak_throughput) = match fit.peak() {
        Peak::At { concurrency, throughput } => (true, concurrency, throughput),
        Peak::Beyond { concurrency, throughput } => (false, concurrency, throughput),
    };
    let capacity::Fit { lambda, sigma, kappa, r_squared, measured } = fit;
    Law { lambda, sigma, kappa, r_squared, measured, peak_within_reach, peak_concurrency, peak_throughput }
}

fn point(point: &capacity::Point) -> Point<'_> {
    let us = |time: Option<Duration>| time.map(micros);
    Point {
        load: point.load,
        purpose: match point.purpose {
            Purpose::Raise => Why::Raise,
            Purpose::Narrow => Why::Narrow,
            Purpose::Confirm => Why::Confirm,
        },
        outcome: match point.outcome {
            Outcome::Met => How::Met,
            Outcome::Missed => How::Missed,
            Outcome::Strained => How::Strained,
            Outcome::Unmeasured => How::Unmeasured,
        },
        reasons: &point.reasons,
        warm_up_us: micros(point.times.warm_up),
        counted_us: micros(point.times.counted),
        throughput: point.throughput,
        concurrency: point.concurrency(),
        mean_us: us(point.mean),
        response: point.response.map(|times| Percentiles {
            p50_us: micros(times.p50),
            p90_us: micros(times.p90),
            p99_us: micros(times.p99),
            max_us: micros(times.max),
        }),
        answered: point.answered,
        errors: point.errors,
        violations: point.violations,
        samples: point.samples,
        lag_us: us(point.lag),
        dropped: point.dropped,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use schemars::generate::SchemaSettings;
    use serde_json::Value;

    use super::*;
    use crate::report::capacity::terminal::samples;

    fn contract() -> String {
        let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Document>();
        serde_json::to_string_pretty(&schema).unwrap() + "\n"
    }

    /// On a difference the file is rewritten, so that the change of contract can be read with `git diff`.
    #[test]
    fn the_published_schema_is_what_the_types_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/capacity.schema.json");
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        if published != contract() {
            std::fs::write(&path, contract()).unwrap();
            panic!("reports/capacity.schema.json was out of date and has been rewritten");
        }
    }

    #[test]
    fn reports_fit_the_schema_and_broken_ones_do_not() {
        let validator = jsonschema::draft202012::options().build(&contract().parse().unwrap()).unwrap();
        for course in samples::all() {
            let mut bytes = Vec::new();
            json(&samples::report(&course), &mut bytes).unwrap();
            let report: Value = serde_json::from_slice(&bytes).unwrap();
            let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
        let good = serde_json::to_value(Document::of(&samples::report(&samples::found()))).unwrap();
        let breaks: [(&str, Value); 5] = [
            ("/result/kind", "perhaps".into()),
            ("/points/0/outcome", "good".into()),
            ("/points/0/purpose", 1.into()),
            ("/points/0/response/p99_us", (-1).into()),
            ("/format", 2.into()),
        ];
        for (pointer, value) in breaks {
            let mut broken = good.clone();
            *broken.pointer_mut(pointer).unwrap() = value;
            assert!(!validator.is_valid(&broken), "{pointer} was not noticed");
        }
    }

    #[test]
    fn concurrency_is_by_littles_law() {
        let report = serde_json::to_value(Document::of(&samples::report(&samples::found()))).unwrap();
        // 40 answers a second of 5 ms each.
        assert_eq!(report["points"][1]["concurrency"], 0.2);
    }
}
