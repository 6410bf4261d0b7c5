//! `--record FILE`.

use std::path::Path;

use super::Failure;
use crate::observe::Moment;
use crate::traffic::{CaptureWriter, Client};
use crate::verdict::ExitCode as Code;

/// Begins the recording, if one was asked for. What cannot be recorded need not be run.
pub(super) fn begin(path: Option<&Path>, client: Client) -> Result<Option<CaptureWriter>, Failure> {
    let created = path.map(|path| CaptureWriter::create(path, client)).transpose();
    created.map_err(|error| Failure::new(Code::Usage, error))
}

/// Ends it. A recording that is not whole is a failure of ours; the run went on and its reports are written all the same.
pub(super) fn end(capture: Option<&CaptureWriter>, at: Moment) -> Result<(), Failure> {
    let finished = capture.map_or(Ok(()), |capture| capture.finish(at));
    finished.map_err(|error| Failure::new(Code::Internal, error))
}
