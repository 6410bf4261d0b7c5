//! Actors against the embedded reference server: what a step proves is told both ways.

mod connections;

use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::oneshot;

use super::*;
use crate::observe::{Fact, Observation, Observer};
use crate::protocol::Protocol;
use crate::reference::{Server, ServerOptions, Timing};
use crate::scenario::{Actor, Scenario, load};
use crate::session::{IdSource, PingStyle, Target};

/// Remembers what it is told, and hands out tokens.
struct Notes {
    clock: Clock,
    proofs: Mutex<Vec<Proof>>,
    failures: Mutex<Vec<StepFailure>>,
    exhausted: Mutex<Vec<StepFailure>>,
    violations: Mutex<Vec<String>>,
    /// `took POOL` and `returned POOL`.
    tokens: Mutex<Vec<String>>,
}

impl Surroundings for Notes {
    fn until(&self, moment: Moment) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep_until(self.clock.instant(moment).into()))
    }

    fn step_failed(&self, failure: StepFailure) {
        self.failures.lock().unwrap().push(failure);
    }

    fn exhausted(&self, failure: StepFailure) {
        self.exhausted.lock().unwrap().push(failure);
    }

    fn proved(&self, proof: Proof) {
        self.proofs.lock().unwrap().push(proof);
    }

    fn take_token(&self, pool: &str) -> Result<Token, String> {
        let mut tokens = self.tokens.lock().unwrap();
        let number = tokens.len();
        match pool {
            "nobody" => return Err("all tokens of the pool `nobody` are in use".to_owned()),
            _ => tokens.push(format!("took {pool}")),
        }
        Ok(Token::new(&match pool {
            "agents" => format!("Bearer agent:a{number}-s3cret@example.com"),
            _ => format!("customer:c{number}-s3cret"),
        }))
    }

    fn return_token(&self, pool: &str, _: Token) {
        self.tokens.lock().unwrap().push(format!("returned {pool}"));
    }
}

impl Observer for Notes {
    fn observe(&self, observation: &Observation<'_>) {
        if let Fact::Violated(violation) = &observation.fact {
            self.violations.lock().unwrap().push(format!("{}: {}", violation.kind, violation.got));
        }
    }
}

/// What was told of a play.
struct Told {
    outcomes: Vec<ActorOutcome>,
    notes: Arc<Notes>,
}

impl Told {
    /// What came of the steps that prove something, such as `opened held` or `greeted broken: …`.
    fn proofs(&self) -> Vec<String> {
        let proofs = self.notes.proofs.lock().unwrap();
        let shown = proofs.iter().map(|proof| match &proof.outcome {
            ProofOutcome::Held => format!("{} held", proof.name),
            ProofOutcome::Broken { reason } => format!("{} broken: {reason}", proof.name),
            ProofOutcome::Unfit { reason } => format!("{} unfit: {reason}", proof.name),
        });
        shown.collect()
    }

    fn failures(&self) -> Vec<String> {
        self.notes.failures.lock().unwrap().iter().map(|failure| failure.reason.clone()).collect()
    }

    fn tokens(&self) -> Vec<String> {
        self.notes.tokens.lock().unwrap().clone()
    }
}

fn protocol() -> Arc<Protocol> {
    static PROTOCOL: OnceLock<Arc<Protocol>> = OnceLock::new();
    PROTOCOL.get_or_init(|| Arc::new(Protocol::embedded().unwrap())).clone()
}

fn scenario(text: &str) -> Arc<Scenario> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("play.yaml");
    std::fs::write(&path, text).unwrap();
    let loaded = load(&path, &protocol(), &|_| Ok(None));
    Arc::new(loaded.unwrap_or_else(|errors| panic!("{errors}")))
}

/// Plays everybody in the populations of a scenario once, against a server with these times.
async fn play_with(scenario: Arc<Scenario>, timing: Timing) -> Told {
    let options = ServerOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        seed: 1,
        defects: Vec::new(),
        hardships: Vec::new(),
        protocol: protocol(),
        timing,
    };
    let server = Server::bind(options).await.unwrap();
    let target = Arc::new(Target::parse(&format!("http://{}", server.addr()), 1).unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async move { drop(stopped.await) }));
    let told = perform(scenario, target).await;
    drop(stop);
    running.await.unwrap();
    told
}

async fn perform(scenario: Arc<Scenario>, target: Arc<Target>) -> Told {
    let clock = Clock::start();
    let notes = Arc::new(Notes {
        clock,
        proofs: Mutex::default(),
        failures: Mutex::default(),
        exhausted: Mutex::default(),
        violations: Mutex::default(),
        tokens: Mutex::default(),
    });
    let session = SessionContext {
        target,
        dialect: scenario.load.populations[0].members[0].dialect.clone(),
        observer: notes.clone(),
        clock,
        ids: IdSource::default(),
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        pings: PingStyle::Frame,
    };
    let stage =
        Stage { surroundings: notes.clone(), clock, begin: clock.now(), session, wind_down: CancellationToken::new() };
    let mut walks = Vec::new();
    for population in &scenario.load.populations {
        let cast = Arc::new(Cast::new(population.members.len()));
        for actor in &population.members {
            let (actor, cast) = (actor.clone(), cast.clone());
            let instance = Instance { actor, number: 0, due: clock.now(), seed: 1, cast, persistent: false };
            walks.push(walk(scenario.clone(), instance, stage.clone()));
        }
    }
    let outcomes = futures_util::future::join_all(walks).await;
    let told = Told { outcomes, notes };
    let shown = format!("{:?} {:?} {:?}", told.proofs(), told.failures(), told.notes.violations.lock().unwrap());
    assert!(!shown.contains("s3cret"), "a token was shown: {shown}");
    told
}

async fn play(text: &str) -> Told {
    play_with(scenario(text), Timing::default()).await
}

/// A scenario of one customer with these steps, each a line of flow YAML.
fn customer(transport: &str, steps: &[&str]) -> String {
    let steps: String = steps.iter().map(|step| format!("      - {step}\n")).collect();
    let login = if transport == "web" { "" } else { "    login: { customer: { name: Ann } }\n" };
    format!(
        "actors:\n  customer:\n    dialect: customer/v0.3\n    transport: {transport}\n{login}    steps:\n{steps}\
         load: {{ for: 1s, populations: [{{ actor: customer, standing: 1 }}] }}\n"
    )
}

const OPEN: &str = "{ call: start_chat, payload: {}, capture: { chat: /chat/id } }";

#[tokio::test]
async fn a_step_that_proves_something_is_told_both_ways_and_the_actor_goes_on() {
    let told = play(&customer(
        "websocket",
        &[
            "{ call: start_chat, payload: {}, capture: { chat: /chat/id }, name: opened, proves: [C03-B1] }",
            "{ call: start_chat, payload: {}, expect: refused, name: twice, proves: [C03-B2] }",
            "{ call: close_thread, payload: { chat_id: none }, name: closed, proves: [C03-B3, C03-B4] }",
            "{ call: close_thread, payload: { chat_id: none }, expect: refused, name: refused, proves: [C03-B3] }",
            "{ call: close_thread, payload: { chat_id: none }, expect: { error: [internal, validation] }, name: either, proves: [C03-B3] }",
            "{ call: close_thread, payload: { chat_id: none }, expect: { error: internal }, name: other, proves: [C03-B3] }",
            "{ call: close_thread, payload: { chat_id: '${chat}' }, name: last, proves: [C03-B3] }",
        ],
    ))
    .await;
    let proofs = told.proofs();
    let expected = [
        "opened held",
        "twice broken: `start_chat` should be answered with a documented error, got success with {\"chat\":",
        "closed broken: `close_thread` should be answered with success, got the error `validation` (",
        "refused held",
        "either held",
        "other broken: `close_thread` should be answered with the error `internal`, got the error `validation` (",
        "last held",
    ];
    assert_eq!(proofs.len(), expected.len(), "{proofs:?}");
    for (proof, expected) in proofs.iter().zip(expected) {
        assert!(proof.starts_with(expected), "{proof}\n{expected}");
    }
    assert_eq!((told.outcomes.as_slice(), told.failures().len()), ([ActorOutcome::Finished].as_slice(), 0));
    let first = &told.notes.proofs.lock().unwrap()[0];
    assert_eq!((first.actor.as_str(), first.step.as_str()), ("customer 0", "/actors/customer/steps/0"));
    assert_eq!((first.dialect.as_str(), first.requirements[0].to_string().as_str()), ("customer/v0.3", "C03-B1"));
    assert!(first.connection.is_some());
}

#[tokio::test]
async fn a_step_whose_values_are_lacking_ends_the_actor_and_is_told_once() {
    let told = play(&customer(
        "websocket",
        &[
            "{ call: close_thread, payload: { chat_id: none }, capture: { thread: /thread_id }, name: lacking, proves: [C03-B1] }",
            "{ call: ping, name: never_reached, proves: [C03-B1] }",
        ],
    ))
    .await;
    assert_eq!(told.proofs().len(), 1, "{:?}", told.proofs());
    assert!(told.proofs()[0].starts_with("lacking broken: "), "{:?}", told.proofs());
    assert_eq!((told.outcomes[0], told.failures().len()), (ActorOutcome::Failed, 0));
}

#[tokio::test]
async fn values_that_could_be_taken_let_the_actor_go_on() {
    let told = play(&customer(
        "websocket",
        &[
            "{ call: start_chat, payload: {}, assert: [{ at: /chat/id, equals: x }], capture: { chat: /chat/id }, name: odd, proves: [C03-B1] }",
            "{ call: close_thread, payload: { chat_id: '${chat}' }, name: after, proves: [C03-B1] }",
        ],
    ))
    .await;
    assert!(told.proofs()[0].starts_with("odd broken: in `start_chat`: /chat/id is \""), "{:?}", told.proofs());
    assert_eq!(told.proofs()[1], "after held");
}

#[tokio::test]
async fn a_block_that_proves_something_is_judged_as_a_whole() {
    let told = play(&customer(
        "websocket",
        &[
            "{ group: one, steps: [ping_step], name: whole, proves: [C03-B1] }",
            "{ group: two, steps: [{ call: close_thread, payload: { chat_id: none } }, ping_step], name: part, proves: [C03-B1] }",
            "{ group: three, steps: [{ disconnect_step }, ping_step], name: none, proves: [C03-B1] }",
        ],
    ).replace("ping_step", "{ call: ping }").replace("{ disconnect_step }", "disconnect"))
    .await;
    let proofs = told.proofs();
    assert_eq!(proofs[0], "whole held");
    assert!(
        proofs[1].starts_with("part broken: in `two`: `close_thread` should be answered with success"),
        "{proofs:?}"
    );
    assert_eq!(proofs[2], "none unfit: in `three`: `ping` could not be sent: there is no connection");
}

#[tokio::test]
async fn what_cannot_be_carried_out_is_no_evidence() {
    let told = play(&customer(
        "websocket",
        &[
            "{ if: { chance: 0 }, then: [{ set: { none: 1 } }] }",
            "{ call: close_thread, payload: { chat_id: '${none}' }, name: hole, proves: [C03-B1] }",
            "{ call: ping, assert: [{ at: /x, equals: '${none}' }], name: hole_in_assertion, proves: [C03-B1] }",
            "{ set: { word: x } }",
            "{ check: [{ value: '${word}', above: '${word}' }], name: no_number, proves: [C03-B1] }",
            "{ wait_for: nothing, within: 10ms, name: nobody_shares, proves: [C03-B1] }",
            "disconnect",
            "{ call: ping, name: closed, proves: [C03-B1] }",
            "{ await: incoming_event, within: 10ms, name: deaf, proves: [C03-B1] }",
            "{ never: incoming_event, for: 10ms, name: deaf_too, proves: [C03-B1] }",
            "{ if: { chance: 0 }, then: [{ call: ping, share: { nothing: /x } }] }",
        ],
    ))
    .await;
    let expected = [
        "hole unfit: ${none} has no value",
        "hole_in_assertion unfit: in `ping`: ${none} has no value",
        "no_number unfit: `above` needs a number",
        "nobody_shares unfit: nobody shared `nothing` within 10ms",
        "closed unfit: `ping` could not be sent: there is no connection",
        "deaf unfit: no `incoming_event` came within 10ms: there is no connection",
        "deaf_too unfit: nobody can tell whether `incoming_event` came: there is no connection",
    ];
    assert_eq!(told.proofs(), expected);
    assert_eq!(told.outcomes, [ActorOutcome::Finished]);
}

#[tokio::test]
async fn all_assertions_that_do_not_hold_are_told() {
    let told = play(&customer(
        "websocket",
        &[
            OPEN,
            "{ call: get_chats_summary, payload: {}, name: fine, proves: [C03-B1], assert: [
                { at: /total_chats, equals: 1 }, { at: '/chats_summary/*/id', includes: '${chat}' }] }",
            "{ call: get_chats_summary, payload: {}, name: wrong, proves: [C03-B1], assert: [
                { at: /total_chats, equals: 2 }, { at: /total_chats, at_least: 1 },
                { at: '/chats_summary/*/id', excludes: '${chat}' }] }",
            "{ check: [{ value: '${chat}', type: string }, { value: '${chat}', not: '${actor.id}' }], name: known, proves: [C03-B1] }",
            "{ check: [{ value: '${actor.id}', equals: x }], name: unknown, proves: [C03-B1] }",
        ],
    ))
    .await;
    let proofs = told.proofs();
    assert_eq!(proofs[0], "fine held");
    let wrong = "wrong broken: in `get_chats_summary`: /total_chats is 1, expected 2; /chats_summary/*/id is [\"";
    assert!(proofs[1].starts_with(wrong) && proofs[1].contains("expected it not to include \""), "{proofs:?}");
    assert_eq!(proofs[2], "known held");
    assert_eq!(proofs[3], "unknown broken: ${actor.id} is \"customer-0\", expected \"x\"");
}

#[tokio::test]
async fn a_push_is_examined_and_another_one_must_not_come() {
    let told = play(&customer(
        "websocket",
        &[
            OPEN,
            "{ call: send_event, payload: { chat_id: '${chat}', event: { type: message, text: Hi } } }",
            "{ await: incoming_event, match: { /event/type: message }, assert: [{ at: /event/text, equals: Hi }], name: said, proves: [C03-B1] }",
            "{ never: [incoming_event, thread_closed], for: 100ms, name: quiet, proves: [C03-B1] }",
            "{ call: send_event, payload: { chat_id: '${chat}', event: { type: message, text: Ho } } }",
            "{ never: incoming_event, match: { /event/type: message }, unless: { /event/text: Ho }, name: passed, proves: [C03-B1], for: 100ms }",
            "{ never: incoming_event, for: 5s, name: loud, proves: [C03-B1] }",
            "{ never: anything, for: 5s, name: heard, proves: [C03-B1] }",
            "{ await: incoming_event, assert: [{ at: /event/text, equals: Hi }], name: missaid, proves: [C03-B1] }",
            "{ await: incoming_event, match: { /chat_id: '${chat}' }, within: 50ms, name: no_more, proves: [C03-B1] }",
        ],
    ))
    .await;
    let proofs = told.proofs();
    assert_eq!(proofs[..3], ["said held", "quiet held", "passed held"]);
    assert!(proofs[3].starts_with("loud broken: `incoming_event` came, which should not: {\"chat_id\":"), "{proofs:?}");
    assert!(proofs[4].starts_with("heard broken: `incoming_event` came, which should not"), "{proofs:?}");
    assert_eq!(proofs[5], "missaid broken: in `incoming_event`: /event/text is \"Ho\", expected \"Hi\"");
    let none = "no_more broken: no `incoming_event` with /chat_id = \"";
    assert!(
        proofs[6].starts_with(none) && proofs[6].ends_with("; since the call before came `incoming_event`"),
        "{proofs:?}"
    );
}

#[tokio::test]
async fn a_step_with_a_name_alone_shows_it_when_it_fails() {
    let told = play(&customer("websocket", &["{ call: close_thread, payload: { chat_id: none }, name: shut }"])).await;
    assert!(told.failures()[0].starts_with("in `shut`: `close_thread` should be"), "{:?}", told.failures());
    assert_eq!(told.outcomes, [ActorOutcome::Failed]);
}

#[tokio::test]
async fn what_is_not_offered_can_be_called_deliberately_and_its_refusal_is_no_violation() {
    for (transport, action) in
        [("websocket", "no_such_action"), ("websocket", "send_file"), ("web", "get_chats_summary"), ("web", "nothing")]
    {
        let step =
            format!("{{ call: {action}, deliberately: invalid, expect: refused, name: refused, proves: [C03-B1] }}");
        let told = play(&customer(transport, &[&step])).await;
        assert_eq!(told.proofs(), ["refused held"], "{action} over {transport}");
        assert_eq!(*told.notes.violations.lock().unwrap(), Vec::<String>::new(), "{action} over {transport}");
    }
}
