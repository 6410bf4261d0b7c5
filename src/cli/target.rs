//! Whom a run talks to: the embedded reference server, or somebody else's.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::arguments::{Hardships, RunArguments};
use super::{Failure, tokens};
use crate::engine::Credentials;
use crate::load::Share;
use crate::protocol::{DialectName, Protocol, Transport};
use crate::reference::{Defect, Hardship, Server, ServerOptions, Timing};
use crate::scenario::Scenario;
use crate::session::{RtmSession, SessionContext, Target, Token};
use crate::verdict::ExitCode as Code;

/// A server to talk to.
pub(super) struct Aim {
    pub target: Arc<Target>,
    pub credentials: Credentials,
    /// How reports call it.
    pub name: String,
    /// Where the embedded server is, if it is that.
    pub embedded_at: Option<String>,
    _embedded: Option<Embedded>,
}

/// The embedded server, on a thread and port of its own, until dropped.
struct Embedded {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Aim {
    pub fn take(
        arguments: &RunArguments,
        scenario: &Scenario,
        seed: u64,
        protocol: &Arc<Protocol>,
    ) -> Result<Self, Failure> {
        if let Some(url) = &arguments.reference {
            return Self::embedded(url.clone(), arguments, scenario, seed, None);
        }
        match (&arguments.target, &arguments.token_file) {
            (Some(url), Some(token_file)) => {
                let target = Target::parse(url, arguments.license_id).map_err(|e| Failure::new(Code::Usage, e))?;
                let credentials = Credentials::listed(scenario, tokens::read(token_file)?)
                    .map_err(|e| Failure::new(Code::Input, e))?;
                let name = target.peer();
                Ok(Self { target: Arc::new(target), credentials, name, embedded_at: None, _embedded: None })
            }
            _ => {
                let (defects, hardships) = (arguments.defect.clone(), Hardships::of(&arguments.hardship));
                let (addr, embedded) = Embedded::start((defects, hardships), seed, protocol.clone())?;
                Self::embedded(format!("http://{addr}"), arguments, scenario, seed, Some(embedded))
            }
        }
    }

    /// An embedded server without any defect.
    pub fn reference(scenario: &Scenario, seed: u64, protocol: &Arc<Protocol>) -> Result<Self, Failure> {
        let (addr, embedded) = Embedded::start((Vec::new(), Vec::new()), seed, protocol.clone())?;
        let url = format!("http://{addr}");
        let target = Target::parse(&url, 1).map_err(|e| Failure::new(Code::Internal, e))?;
        Ok(Self {
            target: Arc::new(target),
            credentials: Credentials::invented(scenario, seed),
            name: embedded_name(&[], &[]),
            embedded_at: Some(url),
            _embedded: Some(embedded),
        })
    }

    /// An embedded server: of this process, or of the one that leads it.
    fn embedded(
        url: String,
        arguments: &RunArguments,
        scenario: &Scenario,
        seed: u64,
        embedded: Option<Embedded>,
    ) -> Result<Self, Failure> {
        let target = Target::parse(&url, arguments.license_id).map_err(|e| Failure::new(Code::Internal, e))?;
        Ok(Self {
            target: Arc::new(target),
            credentials: Credentials::invented(scenario, seed),
            name: embedded_name(&arguments.defect, &Hardships::of(&arguments.hardship)),
            embedded_at: Some(url),
            _embedded: embedded,
        })
    }

    /// With the credentials of a share only.
    pub fn of_share(self, share: Share) -> Self {
        Self { credentials: self.credentials.of_share(share), ..self }
    }

    /// See [`knock`].
    pub async fn knock(&self, scenario: &Scenario, context: &SessionContext) -> Result<(), Failure> {
        knock(&self.name, scenario, context).await
    }
}

/// Knocks once with each dialect and transport of the scenario, so that a run against nothing ends at once.
pub(super) async fn knock(name: &str, scenario: &Scenario, context: &SessionContext) -> Result<(), Failure> {
    let unreachable = |reason: String| Failure::new(Code::Unreachable, format!("cannot use {name}: {reason}"));
    let mut seen: BTreeSet<(DialectName, Transport)> = BTreeSet::new();
    for actor in scenario.load.populations.iter().flat_map(|population| &population.members) {
        if !seen.insert((actor.dialect.name.clone(), actor.transport)) {
            continue;
        }
        match actor.transport {
            Transport::Websocket | Transport::Socketio => {
                let context = SessionContext { dialect: actor.dialect.clone(), ..context.clone() };
                let token = Token::new("");
                let opened = match actor.transport {
                    Transport::Socketio => RtmSession::connect_socketio(&context, &token, &[]).await,
                    _ => RtmSession::connect(&context, &token).await,
                };
                opened.map_err(|error| unreachable(error.to_string()))?.close().await;
            }
            Transport::Web => {
                let connecting = tokio::net::TcpStream::connect(context.target.peer());
                tokio::time::timeout(Duration::from_secs(10), connecting)
                    .await
                    .map_err(|_| unreachable("no connection within 10 s".to_owned()))?
                    .map_err(|error| unreachable(error.to_string()))?;
            }
        }
    }
    Ok(())
}

/// How reports call the embedded server.
pub(super) fn embedded_name(defects: &[Defect], hardships: &[Hardship]) -> String {
    let defects = defects.iter().map(ToString::to_string);
    let with: Vec<String> = defects.chain(hardships.iter().map(|hardship| hardship.name().to_owned())).collect();
    let name = "the embedded reference server";
    if with.is_empty() { name.to_owned() } else { format!("{name} with {}", with.join(", ")) }
}

impl Embedded {
    fn start(
        (defects, hardships): (Vec<Defect>, Vec<Hardship>),
        seed: u64,
        protocol: Arc<Protocol>,
    ) -> Result<(SocketAddr, Self), Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(Code::Internal, format!("the embedded reference server did not start: {error}"))
        };
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = ServerOptions { listen, seed, defects, hardships, protocol, timing: Timing::default() };
        let thread = std::thread::Builder::new()
            .name("reference".to_owned())
            .spawn(move || {
                let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => runtime,
                    Err(error) => return drop(tell.send(Err(error.to_string()))),
                };
                runtime.block_on(async {
                    match Server::bind(options).await {
                        Ok(server) => {
                            let _ = tell.send(Ok(server.addr()));
                            // A dropped sender stops it as well.
                            server.run(async { drop(stopped.await) }).await;
                        }
                        Err(error) => drop(tell.send(Err(error.to_string()))),
                    }
                });
            })
            .map_err(|error| failed(&error))?;
        let addr = told.recv().map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        Ok((addr, Self { stop: Some(stop), thread: Some(thread) }))
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell us any more.
            let _ = thread.join();
        }
    }
}
