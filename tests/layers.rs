//! Enforces who may import whom (ARCHITECTURE.md, «Layers»). The table is read from that page, so the page stays true.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Table = BTreeMap<String, BTreeSet<String>>;

/// Reads the table whose rows look like: | `module` | its job | `a` `b` … or `–` |
fn table() -> Table {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows: Table = page
        .lines()
        .skip_while(|line| !line.starts_with("| module |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let names =
                |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
            (names(cells[0]).into_iter().next().unwrap(), names(cells[2]))
        })
        .collect();
    assert!(rows.len() > 5, "the table of layers was not found");
    rows
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The modules of this crate that a text names after `crate::`, outside its tests.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let group = match after.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap(),
            None => after,
        };
        let listed = if after.starts_with('{') { group.split(',').collect() } else { vec![group] };
        for name in listed {
            let name: String = name.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            names.insert(name);
        }
    }
    names.remove("");
    names
}

fn violations(table: &Table, module: &str, text: &str) -> Vec<String> {
    let Some(allowed) = table.get(module) else { return vec![format!("`{module}` is not in the table")] };
    imports(text)
        .into_iter()
        .filter(|name| name != module && !allowed.contains(name) && table.contains_key(name))
        .map(|name| format!("`{module}` imports `{name}`"))
        .collect()
}

#[test]
fn no_module_imports_what_its_layer_may_not() {
    let table = table();
    let source = root().join("src");
    let mut wrong = Vec::new();
    let mut modules = BTreeSet::new();
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap();
        let Some(module) = inside.parent().and_then(|p| p.iter().next()).and_then(|name| name.to_str()) else {
            continue;
        };
        if file.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        modules.insert(module.to_owned());
        let text = fs::read_to_string(&file).unwrap();
        wrong.extend(violations(&table, module, &text).into_iter().map(|w| format!("{}: {w}", inside.display())));
    }
    assert_eq!(modules, table.keys().cloned().collect(), "the table names other modules than there are");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_check_itself_finds_a_wrong_import() {
    let table = table();
    assert_eq!(violations(&table, "protocol", "use crate::observe::Moment;"), ["`protocol` imports `observe`"]);
    assert_eq!(
        violations(&table, "observe", "use crate::{message, scenario::Step};"),
        ["`observe` imports `scenario`"]
    );
    assert!(violations(&table, "session", "use crate::observe::Moment; // crate::cli").len() <= 1);
    assert!(violations(&table, "observe", "#[cfg(test)]\nmod tests {\nuse crate::session;").is_empty());
}

/// Files stay small enough to hold in the head: at most 500 lines without their tests.
#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = rust_files(&root().join("src"))
        .into_iter()
        .filter(|file| !file.ends_with("tests.rs"))
        .filter_map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            let lines = text.split("#[cfg(test)]\nmod tests {").next().unwrap().lines().count();
            (lines > 500).then(|| format!("{}: {lines} lines", file.display()))
        })
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
