//! The page of a run that goes on: the same, with what is known so far, and with news from where it came.

use super::page::{content, live};
use super::{head, sections};
use crate::report::RunReport;

/// The whole page.
pub fn live_page(report: &RunReport<'_>) -> String {
    live(&head::of(report), &sections(report)).into_string()
}

/// What such a page shows after a while in place of what it has: all that is inside of its `main`.
pub fn live_content(report: &RunReport<'_>) -> String {
    content(&head::of(report), &sections(report)).into_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{html, sample};

    #[test]
    fn a_live_page_is_the_same_but_asks_where_it_came_from_for_news() {
        let sample = sample::failing();
        let mut bytes = Vec::new();
        html(&sample.report(), &mut bytes).unwrap();
        let written = String::from_utf8(bytes).unwrap();
        let page = live_page(&sample.report());
        let (_, policy) = page.split_once("content=\"default-src 'none'; ").unwrap();
        let (policy, _) = policy.split_once('"').unwrap();
        assert!(policy.ends_with("; connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(policy.matches("'sha256-").count(), 3, "one style, two scripts");
        let inside = format!("<main id=\"main\" tabindex=\"-1\">{}</main>", live_content(&sample.report()));
        assert!(page.contains(&inside) && written.contains(&inside));
        assert!(!written.contains("connect-src") && !written.contains("EventSource"));
    }
}
