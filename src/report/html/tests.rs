//! Whole pages.

use std::time::Duration;

use super::html;
use crate::observe::Moment;
use crate::protocol::Transport;
use crate::record::ActionTally;
use crate::report::format::is_unseen;
use crate::report::sample;

fn written(sample: &sample::Run) -> String {
    let mut bytes = Vec::new();
    html(&sample.report(), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// What a reader sees of a page: its texts, an element in a line, without styles and scripts.
fn seen(page: &str) -> String {
    let body = page.split_once("<main").unwrap().1.split_once("</main>").unwrap().0;
    let mut text = String::new();
    for part in body.split('<').skip(1) {
        let (tag, after) = part.split_once('>').unwrap_or((part, ""));
        if !tag.starts_with("script") && !after.trim().is_empty() {
            text += after.trim();
            text.push('\n');
        }
    }
    text
}

#[test]
fn a_page_asks_for_nothing_and_lets_nothing_in() {
    for sample in [sample::passing(), sample::failing(), sample::observed(), sample::empty()] {
        let text = written(&sample);
        let (_, after) = text.split_once("content=\"default-src 'none'; style-src 'sha256-").unwrap();
        let (policy, _) = after.split_once('"').unwrap();
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        for loads in [" src=", " srcset=", "@import", "url(", "<link", "<iframe", " style=", " onclick="] {
            assert!(!text.contains(loads), "{loads}");
        }
    }
}

#[test]
fn the_same_run_gives_the_same_page() {
    assert_eq!(written(&sample::failing()), written(&sample::failing()));
}

#[test]
fn a_failing_run_tells_why_before_anything_else_and_leads_there() {
    let text = written(&sample::failing());
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is missing"));
    assert!(place("<h1>support-desk</h1>") < place("2 × wrong_type"));
    assert!(place("2 × wrong_type") < place("<section"));
    assert!(!written(&sample::passing()).contains("class=\"causes\""));
    for shown in ["failed-steps", "thresholds"] {
        assert!(text.contains(&format!("href=\"#{shown}\">Show</a>")), "{shown}");
    }
}

/// Every link leads to a place in the page, and no two places have one name.
#[track_caller]
pub(in crate::report) fn assert_links(page: &str) {
    let values = |mark: &'static str| {
        page.split(mark).skip(1).filter_map(|rest| rest.split_once('"')).map(|(value, _)| value).collect::<Vec<_>>()
    };
    let places = values(" id=\"");
    for place in &places {
        assert_eq!(places.iter().filter(|other| *other == place).count(), 1, "{place} is there twice");
    }
    let links = values("href=\"#");
    assert!(!links.is_empty());
    for link in links {
        assert!(places.contains(&link), "the link #{link} leads nowhere");
    }
}

#[test]
fn every_link_leads_to_one_place() {
    for sample in [sample::passing(), sample::failing(), sample::observed(), sample::empty()] {
        assert_links(&written(&sample));
    }
}

#[test]
fn nothing_that_a_peer_says_becomes_markup() {
    let text = written(&sample::hostile());
    assert_eq!(text.matches("<script").count(), written(&sample::failing()).matches("<script").count());
    assert!(!text.contains(|c: char| c != '\n' && is_unseen(c)));
}

#[test]
fn what_readers_see_of_a_failing_run() {
    insta::assert_snapshot!(seen(&written(&sample::failing())));
}

/// 20 actions, each answered six times a second for an hour, in 1 to 400 ms.
fn an_hour() -> sample::Run {
    let mut run = sample::passing();
    let dialect = run.tally.dialects.get_mut("customer/v0.3").unwrap();
    let websocket = dialect.transports.get_mut(&Transport::Websocket).unwrap();
    for number in 0..20u64 {
        let mut action = ActionTally::default();
        for n in 0..6 * 3_600u64 {
            let micros = 1_000 + (n * 7_919 + number * 104_729) % 20_000 * (1 + n % 20);
            action.sent += 1;
            action.answered += 1;
            action.succeeded += 1;
            action.response.record(Duration::from_micros(micros));
            action.service.record(Duration::from_micros(micros / 2));
            let stretch = action.over_time.at(Moment(n / 6 * 1_000_000_000));
            stretch.answered += 1;
            stretch.response.record(Duration::from_micros(micros));
        }
        websocket.actions.insert(format!("an_action_with_a_long_name_{number}"), action);
    }
    run.tally.last = Some(Moment(3_600_000_000_000));
    run.meta.duration = Duration::from_secs(3_600);
    run
}

#[test]
fn an_hour_of_twenty_actions_is_a_page_of_a_megabyte_and_a_half_at_most() {
    let text = written(&an_hour());
    assert!(text.len() < 1_500_000, "{}", text.len());
    assert_eq!(
        text.matches("<svg").count(),
        2 * (1 + 24) + 1,
        "charts of all, of the 24 most frequent of 26 actions, and of delivery"
    );
}
