//! Each check of the ledger, proved both ways: a clean history yields nothing, one fault yields its kind and no other.

use serde_json::json;

use super::*;
use crate::observe::ViolationKind;

#[test]
fn a_clean_conversation_has_nothing_wrong() {
    let mut world = World::new();
    world.play(&conversation());
    let tally = world.settle(60_000);
    assert_eq!(kinds(&tally), []);
    let ordering = &tally.ordering;
    assert_eq!((ordering.threads, ordering.events, ordering.arrivals), (1, 4, 8));
    assert_eq!((ordering.expected, ordering.lost, ordering.indeterminate), (3, 0, 0));
    let delivery = |dialect: &str| &tally.dialects[dialect].delivery;
    assert_eq!((delivery("customer/v0.3").count(), delivery("agent/v3.0").count()), (2, 1));
    assert!((delivery("agent/v3.0").max().unwrap().as_secs_f64() - 0.120).abs() < 0.001);
}

#[test]
fn pushes_may_come_before_the_answer() {
    let mut steps = conversation();
    // The agent's answer to `e2` after all pushes of it.
    let answer = steps.iter().position(|step| (step.0, step.1) == (2100, AGENT)).unwrap();
    let (_, who, happening) = steps.remove(answer);
    steps.insert(answer + 2, (2200, who, happening));
    let mut world = World::new();
    world.play(&steps);
    let tally = world.settle(60_000);
    assert_eq!(kinds(&tally), []);
    assert_eq!(tally.dialects["customer/v0.3"].delivery.count(), 2);
    assert_eq!(tally.ordering.lost + tally.ordering.indeterminate, 0);
}

#[test]
fn two_events_with_one_order_are_told_once() {
    let mut steps = conversation();
    for step in &mut steps {
        if matches!(step.0, 3100..3200) {
            step.2 = changed(step.2.clone(), "/event/order", json!(2));
        }
    }
    assert_eq!(told(&steps), [("duplicate_order", 1)]);
}

#[test]
fn an_event_that_changes_is_told_apart_from_observers_that_disagree() {
    for (pointer, value) in [("/event/order", json!(7)), ("/event/author_id", json!("cu")), ("/event/text", json!("x"))]
    {
        let push = incoming(CUSTOMER, "e3", 3, AGENT);
        assert_eq!(
            told(&with(3110, CUSTOMER, &[changed(push, pointer, value.clone())])),
            [("observers_disagree", 1)],
            "{pointer}"
        );
        let push = incoming(AGENT, "e3", 3, AGENT);
        assert_eq!(told(&with(3120, AGENT, &[changed(push, pointer, value)])), [("event_changed", 1)], "{pointer}");
    }
}

#[test]
fn an_event_belongs_to_one_thread() {
    let push = changed(incoming(CUSTOMER, "e1", 3, CUSTOMER), "/thread_id", json!("another"));
    let mut steps = conversation();
    steps.push((6000, CUSTOMER, push.clone()));
    steps.push((6001, CUSTOMER, push));
    assert_eq!(told(&steps), [("event_changed", 1)]);
}

#[test]
fn the_text_of_an_event_may_be_updated() {
    let read = |text: &str| {
        let mut e2 = event(AGENT, "e2", 2, AGENT);
        e2["text"] = json!(text);
        Answer(
            json!({"chat": {"id": "C", "users": users(AGENT), "threads": [thread("T", vec![e2])], "threads_summary": []}}),
        )
    };
    let mut steps = conversation();
    steps.push((6000, AGENT, Send("get_chat_threads")));
    steps.push((6100, AGENT, read("new")));
    assert_eq!(told(&steps), [("event_changed", 1)]);
    let update = incoming(AGENT, "e2", 2, AGENT);
    let Push(_, payload) = changed(update, "/event/text", json!("new")) else { panic!() };
    steps.insert(steps.len() - 1, (6050, AGENT, Push("event_updated", payload)));
    assert_eq!(told(&steps), []);
}

#[test]
fn a_thread_starts_with_one_announcement_of_its_event() {
    let mut steps = conversation();
    steps.push((6000, AGENT, incoming(AGENT, "e1", 1, CUSTOMER)));
    assert_eq!(told(&steps), [("thread_start_twice", 1)]);
    let mut steps = conversation();
    steps.push((
        6000,
        CUSTOMER,
        Push("incoming_chat_thread", chat(CUSTOMER, vec![event(CUSTOMER, "e4", 4, CUSTOMER)])),
    ));
    assert_eq!(told(&steps), [("thread_start_twice", 1)]);
    // An agent who begins to follow is shown the thread as it is.
    let mut steps = conversation();
    let events =
        (1..=4).map(|n| event(AGENT, &format!("e{n}"), n, if n % 3 == 1 { CUSTOMER } else { AGENT })).collect();
    steps.push((6000, AGENT, Push("incoming_chat_thread", chat(AGENT, events))));
    assert_eq!(told(&steps), []);
}

#[test]
fn whoever_starts_a_chat_does_not_know_its_thread_before_it_is_announced() {
    let events = |who| vec![event(who, "e1", 1, AGENT)];
    let mut steps = vec![
        (1_000, AGENT, Send("start_chat")),
        (1_100, AGENT, Answer(chat(AGENT, events(AGENT)))),
        (1_110, AGENT, Push("incoming_chat_thread", chat(AGENT, events(AGENT)))),
        (1_120, CUSTOMER, Push("incoming_chat_thread", chat(CUSTOMER, events(CUSTOMER)))),
    ];
    assert_eq!(told(&steps), []);
    steps.push((1_130, AGENT, incoming(AGENT, "e1", 1, AGENT)));
    assert_eq!(told(&steps), [("thread_start_twice", 1)]);
}

#[test]
fn one_push_twice_is_not_strict() {
    let push = incoming(CUSTOMER, "e2", 2, AGENT);
    assert_eq!(told(&with(2110, CUSTOMER, &[push.clone(), push])), [("duplicate_push", 1)]);
    let mut steps = beginning();
    steps.push(steps[2].clone());
    assert_eq!(told(&steps), [("duplicate_push", 1)]);
}

#[test]
fn one_send_makes_one_event() {
    let mut steps = conversation();
    let again = |who| changed(incoming(who, "e9", 9, AGENT), "/event/custom_id", json!("cp-e2"));
    steps.push((6000, CUSTOMER, again(CUSTOMER)));
    steps.push((6000, AGENT, again(AGENT)));
    assert_eq!(told(&steps), [("duplicate_event", 1)]);
    // Ids that are not ours may repeat.
    for step in &mut steps {
        if let Push(_, payload) | Answer(payload) = &mut step.2
            && let Some(id) = payload.pointer_mut("/event/custom_id")
        {
            *id = json!("x");
        }
    }
    assert_eq!(told(&steps), []);
}

#[test]
fn what_is_for_agents_only_reaches_no_customer() {
    let agents = |happening| changed(happening, "/event/recipients", json!("agents"));
    let mut steps = with(2120, AGENT, &[agents(incoming(AGENT, "e2", 2, AGENT))]);
    let answer = steps.iter().position(|step| (step.0, step.1) == (2100, AGENT)).unwrap();
    steps[answer].2 = agents(steps[answer].2.clone());
    assert_eq!(told(&steps), [("agents_only_leak", 1)]);
    // The agent's sightings may come first or last.
    let (customers, others): (Vec<Step>, Vec<Step>) = steps.iter().cloned().partition(|step| step.1 == CUSTOMER);
    assert_eq!(told(&[customers.clone(), others.clone()].concat()), [("agents_only_leak", 1)]);
    assert_eq!(told(&[others, customers].concat()), [("agents_only_leak", 1)]);
    // Not sent to the customer, it is neither leaked nor lost.
    steps.retain(|step| (step.0, step.1) != (2110, CUSTOMER));
    let mut world = World::new();
    world.play(&steps);
    let tally = world.settle(60_000);
    assert_eq!((kinds(&tally), tally.ordering.expected, tally.ordering.indeterminate), (vec![], 2, 0));
}

#[test]
fn an_event_that_never_came_is_lost() {
    let steps = with(3110, CUSTOMER, &[]);
    let mut world = World::new();
    world.play(&steps);
    let early = world.settle(5_200);
    assert_eq!((kinds(&early), early.ordering.lost + early.ordering.indeterminate), (vec![], 0), "it may still come");
    let tally = world.settle(7_200);
    assert_eq!(
        (kinds(&tally), tally.ordering.lost),
        (vec![("lost_event", 1)], 1),
        "the thread went on two seconds ago"
    );
    assert_eq!(kinds(&world.settle(60_000)), [], "told once");
    // The last event: nothing comes after it, so that the documented limit has to pass.
    let steps = with(5120, AGENT, &[]);
    let mut world = World::new();
    world.play(&steps);
    assert_eq!(kinds(&world.settle(20_000)), []);
    assert_eq!(kinds(&world.settle(20_200)), [("lost_event", 1)]);
}

#[test]
fn an_event_is_lost_too_when_the_thread_went_on_before_the_answer() {
    let mut steps = with(3110, CUSTOMER, &[]);
    let answer = steps.iter().position(|step| (step.0, step.1) == (3100, AGENT)).unwrap();
    let (_, who, happening) = steps.remove(answer);
    steps.push((5_500, who, happening));
    let mut world = World::new();
    world.play(&steps);
    assert_eq!(kinds(&world.settle(7_400)), []);
    assert_eq!(kinds(&world.settle(7_600)), [("lost_event", 1)]);
}

#[test]
fn a_connection_that_joined_later_is_not_expected_to_know_the_past() {
    let mut steps = conversation();
    steps.push((5_500, SECOND_TAB, steps[2].2.clone()));
    steps.push((6_000, AGENT, Send("send_event")));
    steps.push((6_100, AGENT, sent(AGENT, "e5", 5)));
    steps.push((6_110, CUSTOMER, incoming(CUSTOMER, "e5", 5, AGENT)));
    assert_eq!(told(&steps), [("lost_event", 1)]);
    // Sent before the second tab was there, answered after.
    let place = steps.iter().position(|step| step.0 == 5_500).unwrap();
    steps.swap(place, place + 1);
    steps[place].0 = 5_400;
    assert_eq!(told(&steps), []);
}

#[test]
fn an_answer_that_shows_a_whole_thread_acknowledges_only_what_its_reader_wrote() {
    let mut world = World::new();
    world.play(&[
        (1_000, AGENT, Send("start_chat")),
        (1_050, CUSTOMER, incoming(CUSTOMER, "e1", 1, CUSTOMER)),
        (1_060, CUSTOMER, incoming(CUSTOMER, "e2", 2, AGENT)),
        (1_100, AGENT, Answer(chat(AGENT, vec![event(AGENT, "e1", 1, CUSTOMER), event(AGENT, "e2", 2, AGENT)]))),
    ]);
    assert_eq!(world.settle(60_000).dialects["customer/v0.3"].delivery.count(), 1);
}

#[test]
fn closed_connections_are_forgotten_after_a_while() {
    let mut world = World::new();
    world.play(&conversation());
    world.play(&[(6_000, CUSTOMER, Close)]);
    world.settle(7_000);
    assert_eq!(world.ledger.connections(), (1, 2));
    world.settle(70_000);
    assert_eq!(world.ledger.connections(), (0, 1));
}

#[test]
fn an_answer_that_shows_an_older_event_acknowledges_nothing() {
    let mut steps = beginning();
    steps.push((2_000, CUSTOMER, incoming(CUSTOMER, "e2", 2, AGENT)));
    steps.push((3_000, AGENT, Send("send_event")));
    steps.push((3_100, AGENT, sent(AGENT, "e2", 2)));
    let mut world = World::new();
    world.play(&steps);
    let tally = world.settle(60_000);
    assert_eq!((tally.ordering.expected, tally.dialects["customer/v0.3"].delivery.count()), (0, 0));
}

#[test]
fn an_event_that_comes_late_is_not_lost() {
    let mut steps = with(3110, CUSTOMER, &[]);
    steps.push((17_000, CUSTOMER, incoming(CUSTOMER, "e3", 3, AGENT)));
    assert_eq!(told(&steps), [("reordered_delivery", 1)]);
}

#[test]
fn a_connection_that_was_closed_is_judged_by_its_time() {
    for (closed_at, expected, indeterminate) in [(5_500, vec![], 1), (7_500, vec![("lost_event", 1)], 0)] {
        let mut steps = with(3110, CUSTOMER, &[]);
        steps.push((closed_at, CUSTOMER, Close));
        let mut world = World::new();
        world.play(&steps);
        let tally = world.settle(60_000);
        assert_eq!((kinds(&tally), tally.ordering.indeterminate), (expected, indeterminate));
    }
}

#[test]
fn a_closed_thread_does_not_go_on() {
    let closed = |who| (5_500, who, Push("thread_closed", json!({"chat_id": "C", "thread_id": "T", "user_id": "ag"})));
    let mut steps = with(5120, AGENT, &[]);
    steps.push(closed(AGENT));
    let mut world = World::new();
    world.play(&steps);
    assert_eq!(kinds(&world.settle(7_600)), [("lost_event", 1)]);
    // Whoever was in a closed thread need not be in the next one.
    let mut steps = conversation();
    steps.push(closed(AGENT));
    steps.push((6_000, CUSTOMER, Send("send_event")));
    let next = changed(changed(sent(CUSTOMER, "e5", 5), "/thread_id", json!("T2")), "/event/id", json!("n1"));
    steps.push((6_100, CUSTOMER, next));
    assert_eq!(told(&steps), []);
}

#[test]
fn nothing_is_expected_of_whoever_left_or_may_have_left() {
    let removed =
        Push("chat_users_updated", json!({"chat_id": "C", "updated_users": {"added": [], "removed_ids": ["ag"]}}));
    let transferred =
        Push("chat_transferred", json!({"chat_id": "C", "requester_id": "x", "type": "group", "ids": [1]}));
    for (who, news) in [(CUSTOMER, removed), (AGENT, transferred)] {
        let mut steps = with(5120, AGENT, &[]);
        steps.push((6_000, who, news.clone()));
        let mut world = World::new();
        world.play(&steps);
        let tally = world.settle(60_000);
        assert_eq!((kinds(&tally), tally.ordering.indeterminate), (vec![], 1), "shortly after the event");
        let mut steps = with(5120, AGENT, &[]);
        let place = steps.iter().position(|step| step.0 == 5000).unwrap();
        steps.insert(place, (4_900, who, news));
        let mut world = World::new();
        world.play(&steps);
        let tally = world.settle(60_000);
        assert_eq!((kinds(&tally), tally.ordering.expected), (vec![], 2), "before the event");
    }
}

#[test]
fn a_supervisor_who_is_no_member_need_not_see_anything() {
    let mut steps = beginning();
    steps.push((1_500, SUPERVISOR, Push("incoming_chat_thread", chat(AGENT, vec![event(AGENT, "e1", 1, CUSTOMER)]))));
    steps.extend(conversation().drain(4..));
    assert_eq!(told(&steps), []);
}

#[test]
fn a_web_client_gets_no_pushes_but_its_events_must_reach_the_others() {
    let mut steps = beginning();
    steps.push((2_000, WEB_AGENT, Send("send_event")));
    steps.push((2_100, WEB_AGENT, sent(AGENT, "e2", 2)));
    steps.push((2_110, CUSTOMER, incoming(CUSTOMER, "e2", 2, AGENT)));
    assert_eq!(told(&steps), [("lost_event", 1)], "the agent's own socket must see it");
    steps.push((2_110, AGENT, incoming(AGENT, "e2", 2, AGENT)));
    assert_eq!(told(&steps), []);
}

#[test]
fn an_event_is_expected_as_soon_as_its_chat_is_known() {
    // The customer's second tab is subscribed to the chat; the answer that starts thread T2 does not name the chat.
    let mut steps = beginning();
    steps.push((1_200, SECOND_TAB, steps[2].2.clone()));
    steps.push((2_000, CUSTOMER, Send("send_event")));
    steps.push((2_100, CUSTOMER, changed(sent(CUSTOMER, "e2", 2), "/thread_id", json!("T2"))));
    let mut announced = chat(CUSTOMER, vec![event(CUSTOMER, "e2", 2, CUSTOMER)]);
    announced["chat"]["thread"]["id"] = json!("T2");
    steps.push((2_110, CUSTOMER, Push("incoming_chat_thread", announced.clone())));
    assert_eq!(told(&steps), [("lost_event", 2)], "by the agent and the second tab");
    steps.push((2_110, SECOND_TAB, Push("incoming_chat_thread", announced.clone())));
    let mut for_agent = chat(AGENT, vec![event(AGENT, "e2", 2, CUSTOMER)]);
    for_agent["chat"]["thread"]["id"] = json!("T2");
    steps.push((2_110, AGENT, Push("incoming_chat_thread", for_agent)));
    assert_eq!(told(&steps), []);
}

#[test]
fn a_later_send_with_a_lower_order_is_not_strict() {
    let swap = |order| if order == 2 { 3 } else { 2 };
    let mut steps = conversation();
    for step in &mut steps {
        if matches!(step.0, 2100..2200 | 3100..3200) {
            let order = if step.0 < 3000 { 2 } else { 3 };
            step.2 = changed(step.2.clone(), "/event/order", json!(swap(order)));
        }
    }
    let told = told(&steps);
    assert_eq!(told, [("causal_order", 1), ("reordered_delivery", 2)]);
    // Sent before the other's answer, either may come first.
    let sends: Vec<usize> = (0..steps.len()).filter(|&i| matches!(steps[i].2, Send("send_event"))).collect();
    let (_, who, send) = steps.remove(sends[1]);
    steps.insert(sends[0] + 1, (2_010, who, send));
    assert_eq!(self::told(&steps), [("reordered_delivery", 2)]);
}

/// What is spoken, and the events with the order that they came with.
fn sequence(sequence: &Sequence) -> (&str, String) {
    let event = |told: &Told| format!("{} {}", told.event.as_deref().unwrap_or("?"), told.order.unwrap_or(-1));
    (sequence.dialect.as_str(), sequence.events.iter().map(event).collect::<Vec<_>>().join(", "))
}

#[test]
fn observers_of_a_lost_event_and_of_one_with_two_orders_are_laid_side_by_side() {
    let observers = |steps: &[Step], kind| {
        let mut world = World::new();
        world.play(steps);
        let tally = world.settle(60_000);
        let sample = &tally.violations.get(kind).unwrap().samples[0];
        let SideBySide { here, there, .. } = sample.observers.clone().unwrap();
        (sequence(&here).1, sequence(&there).1)
    };
    let of_all = "e1 1, e2 2, e3 3, e4 4".to_owned();
    let lost = observers(&with(3110, CUSTOMER, &[]), ViolationKind::LostEvent);
    assert_eq!(lost, ("e1 1, e2 2, e4 4".to_owned(), of_all));
    // The customer is told before the agent, who knows the event from its answer.
    let other = changed(incoming(CUSTOMER, "e3", 3, AGENT), "/event/order", json!(9));
    let disagreed = observers(&with(3110, CUSTOMER, &[other]), ViolationKind::ObserversDisagree);
    assert_eq!(disagreed, ("e1 1, e2 2, e3 9".to_owned(), "e1 1, e2 2".to_owned()));
}

#[test]
fn what_is_kept_to_be_laid_side_by_side_is_bounded() {
    let mut steps = conversation();
    for n in 5..40 {
        let at = 5_000 + 1_000 * n;
        let id: &str = Box::leak(format!("e{n}").into_boxed_str());
        steps.push((at, AGENT, incoming(AGENT, id, n as i64, AGENT)));
        steps.push((at + 1, CUSTOMER, incoming(CUSTOMER, id, n as i64, AGENT)));
    }
    steps.push((50_000, CUSTOMER, incoming(CUSTOMER, "late", 38, AGENT)));
    let mut world = World::new();
    world.play(&steps);
    let tally = world.settle(100_000);
    let sample = &tally.violations.get(ViolationKind::DuplicateOrder).unwrap().samples[0];
    let SideBySide { here, there, .. } = sample.observers.as_ref().unwrap();
    assert_eq!((here.events.len(), there.events.len()), (12, 12));
    assert!(sequence(here).1.ends_with("e38 38, e39 39, late 38") && sequence(there).1.ends_with("e38 38, e39 39"));
}

#[test]
fn reordered_arrivals_are_counted_with_their_extent() {
    let mut steps = with(2110, CUSTOMER, &[]);
    steps.push((5_500, CUSTOMER, incoming(CUSTOMER, "e2", 2, AGENT)));
    let mut world = World::new();
    world.play(&steps);
    let tally = world.settle(60_000);
    assert_eq!(kinds(&tally), [("reordered_delivery", 1)]);
    let told = tally.violations.get(ViolationKind::ReorderedDelivery).unwrap().samples[0].observers.as_ref().unwrap();
    assert_eq!(told.thread, "T");
    assert_eq!(sequence(&told.here), ("customer/v0.3", "e1 1, e3 3, e4 4, e2 2".to_owned()));
    assert_eq!(sequence(&told.there), ("agent/v3.0", "e1 1, e2 2, e3 3, e4 4".to_owned()));
    assert_eq!((tally.ordering.reordered, tally.ordering.extents), (1, [(2, 1)].into()));
}

#[test]
fn a_violation_names_its_rule_and_shows_the_frames() {
    let push = incoming(CUSTOMER, "e2", 2, AGENT);
    let mut world = World::new();
    world.play(&with(2110, CUSTOMER, &[push.clone(), push]));
    let tally = world.settle(60_000);
    let sample = &tally.violations.iter().next().unwrap().1.samples[0];
    let violation = &sample.violation;
    assert_eq!(violation.source.as_deref(), Some("customer-v0.3 803"));
    assert_eq!(
        (violation.expected.as_str(), violation.got.as_str()),
        ("event `e2` once on a connection", "it a second time")
    );
    assert_eq!((violation.connection, violation.action.as_deref()), (ConnectionId(1), Some("incoming_event")));
    assert!(sample.transcript.last().unwrap().text.contains("incoming_event"));
}

#[test]
fn memory_is_bounded_whatever_the_peer_sends() {
    let mut world = World::new();
    let threads = Ledger::LIMIT as u64 * 5 / 4;
    for n in 0..threads {
        let mut payload =
            json!({"chat_id": format!("C{n}"), "thread_id": format!("T{n}"), "event": event(AGENT, "", 1, AGENT)});
        payload["event"]["id"] = json!(format!("e{n}"));
        world.play(&[(n, AGENT, Push("incoming_event", payload))]);
    }
    for n in 0..1000 {
        world.play(&[(n as u64, AGENT, incoming(AGENT, &format!("f{n}{}", "x".repeat(1000)), n, AGENT))]);
    }
    let (remembered, longest) = world.ledger.remembered();
    assert!(remembered <= Ledger::LIMIT);
    assert_eq!(longest, 32);
    let tally = world.settle(60_000);
    assert_eq!(kinds(&tally), []);
    assert_eq!(tally.ordering.evicted, threads + 1 - remembered as u64);
    assert_eq!(tally.ordering.events, threads + 1000);
}

#[test]
fn what_is_forgotten_is_judged_before() {
    let mut world = World::new();
    world.play(&with(5120, AGENT, &[]));
    for n in 0..Ledger::LIMIT as u64 * 2 {
        let payload =
            json!({"chat_id": "D", "thread_id": format!("T{n}"), "event": event(AGENT, &format!("g{n}"), 1, AGENT)});
        world.play(&[(8_000, AGENT, Push("incoming_event", payload))]);
    }
    let tally = world.settle(60_000);
    assert_eq!((kinds(&tally), tally.ordering.lost, tally.ordering.indeterminate), (vec![], 0, 1));
}
