//! The tables against the API's own description of itself, in the releases of which there is one.

use std::collections::BTreeSet;

use serde_json::Map;

use super::*;
use crate::hypervisor::proxmox::devices::GuestKind;
use crate::hypervisor::proxmox::tests::described::{Schema, schemas};

/// What Drover calls, or may come to call.
const CALLED: [&str; 12] = [
    "/access",
    "/cluster/backup",
    "/cluster/ha",
    "/cluster/nextid",
    "/cluster/options",
    "/cluster/replication",
    "/cluster/resources",
    "/cluster/tasks",
    "/nodes",
    "/pools",
    "/storage",
    "/version",
];
/// What is below, and is not called: another administrator's work, consoles, and the inner calls of a migration.
const NOT_CALLED: [&str; 27] = [
    "acme",
    "apt",
    "capabilities",
    "ceph",
    "certificates",
    "disks",
    "domains",
    "firewall",
    "hardware",
    "journal",
    "mapping",
    "mtunnel",
    "mtunnelwebsocket",
    "network",
    "openid",
    "scan",
    "sdn",
    "services",
    "spiceproxy",
    "spiceshell",
    "termproxy",
    "tfa",
    "vncshell",
    "vncwebsocket",
    "wakeonlan",
    "notifications",
    "unlock-tfa",
];

fn is_called(path: &str) -> bool {
    CALLED.iter().any(|prefix| path.starts_with(prefix))
        && !path.split('/').any(|segment| NOT_CALLED.contains(&segment))
}

/// Paths, methods and parameters (none for the call as a whole) of all releases together.
fn all(schemas: &[(Release, Schema)]) -> BTreeSet<(String, String, Option<String>)> {
    let mut all = BTreeSet::new();
    for (path, methods) in schemas.iter().flat_map(|(_, schema)| schema) {
        for (method, call) in methods.as_object().unwrap().iter().filter(|_| is_called(path)) {
            all.insert((path.clone(), method.clone(), None));
            for name in call["parameters"].as_object().into_iter().flat_map(Map::keys) {
                all.insert((path.clone(), method.clone(), Some(name.clone())));
            }
        }
    }
    all
}

#[test]
fn calls_and_parameters_are_known_where_the_api_describes_them() {
    let Some(schemas) = schemas() else { return };
    let all = all(&schemas);
    let mut wrong = Vec::new();
    for (path, method, parameter) in &all {
        for (release, schema) in &schemas {
            let call = schema.get(path).and_then(|methods| methods.get(method));
            let (described, known) = match parameter {
                None => (call.is_some(), release.knows_call(method, path)),
                Some(name) => (
                    call.is_some_and(|call| call["parameters"].get(name).is_some()),
                    release.knows_parameter(method, path, name),
                ),
            };
            if described != known {
                wrong.push(format!(
                    "{release} {method} {path} {parameter:?}: described {described}"
                ));
            }
        }
    }
    println!(
        "calls and parameters compared: {}, in {} releases",
        all.len(),
        schemas.len()
    );
    assert!(all.len() > 1000);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn keys_are_known_where_the_api_describes_them() {
    let Some(schemas) = schemas() else { return };
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (kind, path) in [
        (GuestKind::Qemu, "/nodes/{node}/qemu/{vmid}/config"),
        (GuestKind::Lxc, "/nodes/{node}/lxc/{vmid}/config"),
    ] {
        let option = |schema: &Schema, name: &str| schema[path]["PUT"]["parameters"].get(name).cloned();
        let names = |schema: &Schema| schema[path]["PUT"]["parameters"].as_object().unwrap().clone();
        let options: BTreeSet<String> = schemas
            .iter()
            .flat_map(|(_, s)| names(s))
            .map(|(n, _)| n)
            .collect();
        for name in &options {
            let formats = schemas
                .iter()
                .map(|(release, schema)| (release, option(schema, name)));
            let formats: Vec<_> = formats.collect();
            let keys: BTreeSet<&String> = formats
                .iter()
                .filter_map(|(_, option)| option.as_ref()?["format"].as_object())
                .flat_map(Map::keys)
                .collect();
            for key in keys {
                for (release, option) in &formats {
                    // A format that is only named, or an option that is not there, tells nothing of keys.
                    let Some(option) = option else { continue };
                    let format = &option["format"];
                    if format.is_string() {
                        continue;
                    }
                    compared += 1;
                    if format.get(key).is_some() != release.knows_key(kind, name, key) {
                        wrong.push(format!("{release} {kind:?} {name} {key}"));
                    }
                }
            }
        }
    }
    println!("keys compared: {compared}");
    assert!(compared > 300);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a call always sends must be known wherever the call is.
#[test]
fn no_call_of_drover_demands_what_an_older_host_does_not_know() {
    let mut compared = 0;
    for call in crate::hypervisor::proxmox::api::calls() {
        let paths = ["qemu", "lxc"].map(|kind| call.template.replace("{kind}", kind));
        for (path, release) in paths
            .iter()
            .flat_map(|p| [(p, Release::new(7, 4)), (p, Release::new(8, 4))])
        {
            let method = call.method.as_str();
            for parameter in (call.parameters)().iter().filter(|parameter| parameter.required) {
                let known = release.knows_parameter(method, path, &parameter.name);
                assert_eq!(
                    known,
                    release.knows_call(method, path),
                    "{} {}",
                    call.name,
                    parameter.name
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn what_varies_in_a_path_may_be_anything() {
    let old = Release::new(7, 4);
    assert!(!old.knows_parameter("POST", "/nodes/{n}/qemu/{id}/status/stop", "overrule-shutdown"));
    assert!(!old.knows_parameter("POST", "/nodes/pve/qemu/100/status/stop", "overrule-shutdown"));
    assert!(!old.knows_parameter("POST", "/nodes/{node}/qemu", "virtiofs3"));
    assert!(old.knows_parameter("POST", "/nodes/{node}/qemu", "virtio3"));
    assert!(!old.knows_call("DELETE", "/pools"));
    assert!(old.knows_call("DELETE", "/pools/{poolid}"));
}

#[test]
fn rights_have_the_names_of_the_release() {
    let name = |release: &str, privilege| release.parse::<Release>().unwrap().privilege(privilege);
    assert_eq!(name("8.4.1", Privilege::AgentAudit), Some("VM.Monitor"));
    assert_eq!(name("9.2.11", Privilege::AgentAudit), Some("VM.GuestAgent.Audit"));
    assert_eq!(name("7.4-3", Privilege::UseBridge), None);
    assert_eq!(name("8.0", Privilege::UseBridge), Some("SDN.Use"));
}

#[test]
fn answers_differ_by_release() {
    let (old, eight, nine) = (Release::new(7, 4), Release::new(8, 4), Release::new(9, 2));
    let has = |difference| [old, eight, nine].map(|release| release.has(difference));
    assert_eq!(has(Difference::ResizeIsTask), [false, true, true]);
    assert_eq!(has(Difference::MessageInErrors), [false, true, true]);
    assert_eq!(has(Difference::NetworkRows), [false, false, true]);
    assert_eq!(has(Difference::OneSentenceFor401), [false, false, true]);
}
