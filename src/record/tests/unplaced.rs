//! Pushes that do not name the thread of their event, as those of agent/v0.2.

use serde_json::json;

use super::*;

/// The agent's other connection gets an event.
fn unplaced(id: &str, order: i64) -> Happening {
    Push("incoming_event", json!({"chat_id": "C", "event": event(OLD_AGENT, id, order, AGENT)}))
}

/// The chat begins, also for the agent's other connection, and the agent says `e2` and `e3`. His answers come at 2,100 and 3,100 ms, the
/// pushes to the other connection as long after the sends as is said.
fn heard(after: [u64; 2]) -> Vec<Step> {
    let mut steps = beginning();
    steps.push((1130, OLD_AGENT, Push("incoming_chat_thread", chat(AGENT, vec![event(AGENT, "e1", 1, CUSTOMER)]))));
    for (at, id, order) in [(2000, "e2", 2), (3000, "e3", 3)] {
        steps.push((at, AGENT, Send("send_event")));
        steps.push((at + 100, AGENT, sent(AGENT, id, order)));
        steps.push((at + 110, CUSTOMER, incoming(CUSTOMER, id, order, AGENT)));
        steps.push((at + after[order as usize - 2], OLD_AGENT, unplaced(id, order)));
    }
    steps.sort_by_key(|step| step.0);
    steps
}

fn and(mut steps: Vec<Step>, further: Step) -> Vec<Step> {
    steps.push(further);
    steps.sort_by_key(|step| step.0);
    steps
}

#[test]
fn a_push_without_a_thread_is_placed_by_the_id_of_its_event_whichever_comes_first() {
    for after in [[50, 50], [200, 200], [50, 200], [200, 50], [1500, 50]] {
        let mut world = World::new();
        world.play(&heard(after));
        let tally = world.settle(60_000);
        let reordered = if after[0] > 1050 { vec![("reordered_delivery", 1)] } else { vec![] };
        assert_eq!(kinds(&tally), reordered, "{after:?}");
        let ordering = &tally.ordering;
        assert_eq!((ordering.expected, ordering.lost, ordering.indeterminate), (4, 0, 0), "{after:?}");
        // `e1` took 130 ms.
        let delivery = &tally.dialects["agent/v0.2"].delivery;
        let slowest = delivery.max().unwrap().as_secs_f64() * 1000.0 - 130.max(after[0]).max(after[1]) as f64;
        assert!(delivery.count() == 3 && slowest.abs() < 5.0, "{slowest} {after:?}");
    }
}

#[test]
fn one_that_never_comes_is_lost() {
    for lost in [0, 1] {
        let mut steps = heard([50, 50]);
        let place = steps.iter().position(|step| (step.0, step.1) == ([2050, 3050][lost], OLD_AGENT)).unwrap();
        steps.remove(place);
        assert_eq!(told(&steps), [("lost_event", 1)], "{lost}");
    }
}

#[test]
fn a_second_copy_is_noticed_before_the_answer_and_after() {
    for (first, second) in [(50, 2060), (50, 2300), (200, 2300)] {
        let steps = and(heard([first, 50]), (second, OLD_AGENT, unplaced("e2", 2)));
        let mut world = World::new();
        world.play(&steps);
        let tally = world.settle(60_000);
        assert_eq!(kinds(&tally), [("duplicate_push", 1)], "{first} {second}");
        let (_, copies) = tally.violations.iter().next().unwrap();
        let sample = &copies.samples[0];
        assert_eq!(
            (sample.violation.connection, sample.violation.at),
            (ConnectionId(OLD_AGENT as u64 + 1), ms(second))
        );
        assert!(sample.transcript.last().unwrap().text.contains("incoming_event"));
    }
}

#[test]
fn another_text_is_noticed_before_the_answer_and_after() {
    for after in [50, 200] {
        let mut steps = heard([after, 50]);
        let place = steps.iter().position(|step| (step.0, step.1) == (2000 + after, OLD_AGENT)).unwrap();
        steps[place].2 = changed(unplaced("e2", 2), "/event/text", json!("x"));
        assert_eq!(told(&steps), [("observers_disagree", 1)], "{after}");
    }
}

#[test]
fn waiting_pushes_are_not_taken_for_reordered_ones_when_their_threads_become_known_the_other_way_round() {
    let mut steps = beginning();
    steps.extend([
        (2000, OLD_AGENT, unplaced("e2", 2)),
        (2010, OLD_AGENT, unplaced("e3", 3)),
        (2100, CUSTOMER, incoming(CUSTOMER, "e3", 3, AGENT)),
        (2110, SECOND_TAB, incoming(CUSTOMER, "e2", 2, AGENT)),
    ]);
    assert_eq!(told(&steps), []);
}

#[test]
fn pushes_wait_in_bounded_memory_and_what_is_given_up_is_not_called_lost() {
    let mut steps = heard([50, 50]);
    let place = steps.iter().position(|step| (step.0, step.1) == (3100, AGENT)).unwrap();
    let answer = steps.remove(place);
    let customers = steps.iter().position(|step| (step.0, step.1) == (3110, CUSTOMER)).unwrap();
    steps.remove(customers);
    let mut world = World::new();
    world.play(&steps);
    for n in 0..Ledger::LIMIT as u64 * 2 {
        world.play(&[(3_060, OLD_AGENT, unplaced(&format!("of-others-{n}"), 1))]);
    }
    assert!(world.ledger.waiting() <= Ledger::LIMIT);
    world.play(&[(8_000, AGENT, answer.2), (8_010, CUSTOMER, incoming(CUSTOMER, "e3", 3, AGENT))]);
    let tally = world.settle(60_000);
    assert_eq!((kinds(&tally), tally.ordering.lost, tally.ordering.indeterminate), (vec![], 0, 1));
}
