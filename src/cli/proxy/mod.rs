//! `chatproof proxy`.

mod arguments;
mod live;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub(super) use arguments::ProxyArguments;

use super::github::Github;
use super::observed::{self, Observed};
use super::{Failure, interrupt, protocol, recording, results};
use crate::observe::{Clock, ConnectionId, Moment, Observation, Observer};
use crate::protocol::Protocol;
use crate::proxy::{Aside, Choice, Fault, Hardship, Mode, Provoked, Provoker, Proxy, ProxyOptions};
use crate::record::{Checklist, Ledger, Provocation, Recorder, Tally};
use crate::session::{Target, Trust};
use crate::traffic::{CaptureWriter, Client};
use crate::verdict::ExitCode as Code;
use live::Live;

/// How often what is new is shown, and what can be judged by now is judged.
const TICK: Duration = Duration::from_secs(1);

pub(super) fn proxy(arguments: &ProxyArguments) -> Result<Code, Failure> {
    let protocol = Arc::new(protocol(arguments.schemas.as_deref())?);
    // Clients name their licence themselves.
    let upstream = Target::parse(&arguments.upstream, 0).map_err(|error| Failure::new(Code::Usage, error))?;
    let trust = arguments.upstream_ca.as_deref().map(Trust::and_file).transpose();
    let trust = trust.map_err(|error| Failure::new(Code::Input, error))?.unwrap_or_default();
    let interrupt = interrupt::install()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Internal, error))?;
    let folder = results::folder(arguments.report.as_deref(), "proxy")?;
    let capture = recording::begin(arguments.record.as_deref(), Client::Observed)?;
    let target = upstream.peer();
    let (started, clock) = (jiff::Timestamp::now(), Clock::start());
    let checklist = Arc::new(Checklist::default());
    let relayed = relay(arguments, protocol, (upstream, trust), (clock, capture.as_ref(), &checklist), &interrupt);
    let (tally, aside) = runtime.block_on(relayed)?;
    let recorded = recording::end(capture.as_ref(), clock.now());
    let observed = Observed {
        name: "proxy".to_owned(),
        about: "What passed between clients and a server.".to_owned(),
        source: arguments.listen.to_string(),
        target,
        dialects: tally.dialects.keys().map(ToString::to_string).collect(),
        seed: arguments.seed,
        started: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        duration: clock.now().since(Moment::default()),
        client: Client::Observed,
        tally,
        checklist: arguments.checklist.then(|| checklist.outcomes(clock.now())),
        notes: notes(&aside),
    };
    let code = observed::conclude(observed, &folder, &Github::default())?;
    recorded?;
    Ok(if code == Code::Inconclusive && aside.unanswered > 0 { Code::Unreachable } else { code })
}

/// What a reader should know that was not observed.
fn notes(aside: &Aside) -> Vec<String> {
    let relayed = aside.not_judged.iter().map(|(what, count)| format!("relayed and not judged: {what} ({count})"));
    let unanswered = aside.reason.iter().map(|reason| {
        format!("{} requests got no answer because the server could not be asked; the last: {reason}", aside.unanswered)
    });
    let too_many = Some(aside.too_many).filter(|count| *count > 0).map(|count| {
        format!("{count} connections of clients were closed at once, because so many were open as the proxy holds")
    });
    unanswered.chain(too_many).chain(relayed).collect()
}

/// Relays until its time is over, or somebody ends it.
async fn relay(
    arguments: &ProxyArguments,
    protocol: Arc<Protocol>,
    (upstream, trust): (Target, Trust),
    (clock, capture, checklist): (Clock, Option<&CaptureWriter>, &Arc<Checklist>),
    interrupt: &CancellationToken,
) -> Result<(Tally, Aside), Failure> {
    let recorder = Arc::new(Recorder::new(Arc::new(Ledger::new())));
    let observer: Arc<dyn Observer> = Arc::new(Ears { recorder: recorder.clone(), checklist: checklist.clone() });
    let options = ProxyOptions {
        listen: arguments.listen,
        upstream,
        trust,
        protocol,
        observer: capture.map_or(observer.clone(), |capture| capture.beside(observer)),
        provoker: Arc::new(Provocations(checklist.clone())),
        clock,
        mode: Mode {
            enforce: arguments.enforce,
            trouble: Choice {
                hardships: arguments.hardship.concat(),
                faults: arguments.fault.concat(),
                seed: arguments.seed,
            },
        },
    };
    let proxy = Proxy::bind(options).await.map_err(|error| Failure::new(Code::Usage, error))?;
    super::say(&format!(
        "proxy on http://{} before {} (Ctrl-C ends it with a report)",
        proxy.addr(),
        arguments.upstream
    ));
    let stop = async {
        let end = async {
            match arguments.duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = end => {}
            () = interrupt.cancelled() => {}
        }
    };
    let (mut tally, mut live) = (Tally::default(), Live::default());
    let mut take = || {
        recorder.settle(clock.now());
        let new = recorder.take();
        live.lines(&new.violations).iter().for_each(|line| super::say(line));
        tally.merge(new);
    };
    let running = proxy.run(stop);
    tokio::pin!(running);
    let aside = loop {
        tokio::select! {
            aside = &mut running => break aside,
            () = tokio::time::sleep(TICK) => take(),
        }
    };
    take();
    Ok((tally, aside))
}

/// Whoever listens to everything.
struct Ears {
    recorder: Arc<Recorder>,
    checklist: Arc<Checklist>,
}

impl Observer for Ears {
    fn observe(&self, observation: &Observation<'_>) {
        self.recorder.observe(observation);
        self.checklist.observe(observation);
    }
}

/// What clients are put through, in the words of the checklist.
struct Provocations(Arc<Checklist>);

impl Provoker for Provocations {
    fn provoked(&self, at: Moment, connection: ConnectionId, what: Provoked) {
        let what = match what {
            Provoked::Hardship(hardship) => match hardship {
                Hardship::ShuffledPushes => Provocation::ReorderedPushes,
                Hardship::SlowAnswers => Provocation::SlowAnswer,
                Hardship::PushBeforeResponse => Provocation::PushBeforeResponse,
                Hardship::DuplicatePushes => Provocation::DuplicatePush,
                Hardship::UnknownPushes => Provocation::UnknownPush,
                Hardship::UnknownMembers => Provocation::UnknownMember,
                Hardship::Disconnects => Provocation::Disconnect,
            },
            Provoked::Fault(fault) => match fault {
                Fault::DroppedConnection => Provocation::Disconnect,
                Fault::Silence => Provocation::SlowAnswer,
                Fault::MalformedFrame => Provocation::MalformedFrame,
                // The conversation hears its answer.
                Fault::RequestTimeout => return,
            },
        };
        self.0.provoked(at, connection, what);
    }
}
