//! Files with tokens. The reference server lets in whoever is named so.

use std::io::Write;

use tempfile::NamedTempFile;

/// A file with this text.
pub fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// As many of both kinds as a certification may need.
pub fn many_tokens() -> NamedTempFile {
    let pool = |name: &str, role: &str| format!("{name}: [{}]\n", listed(&format!("{role}:{name}")).join(", "));
    let customers = ["customers", "banned", "outcasts", "strangers"].map(|name| pool(name, "customer"));
    file(&(pool("agents", "agent") + &customers.concat()))
}

/// The tokens of one pool.
pub fn listed(whose: &str) -> Vec<String> {
    (0..60).map(|n| format!("{whose}-{n}-c4nary")).collect()
}
