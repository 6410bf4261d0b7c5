//! The conditions of schemas in words.

use serde_json::Value;

use super::shape::names;

/// Whether a condition only asks that there is something other than null.
pub(super) fn is_not_null(condition: &Value) -> bool {
    condition.as_object().is_some_and(|keywords| keywords.len() == 1) && condition["not"]["type"] == "null"
}

/// What a condition asks: `type is message`.
pub(super) fn words(condition: &Value) -> String {
    let members = condition.get("properties").and_then(Value::as_object);
    let mut said: Vec<String> = Vec::new();
    for (name, schema) in members.into_iter().flatten() {
        said.push(format!("{name} {}", predicate(schema)));
    }
    for name in names(condition.get("required")) {
        if members.is_none_or(|members| !members.contains_key(name)) {
            said.push(format!("{name} is there"));
        }
    }
    if let Some(inside) = condition.get("not") {
        let inner = words(inside);
        said.push(match inner.strip_suffix(" is there") {
            Some(name) => format!("{name} is missing"),
            None => format!("not ({inner})"),
        });
    }
    if said.is_empty() {
        said.push(format!("it {}", predicate(condition)));
    }
    said.join(" and ")
}

/// What is asked of one value: `is message`.
fn predicate(schema: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(value) = schema.get("const") {
        return format!("is {}", plain(value));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return format!("is {}", values.iter().map(plain).collect::<Vec<_>>().join(" or "));
    }
    if is_not_null(schema) {
        return "is given".to_owned();
    }
    if let Some(pattern) = schema.get("pattern") {
        return format!("matches {}", plain(pattern));
    }
    match (schema.get("not"), schema.get("type")) {
        (Some(inside), _) => match predicate(inside).split_once(' ') {
            Some(("matches", pattern)) => format!("does not match {pattern}"),
            Some(("is", value)) => format!("is not {value}"),
            _ => format!("is not {inside}"),
        },
        (None, Some(Value::Array(types))) => format!("is {}", types.iter().map(plain).collect::<Vec<_>>().join(" or ")),
        (None, Some(name)) => format!("is {}", plain(name)),
        (None, None) => format!("is {schema}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_read_as_sentences() {
        let event = json!({"type": "object", "required": ["type"], "properties": {"type": {"const": "message"}}});
        assert_eq!(words(&event), "type is message");
        let several = json!({"properties": {"type": {"enum": ["radio", "select"]}}});
        assert_eq!(words(&several), "type is radio or select");
        assert_eq!(words(&json!({"type": "object", "required": ["value"]})), "value is there");
        assert_eq!(words(&json!({"type": "object", "not": {"required": ["access"]}})), "access is missing");
        assert_eq!(words(&json!({"required": ["eq"], "properties": {"eq": {"not": {"type": "null"}}}})), "eq is given");
        let image = json!({"properties": {"content_type": {"type": "string", "not": {"pattern": "^image/"}}}});
        assert_eq!(words(&image), "content_type does not match ^image/");
        assert_eq!(words(&json!({"type": "object"})), "it is object");
        assert!(is_not_null(&json!({"not": {"type": "null"}})) && !is_not_null(&image));
    }
}
