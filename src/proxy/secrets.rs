//! Finds the secrets in the headers of clients, so that they can be hidden before anything is kept.

/// Shorter ones are no secrets, and would hide half of every text.
const SHORTEST: usize = 4;

/// The secret of an `Authorization` header, with or without a word such as `Bearer` before it.
pub(super) fn of_header(value: &str) -> Option<&str> {
    value.trim().rsplit(' ').next().filter(|secret| secret.len() >= SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_holds_one_secret() {
        assert_eq!(of_header("Bearer s3cret"), Some("s3cret"));
        assert_eq!(of_header(" s3cret "), Some("s3cret"));
        assert_eq!(of_header("Bearer"), Some("Bearer"));
        assert_eq!(of_header("abc"), None);
        assert_eq!(of_header(""), None);
    }
}
