//! What was silent for long is forgotten, and nothing else.

use serde_json::json;

use super::*;

/// The agent is told of a thousand other chats, so that each part of the ledger looks at what is silent.
fn elsewhere(at: u64) -> Vec<Step> {
    let told = |n: u64| {
        let mut payload = chat(AGENT, vec![event(AGENT, &format!("e{at}-{n}"), 1, CUSTOMER)]);
        payload["chat"]["id"] = json!(format!("C{at}-{n}"));
        payload["chat"]["thread"]["id"] = json!(format!("T{at}-{n}"));
        (at, AGENT, Push("incoming_chat_thread", payload))
    };
    (0..1_000).map(told).collect()
}

/// The agent says something, and everybody hears it who is to hear it.
fn says(at: u64, order: i64, reaches_the_customer: bool) -> Vec<Step> {
    let id = format!("e{order}");
    let mut steps = vec![(at, AGENT, Send("send_event")), (at + 100, AGENT, sent(AGENT, &id, order))];
    if reaches_the_customer {
        steps.push((at + 110, CUSTOMER, incoming(CUSTOMER, &id, order, AGENT)));
    }
    steps.push((at + 120, AGENT, incoming(AGENT, &id, order, AGENT)));
    steps
}

#[test]
fn a_chat_that_goes_on_for_long_is_checked_to_its_end() {
    for (reaches, expected) in [(true, vec![]), (false, vec![("lost_event", 1)])] {
        let mut world = World::new();
        world.play(&conversation());
        for (order, minute) in (5..).zip((2..40).step_by(2)) {
            world.play(&elsewhere(minute * 60_000));
            world.play(&says(minute * 60_000 + 1, order, reaches || minute != 36));
        }
        assert_eq!(kinds(&world.settle(40 * 60_000)), expected);
    }
}

#[test]
fn the_past_of_a_thread_that_was_silent_for_long_is_forgotten_and_nobody_is_blamed_for_it() {
    let mut world = World::new();
    world.play(&conversation());
    for minute in [2, 8, 13] {
        world.play(&elsewhere(minute * 60_000));
    }
    assert_eq!(world.ledger.remembered().1, 1, "the longest thread that is remembered");
    world.play(&says(14 * 60_000, 5, true));
    let tally = world.settle(15 * 60_000);
    assert_eq!((kinds(&tally), tally.ordering.evicted), (vec![], 0));
}
