//! Guests on their way to another node: what goes with them, and what holds them.

use std::time::Duration;

use pve_sim::{Release, Seed, SeedGuest, SeedStorage, Timing};
use serde_json::json;

use crate::client::{Answer, Lab, eventually};

/// Two nodes; on the first the guest 100, with a disk in the thin pool that each node has of its own.
fn seed() -> Seed {
    let mut nas = SeedStorage::new("nas", "nfs", &["images"]);
    nas.shared = true;
    let mut seed = Seed {
        nodes: 2,
        template: false,
        storages: Some(vec![
            SeedStorage::new("local", "dir", &["images", "iso"]),
            SeedStorage::new("local-lvm", "lvmthin", &["images"]),
            nas,
        ]),
        ..Seed::default()
    };
    seed.guests.push(SeedGuest::new(100, "web"));
    seed
}

async fn lab() -> Lab {
    Lab::instant(seed()).await
}

const PATH: &str = "/nodes/pve1/qemu/100/migrate";

async fn log(lab: &Lab, answer: &Answer) -> String {
    lab.exit_of(answer).await;
    let upid = answer.data().as_str().unwrap().to_owned();
    let lines = lab.get(&format!("/nodes/pve1/tasks/{upid}/log")).await.data();
    let lines = lines.as_array().unwrap().iter();
    let texts: Vec<&str> = lines.map(|line| line["t"].as_str().unwrap()).collect();
    texts.join("\n")
}

#[tokio::test]
async fn a_stopped_guest_takes_its_local_disks_along() {
    let lab = lab().await;
    let answer = lab.post(PATH, &[("target", "pve2")]).await;
    let log = log(&lab, &answer).await;
    assert!(
        log.contains("starting migration of VM 100 to node 'pve2' (192.0.2.12)"),
        "{log}"
    );
    assert!(
        log.contains("found local disk 'local-lvm:vm-100-disk-0' (attached)"),
        "{log}"
    );
    assert!(log.contains("migration finished successfully"), "{log}");
    let guest = lab.sim.guest(100).unwrap();
    assert_eq!((guest.node.as_str(), guest.lock), ("pve2", None));
    let volume = "local-lvm:vm-100-disk-0".to_owned();
    assert!(lab.sim.volumes("pve2").contains(&volume) && !lab.sim.volumes("pve1").contains(&volume));
    let old = lab.get("/nodes/pve1/qemu/100/config").await;
    assert_eq!(
        (old.status, old.reason.as_str()),
        (
            500,
            "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist"
        )
    );
}

#[tokio::test]
async fn a_running_guest_has_to_be_migrated_online_and_its_local_disks_named() {
    let lab = lab().await;
    lab.sim.power_on(100).unwrap();
    let offline = lab.post(PATH, &[("target", "pve2")]).await;
    assert_eq!(offline.reason, "can't migrate running VM without --online");
    let answer = lab.post(PATH, &[("target", "pve2"), ("online", "1")]).await;
    assert_eq!(lab.exit_of(&answer).await, "migration aborted");
    let text = log(&lab, &answer).await;
    assert!(
        text.contains("can't live migrate attached local disks without with-local-disks option"),
        "{text}"
    );
    assert_eq!(
        lab.sim.guest(100).unwrap().lock,
        None,
        "what failed leaves no lock"
    );
    let form = [("target", "pve2"), ("online", "1"), ("with-local-disks", "1")];
    lab.done(lab.post(PATH, &form).await).await;
    let guest = lab.sim.guest(100).unwrap();
    assert_eq!((guest.node.as_str(), guest.running), ("pve2", true));
}

#[tokio::test]
async fn disks_can_go_to_other_storages() {
    let lab = lab().await;
    let form = [("target", "pve2"), ("targetstorage", "local-lvm:local")];
    lab.done(lab.post(PATH, &form).await).await;
    let config = lab.get("/nodes/pve2/qemu/100/config").await.data();
    assert_eq!(config["scsi0"], json!("local:100/vm-100-disk-0.raw,size=8G"));
    let unknown = lab
        .post(
            "/nodes/pve2/qemu/100/migrate",
            &[("target", "pve1"), ("targetstorage", "none")],
        )
        .await;
    assert_eq!(unknown.reason, "storage 'none' does not exist");
}

#[tokio::test]
async fn shared_disks_stay_where_they_are() {
    let mut seed = seed();
    seed.guests[0] = SeedGuest::new(100, "web").set("scsi0", "nas:100/vm-100-disk-0.qcow2,size=8G");
    let lab = Lab::instant(seed).await;
    lab.sim.power_on(100).unwrap();
    lab.done(lab.post(PATH, &[("target", "pve2"), ("online", "1")]).await)
        .await;
    let volume = "nas:100/vm-100-disk-0.qcow2".to_owned();
    assert!(lab.sim.volumes("pve2").contains(&volume));
    assert!(lab.sim.guest(100).unwrap().running);
}

#[tokio::test]
async fn local_media_and_devices_hold_a_guest() {
    let lab = lab().await;
    let cd = ("ide2", Some("local:iso/debian-12.iso,media=cdrom"));
    lab.sim.change_config(100, &[cd]).unwrap();
    let answer = lab.post(PATH, &[("target", "pve2")]).await;
    let text = log(&lab, &answer).await;
    assert!(
        text.contains("can't migrate local disk 'local:iso/debian-12.iso': local cdrom image"),
        "{text}"
    );
    let device = ("hostpci0", Some("0000:01:00.0"));
    lab.sim.change_config(100, &[("ide2", None), device]).unwrap();
    let precondition = lab.get(PATH).await.data();
    assert_eq!(precondition["local_resources"], json!(["hostpci0"]));
    let answer = lab.post(PATH, &[("target", "pve2")]).await;
    let text = log(&lab, &answer).await;
    assert!(
        text.contains("can't migrate VM which uses local devices: hostpci0"),
        "{text}"
    );
}

#[tokio::test]
async fn while_it_migrates_a_guest_is_locked() {
    let mut timing = Timing::instant();
    timing.migrate = Duration::from_hours(1);
    let lab = Lab::start(seed().with_timing(timing)).await;
    let answer = lab.post(PATH, &[("target", "pve2")]).await;
    let locked = async || lab.sim.guest(100).unwrap().lock.as_deref() == Some("migrate");
    eventually("the guest is locked", locked).await;
    let second = lab.post(PATH, &[("target", "pve2")]).await;
    assert_eq!(
        (second.status, second.reason.as_str()),
        (500, "VM is locked (migrate)")
    );
    let upid = answer.data().as_str().unwrap().to_owned();
    lab.delete(&format!("/nodes/pve1/tasks/{upid}")).await.data();
    assert_eq!(lab.exit_of(&answer).await, "unexpected status");
    let guest = lab.sim.guest(100).unwrap();
    assert_eq!((guest.node.as_str(), guest.lock), ("pve1", None));
}

#[tokio::test]
async fn a_node_that_is_off_is_not_reached() {
    let lab = lab().await;
    lab.sim.set_node_online("pve2", false).unwrap();
    let answer = lab.post(PATH, &[("target", "pve2")]).await;
    assert_eq!(lab.exit_of(&answer).await, "migration aborted");
    assert_eq!(lab.sim.guest(100).unwrap().node, "pve1");
}

#[tokio::test]
async fn the_target_is_another_node_that_exists() {
    let lab = lab().await;
    let own = lab.post(PATH, &[("target", "pve1")]).await;
    assert_eq!(own.error_of("target"), "target is local node.");
    let unknown = lab.post(PATH, &[("target", "pve9")]).await;
    assert_eq!(unknown.reason, "no such cluster node 'pve9'");
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_beforehand() {
    let lab = lab().await;
    let told = lab.get(PATH).await.data();
    assert_eq!(
        (&told["running"], &told["allowed_nodes"]),
        (&json!(0), &json!(["pve2"]))
    );
    let disk = &told["local_disks"][0];
    assert_eq!(
        (&disk["volid"], &disk["drivename"], &disk["size"]),
        (
            &json!("local-lvm:vm-100-disk-0"),
            &json!("scsi0"),
            &json!(8u64 << 30)
        )
    );
    let old = Lab::instant(seed().with_release(Release::V7_4)).await;
    old.sim.power_on(100).unwrap();
    let told = old.get(PATH).await.data();
    assert!(told.get("allowed_nodes").is_none() && told.get("mapped-resources").is_none());
}

#[tokio::test]
async fn a_guest_of_the_ha_stack_moves_when_the_stack_comes_round() {
    let lab = lab().await;
    let form = [("sid", "vm:100"), ("state", "stopped")];
    lab.post("/cluster/ha/resources", &form).await.data();
    let answer = lab.post(PATH, &[("target", "pve2")]).await;
    assert!(answer.data().as_str().unwrap().contains(":hamigrate:100:"));
    lab.done(answer).await;
    let moved = async || lab.sim.guest(100).unwrap().node == "pve2";
    eventually("the guest has moved", moved).await;
}

#[tokio::test]
async fn snapshots_go_along_only_in_images_that_hold_them() {
    let mut seed = seed();
    let qcow2 = SeedGuest::new(101, "files").set("scsi0", "local:101/vm-101-disk-0.qcow2,size=8G");
    seed.guests.push(qcow2);
    let lab = Lab::instant(seed).await;
    for vmid in [100, 101] {
        let path = format!("/nodes/pve1/qemu/{vmid}/snapshot");
        lab.done(lab.post(&path, &[("snapname", "before")]).await).await;
    }
    let answer = lab.post(PATH, &[("target", "pve2")]).await;
    let text = log(&lab, &answer).await;
    assert!(text.contains("non-migratable snapshot exists"), "{text}");
    let path = "/nodes/pve1/qemu/101/migrate";
    lab.done(lab.post(path, &[("target", "pve2")]).await).await;
    let snapshots = lab.get("/nodes/pve2/qemu/101/snapshot").await.data();
    assert_eq!(snapshots[0]["name"], json!("before"));
}
