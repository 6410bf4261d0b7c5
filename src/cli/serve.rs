//! `chatproof serve`.

use std::sync::Arc;

use super::arguments::{Hardships, ServeArguments};
use super::{Failure, interrupt, protocol};
use crate::reference::{DefectRow, Limits, Server, ServerOptions, Timing, WorldFile, world_schema};
use crate::verdict::ExitCode as Code;

pub(super) fn serve(arguments: &ServeArguments) -> Result<Code, Failure> {
    if arguments.list_defects {
        return list_defects();
    }
    if arguments.world_schema {
        let text =
            serde_json::to_string_pretty(&world_schema()).map_err(|error| Failure::new(Code::Internal, error))?;
        super::print(&format!("{text}\n"));
        return Ok(Code::Passed);
    }
    let protocol = protocol(arguments.schemas.as_deref())?;
    let world = match &arguments.world {
        Some(path) => Some(WorldFile::load(path, &protocol).map_err(|errors| super::unusable(&errors))?),
        None => None,
    };
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
        let refused = |error| Failure::new(Code::Usage, error);
        let mut server = Server::bind(options).await.map_err(refused)?;
        if let Some(world) = &world {
            server = server.with_world(world);
        }
        server = server.with_limits(limits(arguments));
        if let Some(control) = arguments.control {
            server = server.with_control(control).await.map_err(refused)?;
        }
        super::say(&format!("reference server on http://{} (Ctrl-C stops it)", server.addr()));
        if let Some(control) = server.control_addr() {
            super::say(&format!("control endpoint on http://{control}"));
        }
        if world.as_ref().is_none_or(WorldFile::is_open) {
            super::say("tokens: `agent:EMAIL` and `customer:NAME` log in whoever you like");
        } else {
            super::say("tokens: those of the world file");
        }
        server.run(async move { interrupt.cancelled().await }).await;
        Ok(Code::Passed)
    })
}

fn limits(arguments: &ServeArguments) -> Limits {
    let usual = Limits::default();
    Limits {
        connections: arguments.max_connections.unwrap_or(usual.connections),
        chats: arguments.max_chats.unwrap_or(usual.chats),
        message_bytes: arguments.max_message.unwrap_or(usual.message_bytes),
        requests_per_second: arguments.capacity,
    }
}

/// One defect a line: its name and what it is about.
fn list_defects() -> Result<Code, Failure> {
    let rows = DefectRow::all().map_err(|error| Failure::new(Code::Internal, error))?;
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let list: String = rows.iter().map(|row| format!("{:width$}  {}\n", row.name, row.about)).collect();
    super::print(&list);
    Ok(Code::Passed)
}
