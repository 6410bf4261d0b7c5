//! The report that people open in a browser: one file, which needs nothing else.
//!
//! Everything is drawn here, so that a page says the same without its script; that only sorts, filters, copies, and draws the
//! charts over time. Whatever a peer said goes through maud's escaping.

mod head;
mod latency;
mod live;
mod page;
mod table;

use std::io::{self, Write};

use super::RunReport;
pub use live::{live_content, live_page};
use page::{Section, page};

/// Writes the report as a page.
///
/// # Errors
/// When the writer fails.
pub fn html(report: &RunReport<'_>, out: &mut impl Write) -> io::Result<()> {
    out.write_all(page(&head::of(report), &sections(report)).into_string().as_bytes())
}

/// Whatever there is to tell, in the order in which a reader asks.
fn sections(report: &RunReport<'_>) -> Vec<Section> {
    [head::thresholds(report), latency::section(report)].into_iter().flatten().collect()
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
