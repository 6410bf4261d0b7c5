use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::message::parse_request;
use crate::protocol::{Kind, Protocol};

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

fn dialect(name: &str) -> Arc<Dialect> {
    PROTOCOL.dialect(name).unwrap().clone()
}

fn trouble(dialect: &Arc<Dialect>, hardships: &[Hardship], faults: &[Fault], seed: u64) -> Trouble {
    let choice = Choice { hardships: hardships.to_vec(), faults: faults.to_vec(), seed };
    Trouble::new(dialect.clone(), &choice, 1)
}

/// An answer to a send, and the push that belongs to it.
fn messages(count: u64) -> Vec<String> {
    (0..count)
        .flat_map(|n| {
            let answer =
                json!({"request_id": format!("{n}"), "action": "send_event", "type": "response", "success": true, "payload": {"n": n}});
            let push =
                json!({"request_id": format!("{n}"), "action": "incoming_event", "type": "push", "payload": {"n": n}});
            [answer.to_string(), push.to_string()]
        })
        .collect()
}

/// What a client gets when the server sends a message every 10 ms, and when.
fn arriving(trouble: &mut Trouble, messages: &[String]) -> Vec<(Duration, Deed)> {
    let mut arrived = Vec::new();
    let mut now = Moment::default();
    for message in messages {
        now = now + Duration::from_millis(10);
        trouble.server_sent(now, message);
        arrived.extend(std::iter::from_fn(|| trouble.due(now)).map(|deed| (now.since(Moment::default()), deed)));
    }
    while let Some(due) = trouble.next_due() {
        arrived.extend(trouble.due(due).map(|deed| (due.since(Moment::default()), deed)));
    }
    arrived
}

fn texts(arrived: &[(Duration, Deed)]) -> Vec<String> {
    let texts = arrived.iter().filter_map(|(_, deed)| match deed {
        Deed::Send(text) => Some(text.clone()),
        Deed::Close | Deed::Cut => None,
    });
    texts.collect()
}

fn counted(texts: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    texts.iter().for_each(|text| *counts.entry(text.clone()).or_default() += 1);
    counts
}

#[test]
fn without_trouble_everything_arrives_at_once_and_in_order() {
    let mut trouble = trouble(&dialect("customer/v0.3"), &[], &[], 1);
    let arrived = arriving(&mut trouble, &messages(50));
    assert_eq!(texts(&arrived), messages(50));
    assert_eq!(arrived[99].0, Duration::from_millis(1000));
    assert_eq!(trouble.provoked(), []);
}

#[test]
fn each_hardship_shows_and_is_told() {
    let dialect = dialect("customer/v0.3");
    let sent = messages(100);
    for &hardship in Hardship::ALL {
        let mut trouble = trouble(&dialect, &[hardship], &[], 7);
        let arrived = arriving(&mut trouble, &sent);
        let texts = texts(&arrived);
        let place = |text: &String| texts.iter().position(|arrived| arrived == text);
        let shows = match hardship {
            Hardship::ShuffledPushes => sent.chunks(2).is_sorted_by_key(|pair| place(&pair[0])) && texts != sent,
            Hardship::SlowAnswers => arrived.last().unwrap().0 > Duration::from_secs(3),
            Hardship::PushBeforeResponse => sent.chunks(2).all(|pair| place(&pair[1]) < place(&pair[0])),
            Hardship::DuplicatePushes => counted(&texts).values().any(|count| *count == 2),
            Hardship::UnknownPushes => texts.iter().any(|text| text.contains("something_new_happened")),
            Hardship::UnknownMembers => texts.iter().all(|text| text.matches("something_new").count() == 2),
            Hardship::Disconnects => arrived.iter().any(|(_, deed)| *deed == Deed::Close),
        };
        assert!(shows, "{hardship:?} {texts:?}");
        assert!(trouble.provoked().contains(&Provoked::Hardship(hardship)), "{hardship:?}");
    }
}

#[test]
fn each_fault_shows_and_is_told() {
    let dialect = dialect("agent/v3.0");
    for &fault in Fault::ALL {
        let mut trouble = trouble(&dialect, &[], &[fault], 7);
        let request = parse_request(r#"{"request_id":"r","action":"send_event","payload":{}}"#).unwrap();
        let fates: Vec<Fate> = (0..10).map(|_| trouble.client_asked(&request)).collect();
        let answers: Vec<&str> = fates
            .iter()
            .filter_map(|fate| match fate {
                Fate::Answer(text) => Some(text.as_str()),
                Fate::Forward => None,
            })
            .collect();
        let arrived = arriving(&mut trouble, &messages(20));
        let texts = texts(&arrived);
        let shows = match fault {
            Fault::DroppedConnection => arrived.iter().any(|(_, deed)| *deed == Deed::Cut),
            Fault::RequestTimeout => answers[0].contains("request_timeout") && answers[0].contains("\"r\""),
            Fault::Silence => arrived.iter().any(|(at, _)| *at > dialect.catalog.timeout),
            Fault::MalformedFrame => texts.iter().any(|text| parse_frame(text).is_err()),
        };
        assert!(shows, "{fault:?} {texts:?}");
        assert_eq!(!answers.is_empty(), fault == Fault::RequestTimeout);
        assert!(trouble.provoked().contains(&Provoked::Fault(fault)), "{fault:?}");
    }
}

/// What comes of fifty calls that are answered.
fn replies(trouble: &mut Trouble) -> Vec<(Option<ApiError>, Reply)> {
    (0..50).map(|_| (trouble.called("send_event"), trouble.call_answered(ANSWER.as_bytes()))).collect()
}

const ANSWER: &str = r#"{"event_id":"E1"}"#;

#[test]
fn what_can_be_done_to_calls_shows_and_is_told_and_nothing_else_is_done() {
    let dialect = dialect("customer/v0.3");
    let all: Vec<Provoked> = Hardship::ALL
        .iter()
        .map(|hardship| Provoked::Hardship(*hardship))
        .chain(Fault::ALL.iter().map(|fault| Provoked::Fault(*fault)))
        .collect();
    let usual = (None, Reply::After(Duration::ZERO, ANSWER.as_bytes().to_vec()));
    for provoked in all {
        let mut trouble = match provoked {
            Provoked::Hardship(hardship) => trouble(&dialect, &[hardship], &[], 1),
            Provoked::Fault(fault) => trouble(&dialect, &[], &[fault], 1),
        };
        let replies = replies(&mut trouble);
        let hit: Vec<_> = replies.iter().filter(|reply| **reply != usual).collect();
        let longest = dialect.catalog.timeout;
        let shows = match provoked {
            Provoked::Hardship(Hardship::SlowAnswers) => {
                hit.iter().all(|(_, reply)| matches!(reply, Reply::After(time, _) if *time < longest))
            }
            Provoked::Hardship(Hardship::UnknownMembers) => hit.len() == 50,
            Provoked::Fault(Fault::DroppedConnection) => hit[0].1 == Reply::Cut,
            Provoked::Fault(Fault::RequestTimeout) => hit[0].0.as_ref().is_some_and(|error| error.kind == TIMED_OUT),
            Provoked::Fault(Fault::Silence) => matches!(&hit[0].1, Reply::After(time, _) if *time > longest),
            Provoked::Fault(Fault::MalformedFrame) => {
                matches!(&hit[0].1, Reply::After(_, body) if serde_json::from_slice::<Value>(body).is_err())
            }
            // These need pushes, or a connection that belongs to somebody.
            Provoked::Hardship(_) => {
                assert_eq!((hit.len(), trouble.provoked()), (0, Vec::new()), "{provoked:?}");
                continue;
            }
        };
        assert!(shows && !hit.is_empty(), "{provoked:?} {replies:?}");
        assert!(trouble.provoked().contains(&provoked), "{provoked:?}");
    }
    let hard = |seed| replies(&mut trouble(&dialect, Hardship::ALL, Fault::ALL, seed));
    assert_eq!(hard(3), hard(3));
    assert_ne!(hard(3), hard(4));
}

#[test]
fn what_waits_can_be_made_to_leave() {
    let mut trouble = trouble(&dialect("customer/v0.3"), &[Hardship::PushBeforeResponse], &[], 1);
    trouble.server_sent(Moment(1), &messages(1)[0]);
    assert_eq!(trouble.due(Moment(2)), None);
    trouble.hurry(Moment(2));
    assert_eq!(trouble.due(Moment(2)), Some(Deed::Send(messages(1)[0].clone())));
}

#[test]
fn a_silence_holds_back_no_more_than_so_much() {
    let mut trouble = trouble(&dialect("agent/v3.0"), &[], &[Fault::Silence], 7);
    let messages = messages(10);
    let sent = (0..5_000).take_while(|n| {
        trouble.server_sent(Moment(*n), &messages[0]);
        while trouble.due(Moment(*n)).is_some() {}
        !trouble.is_full()
    });
    assert!((FULL - 10..FULL + 10).contains(&sent.count()));
}

#[test]
fn nobody_is_kept_from_logging_in() {
    let mut trouble = trouble(&dialect("agent/v3.0"), &[], Fault::ALL, 7);
    let login = parse_request(r#"{"request_id":"r","action":"login","payload":{}}"#).unwrap();
    assert!((0..50).all(|_| trouble.client_asked(&login) == Fate::Forward));
}

#[test]
fn what_is_made_up_is_as_documented_where_it_is_a_hardship() {
    for dialect in PROTOCOL.dialects() {
        let mut trouble = trouble(dialect, &[Hardship::Disconnects], &[], 3);
        let arrived = arriving(&mut trouble, &messages(20));
        let end = arrived.iter().position(|(_, deed)| *deed == Deed::Close).unwrap();
        let Deed::Send(last) = &arrived[end - 1].1 else { panic!("{arrived:?}") };
        let message = parse_frame(last).unwrap();
        let push = &dialect.catalog.disconnect.push;
        assert_eq!(*message.action == **push, dialect.catalog.disconnect.reasons.contains_key(REASON));
        if *message.action == **push {
            assert_eq!(dialect.schemas.check(Kind::Push, push, &message.payload), []);
        }
    }
}

proptest! {
    /// Whatever the hardships: nothing is lost, nothing comes after the limit, and the same seed does the same.
    #[test]
    fn hardships_lose_nothing(
        seed: u64,
        chosen in proptest::sample::subsequence(
            vec![
                Hardship::ShuffledPushes,
                Hardship::SlowAnswers,
                Hardship::PushBeforeResponse,
                Hardship::DuplicatePushes,
                Hardship::UnknownPushes,
            ],
            0..5,
        ),
    ) {
        let dialect = dialect("customer/v0.3");
        let sent = messages(30);
        let arrived = arriving(&mut trouble(&dialect, &chosen, &[], seed), &sent);
        let counts = counted(&texts(&arrived));
        for text in &sent {
            prop_assert!((1..=2).contains(&counts.get(text).copied().unwrap_or_default()), "{}", text);
        }
        prop_assert!(arrived.iter().all(|(at, _)| *at < dialect.catalog.timeout));
        let again = arriving(&mut trouble(&dialect, &chosen, &[], seed), &sent);
        prop_assert_eq!(arrived, again);
    }
}
