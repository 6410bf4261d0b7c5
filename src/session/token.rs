//! Access tokens, which must never be shown.

use std::fmt;
use std::sync::Arc;

/// What is shown in place of a token.
const HIDDEN: &str = "[redacted]";

/// An access token, with or without the `Bearer ` prefix (customer-v0.3 557, 569). Shown as `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

impl Token {
    /// Wraps a token as it was given.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The token as it was given: for the wire only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// A text in which the token is replaced, also where it is written as in JSON or in a URL.
    pub fn redact(&self, text: &str) -> String {
        let bare = self.bare();
        if bare.is_empty() {
            return text.to_owned();
        }
        let quoted = serde_json::Value::from(bare).to_string();
        let encoded: String = url::form_urlencoded::byte_serialize(bare.as_bytes()).collect();
        text.replace(bare, HIDDEN).replace(quoted.trim_matches('"'), HIDDEN).replace(&encoded, HIDDEN)
    }

    fn bare(&self) -> &str {
        self.0.strip_prefix("Bearer ").unwrap_or(&self.0)
    }

    /// The value of an `Authorization` header (customer-v0.3 77): for the wire only.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.bare())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_hidden_and_gets_its_prefix_once() {
        for given in ["dal:s3cret", "Bearer dal:s3cret"] {
            let token = Token::new(given);
            assert_eq!(token.authorization(), "Bearer dal:s3cret");
            assert_eq!(token.reveal(), given);
            assert_eq!(format!("{token:?} {:?}", Some(&token)), "[redacted] Some([redacted])");
        }
    }

    #[test]
    fn a_token_is_replaced_however_it_is_written() {
        let token = Token::new(r#"Bearer a"b"#);
        let shown = r#"Bearer [redacted], "[redacted]", ?t=[redacted], c"#;
        assert_eq!(token.redact(r#"Bearer a"b, "a\"b", ?t=a%22b, c"#), shown);
        assert_eq!(Token::new("").redact("as it was"), "as it was");
    }
}
