//! The token file: pools of tokens, each given as it is or by the name of an environment variable.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::Failure;
use crate::session::Token;
use crate::verdict::ExitCode as Code;

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Plain(String),
    Token { token: String },
    Environment { env: String },
}

/// Reads a token file such as
///
/// ```yaml
/// agents: [{ env: AGENT_TOKEN }]
/// customers: [first-token, second-token]
/// ```
///
/// Nothing of its content ever appears in a message: a broken line could hold a token.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Vec<Token>>, Failure> {
    let shown = path.display();
    let unusable = |reason: String| Failure::new(Code::Input, format!("token file {shown}: {reason}"));
    let text = std::fs::read_to_string(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    let pools: BTreeMap<String, Vec<Entry>> = serde_saphyr::from_str(&text).map_err(|error| {
        let place = error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
        unusable(format!(
            "not understood{}; it should map pool names to lists of tokens or `{{ env: NAME }}`",
            place.unwrap_or_default()
        ))
    })?;
    let mut tokens = BTreeMap::new();
    for (pool, entries) in pools {
        let read = entries.into_iter().map(|entry| match entry {
            Entry::Plain(token) | Entry::Token { token } => Ok(Token::new(&token)),
            Entry::Environment { env } => std::env::var(&env)
                .map(|token| Token::new(&token))
                .map_err(|_| unusable(format!("pool `{pool}` wants the environment variable {env}, which is not set"))),
        });
        let list = read.collect::<Result<Vec<_>, _>>()?;
        if list.is_empty() {
            return Err(unusable(format!("pool `{pool}` is empty")));
        }
        tokens.insert(pool, list);
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read_text(text: &str) -> Result<BTreeMap<String, Vec<Token>>, Failure> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path())
    }

    #[test]
    fn tokens_come_from_the_file_and_from_the_environment() {
        let pools = read_text("agents: [one, {token: two}, {env: PATH}]").unwrap();
        let revealed: Vec<_> = pools["agents"].iter().map(Token::reveal).collect();
        assert_eq!(revealed[..2], ["one", "two"]);
        assert_eq!(revealed[2], std::env::var("PATH").unwrap());
    }

    #[test]
    fn a_broken_file_never_shows_its_content() {
        for text in
            ["agents: [s3cret", "s3cret", "agents: {s3cret: 1}", "agents: []", "agents: [{env: NOT_SET_S3CRET_}]"]
        {
            let failure = read_text(text).unwrap_err();
            assert_eq!(failure.code, Code::Input);
            assert!(!failure.text.contains("s3cret"), "{}", failure.text);
        }
    }
}
