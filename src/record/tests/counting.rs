//! What is counted, and that parts of a tally add up to the whole.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::legal::{Said, interleaved, said, streams};
use super::*;
use crate::observe::ViolationKind;

fn action<'a>(tally: &'a Tally, name: &str) -> &'a ActionTally {
    &tally.dialects["customer/v0.3"].transports[&Transport::Websocket].actions[name]
}

#[test]
fn requests_are_counted_with_their_answers() {
    let mut world = World::new();
    let summary = || Answer(json!({"chats_summary": [], "total_chats": 0}));
    world.play(&[
        (0, CUSTOMER, Send("get_chats_summary")),
        (100, CUSTOMER, summary()),
        (200, CUSTOMER, Send("get_chats_summary")),
        (250, CUSTOMER, Refuse("validation".into())),
        (300, CUSTOMER, Send("get_chats_summary")),
        (20_300, CUSTOMER, summary()),
        (30_000, CUSTOMER, Send("get_chats_summary")),
        (60_000, CUSTOMER, Close),
    ]);
    let tally = world.settle(60_000);
    let tally_of = action(&tally, "get_chats_summary");
    assert_eq!((tally_of.sent, tally_of.answered, tally_of.succeeded, tally_of.failed()), (4, 3, 2, 1));
    assert_eq!((tally_of.timeouts, tally_of.late), (2, 1));
    assert_eq!(tally_of.errors, [("validation".to_owned(), 1)].into());
    assert!(tally_of.bytes_in > 100 && tally_of.bytes_out > 100);
    assert_eq!(tally_of.service.max().unwrap().as_secs(), 20);
    assert_eq!(kinds(&tally), [("no_answer", 1), ("late_answer", 1)]);
    assert_eq!((tally.first, tally.last), (Some(ms(0)), Some(ms(60_000))));
    let transport = &tally.dialects["customer/v0.3"].transports[&Transport::Websocket];
    assert_eq!(transport.closings, [(Closing::ByUs, 1)].into());
}

#[test]
fn response_time_starts_at_the_intended_moment() {
    let mut world = World::new();
    let conversation = &mut world.conversations[CUSTOMER];
    conversation.connected(ms(5), Duration::from_millis(5));
    let text = request_text(CorrelationName::RequestId, "1", "ping", &json!(null));
    let sending = Sending { correlation: Some("1"), action: "ping", intended: ms(10), at: ms(40), text: &text };
    conversation.sending(sending);
    conversation.received(
        ms(60),
        &json!({"request_id": "1", "action": "ping", "type": "response", "success": true}).to_string(),
    );
    let tally = world.settle(100);
    let ping = action(&tally, "ping");
    let millis = |latency: &Latency| (latency.max().unwrap().as_secs_f64() * 1000.0).round();
    assert_eq!((millis(&ping.response), millis(&ping.service)), (50.0, 20.0));
    let transport = &tally.dialects["customer/v0.3"].transports[&Transport::Websocket];
    assert_eq!((transport.opened, millis(&transport.connect)), (1, 5.0));
}

#[test]
fn names_that_a_peer_invents_are_bounded() {
    let mut world = World::new();
    for n in 0..100 {
        world.play(&[(n, CUSTOMER, Send("ping")), (n, CUSTOMER, Refuse(format!("error{n}")))]);
    }
    for n in 0..1000 {
        let frame = json!({"action": format!("push{n}"), "type": "push", "payload": {}});
        world.conversations[CUSTOMER].received(ms(n), &frame.to_string());
    }
    let tally = world.settle(1000);
    let errors = &action(&tally, "ping").errors;
    assert_eq!((errors.len(), errors["other"]), (33, 68));
    let pushes = &tally.dialects["customer/v0.3"].pushes;
    assert_eq!((pushes.len(), pushes["other"].count, tally.pushes()), (257, 744, 1000));
    let unknown = tally.violations.get(ViolationKind::UnknownAction).unwrap();
    assert_eq!((unknown.count, unknown.samples.len()), (1000, 5));
    assert_eq!(unknown.samples[4].violation.at, ms(4), "the earliest");
}

fn over_time(timeline: &Timeline<Turnover>) -> Vec<(u64, u64, u64)> {
    timeline.intervals().map(|(number, turnover)| (number, turnover.came, turnover.went)).collect()
}

#[test]
fn connections_are_there_from_their_handshake_to_their_end() {
    let of = |recorder: Recorder, comes: bool| {
        let recorder = Arc::new(recorder);
        let dialect = protocol().dialect("customer/v0.3").unwrap().clone();
        let mut conversation = Conversation::new(dialect, ConnectionId(1), Transport::Websocket, recorder.clone());
        if comes {
            conversation.connected(ms(500), Duration::from_millis(5));
        }
        conversation.closed(ms(2_500), Closing::ByServer);
        conversation.closed(ms(3_500), Closing::ByUs);
        let tally = recorder.take();
        let transport = &tally.dialects["customer/v0.3"].transports[&Transport::Websocket];
        (transport.opened, over_time(&transport.over_time))
    };
    let recorder = || Recorder::new(Arc::new(Ledger::new()));
    assert_eq!(of(recorder(), true), (1, vec![(0, 1, 0), (2, 0, 1)]));
    // Who came in the warm-up is there all the same.
    assert_eq!(of(recorder().counting_from(ms(1_000)), true), (0, vec![(0, 1, 0), (2, 0, 1)]));
    // Nobody goes whom nobody saw come.
    assert_eq!(of(recorder(), false), (0, vec![]));
}

#[test]
fn the_generator_counts_itself() {
    let recorder = Recorder::new(Arc::new(Ledger::new()));
    for ok in [true, true, false] {
        recorder.due();
        recorder.started(Duration::from_micros(30));
        recorder.actor_started(ms(100));
        recorder.actor_finished(ms(1_200), ok);
    }
    recorder.due();
    recorder.dropped(1);
    recorder.actor_interrupted(ms(2_000));
    for n in (0..10).rev() {
        let text = |text: &str| text.to_owned();
        recorder.step_failed(StepFailure { at: ms(n), actor: text("a"), step: text("s"), reason: text("r") });
    }
    let tally = recorder.snapshot();
    let schedule = &tally.schedule;
    assert_eq!((schedule.due, schedule.started, schedule.dropped, schedule.lag.count()), (4, 3, 1, 3));
    let actors = &tally.actors;
    assert_eq!((actors.started, actors.finished, actors.failed, actors.interrupted), (3, 2, 1, 1));
    assert_eq!(over_time(&actors.over_time), [(0, 3, 0), (1, 0, 3), (2, 0, 1)]);
    assert_eq!(tally.steps.failed, 10);
    assert_eq!(tally.steps.failures.iter().map(|failure| failure.at).collect::<Vec<_>>(), [0, 1, 2, 3, 4].map(ms));
    assert_eq!(recorder.take(), tally);
    assert_eq!(recorder.take(), Tally::default());
}

#[test]
fn names_that_a_peer_invents_are_bounded_however_often_somebody_looks() {
    let mut world = World::new();
    let mut tally = Tally::default();
    for n in 0..1000 {
        world.play(&[(n, CUSTOMER, Send("ping")), (n, CUSTOMER, Refuse(format!("error{n}")))]);
        let frame = json!({"action": format!("push{n}"), "type": "push", "payload": {}});
        world.conversations[CUSTOMER].received(ms(n), &frame.to_string());
        tally.merge(world.recorders[0].take());
    }
    let pushes = &tally.dialects["customer/v0.3"].pushes;
    assert_eq!((pushes.len(), tally.pushes()), (257, 1000));
    assert_eq!((action(&tally, "ping").errors.len(), action(&tally, "ping").failed()), (33, 1000));
}

/// A history with some faults: pushes that come twice.
fn faulty(said: &[Said], doubled: &[usize], choices: &[usize]) -> Vec<Step> {
    let mut choices = choices.to_vec();
    choices.extend([0, 1, 2]);
    let mut steps = interleaved(streams(said, 2, false), &choices);
    for &place in doubled {
        let place = place % steps.len();
        if matches!(steps[place].2, Push(..)) {
            steps.insert(place, steps[place].clone());
        }
    }
    steps
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn parts_add_up_to_the_whole_in_any_order(
        said in proptest::collection::vec(said(), 1..8),
        doubled in proptest::collection::vec(any::<usize>(), 0..8),
        choices in proptest::collection::vec(0..3usize, 1..20),
        order in Just([0usize, 1, 2]).prop_shuffle(),
        right_first in any::<bool>(),
    ) {
        let steps = faulty(&said, &doubled, &choices);
        let mut whole = World::with_recorders(1);
        whole.play(&steps);
        let mut parts = World::with_recorders(3);
        parts.play(&steps);
        parts.recorders[0].settle(ms(60_000));
        let [a, b, c] = order.map(|i| parts.recorders[i].take());
        let plus = |mut a: Tally, b: Tally| { a.merge(b); a };
        let sum = if right_first { plus(a, plus(b, c)) } else { plus(plus(a, b), c) };
        prop_assert_eq!(&sum, &whole.settle(60_000));
        let text = serde_json::to_string(&sum).unwrap();
        prop_assert_eq!(serde_json::from_str::<Tally>(&text).unwrap(), sum);
    }

    #[test]
    fn looking_in_between_changes_nothing(
        said in proptest::collection::vec(said(), 1..8),
        doubled in proptest::collection::vec(any::<usize>(), 0..8),
        choices in proptest::collection::vec(0..3usize, 1..20),
        pieces in 1..9usize,
    ) {
        let steps = faulty(&said, &doubled, &choices);
        let mut whole = World::with_recorders(1);
        whole.play(&steps);
        let mut looked_at = World::with_recorders(1);
        let mut sum = Tally::default();
        for piece in steps.chunks(steps.len().div_ceil(pieces).max(1)) {
            looked_at.play(piece);
            sum.merge(looked_at.recorders[0].take());
        }
        sum.merge(looked_at.settle(60_000));
        prop_assert_eq!(sum, whole.settle(60_000));
    }

    /// A tally that somebody wrote by hand is read or refused; what is read can be merged and written.
    #[test]
    fn no_damaged_tally_breaks_us(
        said in proptest::collection::vec(said(), 1..4), damages in proptest::collection::vec((any::<usize>(), 0..12usize, "[-0-9a-z{}\\[\\],:\"]{0,4}"), 10),
    ) {
        let mut world = World::with_recorders(1);
        world.play(&faulty(&said, &[], &[]));
        let text = serde_json::to_string(&world.settle(60_000)).unwrap();
        for (from, length, with) in damages {
            let from = from % text.len();
            let (Some(before), Some(after)) = (text.get(..from), text.get((from + length).min(text.len())..)) else { continue };
            let Ok(mut tally) = serde_json::from_str::<Tally>(&format!("{before}{with}{after}")) else { continue };
            let again = serde_json::to_string(&tally).unwrap();
            tally.merge(serde_json::from_str(&again).unwrap());
            prop_assert!(serde_json::to_string(&tally).is_ok());
        }
    }
}

#[test]
fn what_is_due_in_the_warm_up_is_not_counted_but_what_is_wrong_in_it_is() {
    let mut world = World::counting_from(1, ms(1000));
    world.play(&[
        // Asked in the warm-up, and answered after it.
        (900, CUSTOMER, Send("get_chats_summary")),
        (1010, CUSTOMER, Answer(json!({"chats_summary": [], "total_chats": 0}))),
        (1100, CUSTOMER, Send("get_chats_summary")),
        (1102, CUSTOMER, Answer(json!({"chats_summary": [], "total_chats": 0}))),
    ]);
    world.conversations[AGENT].received(ms(950), "nonsense");
    let tally = world.settle(2000);
    let asked = action(&tally, "get_chats_summary");
    assert_eq!((asked.sent, asked.answered), (1, 1));
    assert_eq!(asked.response.max().unwrap().as_millis(), 2);
    assert_eq!(kinds(&tally), [("malformed_frame", 1)]);
}

#[test]
fn deliveries_in_the_warm_up_are_not_counted_and_later_ones_are() {
    let counted = |from| {
        let mut world = World::counting_from(1, ms(from));
        world.play(&conversation());
        let tally = world.settle(60_000);
        tally.dialects.values().map(|dialect| dialect.delivery.count()).sum::<u64>()
    };
    // The last event, of 5,000 ms, is the customer's; those before are delivered too.
    assert!(counted(0) > 1);
    assert_eq!((counted(4000), counted(59_000)), (1, 0));
}

#[test]
fn what_happened_over_time_is_told_by_the_moment_of_the_answer() {
    let mut world = World::counting_from(1, ms(0));
    world.play(&[
        (900, CUSTOMER, Send("get_chats_summary")),
        (1010, CUSTOMER, Answer(json!({"chats_summary": [], "total_chats": 0}))),
        (1100, CUSTOMER, Send("get_chats_summary")),
        (3002, CUSTOMER, Refuse("internal".to_owned())),
    ]);
    world.conversations[AGENT].received(ms(2950), "nonsense");
    let tally = world.settle(4000);
    let asked = action(&tally, "get_chats_summary");
    let told = asked.over_time.intervals().map(|(n, part)| (n, part.answered, part.failed, part.response.count()));
    assert_eq!(told.collect::<Vec<_>>(), [(1, 1, 0, 1), (3, 1, 1, 1)]);
    let wrong = tally.violations.get(crate::observe::ViolationKind::MalformedFrame).unwrap();
    assert_eq!(wrong.over_time.intervals().collect::<Vec<_>>(), [(2, &1)]);
}
