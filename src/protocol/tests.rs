//! The protocol data holds together, and says where it comes from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::*;

static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas"))
}

#[test]
fn the_dialects_are_complete() {
    // Counts of the documents: 14 methods and `ping`; 36 described methods, 2 only in the index, 3 only in companions;
    // 21 methods and `ping`, 6 of which a later page knows the names.
    let count = |name: &str| {
        let dialect = PROTOCOL.dialect(name).unwrap();
        let described = dialect.catalog.actions.values().filter(|action| !action.indexed_only).count();
        assert_eq!(dialect.schemas.names(Kind::Request).len(), described);
        assert_eq!(dialect.schemas.names(Kind::Response).len(), described);
        (described, dialect.catalog.actions.len(), dialect.schemas.names(Kind::Push).len())
    };
    assert_eq!(count("customer/v0.2"), (15, 15, 12));
    assert_eq!(count("customer/v0.3"), (15, 15, 11));
    assert_eq!(count("agent/v3.0"), (39, 41, 31));
    assert_eq!(count("agent/v0.2"), (22, 28, 17));
}

#[test]
fn an_unknown_dialect_is_told_with_those_that_exist() {
    let error = PROTOCOL.dialect("agent/v9").unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown dialect `agent/v9`; known: agent/v0.2, agent/v3.0, customer/v0.2, customer/v0.3"
    );
}

#[test]
fn rules_name_violation_kinds_and_every_limit_is_in_its_request_schema() {
    for dialect in PROTOCOL.dialects() {
        for (name, action) in &dialect.catalog.actions {
            for (member, limit) in &action.limits {
                let Some(max) = limit.max else { continue };
                let payload = |value: i64| {
                    let mut payload = json!({"chat_id": "c", "thread_ids": ["t"]});
                    let mut here = &mut payload;
                    for part in member.split('.') {
                        here = &mut here[part];
                    }
                    *here = json!(value);
                    payload
                };
                assert!(
                    dialect.schemas.check(Kind::Request, name, &payload(max)).is_empty(),
                    "{name}.{member} at {max}"
                );
                let beyond = dialect.schemas.check(Kind::Request, name, &payload(max + 1));
                assert!(!beyond.is_empty(), "{name}.{member} beyond {max}");
            }
        }
    }
}

/// Keywords that say something about a value which a document must stand behind.
const CONSTRAINTS: &[&str] = &[
    "type",
    "required",
    "enum",
    "const",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "pattern",
];

/// Finds constraints without a `$comment` on themselves or on a schema around them. What a whole file says of itself does
/// not stand for its members.
fn uncommented(schema: &Value, at: &str, around: bool, found: &mut Vec<String>) {
    let Some(map) = schema.as_object() else { return };
    let covered = around || map.contains_key("$comment");
    if !covered && CONSTRAINTS.iter().any(|keyword| map.contains_key(*keyword)) {
        found.push(at.to_owned());
    }
    let within = covered && at.contains('#');
    for (key, value) in map {
        let at = format!("{at}{}/{key}", if at.contains('#') { "" } else { "#" });
        match (key.as_str(), value) {
            ("properties" | "patternProperties" | "$defs", Value::Object(members)) => {
                for (name, member) in members {
                    uncommented(member, &format!("{at}/{name}"), within, found);
                }
            }
            // A condition only asks; it does not constrain.
            ("if" | "contains", _) => {}
            (_, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    uncommented(item, &format!("{at}/{index}"), within, found);
                }
            }
            (_, value) => uncommented(value, &at, within, found),
        }
    }
}

#[test]
fn every_constraint_says_where_it_comes_from() {
    let files = SchemaFiles::embedded();
    let mut found = Vec::new();
    for dialect in files.dialect_folders() {
        for (path, text) in files.json_below(&dialect) {
            let schema: Value = serde_json::from_str(text).unwrap();
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{path}");
            uncommented(&schema, path, false, &mut found);
        }
    }
    assert!(found.is_empty(), "{} constraints without a comment:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_files_on_disk_are_the_embedded_ones() {
    let disk = Protocol::from_dir(folder()).unwrap();
    let names = |protocol: &Protocol| protocol.dialects().map(|dialect| dialect.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&disk), names(&PROTOCOL));
}

#[test]
fn a_folder_that_does_not_hold_together_is_refused_with_its_file() {
    let copy = tempfile::tempdir().unwrap();
    let target = copy.path().join("customer/v0.3");
    copy_folder(&folder().join("customer/v0.3"), &target);
    std::fs::remove_file(target.join("pushes/thread_closed.json")).unwrap();
    let error = Protocol::from_dir(copy.path()).unwrap_err().to_string();
    assert_eq!(error, "customer/v0.3/pushes: no schema file for `thread_closed`");
    let empty = tempfile::tempdir().unwrap();
    assert!(Protocol::from_dir(empty.path()).unwrap_err().to_string().contains("no schema files"));
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() { copy_folder(&path, &copy) } else { std::fs::copy(&path, &copy).map(drop).unwrap() }
    }
}

#[test]
fn a_mismatch_names_the_leaf_and_its_line() {
    let customer = PROTOCOL.dialect("customer/v0.3").unwrap();
    let push = json!({"chat_id": "c", "thread_id": 7});
    let mut found = customer.schemas.check(Kind::Push, "incoming_event", &push);
    found.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    assert_eq!(
        found,
        [
            Mismatch {
                kind: MismatchKind::MissingMember,
                pointer: "/event".into(),
                keyword: "required".into(),
                expected: "a member `event`".into(),
                got: "nothing".into(),
                source: Some("customer-v0.3 1133,1134,1135".into()),
                place: Some(Place { file: "pushes/incoming_event".into(), member: "/event".into() }),
            },
            Mismatch {
                kind: MismatchKind::WrongType,
                pointer: "/thread_id".into(),
                keyword: "type".into(),
                expected: "string".into(),
                got: "7".into(),
                source: Some("customer-v0.3 1134; C03-A20".into()),
                place: Some(Place { file: "pushes/incoming_event".into(), member: "/thread_id".into() }),
            },
        ]
    );
}

#[test]
fn what_a_message_shows_is_noted_by_file_and_by_path() {
    let customer = PROTOCOL.dialect("customer/v0.3").unwrap();
    let mut seen = Seen::default();
    let push = json!({"chat_id": "c", "thread_id": "t", "colour": "blue", "event": {
        "id": "e", "order": 1, "timestamp": 2, "type": "message", "author_id": "a", "text": "hi"}});
    customer.schemas.look(Kind::Push, "incoming_event", &push, &mut seen);
    let paths: Vec<&str> = seen.paths.iter().map(|(_, _, path)| path.as_str()).collect();
    assert!(paths.contains(&"") && paths.contains(&"/event") && paths.contains(&"/event/order"), "{paths:?}");
    let unknown: Vec<_> = seen.unknown.iter().map(|((kind, name, path), n)| (*kind, &**name, &**path, *n)).collect();
    assert_eq!(unknown, [(Kind::Push, "incoming_event", "/colour", 1)]);
    // Where the documents allow anything, nothing is unknown.
    let agent = PROTOCOL.dialect("agent/v3.0").unwrap();
    let mut open = Seen::default();
    agent.schemas.look(Kind::Push, "incoming_multicast", &json!({"content": {"colour": {"is": "blue"}}}), &mut open);
    assert!(open.unknown.is_empty(), "{:?}", open.unknown);
    agent.schemas.look(Kind::Response, "grant_access", &json!({"colour": "blue"}), &mut open);
    assert_eq!(open.unknown.len(), 1, "{:?}", open.unknown);
    let all = customer.schemas.spots();
    let beyond: Vec<_> =
        seen.spots.iter().filter(|spot| !spot.place.member.is_empty() && !all.contains(spot)).collect();
    assert_eq!(beyond, Vec::<&Spot>::new());
    let text = Place { file: "objects/event-message".into(), member: "/text".into() };
    assert!(seen.spots.contains(&Spot { place: text, value: None }), "{:?}", seen.spots);
}

#[test]
fn what_may_be_anything_is_not_unknown_and_what_must_be_absent_is_not_looked_for() {
    let customer = PROTOCOL.dialect("customer/v0.3").unwrap();
    let mut seen = Seen::default();
    let event = json!({"id": "e", "order": 1, "timestamp": 2, "type": "custom", "author_id": "a",
        "content": {"basket": {"apples": 2}}, "properties": {"rating": {"score": {"value": {"stars": 3}}}}});
    let summary = json!({"chats_summary": [{"last_event_per_type": {"thread_id": "t", "events": {"custom": event}}}],
        "total_chats": 1});
    customer.schemas.look(Kind::Response, "get_chats_summary", &summary, &mut seen);
    assert_eq!(seen.unknown, BTreeMap::new());
    let place = |file: &str, member: &str| Place { file: file.into(), member: member.into() };
    let shown = |place| seen.spots.contains(&Spot { place, value: None });
    assert!(shown(place("objects/chat-summary", "/last_event_per_type/events/custom")), "{:?}", seen.spots);
    let absent = Spot { place: place("objects/event-system_message", "/author_id"), value: None };
    assert!(!customer.schemas.spots().contains(&absent));
}

#[test]
fn what_no_schema_knows_is_left_out_and_what_is_free_in_form_stays() {
    let customer = PROTOCOL.dialect("customer/v0.3").unwrap();
    let properties = json!({"rating": {"score": {"value": {"any": 1}}}});
    let event =
        json!({"id": "e", "order": 1, "timestamp": 2, "type": "custom", "author_id": "a", "content": {"any": [1]}});
    let known = json!({"chat": {"id": "c", "users": [], "properties": properties, "threads": [
        {"id": "t", "active": true, "order": 1, "user_ids": [], "events": [event]}]}});
    let mut more = known.clone();
    for place in ["", "/chat", "/chat/threads/0", "/chat/threads/0/events/0"] {
        more.pointer_mut(place).unwrap()["colour"] = json!({"any": 1});
    }
    assert_eq!(customer.schemas.known(Kind::Response, "get_chat_threads", &more), known);
}

#[test]
fn the_names_of_properties_are_free_and_those_of_members_are_not() {
    for dialect in PROTOCOL.dialects() {
        let unknown = |payload: &Value| {
            assert_eq!(dialect.schemas.check(Kind::Request, "update_chat_properties", payload), [], "{}", dialect.name);
            dialect.schemas.unknown_members(Kind::Request, "update_chat_properties", payload)
        };
        let mut payload = json!({"chat_id": "c", "properties": {"survey": {"score": 3}}});
        assert_eq!(unknown(&payload), [""; 0], "{}", dialect.name);
        payload["mood"] = json!("good");
        assert_eq!(unknown(&payload), ["/mood"], "{}", dialect.name);
    }
}

#[test]
fn a_valid_request_is_made_invalid_in_one_place_each() {
    let customer = PROTOCOL.dialect("customer/v0.3").unwrap();
    let valid = json!({"chat_id": "c", "event": {"type": "message", "text": "hi"}});
    let found = mutations(customer, "send_event", &valid);
    let of = |class| found.iter().filter(|m| m.class == class).map(|m| m.what.as_str()).collect::<Vec<_>>();
    let missing = of(NegativeClass::MissingMember);
    assert!(missing.contains(&"without /chat_id") && missing.contains(&"without /event"), "{missing:?}");
    let types = of(NegativeClass::WrongType);
    assert!(types.contains(&"/chat_id is 7") && types.contains(&"/event is \"text\""), "{types:?}");
    assert!(types.contains(&"/event/text is true"), "{types:?}");
    let limits = mutations(customer, "get_chats_summary", &json!({"offset": 0, "limit": 10}));
    let limits: Vec<_> = limits.iter().filter(|m| m.class == NegativeClass::OutsideLimit).map(|m| &*m.what).collect();
    assert_eq!(limits, ["/limit is 0", "/limit is 26", "/offset is -1", "/offset is 101"]);
    for mutation in found {
        assert!(!customer.schemas.check(Kind::Request, "send_event", &mutation.payload).is_empty(), "{mutation:?}");
    }
}

#[test]
fn the_readings_of_agent_v02_hold() {
    let agent = PROTOCOL.dialect("agent/v0.2").unwrap();
    let scored = |filter: Value| json!({"filters": {"properties": {"rating": {"score": filter}}}});
    let updated = |users: Value| json!({"chat_id": "c", "updated_users": users});
    let summary = |events: Value| {
        let last = json!({"id": "t", "timestamp": 1, "user_ids": [], "last_event_per_type": events, "order": 1});
        json!({"chats_summary": [{"id": "c", "users": [], "last_thread_summary": last}]})
    };
    let message = |id: &str| json!({"id": id, "order": 1, "type": "message", "author_id": "a", "timestamp": 1, "text": "x", "recipients": "all"});
    let system = json!({"id": "s", "order": 2, "type": "system_message", "timestamp": 1, "text": "x"});
    let mut authored = system.clone();
    authored["author_id"] = json!("a");
    for (kind, name, payload, valid) in [
        (Kind::Request, "get_archives", scored(json!({"values": [1]})), true),
        (Kind::Request, "get_archives", json!({"filters": {"properties": {"a.b": {"exists": true}}}}), true),
        (Kind::Request, "get_archives", json!({"filters": {"properties": {"a.b": {"exists": 1}}}}), false),
        (Kind::Request, "get_archives", scored(json!({"values": [1], "exists": true})), false),
        (Kind::Request, "get_filtered_chats", scored(json!({})), false),
        (Kind::Request, "get_archives", json!({"filters": {"date_from": "2016-9-1"}}), false),
        (Kind::Request, "login", json!({"token": "t", "push_notifications": {"platform": "ios"}}), false),
        (Kind::Request, "start_chat", Value::Null, true),
        (Kind::Request, "send_event", json!({"chat_id": "c", "event": system}), false),
        (Kind::Request, "send_broadcast", json!({"content": null, "scopes": {"groups": [1]}}), true),
        (Kind::Request, "send_broadcast", json!({"content": 1, "scopes": {"groups": ["1"]}}), false),
        (Kind::Response, "join_chat", json!({}), true),
        (Kind::Response, "join_chat", json!({"ok": true}), false),
        (Kind::Response, "get_filtered_chats", summary(json!([message("1"), system])), true),
        (Kind::Response, "get_filtered_chats", summary(json!([message("1"), message("2")])), false),
        (Kind::Push, "incoming_event", json!({"chat_id": "c", "event": authored}), false),
        (Kind::Push, "chat_users_updated", updated(json!({"agents": {"removed_ids": ["a"]}})), true),
        (Kind::Push, "chat_users_updated", updated(json!({"agents": {"added": []}, "customers": {}})), false),
        (Kind::Push, "agent_disconnected", json!({"reason": "ping_timeout"}), false),
    ] {
        let found = agent.schemas.check(kind, name, &payload);
        assert_eq!(found.is_empty(), valid, "{kind:?} {name} {payload}: {found:?}");
    }
}
