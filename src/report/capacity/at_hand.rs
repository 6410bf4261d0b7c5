//! The page of a search that goes on: what its runs came to so far, and what the one at hand is doing.

use std::time::Duration;

use maud::html;

use super::html::{head, sections};
use super::{CapacityReport, load, purpose};
use crate::capacity::{Purpose, Times};
use crate::report::format::{counted, duration, grouped};
use crate::report::html::{Section, content, live};

/// A run that is being made.
#[derive(Debug, Clone)]
pub struct AtHand {
    /// Its load.
    pub load: f64,
    /// Why it is made.
    pub purpose: Purpose,
    /// How long it takes.
    pub times: Times,
    /// Since the first could come.
    pub elapsed: Duration,
    /// Actors that walk.
    pub present: u64,
    /// Answers so far, with those of the warm-up.
    pub answers: u64,
    /// Requests that were not answered within the documented limit.
    pub timeouts: u64,
    /// Violations on single connections, of any grade.
    pub violations: u64,
    /// Median of the response times that count, of all requests.
    pub p50: Option<Duration>,
    /// Their 99th percentile.
    pub p99: Option<Duration>,
}

/// The whole page.
pub fn live_page(report: &CapacityReport<'_>, at_hand: Option<&AtHand>) -> String {
    live(&head(report), &with(report, at_hand)).into_string()
}

/// What such a page shows after a while in place of what it has: all that is inside of its `main`.
pub fn live_content(report: &CapacityReport<'_>, at_hand: Option<&AtHand>) -> String {
    content(&head(report), &with(report, at_hand)).into_string()
}

/// The run at hand comes first: it is what changes.
fn with(report: &CapacityReport<'_>, at_hand: Option<&AtHand>) -> Vec<Section> {
    at_hand.map(|run| section(report, run)).into_iter().chain(sections(report)).collect()
}

fn section(report: &CapacityReport<'_>, run: &AtHand) -> Section {
    let Times { warm_up, counted: window } = run.times;
    let times = [("p50", run.p50), ("p99", run.p99)].into_iter();
    let times: Vec<String> = times.filter_map(|(name, time)| Some(format!("{name} {}", duration(time?)))).collect();
    let body = html! {
        dl {
            dt { "load" }
            dd { (load(report.course.unit, run.load)) ", to " (purpose(run.purpose)) }
            dt { "time" }
            dd {
                (duration(run.elapsed)) " of " (duration(warm_up + window)) " in which people come; the first "
                (duration(warm_up)) " only warm up"
            }
            dt { "so far" }
            dd {
                (counted(run.answers, "answer")) ", " (counted(run.timeouts, "timeout")) ", " (counted(run.violations, "violation"))
                "; " (grouped(run.present)) " present"
            }
            dt { "response time" }
            dd { @if times.is_empty() { "nothing counted yet" } @else { (times.join(", ")) " of all requests that count" } }
        }
    };
    Section { id: "at-hand", title: "The run at hand".to_owned(), body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::capacity::samples;

    fn run() -> AtHand {
        AtHand {
            load: 120.0,
            purpose: Purpose::Narrow,
            times: Times { warm_up: Duration::from_secs(2), counted: Duration::from_secs(10) },
            elapsed: Duration::from_millis(4_200),
            present: 12,
            answers: 1_234,
            timeouts: 0,
            violations: 1,
            p50: Some(Duration::from_millis(20)),
            p99: Some(Duration::from_millis(250)),
        }
    }

    /// The texts of the description of the run at hand.
    fn told(content: &str) -> String {
        let (_, section) = content.split_once("<section id=\"at-hand\"").unwrap();
        let (_, list) = section.split_once("<dl>").unwrap();
        let (list, _) = list.split_once("</dl>").unwrap();
        list.replace("<dt>", "\n").replace("</dt><dd>", ": ").replace("</dd>", "")
    }

    #[test]
    fn the_run_at_hand_is_told_before_those_that_are_over() {
        let course = samples::found();
        let report = samples::report(&course);
        let content = live_content(&report, Some(&run()));
        assert_eq!(
            told(&content),
            "\nload: 120/s, to narrow\
             \ntime: 4.20s of 12.0s in which people come; the first 2.00s only warm up\
             \nso far: 1,234 answers, 0 timeouts, 1 violation; 12 present\
             \nresponse time: p50 20.0ms, p99 250ms of all requests that count"
        );
        assert!(content.find("id=\"at-hand\"") < content.find("id=\"curve\""));
        let nothing = AtHand { p50: None, p99: None, ..run() };
        assert!(told(&live_content(&report, Some(&nothing))).ends_with("response time: nothing counted yet"));
    }

    #[test]
    fn without_one_the_page_is_that_of_the_finished_search_but_asks_for_news() {
        let course = samples::found();
        let report = samples::report(&course);
        let mut written = Vec::new();
        super::super::html(&report, &mut written).unwrap();
        let written = String::from_utf8(written).unwrap();
        let inside = format!("<main id=\"main\" tabindex=\"-1\">{}</main>", live_content(&report, None));
        let page = live_page(&report, None);
        assert!(written.contains(&inside) && page.contains(&inside));
        assert!(page.contains("EventSource") && !written.contains("EventSource"));
    }
}
