//! The only place with arguments, environment, printing, colours, progress and exit.

mod arguments;
mod capacity;
mod certify;
mod check;
mod compare;
mod conclude;
mod descriptors;
mod github;
mod interrupt;
mod live;
mod manual;
mod merge;
mod observed;
mod progress;
mod proxy;
mod recording;
mod report;
mod results;
mod run;
mod scenarios;
mod serve;
mod spec;
mod start;
mod target;
mod tokens;
mod worker;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::protocol::Protocol;
use crate::scenario::{self, AskedThreshold, Scenario, ThresholdProblem};
use crate::verdict::{AbortCondition, ExitCode as Code, Threshold};
use crate::yaml::FileErrors;
use arguments::{Arguments, Command, ScenarioCommand};

/// What went wrong before or beside the work itself: a text for people, and the documented exit code.
#[derive(Debug)]
struct Failure {
    code: Code,
    text: String,
}

impl Failure {
    fn new(code: Code, text: impl std::fmt::Display) -> Self {
        Self { code, text: text.to_string() }
    }
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    use Command as C;
    if matches!(arguments.command, C::Run(_) | C::Worker(_) | C::Capacity(_) | C::Serve(_) | C::Proxy(_)) {
        descriptors::raise();
    }
    let done = match arguments.command {
        // What a leading process hears of this one is no output for people.
        Command::Run(run) => github::during(run.github && run.led.is_none(), |github| run::run(&run, github)),
        Command::Capacity(capacity) => github::during(capacity.github, |github| capacity::capacity(&capacity, github)),
        Command::Merge(merge) => merge::merge(&merge),
        Command::Report(report) => report::report(&report),
        Command::Compare(compare) => compare::compare(&compare),
        Command::Worker(worker) => worker::worker(&worker),
        Command::Certify(certify) => github::during(certify.github, |github| certify::certify(&certify, github)),
        Command::Check(check) => github::during(check.github, |github| check::check(&check, github)),
        Command::Serve(serve) => serve::serve(&serve),
        Command::Proxy(proxy) => proxy::proxy(&proxy),
        Command::Spec { command } => spec::spec(&command),
        Command::Completions { shell } => Ok(manual::completions(shell)),
        Command::Manual { command } => manual::manual(&command),
        Command::Scenario { command: ScenarioCommand::Schema } => scenarios::print_schema(),
        Command::Scenario { command: ScenarioCommand::Check { files, schemas } } => {
            scenarios::check(&files, schemas.as_deref())
        }
    };
    let code = done.unwrap_or_else(|Failure { code, text }| {
        complain(&text);
        code
    });
    ExitCode::from(code.code())
}

/// The protocol data: of the binary, or of a folder.
fn protocol(folder: Option<&Path>) -> Result<Protocol, Failure> {
    match folder {
        Some(folder) => Protocol::from_dir(folder).map_err(|error| Failure::new(Code::Input, error)),
        None => Protocol::embedded().map_err(|error| Failure::new(Code::Internal, error)),
    }
}

/// Reads a scenario file; all that is wrong with it is in the failure.
fn load_scenario(path: &Path, protocol: &Protocol) -> Result<Scenario, Failure> {
    let threshold = |asked: &AskedThreshold| {
        let whole = || 0..asked.text.len();
        let wrong = |range, message| Err(ThresholdProblem { range, message, help: None });
        match asked.text.parse::<Threshold>() {
            Err(error) => wrong(error.at.clone(), error.to_string()),
            Ok(threshold) => match AbortCondition::unless(&threshold) {
                Err(error) if asked.abort => wrong(whole(), error.to_string()),
                _ => Ok(threshold.action().map(str::to_owned)),
            },
        }
    };
    scenario::load(path, protocol, &threshold).map_err(|errors| unusable(&errors))
}

/// What is wrong with a file that somebody wrote.
fn unusable(errors: &FileErrors) -> Failure {
    Failure::new(Code::Input, errors.render(color(&std::io::stderr())))
}

/// Says something to the person in front of the terminal.
#[expect(clippy::print_stderr, reason = "this is where chatproof speaks to people")]
fn say(text: &str) {
    eprintln!("{text}");
}

fn complain(text: &str) {
    // Rendered problems of a file begin with their own label.
    if text.starts_with("error") || text.starts_with("\u{1b}") { say(text) } else { say(&format!("error: {text}")) }
}

/// Writes a result to standard output.
#[expect(clippy::print_stdout, reason = "this is where chatproof writes its results")]
fn print(text: &str) {
    print!("{text}");
}

/// Whether colours are welcome on standard output.
fn color(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
