//! As much of JSON Schema as the payload schemas use. A keyword it does not know fails the test: no rule is skipped.

use serde_json::Value;

/// Everything that is wrong with `value`, as `path: what`.
pub(super) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, value, "", &mut faults);
    faults
}

fn check(schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        if !holds(keyword, rule, schema, value, path, faults) {
            faults.push(format!("{path}: {value} breaks {keyword} {rule}"));
        }
    }
}

fn holds(keyword: &str, rule: &Value, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) -> bool {
    match keyword {
        "$schema" | "$id" => true,
        "type" => rule.as_array().map_or_else(|| is(rule, value), |types| types.iter().any(|ty| is(ty, value))),
        "const" => rule == value,
        "enum" => rule.as_array().unwrap().contains(value),
        "required" => rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
        "maxLength" => value.as_str().unwrap().chars().count() as u64 <= rule.as_u64().unwrap(),
        "maxItems" => value.as_array().unwrap().len() as u64 <= rule.as_u64().unwrap(),
        "uniqueItems" => value.as_array().unwrap().iter().enumerate().all(|(at, item)| !value.as_array().unwrap()[..at].contains(item)),
        "format" if rule == "date-time" => value.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(),
        "pattern" if rule == "^[a-z0-9][a-z0-9-]{2,63}$" => super::is_id(value.as_str().unwrap()),
        "propertyNames" => value.as_object().unwrap().keys().all(|name| rule["enum"].as_array().unwrap().contains(&Value::from(&**name))),
        "properties" => {
            for (name, schema) in rule.as_object().unwrap() {
                if let Some(inner) = value.get(name) {
                    check(schema, inner, &format!("{path}/{name}"), faults);
                }
            }
            true
        }
        "additionalProperties" => {
            let known = |name: &str| schema.get("properties").is_some_and(|known| known.get(name).is_some());
            for (name, inner) in value.as_object().unwrap().iter().filter(|(name, _)| !known(name)) {
                match rule {
                    Value::Bool(false) => faults.push(format!("{path}/{name}: not allowed")),
                    schema => check(schema, inner, &format!("{path}/{name}"), faults),
                }
            }
            true
        }
        "items" => {
            for (at, item) in value.as_array().unwrap().iter().enumerate() {
                check(rule, item, &format!("{path}/{at}"), faults);
            }
            true
        }
        other => panic!("{path}: keyword {other} {rule} is not checked"),
    }
}

fn is(ty: &Value, value: &Value) -> bool {
    match ty.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("type {other} is not checked"),
    }
}
