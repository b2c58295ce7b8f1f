//! The kinds as the API server serves them: bounds and rules refuse what is wrong with a sentence that helps,
//! and everything is described.

use std::{collections::BTreeSet, fs, path::Path};

use drover::api::crds;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::{create::SMALL, support::World};

async fn bare(test: &str) -> World {
    World::builder(test).undeclared().without_drover().start().await
}

/// What the API server says to YAML that it refuses.
fn refusal(world: &World, what: &str, applied: Result<(), kube::Error>) -> String {
    match applied {
        Err(kube::Error::Api(status)) if status.code == 422 || status.code == 400 || status.code == 500 => {
            status.message
        }
        Err(error) => panic!("{what}: {error}"),
        Ok(()) => panic!("{what} was taken, in {}", world.name),
    }
}

#[tokio::test]
#[allow(clippy::too_many_lines, reason = "it is a table")]
async fn machine_that_can_not_be_meant_is_refused_with_a_sentence_that_helps() {
    let world = bare("bad-vm").await;
    let disk = "disks: [{name: scsi0, size: 1Gi}]";
    let memory = "memory: {size: 64Mi}";
    for (spec, part) in [
        (
            format!("memory: {{size: '1500'}}\n{disk}"),
            "memory must be in whole MiB, like 4Gi or 1536Mi",
        ),
        (
            format!("memory: {{size: 1.3Mi}}\n{disk}"),
            "memory must be in whole MiB",
        ),
        (
            format!("memory: {{size: 4Mi}}\n{disk}"),
            "memory must be 16Mi at least and 4Ti at most",
        ),
        (
            format!("memory: {{size: 5Ti}}\n{disk}"),
            "memory must be 16Mi at least and 4Ti at most",
        ),
        (format!("memory: {{size: lots}}\n{disk}"), "spec.memory.size"),
        (
            format!("{memory}\ndisks: [{{name: scsi0, size: 1Ki}}]"),
            "a disk must be 1Mi at least and 128Ti at most",
        ),
        (
            format!("{memory}\n{disk}\ncloudInit: {{user: ada, userDataRef: {{name: setup}}}}"),
            "the document in userDataRef says who may log in",
        ),
        (
            format!("{memory}\n{disk}\ncloudInit: {{hostname: -web}}"),
            "spec.cloudInit.hostname",
        ),
        (
            format!("{memory}\ndisks: [{{name: hda, size: 1Gi}}]"),
            "spec.disks[0].name",
        ),
        (
            format!("{memory}\ndisks: [{{name: scsi31, size: 1Gi}}]"),
            "spec.disks[0].name",
        ),
        (
            format!("{memory}\ndisks: [{{name: scsi0, size: 1Gi}}, {{name: scsi0, size: 2Gi}}]"),
            "spec.disks",
        ),
        (
            format!("{memory}\ndisks: [{{name: scsi0, size: 1Gi, storage: 'a:b'}}]"),
            "spec.disks[0].storage",
        ),
        (memory.to_owned(), "needs memory.size and a disk with a size"),
        (disk.to_owned(), "needs memory.size and a disk with a size"),
        (
            "source: {blank: {}}".to_owned(),
            "needs memory.size and a disk with a size",
        ),
        (
            "source: {clone: {vmid: 9000, name: x}}".to_owned(),
            "give exactly one of vmid, name and ref",
        ),
        (
            "source: {clone: {}}".to_owned(),
            "give exactly one of vmid, name and ref",
        ),
        (
            "source: {clone: {vmid: 9000}, blank: {}}".to_owned(),
            "give exactly one of blank, clone and backup",
        ),
        (
            format!("{SMALL}\nsource: {{}}"),
            "give exactly one of blank, clone and backup",
        ),
        (
            "source: {clone: {vmid: 9000}, backup: {archive: 'local:backup/vzdump-qemu-101.vma'}}".to_owned(),
            "give exactly one of blank, clone and backup",
        ),
        (
            "source: {backup: {archive: 'local:iso/debian.iso'}}".to_owned(),
            "should match",
        ),
        (
            "source: {clone: {vmid: 99}}".to_owned(),
            "greater than or equal to 100",
        ),
        (format!("{SMALL}\nvmid: 99"), "greater than or equal to 100"),
        (
            format!("{SMALL}\nvmid: 1000000000"),
            "less than or equal to 999999999",
        ),
        (
            format!("{SMALL}\ncpu: {{cores: 0}}"),
            "greater than or equal to 1",
        ),
        (
            format!("{SMALL}\ncpu: {{sockets: 17}}"),
            "less than or equal to 16",
        ),
        (format!("{SMALL}\nname: 'not a name'"), "spec.name"),
        (format!("{SMALL}\nname: {}", "x".repeat(64)), "spec.name"),
        (format!("{SMALL}\npowerState: Sideways"), "Running"),
        (format!("{SMALL}\ncpu: {{type: 'not a model'}}"), "spec.cpu.type"),
        (
            format!("{SMALL}\nboot: {{devices: [floppy]}}"),
            "spec.boot.devices",
        ),
        (
            format!("{SMALL}\nboot: {{delay: 500ms}}"),
            "delay is in whole seconds",
        ),
        (format!("{SMALL}\nboot: {{order: -1}}"), "spec.boot.order"),
        (
            format!("{SMALL}\nshutdown: {{grace: 500ms}}"),
            "grace is in whole seconds",
        ),
        (
            format!("{SMALL}\nshutdown: {{grace: soon}}"),
            "spec.shutdown.grace",
        ),
        (format!("{SMALL}\ncdrom: {{iso: debian.iso}}"), "spec.cdrom.iso"),
        (
            format!("{SMALL}\nnetworks: [{{name: eth0}}]"),
            "spec.networks[0].name",
        ),
        (
            format!("{SMALL}\nnetworks: [{{name: net0, bridge: 'vmbr0,tag=5'}}]"),
            "spec.networks[0].bridge",
        ),
        (
            format!("{SMALL}\nnetworks: [{{name: net0, mac: '01:24:11:00:00:01'}}]"),
            "spec.networks[0].mac",
        ),
        (
            format!("{SMALL}\nnetworks: [{{name: net0, vlan: 4095}}]"),
            "spec.networks[0].vlan",
        ),
        (
            format!("{SMALL}\nnetworks: [{{name: net0, mtu: 9000, model: e1000}}]"),
            "mtu is for cards of the model virtio alone",
        ),
        (
            format!("{SMALL}\nnetworks: [{{name: net0, rateMbps: -1}}]"),
            "spec.networks[0].rateMbps",
        ),
        (
            format!("{SMALL}\nnetworks: [{{name: net0, model: ne2000}}]"),
            "virtio",
        ),
        (format!("{SMALL}\nwhenLost: Panic"), "Recreate"),
        (
            format!("{SMALL}\nhostRef: {{kind: Toaster, name: x}}"),
            "ProxmoxNode",
        ),
        (
            format!("{SMALL}\nhostRef: {{kind: ProxmoxNode}}"),
            "spec.hostRef.name",
        ),
        (format!("{SMALL}\nmemmory: {{size: 1Gi}}"), "memmory"),
        (
            format!("memory: {{size: 64Mi, minimum: 65Mi}}\n{disk}"),
            "minimum must not be more than size",
        ),
        (
            format!("{SMALL}\ncpu: {{limit: 600}}"),
            "less than or equal to 512",
        ),
        (format!("{SMALL}\ncpu: {{units: -1}}"), "spec.cpu.units"),
        (format!("{SMALL}\ntags: [Two Words]"), "spec.tags[0]"),
        (format!("{SMALL}\npool: a/b/c/d"), "spec.pool"),
        (
            format!("{SMALL}\ndescription: 'drover/v1'"),
            "'drover/v1' stands in Drover's own mark alone",
        ),
        (
            format!("{SMALL}\nextraConfig: {{'vga;x': std}}"),
            "a key is the name of an option",
        ),
        (
            format!("{SMALL}\nfirmware: {{secureBoot: true}}"),
            "secureBoot needs bios: ovmf",
        ),
        (
            format!("{SMALL}\nfirmware: {{machine: toaster}}"),
            "spec.firmware.machine",
        ),
        (
            format!("{SMALL}\nhostDevices: [{{mapping: a}}, {{mapping: a}}]"),
            "spec.hostDevices",
        ),
        (
            format!("{SMALL}\ncdrom: {{}}"),
            "give exactly one of iso and ejected",
        ),
        (
            format!("{memory}\ndisks: [{{name: virtio0, size: 1Gi, ssd: true}}]"),
            "ssd is not for virtio disks",
        ),
        (
            format!("{memory}\ndisks: [{{name: sata0, size: 1Gi, iothread: true}}]"),
            "iothread is for scsi and virtio disks alone",
        ),
        (
            format!("{memory}\ndisks: [{{name: scsi0, size: 1Gi, source: {{volume: '/etc/shadow'}}}}]"),
            "spec.disks[0].source.volume",
        ),
    ] {
        let message = refusal(&world, &spec, world.try_apply_vm("bad", &spec).await);
        assert!(
            message.contains(part),
            "{part} in the answer to {spec}:\n{message}"
        );
    }
    assert!(world.vms().get_opt("bad").await.unwrap().is_none());
}

#[tokio::test]
async fn change_that_can_not_be_made_is_refused_with_a_sentence_that_helps() {
    let world = bare("bad-change").await;
    let spec = "
vmid: 150
memory: {size: 64Mi}
disks: [{name: scsi0, size: 4Gi, storage: local-lvm, format: raw}]
source: {blank: {}}
firmware: {bios: ovmf, tpm: true}
";
    world.apply_vm("web", spec).await;
    let status = json!({"status": {"vmid": 150}});
    world
        .vms()
        .patch_status("web", &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();
    for (from, to, part) in [
        (
            "size: 4Gi",
            "size: 3Gi",
            "a disk can't shrink: size must not be less than before",
        ),
        ("size: 4Gi", "size: 4000Mi", "a disk can't shrink"),
        ("format: raw", "format: qcow2", "format can't be changed"),
        (", format: raw", "", "format can't be added or removed"),
        ("bios: ovmf", "bios: seabios", "bios can't be changed"),
        ("tpm: true", "tpm: false", "tpm can't be taken off"),
        (
            "vmid: 150",
            "vmid: 151",
            "spec.vmid must be the machine's own number (status.vmid)",
        ),
        (
            "source: {blank: {}}",
            "source: {clone: {vmid: 9000}}",
            "source can't be changed",
        ),
        ("source: {blank: {}}", "", "source can't be changed"),
    ] {
        let changed = spec.replace(from, to);
        assert_ne!(changed, spec);
        let message = refusal(&world, to, world.try_apply_vm("web", &changed).await);
        assert!(message.contains(part), "{part} in the answer to {to}:\n{message}");
    }
    let classy = |class: &str| format!("{SMALL}\nclassRef: {{name: {class}}}");
    world.apply_vm("classy", &classy("one")).await;
    let message = refusal(
        &world,
        "classRef",
        world.try_apply_vm("classy", &classy("two")).await,
    );
    assert!(message.contains("classRef can't be changed"), "{message}");

    for (from, to) in [
        ("vmid: 150", ""),
        ("size: 64Mi", "size: 32Mi"),
        ("storage: local-lvm", "storage: other"),
        ("size: 4Gi", "size: 5Gi"),
    ] {
        world.apply_vm("web", &spec.replace(from, to)).await;
    }
}

#[tokio::test]
async fn host_that_can_not_be_meant_is_refused_with_a_sentence_that_helps() {
    let world = bare("bad-host").await;
    let secret = json!({"namespace": "drover-system", "name": "x"});
    let good = json!({"host": "192.0.2.1", "credentialsRef": secret});
    let pem = "-----BEGIN CERTIFICATE-----";
    for (fields, part) in [
        (
            json!({}),
            "give either host (with credentialsRef) or connectionRef, not both",
        ),
        (
            json!({"host": "a", "credentialsRef": secret, "connectionRef": {"name": "b"}, "nodeName": "c"}),
            "give either host",
        ),
        (json!({"host": "a"}), "host and credentialsRef belong together"),
        (
            json!({"connectionRef": {"name": "b"}}),
            "nodeName must say which member of the cluster is meant",
        ),
        (
            json!({"connectionRef": {"name": "b"}, "nodeName": "c", "port": 8006}),
            "come from the node that it names",
        ),
        (
            with(
                &good,
                json!({"tls": {"insecureSkipVerify": true, "caBundle": pem}}),
            ),
            "choose one of caBundle, fingerprint and insecureSkipVerify",
        ),
        (
            with(&good, json!({"tls": {"fingerprint": "AB:CD"}})),
            "spec.tls.fingerprint",
        ),
        (with(&good, json!({"port": 0})), "greater than or equal to 1"),
        (with(&good, json!({"port": 65536})), "less than or equal to 65535"),
        (with(&good, json!({"host": "https://192.0.2.1"})), "spec.host"),
        (with(&good, json!({"timeout": "soon"})), "spec.timeout"),
        (
            with(&good, json!({"vmidRange": {"min": 200, "max": 199}})),
            "min must not be above max",
        ),
        (
            with(&good, json!({"vmidRange": {"min": 1, "max": 199}})),
            "greater than or equal to 100",
        ),
        (
            with(&good, json!({"allowedNamespaces": {"from": "Selector"}})),
            "selector belongs to from: Selector, and only to it",
        ),
        (
            with(
                &good,
                json!({"allowedNamespaces": {"from": "All", "selector": {}}}),
            ),
            "selector belongs to from: Selector",
        ),
        (with(&good, json!({"allowedNamespaces": {"from": "Some"}})), "All"),
        (
            with(&good, json!({"budget": {"tasks": 0}})),
            "greater than or equal to 1",
        ),
        (with(&good, json!({"nodeName": "-pve"})), "spec.nodeName"),
    ] {
        let message = refusal(&world, &fields.to_string(), apply_host(&world, &fields).await);
        assert!(
            message.contains(part),
            "{part} in the answer to {fields}:\n{message}"
        );
    }
    apply_host(&world, &with(&good, json!({"nodeName": "pve1"})))
        .await
        .unwrap();
    let changed = apply_host(&world, &with(&good, json!({"nodeName": "pve2"}))).await;
    let message = refusal(&world, "nodeName", changed);
    assert!(
        message.contains("nodeName can't be changed: make another ProxmoxNode"),
        "{message}"
    );
}

#[tokio::test]
async fn libvirt_host_that_can_not_be_meant_is_refused_with_a_sentence_that_helps() {
    let world = bare("bad-libvirt").await;
    let secret = json!({"namespace": "drover-system", "name": "x"});
    let apply = |spec: Value| {
        let object = json!({
            "apiVersion": "drover.dev/v1alpha1", "kind": "LibvirtHost",
            "metadata": {"name": world.name}, "spec": spec,
        });
        let world = &world;
        async move { world.try_apply(&object.to_string()).await }
    };
    for (spec, part) in [
        (json!({}), "spec.uri"),
        (json!({"uri": "http://example.com"}), "spec.uri"),
        (
            json!({"uri": "qemu+tls://host.example/system"}),
            "a remote host needs credentialsRef",
        ),
        (
            json!({"uri": "qemu:///system", "maintenance": {"mode": "Evacuate"}}),
            "move the machines by their hostRef, and choose Cordon",
        ),
        (
            json!({"uri": "qemu:///system", "timeout": "0s"}),
            "between 1s and 10m",
        ),
        (
            json!({"uri": "qemu:///system", "poll": {"statistics": "1ms"}}),
            "100ms at least",
        ),
    ] {
        let text = spec.to_string();
        let message = refusal(&world, &text, apply(spec).await);
        assert!(
            message.contains(part),
            "{part} in the answer to {text}:\n{message}"
        );
    }
    apply(json!({"uri": "qemu+ssh://drover@host.example/system", "credentialsRef": secret}))
        .await
        .unwrap();
}

#[tokio::test]
async fn domain_is_named_by_its_uuid_and_machine_of_proxmox_by_its_number() {
    let world = bare("uuid-or-vmid").await;
    let uuid = "8c2a2e0e-5e0f-4b7e-9d53-0d3f1a7c9b11";
    let try_on = |kind: &str, field: String| {
        let object = json!({
            "apiVersion": "drover.dev/v1alpha1", "kind": "VirtualMachine",
            "metadata": {"name": "vm", "namespace": world.name},
            "spec": {"hostRef": {"kind": kind, "name": "h"}},
        });
        let mut object = object;
        let (key, value) = field.split_once('=').unwrap();
        object["spec"][key] = serde_json::from_str(value).unwrap();
        let world = &world;
        async move { world.try_apply(&object.to_string()).await }
    };
    let named = |field: &str| format!("{field}=\"{uuid}\"");
    let wrong = try_on("ProxmoxNode", named("uuid")).await;
    let message = refusal(&world, "uuid", wrong);
    assert!(
        message.contains("a machine of a ProxmoxNode is named by its vmid"),
        "{message}"
    );
    let wrong = try_on("LibvirtHost", "vmid=100".to_owned()).await;
    let message = refusal(&world, "vmid", wrong);
    assert!(
        message.contains("a domain of a LibvirtHost is named by its uuid"),
        "{message}"
    );
    let network = "networks=[{\"name\": \"net0\", \"network\": \"default\"}]";
    let wrong = try_on("ProxmoxNode", network.to_owned()).await;
    let message = refusal(&world, "network", wrong);
    assert!(message.contains("on a ProxmoxNode name the bridge"), "{message}");
    let wrong = try_on("LibvirtHost", "uuid=\"x\"".to_owned()).await;
    assert!(refusal(&world, "uuid", wrong).contains("spec.uuid"));
    try_on("LibvirtHost", named("uuid")).await.unwrap();
}

fn with(object: &Value, more: Value) -> Value {
    let mut all = object.as_object().unwrap().clone();
    let Value::Object(more) = more else {
        panic!("fields are wanted, not {more}");
    };
    all.extend(more);
    all.into()
}

async fn apply_host(world: &World, spec: &Value) -> Result<(), kube::Error> {
    let object = json!({
        "apiVersion": "drover.dev/v1alpha1", "kind": "ProxmoxNode",
        "metadata": {"name": world.name}, "spec": spec,
    });
    world.try_apply(&object.to_string()).await
}

#[test]
fn checked_in_definitions_are_what_the_types_say() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let mut expected = BTreeSet::new();
    for crd in crds() {
        let file = format!("{}.yaml", crd.spec.names.plural);
        let stored = fs::read_to_string(directory.join(&file)).unwrap();
        let written = serde_saphyr::to_string(&crd).unwrap();
        assert!(
            stored == written,
            "crds/{file} is not what src/api says: run `make crds`"
        );
        expected.insert(file);
    }
    let found: BTreeSet<String> = fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, expected, "a file a kind");
}

#[tokio::test]
async fn checked_in_definitions_mean_the_same_to_kubectl() {
    let world = bare("definitions").await;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    for crd in crds() {
        let file = directory.join(format!("{}.yaml", crd.spec.names.plural));
        let same = ["label", "--local", "--output=json", "read=1", "-f"];
        let read = world.kubectl(&[&same[..], &[file.to_str().unwrap()]].concat());
        let mut read: Value = serde_json::from_str(&read).unwrap();
        read["metadata"].as_object_mut().unwrap().remove("labels");
        let mut meant = serde_json::to_value(&crd).unwrap();
        for value in [&mut read, &mut meant] {
            floats(value);
        }
        assert!(read == meant, "{}", file.display());
    }
}

/// Spells whole numbers as the others: 1 and 1.0 are the same.
fn floats(value: &mut Value) {
    match value {
        Value::Number(number) => *value = json!(number.as_f64()),
        Value::Array(list) => list.iter_mut().for_each(floats),
        Value::Object(fields) => fields.values_mut().for_each(floats),
        _ => {}
    }
}

/// The schema of each kind, with its name.
fn schemas() -> Vec<(String, JSONSchemaProps)> {
    let schema = |crd: k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition| {
        let version = crd.spec.versions.into_iter().next().unwrap();
        (crd.spec.names.kind, version.schema.unwrap().open_api_v3_schema.unwrap())
    };
    crds().into_iter().map(schema).collect()
}

/// Visits every field below a schema with its path.
fn walk(path: &str, schema: &JSONSchemaProps, visit: &mut impl FnMut(&str, &JSONSchemaProps)) {
    for (name, field) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        visit(&path, field);
        walk(&path, field, visit);
    }
    if let Some(items) = &schema.items {
        let value = serde_json::to_value(items).unwrap();
        let items: JSONSchemaProps = serde_json::from_value(value).unwrap();
        visit(&format!("{path}[]"), &items);
        walk(&format!("{path}[]"), &items, visit);
    }
}

#[test]
fn every_field_is_described() {
    let mut silent = Vec::new();
    for (kind, schema) in schemas() {
        assert!(schema.description.is_some(), "{kind}");
        walk(&kind, &schema, &mut |path, field| {
            let told = field.description.as_ref().is_some_and(|text| text.len() > 3);
            if !told && !path.ends_with("[]") {
                silent.push(path.to_owned());
            }
        });
    }
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn every_field_that_people_write_has_bounds() {
    let mut unbounded = Vec::new();
    for (kind, schema) in schemas() {
        let spec = &schema.properties.as_ref().unwrap()["spec"];
        walk(&format!("{kind}.spec"), spec, &mut |path, field| {
            // Kubernetes' own type, which Kubernetes itself checks.
            if path.contains(".selector.") {
                return;
            }
            let bounded = match field.type_.as_deref() {
                Some("string") => field.max_length.is_some() || field.enum_.is_some(),
                Some("array") => field.max_items.is_some(),
                Some("integer" | "number") => field.minimum.is_some() && field.maximum.is_some(),
                _ => true,
            };
            if !bounded {
                unbounded.push(path.to_owned());
            }
        });
    }
    assert!(unbounded.is_empty(), "{unbounded:#?}");
}

#[test]
fn kinds_are_found_and_shown_as_people_expect() {
    for crd in crds() {
        let names = &crd.spec.names;
        assert_eq!(
            names.categories,
            Some(vec!["drover".to_owned()]),
            "{}",
            names.kind
        );
        let version = &crd.spec.versions[0];
        let columns: Vec<_> = version
            .additional_printer_columns
            .iter()
            .flatten()
            .filter(|column| column.priority.unwrap_or(0) == 0)
            .map(|column| column.name.as_str())
            .collect();
        let (short, expected): (_, &[&str]) = match names.kind.as_str() {
            "VirtualMachine" => (
                "dvm",
                &["Ready", "Reason", "Power", "VMID", "Node", "Address", "Age"],
            ),
            "ProxmoxNode" => (
                "pxn",
                &[
                    "Ready",
                    "Reason",
                    "Node",
                    "Version",
                    "Cluster",
                    "Maintenance",
                    "VMs",
                    "Age",
                ],
            ),
            "LibvirtHost" => ("lvh", &["Ready", "Reason", "Node", "Version", "VMs", "Age"]),
            "VirtualMachineClass" => ("dvmclass", &["Cores", "Memory", "Disk", "Age"]),
            kind => panic!("{kind} is new: say here how it is shown"),
        };
        assert_eq!(names.short_names, Some(vec![short.to_owned()]));
        assert_eq!(columns, expected, "{}", names.kind);
        let has_status = version.subresources.as_ref().is_some_and(|s| s.status.is_some());
        assert_eq!(has_status, names.kind != "VirtualMachineClass");
    }
}

#[tokio::test]
async fn explain_shows_the_descriptions() {
    let world = bare("explain").await;
    // The API server publishes the descriptions of new kinds a little after the kinds themselves.
    for kind in ["dvm", "pxn"] {
        world
            .wait_until(&format!("{kind} to be explained"), async || {
                world.try_kubectl(&["explain", kind]).ok()
            })
            .await;
    }
    for (field, part) in [
        ("dvm.spec.powerState", "Absent: power is left to people"),
        ("dvm.spec.whenLost", "wait for the annotation"),
        ("dvm.spec.disks.size", "the disk is grown to it"),
        ("pxn.spec.vmidReuse", "AfterRange"),
        ("pxn.spec.tls.fingerprint", "SHA-256"),
    ] {
        let text = world.kubectl(&["explain", field]);
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(part), "{part} in\n{text}");
    }
}
