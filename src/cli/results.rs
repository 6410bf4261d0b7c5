//! Where results go: a folder of reports, and the terminal.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::Failure;
use crate::merge::TallyFile;
use crate::report::{self, CapacityReport, CompareReport, RunReport, Style};
use crate::verdict::ExitCode as Code;

/// Columns of the terminal report.
const WIDTH: usize = 100;

/// The folder for the reports: the given one, or one that is called after the time. It is made first: what cannot be reported need not
/// be done.
pub(super) fn folder(given: Option<&Path>, name: &str) -> Result<PathBuf, Failure> {
    let folder = given.map_or_else(
        || {
            let time = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
            Path::new("reports/runs").join(format!("{time}-{name}"))
        },
        Path::to_owned,
    );
    fs::create_dir_all(&folder).map_err(|error| {
        Failure::new(Code::Usage, format!("cannot make the report folder {}: {error}", folder.display()))
    })?;
    Ok(folder)
}

/// Writes the reports into their folder and shows the one for people.
pub(super) fn hand_over(folder: &Path, report: &RunReport<'_>) -> Result<(), Failure> {
    write(folder, report)?;
    show(report)?;
    super::say(&format!("reports: {}", folder.display()));
    Ok(())
}

/// The same for a search for the highest load.
pub(super) fn hand_over_capacity(folder: &Path, report: &CapacityReport<'_>) -> Result<(), Failure> {
    write_file(folder, "capacity.json", &|file| report::capacity::json(report, file))?;
    let style = Style { color: false, width: WIDTH };
    write_file(folder, "report.html", &|file| report::capacity::html(report, file))?;
    write_file(folder, "capacity.txt", &|file| report::capacity::terminal(report, file, style))?;
    let mut text = Vec::new();
    let style = Style { color: super::color(&std::io::stdout()), width: WIDTH };
    report::capacity::terminal(report, &mut text, style).map_err(|error| Failure::new(Code::Internal, error))?;
    super::print(&String::from_utf8_lossy(&text));
    super::say(&format!("reports: {}", folder.display()));
    Ok(())
}

/// The same for a comparison; without a folder it is only shown.
pub(super) fn hand_over_comparison(folder: Option<&Path>, report: &CompareReport<'_>) -> Result<(), Failure> {
    if let Some(folder) = folder {
        write_file(folder, "compare.json", &|file| report::compare::json(report, file))?;
        let style = Style { color: false, width: WIDTH };
        write_file(folder, "compare.txt", &|file| report::compare::terminal(report, file, style))?;
    }
    let mut text = Vec::new();
    let style = Style { color: super::color(&std::io::stdout()), width: WIDTH };
    report::compare::terminal(report, &mut text, style).map_err(|error| Failure::new(Code::Internal, error))?;
    super::print(&String::from_utf8_lossy(&text));
    if let Some(folder) = folder {
        super::say(&format!("reports: {}", folder.display()));
    }
    Ok(())
}

/// Processor cores of the machine.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Writes what `chatproof merge` needs beside the reports.
pub(super) fn write_tally(folder: &Path, tally: &TallyFile) -> Result<(), Failure> {
    write_file(folder, "tally.json", &|file| tally.write(file))
}

fn write(folder: &Path, report: &RunReport<'_>) -> Result<(), Failure> {
    write_file(folder, "report.json", &|file| report::json(report, file))?;
    write_file(folder, "report.html", &|file| report::html(report, file))?;
    write_file(folder, "latency.hlog", &|file| report::hlog(report, file))?;
    write_file(folder, "junit.xml", &|file| report::junit(report, file))?;
    write_file(folder, "report.txt", &|file| report::terminal(report, file, Style { color: false, width: WIDTH }))
}

fn write_file(
    folder: &Path,
    name: &str,
    render: &dyn Fn(&mut BufWriter<fs::File>) -> std::io::Result<()>,
) -> Result<(), Failure> {
    let path = folder.join(name);
    let written = fs::File::create(&path).map(BufWriter::new).and_then(|mut file| {
        render(&mut file)?;
        file.flush()
    });
    written.map_err(|error| Failure::new(Code::Internal, format!("cannot write {}: {error}", path.display())))
}

/// Shows the report for people.
pub(super) fn show(report: &RunReport<'_>) -> Result<(), Failure> {
    let mut text = Vec::new();
    let style = Style { color: super::color(&std::io::stdout()), width: WIDTH };
    report::terminal(report, &mut text, style).map_err(|error| Failure::new(Code::Internal, error))?;
    super::print(&String::from_utf8_lossy(&text));
    Ok(())
}
