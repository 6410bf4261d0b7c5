//! `--github`: annotations on standard output and a summary of the step, for GitHub Actions.

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::Write as _;

use super::Failure;
use crate::report::github::{Annotation, Level, Silence, Told};
use crate::scenario::Scenario;
use crate::verdict::{ExitCode as Code, Threshold};

/// Where GitHub takes the step's summary from.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// What GitHub is told when the work is done; nothing where nobody asked for it.
#[derive(Default)]
pub(super) struct Github {
    told: Option<RefCell<Told>>,
    /// Where the scenario's file has its thresholds.
    lines: RefCell<Vec<(String, usize)>>,
}

impl Github {
    /// What is told is about runs of this scenario.
    pub fn is_about(&self, scenario: &Scenario) {
        let lines = scenario.thresholds.iter().filter_map(|asked| {
            let threshold = asked.text.parse::<Threshold>().ok()?;
            Some((threshold.to_string(), asked.line))
        });
        self.lines.replace(lines.collect());
    }

    /// Where the scenario's file has a threshold.
    pub fn line(&self, threshold: &str) -> Option<usize> {
        let lines = self.lines.borrow();
        lines.iter().find(|(text, _)| text == threshold).map(|(_, line)| *line)
    }

    /// Tells something more.
    pub fn tell(&self, what: impl FnOnce() -> Told) {
        let Some(told) = &self.told else { return };
        let Told { annotations, summary } = what();
        let mut told = told.borrow_mut();
        told.annotations.extend(annotations);
        told.summary.push_str(&summary);
    }
}

/// Does some work, and tells GitHub about it if that was asked for. While it lasts GitHub obeys nothing that is printed.
pub(super) fn during(asked: bool, work: impl FnOnce(&Github) -> Result<Code, Failure>) -> Result<Code, Failure> {
    if !asked {
        return work(&Github::default());
    }
    let silence = Silence::until(format!("{:032x}", rand::random::<u128>()));
    let github = Github { told: Some(RefCell::default()), ..Github::default() };
    super::print(&format!("{}\n", silence.begin()));
    let code = work(&github).unwrap_or_else(|Failure { code, text }| {
        super::complain(&text);
        let annotations = vec![Annotation::new(Level::Error, "chatproof", text)];
        github.tell(|| Told { annotations, summary: String::new() });
        code
    });
    let Told { annotations, summary } = github.told.map(RefCell::into_inner).unwrap_or_default();
    let commands = Annotation::bounded(annotations).into_iter().map(|annotation| format!("{annotation}\n"));
    super::print(&format!("{}\n{}", silence.end(), commands.collect::<String>()));
    append(&summary)?;
    Ok(code)
}

/// Adds to the step's summary, if there is a file for it.
fn append(summary: &str) -> Result<(), Failure> {
    let Some(path) = std::env::var_os(SUMMARY).filter(|path| !path.is_empty() && !summary.is_empty()) else {
        return Ok(());
    };
    let appended = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(summary.as_bytes()));
    appended
        .map_err(|error| Failure::new(Code::Internal, format!("cannot write the step's summary, ${SUMMARY}: {error}")))
}
