//! `chatproof spec …`.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::sync::Arc;

use serde_json::{Value, json};

use super::arguments::{SpecArguments, SpecCommand, SpecOutput};
use super::{Failure, protocol};
use crate::protocol::{Dialect, Protocol};
use crate::report::{Style, spec as report};
use crate::scenario::nearest;
use crate::spec::{Diff, Entry, Overview, RequirementCounts};
use crate::verdict::ExitCode as Code;

/// Columns when nobody says how many there are.
const WIDTH: usize = 100;

pub(super) fn spec(command: &SpecCommand) -> Result<Code, Failure> {
    match command {
        SpecCommand::List(arguments) => list(arguments),
        SpecCommand::Show { name, spec } => show(name, spec),
        SpecCommand::Requirements(arguments) => requirements(arguments),
        SpecCommand::Errata(arguments) => errata(arguments),
        SpecCommand::Diff { from, to, output } => diff(from, to, output),
    }
}

fn list(arguments: &SpecArguments) -> Result<Code, Failure> {
    let protocol = protocol(arguments.output.schemas.as_deref())?;
    let overviews: Vec<Overview> = dialects(&protocol, arguments)?.into_iter().map(Overview::of).collect();
    arguments.output.tell(|| json!({ "dialects": overviews }), |out, style| report::dialects(&overviews, out, style))
}

fn show(name: &str, arguments: &SpecArguments) -> Result<Code, Failure> {
    let protocol = protocol(arguments.output.schemas.as_deref())?;
    let dialects = dialects(&protocol, arguments)?;
    let entries: Vec<Entry<'_>> = dialects.iter().filter_map(|dialect| Entry::of(dialect, name)).collect();
    if entries.is_empty() {
        let catalogs = dialects.iter().map(|dialect| &dialect.catalog);
        let names = catalogs.flat_map(|catalog| catalog.actions.keys().chain(catalog.pushes.keys()));
        return Err(unknown("action or push", name, names.map(String::as_str)));
    }
    arguments.output.tell(|| json!({ "entries": entries }), |out, style| report::entries(&entries, out, style))
}

fn requirements(arguments: &SpecArguments) -> Result<Code, Failure> {
    let protocol = protocol(arguments.output.schemas.as_deref())?;
    let dialects = dialects(&protocol, arguments)?;
    let machine = || {
        let rows = dialects.iter().map(|dialect| {
            let counts = RequirementCounts::of(dialect.requirements.values());
            json!({ "dialect": dialect.name, "requirements": dialect.requirements.values().collect::<Vec<_>>(), "counts": counts })
        });
        json!({ "dialects": rows.collect::<Vec<_>>() })
    };
    arguments.output.tell(machine, |out, style| report::requirements(&dialects, out, style))
}

fn errata(arguments: &SpecArguments) -> Result<Code, Failure> {
    let protocol = protocol(arguments.output.schemas.as_deref())?;
    let dialects = dialects(&protocol, arguments)?;
    let machine = || {
        let rows = dialects
            .iter()
            .map(|dialect| json!({ "dialect": dialect.name, "errata": dialect.errata.values().collect::<Vec<_>>() }));
        json!({ "dialects": rows.collect::<Vec<_>>() })
    };
    arguments.output.tell(machine, |out, style| report::errata(&dialects, out, style))
}

fn diff(from: &str, to: &str, output: &SpecOutput) -> Result<Code, Failure> {
    let protocol = protocol(output.schemas.as_deref())?;
    let diff = Diff::between(dialect(&protocol, from)?, dialect(&protocol, to)?);
    output.tell(|| json!(diff), |out, style| report::diff(&diff, out, style))
}

/// The dialect that was asked for, or all of them.
fn dialects<'a>(protocol: &'a Protocol, arguments: &SpecArguments) -> Result<Vec<&'a Dialect>, Failure> {
    match &arguments.dialect {
        Some(name) => Ok(vec![dialect(protocol, name)?]),
        None => Ok(protocol.dialects().map(Arc::as_ref).collect()),
    }
}

fn dialect<'a>(protocol: &'a Protocol, name: &str) -> Result<&'a Dialect, Failure> {
    let known = protocol.dialects().map(|dialect| dialect.name.as_str());
    protocol.dialect(name).map(Arc::as_ref).map_err(|_| unknown("dialect", name, known))
}

/// Says that there is nothing of this name, what may have been meant, and what there is.
fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: BTreeSet<&str> = known.collect();
    let guess = nearest(name, known.iter().copied()).map(|guess| format!(" Did you mean `{guess}`?"));
    let list = known.into_iter().collect::<Vec<_>>().join(", ");
    let text = format!("there is no {what} `{name}`.{}\nThere are: {list}", guess.unwrap_or_default());
    let wrapped =
        textwrap::fill(&text, textwrap::Options::new(width()).word_splitter(textwrap::WordSplitter::NoHyphenation));
    Failure::new(Code::Usage, wrapped)
}

impl SpecOutput {
    fn tell(
        &self,
        machine: impl FnOnce() -> Value,
        people: impl FnOnce(&mut Vec<u8>, Style) -> io::Result<()>,
    ) -> Result<Code, Failure> {
        let mut text = Vec::new();
        let style = Style { color: super::color(&io::stdout()), width: width() };
        let written = if self.json { writeln!(text, "{:#}", machine()) } else { people(&mut text, style) };
        written.map_err(|error| Failure::new(Code::Internal, error))?;
        super::print(&String::from_utf8_lossy(&text));
        Ok(Code::Passed)
    }
}

fn width() -> usize {
    terminal_size::terminal_size_of(io::stdout()).map_or(WIDTH, |(width, _)| usize::from(width.0))
}
