//! The tables of calls against what Proxmox VE's schemas state: each call exists, with these parameters, of these
//! types, and with all that it demands.

use serde_json::{Value, json};

use super::described::{Schema, schemas};
use crate::hypervisor::proxmox::api::{KnownCall, KnownParameter, calls};
use crate::hypervisor::proxmox::versions::Release;

/// What 7.4 takes in another form: the agent's program as one text, and no images to import.
const OTHER_IN_7: &[(&str, &str)] = &[("AgentExec", "command"), ("DownloadUrl", "content")];

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

/// What is wrong with a call, by one release's schema. What a release does not have, the table of versions knows.
fn mistakes(call: &KnownCall, path: &str, release: Release, schema: &Schema) -> Vec<String> {
    let verb = call.method.as_str();
    let stated = schema.get(path).and_then(|p| p.get(verb));
    let Some(method) = stated.filter(|_| release.knows_call(verb, path)) else {
        let known = release.knows_call(verb, path) || stated.is_some();
        return Vec::from_iter(known.then(|| "schema and table of versions do not agree on it".to_owned()));
    };
    let stated = method["parameters"].as_object().cloned().unwrap_or_default();
    let given = (call.parameters)();
    let open = method["additionalProperties"] == 1;
    let other = |name: &str| release < Release::new(8, 0) && OTHER_IN_7.contains(&(call.name, name));
    let mut mistakes = Vec::new();
    for parameter in given.iter().filter(|p| !other(&p.name)) {
        let known = release.knows_parameter(verb, path, &parameter.name);
        match stated.get(&parameter.name) {
            None if open || !known => {}
            None => mistakes.push(format!("{} is not known", parameter.name)),
            Some(stated) => {
                mistakes.extend(complaint(parameter, stated).map(|c| format!("{} {c}", parameter.name)));
            }
        }
    }
    for (name, stated) in &stated {
        let in_path = path.contains(&format!("{{{name}}}"));
        let optional = ["1", "\"1\""].contains(&stated["optional"].to_string().as_str());
        let sent = given.iter().any(|p| p.name == *name && p.required);
        if !in_path && !optional && !sent {
            mistakes.push(format!("{name} is demanded, and not always sent"));
        }
    }
    mistakes
}

#[test]
fn every_call_of_the_tables_is_as_the_schemas_state_it() {
    let Some(schemas) = schemas() else { return };
    let mut wrong = Vec::new();
    for (release, schema) in &schemas {
        let mut checked = 0;
        for call in calls() {
            for path in paths(call) {
                checked += usize::from(release.knows_call(call.method.as_str(), &path));
                let found = mistakes(call, &path, *release, schema);
                wrong.extend(
                    found
                        .iter()
                        .map(|m| format!("{release} {} {path}: {m}", call.name)),
                );
            }
        }
        println!("{release}: {checked} calls are as stated");
        assert!(checked > 140, "{release}: {checked}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_call_that_the_schema_states_otherwise_is_found() {
    let call = calls().find(|call| call.name == "Shutdown").unwrap();
    let path = "/nodes/{node}/qemu/{vmid}/status/shutdown";
    let complaints = |parameters: Value| {
        let mut schema = Schema::new();
        let method = json!({"POST": {"parameters": parameters, "additionalProperties": 0}});
        schema.insert(path.to_owned(), method);
        mistakes(call, path, Release::new(9, 2), &schema)
    };
    let (seconds, truth) = (
        json!({"type": "integer", "optional": 1}),
        json!({"type": "boolean", "optional": 1}),
    );
    assert!(complaints(json!({"timeout": seconds, "forceStop": truth})).is_empty());
    assert_eq!(
        complaints(json!({"timeout": seconds})),
        ["forceStop is not known"]
    );
    assert_eq!(
        complaints(json!({"timeout": truth, "forceStop": truth})),
        ["timeout is a boolean there"]
    );
    assert_eq!(
        complaints(json!({"timeout": seconds, "forceStop": truth, "skiplock": {"type": "boolean"}})),
        ["skiplock is demanded, and not always sent"]
    );
    assert_eq!(mistakes(call, path, Release::new(9, 2), &Schema::new()).len(), 1);
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

/// What the simulator's replay of recordings leaves out (`tests/recordings/left_out.rs`) is nothing that is called.
#[test]
fn no_call_is_among_those_that_the_replay_leaves_out() {
    let left_out = include_str!("../../../../tests/pve-sim/tests/recordings/left_out.rs");
    assert!(left_out.contains("\"GET /cluster/log\""));
    for call in calls() {
        for path in paths(call) {
            let segments = path.split('/').map(|s| if s.starts_with('{') { "*" } else { s });
            let template = segments.collect::<Vec<_>>().join("/");
            let line = format!("\"{} {template}\"", call.method.as_str());
            assert!(!left_out.contains(&line), "{line}");
        }
    }
}
