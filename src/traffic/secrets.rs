//! Takes secrets out of texts that are about to be written to disk.

use std::borrow::Cow;

use crate::observe::Transcript;

/// What is written in place of a secret.
const HIDDEN: &str = "[redacted]";
/// A word that tokens may begin with (customer-v0.3 557); it is no secret and a judge may want to see it.
const PREFIX: &str = "Bearer ";
/// How the names of members end that hold secrets: `token` and `firebase_token` of the documents, and what people copy from
/// HTTP headers.
const NAMES: [&str; 8] =
    ["token", "Token", "authorization", "Authorization", "cookie", "Cookie", "password", "Password"];

/// The text without the connection's own secret, and without the values of members whose name says that they are one. It need
/// not be whole JSON, and JSON inside JSON texts is looked through as well.
pub(super) fn redact(transcript: &Transcript, text: &str) -> String {
    let text = transcript.redact(text);
    match hide_members(&text) {
        Cow::Owned(hidden) => hidden,
        Cow::Borrowed(_) => text,
    }
}

fn hide_members(text: &str) -> Cow<'_, str> {
    let mut found: Vec<(usize, usize)> = NAMES
        .iter()
        .flat_map(|name| text.match_indices(name))
        .filter_map(|(at, name)| value_after(text, at + name.len()))
        .collect();
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_unstable();
    let (mut kept, mut hidden) = (0, String::with_capacity(text.len()));
    for (start, end) in found {
        // A secret may have been found inside another one.
        if start >= kept {
            hidden.push_str(&text[kept..start]);
            hidden.push_str(HIDDEN);
            kept = end;
        }
    }
    hidden.push_str(&text[kept..]);
    Cow::Owned(hidden)
}

/// Where the text value of a member is, whose name ends here. Nothing for values of other types and for empty ones.
fn value_after(text: &str, name_end: usize) -> Option<(usize, usize)> {
    let rest = after_quote(&text[name_end..])?.0.trim_start().strip_prefix(':')?.trim_start();
    let (value, depth) = after_quote(rest)?;
    let start = text.len() - value.len();
    let end = start + length(value, depth);
    let start = if value.starts_with(PREFIX) { start + PREFIX.len() } else { start };
    (start < end).then_some((start, end))
}

/// What follows a quote, and by how many backslashes it is escaped: none in JSON, one in JSON inside a JSON text, then three.
fn after_quote(text: &str) -> Option<(&str, usize)> {
    let rest = text.trim_start_matches('\\');
    Some((rest.strip_prefix('"')?, text.len() - rest.len()))
}

/// How long a value is, up to the quote that ends it or, if there is none, to the end.
fn length(value: &str, depth: usize) -> usize {
    let mut escapes = 0;
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'\\' => escapes += 1,
            b'"' if escapes >= depth && (escapes - depth).is_multiple_of(2 * (depth + 1)) => return at - depth,
            _ => escapes = 0,
        }
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn members_that_hold_secrets_are_emptied_and_others_are_not() {
        let text =
            r#"{"token": "Bearer abc", "firebase_token":"x\"y", "text":"my token is no secret", "token_type":"t"}"#;
        let hidden = r#"{"token": "Bearer [redacted]", "firebase_token":"[redacted]", "text":"my token is no secret", "token_type":"t"}"#;
        assert_eq!(hide_members(text), hidden);
        for harmless in [r#"{"token":null,"cookie":""}"#, r#"{"token":"Bearer "}"#, "token", "\"token\":", "token\\"] {
            assert_eq!(hide_members(harmless), harmless);
        }
    }

    #[test]
    fn a_secret_in_a_frame_that_is_cut_off_is_hidden_to_its_end() {
        assert_eq!(hide_members(r#"{"token":"abc"#), r#"{"token":"[redacted]"#);
    }

    #[test]
    fn a_connections_own_secret_is_hidden_wherever_it_is() {
        let mut transcript = Transcript::default();
        transcript.hide("Bearer s3cret");
        assert_eq!(redact(&transcript, "<s3cret>"), "<[redacted]>");
        transcript.hide("a\"b");
        assert_eq!(redact(&transcript, r#"{"text":"a\"b"}"#), r#"{"text":"[redacted]"}"#);
    }

    proptest! {
        #[test]
        fn no_secret_survives_at_any_depth(secret in "[a-z\\\\\"\u{e4}/]{6,20}", depth in 0_usize..3) {
            let canary = format!("canary{secret}");
            let mut value = json!({"payload": {"token": canary, "kept": "kept"}});
            for _ in 0..depth {
                value = json!(["message", value.to_string()]);
            }
            let mut hidden: Value = serde_json::from_str(&hide_members(&value.to_string())).unwrap();
            for _ in 0..depth {
                hidden = serde_json::from_str(hidden[1].as_str().unwrap()).unwrap();
            }
            prop_assert_eq!(hidden, json!({"payload": {"token": HIDDEN, "kept": "kept"}}));
        }

        #[test]
        fn any_text_is_looked_through(text in "(token|\"|\\\\|:| |x|\u{e4}){0,30}") {
            let _ = hide_members(&text);
        }
    }
}
