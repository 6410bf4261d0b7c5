//! What we write for the tools of others, read by them: the metrics by Prometheus' own parser, the log by HdrHistogram's. Behind the feature
//! `other-tools`, because both have to be installed (`.ci/run` does).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "live/going.rs"]
mod going;
mod support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use going::{Going, came_to_its_end, sum};
use support::root;

/// Prints the types of all metrics, by name, and the number of requests.
const METRICS: &str = "
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
found = list(families(sys.stdin.read()))
requests = sum(s.value for f in found for s in f.samples if s.name == 'chatproof_requests_total')
print(json.dumps([{f.name: f.type for f in found}, requests]))
";

/// Prints how many durations there are of each tag.
const LOG: &str = "
import json, sys
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
reader, counts = HistogramLogReader(sys.argv[1], HdrHistogram(1, 60000000, 3)), {}
while (one := reader.get_next_interval_histogram()) is not None:
    counts[one.get_tag()] = counts.get(one.get_tag(), 0) + one.get_total_count()
print(json.dumps(counts))
";

fn python(script: &str, argument: &str, input: &str) -> Output {
    let path = root().join("target/venv/bin/python");
    assert!(
        path.exists(),
        "Python's readers are not installed; do: python3 -m venv target/venv && target/venv/bin/pip install \
         prometheus-client==0.26.0 hdrhistogram==0.10.8"
    );
    let mut process = Command::new(path)
        .args(["-c", script, argument])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    process.wait_with_output().unwrap()
}

fn told<T: serde::de::DeserializeOwned>(output: &Output) -> T {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn others_read_what_we_write() {
    let going = Going::start(&["--for", "2s"]);
    let answer = going.metrics_with("chatproof_answers_total");
    let (_, text) = answer.split_once("\r\n\r\n").unwrap();
    let (types, requests): (BTreeMap<String, String>, f64) = told(&python(METRICS, "", text));
    let expected =
        [("chatproof_response_seconds", "histogram"), ("chatproof_requests", "counter"), ("chatproof_actors", "gauge")];
    for (name, kind) in expected {
        assert_eq!(types[name], kind, "{name}");
    }
    assert_eq!(requests, sum(text, "chatproof_requests_total"));
    // The parser does mind.
    let broken = text.replace("# EOF\n", "");
    assert!(!python(METRICS, "", &broken).status.success());

    let (code, said, folder) = going.end();
    assert!(came_to_its_end(code), "{code} {said}");
    let log = folder.path().join("latency.hlog");
    let counts: BTreeMap<String, u64> = told(&python(LOG, log.to_str().unwrap(), ""));
    let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let mut expected = BTreeMap::new();
    for row in report["requests"].as_array().unwrap() {
        let text = |name: &str| row[name].as_str().unwrap();
        let tag = format!("{}/{}/{}", text("dialect"), text("transport"), text("action"));
        expected.insert(tag, row["answered"].as_u64().unwrap());
    }
    expected.retain(|_, answered| *answered > 0);
    assert_eq!(counts, expected);
}
