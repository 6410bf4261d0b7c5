//! How connections begin and end, whose they are, and how they are varied.

use super::*;

fn idle(after: Duration) -> Timing {
    Timing { customer_idle: after, ..Timing::default() }
}

#[tokio::test]
async fn the_end_of_a_connection_is_awaited() {
    let steps = [
        "{ closes: { within: 5s, not_before: 200ms }, name: in_time, proves: [C03-B1] }",
        "{ closes: {}, name: was_over, proves: [C03-B1] }",
        "reconnect",
        "{ closes: { within: 5s, not_before: 3s }, name: early, proves: [C03-B1] }",
        "reconnect",
        "{ closes: { within: 50ms }, name: late, proves: [C03-B1] }",
        "{ call: ping, name: still_there, proves: [C03-B1] }",
        "{ closes: { not_before: 50ms }, name: kept, proves: [C03-B1] }",
        "{ closes: { not_before: 3s }, name: not_kept, proves: [C03-B1] }",
        "disconnect",
        "{ closes: {}, name: nothing_to_close, proves: [C03-B1] }",
    ];
    let text = customer("websocket", &steps).replace("    steps:", "    keep_alive: never\n    steps:");
    let told = play_with(scenario(&text), idle(Duration::from_millis(400))).await;
    let proofs = told.proofs();
    let early = "early broken: the server ended the connection after 0.";
    assert!(proofs[2].starts_with(early) && proofs[2].ends_with(" s, expected not before 3s"), "{proofs:?}");
    assert!(proofs[6].starts_with("not_kept broken: the server ended the connection after 0."), "{proofs:?}");
    let others = [&proofs[0], &proofs[1], &proofs[3], &proofs[4], &proofs[5], &proofs[7]];
    let expected = [
        "in_time held",
        "was_over held",
        "late broken: the server did not end the connection within 50ms",
        "still_there held",
        "kept held",
        "nothing_to_close unfit: there is no connection",
    ];
    assert_eq!(others, expected);
}

#[tokio::test]
async fn a_connection_is_refused_or_taken() {
    let told = play(&customer(
        "websocket",
        &[
            "{ reconnect: { query: { license_id: null }, expect: refused }, name: no_licence, proves: [C03-B1] }",
            "{ call: ping, name: nobody, proves: [C03-B1] }",
            "{ reconnect: { query: { license_id: '${actor.id}' } }, name: needed, proves: [C03-B1] }",
            "{ reconnect: { query: { more: x } }, name: taken, proves: [C03-B1] }",
            "{ call: ping, name: alive, proves: [C03-B1] }",
            "{ reconnect: { expect: refused }, name: kept, proves: [C03-B1] }",
        ],
    ))
    .await;
    let proofs = told.proofs();
    assert_eq!(proofs[..2], ["no_licence held", "nobody unfit: `ping` could not be sent: there is no connection"]);
    assert!(proofs[2].starts_with("needed broken: 127.0.0.1:") && proofs[2].contains("HTTP 4"), "{proofs:?}");
    let expected = ["taken held", "alive held", "kept broken: the server took the connection and kept it for 5s"];
    assert_eq!(proofs[3..], expected);
}

#[tokio::test]
async fn a_connection_that_the_server_ends_soon_was_refused_and_one_that_nobody_takes_was_not() {
    let refused = customer("websocket", &["{ reconnect: { expect: refused }, name: refused, proves: [C03-B1] }"]);
    let told = play_with(scenario(&refused), idle(Duration::from_millis(300))).await;
    assert_eq!(told.proofs(), ["refused held"]);

    let nobody = customer("websocket", &["reconnect"]).replace("customer/v0.3", "agent/v3.0");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::parse(&format!("http://{}", listener.local_addr().unwrap()), 1).unwrap();
    drop(listener);
    let told =
        perform(scenario(&nobody.replace("    login: { customer: { name: Ann } }\n", "")), Arc::new(target)).await;
    assert!(told.failures()[0].contains("refused the connection"), "{:?}", told.failures());
    assert_eq!(told.outcomes, [ActorOutcome::Failed]);
}

const TWINS: &str = r#"
actors:
  first:
    dialect: customer/v0.3
    transport: websocket
    login: { customer: { name: Ann } }
    steps:
      - { call: start_chat, payload: {}, share: { chat: /chat/id } }
      - { await: incoming_event, match: { /event/author_id: "${actor.user}" }, name: same_user, proves: [C03-B1] }
      - { check: [{ value: "${actor.token}", equals: x }], name: shown, proves: [C03-B1] }
  second:
    dialect: customer/v0.3
    transport: web
    as: first
    steps:
      - wait_for: chat
      - { call: send_event, payload: { chat_id: "${cast.chat}", event: { type: message, text: Hi } } }
casts:
  twins: [first, second]
load: { for: 1s, populations: [{ cast: twins, standing: 1 }] }
"#;

#[tokio::test]
async fn members_of_a_cast_can_be_one_user_and_the_token_is_given_back_once() {
    let told = play(TWINS).await;
    assert_eq!(told.failures(), Vec::<String>::new());
    assert_eq!(told.proofs(), ["same_user held", r#"shown broken: ${actor.token} is "[redacted]", expected "x""#]);
    assert_eq!(told.tokens(), ["took customers", "returned customers"]);

    // As two users, the second is no member of the first one's chat.
    let told =
        play(&TWINS.replace("    as: first\n", "").replace(", name: same_user", ", within: 300ms, name: same_user"))
            .await;
    assert_eq!(told.outcomes, [ActorOutcome::Finished, ActorOutcome::Failed]);
    assert!(told.proofs()[0].starts_with("same_user broken: no `incoming_event` with"), "{:?}", told.proofs());
    assert_eq!(told.tokens()[..2], ["took customers", "took customers"]);
    assert_eq!(told.tokens()[2..], ["returned customers", "returned customers"]);
}

#[tokio::test]
async fn a_token_can_be_shown_to_the_server_by_hand() {
    let steps = [
        "{ call: login, payload: { token: 'x${actor.token}' }, deliberately: invalid, expect: anything, \
            assert: [{ at: /error/type, equals: '${actor.token}' }], name: wrong_token, proves: [C03-B1] }",
        "{ call: login, payload: { token: '${actor.token}' }, name: right_token, proves: [C03-B1] }",
    ];
    let text = customer("websocket", &steps).replace("{ customer: { name: Ann } }", "false");
    let told = play(&text).await;
    let wrong = "wrong_token broken: in `login`: /error/type is \"authentication\", expected \"[redacted]\"";
    assert_eq!(told.proofs(), [wrong, "right_token held"]);

    let told = play(&text.replace("    steps:", "    credentials: nobody\n    steps:")).await;
    assert_eq!(told.failures(), ["all tokens of the pool `nobody` are in use"]);
}

#[tokio::test]
async fn a_call_of_the_web_api_can_be_varied() {
    let told = play(&customer(
        "web",
        &[
            "{ call: update_customer, payload: { customer: { name: Ann } }, name: usual, proves: [C03-B1] }",
            "{ call: start_chat, payload: {}, authorization: none, expect: { error: authentication }, name: nobody, proves: [C03-B1] }",
            "{ call: start_chat, payload: {}, authorization: Bearer nonsense, expect: { error: authentication }, name: nonsense, proves: [C03-B1] }",
            "{ call: start_chat, payload: {}, query: { license_id: null }, expect: { error: validation }, name: no_licence, proves: [C03-B1] }",
            "{ call: start_chat, payload: {}, authorization: 'bearer ${actor.token}', query: { license_id: 7 }, capture: { chat: /chat/id }, name: same, proves: [C03-B1] }",
            "{ call: send_file, payload: { chat_id: '${chat}', custom_id: a }, upload: { bytes: 1000, name: a.png, type: image/png }, name: file, proves: [C03-B1] }",
            "{ call: send_file, payload: { chat_id: '${chat}', custom_id: b }, upload: { bytes: 10485761 }, deliberately: invalid, \
                expect: { error: validation }, name: large, proves: [C03-B1] }",
            "{ call: send_file, payload: { chat_id: '${chat}', custom_id: c }, upload: { bytes: 1 }, content_type: text/plain, expect: refused, name: no_parts, proves: [C03-B1] }",
            "{ call: start_chat, payload: {}, authorization: none, name: broken, proves: [C03-B1] }",
        ],
    ))
    .await;
    let proofs = told.proofs();
    let held = ["usual", "nobody", "nonsense", "no_licence", "same", "file", "large", "no_parts"];
    assert_eq!(proofs.len(), held.len() + 1, "{proofs:?}");
    assert_eq!(proofs[..held.len()], held.map(|name| format!("{name} held")));
    let broken = "broken broken: `start_chat` should be answered with success, got the error `authentication` (";
    assert!(proofs[held.len()].starts_with(broken), "{proofs:?}");
}

#[tokio::test]
async fn an_actor_says_how_its_connection_is_kept_alive() {
    let own = Protocol::embedded().unwrap().dialect("customer/v0.3").unwrap().clone();
    let mut dialect = Arc::into_inner(own).unwrap();
    dialect.catalog.rtm.ping_every = Duration::from_millis(200);
    let dialect = Arc::new(dialect);
    for (keep_alive, expected) in [("frames", "open"), ("action", "open"), ("never", "closed")] {
        let steps = ["{ think: 1500ms }", "{ call: ping, name: open, proves: [C03-B1] }"];
        let text =
            customer("websocket", &steps).replace("    steps:", &format!("    keep_alive: {keep_alive}\n    steps:"));
        let mut scenario = Arc::into_inner(scenario(&text)).unwrap();
        scenario.actors.clear();
        let population = &mut scenario.load.populations[0];
        let actor = Arc::into_inner(population.members.remove(0)).unwrap();
        population.members.push(Arc::new(Actor { dialect: dialect.clone(), ..actor }));
        let told = play_with(Arc::new(scenario), idle(Duration::from_millis(700))).await;
        let found = if told.proofs() == ["open held"] { "open" } else { "closed" };
        assert_eq!(found, expected, "{keep_alive}: {:?}", told.proofs());
    }
}

#[tokio::test]
async fn an_event_can_be_sent_without_an_id_of_its_sender() {
    let event = "{ type: message, text: Hi, custom_id: null }";
    let send = format!("call: send_event, payload: {{ chat_id: '${{chat}}', event: {event} }}, proves: [C03-B1]");
    let told = play(&customer(
        "websocket",
        &[
            OPEN,
            &format!("{{ {send}, assert: [{{ at: /event/custom_id, present: false }}], name: unsigned }}"),
            &format!("{{ {send}, assert: [{{ at: /event/custom_id, present: true }}], name: signed }}")
                .replace(", custom_id: null", ""),
        ],
    ))
    .await;
    assert_eq!(told.proofs(), ["unsigned held", "signed held"]);
}

#[tokio::test]
async fn a_part_of_an_answer_can_be_known_or_not() {
    let told = play(&customer(
        "websocket",
        &[
            "{ call: start_chat, payload: {}, expect: anything, capture: { one: '' } }",
            "{ call: close_thread, payload: { chat_id: none }, expect: anything, capture: { two: '' } }",
            "{ if: { known: 'one:/chat/id' }, then: [{ check: [{ value: '${one:/chat/id}', type: string }], name: there, proves: [C03-B1] }] }",
            "{ if: { known: 'two:/chat/id' }, then: [{ check: [{ value: '${two}', type: string }], name: not_there, proves: [C03-B1] }] }",
        ],
    ))
    .await;
    assert_eq!(told.proofs(), ["there held"]);
    assert_eq!(told.failures(), Vec::<String>::new());
}
