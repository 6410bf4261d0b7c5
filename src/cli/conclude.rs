//! The end of a run: its tally is judged and reported.

use std::path::Path;

use super::github::Github;
use super::{Failure, results};
use crate::load::Share;
use crate::merge::TallyFile;
use crate::record::Tally;
use crate::report::{self, Meta, RunReport};
use crate::verdict::{ExitCode as Code, Judgement, Threshold, Verdict, is_refused, judge, lack};

/// The thresholds of a scenario.
pub(super) fn thresholds<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<Vec<Threshold>, Failure> {
    let parsed: Result<_, _> = texts.into_iter().map(|text| text.parse::<Threshold>()).collect();
    parsed.map_err(|error| Failure::new(Code::Input, error))
}

/// What a run, or a share of one, came to.
pub(super) struct Concluded {
    meta: Meta,
    verdict: Verdict,
    code: Code,
}

impl Concluded {
    /// Judges what was measured. `saturated` says that the generator was the bottleneck and that this is not accepted.
    pub fn of(file: &TallyFile, saturated: bool) -> Result<Self, Failure> {
        let mut verdict = judge(&file.tally, &thresholds(&file.thresholds)?, file.meta.duration);
        if let Some(reason) = &file.given_up {
            verdict = verdict.given_up(reason.clone());
        }
        let whole = exit_code(file, &verdict, saturated);
        let is_done = file.share == Share::WHOLE || file.given_up.is_some();
        let code = if is_done { whole } else { of_share(whole) };
        let mut meta = file.meta.clone();
        meta.notes.extend(remark(whole, &file.tally));
        if file.share != Share::WHOLE {
            let share = file.share;
            meta.notes.push(format!(
                "this is share {share} of a run, which is judged when `chatproof merge` has all of them"
            ));
        }
        Ok(Self { meta, verdict, code })
    }

    /// What reports tell of it.
    pub fn report<'a>(&'a self, file: &'a TallyFile) -> RunReport<'a> {
        RunReport { meta: &self.meta, tally: &file.tally, verdict: &self.verdict, checklist: None }
    }

    /// Writes the reports and the tally.
    pub fn hand_over(&self, folder: &Path, file: &TallyFile, github: &Github) -> Result<Code, Failure> {
        let report = self.report(file);
        results::hand_over(folder, &report)?;
        github.tell(|| report::github::run(&report, &|threshold| github.line(threshold)));
        results::write_tally(folder, file)?;
        Ok(self.code)
    }
}

/// A share did what it had to when it has measured something; what that was is judged with the others'.
fn of_share(code: Code) -> Code {
    match code {
        Code::Interrupted | Code::Unreachable => code,
        _ => Code::Passed,
    }
}

fn exit_code(file: &TallyFile, verdict: &Verdict, saturated: bool) -> Code {
    if file.meta.interrupted {
        return Code::Interrupted;
    }
    match verdict.judgement {
        Judgement::Failed if is_refused(&file.tally) => Code::Unreachable,
        Judgement::Failed => Code::PeerFailed,
        // Nothing was checked because our machine had no socket for anybody.
        Judgement::Inconclusive if saturated && lack(&file.tally).is_some() => Code::Saturated,
        Judgement::Inconclusive => Code::Inconclusive,
        Judgement::Passed | Judgement::NonStrict if saturated => Code::Saturated,
        Judgement::Passed | Judgement::NonStrict => Code::Passed,
    }
}

/// What a reader should know of an exit code that the verdict does not explain.
fn remark(code: Code, tally: &Tally) -> Option<String> {
    match code {
        Code::Unreachable => Some("the target let nobody log in".to_owned()),
        Code::Saturated => lack(tally).or_else(|| {
            Some("the generator could not keep its schedule, so the numbers are its own, not the target's".to_owned())
        }),
        _ => None,
    }
}
