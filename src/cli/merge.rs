//! `chatproof merge`.

use super::arguments::MergeArguments;
use super::conclude::Concluded;
use super::github::Github;
use super::{Failure, results};
use crate::merge::{TallyFile, merge as merge_tallies};
use crate::verdict::{ExitCode as Code, is_saturated};

pub(super) fn merge(arguments: &MergeArguments) -> Result<Code, Failure> {
    let mut files = Vec::new();
    for path in &arguments.tallies {
        let file = TallyFile::read(path).map_err(|error| Failure::new(Code::Input, error))?;
        files.push((path.clone(), file));
    }
    let count = files.len();
    // The median of all shares could hide one that was late.
    let late = files.iter().any(|(_, file)| is_saturated(&file.tally));
    let whole = merge_tallies(files).map_err(|error| Failure::new(Code::Inconclusive, error))?;
    let mut whole = whole.ok_or_else(|| Failure::new(Code::Usage, "no tally was given"))?;
    whole.meta.notes.push(format!("put together from the tallies of {count} shares"));
    let folder = results::folder(arguments.report.as_deref(), &whole.meta.scenario)?;
    Concluded::of(&whole, late && !arguments.allow_saturated)?.hand_over(&folder, &whole, &Github::default())
}
