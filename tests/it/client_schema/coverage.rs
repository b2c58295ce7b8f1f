//! Each field of a machine reaches the host: the schema's fields beside what the simulators saw set, called and shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use pve_sim::{RecordedRequest, RecordedValue};
use serde_json::Value;

use super::{WHOLE_RUN, recorded};

/// What is seen on the host of a field.
#[derive(Clone, Copy, Debug)]
enum Trace {
    /// An option of the configuration, without its number, that is set and shown; with this in its value.
    Option(&'static str, &'static str),
    /// An option that is set and never shown (Proxmox VE shows passwords as asterisks, and a copied volume by its new name).
    Set(&'static str, &'static str),
    /// A parameter of a call: method, end of its path, parameter.
    Call(&'static str, &'static str, &'static str),
    /// What Drover does or leaves: the test that shows it.
    Behaviour(&'static str),
}

use Trace::{Behaviour, Call, Option as Opt, Set};

const FIELDS: &[(&str, Trace)] = &[
    ("agent.enabled", Opt("agent", "1")),
    ("boot.delay", Opt("startup", "up=")),
    ("boot.devices", Opt("boot", "order=")),
    ("boot.onBoot", Opt("onboot", "")),
    ("boot.order", Opt("startup", "")),
    ("cdrom.ejected", Opt("ide", "none")),
    ("cdrom.iso", Opt("ide", ":iso/")),
    (
        "classPolicy",
        Behaviour("class_that_is_followed_changes_its_machines_and_one_that_is_pinned_does_not"),
    ),
    (
        "classRef.name",
        Behaviour("class_is_taken_as_it_stood_when_the_machine_was_made"),
    ),
    ("cloudInit.hostname", Opt("ide", ":iso/drover-")),
    ("cloudInit.nameservers", Opt("nameserver", "")),
    ("cloudInit.networks[].gateway4", Opt("ipconfig", "gw=")),
    ("cloudInit.networks[].gateway6", Opt("ipconfig", "gw6=")),
    ("cloudInit.networks[].ipv4", Opt("ipconfig", "ip=")),
    ("cloudInit.networks[].ipv6", Opt("ipconfig", "ip6=")),
    ("cloudInit.networks[].name", Opt("ipconfig", "")),
    ("cloudInit.passwordRef.key", Opt("cipassword", "")),
    ("cloudInit.passwordRef.name", Opt("cipassword", "")),
    ("cloudInit.searchDomains", Opt("searchdomain", "")),
    ("cloudInit.sshAuthorizedKeys", Opt("sshkeys", "")),
    ("cloudInit.user", Opt("ciuser", "")),
    ("cloudInit.userDataRef.key", Call("POST", "upload", "content")),
    ("cloudInit.userDataRef.name", Call("POST", "upload", "content")),
    ("cpu.cores", Opt("cores", "")),
    ("cpu.limit", Opt("cpulimit", "")),
    ("cpu.sockets", Opt("sockets", "")),
    ("cpu.type", Opt("cpu", "")),
    ("cpu.units", Opt("cpuunits", "")),
    (
        "deletionPolicy",
        Behaviour("machine_is_backed_up_before_it_is_destroyed"),
    ),
    ("description", Opt("description", "")),
    ("disks[].backup", Opt("scsi", "backup=")),
    ("disks[].cache", Opt("scsi", "cache=")),
    ("disks[].discard", Opt("scsi", "discard=")),
    ("disks[].format", Opt("scsi", "format=")),
    ("disks[].iothread", Opt("scsi", "iothread=")),
    ("disks[].name", Opt("scsi", "")),
    ("disks[].onRemove", Set("delete", "unused")),
    ("disks[].size", Call("PUT", "resize", "size")),
    ("disks[].source.volume", Set("virtio", "import-from=")),
    ("disks[].ssd", Opt("scsi", "ssd=")),
    ("disks[].storage", Call("POST", "move_disk", "storage")),
    (
        "drift.ignore",
        Behaviour("fields_that_are_left_to_people_are_neither_put_back_nor_told"),
    ),
    (
        "drift.policy",
        Behaviour("changes_on_the_host_are_reported_where_that_is_wanted_until_the_spec_changes"),
    ),
    ("extraConfig", Opt("vga", "")),
    ("firmware.bios", Opt("bios", "ovmf")),
    ("firmware.machine", Opt("machine", "q35")),
    ("firmware.secureBoot", Opt("efidisk", "pre-enrolled-keys=")),
    ("firmware.tpm", Opt("tpmstate", "v2.0")),
    ("highAvailability.group", Call("POST", "resources", "group")),
    ("highAvailability.state", Call("POST", "resources", "state")),
    ("hostDevices[].mapping", Opt("hostpci", "mapping=")),
    (
        "hostRef.kind",
        Behaviour("blank_machine_with_an_iso_becomes_ready"),
    ),
    ("hostRef.name", Call("POST", "migrate", "target")),
    (
        "managementPolicy",
        Behaviour("machine_is_looked_at_and_never_changed"),
    ),
    ("memory.minimum", Opt("balloon", "")),
    ("memory.size", Opt("memory", "")),
    ("name", Opt("name", "")),
    ("networks[].bridge", Opt("net", "bridge=")),
    ("networks[].firewall", Opt("net", "firewall=")),
    ("networks[].mac", Opt("net", "=")),
    ("networks[].model", Opt("net", "e1000")),
    (
        "networks[].network",
        Behaviour("domain_is_named_by_its_uuid_and_machine_of_proxmox_by_its_number"),
    ),
    ("networks[].mtu", Opt("net", "mtu=")),
    ("networks[].name", Opt("net", "")),
    ("networks[].rateMbps", Opt("net", "rate=")),
    ("networks[].vlan", Opt("net", "tag=")),
    (
        "nodePolicy",
        Behaviour("pinned_machine_is_brought_back_and_one_that_follows_is_not"),
    ),
    ("pool", Call("POST", "qemu", "pool")),
    ("powerState", Call("POST", "start", "")),
    ("protection", Opt("protection", "")),
    ("rebootPolicy", Call("POST", "reboot", "")),
    ("shutdown.force", Call("POST", "shutdown", "forceStop")),
    ("shutdown.grace", Call("POST", "shutdown", "timeout")),
    ("source.backup.archive", Call("POST", "qemu", "archive")),
    (
        "source.blank",
        Behaviour("blank_machine_with_an_iso_becomes_ready"),
    ),
    ("source.clone.full", Call("POST", "clone", "full")),
    (
        "source.clone.name",
        Behaviour("copy_of_a_template_found_by_name_is_sealed_before_its_first_start"),
    ),
    (
        "source.clone.ref.name",
        Behaviour("copies_are_made_of_a_resources_machine_of_a_snapshot_and_with_the_differences_alone"),
    ),
    ("source.clone.snapshot", Call("POST", "clone", "snapname")),
    ("source.clone.vmid", Call("POST", "clone", "newid")),
    ("tags", Opt("tags", "")),
    ("template", Call("POST", "template", "")),
    (
        "uuid",
        Behaviour("domain_is_named_by_its_uuid_and_machine_of_proxmox_by_its_number"),
    ),
    ("vmid", Call("POST", "qemu", "vmid")),
    (
        "whenLost",
        Behaviour("lost_guest_is_made_again_by_itself_where_that_was_chosen"),
    ),
];

/// The fields of a spec that hold a value, as `a.b[].c`.
fn leaves(schema: &Value, path: &str, to: &mut BTreeSet<String>) {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    let items = &schema["items"];
    if let Some(properties) = schema["properties"].as_object().filter(|all| !all.is_empty()) {
        for (name, field) in properties {
            leaves(field, &below(name), to);
        }
    } else if items["properties"].is_object() {
        leaves(items, &format!("{path}[]"), to);
    } else {
        to.insert(path.to_owned());
    }
}

/// All fields of a kind's spec.
pub(super) fn schema_fields(kind: &str) -> BTreeSet<String> {
    let crds = drover::api::crds();
    let crd = crds.iter().find(|crd| crd.spec.names.kind == kind).unwrap();
    let schema = crd.spec.versions[0].schema.as_ref().unwrap();
    let schema = serde_json::to_value(&schema.open_api_v3_schema).unwrap();
    let mut fields = BTreeSet::new();
    leaves(&schema["properties"]["spec"], "", &mut fields);
    fields
}

/// The text of all tests, by file.
pub(super) fn tests() -> Vec<String> {
    fn read(folder: &Path, to: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, to);
            } else {
                to.push(fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut files = Vec::new();
    read(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"),
        &mut files,
    );
    files
}

/// An option without its number.
fn stem(key: &str) -> &str {
    key.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn holds(value: &RecordedValue, part: &str) -> bool {
    matches!(value, RecordedValue::Text(text) if text.contains(part))
}

/// What a field lacks, if anything.
fn lack(trace: Trace, requests: &[RecordedRequest], shown: &BTreeSet<String>) -> Option<String> {
    let given = |request: &RecordedRequest, option: &str, part: &str| {
        let mut given = request.parameters.iter().flatten();
        request.method != "GET" && given.any(|(key, value)| stem(key) == option && holds(value, part))
    };
    let set = |option: &str, part: &str| requests.iter().any(|request| given(request, option, part));
    match trace {
        Opt(option, part) if !set(option, part) => {
            Some(format!("option {option} was never set with '{part}'"))
        }
        Opt(option, _) if !shown.iter().any(|key| stem(key) == option) => {
            Some(format!("option {option} was never shown"))
        }
        Set(option, part) if !set(option, part) => Some(format!("{option} was never given '{part}'")),
        Call(method, end, parameter) => {
            let called = requests.iter().any(|request| {
                let named = || {
                    request
                        .parameters
                        .as_ref()
                        .is_some_and(|all| all.contains_key(parameter))
                };
                let path = request.segments.iter().rev().any(|segment| segment == end);
                request.method == method && path && (parameter.is_empty() || named())
            });
            (!called).then(|| format!("{method} …/{end} was never called with '{parameter}'"))
        }
        Opt(..) | Set(..) | Behaviour(_) => None,
    }
}

#[test]
fn every_field_of_a_machine_has_its_trace_and_every_trace_its_field() {
    let told: BTreeSet<String> = FIELDS.iter().map(|(field, _)| (*field).to_owned()).collect();
    assert_eq!(told.len(), FIELDS.len(), "no field twice");
    assert_eq!(told, schema_fields("VirtualMachine"));
    let tests = tests();
    for (field, trace) in FIELDS {
        if let Behaviour(test) = trace {
            assert!(
                tests
                    .iter()
                    .any(|file| file.contains(&format!("async fn {test}()"))),
                "{field}: there is no test {test}"
            );
        }
    }
}

#[test]
fn field_that_never_reached_the_host_is_found() {
    let request = |method: &str, path: &str, key: &str, value: &str| RecordedRequest {
        release: "9.2".into(),
        method: method.into(),
        segments: path.split('/').map(str::to_owned).collect(),
        parameters: Some(BTreeMap::from([(
            key.to_owned(),
            RecordedValue::Text(value.into()),
        )])),
        user_agent: "drover/1".into(),
        thread: String::new(),
    };
    let requests = [
        request("PUT", "nodes/pve1/qemu/100/config", "net0", "virtio,bridge=vmbr0"),
        request("POST", "nodes/pve1/qemu/100/clone", "newid", "101"),
        request("GET", "nodes/pve1/qemu/100/config", "cores", "2"),
    ];
    let shown = BTreeSet::from(["net0".to_owned()]);
    let lack = |trace| lack(trace, &requests, &shown);
    assert_eq!(lack(Opt("net", "bridge=")), None);
    assert_eq!(lack(Call("POST", "clone", "newid")), None);
    for trace in [
        Opt("net", "tag="),
        Opt("cores", ""),
        Set("delete", "unused"),
        Call("POST", "clone", "full"),
        Call("PUT", "resize", "size"),
    ] {
        assert!(lack(trace).is_some(), "{trace:?}");
    }
    let unseen = super::coverage::lack(Opt("net", "bridge="), &requests, &BTreeSet::new());
    assert!(unseen.is_some());
}

/// Only after a whole run is all of it there.
#[test]
fn every_field_of_a_machine_reached_the_host() {
    if std::env::var_os(WHOLE_RUN).is_none() {
        println!("skipped: the other tests' requests are looked at after a whole run (make test)");
        return;
    }
    let own = tempfile::tempdir().unwrap();
    let folder = pve_sim::record_requests(own.path()).expect("requests can be written down");
    let (requests, _) = recorded(&folder);
    let mut shown = BTreeSet::new();
    for file in fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|end| end == "shown") {
            shown.extend(fs::read_to_string(file).unwrap().lines().map(str::to_owned));
        }
    }
    let lacks: Vec<String> = FIELDS
        .iter()
        .filter_map(|(field, trace)| Some(format!("{field}: {}", lack(*trace, &requests, &shown)?)))
        .collect();
    println!(
        "fields of a machine: {}, on the host: {}, options shown: {}",
        FIELDS.len(),
        FIELDS.len() - lacks.len(),
        shown.len()
    );
    assert!(lacks.is_empty(), "{}", lacks.join("\n"));
}
