//! `chatproof completions` and `chatproof manual`: what shells and `man` want to know of the command line.

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use super::Failure;
use super::arguments::Arguments;
use crate::verdict::ExitCode as Code;
use crate::yaml::{list, nearest};

/// Prints the script with which a shell completes our command line.
pub(super) fn completions(shell: Shell) -> Code {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(shell, &mut command, "chatproof", &mut script);
    super::print(&String::from_utf8_lossy(&script));
    Code::Passed
}

/// Prints a page for `man`: of the whole program, or of one command, which may have commands of its own.
pub(super) fn manual(path: &[String]) -> Result<Code, Failure> {
    let mut command = Arguments::command();
    command.build();
    for name in path {
        let known: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        let Some(found) = command.find_subcommand(name) else {
            let guess = nearest(name, known.iter().map(String::as_str));
            let guess = guess.map(|guess| format!("; did you mean `{guess}`?")).unwrap_or_default();
            let of = command.get_bin_name().unwrap_or("chatproof");
            let there = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", list(&known)) };
            return Err(Failure::new(Code::Usage, format!("`{of}` has no command `{name}`{guess} ({there})")));
        };
        command = found.clone();
    }
    let mut page = Vec::new();
    let rendered = Man::new(command.version(env!("CARGO_PKG_VERSION"))).render(&mut page);
    rendered.map_err(|error| Failure::new(Code::Internal, error))?;
    super::print(&String::from_utf8_lossy(&page));
    Ok(Code::Passed)
}
