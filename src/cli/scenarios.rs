//! `chatproof scenario …`.

use std::path::{Path, PathBuf};

use super::{Failure, load_scenario, protocol};
use crate::scenario::editor_schema;
use crate::verdict::ExitCode as Code;

pub(super) fn print_schema() -> Result<Code, Failure> {
    super::print(&format!("{:#}\n", editor_schema()));
    Ok(Code::Passed)
}

pub(super) fn check(files: &[PathBuf], schemas: Option<&Path>) -> Result<Code, Failure> {
    let protocol = protocol(schemas)?;
    let mut worst = Code::Passed;
    for file in files {
        match load_scenario(file, &protocol) {
            Ok(scenario) => super::say(&format!("{}: fine ({})", file.display(), scenario.name)),
            Err(failure) => {
                super::complain(&failure.text);
                worst = failure.code;
            }
        }
    }
    Ok(worst)
}
