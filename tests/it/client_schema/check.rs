//! Whether a request is as the schema states: every parameter known, all that are demanded there, each value of its
//! type and within its bounds.

use std::collections::BTreeMap;

use pve_sim::{RecordedRequest, RecordedValue};
use serde_json::{Map, Value};

use super::schema::{Schema, Stated};
use super::value;

/// What is wrong with a request; empty if nothing.
pub(super) fn mistakes(schema: &Schema, request: &RecordedRequest) -> Vec<String> {
    let Some(stated) = schema.call(&request.method, &request.segments) else {
        return vec!["there is no such call".to_owned()];
    };
    let Some(given) = &request.parameters else {
        return vec!["its parameters can't be read".to_owned()];
    };
    of_call(&stated, given)
}

fn of_call(stated: &Stated<'_>, given: &BTreeMap<String, RecordedValue>) -> Vec<String> {
    let none = Map::new();
    let parameters = stated.method["parameters"].as_object().unwrap_or(&none);
    let mut given = given.clone();
    for (name, value) in &stated.in_path {
        given.insert(name.clone(), RecordedValue::Text(value.clone()));
    }
    let open = truth(&stated.method["additionalProperties"]);
    let mut mistakes = Vec::new();
    for (name, value) in &given {
        let Some(schema) = find(parameters, name) else {
            if !open {
                mistakes.push(format!("{name}: it is not defined in the schema"));
            }
            continue;
        };
        if let Some(needed) = schema["requires"]
            .as_str()
            .filter(|needed| !given.contains_key(*needed))
        {
            mistakes.push(format!("{name}: it requires '{needed}'"));
        }
        mistakes.extend(wrong(schema, value).map(|what| format!("{name}: {what}")));
    }
    for (name, schema) in parameters {
        let demanded = !truth(&schema["optional"]) && !name.contains("[n]") && schema["alias"].is_null();
        if demanded && !given.contains_key(name) {
            mistakes.push(format!("{name}: it is missing"));
        }
    }
    mistakes
}

/// What is stated of a parameter, by its name or as one of a row (`net0` is `net[n]`).
pub(super) fn find<'a>(parameters: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let family = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let row = (family.len() < name.len()).then(|| format!("{family}[n]"));
    parameters.get(name).or_else(|| parameters.get(&row?))
}

/// `1`, `"1"` or `true`.
pub(super) fn truth(value: &Value) -> bool {
    value == &Value::Bool(true) || ["1", "\"1\""].contains(&value.to_string().as_str())
}

fn wrong(schema: &Value, given: &RecordedValue) -> Option<String> {
    if let Some(variants) = schema["oneOf"].as_array() {
        let all: Option<Vec<String>> = variants.iter().map(|variant| wrong(variant, given)).collect();
        return all.map(|all| all.join(", or "));
    }
    let array = schema["type"] == "array";
    match given {
        RecordedValue::Null => Some("it is null".to_owned()),
        RecordedValue::Text(text) if array => value::wrong(&schema["items"], text),
        RecordedValue::Text(text) => value::wrong(schema, text),
        RecordedValue::Array(items) if array => items.iter().find_map(|i| value::wrong(&schema["items"], i)),
        RecordedValue::Array(_) => Some("it is given twice".to_owned()),
    }
}
