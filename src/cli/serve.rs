//! `chatproof serve`.

use std::sync::Arc;

use super::arguments::{Hardships, ServeArguments};
use super::{Failure, interrupt, protocol};
use crate::reference::{DefectRow, Server, ServerOptions, Timing};
use crate::verdict::ExitCode as Code;

pub(super) fn serve(arguments: &ServeArguments) -> Result<Code, Failure> {
    if arguments.list_defects {
        return list_defects();
    }
    let protocol = protocol(arguments.schemas.as_deref())?;
    let interrupt = interrupt::install()?;
    let options = ServerOptions {
        listen: arguments.listen,
        seed: arguments.seed,
        defects: arguments.defect.clone(),
        hardships: Hardships::of(&arguments.hardship),
        protocol: Arc::new(protocol),
        timing: Timing::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Internal, error))?;
    runtime.block_on(async {
        let server = Server::bind(options).await.map_err(|error| Failure::new(Code::Usage, error))?;
        super::say(&format!("reference server on http://{} (Ctrl-C stops it)", server.addr()));
        super::say("tokens: `agent:EMAIL` and `customer:NAME` log in whoever you like");
        server.run(async move { interrupt.cancelled().await }).await;
        Ok(Code::Passed)
    })
}

/// One defect a line: its name and what it is about.
fn list_defects() -> Result<Code, Failure> {
    let rows = DefectRow::all().map_err(|error| Failure::new(Code::Internal, error))?;
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let list: String = rows.iter().map(|row| format!("{:width$}  {}\n", row.name, row.about)).collect();
    super::print(&list);
    Ok(Code::Passed)
}
