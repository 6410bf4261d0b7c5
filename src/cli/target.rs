//! Whom a run talks to: the embedded reference server, or somebody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::arguments::{AimArguments, Hardships};
use super::{Failure, tokens};
use crate::engine::Credentials;
use crate::load::Share;
use crate::observe::{Clock, Observation, Observer};
use crate::protocol::{DialectName, Protocol, Transport};
use crate::reference::{Defect, Hardship, Server, ServerOptions, Timing};
use crate::scenario::Scenario;
use crate::session::{IdSource, PingStyle, RtmSession, SessionContext, Target, Token};
use crate::verdict::ExitCode as Code;

/// A server to talk to.
pub(super) struct Aim {
    target: Arc<Target>,
    /// How reports call it.
    pub name: String,
    /// The tokens of a file; the embedded server takes any.
    tokens: Option<BTreeMap<String, Vec<Token>>>,
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
    pub fn take(arguments: &AimArguments, seed: u64, protocol: &Arc<Protocol>) -> Result<Self, Failure> {
        match (&arguments.target, &arguments.token_file) {
            (Some(url), Some(token_file)) => {
                let target = Target::parse(url, arguments.license_id).map_err(|e| Failure::new(Code::Usage, e))?;
                let tokens = Some(tokens::read(token_file)?);
                let name = target.peer();
                Ok(Self { target: Arc::new(target), name, tokens, embedded_at: None, _embedded: None })
            }
            _ => {
                let (defects, hardships) = (arguments.defect.clone(), Hardships::of(&arguments.hardship));
                let (addr, embedded) = Embedded::start((defects, hardships), seed, protocol.clone())?;
                Self::embedded(format!("http://{addr}"), arguments, Some(embedded))
            }
        }
    }

    /// The embedded server of the process that leads this one.
    pub fn of_leader(url: &str, arguments: &AimArguments) -> Result<Self, Failure> {
        Self::embedded(url.to_owned(), arguments, None)
    }

    fn embedded(url: String, arguments: &AimArguments, embedded: Option<Embedded>) -> Result<Self, Failure> {
        let target = Target::parse(&url, arguments.license_id).map_err(|e| Failure::new(Code::Internal, e))?;
        let name = embedded_name(&arguments.defect, &Hardships::of(&arguments.hardship));
        Ok(Self { target: Arc::new(target), name, tokens: None, embedded_at: Some(url), _embedded: embedded })
    }

    /// Tokens for a share of one run of the scenario. Other seeds make up other people.
    pub fn credentials(&self, scenario: &Scenario, seed: u64, share: Share) -> Result<Credentials, Failure> {
        let whole = match &self.tokens {
            Some(tokens) => Credentials::listed(scenario, tokens.clone()).map_err(|e| Failure::new(Code::Input, e))?,
            None => Credentials::invented(scenario, seed),
        };
        Ok(whole.of_share(share))
    }

    /// How sessions reach it, whose numbers begin after this one.
    pub fn session(&self, scenario: &Scenario, ids: IdSource) -> Result<SessionContext, Failure> {
        let Some(first) = scenario.load.populations.iter().flat_map(|population| &population.members).next() else {
            return Err(Failure::new(Code::Inconclusive, "the scenario has no population"));
        };
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        Ok(SessionContext {
            target: self.target.clone(),
            dialect: first.dialect.clone(),
            observer: Arc::new(Nobody),
            clock: Clock::start(),
            ids,
            http: http.map_err(|error| Failure::new(Code::Internal, error))?,
            pings: PingStyle::default(),
        })
    }

    /// See [`knock`].
    pub async fn knock(&self, scenario: &Scenario, context: &SessionContext) -> Result<(), Failure> {
        knock(&self.name, scenario, context).await
    }
}

/// Nobody is told about the first knock.
struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: &Observation<'_>) {}
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
