//! Whatever a good server may do, in whatever order the worker threads notice it.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::observe::{Grade, Side};

#[derive(Debug, Clone)]
pub(super) struct Said {
    author: usize,
    agents_only: bool,
    sent: u64,
    answered: u64,
    arrived: [u64; 3],
}

pub(super) fn said() -> impl Strategy<Value = Said> {
    (prop_oneof![Just(CUSTOMER), Just(AGENT)], any::<bool>(), 0..500u64, 1..2000u64, [1..2000u64, 1..2000, 1..2000])
        .prop_map(|(author, agents_only, sent, answered, arrived)| Said {
            author,
            agents_only: agents_only && author == AGENT,
            sent,
            answered,
            arrived,
        })
}

/// What each connection of a good server sees: events with rising `order`, each arriving when it likes; a supervisor begins to
/// follow after some, and the chat may be closed in the end.
pub(super) fn streams(said: &[Said], followed_after: usize, closed: bool) -> Vec<Vec<Step>> {
    let mut streams: Vec<Vec<Step>> = vec![Vec::new(); 3];
    beginning().into_iter().for_each(|step| streams[step.1].push(step));
    let (mut now, mut history) = (2_000, vec![event(AGENT, "e1", 1, CUSTOMER)]);
    let mut answers: Vec<Vec<(u64, Happening)>> = vec![Vec::new(); 3];
    for (said, order) in said.iter().zip(2..) {
        now += said.sent;
        let id = format!("e{order}");
        let shown = |who| {
            let mut event = event(who, &id, order, said.author);
            if said.agents_only {
                event["recipients"] = json!("agents");
            }
            event
        };
        if order as usize - 2 == followed_after {
            streams[SUPERVISOR].push((now, SUPERVISOR, Push("incoming_chat_thread", chat(AGENT, history.clone()))));
        }
        history.push(shown(AGENT));
        streams[said.author].push((now, said.author, Send("send_event")));
        answers[said.author]
            .push((now + said.answered, Answer(json!({"thread_id": "T", "event": shown(said.author)}))));
        for who in [CUSTOMER, AGENT, SUPERVISOR] {
            let following = who != SUPERVISOR || order as usize - 2 >= followed_after;
            if following && !(who == CUSTOMER && said.agents_only) {
                let payload = json!({"chat_id": "C", "thread_id": "T", "event": shown(who)});
                streams[who].push((now + said.arrived[who], who, Push("incoming_event", payload)));
            }
        }
    }
    // Requests of one connection are answered in turn, so that the test needs no bookkeeping.
    for (who, answers) in answers.into_iter().enumerate() {
        let mut at = 0;
        for (answered, answer) in answers {
            at = at.max(answered);
            streams[who].push((at, who, answer));
        }
    }
    for (who, stream) in streams.iter_mut().enumerate() {
        if closed && who != SUPERVISOR {
            stream.push((
                now + 4_000,
                who,
                Push("thread_closed", json!({"chat_id": "C", "thread_id": "T", "user_id": "ag"})),
            ));
        }
        stream.sort_by_key(|step| step.0);
        stream.push((now + 5_000, who, Close));
    }
    streams
}

/// The streams in a seeded interleaving that keeps each one's own order, as worker threads would process them.
pub(super) fn interleaved(mut streams: Vec<Vec<Step>>, choices: &[usize]) -> Vec<Step> {
    streams.iter_mut().for_each(|stream| stream.reverse());
    let mut steps = Vec::new();
    let mut choices = choices.iter().cycle();
    while streams.iter().any(|stream| !stream.is_empty()) {
        let choice = choices.next().unwrap() % streams.len();
        steps.extend(streams[choice].pop());
    }
    steps
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_good_server_is_never_blamed(
        said in proptest::collection::vec(said(), 1..12),
        followed_after in 0..12usize,
        closed in any::<bool>(),
        mut choices in proptest::collection::vec(0..3usize, 1..40),
    ) {
        choices.extend([0, 1, 2]);
        let mut world = World::new();
        world.play(&interleaved(streams(&said, followed_after, closed), &choices));
        let tally = world.settle(120_000);
        prop_assert_eq!(tally.violations.graded(Side::Server, Grade::Fail), 0, "{:?}", kinds(&tally));
        prop_assert_eq!(tally.violations.graded(Side::Server, Grade::NonStrict), 0, "{:?}", kinds(&tally));
        prop_assert_eq!(tally.ordering.events, said.len() as u64 + 1);
    }

    #[test]
    fn one_lost_push_is_found_in_any_interleaving(
        said in proptest::collection::vec(said(), 2..10),
        lost in 0..9usize,
        mut choices in proptest::collection::vec(0..3usize, 1..40),
    ) {
        let lost = lost % (said.len() - 1);
        let mut said = said;
        said[lost].author = CUSTOMER;
        said[lost].agents_only = false;
        let id = format!("e{}", lost + 2);
        choices.extend([0, 1, 2]);
        let mut streams = streams(&said, 100, false);
        streams[AGENT].retain(|(_, _, happening)| !matches!(happening, Push(_, payload) if payload.pointer("/event/id") == Some(&json!(id))));
        let last = streams[AGENT].len() - 1;
        streams[AGENT][last].0 += 20_000;
        // Nothing is expected of a connection before it is known to be in the chat.
        streams.iter_mut().for_each(|stream| stream.retain(|step| step.0 >= 2_000));
        let mut world = World::new();
        world.play(&beginning());
        world.play(&interleaved(streams, &choices));
        let tally = world.settle(120_000);
        let failed: Vec<_> = tally.violations.iter().filter(|(kind, _)| kind.grade() == Grade::Fail).map(|(kind, t)| (kind.name(), t.count)).collect();
        prop_assert_eq!(failed, [("lost_event", 1)]);
    }
}

#[test]
fn whoever_is_added_hears_so_and_sees_so_in_the_running_thread_in_any_order() {
    let remark = || {
        let mut event = event(AGENT, "e5", 5, AGENT);
        event["type"] = json!("system_message");
        event["system_message_type"] = json!("agent_added");
        event.as_object_mut().unwrap().remove("author_id");
        event
    };
    let heard = || changed(incoming(SUPERVISOR, "e5", 5, AGENT), "/event", remark());
    let shown = |event| Push("incoming_chat_thread", chat(AGENT, vec![event]));
    let to_supervisor = |happenings: [Happening; 2]| {
        let mut steps = conversation();
        steps.extend(happenings.map(|happening| (6000, SUPERVISOR, happening)));
        told(&steps)
    };
    assert_eq!(to_supervisor([heard(), shown(remark())]), []);
    assert_eq!(to_supervisor([shown(remark()), heard()]), []);
    assert_eq!(to_supervisor([heard(), heard()]), [("duplicate_push", 1)]);
    // What somebody has sent is another matter.
    let sent = [shown(event(AGENT, "e5", 5, AGENT)), incoming(SUPERVISOR, "e5", 5, AGENT)];
    assert_eq!(to_supervisor(sent), [("thread_start_twice", 1)]);
}
