//! Small runs, built by hand, that the reports are tested with.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Meta, RunReport};
use crate::observe::{Closing, ConnectionId, Direction, Moment, TranscriptFrame, Violation, ViolationKind};
use crate::protocol::{RequirementId, Transport};
use crate::record::{
    ActionTally, Actors, DialectTally, Effort, Finding, Item, ItemOutcome, ItemState, Latency, Ordering, PushTally,
    Schedule, Sequence, SideBySide, StepFailure, Steps, Stretch, Tally, Timeline, Told, TransportTally, Turnover,
};
use crate::verdict::{Concern, Judgement, Reason, ThresholdOutcome, ThresholdState, Verdict};

pub struct Run {
    pub meta: Meta,
    pub tally: Tally,
    pub verdict: Verdict,
    pub checklist: Option<Vec<ItemOutcome>>,
}

impl Run {
    pub fn report(&self) -> RunReport<'_> {
        let checklist = self.checklist.as_deref();
        RunReport { meta: &self.meta, tally: &self.tally, verdict: &self.verdict, checklist }
    }
}

/// Colours, a cleared screen, a title, a bell, C1, right-to-left, an end of a comment and of CDATA.
pub const HOSTILE: &str =
    "\u{1b}[31mred\u{1b}[2J\u{1b}]0;title\u{7}\r\n\t\u{9b}1m\u{202e}txt.exe\u{7f}\u{0}]]><script>&quot;--></failure>";

/// Everything as documented, in two dialects.
pub fn passing() -> Run {
    let mut tally = Tally { first: Some(Moment(0)), last: Some(Moment(30_000_000_000)), ..Tally::default() };
    let actions = [("login", 150, 2_400), ("send_event", 1_800, 900), ("start_chat", 150, 5_100)];
    tally.dialects.insert("customer/v0.3".into(), dialect(150, &actions, 2_110));
    let mut agents = dialect(10, &[("login", 10, 3_100), ("send_event", 1_750, 1_050)], 4_021);
    let web =
        TransportTally { actions: [action("get_chats_summary", 240, 12_300)].into(), ..TransportTally::default() };
    agents.transports.insert(Transport::Web, web);
    tally.dialects.insert("agent/v3.0".into(), agents);
    tally.ordering = Ordering {
        events: 3_700,
        threads: 150,
        arrivals: 5_210,
        reordered: 16,
        extents: BTreeMap::from([(1, 14), (3, 2)]),
        expected: 3_550,
        lost: 0,
        indeterminate: 4,
        evicted: 0,
    };
    tally.schedule =
        Schedule { due: 160, started: 160, dropped: 0, exhausted: 0, lag: spread(160, 40), delay: spread(3_000, 20) };
    tally.effort = Effort { elapsed_us: 30_000_000, cpu_us: 21_600_000, machine_us: 17_100_000 };
    let over_time = turnover(&[(0, 40, 0), (1, 80, 10), (12, 40, 70), (29, 0, 80)]);
    tally.actors = Actors { started: 160, finished: 148, failed: 0, interrupted: 12, over_time };
    let thresholds = vec![
        threshold("send_event.response.p99 < 250ms", Some("2.49ms"), ThresholdState::Held),
        threshold("violations == 0", Some("0"), ThresholdState::Held),
        ThresholdOutcome { built_in: true, ..threshold("timeouts == 0", Some("0"), ThresholdState::Held) },
    ];
    Run {
        meta: meta(),
        tally,
        verdict: Verdict { judgement: Judgement::Passed, reasons: Vec::new(), thresholds, sides: None },
        checklist: None,
    }
}

/// Violations of all three grades, errors, timeouts, failed steps, broken and unmeasured thresholds.
pub fn failing() -> Run {
    let mut run = passing();
    run.meta.interrupted = true;
    run.meta.notes = vec!["web population: 3 slots were still busy when the run ended".into()];
    let customers = run.tally.dialects.get_mut("customer/v0.3").unwrap();
    let websocket = customers.transports.get_mut(&Transport::Websocket).unwrap();
    websocket.closings = BTreeMap::from([(Closing::ByUs, 148), (Closing::Broken, 2)]);
    let send = websocket.actions.get_mut("send_event").unwrap();
    send.timeouts = 3;
    send.late = 1;
    send.succeeded -= 5;
    let stretch = send.over_time.at(second(12));
    stretch.failed = 5;
    stretch.timeouts = 3;
    send.errors = BTreeMap::from([("validation".to_owned(), 4), ("internal".to_owned(), 1)]);
    run.tally.ordering.lost = 2;
    run.tally.schedule.dropped = 7;
    run.tally.actors.failed = 2;
    run.tally.steps = Steps {
        failed: 2,
        failures: vec![StepFailure {
            at: Moment(4_250_000_000),
            actor: "customer 17".into(),
            step: "await_push incoming_event".into(),
            reason: "nothing that matches came within 5s".into(),
        }],
    };
    for _ in 0..2 {
        run.tally.violations.add(violation(ViolationKind::WrongType, "an integer", "\"17\""), frames);
    }
    let of_no_member = |violation| Violation { pointer: None, keyword: None, ..violation };
    let unanswered = violation(ViolationKind::NoAnswer, "an answer within 15s", "none");
    run.tally.violations.add(of_no_member(unanswered), frames);
    let twice = violation(ViolationKind::DuplicatePush, "one push of event T1_4", "a second one");
    run.tally.violations.add(Violation { requirement: None, ..of_no_member(twice) }, Vec::new);
    let reordered = violation(ViolationKind::ReorderedDelivery, "order 7 or more", "order 4");
    let reordered = Violation { source: None, ..of_no_member(reordered) };
    run.tally.violations.add_between(reordered, || (Vec::new(), Some(two_orders())));
    run.verdict = Verdict {
        judgement: Judgement::Failed,
        reasons: vec![
            reason(
                Concern::Violation(ViolationKind::WrongType),
                "2 × wrong_type: send_event: expected an integer at `/event/order`, got \"17\"",
            ),
            reason(
                Concern::Violation(ViolationKind::NoAnswer),
                "1 × no_answer: send_event: expected an answer within 15s, got none",
            ),
            reason(
                Concern::Steps,
                "2 × a step failed: customer 17, await_push incoming_event: nothing that matches came within 5s",
            ),
            reason(
                Concern::Threshold(ThresholdState::Broken),
                "`send_event.response.p99 < 2ms` does not hold: it was 2.49ms",
            ),
            reason(Concern::Threshold(ThresholdState::Broken), "`timeouts == 0` does not hold: it was 3"),
        ],
        thresholds: vec![
            threshold("send_event.response.p99 < 2ms", Some("2.49ms"), ThresholdState::Broken),
            threshold("violations == 0", Some("3"), ThresholdState::Broken),
            threshold("dropped <= 10", Some("7"), ThresholdState::Held),
            threshold("close_thread.response.p99 < 500ms", None, ThresholdState::Unmeasured),
            ThresholdOutcome { built_in: true, ..threshold("timeouts == 0", Some("3"), ThresholdState::Broken) },
        ],
        sides: None,
    };
    run
}

/// A run that checked nothing.
pub fn empty() -> Run {
    let meta = Meta { about: String::new(), load: Vec::new(), duration: Duration::ZERO, ..meta() };
    let verdict = Verdict {
        judgement: Judgement::Inconclusive,
        reasons: vec![reason(Concern::Silence, "nothing was checked: no request was answered and no push arrived")],
        thresholds: Vec::new(),
        sides: None,
    };
    Run { meta, tally: Tally::default(), verdict, checklist: None }
}

/// Traffic of a foreign client and server that was watched; both did something wrong.
pub fn observed() -> Run {
    let meta = Meta {
        scenario: "shop.har".into(),
        about: "recorded traffic".into(),
        file: "shop.har".into(),
        load: Vec::new(),
        workers: 0,
        ..meta()
    };
    let mut run = Run { meta, ..passing() };
    let before =
        Violation { pointer: None, keyword: None, ..violation(ViolationKind::RequestBeforeLogin, "a login", "none") };
    run.tally.violations.add(before, frames);
    run.tally
        .violations
        .add(violation(ViolationKind::MissingPing, "a ping every 60 s", "nothing for 61.0 s"), Vec::new);
    run.tally
        .violations
        .add(violation(ViolationKind::DuplicatePush, "one push of event T1_4", "a second one"), Vec::new);
    let item = |item, shown, broken, findings| {
        let state = match (shown, broken) {
            (0, 0) => ItemState::NotExercised,
            (_, 0) => ItemState::Shown,
            _ => ItemState::Broken,
        };
        ItemOutcome { item, state, shown, broken, findings }
    };
    let gone = Finding {
        at: Moment(2_000_000_000),
        connection: ConnectionId(17),
        what: "it was gone without a closing frame".into(),
        frames: frames(),
    };
    run.checklist = Some(vec![
        item(Item::Reconnects, 2, 0, Vec::new()),
        item(Item::TakesUnknownPushes, 0, 0, Vec::new()),
        item(Item::ClosesCleanly, 3, 1, vec![gone]),
    ]);
    run.verdict = crate::verdict::judge_observed(&run.tally, run.meta.duration);
    run
}

/// A peer that answers with what terminals and XML readers obey, wherever a peer has a say.
pub fn hostile() -> Run {
    let mut run = failing();
    run.tally.violations = Default::default();
    let violation = Violation {
        action: Some(HOSTILE.into()),
        pointer: Some(format!("/{HOSTILE}")),
        source: Some(HOSTILE.into()),
        ..violation(ViolationKind::WrongValue, HOSTILE, HOSTILE)
    };
    let frame = TranscriptFrame { at: Moment(0), direction: Direction::ToClient, text: HOSTILE.into() };
    run.tally.violations.add(violation, || vec![frame]);
    for tally in run.tally.dialects.values_mut() {
        tally.pushes.insert(HOSTILE.into(), PushTally { count: 1, bytes: 1, ..PushTally::default() });
        for transport in tally.transports.values_mut() {
            transport.actions.insert(HOSTILE.into(), ActionTally { sent: 1, timeouts: 1, ..ActionTally::default() });
            for action in transport.actions.values_mut() {
                action.errors.insert(HOSTILE.into(), 1);
            }
        }
    }
    run.tally.steps.failures[0].reason = HOSTILE.into();
    run.verdict.reasons.push(reason(Concern::Steps, HOSTILE));
    run.verdict.thresholds[0].observed = Some(HOSTILE.into());
    run.meta.target = HOSTILE.into();
    run.meta.notes.push(HOSTILE.into());
    run
}

fn meta() -> Meta {
    Meta {
        version: "0.1.0".into(),
        scenario: "support-desk".into(),
        about: "Customers arrive with a question; agents answer.".into(),
        file: "scenarios/support-desk.yaml".into(),
        target: "embedded reference server".into(),
        dialects: vec!["agent/v3.0".into(), "customer/v0.3".into()],
        seed: 42,
        started: "2026-01-02T03:04:05Z".into(),
        duration: Duration::from_millis(30_000),
        load: vec!["customers: 5 arrivals/s (Poisson) for 30s".into(), "agents: 10 standing".into()],
        cores: 2,
        workers: 2,
        interrupted: false,
        notes: Vec::new(),
    }
}

fn dialect(connections: u64, actions: &[(&str, u64, u64)], pushes: u64) -> DialectTally {
    let transport = TransportTally {
        opened: connections,
        closings: BTreeMap::from([(Closing::ByUs, connections)]),
        connect: spread(connections, 600),
        actions: actions.iter().map(|&(name, count, middle)| action(name, count, middle)).collect(),
        over_time: turnover(&[(0, connections / 2, 0), (12, connections - connections / 2, 0), (29, 0, connections)]),
    };
    DialectTally {
        transports: BTreeMap::from([(Transport::Websocket, transport)]),
        pushes: BTreeMap::from([(
            "incoming_event".to_owned(),
            PushTally { count: pushes, bytes: 300 * pushes, over_time: arrivals(pushes) },
        )]),
        delivery: spread(pushes, 1_400),
    }
}

fn action(name: &str, count: u64, middle: u64) -> (String, ActionTally) {
    let tally = ActionTally {
        sent: count,
        answered: count,
        succeeded: count,
        bytes_out: 200 * count,
        bytes_in: 400 * count,
        response: spread(count, middle),
        service: spread(count, middle - middle / 20),
        over_time: stretches(count, middle),
        ..ActionTally::default()
    };
    (name.to_owned(), tally)
}

/// Seconds of the run in which something is answered.
const BUSY: [u64; 4] = [0, 1, 12, 29];

/// The same durations over time.
fn stretches(count: u64, middle: u64) -> Timeline<Stretch> {
    let mut timeline = Timeline::<Stretch>::default();
    for n in 0..count {
        let stretch = timeline.at(second(BUSY[n as usize % BUSY.len()]));
        stretch.answered += 1;
        stretch.response.record(nth(n, middle));
    }
    timeline
}

/// Who came and who went, by the second.
fn turnover(seconds: &[(u64, u64, u64)]) -> Timeline<Turnover> {
    let mut timeline = Timeline::default();
    for &(at, came, went) in seconds {
        *timeline.at(second(at)) = Turnover { came, went };
    }
    timeline
}

fn arrivals(count: u64) -> Timeline<u64> {
    let mut timeline = Timeline::default();
    for at in BUSY {
        *timeline.at(second(at)) += count / 4;
    }
    *timeline.at(second(0)) += count % 4;
    timeline
}

fn second(second: u64) -> Moment {
    Moment(second * 1_000_000_000)
}

/// A tally of one action, answered in these seconds after so many microseconds; the run's last moment is `last`.
pub fn answered(answers: &[(u64, u64)], last: Moment) -> Tally {
    let mut tally = ActionTally::default();
    for &(at, micros) in answers {
        let response = Duration::from_micros(micros);
        tally.sent += 1;
        tally.answered += 1;
        tally.succeeded += 1;
        tally.response.record(response);
        let stretch = tally.over_time.at(second(at));
        stretch.answered += 1;
        stretch.response.record(response);
    }
    let transport = TransportTally { actions: [("send_event".to_owned(), tally)].into(), ..TransportTally::default() };
    let transports = [(Transport::Websocket, transport)].into();
    let dialect = DialectTally { transports, ..DialectTally::default() };
    Tally { last: Some(last), dialects: [("customer/v0.3".into(), dialect)].into(), ..Tally::default() }
}

/// Durations in microseconds around a middle, with a tail.
fn spread(count: u64, middle: u64) -> Latency {
    let mut latency = Latency::default();
    for n in 0..count {
        latency.record(nth(n, middle));
    }
    latency
}

fn reason(about: Concern, text: &str) -> Reason {
    Reason { text: text.to_owned(), about }
}

fn nth(n: u64, middle: u64) -> Duration {
    let tail = if n % 97 == 96 { middle * (n % 5) } else { 0 };
    Duration::from_micros(middle / 2 + middle * (n % 101) / 100 + tail)
}

fn threshold(text: &str, observed: Option<&str>, state: ThresholdState) -> ThresholdOutcome {
    ThresholdOutcome { text: text.into(), observed: observed.map(Into::into), state, built_in: false }
}

pub fn violation(kind: ViolationKind, expected: &str, got: &str) -> Violation {
    Violation {
        kind,
        at: Moment(1_234_567_890),
        connection: ConnectionId(17),
        dialect: "customer/v0.3".into(),
        transport: Transport::Websocket,
        action: Some("send_event".into()),
        requirement: Some(RequirementId("C03-B14".into())),
        source: Some("customer-v0.3 598".into()),
        pointer: Some("/event/order".into()),
        keyword: Some("type".into()),
        place: None,
        expected: expected.into(),
        got: got.into(),
    }
}

/// A thread of which one connection was told the third event before the second.
fn two_orders() -> SideBySide {
    let sequence = |connection, dialect: &str, orders: [i64; 3]| Sequence {
        connection: ConnectionId(connection),
        dialect: dialect.into(),
        events: orders.map(|order| Told { event: Some(format!("PT1_{order}")), order: Some(order) }).into(),
    };
    SideBySide {
        thread: "PT1".into(),
        here: sequence(17, "customer/v0.3", [3, 7, 4]),
        there: sequence(2, "agent/v3.0", [3, 4, 7]),
    }
}

fn frames() -> Vec<TranscriptFrame> {
    let frame = |at, direction, text: &str| TranscriptFrame { at: Moment(at), direction, text: text.into() };
    vec![
        frame(
            1_230_000_000,
            Direction::ToServer,
            r#"{"request_id":"9","action":"send_event","payload":{"chat_id":"PJ0MRSHTDG","event":{"type":"message","text":"hello"}}}"#,
        ),
        frame(
            1_234_500_000,
            Direction::ToClient,
            "{\n  \"request_id\": \"9\",\n  \"type\": \"response\",\n  \"payload\": {\"event\": {\"order\": \"17\"}}\n}",
        ),
    ]
}
