//! `chatproof check`.

use std::path::{Path, PathBuf};

use super::arguments::CheckArguments;
use super::github::Github;
use super::observed::{self, Observed};
use super::{Failure, protocol, results};
use crate::protocol::Protocol;
use crate::traffic::{self, Client, Damages, Recording};
use crate::verdict::ExitCode as Code;

pub(super) fn check(arguments: &CheckArguments, github: &Github) -> Result<Code, Failure> {
    let protocol = protocol(arguments.schemas.as_deref())?;
    let folder = results::folder(arguments.report.as_deref(), "check")?;
    let several = arguments.files.len() > 1;
    let mut worst = Code::Passed;
    for (number, file) in arguments.files.iter().enumerate() {
        let own = if several { Some(own_folder(&folder, number + 1, file)) } else { None };
        let folder = results::folder(own.as_deref().or(Some(&folder)), "check")?;
        let code = one(file, &folder, &protocol, github).or_else(|failure| match failure.code {
            // The others can still be judged.
            Code::Input if several => {
                super::complain(&failure.text);
                Ok(failure.code)
            }
            _ => Err(failure),
        })?;
        worst = worse(worst, code);
    }
    Ok(worst)
}

fn own_folder(folder: &Path, number: usize, file: &Path) -> PathBuf {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    folder.join(format!("{number}-{name}"))
}

/// The one that matters more: what cannot be read, what failed, what says nothing.
fn worse(a: Code, b: Code) -> Code {
    let order = [Code::Input, Code::PeerFailed, Code::Inconclusive];
    order.into_iter().find(|code| *code == a || *code == b).unwrap_or(a)
}

fn one(file: &Path, folder: &Path, protocol: &Protocol, github: &Github) -> Result<Code, Failure> {
    let recording = traffic::check(file, protocol).map_err(|error| Failure::new(Code::Input, error))?;
    let Recording { replayed, client, started, damages } = recording;
    for text in told(file, &damages) {
        super::complain(&text);
    }
    let code = observed::conclude(
        Observed {
            name: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            about: match client {
                Client::Ours => "A recording of a run of chatproof: the server is judged.".to_owned(),
                Client::Observed => "A recording of somebody else's client: both sides are judged.".to_owned(),
            },
            source: file.display().to_string(),
            target: "a recording".to_owned(),
            dialects: replayed.dialects.iter().map(ToString::to_string).collect(),
            seed: 0,
            started,
            duration: replayed.duration,
            client,
            tally: replayed.tally,
            checklist: None,
            notes: notes(&damages, replayed.skipped),
        },
        folder,
        github,
    )?;
    Ok(if damages.count > 0 { Code::Input } else { code })
}

/// What is wrong with the file, place by place.
fn told(file: &Path, damages: &Damages) -> Vec<String> {
    let places = damages.first.iter();
    let mut told: Vec<String> =
        places.map(|damage| format!("{}, line {}: {}", file.display(), damage.line, damage.reason)).collect();
    let further = damages.count - damages.first.len() as u64;
    if further > 0 {
        told.push(format!("{}: and {further} more such places", file.display()));
    }
    told
}

fn notes(damages: &Damages, skipped: u64) -> Vec<String> {
    let first = damages.first.first().map(|first| {
        let places = if damages.count == 1 { "a place" } else { "places, the first" };
        format!("the recording is damaged in {} {places} in line {}: {}", damages.count, first.line, first.reason)
    });
    let unjudged = (skipped > 0)
        .then(|| format!("{skipped} entries were not judged, because something that they belong to is missing"));
    first.into_iter().chain(unjudged).collect()
}
