//! `chatproof certify`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wildmatch::WildMatch;

use super::arguments::{CertifyArguments, Hardships, ProfileArgument, TransportArgument};
use super::github::Github;
use super::progress::Shown;
use super::{Failure, interrupt, protocol, recording, target, tokens};
use crate::certify::{
    self, Attestation, Case, Cases, Certification, CertifyError, Options, Place, Profile, Venue, Waivers,
};
use crate::engine::Credentials;
use crate::observe::{Clock, Moment, Observation, Observer};
use crate::protocol::{Dialect, Protocol, RequirementId, Transport};
use crate::reference::{Defect, Hardship, Server, ServerOptions, Timing};
use crate::report::certificate::{self, CertifyMeta};
use crate::report::{self, Style};
use crate::session::{IdSource, PingStyle, SessionContext, Target, Token};
use crate::traffic::Client;
use crate::verdict::ExitCode as Code;

/// Columns of the terminal report.
const WIDTH: usize = 100;
/// Cases that run at the same time against servers of their own.
const AT_ONCE: usize = 8;

pub(super) fn certify(arguments: &CertifyArguments, github: &Github) -> Result<Code, Failure> {
    let protocol = Arc::new(protocol(arguments.schemas.as_deref())?);
    let cases = match &arguments.cases {
        Some(folder) => Cases::from_dir(folder, &protocol).map_err(|error| Failure::new(Code::Input, error))?,
        None => Cases::embedded(&protocol).map_err(|error| Failure::new(Code::Internal, error))?,
    };
    let waivers = match &arguments.waivers {
        Some(path) => Some(read_waivers(path, &protocol)?),
        None => None,
    };
    let mut options = options(arguments, &protocol)?;
    let interrupt = interrupt::install()?;
    let folder = report_folder(arguments)?;
    options.capture = recording::begin(arguments.record.as_deref(), Client::Ours)?;
    let (venue, name) = venue(arguments, &protocol, &cases, &options.dialects)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Internal, error))?;
    let (begun, started) = (std::time::Instant::now(), jiff::Timestamp::now());
    let performed = runtime.block_on(async {
        venue.knock(&name, &cases, &options).await?;
        let _shown = Shown::certification(&options.done, arguments.show.quiet);
        certify::certify(&cases, &options, Arc::new(venue), interrupt.clone()).await.map_err(|error| match error {
            CertifyError::Venue(_) => Failure::new(Code::Unreachable, error),
            _ => Failure::new(Code::Internal, error),
        })
    });
    let mut certification = performed?;
    let unrecorded = recording::end(options.capture.as_ref(), Moment::default() + begun.elapsed());
    let stale = waivers.and_then(|waivers| waivers.apply(&mut certification).err());
    let meta = CertifyMeta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        target: name,
        started: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        duration: begun.elapsed(),
    };
    write_reports(&folder, &certification, &meta, (&protocol, &cases))?;
    let mut text = Vec::new();
    let style = Style { color: super::color(&std::io::stdout()), width: WIDTH };
    certificate::terminal(&certification, &meta, &mut text, style).map_err(|e| Failure::new(Code::Internal, e))?;
    super::print(&String::from_utf8_lossy(&text));
    super::say(&format!("reports: {}", folder.display()));
    github.tell(|| report::github::certificate(&certification, &meta));
    match stale {
        Some(error) => Err(Failure::new(Code::Input, error)),
        None if interrupt.is_cancelled() => Ok(Code::Interrupted),
        None => unrecorded.and(Ok(Code::from(certification.accepted))),
    }
}

fn options(arguments: &CertifyArguments, protocol: &Protocol) -> Result<Options, Failure> {
    let usage = |text: String| Failure::new(Code::Usage, text);
    let mut dialects: Vec<Arc<Dialect>> = Vec::new();
    for name in &arguments.dialect {
        dialects.push(protocol.dialect(name).map_err(|error| usage(error.to_string()))?.clone());
    }
    let transport = match arguments.transport {
        TransportArgument::Websocket => Transport::Websocket,
        TransportArgument::Socketio => Transport::Socketio,
    };
    let all: Vec<Arc<Dialect>> = protocol.dialects().cloned().collect();
    let asked = if dialects.is_empty() { all.clone() } else { dialects };
    let (mut dialects, without) = match transport {
        Transport::Socketio => asked.into_iter().partition(|dialect| !dialect.catalog.rtm.socketio.is_empty()),
        Transport::Websocket | Transport::Web => (asked, Vec::new()),
    };
    if !without.is_empty() {
        let no_path = format!("the documents of {} have no path for socket.io", names(&without));
        if dialects.is_empty() || !arguments.dialect.is_empty() {
            let all = all.iter().filter(|dialect| !dialect.catalog.rtm.socketio.is_empty());
            let all: Vec<Arc<Dialect>> = all.cloned().collect();
            return Err(usage(match all.is_empty() {
                true => format!("--transport socketio: {no_path}"),
                false => format!("--transport socketio: {no_path}; those of {} have one", names(&all)),
            }));
        }
        super::say(&format!("left out: {no_path}"));
    }
    let mut chosen = BTreeSet::new();
    for pattern in &arguments.only {
        let matcher = WildMatch::new(pattern);
        let ids = dialects.iter().flat_map(|dialect| dialect.requirements.keys());
        let matching: Vec<RequirementId> = ids.filter(|id| matcher.matches(&id.to_string())).cloned().collect();
        if matching.is_empty() {
            return Err(usage(format!("--only {pattern}: no requirement of {} has such an id", names(&dialects))));
        }
        chosen.extend(matching);
    }
    if !chosen.is_empty() {
        dialects.retain(|dialect| dialect.requirements.keys().any(|id| chosen.contains(id)));
    }
    Ok(Options {
        dialects,
        only: (!chosen.is_empty()).then_some(chosen),
        profile: match arguments.profile {
            ProfileArgument::Literal => Profile::Literal,
            ProfileArgument::Consensus => Profile::Consensus,
            ProfileArgument::Strict => Profile::Strict,
        },
        transport,
        quick: arguments.quick,
        allow_missing: arguments.allow_missing,
        seed: arguments.seed,
        capture: None,
        done: Arc::default(),
    })
}

fn names(dialects: &[Arc<Dialect>]) -> String {
    dialects.iter().map(|dialect| dialect.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn read_waivers(path: &Path, protocol: &Protocol) -> Result<Waivers, Failure> {
    let unusable = |reason: String| Failure::new(Code::Input, format!("waivers file {}: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    let today = jiff::Zoned::now().date();
    Waivers::parse(&text, protocol, today).map_err(|error| unusable(error.to_string()))
}

/// Where the cases take place.
enum Stand {
    /// Each against a reference server of its own, so that they cannot disturb each other.
    Embedded { seed: u64, defects: Vec<Defect>, hardships: Vec<Hardship>, protocol: Arc<Protocol>, license_id: u64 },
    /// All against the same server.
    Elsewhere { target: Arc<Target>, credentials: Arc<Credentials> },
}

fn venue(
    arguments: &CertifyArguments,
    protocol: &Arc<Protocol>,
    cases: &Cases,
    dialects: &[Arc<Dialect>],
) -> Result<(Stand, String), Failure> {
    match (&arguments.aim.target, &arguments.aim.token_file) {
        (Some(url), Some(token_file)) => {
            let target = Target::parse(url, arguments.aim.license_id).map_err(|e| Failure::new(Code::Usage, e))?;
            let pools = tokens::read(token_file)?;
            enough(&pools, cases, dialects, arguments.quick)?;
            let name = target.peer();
            let credentials = Arc::new(Credentials::of_pools(pools));
            Ok((Stand::Elsewhere { target: Arc::new(target), credentials }, name))
        }
        _ => {
            let (defects, hardships) = (arguments.aim.defect.clone(), Hardships::of(&arguments.aim.hardship));
            let name = target::embedded_name(&defects, &hardships);
            let (seed, protocol, license_id) = (arguments.seed, protocol.clone(), arguments.aim.license_id);
            Ok((Stand::Embedded { seed, defects, hardships, protocol, license_id }, name))
        }
    }
}

/// The pools must have as many tokens as cases may use at the same time: all slow ones, and one other.
fn enough(
    pools: &BTreeMap<String, Vec<Token>>,
    cases: &Cases,
    dialects: &[Arc<Dialect>],
    quick: bool,
) -> Result<(), Failure> {
    let mut slow: BTreeMap<String, usize> = BTreeMap::new();
    let mut most: BTreeMap<String, usize> = BTreeMap::new();
    for case in dialects.iter().flat_map(|dialect| cases.of(&dialect.name)) {
        for (pool, count) in case.tokens() {
            if case.slow && !quick {
                *slow.entry(pool).or_default() += count;
            } else if !case.slow {
                let most = most.entry(pool).or_default();
                *most = count.max(*most);
            }
        }
    }
    for pool in slow.keys().chain(most.keys()) {
        let needed = slow.get(pool).unwrap_or(&0) + most.get(pool).unwrap_or(&0);
        let there = pools.get(pool).map_or(0, Vec::len);
        if there < needed {
            let text =
                format!("the token file has {there} tokens in the pool `{pool}`; this certification needs {needed}");
            return Err(Failure::new(Code::Input, text));
        }
    }
    Ok(())
}

impl Stand {
    /// So that a certification of nothing ends at once.
    async fn knock(&self, name: &str, cases: &Cases, options: &Options) -> Result<(), Failure> {
        let Self::Elsewhere { target, .. } = self else { return Ok(()) };
        let http = reqwest::Client::builder().build().map_err(|error| Failure::new(Code::Internal, error))?;
        for dialect in &options.dialects {
            let Some(case) = cases.of(&dialect.name).first() else { continue };
            let context = SessionContext {
                target: target.clone(),
                dialect: dialect.clone(),
                observer: Arc::new(Nobody),
                clock: Clock::start(),
                ids: IdSource::default(),
                http: http.clone(),
                pings: PingStyle::default(),
            };
            target::knock(name, &case.over(options.transport).scenario, &context).await?;
        }
        Ok(())
    }
}

/// Nobody is told about the first knock.
struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: &Observation<'_>) {}
}

impl Venue for Stand {
    fn open<'a>(&'a self, case: &'a Case) -> Pin<Box<dyn Future<Output = Result<Place, String>> + Send + 'a>> {
        Box::pin(async move {
            match self {
                Self::Elsewhere { target, credentials } => {
                    Ok(Place { target: target.clone(), credentials: credentials.clone(), keep: Box::new(()) })
                }
                Self::Embedded { seed, defects, hardships, protocol, license_id } => {
                    let options = ServerOptions {
                        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                        seed: *seed,
                        defects: defects.clone(),
                        hardships: hardships.clone(),
                        protocol: protocol.clone(),
                        timing: Timing::default(),
                    };
                    let server = Server::bind(options).await.map_err(|error| error.to_string())?;
                    let url = format!("http://{}", server.addr());
                    let target = Target::parse(&url, *license_id).map_err(|error| error.to_string())?;
                    let stop = CancellationToken::new();
                    tokio::spawn(server.run(stop.clone().cancelled_owned()));
                    let credentials = Arc::new(Credentials::invented(&case.scenario, *seed));
                    Ok(Place { target: Arc::new(target), credentials, keep: Box::new(stop.drop_guard()) })
                }
            }
        })
    }

    fn at_once(&self) -> usize {
        match self {
            Self::Embedded { .. } => AT_ONCE,
            Self::Elsewhere { .. } => 1,
        }
    }
}

/// Makes the folder first: what cannot be reported need not be run.
fn report_folder(arguments: &CertifyArguments) -> Result<PathBuf, Failure> {
    let folder = arguments.report.clone().unwrap_or_else(|| {
        Path::new("reports/runs").join(jiff::Zoned::now().strftime("%Y%m%d-%H%M%S-certify").to_string())
    });
    fs::create_dir_all(&folder).map_err(|error| {
        Failure::new(Code::Usage, format!("cannot make the report folder {}: {error}", folder.display()))
    })?;
    Ok(folder)
}

fn write_reports(
    folder: &Path,
    certification: &Certification,
    meta: &CertifyMeta,
    (protocol, cases): (&Protocol, &Cases),
) -> Result<(), Failure> {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes)
            .map_err(|error| Failure::new(Code::Internal, format!("cannot write {}: {error}", path.display())))
    };
    let render = |rendered: std::io::Result<()>, bytes: Vec<u8>| {
        rendered.map(|()| bytes).map_err(|error| Failure::new(Code::Internal, error))
    };
    let mut json = Vec::new();
    let done = certificate::json(certification, meta, &mut json);
    let json = render(done, json)?;
    let mut junit = Vec::new();
    let done = certificate::junit(certification, meta, &mut junit);
    let junit = render(done, junit)?;
    let mut text = Vec::new();
    let done = certificate::terminal(certification, meta, &mut text, Style { color: false, width: WIDTH });
    let text = render(done, text)?;
    let mut page = Vec::new();
    let done = certificate::html(certification, meta, &mut page);
    let page = render(done, page)?;
    let mut history = certification.history.join("\n").into_bytes();
    history.push(b'\n');
    let attestation =
        Attestation::new(certification, protocol, (&meta.target, &meta.started), cases.hash(), (&json, &history));
    let mut attested = Vec::new();
    let done = serde_json::to_writer_pretty(&mut attested, &attestation).map_err(std::io::Error::other);
    let attested = render(done, attested)?;
    write("certificate.json", &json)?;
    write("report.html", &page)?;
    write("junit.xml", &junit)?;
    write("certificate.txt", &text)?;
    write("history.ndjson", &history)?;
    write("attestation.json", &attested)
}
