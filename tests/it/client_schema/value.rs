//! Whether a value is of a schema's type, within its bounds, and of its format.

use regex::Regex;
use serde_json::{Map, Value};

use super::check::{find, truth};

/// What is wrong with a value; none if nothing.
pub(super) fn wrong(schema: &Value, text: &str) -> Option<String> {
    let of_type = match schema["type"].as_str().unwrap_or("string") {
        "boolean" => (!matches!(text, "0" | "1")).then(|| format!("'{text}' is no boolean")),
        "integer" => match text.parse::<i64>() {
            Ok(number) => out_of_bounds(schema, number_of(number)),
            Err(_) => Some(format!("'{text}' is no integer")),
        },
        "number" => match text.parse::<f64>() {
            Ok(number) => out_of_bounds(schema, number),
            Err(_) => Some(format!("'{text}' is no number")),
        },
        "string" => wrong_length(schema, text),
        "null" => Some("nothing may be given".to_owned()),
        other => Some(format!("the type '{other}' is not known here")),
    };
    of_type
        .or_else(|| not_among(schema, text))
        .or_else(|| off_pattern(schema, text))
        .or_else(|| off_format(schema, text))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "bounds are compared, and are far below 2^52"
)]
fn number_of(number: i64) -> f64 {
    number as f64
}

/// A bound, which some schemas spell as a text.
fn bound(schema: &Value, name: &str) -> Option<f64> {
    let bound = &schema[name];
    bound.as_f64().or_else(|| bound.as_str()?.parse().ok())
}

fn out_of_bounds(schema: &Value, number: f64) -> Option<String> {
    let (least, most) = (bound(schema, "minimum"), bound(schema, "maximum"));
    if least.is_some_and(|least| number < least) {
        return Some(format!("{number} is too small"));
    }
    most.is_some_and(|most| number > most)
        .then(|| format!("{number} is too large"))
}

fn wrong_length(schema: &Value, text: &str) -> Option<String> {
    let length = number_of(i64::try_from(text.chars().count()).unwrap_or(i64::MAX));
    if bound(schema, "minLength").is_some_and(|least| length < least) {
        return Some(format!("'{text}' is too short"));
    }
    bound(schema, "maxLength")
        .is_some_and(|most| length > most)
        .then(|| "it is too long".to_owned())
}

fn not_among(schema: &Value, text: &str) -> Option<String> {
    let words = schema["enum"].as_array()?;
    let spelt = |word: &Value| word.as_str().map_or_else(|| word.to_string(), str::to_owned);
    let among = words.iter().any(|word| spelt(word) == text);
    (!among).then(|| format!("'{text}' is not one of its words"))
}

/// Patterns hold for the whole value. Perl's way to switch flags off, `(?^i:…)`, is spelt otherwise here; a pattern
/// with a look-ahead can't be tried.
fn off_pattern(schema: &Value, text: &str) -> Option<String> {
    let pattern = schema["pattern"].as_str()?;
    let pattern = pattern
        .replace("(?^u:", "(?:")
        .replace("(?^:", "(?:")
        .replace("(?^i:", "(?i:");
    let pattern = Regex::new(&format!("^(?:{pattern})$")).ok()?;
    (!pattern.is_match(text)).then(|| format!("'{text}' is not of its pattern"))
}

fn off_format(schema: &Value, text: &str) -> Option<String> {
    match &schema["format"] {
        Value::Object(keys) => property_string(keys, text),
        Value::String(format) => named(format, text),
        _ => None,
    }
}

/// `virtio=BC:24:11:00:00:01,bridge=vmbr0`: each key known, each value of its own schema, all that is demanded there.
fn property_string(keys: &Map<String, Value>, text: &str) -> Option<String> {
    let mut seen = Vec::new();
    for part in text.split(',') {
        let default = keys.iter().find(|(_, schema)| truth(&schema["default_key"]));
        let (name, value) = match (part.split_once('='), default) {
            (Some((name, value)), _) if find(keys, name).is_some() => (name, value),
            (_, Some((name, _))) if seen.is_empty() => (name.as_str(), part),
            (Some((name, _)), _) => return Some(format!("'{name}' is no key of it")),
            (None, _) => return Some(format!("'{part}' has no key")),
        };
        let mut schema = find(keys, name)?;
        let mut meant = name.to_owned();
        // `virtio=MAC` means the MAC address, and by its own name the model.
        if let Some(alias) = schema["alias"].as_str() {
            seen.extend(schema["keyAlias"].as_str().map(str::to_owned));
            alias.clone_into(&mut meant);
            schema = find(keys, alias)?;
        }
        if seen.contains(&meant) {
            return Some(format!("'{meant}' stands there twice"));
        }
        seen.push(meant);
        let boolean = schema["type"] == "boolean";
        let spelt = matches!(value, "on" | "off" | "yes" | "no" | "true" | "false");
        if let Some(what) = (!(boolean && spelt)).then(|| wrong(schema, value)).flatten() {
            return Some(format!("'{name}': {what}"));
        }
    }
    let demanded = keys
        .iter()
        .filter(|(_, s)| !truth(&s["optional"]) && s["alias"].is_null());
    let missing = demanded.map(|(name, _)| name).find(|name| !seen.contains(name));
    missing.map(|name| format!("'{name}' is missing in it"))
}

/// Formats that the schemas only name, as Proxmox VE's libraries define them (pve-common, `JSONSchema.pm`). Those
/// that are not listed pass.
fn named(format: &str, text: &str) -> Option<String> {
    if let Some(of_one) = format.strip_suffix("-list") {
        let separators = |c: char| matches!(c, ',' | ';' | '\0') || c.is_whitespace();
        return text
            .split(separators)
            .filter(|item| !item.is_empty())
            .find_map(|item| named(of_one, item));
    }
    let pattern = match format {
        "pve-vmid" => r"[1-9][0-9]{2,8}",
        "pve-node" => r"(?i)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?",
        "pve-configid" => r"(?i)[a-z][a-z0-9_-]+",
        "pve-storage-id" => r"(?i)[a-z][a-z0-9\-_.]*[a-z0-9]",
        "pve-poolid" => r"(?i)[a-z0-9.\-_]+(?:/[a-z0-9.\-_]+){0,2}",
        "pve-volume-id" | "pve-volume-id-or-qm-path" => r"none|cdrom|/\S+|(?i)[a-z][a-z0-9\-_.]*[a-z0-9]:\S+",
        "pve-tag" => r"(?i)[a-z0-9_][a-z0-9_\-+.]*",
        "mac-addr" => r"(?i)[0-9a-f][02468ace](?::[0-9a-f]{2}){5}",
        "dns-name" => r"(?i)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
        "pve-bridge-id" | "pve-iface" => r"(?i)[-_.\w]{1,40}(?::\d+)?",
        "disk-size" => r"\d+(?:\.\d+)?[KMGT]?",
        "urlencoded" => r"[-%a-zA-Z0-9_.!~*'()]*",
        _ => return None,
    };
    let pattern = Regex::new(&format!("^(?:{pattern})$")).unwrap();
    (!pattern.is_match(text)).then(|| format!("'{text}' is not of the format {format}"))
}
