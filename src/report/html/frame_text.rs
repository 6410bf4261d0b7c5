//! A frame's text as lines for people: indented JSON with the place that a violation is about marked.
//!
//! The text is walked as it stands, so members keep their order, numbers their digits and repeated names stay: what is shown
//! is what was sent, only with other spaces between. A transcript cuts long texts, which is no reason not to show what is there.

mod walk;

use std::collections::BTreeSet;

use serde::de::IgnoredAny;

use crate::report::format::seen;
use walk::{CUT, Walked, walk};

/// Lines shown of a text; a longer one is cut around what is marked.
const LONGEST: usize = 40;
/// Lines shown of what is marked, when the text has to be cut.
const MARKED: usize = 20;
/// Lines shown before and after what is marked, when the text has to be cut.
const AROUND: usize = 4;
/// Steps of indentation shown; without a limit a few kilobytes of brackets would fill megabytes.
const DEEPEST: usize = 16;

/// A line of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Some of the text.
    Text {
        /// Steps to the right.
        indent: usize,
        /// Without characters that are not seen.
        text: String,
        /// Whether it belongs to what a reader should look at.
        marked: bool,
    },
    /// So many lines are left out here.
    Left(usize),
}

/// A text in lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FrameText {
    /// From the first to the last.
    pub lines: Vec<Line>,
    /// What is marked.
    pub mark: Mark,
}

/// What is marked in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing.
    Nothing,
    /// What the pointer points to.
    Exact,
    /// What comes nearest to holding it, because it is not there itself.
    Holder,
}

/// The lines of a text. `pointer` is a JSON pointer into the payload, which is the member `payload` of the text, or else all of it.
pub(super) fn frame_text(text: &str, pointer: Option<&str>) -> FrameText {
    let is_json = text.trim_start().starts_with(['{', '['])
        && (text.ends_with(CUT) || serde_json::from_str::<IgnoredAny>(text).is_ok());
    if !is_json {
        return raw(text);
    }
    let steps = pointer.map(steps);
    let inside: Option<Vec<String>> =
        steps.as_ref().map(|steps| std::iter::once("payload".to_owned()).chain(steps.iter().cloned()).collect());
    let mut walked = walk(text, inside.as_deref());
    if walked.as_ref().is_some_and(|walked| walked.best.as_ref().is_some_and(|best| best.depth == 0)) {
        walked = walk(text, steps.as_deref());
    }
    walked.map_or_else(|| raw(text), shown)
}

/// The names and numbers on the way of a JSON pointer (RFC 6901).
fn steps(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// What is no JSON, as it is.
fn raw(text: &str) -> FrameText {
    let line = |line| Line::Text { indent: 0, text: seen(line).into_owned(), marked: false };
    let mut lines: Vec<Line> = text.lines().map(line).collect();
    if lines.len() > LONGEST {
        let left = lines.len() - LONGEST;
        lines.truncate(LONGEST);
        lines.push(Line::Left(left));
    }
    FrameText { lines, mark: Mark::Nothing }
}

/// All lines, or those that matter.
fn shown(walked: Walked) -> FrameText {
    let Walked { lines, best, wanted } = walked;
    let mark = match (&best, wanted) {
        (Some(best), Some(wanted)) if best.depth == wanted => Mark::Exact,
        (Some(_), Some(_)) => Mark::Holder,
        _ => Mark::Nothing,
    };
    let (first, last) = best.as_ref().map_or((lines.len(), lines.len()), |best| best.lines);
    let kept: BTreeSet<usize> = if lines.len() <= LONGEST {
        (0..lines.len()).collect()
    } else {
        match &best {
            None => (0..LONGEST).collect(),
            Some(best) => {
                let around = first.saturating_sub(AROUND)..(first + MARKED).min(last + 1 + AROUND);
                let holders = best.around.iter().copied().rev().take(DEEPEST);
                around.filter(|line| *line < lines.len()).chain(holders).collect()
            }
        }
    };
    let mut told = Vec::with_capacity(kept.len() + 2);
    let mut next = 0;
    for line in kept.into_iter().chain([lines.len()]) {
        if line > next {
            told.push(Line::Left(line - next));
        }
        next = line + 1;
        if let Some((indent, text)) = lines.get(line) {
            let marked = (first..=last).contains(&line);
            told.push(Line::Text { indent: DEEPEST.min(*indent), text: seen(text).into_owned(), marked });
        }
    }
    FrameText { lines: told, mark }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::report::format::is_unseen;

    /// As on a page, `>` before what is marked.
    fn page(text: &str, pointer: Option<&str>) -> String {
        let lines = frame_text(text, pointer).lines.into_iter().map(|line| match line {
            Line::Text { indent, text, marked } => {
                format!("{}{}{text}\n", if marked { '>' } else { ' ' }, " ".repeat(2 * indent))
            }
            Line::Left(lines) => format!(" [{lines}]\n"),
        });
        lines.collect()
    }

    #[test]
    fn a_frame_is_indented_and_the_place_marked() {
        let text = r#"{"request_id":"9","payload":{"event":{"order":"17","tags":[],"x":{}},"order":1.50}}"#;
        assert_eq!(
            page(text, Some("/event/order")),
            r#" {
   "request_id": "9",
   "payload": {
     "event": {
>      "order": "17",
       "tags": [],
       "x": {}
     },
     "order": 1.50
   }
 }
"#
        );
        assert_eq!(frame_text(text, Some("/event/order")).mark, Mark::Exact);
        assert_eq!(frame_text(text, None).mark, Mark::Nothing);
        assert!(!page(text, None).contains('>'));
    }

    #[test]
    fn what_is_missing_marks_what_should_hold_it() {
        let text = r#"{"payload":{"chat":{"a/b":[{"~":1},{"id":2}]}}}"#;
        let marked = |pointer| {
            let lines = page(text, Some(pointer));
            lines.lines().filter_map(|line| line.strip_prefix('>')).map(str::trim).collect::<Vec<_>>().join("")
        };
        assert_eq!(marked("/chat/a~1b/0/id"), r#"{"~": 1},"#);
        assert_eq!(frame_text(text, Some("/chat/a~1b/0/id")).mark, Mark::Holder);
        assert_eq!(marked("/chat/a~1b/0/~0"), r#""~": 1"#);
        assert_eq!(marked("/chat/a~1b/1/id"), r#""id": 2"#);
        assert_eq!(marked("/nothing"), r#""payload": {"chat": {"a/b": [{"~": 1},{"id": 2}]}}"#);
        assert_eq!(marked(""), marked("/nothing"));
        assert_eq!(frame_text(text, Some("")).mark, Mark::Exact);
    }

    /// Bodies of the Web API may be the payload itself.
    #[test]
    fn a_text_without_payload_is_the_payload() {
        let shown = page(r#"{"chat":{"id":7}}"#, Some("/chat/id"));
        assert!(shown.contains(r#">    "id": 7"#), "{shown}");
    }

    #[test]
    fn what_is_no_json_is_shown_as_it_is() {
        for text in ["<html>", "{\"a\":1", "{\"a\":1}}", "[1,]", "[\"unfinished]", "{}{}", "17"] {
            assert_eq!(page(text, Some("/a")), format!(" {text}\n"));
        }
        assert_eq!(page("one\ntwo\u{1b}[2J", None), " one\n two\\u{1b}[2J\n");
        assert_eq!(page(&"x\n".repeat(50), None), " x\n".repeat(40) + " [10]\n");
        assert_eq!(frame_text("", None).lines, []);
    }

    #[test]
    fn a_text_that_was_cut_is_shown_as_far_as_it_goes() {
        assert_eq!(
            page(r#"{"payload":{"event":{"text":"very lo…"#, Some("/event/text")),
            " {\n   \"payload\": {\n     \"event\": {\n>      \"text\": \"very lo…\n"
        );
        assert_eq!(page(r#"{"payload":{"a":1,…"#, Some("/a")), " {\n   \"payload\": {\n>    \"a\": 1,\n     …\n");
        assert_eq!(
            page(r#"{"payload":{"a":[1,…"#, Some("/a")),
            " {\n   \"payload\": {\n>    \"a\": [\n>      1,\n>      …\n"
        );
    }

    #[test]
    fn a_long_text_is_cut_around_the_place() {
        let items: Vec<Value> = (0..100).map(|n| json!({ "order": n })).collect();
        let text = json!({ "payload": { "thread": { "events": items } } }).to_string();
        let shown = page(&text, Some("/thread/events/70/order"));
        let expected = r#" {
   "payload": {
     "thread": {
       "events": [
 [207]
         {
           "order": 69
         },
         {
>          "order": 70
         },
         {
           "order": 71
         },
 [88]
"#;
        assert_eq!(shown, expected);
        let whole = page(&text, Some("/thread"));
        assert!(whole.lines().count() < LONGEST && whole.contains(">      \"events\": ["), "{whole}");
        assert_eq!(page(&text, None).lines().count(), LONGEST + 1);
    }

    #[test]
    fn brackets_fill_no_page() {
        let deep = format!("{}…", "[".repeat(2000));
        let shown = page(&deep, Some("/0/0"));
        assert!(shown.len() < 4000, "{}", shown.len());
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inside| {
            prop_oneof![
                prop::collection::vec(inside.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,3}", inside, 0..4).prop_map(|members| json!(members)),
            ]
        })
    }

    /// Pointers to everything in a value.
    fn pointers(value: &Value) -> Vec<String> {
        let inside: Vec<(String, &Value)> = match value {
            Value::Object(members) => {
                members.iter().map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value)).collect()
            }
            Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
            _ => Vec::new(),
        };
        let below = inside
            .iter()
            .flat_map(|(step, value)| pointers(value).into_iter().map(move |pointer| format!("/{step}{pointer}")));
        std::iter::once(String::new()).chain(below).collect()
    }

    proptest! {
        #[test]
        fn a_walked_text_says_what_it_said_and_every_place_in_it_is_found(value in values(), pick in any::<prop::sample::Index>()) {
            let text = json!([value]).to_string();
            let pointers = pointers(&value);
            let pointer = format!("/0{}", pick.get(&pointers));
            let walked = walk(&text, Some(&steps(&pointer))).unwrap();
            let said: String = walked.lines.iter().map(|(_, line)| line.as_str()).collect();
            prop_assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), json!([value]));
            let best = walked.best.unwrap();
            prop_assert_eq!(best.depth, steps(&pointer).len());
            let marked: String = walked.lines[best.lines.0..=best.lines.1].iter().map(|(_, line)| line.as_str()).collect();
            let marked = marked.strip_suffix(',').unwrap_or(&marked);
            let found = json!([value]).pointer(&pointer).cloned().unwrap();
            let is_member = serde_json::from_str::<Value>(&format!("{{{marked}}}")).ok()
                .and_then(|object| object.as_object().and_then(|object| object.values().next().cloned()));
            prop_assert_eq!(is_member.or_else(|| serde_json::from_str(marked).ok()), Some(found));
        }

        #[test]
        fn any_text_is_shown_without_unseen_characters_and_in_bounds(text in any::<String>(), pointer in ".{0,9}", cut in any::<bool>()) {
            let text = if cut { text + "…" } else { text };
            let shown = frame_text(&text, Some(&pointer));
            prop_assert!(shown.lines.len() <= LONGEST + DEEPEST + 2);
            for line in shown.lines {
                if let Line::Text { text, .. } = line {
                    prop_assert!(!text.contains(is_unseen));
                }
            }
        }

        #[test]
        fn a_json_text_may_be_cut_anywhere(value in values(), at in any::<prop::sample::Index>()) {
            let text = json!({ "payload": value }).to_string();
            let end = (0..=at.index(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap();
            let cut = format!("{}…", &text[..end]);
            let shown = frame_text(&cut, Some("/a"));
            prop_assert!(!shown.lines.is_empty());
        }
    }
}
