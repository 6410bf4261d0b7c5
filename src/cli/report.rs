//! `chatproof report`.

use std::path::PathBuf;

use clap::Args;

use super::conclude::Concluded;
use super::{Failure, results};
use crate::merge::TallyFile;
use crate::report;
use crate::verdict::{ExitCode as Code, is_saturated};

#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    /// The tally.json of a run, or its report folder.
    #[arg(value_name = "TALLY")]
    pub tally: PathBuf,
    /// What to write to standard output.
    #[arg(long, value_enum, default_value = "terminal")]
    pub format: FormatArgument,
}

/// A form of a report.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum FormatArgument {
    /// Text, as after a run.
    Terminal,
    /// A page for browsers, in one file.
    Html,
    /// For programs; reports/report.schema.json describes it.
    Json,
    /// For build servers.
    Junit,
}

/// Renders a run's tally anew. Whoever made the run was told what it came to; here it only matters whether the report was written.
pub(super) fn report(arguments: &ReportArguments) -> Result<Code, Failure> {
    let file = TallyFile::read(&arguments.tally).map_err(|error| Failure::new(Code::Input, error))?;
    let concluded = Concluded::of(&file, is_saturated(&file.tally))?;
    let report = concluded.report(&file);
    let mut text = Vec::new();
    let written = match arguments.format {
        FormatArgument::Terminal => return results::show(&report).map(|()| Code::Passed),
        FormatArgument::Html => report::html(&report, &mut text),
        FormatArgument::Json => report::json(&report, &mut text),
        FormatArgument::Junit => report::junit(&report, &mut text),
    };
    written.map_err(|error| Failure::new(Code::Internal, error))?;
    super::print(&String::from_utf8_lossy(&text));
    Ok(Code::Passed)
}
