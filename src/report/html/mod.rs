//! The report that people open in a browser: one file, which needs nothing else.
//!
//! Everything is drawn here, so that a page says the same without its script; that only sorts, filters, copies, and draws the
//! charts over time. Whatever a peer said goes through maud's escaping.

mod checklist;
mod documents;
mod frame_text;
mod frames;
mod head;
mod latency;
mod page;
mod table;
mod violations;

use std::io::{self, Write};

use super::RunReport;
pub(in crate::report) use documents::cite;
pub(in crate::report) use frames::{Room, Unfolded, frames};
pub(in crate::report) use page::{Badge, Cause, Head, Section, Tone, page};
pub(in crate::report) use table::{Cell, Column, choice, share, table};

/// Writes the report as a page.
///
/// # Errors
/// When the writer fails.
pub fn html(report: &RunReport<'_>, out: &mut impl Write) -> io::Result<()> {
    out.write_all(page(&head::of(report), &sections(report)).into_string().as_bytes())
}

/// Whatever there is to tell, in the order in which a reader asks.
fn sections(report: &RunReport<'_>) -> Vec<Section> {
    let sections = [
        checklist::sides(report),
        head::thresholds(report),
        latency::section(report),
        violations::section(report),
        checklist::section(report),
    ];
    sections.into_iter().flatten().collect()
}

/// Every link leads to a place in the page, and no two places have one name.
#[cfg(test)]
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
    assert!(links.len() > 2, "{links:?}");
    for link in links {
        assert!(places.contains(&link), "the link #{link} leads nowhere");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn written(sample: &sample::Run) -> String {
        let mut bytes = Vec::new();
        html(&sample.report(), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
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

    /// What is wrong is only one click away.
    #[test]
    fn every_link_leads_to_one_place() {
        for sample in [sample::passing(), sample::failing(), sample::observed(), sample::hostile()] {
            assert_links(&written(&sample));
        }
    }

    #[test]
    fn the_same_run_gives_the_same_page() {
        assert_eq!(written(&sample::failing()), written(&sample::failing()));
    }

    #[test]
    fn a_failing_run_tells_why_before_anything_else() {
        let text = written(&sample::failing());
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is missing"));
        assert!(place("<h1>support-desk</h1>") < place("2 × wrong_type"));
        assert!(place("2 × wrong_type") < place("<section"));
        assert!(!written(&sample::passing()).contains("class=\"causes\""));
    }

    #[test]
    fn nothing_that_a_peer_says_becomes_markup() {
        let text = written(&sample::hostile());
        assert_eq!(text.matches("<script").count(), written(&sample::failing()).matches("<script").count());
        assert!(!text.contains(|c: char| c != '\n' && crate::report::format::is_unseen(c)));
    }
}
