//! The rows of `requirements.yaml` and `errata.yaml` hold together with the schemas, the catalogs and the certification scenarios.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use chatproof::observe::{Side, ViolationKind};
use chatproof::protocol::{Check, Dialect, Kind, Node, Patch, Protocol, Resolution, Schemas};
use chatproof::reference::DefectRow;
use serde_json::Value;
use support::root;
use support::samples::samples;

/// The dialects of the documents. As soon as all of them are there, each must have its rows.
const DOCUMENTED: [&str; 4] = ["agent/v0.2", "agent/v3.0", "customer/v0.2", "customer/v0.3"];

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

fn dialects() -> impl Iterator<Item = &'static Arc<Dialect>> {
    PROTOCOL.dialects()
}

/// Dialects whose rows are written.
fn with_rows() -> impl Iterator<Item = &'static Arc<Dialect>> {
    dialects().filter(|dialect| !dialect.requirements.is_empty() || !dialect.errata.is_empty())
}

/// Texts of the files below a folder whose names end so.
fn texts(folder: &Path, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            found.extend(texts(&path, endings));
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// Words that look like `C03-A16`.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| {
        let Some((document, row)) = word.split_once('-') else { return false };
        let (letter, number) = row.split_at(row.len().min(1));
        let is = |text: &str, test: fn(&char) -> bool| !text.is_empty() && text.chars().all(|c| test(&c));
        document.len() == 3
            && is(&document[..1], char::is_ascii_uppercase)
            && is(&document[1..], char::is_ascii_digit)
            && is(letter, char::is_ascii_uppercase)
            && number.len() >= 2
            && is(number, char::is_ascii_digit)
    })
}

/// What says so little that nobody looks: asserts that a list of troubles is empty and shows them.
#[track_caller]
fn none(troubles: Vec<String>) {
    assert!(troubles.is_empty(), "{} troubles:\n{}", troubles.len(), troubles.join("\n"));
}

#[test]
fn every_documented_dialect_has_its_rows() {
    let there: BTreeSet<&str> = dialects().map(|dialect| dialect.name.as_str()).collect();
    if DOCUMENTED.iter().all(|name| there.contains(name)) {
        for dialect in dialects() {
            assert!(!dialect.requirements.is_empty(), "{} has no requirements", dialect.name);
            assert!(!dialect.errata.is_empty(), "{} has no errata", dialect.name);
        }
    }
}

#[test]
fn ids_have_no_gap() {
    let mut troubles = Vec::new();
    for dialect in dialects() {
        let mut series: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        let requirements = dialect.requirements.keys().map(|id| &*id.0);
        for id in requirements.chain(dialect.errata.keys().map(|id| &*id.0)) {
            let letters = id.trim_end_matches(|c: char| c.is_ascii_digit());
            series.entry(letters).or_default().insert(id[letters.len()..].parse().unwrap());
        }
        for (letters, numbers) in series {
            let missing = (1..=numbers.len()).filter(|number| !numbers.contains(number));
            troubles.extend(missing.map(|number| format!("{}: {letters}{number:02} is missing", dialect.name)));
        }
    }
    none(troubles);
}

#[test]
fn every_id_that_is_mentioned_exists() {
    let known: BTreeSet<&str> = dialects()
        .flat_map(|dialect| dialect.requirements.keys().map(|id| &*id.0).chain(dialect.errata.keys().map(|id| &*id.0)))
        .collect();
    let prefixes: BTreeSet<&str> = known.iter().map(|id| &id[..3]).collect();
    let mut places = texts(&root().join("schemas"), &[".json", ".yaml"]);
    places.extend(texts(&root().join("scenarios"), &[".yaml"]));
    // Tests invent ids.
    places.extend(texts(&root().join("src"), &[".rs"]).into_iter().filter(|(file, _)| !file.contains("tests")));
    let mut troubles = BTreeSet::new();
    for (file, text) in &places {
        // A dialect whose rows are not written yet has no known prefix.
        let mentioned = ids(text).filter(|id| prefixes.contains(&id[..3]) && !known.contains(id));
        troubles.extend(mentioned.map(|id| format!("{file} mentions {id}")));
    }
    none(troubles.into_iter().collect());
}

#[test]
fn every_erratum_with_a_consequence_is_referred_to() {
    let mut troubles = Vec::new();
    for dialect in with_rows() {
        let mut places =
            texts(&root().join("schemas").join(dialect.name.as_str()), &[".json", "catalog.yaml", "requirements.yaml"]);
        places.extend(texts(&root().join("scenarios/certify").join(dialect.name.as_str()), &[".yaml"]));
        let mentioned: BTreeSet<&str> = places.iter().flat_map(|(_, text)| ids(text)).collect();
        for erratum in dialect.errata.values().filter(|erratum| erratum.resolution != Resolution::Editorial) {
            if !mentioned.contains(&*erratum.id.0) {
                troubles.push(format!("{}: nothing refers to {}: {}", dialect.name, erratum.id, erratum.about));
            }
        }
    }
    none(troubles);
}

#[test]
fn the_documents_own_words_make_schemas() {
    for dialect in dialects() {
        if let Err(error) = dialect.literal() {
            assert_eq!(error.to_string(), "", "{}", dialect.name);
        }
    }
}

/// A message about which the two disagree.
fn dispute(schemas: &Schemas, others: &Schemas, kind: Kind, name: &str) -> Option<Value> {
    let messages = [schemas, others].into_iter().map(|schemas| samples(schemas, kind, name));
    let mut all = messages.flat_map(|made| made.valid.into_iter().chain(made.invalid));
    all.find(|message| schemas.is_valid(kind, name, message) != others.is_valid(kind, name, message))
}

/// The patches of a dialect but one.
fn without<'a>(dialect: &'a Dialect, patch: &'a Patch) -> impl Iterator<Item = &'a Patch> {
    dialect.errata.values().flat_map(|erratum| &erratum.literal).filter(move |other| !std::ptr::eq(*other, patch))
}

#[test]
fn each_literal_wording_judges_some_message_differently() {
    let mut troubles = Vec::new();
    for dialect in dialects() {
        let literal = dialect.literal().unwrap();
        for (id, patch) in dialect.errata.iter().flat_map(|(id, row)| row.literal.iter().map(move |patch| (id, patch)))
        {
            let (folder, name) = patch.file.trim_end_matches(".json").split_once('/').unwrap();
            let kind = Kind::ALL.into_iter().find(|kind| kind.folder() == folder).unwrap();
            // Alone, or, when it only makes sense with others, as the last of all.
            let alone = dialect.schemas.patched([patch]);
            let told = alone.is_ok_and(|alone| dispute(&dialect.schemas, &alone, kind, name).is_some())
                || dialect
                    .schemas
                    .patched(without(dialect, patch))
                    .is_ok_and(|rest| dispute(&rest, &literal, kind, name).is_some());
            if !told {
                troubles.push(format!("{id}: {} {} changes no verdict", patch.file, patch.at));
            }
        }
    }
    none(troubles);
}

#[test]
fn oracles_exist_and_belong_to_one_requirement_each() {
    let of = |side| ViolationKind::ALL.iter().filter(move |kind| kind.side() == side).map(|kind| kind.name());
    let known: BTreeSet<&str> = of(Side::Server).collect();
    // A certification does not judge the client; what a client breaks only names the sentence.
    let of_clients: BTreeSet<&str> = of(Side::Client).collect();
    let mut troubles = Vec::new();
    for dialect in with_rows() {
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for row in dialect.requirements.values() {
            for check in &row.check {
                let Check::Oracle(kind) = check else { continue };
                if !known.contains(kind.as_str()) {
                    troubles.push(format!("{}: there is no oracle {kind}", row.id));
                }
                if let Some(other) = owners.insert(kind, &row.id.0) {
                    troubles.push(format!("oracle:{kind} proves {other} and {}", row.id));
                }
                match dialect.rule(kind) {
                    Some(rule) if rule.requirement == row.id => {}
                    Some(rule) => {
                        troubles.push(format!("{}: the catalog's rule of {kind} names {}", row.id, rule.requirement))
                    }
                    None => troubles.push(format!("{}: the catalog has no rule for {kind}", row.id)),
                }
            }
        }
        for (kind, rule) in &dialect.catalog.rules {
            if of_clients.contains(kind.as_str()) {
                let row = dialect.requirements.get(&rule.requirement);
                if row.is_none_or(|row| !row.lines.contains(&rule.line)) {
                    troubles.push(format!("{}: {} has no line {}", dialect.name, rule.requirement, rule.line));
                }
                continue;
            }
            if !known.contains(kind.as_str()) {
                troubles.push(format!("{}: a rule for {kind}, which is no violation", dialect.name));
            }
            if owners.get(kind.as_str()) != Some(&&*rule.requirement.0) {
                troubles.push(format!(
                    "{}: the rule of {kind} names {}, which it does not prove",
                    dialect.name, rule.requirement
                ));
            }
        }
    }
    none(troubles);
}

/// The schemas that speak of a member, through references, alternatives and arrays.
fn inside<'a>(node: &Node<'a>, name: &str, found: &mut Vec<Node<'a>>) {
    found.extend(node.inside(&["properties", name]));
    if name == "*" {
        found.extend(node.inside(&["additionalProperties"]));
    }
    let mut parts: Vec<Node<'a>> =
        ["allOf", "anyOf", "oneOf"].iter().flat_map(|keyword| node.listed(keyword)).collect();
    parts.extend(node.referred());
    parts.extend(["then", "else", "items"].iter().filter_map(|keyword| node.inside(&[keyword])));
    parts.iter().for_each(|part| inside(part, name, found));
}

#[test]
fn every_row_that_is_checked_is_broken_by_a_defect() {
    let mut troubles = Vec::new();
    for dialect in dialects() {
        let broken: BTreeSet<_> =
            DefectRow::all().unwrap().iter().filter_map(|row| row.breaks.get(&dialect.name)).flatten().collect();
        let checked = dialect.requirements.values().filter(|row| !row.check.is_empty());
        let unproved = checked.filter(|row| !broken.contains(&row.id));
        troubles.extend(unproved.map(|row| format!("no defect breaks {}: {}", row.id, row.statement)));
        let unknown = broken.iter().filter(|id| !dialect.requirements.contains_key(**id));
        troubles.extend(unknown.map(|id| format!("a defect breaks {id}, which is no row of {}", dialect.name)));
    }
    none(troubles);
}

#[test]
fn schema_and_negative_checks_name_what_exists() {
    let mut troubles = Vec::new();
    for dialect in dialects() {
        for row in dialect.requirements.values() {
            for check in &row.check {
                let exists = match check {
                    Check::Schema { kind, name, member } => {
                        let mut nodes: Vec<_> = dialect.schemas.node(*kind, name).into_iter().collect();
                        for step in member.split('/').skip(1) {
                            let mut found = Vec::new();
                            nodes.iter().for_each(|node| inside(node, step, &mut found));
                            nodes = found;
                        }
                        !nodes.is_empty() && (member.is_empty() || member.starts_with('/'))
                    }
                    Check::Negatives { action: Some(action), .. } => dialect.catalog.action(action).is_some(),
                    _ => true,
                };
                if !exists {
                    troubles.push(format!("{}: {check} names nothing", row.id));
                }
            }
            for id in row.errata.iter().filter(|id| !dialect.errata.contains_key(id)) {
                troubles.push(format!("{}: there is no erratum {id}", row.id));
            }
        }
    }
    none(troubles);
}
