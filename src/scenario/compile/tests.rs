//! What a file becomes, and that no file breaks us.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scenario::plan::{Arrivals, Expect, RateStage, Spacing, StepAction, UserStage};
use crate::scenario::template::Template;

fn protocol() -> &'static Protocol {
    static PROTOCOL: std::sync::OnceLock<Protocol> = std::sync::OnceLock::new();
    PROTOCOL.get_or_init(|| Protocol::embedded().unwrap())
}

fn read_text(text: &str) -> Result<Scenario, String> {
    let path = Path::new("scenarios/test.yaml");
    compile(path, text, protocol(), &|_| Ok(None))
        .map_err(|problems| FileErrors::new(path, text.to_owned(), problems).to_string())
}

const WHOLE: &str = r#"
about: Everything that has a default, and everything that has none.
think_times:
  reading: { lognormal: { median: 2s, sigma: 0.5, at_most: 9s } }
data:
  person: { fake: name }
  question: { pick: [a, b], each: use }
actors:
  agent:
    dialect: agent/v3.0
    transport: websocket
    login: { application: { name: test } }
    steps:
      - react:
          - on: [incoming_event, incoming_chat_thread]
            match: { /event/type: message }
            unless: { /event/author_id: "${actor.user}" }
            capture: { chat: /chat_id }
            steps:
              - call: send_event
                payload: { chat_id: "${chat}", event: { type: message, text: "${push:/event/text}" } }
                expect: anything
        during:
          - stay: until_wind_down
  customer:
    dialect: customer/v0.3
    transport: websocket
    steps:
      - call: start_chat
        capture: { chat: /chat/id }
        share: { chat: /chat/id }
      - think: reading
      - await: incoming_event
      - if: { equal: ["${chat}", "${cast.chat}"] }
        then: [reconnect]
  visitor:
    dialect: customer/v0.3
    transport: web
    credentials: visitors
    steps:
      - call: send_event
        payload: { chat_id: x, event: { type: massage } }
        deliberately: invalid
        expect: { error: validation }
load:
  for: 30s
  populations:
    - actor: agent
      standing: 2
    - actor: customer
      arrive: { stages: [{ to: 60/min, over: 10s }, { hold: 5s }], at_most: 9 }
    - actor: visitor
      concurrent: { users: 20, ramp: 5s }
thresholds:
  - violations == 0

  - { abort: true, that: "timeouts == 0" }
"#;

#[test]
fn another_row_of_a_data_file_makes_another_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let text = WHOLE.replace("data:\n", "data:\n  row: { csv: rows.csv }\n");
    let fingerprint = |rows: &str| {
        std::fs::write(folder.path().join("rows.csv"), rows).unwrap();
        compile(&folder.path().join("test.yaml"), &text, protocol(), &|_| Ok(None)).unwrap().fingerprint
    };
    let (one, same, other) = (fingerprint("a\n1\n"), fingerprint("a\n1\n"), fingerprint("a\n2\n"));
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[test]
fn a_file_becomes_what_it_says() {
    let scenario = read_text(WHOLE).unwrap();
    assert_eq!((scenario.name.as_str(), scenario.seed), ("test", 1));
    assert_eq!(scenario.fingerprint, read_text(WHOLE).unwrap().fingerprint);
    assert_ne!(scenario.fingerprint, read_text(&WHOLE.replace("30s", "31s")).unwrap().fingerprint);

    let agent = &scenario.actors["agent"];
    assert_eq!((agent.credentials.as_str(), agent.transport), ("agents", Transport::Websocket));
    assert_eq!(agent.login, Some(Template::Literal(json!({ "application": { "name": "test" } }))));
    let StepAction::React { reactions, during } = &agent.steps[0].action else { panic!("{:?}", agent.steps) };
    assert_eq!((reactions[0].on.len(), reactions[0].unless.0.len(), during.len()), (2, 1, 1));
    assert_eq!(reactions[0].steps[0].pointer, "/actors/agent/steps/0/react/0/steps/0");
    let StepAction::Call(call) = &reactions[0].steps[0].action else { panic!("{reactions:?}") };
    assert_eq!(call.expect, Expect::Anything);

    let customer = &scenario.actors["customer"];
    assert_eq!(customer.login, Some(Template::Literal(json!({}))));
    let StepAction::Think(pause) = &customer.steps[1].action else { panic!("{:?}", customer.steps) };
    assert_eq!(pause.at_most, Some(Duration::from_secs(9)));
    let StepAction::Await(wait) = &customer.steps[2].action else { panic!("{:?}", customer.steps) };
    assert_eq!(wait.within, Duration::from_secs(15));

    let visitor = &scenario.actors["visitor"];
    assert_eq!((visitor.credentials.as_str(), &visitor.login), ("visitors", &None));
    let StepAction::Call(call) = &visitor.steps[0].action else { panic!("{:?}", visitor.steps) };
    assert!(call.deliberately_invalid);

    let load = &scenario.load;
    assert_eq!((load.duration, load.wind_down), (Duration::from_secs(30), Duration::from_secs(20)));
    let arrivals: Vec<&Arrivals> = load.populations.iter().map(|population| &population.arrivals).collect();
    let (five, ten, thirty) = (Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(30));
    let stages = vec![RateStage { from: 0.0, to: 1.0, over: ten }, RateStage { from: 1.0, to: 1.0, over: five }];
    assert_eq!(*arrivals[0], Arrivals::Standing { count: 2, ramp: Duration::ZERO });
    assert_eq!(*arrivals[1], Arrivals::Open { stages, spacing: Spacing::Poisson, at_most: Some(9) });
    let stages = vec![UserStage { from: 0, to: 20, over: five }, UserStage { from: 20, to: 20, over: thirty }];
    assert_eq!(*arrivals[2], Arrivals::Closed { stages });
    assert_eq!((&*scenario.thresholds[0].pointer, scenario.thresholds[0].abort), ("/thresholds/0", false));
    assert_eq!((&*scenario.thresholds[1].pointer, scenario.thresholds[1].abort), ("/thresholds/1/that", true));
    assert_eq!(scenario.thresholds[1].line, scenario.thresholds[0].line + 2);
}

#[test]
fn a_hole_satisfies_anything_and_hides_nothing_else() {
    let payload = |payload: &str| {
        let steps = format!("      - call: update_chat_properties\n        payload: {payload}\n");
        let head = "actors:\n  c:\n    dialect: customer/v0.3\n    transport: websocket\n    steps:\n";
        read_text(&format!("{head}{steps}load: {{ for: 1s, populations: [{{ actor: c, standing: 1 }}] }}\n"))
    };
    for fine in [
        r#"{ chat_id: "${unique}", properties: "${unique}" }"#,
        r#"{ chat_id: "c-${unique}", properties: { a: "${unique}" } }"#,
        r#""${unique}""#,
    ] {
        assert!(payload(fine).is_ok(), "{fine}: {}", payload(fine).unwrap_err());
    }
    for (wrong, told) in [
        (r#"{ chat_id: "${unique}" }"#, "lacks `properties`"),
        (r#"{ chat_id: x, properties: { a: "text ${unique}" } }"#, "wants object here"),
        (r#"{ chat_id: ["${unique}"], properties: {} }"#, "wants string here"),
    ] {
        let errors = payload(wrong).unwrap_err();
        assert!(errors.contains(told), "{wrong}: {errors}");
    }
}

#[test]
fn socketio_needs_a_path_in_the_documents() {
    let schemas = tempfile::tempdir().unwrap();
    let embedded = crate::protocol::SchemaFiles::embedded();
    for (dialect, path) in [("customer/v0.3", true), ("agent/v3.0", false)] {
        let mut files: Vec<(&str, String)> =
            embedded.json_below(dialect).map(|(path, text)| (path, text.to_owned())).collect();
        let yaml = ["catalog.yaml", "errata.yaml", "requirements.yaml"].map(|name| format!("{dialect}/{name}"));
        files.extend(yaml.iter().map(|path| (path.as_str(), embedded.text(path).unwrap().to_owned())));
        for (file, text) in files {
            let file = schemas.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let kept = |line: &&str| path || !line.trim_start().starts_with("socketio:");
            std::fs::write(file, text.lines().filter(kept).map(|line| format!("{line}\n")).collect::<String>())
                .unwrap();
        }
    }
    let protocol = Protocol::from_dir(schemas.path()).unwrap();
    let read = |dialect: &str| {
        let text = format!(
            "actors:\n  a:\n    dialect: {dialect}\n    transport: socketio\n    steps: [stay: until_wind_down]\n\
             load: {{ for: 1s, populations: [{{ actor: a, standing: 1 }}] }}\n"
        );
        compile(Path::new("test.yaml"), &text, &protocol, &|_| Ok(None))
            .map_err(|problems| FileErrors::new(Path::new("test.yaml"), text, problems).to_string())
    };
    assert_eq!(read("customer/v0.3").unwrap().actors["a"].transport, Transport::Socketio);
    let told = read("agent/v3.0").unwrap_err();
    assert!(told.contains("no path for socket.io\n --> test.yaml:4:16"), "{told}");
    assert!(told.contains("help: use `websocket`; socket.io is documented for `customer/v0.3`"), "{told}");
}

#[test]
fn a_file_that_cannot_be_opened_or_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latin1.yaml");
    std::fs::write(&path, b"about: x\nname: caf\xe9\n").unwrap();
    let told = |path: &Path| load(path, protocol(), &|_| Ok(None)).unwrap_err().to_string();
    assert!(told(&path).contains("is not UTF-8 text (line 2)"), "{}", told(&path));
    assert!(told(&folder.path().join("none.yaml")).starts_with("error: cannot read "));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Cut, doubled or overwritten anywhere, a file loads or is refused with every place inside of it.
    #[test]
    fn no_mutilated_file_breaks_us(
        from in 0..WHOLE.len(), length in 0..40usize, with in "[-a-z:{}\\[\\]\"$/~0-9 \\n&*é]{0,6}", twice: bool,
    ) {
        let to = (from + length).min(WHOLE.len());
        let (Some(before), Some(cut), Some(after)) = (WHOLE.get(..from), WHOLE.get(from..to), WHOLE.get(to..)) else {
            return Ok(());
        };
        let text = if twice { format!("{before}{cut}{with}{cut}{after}") } else { format!("{before}{with}{after}") };
        if let Err(told) = read_text(&text) {
            prop_assert!(told.starts_with("error: "), "{told}");
        }
    }
}
