//! Access tokens, which must never be shown.

use std::fmt;
use std::sync::Arc;

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

    /// The value of an `Authorization` header (customer-v0.3 77): for the wire only.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.0.strip_prefix("Bearer ").unwrap_or(&self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
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
}
