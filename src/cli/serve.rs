//! `chatproof serve`.

use std::sync::Arc;

use super::arguments::ServeArguments;
use super::{Failure, interrupt, protocol};
use crate::reference::{Server, ServerOptions, Timing};
use crate::verdict::ExitCode as Code;

pub(super) fn serve(arguments: &ServeArguments) -> Result<Code, Failure> {
    let protocol = protocol(arguments.schemas.as_deref())?;
    let interrupt = interrupt::install()?;
    let options = ServerOptions {
        listen: arguments.listen,
        seed: arguments.seed,
        defects: arguments.defect.clone(),
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
