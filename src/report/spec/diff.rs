//! What a client must change, as a list under headings.

use std::io::{self, Write};

use serde_json::Value;

use super::columns::Columns;
use crate::report::format::counted;
use crate::report::terminal::Page;
use crate::spec::{Area, Aspect, Change, Diff};

pub fn write(page: &mut Page<'_, impl Write>, diff: &Diff) -> io::Result<()> {
    let bold = page.palette.title;
    let count = match diff.changes.len() {
        0 => "nothing changes".to_owned(),
        several => format!("{}: + added, - removed, ~ changed", counted(several as u64, "change")),
    };
    writeln!(page.out, "{bold}{} → {}{bold:#}  {count}", diff.from, diff.to)?;
    for of_area in diff.changes.chunk_by(|a, b| a.area == b.area) {
        let Some(first) = of_area.first() else { continue };
        page.heading(title(first.area), "")?;
        // A payload has many members; of the rest, a line says all.
        let grouped = first.area >= Area::Request;
        let mut table = Columns::new(["", "", ""]);
        for of_name in of_area.chunk_by(|a, b| a.name == b.name) {
            if grouped && let Some(first) = of_name.first() {
                table.heading(&first.name);
            }
            for change in of_name {
                let place = if grouped { place(change) } else { format!("{} {}", change.name, place(change)) };
                table.row([sign(change), place.trim_end(), &words(change)]);
            }
        }
        table.write(page)?;
    }
    Ok(())
}

fn title(area: Area) -> &'static str {
    match area {
        Area::Connection => "Connection",
        Area::Error => "Error types",
        Area::Disconnect => "Reasons of a disconnect",
        Area::Action => "Actions",
        Area::Push => "Pushes",
        Area::Request => "Request payloads",
        Area::Response => "Response payloads",
        Area::Payload => "Push payloads",
        Area::Object => "Objects, in whatever payloads",
        Area::Envelope => "Frames and bodies around payloads",
    }
}

fn sign(change: &Change) -> &'static str {
    match (&change.from, &change.to) {
        (None, _) if change.aspect == Aspect::Existence => "+",
        (_, None) if change.aspect == Aspect::Existence => "-",
        _ => "~",
    }
}

/// The member, and the condition under which it is meant.
fn place(change: &Change) -> String {
    let member = match change.member.as_deref() {
        Some("") if change.when.is_none() => "(all of it)",
        member => member.unwrap_or_default(),
    };
    match &change.when {
        Some(when) if member.is_empty() => when.clone(),
        Some(when) => format!("{member} {when}"),
        None => member.to_owned(),
    }
}

/// What differs, in words.
fn words(change: &Change) -> String {
    let text = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), plain);
    let (from, to) = (text(&change.from), text(&change.to));
    match change.aspect {
        Aspect::Existence => described(change.to.as_ref().or(change.from.as_ref())),
        Aspect::Required if change.to == Some(Value::Bool(true)) => "newly required".to_owned(),
        Aspect::Required => "no longer required".to_owned(),
        Aspect::Value => format!("{from} → {to}"),
        Aspect::Type => format!("type: {from} → {to}"),
        Aspect::Upload => format!("file: {from} → {to}"),
        Aspect::Path => {
            let own = |path: &Option<Value>| path.as_ref().map_or_else(|| "the usual one".to_owned(), plain);
            format!("path: {} → {}", own(&change.from), own(&change.to))
        }
        Aspect::Limits => format!("limits: {from} → {to}"),
        Aspect::Values | Aspect::Transports | Aspect::Pushes | Aspect::Scopes => {
            let label = match change.aspect {
                Aspect::Transports => "over",
                Aspect::Pushes => "may cause",
                Aspect::Scopes => "token scopes",
                _ => "values",
            };
            format!("{label}: {}", lists(change.from.as_ref(), change.to.as_ref()))
        }
    }
}

/// What a list gained and lost; the whole list when there was none.
fn lists(from: Option<&Value>, to: Option<&Value>) -> String {
    let items = |list: Option<&Value>| list.and_then(Value::as_array).cloned().unwrap_or_default();
    let (before, after) = (items(from), items(to));
    match (from, to) {
        (None, _) => format!("any → {}", join(&after)),
        (_, None) => format!("{} → any", join(&before)),
        _ => {
            let added = after.iter().filter(|item| !before.contains(item)).map(|item| format!("+{}", plain(item)));
            let removed = before.iter().filter(|item| !after.contains(item)).map(|item| format!("-{}", plain(item)));
            added.chain(removed).collect::<Vec<_>>().join(" ")
        }
    }
}

/// An added or removed thing.
fn described(value: Option<&Value>) -> String {
    let Some(Value::Object(about)) = value else { return String::new() };
    let mut said = Vec::new();
    said.extend(about.get("type").map(plain));
    if let Some(members) = about.get("members") {
        said.push(format!("asks more of {}", plain(members)));
    }
    if let Some(values) = about.get("values") {
        said.push(plain(values));
    }
    if about.get("required") == Some(&Value::Bool(true)) {
        said.push("required".to_owned());
    }
    said.join(", ")
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => join(items),
        Value::Object(members) => {
            members.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn join(items: &[Value]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.iter().map(plain).collect::<Vec<_>>().join(", ") }
}
