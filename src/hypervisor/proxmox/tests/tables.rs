//! The tables of calls against what Proxmox VE's schemas state: each call exists, with these parameters, of these
//! types, and with all that it demands.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::evidence;
use crate::hypervisor::proxmox::api::{KnownCall, KnownParameter, calls};

/// Which calls a version does not have yet.
const FROM_8: &[&str] = &["UpdatePool", "DeletePool", "ContainerInterfaces"];
const FROM_9: &[&str] = &[
    "HaRules",
    "HaRuleInfo",
    "CreateHaRule",
    "UpdateHaRule",
    "DeleteHaRule",
];

/// Parameters that the tables have and not every version; what they are for says the field's documentation.
const LATER: &[(&str, &str)] = &[
    ("Pools", "poolid"),
    ("Stop", "overrule-shutdown"),
    ("Rollback", "start"),
    ("DownloadUrl", "compression"),
    ("DownloadUrl", "content"),
    ("AgentExec", "command"),
    ("CreateBackupJob", "fleecing"),
    ("UpdateBackupJob", "fleecing"),
    ("StartBackup", "fleecing"),
    ("MigrateContainer", "target-storage"),
    ("FileFromBackup", "tar"),
    ("CreateHaResource", "failback"),
    ("UpdateHaResource", "failback"),
];

/// The paths of a template: two where it is for both kinds of guests.
fn paths(call: &KnownCall) -> Vec<String> {
    let both = call.template.contains("{kind}");
    let kinds = if both { &["qemu", "lxc"][..] } else { &["qemu"] };
    kinds
        .iter()
        .map(|kind| call.template.replace("{kind}", kind))
        .collect()
}

/// The schema's type: `string` where it says none.
fn kind(schema: &Value) -> &str {
    schema["type"].as_str().unwrap_or("string")
}

fn complaint(parameter: &KnownParameter, stated: &Value) -> Option<String> {
    let expected = kind(stated);
    let fits = expected == parameter.kind || (expected == "number" && parameter.kind == "integer");
    if !fits {
        return Some(format!("is a {} there", kind(stated)));
    }
    let words = stated["enum"].as_array()?;
    let unknown = parameter
        .words
        .iter()
        .find(|word| !words.contains(&Value::from(**word)))?;
    Some(format!("can't be '{unknown}'"))
}

/// What is wrong with a call, by one version's schema.
fn mistakes(call: &KnownCall, path: &str, schema: &Map<String, Value>) -> Vec<String> {
    let Some(method) = schema.get(path).and_then(|p| p.get(call.method.as_str())) else {
        return vec!["does not exist".to_owned()];
    };
    let stated = method["parameters"].as_object().cloned().unwrap_or_default();
    let given = (call.parameters)();
    let open = method["additionalProperties"] == 1;
    let mut mistakes = Vec::new();
    for parameter in &given {
        match stated.get(&parameter.name) {
            None if open => {}
            None => mistakes.push(format!("{} is not known", parameter.name)),
            Some(stated) => {
                mistakes.extend(complaint(parameter, stated).map(|c| format!("{} {c}", parameter.name)));
            }
        }
    }
    let names: BTreeSet<&str> = given.iter().map(|p| p.name.as_str()).collect();
    for (name, stated) in &stated {
        let in_path = path.contains(&format!("{{{name}}}"));
        let optional = matches!(&stated["optional"], Value::Number(n) if n.as_i64() == Some(1))
            || stated["optional"] == "1";
        let sent = given.iter().any(|p| p.name == *name && p.required);
        if !in_path && !optional && !sent {
            let how = if names.contains(name.as_str()) {
                "only sometimes"
            } else {
                "never"
            };
            mistakes.push(format!("{name} is demanded, and {how} sent"));
        }
    }
    mistakes
}

#[test]
fn every_call_of_the_tables_is_as_the_schemas_state_it() {
    let mut wrong = Vec::new();
    for (version, missing) in [
        ("9.2", vec![]),
        ("8.4", vec![FROM_9]),
        ("7.4", vec![FROM_8, FROM_9]),
    ] {
        let Some(schema) = evidence::json(&format!("schema-{version}.json")) else {
            return;
        };
        let schema = schema["paths"].as_object().unwrap();
        let missing: Vec<&str> = missing.concat();
        let mut checked = 0;
        for call in calls() {
            for path in paths(call) {
                let mut found = mistakes(call, &path, schema);
                let later = |m: &String| {
                    LATER
                        .iter()
                        .any(|(n, p)| *n == call.name && m.starts_with(&format!("{p} ")))
                };
                found.retain(|mistake| version == "9.2" || !later(mistake));
                if missing.contains(&call.name) {
                    if found != ["does not exist"] {
                        wrong.push(format!("{version} {} {path}: it is there by now", call.name));
                    }
                    continue;
                }
                checked += 1;
                wrong.extend(
                    found
                        .iter()
                        .map(|m| format!("{version} {} {path}: {m}", call.name)),
                );
            }
        }
        println!("{version}: {checked} calls are as stated");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_name_in_a_path_is_filled() {
    for call in calls() {
        for segment in call.template.split('/').skip(1) {
            let whole = segment.starts_with('{') == segment.ends_with('}');
            assert!(whole && !segment.is_empty(), "{}", call.template);
        }
    }
}
