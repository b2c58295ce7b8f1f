//! Disks: where copies go and what they are called, what is refused, what space that runs out leads to.

use pve_sim::{Release, Seed, SeedGuest, SeedStorage};
use serde_json::{Value, json};

use crate::client::{Answer, Lab};

/// Files in `local`, a thin pool in `local-lvm`, files that all nodes share in `nas`; the stopped guest 100 with a
/// qcow2 image.
fn seed() -> Seed {
    let mut nas = SeedStorage::new("nas", "nfs", &["images"]);
    nas.shared = true;
    let mut seed = Seed {
        storages: Some(vec![
            SeedStorage::new("local", "dir", &["images", "iso"]),
            SeedStorage::new("local-lvm", "lvmthin", &["images"]),
            nas,
        ]),
        template: false,
        ..Seed::default()
    };
    let guest = SeedGuest::new(100, "web").set("scsi0", "local:100/vm-100-disk-0.qcow2,size=8G");
    seed.guests.push(guest);
    seed
}

async fn lab() -> Lab {
    Lab::instant(seed()).await
}

async fn config(lab: &Lab, vmid: u32) -> Value {
    lab.get(&format!("/nodes/pve1/qemu/{vmid}/config")).await.data()
}

async fn log(lab: &Lab, answer: &Answer) -> Vec<String> {
    lab.exit_of(answer).await;
    let upid = answer.data().as_str().unwrap().to_owned();
    let node = upid.split(':').nth(1).unwrap().to_owned();
    let lines = lab.get(&format!("/nodes/{node}/tasks/{upid}/log")).await.data();
    let lines = lines.as_array().unwrap().iter();
    lines.map(|line| line["t"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_full_clone_can_go_to_another_storage_and_format() {
    let lab = lab().await;
    let form = [
        ("newid", "101"),
        ("name", "copy"),
        ("storage", "local-lvm"),
        ("description", "a copy"),
    ];
    lab.done(lab.post("/nodes/pve1/qemu/100/clone", &form).await)
        .await;
    let copy = config(&lab, 101).await;
    assert_eq!(copy["scsi0"], json!("local-lvm:vm-101-disk-0,size=8G"));
    assert_eq!(
        (&copy["name"], &copy["description"]),
        (&json!("copy"), &json!("a copy"))
    );
    let form = [("newid", "102"), ("format", "raw")];
    lab.done(lab.post("/nodes/pve1/qemu/100/clone", &form).await)
        .await;
    let copy = config(&lab, 102).await;
    assert_eq!(copy["scsi0"], json!("local:102/vm-102-disk-0.raw,size=8G"));
    assert_eq!(copy["name"], json!("Copy-of-VM-web"));
}

#[tokio::test]
async fn what_a_clone_wants_is_looked_at_before_the_task() {
    let lab = lab().await;
    let refused = async |form: &[(&str, &str)]| {
        let form = [&[("newid", "101")], form].concat();
        let answer = lab.post("/nodes/pve1/qemu/100/clone", &form).await;
        assert_eq!(answer.status, 500);
        answer.reason
    };
    assert_eq!(
        refused(&[("storage", "nosuch")]).await,
        "storage 'nosuch' does not exist"
    );
    assert_eq!(
        refused(&[("snapname", "nosuch")]).await,
        "snapshot 'nosuch' does not exist"
    );
    assert_eq!(
        refused(&[("target", "nosuch")]).await,
        "no such cluster node 'nosuch'"
    );
    assert_eq!(
        refused(&[("full", "0"), ("storage", "local")]).await,
        "parameter 'storage' not allowed for linked clones"
    );
    let pool = lab
        .post(
            "/nodes/pve1/qemu/100/clone",
            &[("newid", "101"), ("pool", "none")],
        )
        .await;
    assert_eq!(
        (pool.status, pool.reason.as_str()),
        (403, "Permission check failed (pool 'none' does not exist)")
    );
}

#[tokio::test]
async fn clones_of_shared_disks_can_stand_on_another_node() {
    let mut seed = seed();
    seed.nodes = 2;
    let shared = SeedGuest::new(200, "shared").set("scsi0", "nas:200/vm-200-disk-0.raw,size=4G");
    seed.guests.push(shared);
    let lab = Lab::instant(seed).await;
    let form = [("newid", "201"), ("target", "pve2")];
    lab.done(lab.post("/nodes/pve1/qemu/200/clone", &form).await)
        .await;
    let copy = lab.get("/nodes/pve2/qemu/201/config").await.data();
    assert_eq!(copy["scsi0"], json!("nas:201/vm-201-disk-0.raw,size=4G"));
    let local = lab.post("/nodes/pve1/qemu/100/clone", &form).await;
    assert_eq!(
        local.reason,
        "can't clone VM to node 'pve2' (VM uses local storage)"
    );
    let listed = lab.get("/nodes/pve2/storage/nas/content?vmid=200").await.data();
    assert_eq!(
        listed.as_array().unwrap().len(),
        1,
        "both nodes see a shared storage"
    );
}

#[tokio::test]
async fn a_linked_clone_on_files_names_its_base() {
    let lab = lab().await;
    lab.done(lab.post("/nodes/pve1/qemu/100/template", &[]).await)
        .await;
    assert_eq!(
        config(&lab, 100).await["scsi0"],
        json!("local:100/base-100-disk-0.qcow2,size=8G")
    );
    lab.done(lab.post("/nodes/pve1/qemu/100/clone", &[("newid", "101")]).await)
        .await;
    let volid = "local:100/base-100-disk-0.qcow2/101/vm-101-disk-0.qcow2";
    assert_eq!(
        config(&lab, 101).await["scsi0"],
        json!(format!("{volid},size=8G"))
    );
    let row = &lab.get("/nodes/pve1/storage/local/content?vmid=101").await.data()[0];
    assert_eq!(
        (&row["volid"], &row["parent"]),
        (&json!(volid), &json!("../100/base-100-disk-0.qcow2"))
    );
}

#[tokio::test]
async fn a_running_guest_is_no_template() {
    let lab = lab().await;
    lab.sim.power_on(100).unwrap();
    let answer = lab.post("/nodes/pve1/qemu/100/template", &[]).await;
    assert_eq!(
        answer.reason,
        "you can't convert a VM to template if VM is running"
    );
}

#[tokio::test]
async fn a_base_in_a_file_does_not_grow() {
    let lab = lab().await;
    lab.done(lab.post("/nodes/pve1/qemu/100/template", &[]).await)
        .await;
    let answer = lab
        .put(
            "/nodes/pve1/qemu/100/resize",
            &[("disk", "scsi0"), ("size", "+1G")],
        )
        .await;
    assert_eq!(
        lab.exit_of(&answer).await,
        "command '/usr/bin/qemu-img resize '--preallocation=metadata' -f qcow2 \
         /var/lib/vz/images/100/base-100-disk-0.qcow2 9663676416' failed: exit code 1"
    );
}

#[tokio::test]
async fn release_7_4_grows_a_disk_without_a_task() {
    let lab = Lab::instant(seed().with_release(Release::V7_4)).await;
    let path = "/nodes/pve1/qemu/100/resize";
    let grown = lab.put(path, &[("disk", "scsi0"), ("size", "+1G")]).await;
    assert_eq!(grown.data(), Value::Null);
    assert_eq!(
        config(&lab, 100).await["scsi0"],
        json!("local:100/vm-100-disk-0.qcow2,size=9G")
    );
    let shrunk = lab.put(path, &[("disk", "scsi0"), ("size", "1G")]).await;
    assert_eq!(
        (shrunk.status, shrunk.reason.as_str()),
        (500, "shrinking disks is not supported")
    );
}

#[tokio::test]
async fn a_moved_disk_leaves_its_source_unused_or_not_at_all() {
    let lab = lab().await;
    let path = "/nodes/pve1/qemu/100/move_disk";
    lab.done(
        lab.post(path, &[("disk", "scsi0"), ("storage", "local-lvm")])
            .await,
    )
    .await;
    let moved = config(&lab, 100).await;
    assert_eq!(moved["scsi0"], json!("local-lvm:vm-100-disk-0,size=8G"));
    assert_eq!(moved["unused0"], json!("local:100/vm-100-disk-0.qcow2"));
    let form = [
        ("disk", "scsi0"),
        ("storage", "nas"),
        ("format", "qcow2"),
        ("delete", "1"),
    ];
    lab.done(lab.post(path, &form).await).await;
    assert_eq!(
        config(&lab, 100).await["scsi0"],
        json!("nas:100/vm-100-disk-0.qcow2,size=8G")
    );
    assert!(
        !lab.sim
            .volumes("pve1")
            .contains(&"local-lvm:vm-100-disk-0".to_owned())
    );
    let same = lab.post(path, &[("disk", "scsi0"), ("storage", "nas")]).await;
    assert_eq!(same.reason, "you can't move to the same storage with same format");
    let neither = lab.post(path, &[("disk", "scsi0")]).await;
    assert_eq!(
        neither.error_of("storage"),
        "both 'storage' and 'target-vmid' missing, need to set one"
    );
}

#[tokio::test]
async fn a_running_machine_mirrors_the_disk_that_moves() {
    let lab = lab().await;
    lab.sim.power_on(100).unwrap();
    let form = [("disk", "scsi0"), ("storage", "local-lvm")];
    let answer = lab.post("/nodes/pve1/qemu/100/move_disk", &form).await;
    let log = log(&lab, &answer).await;
    assert!(
        log.contains(&"drive mirror is starting for drive-scsi0".to_owned()),
        "{log:?}"
    );
    assert!(
        log.contains(&"drive-scsi0: Completed successfully.".to_owned()),
        "{log:?}"
    );
}

#[tokio::test]
async fn a_disk_is_handed_to_another_guest() {
    let lab = lab().await;
    lab.create(101).await;
    let path = "/nodes/pve1/qemu/100/move_disk";
    let form = [
        ("disk", "scsi0"),
        ("target-vmid", "101"),
        ("target-disk", "scsi1"),
    ];
    let answer = lab.post(path, &form).await;
    assert!(
        answer
            .data()
            .as_str()
            .unwrap()
            .contains(":qmmove:100-scsi0>101-scsi1:")
    );
    lab.done(answer).await;
    let (giver, taker) = (config(&lab, 100).await, config(&lab, 101).await);
    assert!(giver.get("scsi0").is_none());
    assert_eq!(giver["boot"], json!("order=net0"));
    assert_eq!(taker["scsi1"], json!("local:101/vm-101-disk-0.qcow2,size=8G"));
    let again = lab.post(path, &form).await;
    assert_eq!(again.reason, "Disk 'scsi0' for VM '100' does not exist");
    let own = lab.post(path, &[("disk", "scsi0"), ("target-vmid", "100")]).await;
    assert_eq!(
        own.error_of("target-vmid"),
        "must be different than source VMID to reassign disk"
    );
}

#[tokio::test]
async fn a_full_storage_takes_no_more_copies() {
    let mut seed = seed();
    let small = SeedStorage::new("small", "lvmthin", &["images"]).sized(3 << 30);
    seed.storages.as_mut().unwrap().push(small);
    let lab = Lab::instant(seed).await;
    // A quarter of its 8 GiB is written.
    let form = |id: &'static str| [("newid", id), ("storage", "small")];
    lab.done(lab.post("/nodes/pve1/qemu/100/clone", &form("101")).await)
        .await;
    let answer = lab.post("/nodes/pve1/qemu/100/clone", &form("102")).await;
    assert_eq!(
        lab.exit_of(&answer).await,
        "clone failed: copy failed: command '/usr/bin/qemu-img convert -p -n -f qcow2 -O raw \
         /var/lib/vz/images/100/vm-100-disk-0.qcow2 zeroinit:/dev/pve/vm-102-disk-0' failed: exit code 1"
    );
    assert!(lab.sim.guest(102).is_none(), "what failed leaves nothing");
    assert!(
        !lab.sim
            .volumes("pve1")
            .contains(&"small:vm-102-disk-0".to_owned())
    );
}

#[tokio::test]
async fn a_thick_storage_wants_all_the_space_at_once() {
    let mut seed = seed();
    let thick = SeedStorage::new("thick", "lvm", &["images"]).sized(4 << 30);
    seed.storages.as_mut().unwrap().push(thick);
    let lab = Lab::instant(seed).await;
    let form = [("newid", "101"), ("storage", "thick")];
    let answer = lab.post("/nodes/pve1/qemu/100/clone", &form).await;
    assert_eq!(
        lab.exit_of(&answer).await,
        "clone failed: not enough free space (4194304 < 8388608)"
    );
}

#[tokio::test]
async fn a_guest_goes_with_its_volumes_and_its_rules() {
    let lab = lab().await;
    lab.put("/nodes/pve1/qemu/100/firewall/options", &[("enable", "1")])
        .await
        .data();
    lab.done(lab.delete("/nodes/pve1/qemu/100?purge=1").await).await;
    assert!(
        lab.sim
            .volumes("pve1")
            .iter()
            .all(|volid| !volid.contains("vm-100-"))
    );
    let options = lab.get("/nodes/pve1/qemu/100/firewall/options").await.data();
    assert!(options.get("enable").is_none());
}

#[tokio::test]
async fn disks_that_nothing_names_go_only_when_it_is_asked() {
    let lab = lab().await;
    lab.sim.change_config(100, &[("scsi0", None)]).unwrap();
    lab.done(lab.delete("/nodes/pve1/qemu/100").await).await;
    let left = "local:100/vm-100-disk-0.qcow2".to_owned();
    assert!(lab.sim.volumes("pve1").contains(&left));
}

#[tokio::test]
async fn a_clone_can_be_of_what_a_snapshot_kept() {
    let lab = lab().await;
    let path = "/nodes/pve1/qemu/100";
    lab.done(
        lab.post(&format!("{path}/snapshot"), &[("snapname", "before")])
            .await,
    )
    .await;
    lab.put(&format!("{path}/config"), &[("memory", "4096")])
        .await
        .data();
    let form = [("newid", "101"), ("snapname", "before")];
    lab.done(lab.post(&format!("{path}/clone"), &form).await).await;
    let copy = config(&lab, 101).await;
    assert_eq!(copy["memory"], json!("1024"));
    assert!(copy.get("parent").is_none() && copy.get("snaptime").is_none());
    let moved = [("disk", "scsi0"), ("storage", "nas"), ("delete", "1")];
    let answer = lab.post(&format!("{path}/move_disk"), &moved).await;
    assert_eq!(
        answer.reason,
        "you can't move a disk with snapshots and delete the source"
    );
    let template = lab.post(&format!("{path}/template"), &[]).await;
    assert_eq!(
        template.reason,
        "unable to create template, because VM contains snapshots"
    );
}

#[tokio::test]
async fn a_new_guest_finds_no_room_either() {
    let mut seed = seed();
    let thick = SeedStorage::new("thick", "lvm", &["images"]).sized(4 << 30);
    seed.storages.as_mut().unwrap().push(thick);
    let lab = Lab::instant(seed).await;
    let answer = lab
        .post("/nodes/pve1/qemu", &[("vmid", "150"), ("scsi0", "thick:8")])
        .await;
    assert_eq!(
        lab.exit_of(&answer).await,
        "unable to create VM 150 - not enough free space (4194304 < 8388608)"
    );
    assert!(lab.sim.guest(150).is_none());
}

#[tokio::test]
async fn a_locked_guest_is_destroyed_by_nobody_but_root_himself() {
    let lab = lab().await;
    lab.sim.lock(100, Some("backup")).unwrap();
    let answer = lab.delete("/nodes/pve1/qemu/100").await;
    assert_eq!(lab.exit_of(&answer).await, "VM is locked (backup)");
    let answer = lab.delete("/nodes/pve1/qemu/100?skiplock=1").await;
    assert_eq!(answer.error_of("skiplock"), "Only root may use this option.");
}

#[tokio::test]
async fn what_the_ha_stack_keeps_goes_only_with_a_purge() {
    let lab = lab().await;
    let form = [("sid", "vm:100"), ("state", "stopped")];
    lab.post("/cluster/ha/resources", &form).await.data();
    let answer = lab.delete("/nodes/pve1/qemu/100").await;
    assert_eq!(
        answer.reason,
        "unable to remove VM 100 - used in HA resources and purge parameter not set."
    );
    lab.done(lab.delete("/nodes/pve1/qemu/100?purge=1").await).await;
    assert_eq!(lab.get("/cluster/ha/resources").await.data(), json!([]));
}
