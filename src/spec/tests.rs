//! The laws of comparing, and what is seen of schemas.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::protocol::{Dialect, Kind, Patch, Protocol};

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

/// The same differences seen from the other side.
fn swapped(diff: Diff) -> Diff {
    let turned = |change: Change| Change { from: change.to, to: change.from, ..change };
    Diff { from: diff.to, to: diff.from, changes: diff.changes.into_iter().map(turned).collect() }
}

#[test]
fn a_dialect_does_not_differ_from_itself() {
    for dialect in PROTOCOL.dialects() {
        assert_eq!(Diff::between(dialect, dialect).changes, []);
    }
}

#[test]
fn the_way_back_is_the_way_there_turned_round() {
    for from in PROTOCOL.dialects() {
        for to in PROTOCOL.dialects().filter(|to| to.name != from.name) {
            let there = Diff::between(from, to);
            assert!(!there.changes.is_empty(), "{} and {}", from.name, to.name);
            assert_eq!(swapped(there), Diff::between(to, from));
        }
    }
}

/// The dialect with some of its schema files changed.
fn patched(dialect: &Dialect, patches: &[Patch]) -> Dialect {
    Dialect {
        name: dialect.name.clone(),
        catalog: dialect.catalog.clone(),
        schemas: dialect.schemas.patched(patches).unwrap(),
        requirements: dialect.requirements.clone(),
        errata: dialect.errata.clone(),
        fingerprints: dialect.fingerprints.clone(),
    }
}

fn patch(file: &str, at: &str, schema: Value) -> Patch {
    Patch { file: file.to_owned(), at: at.to_owned(), schema: Some(schema), remove: false }
}

#[test]
fn each_kind_of_change_of_a_member_is_told_as_such() {
    let before = PROTOCOL.dialect("customer/v0.3").unwrap();
    let file = "requests/get_chats_summary.json";
    let change = |at: &str, schema: Value| {
        let after = patched(before, &[patch(file, at, schema)]);
        let diff = Diff::between(before, &after);
        diff.changes
            .into_iter()
            .map(|change| (change.member, change.aspect, change.from, change.to))
            .collect::<Vec<_>>()
    };
    let offset = || Some("/offset".to_owned());
    let lone = |aspect, from: Value, to: Value| vec![(offset(), aspect, Some(from), Some(to))];
    assert_eq!(change("/required", json!(["offset"])), lone(Aspect::Required, json!(false), json!(true)));
    assert_eq!(
        change("/properties/offset/type", json!("integer")),
        lone(Aspect::Type, json!("integer or null"), json!("integer"))
    );
    assert_eq!(
        change("/properties/offset/maximum", json!(7)),
        lone(Aspect::Limits, json!({"minimum": "0", "maximum": "100"}), json!({"minimum": "0", "maximum": "7"}))
    );
    assert_eq!(
        change("/properties/page", json!({"enum": ["first"]})),
        [(
            Some("/page".to_owned()),
            Aspect::Existence,
            None,
            Some(json!({"type": "string", "required": false, "values": ["first"]}))
        )]
    );
    assert_eq!(change("/properties/offset", json!(false))[0].1, Aspect::Existence);
}

#[test]
fn a_change_of_an_object_is_told_once_however_often_it_is_used() {
    let before = PROTOCOL.dialect("customer/v0.3").unwrap();
    let after = patched(before, &[patch("objects/event-base.json", "/properties/order/type", json!("string"))]);
    let changes = Diff::between(before, &after).changes;
    assert_eq!(
        changes.iter().map(|change| (change.area, &*change.name)).collect::<Vec<_>>(),
        [(Area::Object, "event-base")]
    );
}

#[test]
fn the_rows_of_a_payload_stop_at_objects_and_tell_conditions() {
    let dialect = PROTOCOL.dialect("customer/v0.3").unwrap();
    let entry = Entry::of(dialect, "start_chat").unwrap();
    let What::Action(action) = &entry.what else { unreachable!("start_chat is an action") };
    let rows = &action.request.as_ref().unwrap().members;
    let row = |member: &str| rows.iter().find(|row| row.member == member).unwrap();
    assert_eq!(row("/chat/thread/events").r#type.as_deref(), Some("array of initial-event or null"));
    assert_eq!(row("/chat/scopes").r#type.as_deref(), Some("new-scopes or null"));
    let event = &entry.objects["event"].members;
    assert!(event.iter().any(|row| row.when.as_deref() == Some("if type is message")), "{event:?}");
    assert!(Entry::of(dialect, "no_such_action").is_none());
}

#[test]
fn every_message_of_every_dialect_has_rows_and_names_only_objects_that_exist() {
    for dialect in PROTOCOL.dialects() {
        for name in dialect.catalog.actions.keys().chain(dialect.catalog.pushes.keys()) {
            let entry = Entry::of(dialect, name).unwrap();
            let known = dialect.schemas.names(Kind::Object);
            assert!(entry.objects.keys().all(|object| known.contains(&object.as_str())), "{name}");
        }
    }
}

/// Places that a random change may strike, in three files that refer to each other.
const PLACES: [(&str, &str); 6] = [
    ("objects/event-base.json", "/properties/order"),
    ("objects/event-message.json", "/properties/text"),
    ("objects/thread.json", "/properties/active"),
    ("pushes/incoming_event.json", "/properties/event"),
    ("requests/start_chat.json", "/properties/chat/properties/thread"),
    ("responses/start_chat.json", "/properties/new"),
];

fn any_schema() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"type": "string"})),
        Just(json!({"type": ["integer", "null"], "minimum": 1})),
        Just(json!({"enum": ["a", "b"]})),
        Just(json!(false)),
        Just(json!({"type": "array", "items": {"$ref": "../objects/event.json"}})),
        Just(json!({"anyOf": [{"type": "object", "required": ["x"]}, {"type": "array"}]})),
        Just(
            json!({"if": {"required": ["x"]}, "then": {"required": ["y"]}, "additionalProperties": {"type": "string"}})
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_laws_hold_for_whatever_changes(struck in proptest::collection::vec((0..PLACES.len(), any_schema()), 0..4)) {
        let before = PROTOCOL.dialect("customer/v0.3").unwrap();
        let patches: Vec<Patch> = struck.into_iter().map(|(place, schema)| patch(PLACES[place].0, PLACES[place].1, schema)).collect();
        let after = patched(before, &patches);
        let there = Diff::between(before, &after);
        prop_assert!(!patches.is_empty() || there.changes.is_empty());
        prop_assert_eq!(swapped(there), Diff::between(&after, before));
        prop_assert_eq!(Diff::between(&after, &after).changes, vec![]);
    }
}
