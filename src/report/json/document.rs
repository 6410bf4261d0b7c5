//! The shape of the JSON report, kept apart from the shape of a tally so that one can change without the other.

mod fill;
mod over_time;

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::super::Meta;
use crate::observe::{Closing, Direction, Grade, Side, ViolationKind};
use crate::protocol::Transport;
use crate::record;
use crate::verdict::{Judgement, ThresholdState};
use over_time::Intervals;

/// The number of this format. It rises when a reader of the former one could be misled; new members do not raise it.
const FORMAT: u32 = 1;

/// What a chatproof run found. Durations are in microseconds; moments are microseconds since the run started.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "chatproof report")]
pub(super) struct Document<'a> {
    /// The number of this format. It rises when a reader of the former one could be misled; new members do not raise it.
    #[schemars(extend("const" = FORMAT))]
    format: u32,
    meta: &'a Meta,
    verdict: Verdict<'a>,
    /// Requests by dialect, transport and action.
    requests: Vec<Requests<'a>>,
    /// Connections by dialect and transport.
    connections: Vec<Connections<'a>>,
    /// Pushes that arrived, by dialect and name.
    pushes: Vec<Pushes<'a>>,
    /// From a sender's actual send to the arrival of the push at another connection, by the receiver's dialect.
    delivery: Vec<Delivery<'a>>,
    ordering: Ordering,
    generator: Generator<'a>,
    actors: Actors,
    steps: Steps<'a>,
    /// What was done wrong, by kind.
    violations: Vec<Violations<'a>>,
    intervals: Intervals<'a>,
    /// What a client that is not ours was shown to cope with; null when that was not asked for.
    checklist: Option<Vec<Item<'a>>>,
}

/// How the run was judged.
#[derive(Serialize, JsonSchema)]
struct Verdict<'a> {
    #[schemars(schema_with = "judgements")]
    judgement: Judgement,
    /// Why, in words, the most important first.
    reasons: Vec<&'a str>,
    /// The scenario's thresholds in its order, then the rules that always hold.
    thresholds: Vec<Threshold<'a>>,
    /// What each side comes to; null where the client is ours, which is not judged.
    sides: Option<Sides>,
}

/// What each side comes to.
#[derive(Serialize, JsonSchema)]
struct Sides {
    #[schemars(schema_with = "judgements")]
    server: Judgement,
    #[schemars(schema_with = "judgements")]
    client: Judgement,
}

/// One threshold and what became of it.
#[derive(Serialize, JsonSchema)]
struct Threshold<'a> {
    /// In its canonical text, such as `send_event.response.p99 < 250ms`.
    text: &'a str,
    /// What was measured, for people; null when nothing was.
    observed: Option<&'a str>,
    #[schemars(schema_with = "states")]
    state: ThresholdState,
    /// Whether it is one of the rules that hold for every run.
    built_in: bool,
}

/// A distribution of durations.
#[derive(Serialize, JsonSchema)]
struct Latency<'a> {
    /// How many were counted.
    count: u64,
    mean_us: u64,
    p50_us: u64,
    p90_us: u64,
    p99_us: u64,
    /// The 99.9th percentile.
    p999_us: u64,
    max_us: u64,
    /// All of it, to merge with others: base64 of HdrHistogram's V2 format with deflate, 1 µs to 60 s, 3 digits.
    #[schemars(with = "String")]
    histogram: &'a record::Latency,
}

/// Requests of one action and their answers.
#[derive(Serialize, JsonSchema)]
struct Requests<'a> {
    dialect: &'a str,
    #[schemars(schema_with = "transports")]
    transport: Transport,
    action: &'a str,
    /// Requests that went out.
    sent: u64,
    /// Requests sent a second; null when the run took no time.
    rate_per_s: Option<f64>,
    /// Requests that were answered, in time or late.
    answered: u64,
    /// Answers that say success.
    succeeded: u64,
    /// Answers that say failure.
    failed: u64,
    /// Answers that say failure, by error type.
    errors: &'a BTreeMap<String, u64>,
    /// Requests without an answer within the documented limit.
    timeouts: u64,
    /// Answers after the documented limit.
    late: u64,
    /// Bytes of the requests.
    bytes_out: u64,
    /// Bytes of the answers.
    bytes_in: u64,
    /// From the intended moment of sending to the answer; null without answers.
    response: Option<Latency<'a>>,
    /// From the actual send to the answer; null without answers.
    service: Option<Latency<'a>>,
}

/// Connections of one dialect over one transport.
#[derive(Serialize, JsonSchema)]
struct Connections<'a> {
    dialect: &'a str,
    #[schemars(schema_with = "transports")]
    transport: Transport,
    /// Connections that were established.
    opened: u64,
    /// How connections ended: `by_us`, `by_client`, `by_server`, `dropped_by_client`, `broken` or `server_silent`.
    #[schemars(with = "BTreeMap<String, u64>")]
    closed: &'a BTreeMap<Closing, u64>,
    /// From the attempt to the finished handshake; null when none was established.
    connect: Option<Latency<'a>>,
}

/// Pushes of one name.
#[derive(Serialize, JsonSchema)]
struct Pushes<'a> {
    dialect: &'a str,
    push: &'a str,
    /// How many arrived.
    count: u64,
    /// Their bytes.
    bytes: u64,
}

/// Delivery of events to those who speak one dialect.
#[derive(Serialize, JsonSchema)]
struct Delivery<'a> {
    dialect: &'a str,
    time: Latency<'a>,
}

/// What the order ledger looked at. Reordering is told in the terms of RFC 4737.
#[derive(Serialize, JsonSchema)]
struct Ordering {
    /// Distinct events seen.
    events: u64,
    /// Distinct threads seen.
    threads: u64,
    /// First arrivals of an event by push, over all connections.
    arrivals: u64,
    /// Arrivals with a smaller `order` than one before, on the same connection in the same thread.
    reordered: u64,
    /// Reordered arrivals as a share of all, 0 to 1.
    reordered_ratio: f64,
    /// How many arrivals back the first larger `order` came, and how often.
    extents: Vec<Extent>,
    /// Pairs of an acknowledged event and a connection that had to see it.
    expected: u64,
    /// Of these, never seen there.
    lost: u64,
    /// Of these, impossible to judge.
    indeterminate: u64,
    /// Threads forgotten to keep memory bounded.
    evicted: u64,
}

/// How often an arrival was reordered by how much.
#[derive(Serialize, JsonSchema)]
struct Extent {
    /// Arrivals back; 32 stands for all that were further.
    back: u32,
    count: u64,
}

/// How well the generator kept to its schedule.
#[derive(Serialize, JsonSchema)]
struct Generator<'a> {
    /// Arrivals that were due.
    due: u64,
    /// Arrivals that started.
    started: u64,
    /// Arrivals that could not start when they were due.
    dropped: u64,
    /// From the due moment to the start; null when none started.
    lag: Option<Latency<'a>>,
    /// How late the worker threads got round to something that was due; null when there were none.
    delay: Option<Latency<'a>>,
    /// Processors that a process used on average; null where the system does not tell.
    cores: Option<f64>,
    /// How busy the machine's processors were, from 0 to 1; null where the system does not tell.
    machine: Option<f64>,
}

/// How the actors fared.
#[derive(Serialize, JsonSchema)]
struct Actors {
    /// Began to walk their steps.
    started: u64,
    /// Came to the end of them.
    finished: u64,
    /// Gave up because a step failed.
    failed: u64,
    /// Were stopped by the end of the run.
    interrupted: u64,
}

/// Steps that did not do what their scenario expects.
#[derive(Serialize, JsonSchema)]
struct Steps<'a> {
    /// How many.
    failed: u64,
    /// The earliest of them.
    failures: Vec<StepFailure<'a>>,
}

/// One step that failed.
#[derive(Serialize, JsonSchema)]
struct StepFailure<'a> {
    at_us: u64,
    /// Whose step.
    actor: &'a str,
    /// Which step.
    step: &'a str,
    /// Why, in words.
    reason: &'a str,
}

/// All violations of one kind.
#[derive(Serialize, JsonSchema)]
struct Violations<'a> {
    #[schemars(schema_with = "kinds")]
    kind: ViolationKind,
    /// Who does it.
    #[schemars(schema_with = "sides")]
    side: Side,
    #[schemars(schema_with = "grades")]
    grade: Grade,
    /// How many.
    count: u64,
    /// The earliest of them.
    samples: Vec<Sample<'a>>,
}

/// One violation.
#[derive(Serialize, JsonSchema)]
struct Sample<'a> {
    /// When it was noticed.
    at_us: u64,
    /// Number of the connection.
    connection: u64,
    dialect: &'a str,
    #[schemars(schema_with = "transports")]
    transport: Transport,
    /// The action or push concerned.
    action: Option<&'a str>,
    /// The sentence of the documents that it breaks.
    requirement: Option<String>,
    /// Document and line of the rule or of the schema's constraint.
    source: Option<&'a str>,
    /// JSON pointer into the payload.
    pointer: Option<&'a str>,
    /// The JSON Schema keyword that failed.
    keyword: Option<&'a str>,
    /// What the documents ask for.
    expected: &'a str,
    /// What came instead.
    got: &'a str,
    /// The connection's last frames, oldest first.
    transcript: Vec<Frame<'a>>,
    /// What this connection and another one were told of the thread, where it is about the order of events; null elsewhere.
    observers: Option<&'a record::SideBySide>,
}

/// One frame, its secrets replaced.
#[derive(Serialize, JsonSchema)]
struct Frame<'a> {
    at_us: u64,
    #[schemars(schema_with = "directions")]
    direction: Direction,
    text: &'a str,
}

/// Something that a client can be shown to cope with.
#[derive(Serialize, JsonSchema)]
struct Item<'a> {
    #[schemars(schema_with = "items")]
    item: record::Item,
    /// What is looked at, in a sentence.
    about: &'a str,
    #[schemars(schema_with = "item_states")]
    state: record::ItemState,
    /// How often it was shown.
    shown: u64,
    /// How often it was broken.
    broken: u64,
    /// The first times that it was broken.
    findings: Vec<Finding<'a>>,
}

/// One time that a client did not cope.
#[derive(Serialize, JsonSchema)]
struct Finding<'a> {
    /// When it was noticed.
    at_us: u64,
    /// Number of the connection.
    connection: u64,
    /// What happened, in a sentence.
    what: &'a str,
    /// The connection's last frames, oldest first.
    transcript: Vec<Frame<'a>>,
}

fn names(names: &[&str]) -> Schema {
    json_schema!({ "type": "string", "enum": names })
}

fn judgements(_: &mut SchemaGenerator) -> Schema {
    names(&["passed", "non_strict", "failed", "inconclusive"])
}

fn states(_: &mut SchemaGenerator) -> Schema {
    names(&["held", "broken", "unmeasured"])
}

fn transports(_: &mut SchemaGenerator) -> Schema {
    names(&["websocket", "socketio", "web"])
}

fn sides(_: &mut SchemaGenerator) -> Schema {
    names(&["server", "client"])
}

fn grades(_: &mut SchemaGenerator) -> Schema {
    names(&["info", "non_strict", "fail"])
}

fn directions(_: &mut SchemaGenerator) -> Schema {
    names(&["to_server", "to_client"])
}

fn items(_: &mut SchemaGenerator) -> Schema {
    names(&record::Item::ALL.iter().map(|item| item.name()).collect::<Vec<_>>())
}

fn item_states(_: &mut SchemaGenerator) -> Schema {
    names(&["shown", "broken", "not_exercised"])
}

fn kinds(_: &mut SchemaGenerator) -> Schema {
    names(&ViolationKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>())
}
