//! The only place with arguments, environment, printing, colours, progress and exit.

mod arguments;
mod check;
mod interrupt;
mod progress;
mod run;
mod serve;
mod target;
mod tokens;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use crate::verdict::ExitCode as Code;
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
    let done = match arguments.command {
        Command::Run(run) => run::run(&run),
        Command::Serve(serve) => serve::serve(&serve),
        Command::Scenario { command: ScenarioCommand::Schema } => check::print_schema(),
        Command::Scenario { command: ScenarioCommand::Check { files, schemas } } => {
            check::check(&files, schemas.as_deref())
        }
    };
    match done {
        Ok(code) => code.into(),
        Err(Failure { code, text }) => {
            complain(&text);
            code.into()
        }
    }
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
