//! Machines are made: blank, as copies, from a class; once each, and marked as ours.

use drover::api::VirtualMachine;
use kube::ResourceExt;
use pve_sim::{GuestView, Release, SeedGuest};
use serde_json::json;

use crate::support::{World, condition};

pub(crate) const BLANK: &str = "
powerState: Running
cpu: {cores: 2}
memory: {size: 1Gi}
disks: [{name: scsi0, size: 8Gi, storage: local-lvm}]
networks: [{name: net0, bridge: vmbr0}]
agent: {enabled: true}
";

/// The smallest that can be made, and never started.
pub(crate) const SMALL: &str = "
memory: {size: 64Mi}
disks: [{name: scsi0, size: 1Gi}]
";

/// Both sides agree that the guest is this resource's: number, UUID, and one sealed mark that names both.
pub(crate) fn assert_is_of(guest: &GuestView, vm: &VirtualMachine) {
    let status = vm.status.as_ref().unwrap();
    assert_eq!(status.vmid, Some(guest.vmid));
    assert_eq!(status.node.as_deref(), Some(guest.node.as_str()));
    let identity = status.identity.as_ref().unwrap().uuid.to_string();
    assert_eq!(guest.uuid.as_deref(), Some(identity.as_str()));
    let description = &guest.config["description"];
    assert_eq!(description.matches("drover/v1 ").count(), 1, "{description}");
    for part in [
        "kind=VirtualMachine".to_owned(),
        format!("namespace={}", vm.namespace().unwrap()),
        format!("name={}", vm.name_any()),
        format!("uid={}", vm.uid().unwrap()),
        format!("id={} ", guest.vmid),
        format!("uuid={identity}"),
    ] {
        assert!(description.contains(&part), "{part} in {description}");
    }
}

#[tokio::test]
async fn blank_machine_with_an_iso_becomes_ready() {
    let world = World::new("blank").await;
    let iso = "cdrom: {iso: 'local:iso/debian-12.iso'}";
    world.apply_vm("blank", &format!("{BLANK}\n{iso}")).await;

    let vm = world.wait_ready("blank").await;
    let guest = world.guest("blank").await;
    assert!(guest.running);
    assert_is_of(&guest, &vm);
    assert_eq!(guest.name.as_deref(), Some("blank"));
    assert_eq!(
        (guest.config["cores"].as_str(), guest.config["memory"].as_str()),
        ("2", "1024")
    );
    assert!(
        guest.config["ide2"].starts_with("local:iso/debian-12.iso"),
        "{guest:?}"
    );
    assert!(guest.config["net0"].contains("bridge=vmbr0"), "{guest:?}");
    assert!(guest.config["scsi0"].contains("local-lvm:") && guest.config["scsi0"].contains("size=8G"));
    assert!(guest.config["tags"].split(';').any(|tag| tag == "drover"));
    let observed = vm.status.as_ref().unwrap().observed.as_ref().unwrap();
    assert_eq!((observed.cpus, observed.memory.0.as_str()), (2, "1Gi"));
    assert!(
        observed
            .disks
            .iter()
            .any(|d| d.name == "scsi0" && d.managed && d.storage == "local-lvm")
    );

    // One call made it, with its mark, and one started it.
    let creates = world.sent("POST", "/nodes/*/qemu");
    assert_eq!(creates.len(), 1);
    let description = creates.0[0].param("description").unwrap();
    assert!(
        description.contains(&format!("uid={}", vm.uid().unwrap())),
        "{description}"
    );
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/start").len(), 1);
    assert_eq!(guest.starts, 1);
}

#[tokio::test]
async fn address_appears_when_the_agent_answers() {
    let world = World::new("address").await;
    world.apply_vm("web", BLANK).await;
    let address = world
        .wait_until("an address", async || {
            Some(world.vm("web").await.status?.addresses.first()?.clone())
        })
        .await;
    assert_eq!(address.type_, "InternalIP");
    address.address.parse::<std::net::IpAddr>().unwrap();
    let agent = world
        .wait_until("the system inside", async || {
            world
                .vm("web")
                .await
                .status?
                .agent
                .filter(|agent| agent.os.is_some())
        })
        .await;
    assert!(agent.connected);
    assert_eq!(agent.os.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
    let asked = || {
        world
            .sim
            .requests()
            .matching("GET", "/nodes/*/qemu/*/agent/get-osinfo")
            .len()
    };
    assert_eq!(asked(), 1);

    // One that stops has no agent; the next start may be of another system.
    world
        .patch_vm("web", json!({"spec": {"powerState": "Stopped"}}))
        .await;
    world
        .wait_until("no agent", async || {
            world.vm("web").await.status?.agent.is_none().then_some(())
        })
        .await;
    world
        .patch_vm("web", json!({"spec": {"powerState": "Running"}}))
        .await;
    world
        .wait_until("the system of the next start", async || {
            world.vm("web").await.status?.agent?.os
        })
        .await;
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn machine_without_an_agent_is_ready_without_an_address() {
    let world = World::new("no-agent").await;
    let spec = BLANK.replace("agent: {enabled: true}", "agent: {enabled: false}");
    world.apply_vm("web", &spec).await;
    assert!(world.wait_ready("web").await.status.unwrap().addresses.is_empty());
    assert!(
        world
            .sim
            .requests()
            .matching("GET", "/nodes/*/qemu/*/agent/**")
            .is_empty()
    );
}

#[tokio::test]
async fn copy_of_a_template_found_by_name_is_sealed_before_its_first_start() {
    let world = World::new("clone-name").await;
    let template = world.sim.guest(9000).unwrap();
    let spec = "
powerState: Running
source: {clone: {name: debian-12-template}}
cpu: {cores: 2}
memory: {size: 2Gi}
disks: [{name: scsi0, size: 16Gi}]
";
    world.apply_vm("copy", spec).await;

    let vm = world.wait_ready("copy").await;
    let guest = world.guest("copy").await;
    assert!(guest.running && !guest.template);
    assert_is_of(&guest, &vm);
    assert_ne!(
        guest.config["net0"], template.config["net0"],
        "it has its own MAC address"
    );
    assert_eq!(guest.config["memory"], "2048");
    assert!(guest.config["scsi0"].contains("size=16G"), "{guest:?}");
    assert_eq!(
        world.sim.guest(9000).unwrap(),
        template,
        "the template is as it was"
    );

    let vmid = guest.vmid;
    let clones = world.sent("POST", "/nodes/pve1/qemu/9000/clone");
    assert_eq!(clones.len(), 1);
    assert_eq!(clones.0[0].param("full"), Some("1"));
    assert!(
        clones.0[0]
            .param("description")
            .unwrap()
            .contains(&format!("id={vmid}"))
    );
    let sealed = world.sim.mutations().filter(|r| {
        r.path.ends_with(&format!("/qemu/{vmid}/config"))
            && r.param("smbios1").is_some()
            && r.param("description").is_some_and(|d| d.contains("uuid="))
    });
    assert_eq!(sealed.len(), 1, "identity and mark in one write");
    let starts = world.sent("POST", &format!("/nodes/*/qemu/{vmid}/status/start"));
    assert_eq!(starts.len(), 1);
    assert!(clones.0[0].seq < sealed.0[0].seq && sealed.0[0].seq < starts.0[0].seq);
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 0);
}

#[tokio::test]
async fn copy_of_a_machine_found_by_number_keeps_what_the_spec_does_not_name() {
    let source = SeedGuest::new(300, "golden")
        .set("cores", "3")
        .set("memory", "768");
    let world = World::builder("clone-number")
        .seed(|s| s.with_guest(source))
        .start()
        .await;
    world.apply_vm("copy", "source: {clone: {vmid: 300}}").await;

    let vm = world.wait_ready("copy").await;
    let guest = world.guest("copy").await;
    assert_is_of(&guest, &vm);
    assert_eq!(
        (guest.config["cores"].as_str(), guest.config["memory"].as_str()),
        ("3", "768")
    );
    assert_eq!(guest.name.as_deref(), Some("copy"));
    assert!(!guest.running, "power is left to people");
    assert_eq!(world.sent("POST", "/nodes/pve1/qemu/300/clone").len(), 1);
    assert!(world.sent("POST", "/nodes/*/qemu/*/status/*").is_empty());
}

#[tokio::test]
async fn class_is_taken_as_it_stood_when_the_machine_was_made() {
    let world = World::new("class").await;
    let class = |memory: &str| {
        format!(
            "
apiVersion: drover.dev/v1alpha1
kind: VirtualMachineClass
metadata: {{name: $HOST}}
spec:
  cpu: {{cores: 3}}
  memory: {{size: {memory}}}
  disk: {{size: 5Gi, storage: local-lvm}}
  network: {{bridge: vmbr1}}
"
        )
    };
    world.apply(&class("256Mi")).await;
    let spec = format!("{{classRef: {{name: {}}}, powerState: Running}}", world.name);
    world.apply_vm("first", &spec).await;
    world.wait_ready("first").await;
    let first = world.guest("first").await;
    assert_eq!(
        (first.config["cores"].as_str(), first.config["memory"].as_str()),
        ("3", "256")
    );
    assert!(first.config["scsi0"].contains("size=5G") && first.config["net0"].contains("bridge=vmbr1"));

    world.apply(&class("512Mi")).await;
    world.apply_vm("second", &spec).await;
    world.wait_ready("second").await;
    assert_eq!(world.guest("second").await.config["memory"], "512");
    world.passes("first", 2).await;
    let vm = world.wait_ready("first").await;
    assert_eq!(
        world.sim.guest(first.vmid).unwrap(),
        first,
        "made before, and left as it was"
    );
    let pinned = vm.status.unwrap().class.unwrap();
    assert_eq!(pinned.spec.memory.unwrap().size.0, "256Mi");
}

#[tokio::test]
async fn missing_class_is_named_and_taken_up_when_it_appears() {
    let world = World::new("class-missing").await;
    let spec = format!("{{classRef: {{name: {}}}}}", world.name);
    world.apply_vm("web", &spec).await;
    let vm = world.wait_vm("web", "Stalled", "True", "ClassNotFound").await;
    assert!(vm.finalizers().is_empty() && vm.status.unwrap().vmid.is_none());
    world
        .apply(
            "
apiVersion: drover.dev/v1alpha1
kind: VirtualMachineClass
metadata: {name: $HOST}
spec: {memory: {size: 64Mi}, disk: {size: 1Gi}}
",
        )
        .await;
    world.wait_ready("web").await;
}

#[tokio::test]
async fn numbers_are_given_from_above_the_highest_and_never_twice() {
    let world = World::builder("numbers")
        .seed(|s| s.with_guest(SeedGuest::new(12_345, "somebody's")))
        .start()
        .await;
    world.apply_vm("first", SMALL).await;
    world.wait_ready("first").await;
    let first = world.vmid("first").await;
    assert!(first > 12_345, "{first}");
    world.delete_vm("first").await;
    world.wait_vm_gone("first").await;
    world.apply_vm("second", SMALL).await;
    world.wait_ready("second").await;
    let second = world.vmid("second").await;
    assert!(second > first, "{second} after {first}");
}

#[tokio::test]
async fn range_of_the_host_and_pinned_number_are_kept_to() {
    let world = World::builder("range")
        .host(json!({"vmidRange": {"min": 500, "max": 501}}))
        .start()
        .await;
    world.apply_vm("first", SMALL).await;
    world.wait_ready("first").await;
    assert_eq!(world.vmid("first").await, 500);
    world.apply_vm("pinned", &format!("{SMALL}\nvmid: 777")).await;
    world.wait_ready("pinned").await;
    assert_eq!(world.vmid("pinned").await, 777);
    world.apply_vm("second", SMALL).await;
    world.wait_ready("second").await;
    assert_eq!(world.vmid("second").await, 501);

    world.apply_vm("third", SMALL).await;
    world
        .wait_vm("third", "Stalled", "True", "VmidRangeExhausted")
        .await;
    world
        .patch_host(&world.name, json!({"spec": {"vmidRange": {"max": 600}}}))
        .await;
    world.wait_ready("third").await;
    assert_eq!(world.vmid("third").await, 502);
}

#[tokio::test]
async fn many_at_once_get_one_guest_and_one_number_each() {
    const MACHINES: usize = 12;
    let world = World::builder("many")
        .seed(|s| s.with_foreign_vms(3))
        .start()
        .await;
    let strangers = world.sim.guests();
    for number in 0..MACHINES {
        world.apply_vm(&format!("vm-{number}"), SMALL).await;
    }
    let mut numbers = std::collections::BTreeSet::new();
    for number in 0..MACHINES {
        let name = format!("vm-{number}");
        let vm = world.wait_ready(&name).await;
        let guest = world.guest(&name).await;
        assert_is_of(&guest, &vm);
        numbers.insert(guest.vmid);
    }
    assert_eq!(numbers.len(), MACHINES);
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), MACHINES);
    assert_eq!(world.sim.guests().len(), MACHINES + strangers.len());
    for stranger in strangers {
        assert_eq!(world.sim.guest(stranger.vmid), Some(stranger));
    }
}

#[tokio::test]
async fn quickstart_example_becomes_ready() {
    let world = World::new("quickstart").await;
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("name: pve1}"), "it names its host: {text}");
        let text = text.replace("name: pve1}", "name: $HOST}");
        world
            .apply(&text.replace("namespace: default", &format!("namespace: {}", world.name)))
            .await;
    }
    for name in ["blank", "clone", "from-class"] {
        let vm = world.wait_ready(name).await;
        let guest = world.guest(name).await;
        assert!(guest.running, "{name}");
        assert_is_of(&guest, &vm);
    }
}

#[tokio::test]
async fn name_on_the_host_may_be_another_one() {
    let world = World::new("name").await;
    world
        .apply_vm("web", &format!("{SMALL}\nname: Web-1.example"))
        .await;
    world.wait_ready("web").await;
    assert_eq!(world.guest("web").await.name.as_deref(), Some("Web-1.example"));
}

#[tokio::test]
async fn copies_are_made_of_a_resources_machine_of_a_snapshot_and_with_the_differences_alone() {
    let world = World::new("copies").await;
    world.apply_vm("first", SMALL).await;
    // Its source may be declared with it: it is waited for.
    world
        .apply_vm("second", "source: {clone: {ref: {name: first}, snapshot: clean}}")
        .await;
    world
        .apply_vm("thin", "source: {clone: {vmid: 9000, full: false}}")
        .await;
    world.wait_ready("first").await;
    let first = world.vmid("first").await;
    world
        .as_person(&format!("/nodes/pve1/qemu/{first}/snapshot"), "snapname=clean")
        .await;
    world.wait_ready("thin").await;
    world.wait_ready("second").await;
    let clones = |source: u32| world.sent("POST", &format!("/nodes/pve1/qemu/{source}/clone"));
    let thin = clones(9000);
    assert_eq!(
        (thin.len(), thin.iter().next().unwrap().param("full")),
        (1, Some("0"))
    );
    let disk = world.guest("thin").await.config["scsi0"].clone();
    assert!(disk.contains("vm-"), "{disk}");
    let second = clones(first);
    let taken = second.iter().find(|r| r.status == Some(200)).unwrap();
    assert_eq!(
        (taken.param("full"), taken.param("snapname")),
        (Some("1"), Some("clean"))
    );
    let (one, two) = (world.guest("first").await, world.guest("second").await);
    assert_ne!(one.uuid, two.uuid);

    world
        .apply_vm("none", "source: {clone: {ref: {name: nobody}}}")
        .await;
    let vm = world.wait_vm("none", "Stalled", "True", "SourceNotFound").await;
    assert!(condition(&vm, "Ready").unwrap().message.contains("'nobody'"));
    world
        .apply_vm("whole", "source: {clone: {ref: {name: first}, full: false}}")
        .await;
    let vm = world.wait_vm("whole", "Stalled", "True", "InvalidSpec").await;
    assert!(condition(&vm, "Ready").unwrap().message.contains("no template"));
}

#[tokio::test]
async fn what_a_release_can_not_do_is_told_and_the_rest_is_done() {
    let world = World::new("unsupported").await;
    let spec = format!("{SMALL}\nhighAvailability: {{state: stopped, group: prefer_a}}");
    world.apply_vm("web", &spec).await;
    let vm = world.wait_ready("web").await;
    let told = condition(&vm, "Unsupported").unwrap();
    assert!(
        told.status == "True" && told.message.contains("'prefer_a'"),
        "{told:?}"
    );
    let sent = world.sent("POST", "/cluster/ha/resources");
    assert_eq!(
        (sent.len(), sent.iter().next().unwrap().param("group")),
        (1, None)
    );
    world
        .patch_vm("web", json!({"spec": {"highAvailability": {"group": null}}}))
        .await;
    let vm = world.wait_ready("web").await;
    assert!(condition(&vm, "Unsupported").is_none());
}

#[tokio::test]
async fn group_of_high_availability_is_set_and_changed_where_the_release_has_groups() {
    let world = World::builder("ha-group")
        .seed(|seed| seed.with_release(Release::V8_4))
        .start()
        .await;
    for group in ["prefer_a", "prefer_b"] {
        let body = format!("group={group}&nodes=pve1");
        world.as_person("/cluster/ha/groups", &body).await;
    }
    let spec = format!("{SMALL}\nhighAvailability: {{state: stopped, group: prefer_a}}");
    world.apply_vm("web", &spec).await;
    let vm = world.wait_ready("web").await;
    assert!(condition(&vm, "Unsupported").is_none());
    let sent = world.sent("POST", "/cluster/ha/resources");
    assert_eq!(sent.iter().next().unwrap().param("group"), Some("prefer_a"));
    world
        .patch_vm(
            "web",
            json!({"spec": {"highAvailability": {"group": "prefer_b"}}}),
        )
        .await;
    let changed = async || {
        let sent = world.sent("PUT", "/cluster/ha/resources/*");
        (sent.iter().next()?.param("group") == Some("prefer_b")).then_some(())
    };
    world.wait_until("the other group", changed).await;
    world.wait_ready("web").await;
}
