//! Disks: their options; added, moved, taken out and deleted; the CD drive; interfaces that are taken out.

use pve_sim::{Seed, SeedFile, SeedStorage};
use serde_json::{Value, json};

use super::{Field, check, field, swept};
use crate::support::{World, condition};

fn disk(name: &'static str, values: [Value; 2], spelt: [&'static str; 2], drifted: &'static str) -> Field {
    let pointer = match name {
        "disks[scsi0].cache" => "/disks/0/cache",
        "disks[scsi0].discard" => "/disks/0/discard",
        "disks[scsi0].ssd" => "/disks/0/ssd",
        "disks[scsi0].iothread" => "/disks/0/iothread",
        _ => "/disks/0/backup",
    };
    field(name, pointer, "scsi0", values, spelt, drifted)
}

fn small() -> Value {
    json!({
        "memory": {"size": "64Mi"},
        "disks": [{"name": "scsi0", "size": "1Gi"}],
        "networks": [{"name": "net0"}],
    })
}

/// Two storages for disks, and an image to copy.
fn two_storages(mut seed: Seed) -> Seed {
    seed.storages = Some(vec![
        SeedStorage::new("local", "dir", &["iso", "vztmpl", "backup", "import"]),
        SeedStorage::new("local-lvm", "lvmthin", &["images", "rootdir"]),
        SeedStorage::new("fast", "lvmthin", &["images", "rootdir"]),
        SeedStorage::new("files", "dir", &["images"]).set("path", "/mnt/files"),
    ]);
    seed.files = vec![SeedFile::new("local:import/small.qcow2", 512 << 20)];
    seed
}

async fn world(test: &str) -> World {
    let host = json!({"poll": {"sweep": "2s"}});
    World::builder(test).seed(two_storages).host(host).start().await
}

#[tokio::test]
async fn options_of_a_disk_are_made_changed_and_kept() {
    let world = swept("disk-fields").await;
    let fields = [
        disk(
            "disks[scsi0].cache",
            [json!("writeback"), json!("writethrough")],
            ["cache=writeback", "cache=writethrough"],
            "cache=unsafe",
        ),
        disk(
            "disks[scsi0].discard",
            [json!(false), json!(true)],
            ["local-lvm", "discard=on"],
            "discard=ignore",
        ),
        disk(
            "disks[scsi0].ssd",
            [json!(false), json!(true)],
            ["local-lvm", "ssd=1"],
            "ssd=0",
        ),
        disk(
            "disks[scsi0].iothread",
            [json!(false), json!(true)],
            ["local-lvm", "iothread=1"],
            "iothread=0",
        ),
        disk(
            "disks[scsi0].backup",
            [json!(true), json!(false)],
            ["local-lvm", "backup=0"],
            "backup=1",
        ),
    ];
    check(&world, small(), &fields).await;
}

#[tokio::test]
async fn disk_that_is_declared_is_added_and_moved_while_the_machine_runs() {
    let world = world("disk-add").await;
    let mut spec = small();
    spec["powerState"] = json!("Running");
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    spec["disks"] = json!([
        {"name": "scsi0", "size": "1Gi"},
        {"name": "scsi1", "size": "2Gi", "storage": "files", "format": "qcow2", "discard": true},
        {"name": "virtio0", "source": {"volume": "local:import/small.qcow2"}, "size": "1Gi"},
    ]);
    world.patch_vm("web", json!({"spec": spec})).await;
    world
        .wait_guest(vmid, "to have three disks", |guest| {
            let has = |slot: &str, part: &str| guest.config.get(slot).is_some_and(|d| d.contains(part));
            has("scsi1", "files:")
                && has("scsi1", ".qcow2")
                && has("scsi1", "discard=on")
                && has("virtio0", "size=1G")
        })
        .await;
    let vm = world.wait_ready("web").await;
    let shown: Vec<(String, bool)> = vm
        .status
        .unwrap()
        .observed
        .unwrap()
        .disks
        .into_iter()
        .map(|d| (d.name, d.managed))
        .collect();
    assert_eq!(
        shown,
        [
            ("scsi0".into(), true),
            ("scsi1".into(), true),
            ("virtio0".into(), true)
        ]
    );

    // Moved, live, without a copy left behind.
    spec["disks"][1]["storage"] = json!("fast");
    world.patch_vm("web", json!({"spec": spec})).await;
    world.wait_event("web", "DiskMoved", "moved a disk").await;
    world.wait_ready("web").await;
    let guest = world.guest("web").await;
    assert!(guest.config["scsi1"].starts_with("fast:"), "{:?}", guest.config);
    assert_eq!(world.sent("POST", "/nodes/pve1/qemu/*/move_disk").len(), 1);
    assert!(!world.sim.volumes("pve1").iter().any(|v| v.starts_with("files:")));
    assert!(guest.running, "nobody stopped it");

    // A default of the host moves nothing.
    world
        .patch_host(&world.name, json!({"spec": {"defaults": {"storage": "fast"}}}))
        .await;
    world.passes("web", 2).await;
    assert_eq!(world.sent("POST", "/nodes/pve1/qemu/*/move_disk").len(), 1);
}

#[tokio::test]
async fn disk_that_is_no_longer_declared_is_detached_or_deleted_as_it_said() {
    let world = world("disk-remove").await;
    let mut spec = small();
    spec["disks"] = json!([
        {"name": "scsi0", "size": "1Gi"},
        {"name": "scsi1", "size": "1Gi"},
        {"name": "scsi2", "size": "1Gi", "onRemove": "Delete"},
    ]);
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let made = world.guest("web").await;
    let volume = |slot: &str| made.config[slot].split(',').next().unwrap().to_owned();
    // A disk of somebody else, on the same machine.
    let theirs = "local-lvm:vm-9-disk-0,size=1G";
    world
        .sim
        .change_config(made.vmid, &[("scsi5", Some(theirs))])
        .unwrap();
    spec["disks"] = json!([{"name": "scsi0", "size": "1Gi"}]);
    world.patch_vm("web", json!({"spec": spec})).await;
    world
        .wait_until("the disks to be taken out", async || {
            let volumes = world.sim.volumes("pve1");
            let guest = world.sim.guest(made.vmid)?;
            let unused = guest.config.iter().find(|(key, _)| key.starts_with("unused"));
            let kept = unused.is_some_and(|(_, value)| value.starts_with(&volume("scsi1")));
            let out = !guest.config.contains_key("scsi1") && !guest.config.contains_key("scsi2");
            (out && kept && volumes.contains(&volume("scsi1")) && !volumes.contains(&volume("scsi2")))
                .then_some(())
        })
        .await;
    world.wait_ready("web").await;
    let guest = world.guest("web").await;
    assert_eq!(guest.config["scsi5"], theirs, "what the spec never named stays");
    // It is over: nothing more is sent, also not after a restart, whatever the status remembers.
    let position = world.sim.position();
    world.passes("web", 2).await;
    assert!(world.sim.mutations().since(position).is_empty());
}

#[tokio::test]
async fn disk_that_somebody_took_out_is_not_made_anew() {
    let world = world("disk-gone").await;
    let mut spec = small();
    spec["disks"] = json!([{"name": "scsi0", "size": "1Gi"}, {"name": "scsi1", "size": "1Gi"}]);
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let made = world.guest("web").await;
    let was = made.config["scsi1"].clone();
    let position = world.sim.position();
    let volume = was.split(',').next().unwrap();
    world
        .sim
        .change_config(made.vmid, &[("scsi1", None), ("unused0", Some(volume))])
        .unwrap();
    let vm = world.wait_vm("web", "Stalled", "True", "DiskGone").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        message.contains(volume) && message.contains("unused0"),
        "{message}"
    );
    world.passes("web", 2).await;
    assert!(world.sim.mutations().since(position).is_empty());
    // It is put back.
    world
        .sim
        .change_config(made.vmid, &[("scsi1", Some(&was)), ("unused0", None)])
        .unwrap();
    world.wait_ready("web").await;
    // Or wanted anew, as the message says.
    world
        .sim
        .change_config(made.vmid, &[("scsi1", None), ("unused0", Some(volume))])
        .unwrap();
    world.wait_vm("web", "Stalled", "True", "DiskGone").await;
    let both = spec["disks"].clone();
    spec["disks"] = json!([{"name": "scsi0", "size": "1Gi"}]);
    world.patch_vm("web", json!({"spec": spec})).await;
    world.wait_ready("web").await;
    spec["disks"] = both;
    world.patch_vm("web", json!({"spec": spec})).await;
    world
        .wait_guest(made.vmid, "to have a new disk", |guest| {
            guest.config.get("scsi1").is_some_and(|disk| *disk != was)
        })
        .await;
    world.wait_ready("web").await;
    assert!(
        world.sim.volumes("pve1").contains(&volume.to_owned()),
        "the old data stay"
    );
}

#[tokio::test]
async fn volume_of_others_in_the_place_of_a_disk_is_neither_grown_nor_moved_nor_deleted() {
    let world = world("disk-replaced").await;
    let mut spec = small();
    let disk = |size: &str| json!({"name": "scsi1", "size": size, "onRemove": "Delete"});
    spec["disks"] = json!([{"name": "scsi0", "size": "1Gi"}, disk("1Gi")]);
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let made = world.guest("web").await;
    let was = made.config["scsi1"].clone();
    let theirs = "local-lvm:vm-9999-pvc-0f0f0f0f,size=1G";
    world
        .sim
        .change_config(made.vmid, &[("scsi1", Some(theirs))])
        .unwrap();
    let position = world.sim.position();
    spec["disks"] = json!([{"name": "scsi0", "size": "1Gi"}, disk("2Gi")]);
    world.patch_vm("web", json!({"spec": spec})).await;
    let vm = world.wait_vm("web", "Stalled", "True", "DiskReplaced").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("vm-9999-pvc-0f0f0f0f"), "{message}");
    world.passes("web", 2).await;
    spec["disks"] = json!([{"name": "scsi0", "size": "1Gi"}]);
    world.patch_vm("web", json!({"spec": spec})).await;
    world.wait_ready("web").await;
    world.passes("web", 2).await;
    assert_eq!(world.sim.mutations().since(position).len(), 0);
    assert_eq!(world.guest("web").await.config["scsi1"], theirs);

    // The former one is put back, and is kept on.
    world
        .sim
        .change_config(made.vmid, &[("scsi1", Some(&was))])
        .unwrap();
    spec["disks"] = json!([{"name": "scsi0", "size": "1Gi"}, disk("2Gi")]);
    world.patch_vm("web", json!({"spec": spec})).await;
    world
        .wait_guest(made.vmid, "to have grown", |guest| {
            guest.config["scsi1"].contains("size=2G")
        })
        .await;
    world.wait_ready("web").await;
}

#[tokio::test]
async fn medium_is_inserted_and_ejected() {
    let world = swept("cdrom-fields").await;
    let mut spec = small();
    spec["cdrom"] = json!({"iso": "local:iso/debian-12.iso"});
    spec["powerState"] = json!("Running");
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world
        .patch_vm("web", json!({"spec": {"cdrom": {"iso": null, "ejected": true}}}))
        .await;
    world
        .wait_guest(vmid, "to have an empty drive", |guest| {
            guest.config["ide2"].starts_with("none,")
        })
        .await;
    world.wait_ready("web").await;
    // Somebody inserts another one.
    world
        .sim
        .change_config(vmid, &[("ide2", Some("local:iso/debian-12.iso,media=cdrom"))])
        .unwrap();
    world
        .wait_guest(vmid, "to have an empty drive again", |guest| {
            guest.config["ide2"].starts_with("none,")
        })
        .await;
    world.wait_ready("web").await;
    let both = json!({"spec": {"cdrom": {"iso": "local:iso/debian-12.iso", "ejected": true}}});
    let refused = world.try_patch_vm("web", both).await.unwrap_err();
    assert!(refused.to_string().contains("exactly one"), "{refused}");
}

#[tokio::test]
async fn interface_that_is_no_longer_declared_is_unplugged() {
    let world = swept("nic-remove").await;
    let mut spec = small();
    spec["networks"] = json!([{"name": "net0"}, {"name": "net1", "bridge": "vmbr1"}]);
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let made = world.guest("web").await;
    // One that somebody added stays.
    let theirs = "virtio=BC:24:11:00:00:77,bridge=vmbr0";
    world
        .sim
        .change_config(made.vmid, &[("net2", Some(theirs))])
        .unwrap();
    spec["networks"] = json!([{"name": "net0"}]);
    world.patch_vm("web", json!({"spec": spec})).await;
    world
        .wait_guest(made.vmid, "to lose an interface", |guest| {
            !guest.config.contains_key("net1")
        })
        .await;
    world.wait_ready("web").await;
    let config = world.guest("web").await.config;
    assert!(config.contains_key("net0"));
    assert_eq!(config["net2"], theirs);
}
