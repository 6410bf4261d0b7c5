//! Several shares become one run, if they are all of one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::TallyFile;
use crate::load::Share;
use crate::report::Meta;

/// Tallies do not make up one run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Something differs that shares of one run have in common.
    #[error("{} and {} are not of one run: {what}", .one.display(), .other.display())]
    OtherRun {
        /// A file.
        one: PathBuf,
        /// One that does not fit to it.
        other: PathBuf,
        /// What differs.
        what: String,
    },
    /// One share came twice.
    #[error("{} and {} are both share {share}; give each share once", .one.display(), .other.display())]
    Twice {
        /// A file.
        one: PathBuf,
        /// Another one.
        other: PathBuf,
        /// Whose share both are.
        share: Share,
    },
    /// A share did not come.
    #[error(
        "{} missing beside {}; what the others saw is only a part of the run",
        are_missing(.missing, *.of), .given.display()
    )]
    Missing {
        /// Numbers of the shares that are not there.
        missing: Vec<u64>,
        /// How many shares the run has.
        of: u64,
        /// A file that is there.
        given: PathBuf,
    },
}

/// Puts all shares of one run together. Numbers add up, histograms are summed value by value: nothing is lost.
///
/// # Errors
/// When they are not the shares of one run, each once and all of them; and when there are none.
pub fn merge(files: Vec<(PathBuf, TallyFile)>) -> Result<Option<TallyFile>, MergeError> {
    let mut files = files.into_iter();
    let Some((first_path, mut whole)) = files.next() else { return Ok(None) };
    let share = whole.share;
    let mut seen = BTreeMap::from([(share, first_path.clone())]);
    tell_share(&mut whole);
    for (path, mut part) in files {
        if let Some(what) = difference(&whole, share, &part) {
            return Err(MergeError::OtherRun { one: first_path, other: path, what });
        }
        if let Some(one) = seen.insert(part.share, path.clone()) {
            return Err(MergeError::Twice { one, other: path, share: part.share });
        }
        tell_share(&mut part);
        whole.given_up = whole.given_up.or(part.given_up);
        join(&mut whole.meta, part.meta);
        whole.tally.merge(part.tally);
    }
    let missing: Vec<u64> = (1..=share.of())
        .filter(|number| Share::new(*number, share.of()).is_none_or(|share| !seen.contains_key(&share)))
        // Of a number that is a mistake, some are enough.
        .take(LISTED + 1)
        .collect();
    if !missing.is_empty() {
        return Err(MergeError::Missing { missing, of: share.of(), given: first_path });
    }
    whole.share = Share::WHOLE;
    Ok(Some(whole))
}

/// Says of a share that was given up which one it was.
fn tell_share(part: &mut TallyFile) {
    if let Some(reason) = part.given_up.as_mut().filter(|_| part.share != Share::WHOLE) {
        *reason = format!("share {} {reason}", part.share);
    }
}

/// Missing shares that are named.
const LISTED: usize = 8;

fn are_missing(numbers: &[u64], of: u64) -> String {
    let mut listed: Vec<String> = numbers.iter().take(LISTED).map(u64::to_string).collect();
    if numbers.len() > LISTED {
        listed.push("more".to_owned());
    }
    match listed.split_last() {
        Some((last, [])) => format!("share {last} of {of} is"),
        Some((last, others)) => format!("shares {} and {last} of {of} are", others.join(", ")),
        None => String::new(),
    }
}

/// What two files of one run cannot differ in.
fn difference(one: &TallyFile, share: Share, other: &TallyFile) -> Option<String> {
    let differ = |what: &str, one: &str, other: &str| (one != other).then(|| format!("{what} is {one} and {other}"));
    let scenario = || {
        let names = differ("the scenario", &one.meta.scenario, &other.meta.scenario);
        names.or_else(|| {
            let scenario = &one.meta.scenario;
            (one.fingerprint != other.fingerprint).then(|| {
                format!(
                    "the scenario `{scenario}`, its data files or what the command line puts in place of its load or its licence differ"
                )
            })
        })
    };
    differ("the version of chatproof", &one.meta.version, &other.meta.version)
        .or_else(scenario)
        .or_else(|| differ("the seed", &one.meta.seed.to_string(), &other.meta.seed.to_string()))
        .or_else(|| differ("the number of shares", &share.of().to_string(), &other.share.of().to_string()))
}

/// Another part of the same run: it began with the first of them and took as long as the longest.
fn join(meta: &mut Meta, other: Meta) {
    if !meta.target.split(", ").any(|target| target == other.target) {
        meta.target = format!("{}, {}", meta.target, other.target);
    }
    meta.started = std::mem::take(&mut meta.started).min(other.started);
    meta.duration = meta.duration.max(other.duration);
    meta.cores += other.cores;
    meta.workers += other.workers;
    meta.interrupted |= other.interrupted;
    let new: Vec<String> = other.notes.into_iter().filter(|note| !meta.notes.contains(note)).collect();
    meta.notes.extend(new);
}
