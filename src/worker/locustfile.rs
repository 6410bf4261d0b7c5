//! The small locustfile that Locust's master needs.

use super::classes::{Class, Part};
use crate::scenario::Scenario;

/// What does not depend on the scenario.
const TEMPLATE: &str = include_str!("locustfile.py");

/// The locustfile for a scenario with these user classes.
pub fn locustfile(scenario: &Scenario, classes: &[Class]) -> String {
    let name = scenario.name.replace(|c: char| c.is_control(), " ");
    let written: Vec<String> = classes.iter().map(class).collect();
    let file = TEMPLATE
        .replace("@WIND_DOWN@", &scenario.load.wind_down.as_secs_f64().ceil().to_string())
        .replace("@CLASSES@\n", &(written.join("\n\n") + "\n"));
    format!(
        "# For Locust's master: the users of the scenario {name}, who walk on the machines where `chatproof worker` runs.\n{file}"
    )
}

fn class(Class { name, part, .. }: &Class) -> String {
    let part = match part {
        Part::Fixed(count) => format!("fixed_count = {count}"),
        Part::Weight(weight) => format!("weight = {weight}"),
    };
    format!("class {name}(Actor):\n    {part}\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::protocol::Protocol;

    #[test]
    fn it_has_the_classes_and_the_patience_of_the_scenario() {
        let text = "actors: { a: { dialect: agent/v3.0, transport: websocket, steps: [{ stay: 1s }] }, c: { dialect: customer/v0.3, transport: websocket, steps: [{ stay: 1s }] } }\n\
                    load: { for: 1s, wind_down: 1500ms, populations: [{ actor: a, standing: 2 }, { actor: c, concurrent: 3 }] }\n";
        let protocol = Protocol::embedded().unwrap();
        let scenario =
            crate::scenario::load_text(Path::new("desk.yaml"), text.to_owned(), &protocol, &|_| Ok(None)).unwrap();
        let written = locustfile(&scenario, &super::super::classes(&scenario).unwrap());
        assert!(written.starts_with("# For Locust's master: the users of the scenario desk, who walk"), "{written}");
        assert!(written.contains("\nPATIENCE = 2 + 30\n"), "{written}");
        let classes =
            "\n\nclass A(Actor):\n    fixed_count = 2\n\n\nclass C(Actor):\n    weight = 3\n\n\nclass Test:\n";
        assert!(written.contains(classes), "{written}");
        assert!(!written.contains('@') || !written.contains("@CLASSES@") && !written.contains("@WIND_DOWN@"));
    }
}
