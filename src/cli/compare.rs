//! `chatproof compare`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, results};
use crate::compare::{Outcome, Run, compare as compare_runs};
use crate::load::Share;
use crate::merge::TallyFile;
use crate::report::{CompareReport, Compared};
use crate::verdict::{ExitCode as Code, has_stalled, is_saturated};

#[derive(Debug, Args)]
pub(super) struct CompareArguments {
    /// The tally.json of the earlier run, or its report folder.
    pub base: PathBuf,
    /// That of the later one.
    pub new: PathBuf,
    /// How much slower the later run may be without being worse, or how much its errors may be up.
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "5%")]
    pub tolerance: f64,
    /// Folder for compare.json and compare.txt; by default the comparison is only shown.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
}

/// A part of a whole, such as 5%.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    let part = number.filter(|number| number.is_finite() && *number >= 0.0).map(|number| number / 100.0);
    part.ok_or_else(|| format!("`{text}` is no percentage; write it like 5% or 2.5%"))
}

pub(super) fn compare(arguments: &CompareArguments) -> Result<Code, Failure> {
    let (base, new) = (read(&arguments.base)?, read(&arguments.new)?);
    if base.meta.scenario != new.meta.scenario {
        return Err(Failure::new(Code::Inconclusive, other_scenario(arguments, &base, &new)));
    }
    let folder = arguments.report.as_deref().map(|given| results::folder(Some(given), "")).transpose()?;
    let [of_base, of_new] = [&base, &new].map(|file| Run { tally: &file.tally, duration: file.meta.duration });
    let differences = compare_runs(of_base, of_new, arguments.tolerance);
    let names = [&arguments.base, &arguments.new].map(|path| path.display().to_string());
    let report = CompareReport {
        base: Compared { tally: &names[0], meta: &base.meta },
        new: Compared { tally: &names[1], meta: &new.meta },
        differences: &differences,
        tolerance: arguments.tolerance,
        notes: &notes(&base, &new),
    };
    results::hand_over_comparison(folder.as_deref(), &report)?;
    Ok(match differences.outcome() {
        Outcome::Worse => Code::PeerFailed,
        Outcome::NotWorse => Code::Passed,
        Outcome::Unknown => Code::Inconclusive,
    })
}

/// The tally of a whole run.
fn read(path: &Path) -> Result<TallyFile, Failure> {
    let file = TallyFile::read(path).map_err(|error| Failure::new(Code::Input, error))?;
    if file.share == Share::WHOLE {
        return Ok(file);
    }
    let (path, share) = (path.display(), file.share);
    let told = format!(
        "{path} is share {share} of a run; put all shares together with `chatproof merge`, and give its tally.json"
    );
    Err(Failure::new(Code::Input, told))
}

fn other_scenario(arguments: &CompareArguments, base: &TallyFile, new: &TallyFile) -> String {
    let run = |path: &Path, file: &TallyFile| format!("{} is a run of `{}`", path.display(), file.meta.scenario);
    format!(
        "{} and {}; only runs of one scenario can be compared",
        run(&arguments.base, base),
        run(&arguments.new, new)
    )
}

/// What a reader should know before believing a difference.
fn notes(base: &TallyFile, new: &TallyFile) -> Vec<String> {
    let mut notes = Vec::new();
    if base.meta.load != new.meta.load {
        let load = |file: &TallyFile| file.meta.load.join(", ");
        notes.push(format!(
            "the load differs, and response times with it: {} in the base, {} in the new run",
            load(base),
            load(new)
        ));
    } else if base.fingerprint != new.fingerprint {
        notes.push(
            "the scenario, its data files, its load, the licence, defects or hardships differ; a difference may come from that".to_owned(),
        );
    }
    for (which, file) in [("the base", base), ("the new run", new)] {
        if file.meta.interrupted {
            notes.push(format!("{which} was interrupted, so it is only a part of a run"));
        }
        if is_saturated(&file.tally) {
            notes.push(format!(
                "the generator of {which} could not keep its schedule, so its numbers are its own, not the target's"
            ));
        } else if has_stalled(&file.tally) {
            notes.push(format!("the generator of {which} had pauses, which are in its times"));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::record::Tally;
    use crate::report::Meta;

    fn file() -> TallyFile {
        let meta = Meta { load: vec!["customers: 5/s".to_owned()], ..Meta::default() };
        TallyFile::new(("one".to_owned(), Share::WHOLE), (Duration::ZERO, Vec::new()), (meta, Tally::default()))
    }

    fn late(ms: u64) -> TallyFile {
        let mut file = file();
        file.tally.schedule.lag.record(Duration::from_millis(ms));
        file
    }

    #[test]
    fn a_tolerance_is_a_percentage() {
        assert_eq!(["5%", "2.5%", "0%"].map(percent), [Ok(0.05), Ok(0.025), Ok(0.0)]);
        for text in ["5", "%", "-1%", "inf%", "NaN%", ""] {
            assert_eq!(percent(text), Err(format!("`{text}` is no percentage; write it like 5% or 2.5%")));
        }
    }

    #[test]
    fn a_reader_is_told_what_could_mislead() {
        assert_eq!(notes(&file(), &file()), Vec::<String>::new());
        let mut other = file();
        other.fingerprint = "another".to_owned();
        assert_eq!(
            notes(&file(), &other),
            [
                "the scenario, its data files, its load, the licence, defects or hardships differ; a difference may come from that"
            ]
        );
        other.meta.load = vec!["customers: 9/s".to_owned()];
        assert_eq!(
            notes(&file(), &other),
            ["the load differs, and response times with it: customers: 5/s in the base, customers: 9/s in the new run"]
        );
        let mut broken_off = file();
        broken_off.meta.interrupted = true;
        assert_eq!(notes(&broken_off, &file()), ["the base was interrupted, so it is only a part of a run"]);
        assert_eq!(
            notes(&file(), &late(60)),
            ["the generator of the new run could not keep its schedule, so its numbers are its own, not the target's"]
        );
        assert_eq!(notes(&late(30), &file()), ["the generator of the base had pauses, which are in its times"]);
        assert_eq!(notes(&late(10), &late(10)), Vec::<String>::new());
    }
}
