//! The command line.

mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use jiff::Timestamp;

pub(super) use self::values::{Amount, Hardships, Named, duration};
use self::values::{amount, at_least_one, hardships, named_count, named_rate};
use super::compare::CompareArguments;
use super::live::WatchArguments;
use super::proxy::ProxyArguments;
use super::report::ReportArguments;
use super::start;
use crate::load::Share;
use crate::reference::Defect;
use crate::verdict::{AbortCondition, Threshold};

/// Tells whether a chat API keeps its documented promises, and how much it can carry.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a scenario and judge what comes back.
    Run(Box<RunArguments>),
    /// Find the highest load at which a scenario still meets its thresholds.
    Capacity(CapacityArguments),
    /// Put the tallies of all shares of a run together, and judge the whole.
    Merge(MergeArguments),
    /// Render the tally of a run again: as text, as a page for browsers, or for programs.
    Report(ReportArguments),
    /// Compare a run with an earlier one, and say whether it is worse.
    Compare(CompareArguments),
    /// Walk the actors that a Locust master wants, or print the locustfile that it needs.
    Worker(WorkerArguments),
    /// Certify a server, requirement by requirement.
    Certify(CertifyArguments),
    /// Judge recordings: captures of --record, and HAR files as browsers export them.
    Check(CheckArguments),
    /// Run the embedded reference server alone.
    Serve(ServeArguments),
    /// Stand between clients and a server, and judge what both of them send.
    Proxy(ProxyArguments),
    /// Work on scenario files.
    Scenario {
        #[command(subcommand)]
        command: ScenarioCommand,
    },
    /// Show and compare what the documents say.
    Spec {
        #[command(subcommand)]
        command: SpecCommand,
    },
    /// Print the script with which a shell completes this command line.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print a page for `man`, of all or of one command.
    Manual {
        /// The command, such as `run` or `spec show`.
        command: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum SpecCommand {
    /// The dialects and how much there is of each.
    List(SpecArguments),
    /// One action or push: transports, payloads, limits, and the requirements that name it.
    Show {
        /// Its name, such as send_event.
        name: String,
        #[command(flatten)]
        spec: SpecArguments,
    },
    /// The sentences of the documents that can be checked, what checks them, or why nothing can.
    Requirements(SpecArguments),
    /// The contradictions and gaps of the documents, and the readings that were taken.
    Errata(SpecArguments),
    /// What a client must change to go from one dialect to another.
    Diff {
        /// What it speaks now, such as customer/v0.2.
        from: String,
        /// What it is to speak.
        to: String,
        #[command(flatten)]
        output: SpecOutput,
    },
}

#[derive(Debug, Args)]
pub(super) struct SpecArguments {
    /// Only this dialect, such as agent/v3.0; by default all.
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Option<String>,
    #[command(flatten)]
    pub output: SpecOutput,
}

#[derive(Debug, Args)]
pub(super) struct SpecOutput {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Read the protocol data from this folder instead of the binary.
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ScenarioCommand {
    /// Print a JSON Schema of scenario files, for editors.
    Schema,
    /// Read scenario files and show what is wrong with them, without sending anything.
    Check {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Read the protocol data from this folder instead of the binary.
        #[arg(long, value_name = "DIR")]
        schemas: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The scenario file.
    pub scenario: PathBuf,

    #[command(flatten)]
    pub aim: AimArguments,

    /// Seed of all choices, in place of the scenario's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How long arrivals go on, such as 30s or 5m.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Rate of the arriving population, such as 20/s; NAME=RATE if there are several.
    #[arg(long, value_name = "[NAME=]RATE", value_parser = named_rate)]
    pub rate: Vec<Named<f64>>,
    /// Number of concurrent, standing or together-coming users; NAME=N if there are several such populations.
    #[arg(long, value_name = "[NAME=]N", value_parser = named_count)]
    pub users: Vec<Named<usize>>,

    /// Do only part K of N, such as 2/5, of a run that N machines share; `chatproof merge` puts their tallies together.
    #[arg(long, value_name = "K/N", default_value_t = Share::WHOLE, hide_default_value = true, requires = "start_at", requires = "target")]
    pub share: Share,
    /// Share the run among so many processes of this machine, as one process holds only so many connections.
    #[arg(long, value_name = "N", value_parser = at_least_one(), conflicts_with_all = ["share", "start_at", "record"])]
    pub processes: Option<usize>,
    /// This is the process for one share of --processes, and is led by another one.
    #[arg(long, hide = true, requires = "processes")]
    pub led: Option<Share>,
    /// Where the embedded server of the leading process is.
    #[arg(long, hide = true, requires = "led")]
    pub reference: Option<String>,
    /// Start at this moment, the same for all shares: RFC 3339, or seconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = start::parse)]
    pub start_at: Option<Timestamp>,

    #[command(flatten)]
    pub show: ShowArguments,
    #[command(flatten)]
    pub watch: WatchArguments,

    /// Folder for the reports; by default reports/runs/<time>-<scenario>/.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Read the protocol data from this folder instead of the binary.
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
    /// Write all traffic to this file, for `chatproof check`. Tokens are not in it.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Accept a run in which the generator could not keep its schedule.
    #[arg(long)]
    pub allow_saturated: bool,
    /// End the run early, with a report, as soon as this is true, such as 'violations > 100'. May be repeated.
    #[arg(long, value_name = "CONDITION")]
    pub abort_on: Vec<AbortCondition>,
    /// Annotate the job's page on GitHub Actions, and add to the step's summary.
    #[arg(long)]
    pub github: bool,
}

/// What is seen while something goes on.
#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// Do not show how it goes on; results and errors are shown all the same.
    #[arg(long)]
    pub quiet: bool,
}

/// Whom scenarios and cases run against.
#[derive(Debug, Args)]
pub(super) struct AimArguments {
    /// The server to test, such as https://api.example.com; without it, the embedded reference server.
    #[arg(long, value_name = "URL", requires = "token_file")]
    pub target: Option<String>,
    /// Id of the licence to use there.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub license_id: u64,
    /// File with the tokens of the pools that scenarios take theirs from; certification takes `agents` and `customers`. Tokens are never
    /// taken from the command line.
    #[arg(long, value_name = "FILE", env = "CHATPROOF_TOKEN_FILE", hide_env_values = true)]
    pub token_file: Option<PathBuf>,
    /// Give the embedded reference server a defect: NAME, or NAME=PROBABILITY. May be repeated; `chatproof serve --list-defects` lists them.
    #[arg(long, value_name = "NAME[=P]", conflicts_with = "target")]
    pub defect: Vec<Defect>,
    /// Let the embedded reference server do something hard that the documents allow. May be repeated; `all` is all of them, `chatproof serve --help` lists them.
    #[arg(long, value_name = "NAME", value_parser = hardships(), hide_possible_values = true, conflicts_with = "target")]
    pub hardship: Vec<Hardships>,
}

#[derive(Debug, Args)]
pub(super) struct CapacityArguments {
    /// The scenario file.
    pub scenario: PathBuf,

    #[command(flatten)]
    pub aim: AimArguments,

    /// What is good enough, such as 'send_event.response.p99 < 250ms'. May be repeated; the scenario's own thresholds count as well.
    #[arg(long, value_name = "THRESHOLD")]
    pub slo: Vec<Threshold>,
    /// The population whose load is varied, if there are several that arrive at a rate (or, if none does, several with a number of
    /// concurrent users).
    #[arg(long, value_name = "NAME")]
    pub vary: Option<String>,
    /// The lowest load: a rate such as 20/s, or a number of users; by default a quarter of the scenario's.
    #[arg(long, value_name = "LOAD", value_parser = amount)]
    pub from: Option<Amount>,
    /// The highest load; by default the target's or the generator's limit.
    #[arg(long, value_name = "LOAD", value_parser = amount)]
    pub to: Option<Amount>,
    /// How long each load is measured, such as 30s. It is lengthened, up to ten times, where a percentile would rest on too few answers.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub step: Duration,
    /// How long each load is kept up before it is measured.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2s")]
    pub warm_up: Duration,
    /// Seed of all choices, in place of the scenario's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    #[command(flatten)]
    pub show: ShowArguments,
    #[command(flatten)]
    pub watch: WatchArguments,

    /// Folder for the reports; by default reports/runs/<time>-<scenario>/.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Read the protocol data from this folder instead of the binary.
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
    /// Accept what was found when the generator came to its limit before the target did.
    #[arg(long)]
    pub allow_saturated: bool,
    /// Annotate the job's page on GitHub Actions, and add to the step's summary.
    #[arg(long)]
    pub github: bool,
}

#[derive(Debug, Args)]
pub(super) struct MergeArguments {
    /// The tally.json of each share.
    #[arg(required = true, value_name = "TALLY")]
    pub tallies: Vec<PathBuf>,
    /// Folder for the reports; by default reports/runs/<time>-<scenario>/.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Accept a run in which the generator could not keep its schedule.
    #[arg(long)]
    pub allow_saturated: bool,
}

#[derive(Debug, Args)]
pub(super) struct WorkerArguments {
    /// The scenario file.
    pub scenario: PathBuf,

    /// Where Locust's master listens for workers, such as 10.0.0.7:5557.
    #[arg(long, value_name = "HOST:PORT", required_unless_present = "locustfile")]
    pub master: Option<String>,
    /// Print the scenario's locustfile, with which the master has to be started.
    #[arg(long, conflicts_with = "master")]
    pub locustfile: bool,

    #[command(flatten)]
    pub aim: AimArguments,
    /// Take only part K of N, such as 2/5, of the tokens and of the rows of data. No two workers may have the same. Needed with --target.
    #[arg(long, value_name = "K/N", requires = "target")]
    pub share: Option<Share>,
    /// Seed of all choices, in place of the scenario's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Read the protocol data from this folder instead of the binary.
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// The recordings.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Folder for the reports, with one for each file if there are several; by default reports/runs/<time>-check/.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Read the protocol data from this folder instead of the binary.
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
    /// Annotate the job's page on GitHub Actions, and add to the step's summary.
    #[arg(long)]
    pub github: bool,
}

#[derive(Debug, Args)]
pub(super) struct CertifyArguments {
    #[command(flatten)]
    pub aim: AimArguments,

    /// A dialect to certify, such as customer/v0.3; by default all. May be repeated.
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Vec<String>,
    /// Only these requirements, such as C03-B71 or 'C03-B1*'. May be repeated.
    #[arg(long, value_name = "PATTERN")]
    pub only: Vec<String>,
    /// How the documents are read.
    #[arg(long, value_enum, default_value = "consensus")]
    pub profile: ProfileArgument,
    /// The real-time transport that the cases' agents and customers use.
    #[arg(long, value_enum, default_value = "websocket")]
    pub transport: TransportArgument,
    /// Leave out the cases that take longer than a few seconds.
    #[arg(long)]
    pub quick: bool,
    /// Do not mind requirements that the target gave no occasion to check.
    #[arg(long)]
    pub allow_missing: bool,
    /// File of failures that are accepted for a while. The certified verdict does not change by it.
    #[arg(long, value_name = "FILE")]
    pub waivers: Option<PathBuf>,
    /// Seed of all choices.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    #[command(flatten)]
    pub show: ShowArguments,

    /// Folder for the reports; by default reports/runs/<time>-certify/.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Read the protocol data from this folder instead of the binary.
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
    /// Write all traffic to this file, for `chatproof check`. Tokens are not in it.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Read the certification scenarios from this folder instead of the binary.
    #[arg(long, value_name = "DIR")]
    pub cases: Option<PathBuf>,
    /// Annotate the job's page on GitHub Actions, and add to the step's summary.
    #[arg(long)]
    pub github: bool,
}

/// A real-time transport.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum TransportArgument {
    /// A websocket.
    Websocket,
    /// A session of socket.io, where the documents name a path for it.
    Socketio,
}

/// How the documents are read.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum ProfileArgument {
    /// Word by word.
    Literal,
    /// With the errata: the readings that we took of passages in dispute.
    Consensus,
    /// As consensus, and unknown members and values are raised.
    Strict,
}

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Where to listen.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// A defect that the server should have: NAME, or NAME=PROBABILITY. May be repeated; see --list-defects.
    #[arg(long, value_name = "NAME[=P]")]
    pub defect: Vec<Defect>,
    /// Something hard that the server should do, though the documents allow it. May be repeated.
    #[arg(long, value_name = "NAME", value_parser = hardships())]
    pub hardship: Vec<Hardships>,
    /// Start with the licences, people and past chats of this file, instead of a licence on which every token is good.
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// Print the JSON Schema of world files, and start nothing.
    #[arg(long, exclusive = true)]
    pub world_schema: bool,
    /// Take orders over HTTP here: start and close chats, revoke tokens, expire licences and more. Only on this machine.
    #[arg(long, value_name = "ADDR:PORT")]
    pub control: Option<SocketAddr>,
    /// RTM connections that may be open; who comes then is told that there are too many. By default 100000.
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub max_connections: Option<usize>,
    /// Chats of a licence that are kept; the longest archived are forgotten first. By default 50000.
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub max_chats: Option<usize>,
    /// Bytes of the largest RTM message that is read. By default 1048576.
    #[arg(long, value_name = "BYTES", value_parser = at_least_one())]
    pub max_message: Option<usize>,
    /// Requests that are worked on in a second; others wait in line, and are refused when it is longer than 10 s. Logins and pings are
    /// exempt. By default there is no limit.
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub capacity: Option<usize>,
    /// List the defects that there are, and start nothing.
    #[arg(long, exclusive = true)]
    pub list_defects: bool,
    /// Seed of the server's own choices.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Read the protocol data from this folder instead of the binary.
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_token_cannot_be_given_on_the_command_line() {
        let run = Arguments::command();
        let run = run.find_subcommand("run").unwrap();
        assert!(run.get_arguments().all(|argument| argument.get_id() != "token"));
    }
}
