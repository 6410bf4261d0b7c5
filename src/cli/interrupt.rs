//! Ctrl-C ends a run early, with its report; a second one ends the process.

use tokio_util::sync::CancellationToken;

use super::Failure;
use crate::verdict::ExitCode as Code;

/// Installs the handler. It must come before goose, which would install its own.
pub(super) fn install() -> Result<CancellationToken, Failure> {
    let token = CancellationToken::new();
    let told = token.clone();
    ctrlc::set_handler(move || {
        if told.is_cancelled() {
            leave();
        }
        super::say("\ninterrupted: finishing with a report (again to stop at once)");
        told.cancel();
    })
    .map_err(|error| Failure::new(Code::Internal, format!("cannot listen for Ctrl-C: {error}")))?;
    Ok(token)
}

#[expect(clippy::exit, reason = "somebody pressed Ctrl-C twice")]
fn leave() {
    std::process::exit(Code::Interrupted.code().into());
}
