//! Whether the schema of scenario files tells what is wrong with them.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::scenario::editor_schema;
use crate::yaml::{check, read};

#[test]
fn leaving_out_is_the_only_way_to_leave_out() {
    let text = editor_schema().to_string();
    assert!(!text.contains("\"null\""), "{text}");
}

#[test]
fn every_alternative_of_a_union_can_be_told_from_the_others() {
    let schema = editor_schema();
    let keys: Vec<&str> = schema["$defs"]["Step"]["anyOf"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|branch| {
            let name = branch["$ref"].as_str().unwrap().strip_prefix("#/$defs/").unwrap();
            schema["$defs"][name]["required"][0].as_str()
        })
        .collect();
    let distinct: std::collections::BTreeSet<&&str> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
    assert!(keys.contains(&"call") && keys.contains(&"wait_for"), "{keys:?}");
}

fn any_value() -> impl Strategy<Value = Value> {
    let words = ["call", "steps", "react", "think", "actors", "load", "for", "5/s", "2s", "pick", "arrive", "x"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        proptest::sample::select(words.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(proptest::sample::select(words.to_vec()), inner, 0..5).prop_map(|map| map
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_the_schema_refuses_is_a_problem_and_nothing_else_is(
        actors in any_value(), load in any_value(), data in any_value(),
    ) {
        let value = json!({ "actors": actors, "load": load, "data": data });
        let valid = jsonschema::draft202012::is_valid(&editor_schema(), &value);
        // JSON is YAML.
        let document = read(&value.to_string()).unwrap();
        prop_assert_eq!(check(&document, &editor_schema()).is_empty(), valid);
    }
}
