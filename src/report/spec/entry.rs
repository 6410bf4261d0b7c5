//! An action or push of one dialect.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::columns::Columns;
use super::rows::{lines, proof};
use crate::protocol::{Channel, Line};
use crate::report::format::{grouped, one_line};
use crate::report::terminal::Page;
use crate::spec::{Action, Entry, LimitRow, MemberRow, Message, Push, What};

pub fn write(page: &mut Page<'_, impl Write>, entry: &Entry<'_>) -> io::Result<()> {
    let bold = page.palette.title;
    let document = entry.document;
    match &entry.what {
        What::Action(action) => {
            writeln!(page.out, "{bold}{}{bold:#}, an action of {}", one_line(entry.name), entry.dialect)?;
            about_action(page, action, document)?;
            payload(page, "Request", action.request.as_ref(), document)?;
            payload(page, "Response", action.response.as_ref(), document)?;
        }
        What::Push(push) => {
            writeln!(page.out, "{bold}{}{bold:#}, a push of {}", one_line(entry.name), entry.dialect)?;
            about_push(page, push, document)?;
            payload(page, "Payload", push.payload.as_ref(), document)?;
        }
    }
    for (name, object) in &entry.objects {
        message(page, name, &object.title, object, document)?;
    }
    if !entry.requirements.is_empty() {
        page.heading("Requirements", "")?;
        let mut table = Columns::new(["id", "level", "lines", "statement", "checked by"]);
        for row in &entry.requirements {
            table.row([
                row.id.to_string(),
                row.level.to_string(),
                lines(&row.lines),
                row.statement.clone(),
                proof(row),
            ]);
        }
        table.write(page)?;
    }
    Ok(())
}

fn about_action(page: &mut Page<'_, impl Write>, action: &Action<'_>, document: &str) -> io::Result<()> {
    page.labelled("documented", &documented(document, action.line, action.companion))?;
    if action.indexed_only {
        return page.labelled("", "only named there, not described");
    }
    let channels = action.transports.iter().map(|channel| match channel {
        Channel::Rtm => "real-time messaging",
        Channel::Web => "Web API",
    });
    page.labelled("over", &channels.collect::<Vec<_>>().join(", "))?;
    if let Some(path) = action.path {
        page.labelled("path", &one_line(path))?;
    }
    if !action.pushes.is_empty() {
        page.labelled("may cause", &one_line(&action.pushes.join(", ")))?;
    }
    if !action.scopes.is_empty() {
        page.labelled("a scope of", &one_line(&action.scopes.join(", ")))?;
    }
    for (number, (member, limit)) in action.limits.iter().enumerate() {
        let label = if number == 0 { "limits" } else { "" };
        page.labelled(label, &one_line(&format!("{member}: {} (line {})", bounds(limit), limit.line)))?;
    }
    if let Some(upload) = &action.upload {
        let most = grouped(upload.max_bytes);
        let text = format!(
            "multipart; part {} of at most {most} bytes, the others begin with {} (line {})",
            upload.file, upload.prefix, upload.line
        );
        page.labelled("file", &one_line(&text))?;
    }
    Ok(())
}

fn about_push(page: &mut Page<'_, impl Write>, push: &Push<'_>, document: &str) -> io::Result<()> {
    page.labelled("documented", &documented(document, push.line, push.companion))?;
    if !push.caused_by.is_empty() {
        page.labelled("caused by", &one_line(&push.caused_by.join(", ")))?;
    }
    Ok(())
}

fn documented(document: &str, line: &Line, companion: bool) -> String {
    let companion = if companion { ", only on a neighbouring page" } else { "" };
    one_line(&format!("{document}, line {line}{companion}"))
}

fn bounds(limit: &LimitRow<'_>) -> String {
    let default = limit.default.map(|default| format!("{default} when missing"));
    let range = match (limit.min, limit.max) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}")),
        (Some(min), None) => Some(format!("at least {min}")),
        (None, Some(max)) => Some(format!("at most {max}")),
        (None, None) => None,
    };
    range.into_iter().chain(default).collect::<Vec<_>>().join(", ")
}

fn payload(page: &mut Page<'_, impl Write>, what: &str, payload: Option<&Message>, document: &str) -> io::Result<()> {
    let Some(payload) = payload else { return Ok(()) };
    message(page, what, &payload.r#type, payload, document)
}

fn message(
    page: &mut Page<'_, impl Write>,
    heading: &str,
    remark: &str,
    message: &Message,
    document: &str,
) -> io::Result<()> {
    let lines = lines_of(&message.source, document);
    page.heading(&one_line(heading), &one_line(&format!("{remark} · {lines}")))?;
    let mut table = Columns::new(["member", "type", "required", "allowed", "lines"]);
    let mut when = None;
    for row in &message.members {
        if row.when != when {
            when.clone_from(&row.when);
            table.heading(&format!("  {}:", when.as_deref().unwrap_or("always")));
        }
        let required = if row.required { "yes" } else { "" };
        let member = if row.member.is_empty() { "(all of it)" } else { &row.member };
        let type_words = row.r#type.as_deref().unwrap_or_default();
        table.row([member, type_words, required, &allowed(row), &source(row, document)]);
    }
    table.write(page)
}

/// The values and bounds of a member in words.
fn allowed(row: &MemberRow) -> String {
    let mut said: Vec<String> = Vec::new();
    if !row.values.is_empty() {
        said.push(row.values.iter().cloned().collect::<Vec<_>>().join(", "));
    }
    said.extend(limits(&row.limits));
    said.join("; ")
}

/// Bounds by schema keyword in words.
pub fn limits(limits: &BTreeMap<&str, String>) -> Vec<String> {
    let mut said = Vec::new();
    if let (Some(min), Some(max)) = (limits.get("minimum"), limits.get("maximum")) {
        said.push(format!("{min} to {max}"));
    }
    for (keyword, limit) in limits {
        said.push(match *keyword {
            "minimum" | "maximum" if limits.contains_key("minimum") && limits.contains_key("maximum") => continue,
            "minimum" => format!("at least {limit}"),
            "maximum" => format!("at most {limit}"),
            "minLength" if limit == "1" => "not empty".to_owned(),
            "minLength" => format!("at least {limit} characters"),
            "maxLength" => format!("at most {limit} characters"),
            "minItems" if limit == "1" => "at least one item".to_owned(),
            "minItems" => format!("at least {limit} items"),
            "maxItems" => format!("at most {limit} items"),
            "pattern" => format!("matches {limit}"),
            "contains" => format!("one of them: {limit}"),
            "not" => format!("not that {limit}"),
            other => format!("{other} {limit}"),
        });
    }
    said
}

/// Where the documents describe a member, and the errata that it is a reading of.
fn source(row: &MemberRow, document: &str) -> String {
    let lines = lines_of(&row.source, document);
    let errata = row.errata.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match (lines.is_empty(), errata.is_empty()) {
        (_, true) => lines,
        (true, false) => errata,
        (false, false) => format!("{lines} ({errata})"),
    }
}

/// Lines of documents; the dialect's own document need not be named again.
fn lines_of(sources: &[String], document: &str) -> String {
    let own = format!("{document} ");
    let lines: Vec<&str> = sources.iter().map(|source| source.strip_prefix(&own).unwrap_or(source)).collect();
    lines.join("; ").replace(',', ", ")
}
