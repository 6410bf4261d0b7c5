//! A run that is watched while it goes on: the page, its news, the metrics, what a collector gets, and the lines for people.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "live/collector.rs"]
mod collector;
#[path = "live/going.rs"]
mod going;
mod support;

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};

use collector::Collector;
use going::{Going, SMOKE, came_to_its_end, sum};
use tempfile::TempDir;

/// How many requests went out, by the report.
fn sent(folder: &TempDir) -> f64 {
    let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    report["requests"].as_array().unwrap().iter().map(|row| row["sent"].as_f64().unwrap()).sum()
}

#[test]
fn a_run_can_be_watched_in_every_way_until_it_is_over() {
    let collector = Collector::start();
    let going = Going::start(&["--for", "10s", "--otlp", &collector.url]);
    let mut events = going.open("GET /events", &going.addr);
    let metrics = going.metrics_with("chatproof_answers_total");
    let (head, text) = metrics.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(sum(text, "chatproof_actors") > 0.0 && sum(text, "chatproof_cpu_seconds_total") > 0.0, "{text}");
    assert!(
        text.contains(
            "chatproof_response_seconds_count{dialect=\"agent/v3.0\",transport=\"websocket\",action=\"login\"} "
        ),
        "{text}"
    );

    let page = going.get("/");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<main id=\"main\""), "{page}");
    let content = going.get("/content");
    assert!(content.contains("<h1>smoke</h1>") && !content.contains("<script>"), "{content}");
    assert!(page.contains("cache-control: no-store") && page.contains("new EventSource(\"events\")"));
    assert!(going.ask("GET /", "evil.example").starts_with("HTTP/1.1 403"));
    assert!(going.ask("GET /metrics", "evil.example:8089").starts_with("HTTP/1.1 403"));
    for change in ["POST /", "DELETE /metrics", "PUT /events"] {
        assert!(going.ask(change, &going.addr).starts_with("HTTP/1.1 405"), "{change}");
    }
    assert!(going.get("/../report.json").starts_with("HTTP/1.1 404"));

    // The last news is the last report; then the server is gone.
    let mut news = String::new();
    events.read_to_string(&mut news).unwrap();
    let reports = news.matches("event: report\n").count();
    assert!(reports >= 5 && news.matches("event: over\n").count() == 1, "{reports} in {news}");
    let last = last_of(&news);

    let addr = going.addr.clone();
    let (code, said, folder) = going.end();
    assert!(came_to_its_end(code), "{code} {said}");
    assert!(TcpStream::connect(addr).is_err());
    assert!(is_the_report(&last, &folder), "{last}");
    let line = said.lines().find(|line| line.contains(" messages/s | ")).unwrap();
    assert!(line.contains(" of 0:1") && line.contains(" came, ") && line.contains(" | 0 violations, "), "{line}");

    // The collector hears the same as the reports tell, and by the same names.
    let told = collector.end();
    assert_eq!(told.last().unwrap().counter("chatproof_requests"), Some(sent(&folder)));
    let mut names: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).map(str::to_owned).collect();
    let mut pushed = told.last().unwrap().names();
    names.sort();
    pushed.sort();
    assert_eq!(names, pushed);

    let log = std::fs::read_to_string(folder.path().join("latency.hlog")).unwrap();
    assert!(log.contains("Tag=customer/v0.3/websocket/send_event,"), "{log}");
}

/// Whether this is what the report shows.
fn is_the_report(content: &str, folder: &TempDir) -> bool {
    let written = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    written.contains(&format!("<main id=\"main\" tabindex=\"-1\">{content}</main>"))
}

/// The last report in a stream of news.
fn last_of(news: &str) -> String {
    let (_, last) = news.rsplit_once("event: over\n").unwrap();
    serde_json::from_str(last.lines().find_map(|line| line.strip_prefix("data: ")).unwrap()).unwrap()
}

#[test]
fn a_run_that_is_given_up_says_so_on_its_last_page() {
    let going = Going::start(&["--for", "60s", "--quiet", "--abort-on", "send_event.count > 3"]);
    let mut news = String::new();
    going.open("GET /events", &going.addr).read_to_string(&mut news).unwrap();
    let (code, said, folder) = going.end();
    assert_eq!(code, 1, "{said}");
    let last = last_of(&news);
    assert!(last.contains("ended early, after ") && is_the_report(&last, &folder), "{last}");
}

#[test]
fn a_search_for_the_highest_load_shows_its_runs_one_after_the_other() {
    let going = Going::search(&["--from", "5/s", "--to", "40/s", "--step", "1s", "--warm-up", "100ms", "--quiet"]);
    let mut events = going.open("GET /events", &going.addr);
    let rows = |content: &str| {
        let (_, table) = content.split_once("<table id=\"runs-table\"").unwrap_or_default();
        table.split("</table>").next().unwrap().matches("<tr>").count().saturating_sub(1)
    };
    // How many runs were over, and whether one was at hand, each time that something had changed.
    let mut seen: Vec<(usize, bool)> = Vec::new();
    while seen.last().is_none_or(|(rows, _)| *rows < 2) {
        let content = going.get("/content");
        assert!(content.starts_with("HTTP/1.1 200"), "{content}");
        let state = (rows(&content), content.contains("<section id=\"at-hand\""));
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(seen.is_sorted_by_key(|(rows, _)| *rows) && seen.iter().any(|(_, at_hand)| *at_hand), "{seen:?}");
    assert!(sum(&going.get("/metrics"), "chatproof_answers_total") > 0.0);
    assert!(going.get("/").contains("new EventSource(\"events\")"));

    let mut news = String::new();
    events.read_to_string(&mut news).unwrap();
    let (code, said, folder) = going.end();
    // Found, or more than a busy machine can make.
    assert!(matches!(code, 0 | 6), "{code} {said}");
    let last = last_of(&news);
    assert!(is_the_report(&last, &folder) && rows(&last) > 2, "{last}");
}

#[test]
fn the_leader_of_several_processes_shows_what_they_measure() {
    let collector = Collector::start();
    let going = Going::start(&["--for", "4s", "--processes", "2", "--quiet", "--otlp", &collector.url]);
    let metrics = going.metrics_with("chatproof_response_seconds_count");
    assert!(sum(&metrics, "chatproof_cpu_seconds_total") > 0.0, "{metrics}");
    let (code, said, folder) = going.end();
    assert!(came_to_its_end(code), "{code} {said}");
    assert_eq!(collector.end().last().unwrap().counter("chatproof_requests"), Some(sent(&folder)));
    assert!(!said.contains("messages/s"), "{said}");
}

#[test]
fn who_cannot_be_watched_does_not_begin() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let run = support::run(SMOKE, &["--live", &addr]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    let expected = format!("error: --live: cannot listen at {addr}: Address already in use (os error 98)\n");
    assert_eq!(run.stderr, expected);
    assert!(!run.folder().join("report.json").exists());
}

#[test]
fn a_collector_that_is_not_there_is_told_once_and_harms_nothing() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = support::run(SMOKE, &["--for", "1s", "--allow-saturated", "--otlp", &format!("http://{gone}")]);
    assert!(came_to_its_end(run.code), "{} {}", run.code, run.stderr);
    assert_eq!(run.stderr.matches("--otlp: the collector did not take the metrics (").count(), 1, "{}", run.stderr);
}
