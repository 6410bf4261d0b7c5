//! Does an assertion hold? Pure: a payload and an assertion whose holes are filled go in, what is wrong comes out.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::plan::{Assertion, Claim, Comparison, JsonType, Subject};
use crate::yaml::join;

/// Places at which one assertion does not hold that are told one by one.
const TOLD: usize = 3;

/// Something that a pointer leads to.
#[derive(Debug, Clone, PartialEq)]
struct Found<'v> {
    /// Its pointer without any `*`; where there is nothing, the pointer of the first thing that is missing.
    place: String,
    value: Option<&'v Value>,
}

/// Looks whether an assertion holds of a payload. `show` makes values fit for a message: short and without secrets.
///
/// # Errors
/// In words, such as `/total_chats is 3, expected 2`.
pub(super) fn examine(
    assertion: &Assertion<Value>,
    payload: &Value,
    show: &dyn Fn(&Value) -> String,
) -> Result<(), String> {
    let (name, found) = match &assertion.subject {
        Subject::At(pointer) => (pointer.as_str(), resolve(pointer, payload)),
        Subject::Value { written, value } => {
            (written.as_str(), vec![Found { place: written.clone(), value: Some(value) }])
        }
    };
    let is_list = matches!(&assertion.subject, Subject::At(pointer) if pointer.split('/').any(|token| token == "*"));
    let claim = &assertion.claim;
    match claim {
        Claim::Size(_) | Claim::Includes(_) | Claim::Excludes(_) | Claim::Ascending if is_list => {
            // A place that is missing below an element is no match; one above all elements leaves nothing to look at.
            if let [Found { place, value: None }] = found.as_slice()
                && depth(place) <= star(name)
            {
                return Err(missing(place, claim, show));
            }
            let list = Value::Array(found.iter().filter_map(|one| one.value.cloned()).collect());
            holds(name, Some(&list), claim, show)
        }
        Claim::Present(false) => each(found.iter().filter(|one| one.value.is_some()), claim, show),
        _ if found.is_empty() => Err(format!("nothing is at {name}, expected {}", expected(claim, show))),
        _ => each(found.iter(), claim, show),
    }
}

fn each<'f, 'v: 'f>(
    found: impl Iterator<Item = &'f Found<'v>>,
    claim: &Claim<Value>,
    show: &dyn Fn(&Value) -> String,
) -> Result<(), String> {
    let mut wrong: Vec<String> = found.filter_map(|one| holds(&one.place, one.value, claim, show).err()).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let further = wrong.len().saturating_sub(TOLD);
    wrong.truncate(TOLD);
    let told = wrong.join("; ");
    Err(if further > 0 { format!("{told}; and so at {further} more places") } else { told })
}

/// Everything that a pointer leads to.
fn resolve<'v>(pointer: &str, payload: &'v Value) -> Vec<Found<'v>> {
    let mut found = vec![Found { place: String::new(), value: Some(payload) }];
    for token in pointer.split('/').skip(1) {
        let mut next = Vec::with_capacity(found.len());
        for one in found {
            let Some(value) = one.value else {
                next.push(one);
                continue;
            };
            let below = |name: &dyn std::fmt::Display, value| Found { place: join(&one.place, name), value };
            match (token, value) {
                ("*", Value::Array(items)) => {
                    next.extend(items.iter().enumerate().map(|(index, item)| below(&index, Some(item))));
                }
                ("*", Value::Object(members)) => {
                    next.extend(members.iter().map(|(name, member)| below(name, Some(member))));
                }
                // What should have elements has none.
                ("*", _) => next.push(Found { place: format!("{}/*", one.place), value: None }),
                _ => {
                    let place = format!("{}/{token}", one.place);
                    next.push(Found { value: value.pointer(&format!("/{token}")), place });
                }
            }
        }
        found = next;
    }
    found
}

fn depth(pointer: &str) -> usize {
    pointer.split('/').skip(1).count()
}

/// How deep the first `*` of a pointer is.
fn star(pointer: &str) -> usize {
    pointer.split('/').skip(1).position(|token| token == "*").map_or(0, |index| index + 1)
}

fn holds(
    place: &str,
    value: Option<&Value>,
    claim: &Claim<Value>,
    show: &dyn Fn(&Value) -> String,
) -> Result<(), String> {
    let Some(value) = value else { return Err(missing(place, claim, show)) };
    let is_true = match claim {
        Claim::Equals(wanted) => same(value, wanted),
        Claim::Not(unwanted) => !same(value, unwanted),
        Claim::Present(present) => *present,
        Claim::Size(wanted) => match size(value) {
            Some(size) if size != *wanted => return Err(format!("{place} has the size {size}, expected {wanted}")),
            size => size.is_some(),
        },
        Claim::Includes(wanted) => includes(value, wanted) == Some(true),
        Claim::Excludes(unwanted) => includes(value, unwanted) == Some(false),
        Claim::Compared(comparison, bound) => compare(value, bound).is_some_and(|ordering| match comparison {
            Comparison::Above => ordering == Ordering::Greater,
            Comparison::Below => ordering == Ordering::Less,
            Comparison::AtLeast => ordering != Ordering::Less,
            Comparison::AtMost => ordering != Ordering::Greater,
        }),
        Claim::Type(kind) => is_of(value, *kind),
        Claim::Ascending => ascends(value),
    };
    if is_true { Ok(()) } else { Err(format!("{place} is {}, expected {}", show(value), expected(claim, show))) }
}

fn missing(place: &str, claim: &Claim<Value>, show: &dyn Fn(&Value) -> String) -> String {
    match claim {
        Claim::Present(_) => format!("{place} is missing"),
        _ => format!("{place} is missing, expected {}", expected(claim, show)),
    }
}

/// What a claim asks for, in words.
fn expected(claim: &Claim<Value>, show: &dyn Fn(&Value) -> String) -> String {
    match claim {
        Claim::Equals(wanted) => show(wanted),
        Claim::Not(unwanted) => format!("anything but {}", show(unwanted)),
        Claim::Present(true) => "something".to_owned(),
        Claim::Present(false) => "nothing there".to_owned(),
        Claim::Size(wanted) => format!("the size {wanted}"),
        Claim::Includes(wanted) => format!("it to include {}", show(wanted)),
        Claim::Excludes(unwanted) => format!("it not to include {}", show(unwanted)),
        Claim::Compared(Comparison::Above, bound) => format!("more than {bound}"),
        Claim::Compared(Comparison::Below, bound) => format!("less than {bound}"),
        Claim::Compared(Comparison::AtLeast, bound) => format!("at least {bound}"),
        Claim::Compared(Comparison::AtMost, bound) => format!("at most {bound}"),
        Claim::Type(kind) => match kind {
            JsonType::String => "a text",
            JsonType::Integer => "a whole number",
            JsonType::Boolean => "true or false",
            JsonType::Object => "an object",
            JsonType::Array => "an array",
            JsonType::Null => "null",
        }
        .to_owned(),
        Claim::Ascending => "ascending numbers".to_owned(),
    }
}

fn same(left: &Value, right: &Value) -> bool {
    left == right || compare(left, right) == Some(Ordering::Equal)
}

/// Compares two numbers: whole ones exactly, because event orders do not fit a float.
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    let (Value::Number(left), Value::Number(right)) = (left, right) else { return None };
    let whole = |number: &Number| number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn size(value: &Value) -> Option<u64> {
    let size = match value {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        Value::String(text) => text.chars().count(),
        _ => return None,
    };
    u64::try_from(size).ok()
}

/// Whether an array has an element, or a text contains a text; `None` for anything else.
fn includes(value: &Value, wanted: &Value) -> Option<bool> {
    match (value, wanted) {
        (Value::Array(items), _) => Some(items.iter().any(|item| same(item, wanted))),
        (Value::String(text), Value::String(wanted)) => Some(text.contains(wanted.as_str())),
        _ => None,
    }
}

fn is_of(value: &Value, kind: JsonType) -> bool {
    match kind {
        JsonType::String => value.is_string(),
        JsonType::Integer => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        JsonType::Boolean => value.is_boolean(),
        JsonType::Object => value.is_object(),
        JsonType::Array => value.is_array(),
        JsonType::Null => value.is_null(),
    }
}

fn ascends(value: &Value) -> bool {
    let Value::Array(items) = value else { return false };
    items.iter().all(Value::is_number)
        && items.windows(2).all(|pair| compare(&pair[0], &pair[1]) != Some(Ordering::Greater))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn told(at: &str, claim: Claim<Value>, payload: &Value) -> Option<String> {
        let assertion = Assertion { subject: Subject::At(at.to_owned()), claim };
        examine(&assertion, payload, &ToString::to_string).err()
    }

    fn payload() -> Value {
        json!({
            "total_chats": 3,
            "text": "hello",
            "none": null,
            "chats": [{ "id": "a", "order": 1 }, { "id": "b", "order": 5 }, { "id": "c" }],
            "users": { "u/1": { "type": "agent" }, "u2": { "type": "agent" } },
            "empty": [],
        })
    }

    #[test]
    fn what_holds_is_not_told() {
        for (at, claim) in [
            ("/total_chats", Claim::Equals(json!(3))),
            ("/total_chats", Claim::Equals(json!(3.0))),
            ("/total_chats", Claim::Not(json!("3"))),
            ("/none", Claim::Equals(Value::Null)),
            ("/none", Claim::Present(true)),
            ("/nowhere", Claim::Present(false)),
            ("/chats/*/id", Claim::Present(true)),
            ("/empty/*/id", Claim::Present(false)),
            ("/empty/*/id", Claim::Excludes(json!(1))),
            ("/empty/*", Claim::Size(0)),
            ("/chats", Claim::Size(3)),
            ("/chats/*/order", Claim::Size(2)),
            ("/users", Claim::Size(2)),
            ("/text", Claim::Size(5)),
            ("/text", Claim::Includes(json!("ell"))),
            ("/chats/*/id", Claim::Includes(json!("b"))),
            ("/chats/*/id", Claim::Excludes(json!("d"))),
            ("/chats/*/order", Claim::Ascending),
            ("/users/*/type", Claim::Equals(json!("agent"))),
            ("/total_chats", Claim::Compared(Comparison::Above, json!(2))),
            ("/total_chats", Claim::Compared(Comparison::Below, json!(3.5))),
            ("/total_chats", Claim::Compared(Comparison::AtLeast, json!(3))),
            ("/total_chats", Claim::Compared(Comparison::AtMost, json!(3))),
            ("/total_chats", Claim::Type(JsonType::Integer)),
            ("/chats/*", Claim::Type(JsonType::Object)),
            ("/none", Claim::Type(JsonType::Null)),
        ] {
            assert_eq!(told(at, claim.clone(), &payload()), None, "{at} {claim:?}");
        }
    }

    #[test]
    fn what_does_not_hold_is_told_with_its_place() {
        for (at, claim, text) in [
            ("/total_chats", Claim::Equals(json!(2)), "/total_chats is 3, expected 2"),
            ("/total_chats", Claim::Not(json!(3)), "/total_chats is 3, expected anything but 3"),
            ("/chat/id", Claim::Equals(json!("x")), "/chat is missing, expected \"x\""),
            ("/chat/id", Claim::Not(json!("x")), "/chat is missing, expected anything but \"x\""),
            ("/chat/id", Claim::Present(true), "/chat is missing"),
            ("/none", Claim::Present(false), "/none is null, expected nothing there"),
            ("/chats/*/order", Claim::Present(true), "/chats/2/order is missing"),
            ("/users/*/type", Claim::Equals(json!("x")), "/users/u2/type is \"agent\", expected \"x\""),
            ("/empty/*/id", Claim::Equals(json!(1)), "nothing is at /empty/*/id, expected 1"),
            ("/empty/*/id", Claim::Present(true), "nothing is at /empty/*/id, expected something"),
            ("/text/*", Claim::Excludes(json!(1)), "/text/* is missing, expected it not to include 1"),
            ("/gone/*/id", Claim::Size(0), "/gone is missing, expected the size 0"),
            ("/chats", Claim::Size(2), "/chats has the size 3, expected 2"),
            ("/total_chats", Claim::Size(2), "/total_chats is 3, expected the size 2"),
            ("/text", Claim::Includes(json!("x")), "/text is \"hello\", expected it to include \"x\""),
            ("/text", Claim::Excludes(json!("h")), "/text is \"hello\", expected it not to include \"h\""),
            (
                "/chats/*/id",
                Claim::Includes(json!("d")),
                "/chats/*/id is [\"a\",\"b\",\"c\"], expected it to include \"d\"",
            ),
            ("/total_chats", Claim::Includes(json!(3)), "/total_chats is 3, expected it to include 3"),
            ("/total_chats", Claim::Excludes(json!(4)), "/total_chats is 3, expected it not to include 4"),
            ("/total_chats", Claim::Compared(Comparison::Above, json!(3)), "/total_chats is 3, expected more than 3"),
            ("/text", Claim::Compared(Comparison::AtMost, json!(3)), "/text is \"hello\", expected at most 3"),
            ("/total_chats", Claim::Type(JsonType::String), "/total_chats is 3, expected a text"),
            ("/chats/*/id", Claim::Ascending, "/chats/*/id is [\"a\",\"b\",\"c\"], expected ascending numbers"),
        ] {
            let found = told(at, claim, &payload()).unwrap();
            assert!(found.ends_with(text), "{found}\n{text}");
        }
        let many = json!([1, 2, 3, 4, 5]);
        let text = "/0 is 1, expected 9; /1 is 2, expected 9; /2 is 3, expected 9; and so at 2 more places";
        assert_eq!(told("/*", Claim::Equals(json!(9)), &many).unwrap(), text);
    }

    #[test]
    fn a_known_value_is_called_as_the_file_writes_it() {
        let subject = Subject::Value { written: "${first}".to_owned(), value: json!([3, 2]) };
        let assertion = Assertion { subject, claim: Claim::Ascending };
        let told = examine(&assertion, &Value::Null, &ToString::to_string).unwrap_err();
        assert_eq!(told, "${first} is [3,2], expected ascending numbers");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e6..1e6).prop_map(Value::from),
            "[a-c/~*]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-c/~]{0,2}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_claim_and_its_contrary_never_hold_both(at in "(/[a-c*0-2]{1,2}){0,3}", payload in any_json(), x in any_json()) {
            let fails = |claim| told(&at, claim, &payload).is_some();
            prop_assert!(fails(Claim::Equals(x.clone())) || fails(Claim::Not(x.clone())));
            prop_assert!(fails(Claim::Includes(x.clone())) || fails(Claim::Excludes(x)));
            prop_assert!(fails(Claim::Present(true)) || fails(Claim::Present(false)));
        }

        #[test]
        fn a_pointer_without_a_star_leads_where_every_json_pointer_does(at in "(/[a-c0-2~]{1,2}){0,3}", payload in any_json()) {
            let found = resolve(&at, &payload);
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(found[0].value, payload.pointer(&at));
        }

        #[test]
        fn numbers_compare_as_numbers(left in any::<i64>(), right in any::<i64>()) {
            let claim = |comparison| told("", Claim::Compared(comparison, json!(right)), &json!(left)).is_none();
            prop_assert_eq!(claim(Comparison::Above), left > right);
            prop_assert_eq!(claim(Comparison::Below), left < right);
            prop_assert_eq!(claim(Comparison::AtLeast), left >= right);
            prop_assert_eq!(claim(Comparison::AtMost), left <= right);
            prop_assert_eq!(told("", Claim::Ascending, &json!([left, right])).is_none(), left <= right);
        }
    }
}
