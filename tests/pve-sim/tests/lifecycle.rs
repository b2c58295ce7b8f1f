//! From create to delete, and what is said on the way.

use std::time::Duration;

use pve_sim::{Seed, SeedGuest, SeedStorage, Shutdown, Timing};
use serde_json::{Value, json};

use crate::client::{Lab, eventually};

#[tokio::test]
async fn a_guest_lives_from_create_to_delete() {
    let lab = Lab::instant(Seed::default()).await;
    lab.create(100).await;
    let config = lab.get("/nodes/pve1/qemu/100/config").await.data();
    assert_eq!(config["scsi0"], "local-lvm:vm-100-disk-0,size=4G");
    assert_eq!(config["boot"], "order=scsi0;net0");
    assert_eq!((&config["cores"], &config["memory"]), (&json!(1), &json!("1024")));
    assert!(config["net0"].as_str().unwrap().starts_with("virtio=BC:24:11:"));
    assert!(config["smbios1"].as_str().unwrap().starts_with("uuid="));
    assert_eq!(config["digest"].as_str().unwrap().len(), 40);

    lab.done(lab.post("/nodes/pve1/qemu/100/status/start", &[]).await)
        .await;
    let again = lab.post("/nodes/pve1/qemu/100/status/start", &[]).await;
    assert_eq!(lab.exit_of(&again).await, "VM 100 already running");

    lab.put("/nodes/pve1/qemu/100/config", &[("memory", "2048")])
        .await
        .data();
    let pending = lab.get("/nodes/pve1/qemu/100/pending").await.data();
    let rows: Vec<&Value> = pending.as_array().unwrap().iter().collect();
    assert!(
        rows.contains(&&json!({"key": "memory", "value": "1024", "pending": "2048"})),
        "{pending}"
    );
    assert!(rows.iter().any(|r| r["key"] == "digest"));
    assert_eq!(
        lab.get("/nodes/pve1/qemu/100/config").await.data()["memory"],
        "2048"
    );
    assert_eq!(
        lab.get("/nodes/pve1/qemu/100/config?current=1").await.data()["memory"],
        "1024"
    );

    let refused = lab.delete("/nodes/pve1/qemu/100").await;
    assert_eq!(
        (refused.status, refused.reason.as_str()),
        (500, "VM 100 is running - destroy failed")
    );
    lab.done(lab.post("/nodes/pve1/qemu/100/status/stop", &[]).await)
        .await;
    assert_eq!(
        lab.get("/nodes/pve1/qemu/100/config?current=1").await.data()["memory"],
        "2048"
    );
    lab.done(lab.delete("/nodes/pve1/qemu/100").await).await;
    let gone = lab.get("/nodes/pve1/qemu/100/config").await;
    assert_eq!(
        gone.reason,
        "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist"
    );
    assert!(!lab.sim.volumes("pve1").iter().any(|v| v.contains("vm-100")));
}

#[tokio::test]
async fn while_it_is_created_only_the_lock_is_seen() {
    let mut timing = Timing::instant();
    timing.create = Duration::from_hours(1);
    let lab = Lab::start(Seed::default().with_timing(timing)).await;
    let form = [("vmid", "100"), ("name", "web"), ("description", "marked")];
    lab.post("/nodes/pve1/qemu", &form).await.data();
    let config = lab.get("/nodes/pve1/qemu/100/config").await.data();
    let keys: Vec<&String> = config.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["digest", "lock"]);
    assert_eq!(config["lock"], "create");
}

#[tokio::test]
async fn a_number_is_taken_once() {
    let lab = Lab::instant(Seed::nodes(2)).await;
    lab.create(100).await;
    let twice = lab.post("/nodes/pve2/qemu", &[("vmid", "100")]).await;
    assert_eq!(
        twice.reason,
        "unable to create VM 100 - VM 100 already exists on node 'pve1'"
    );
    let clone = lab.post("/nodes/pve1/qemu/9000/clone", &[("newid", "100")]).await;
    assert_eq!(
        clone.reason,
        "unable to create VM 100: config file already exists"
    );
    let next = lab.get("/cluster/nextid").await.data();
    assert_eq!(next, "101");
    let used = lab.get("/cluster/nextid?vmid=100").await;
    assert_eq!(used.error_of("vmid"), "VM 100 already exists");
    assert_eq!(lab.get("/cluster/nextid?vmid=555").await.data(), "555");
}

#[tokio::test]
async fn a_clone_has_an_identity_of_its_own() {
    let lab = Lab::instant(Seed::default()).await;
    let form = [
        ("newid", "200"),
        ("name", "copy"),
        ("full", "1"),
        ("description", "mark"),
    ];
    let answer = lab.post("/nodes/pve1/qemu/9000/clone", &form).await;
    assert!(
        answer
            .data()
            .as_str()
            .unwrap()
            .contains(":qmclone:9000:root@pam!drover:")
    );
    lab.done(answer).await;
    let (template, copy) = (lab.sim.guest(9000).unwrap(), lab.sim.guest(200).unwrap());
    assert_ne!(template.uuid, copy.uuid);
    assert_ne!(template.config["net0"], copy.config["net0"]);
    assert_ne!(template.config["vmgenid"], copy.config["vmgenid"]);
    assert_eq!(copy.config["description"], "mark");
    assert_eq!(copy.config["scsi0"], "local-lvm:vm-200-disk-0,size=8G");
    assert!(!copy.template && copy.lock.is_none());
}

#[tokio::test]
async fn while_it_is_cloned_the_target_is_locked() {
    let mut timing = Timing::instant();
    timing.clone_base = Duration::from_hours(1);
    let lab = Lab::start(Seed::default().with_timing(timing)).await;
    let answer = lab
        .post(
            "/nodes/pve1/qemu/9000/clone",
            &[("newid", "200"), ("description", "mark")],
        )
        .await;
    let config = lab.get("/nodes/pve1/qemu/200/config").await.data();
    assert_eq!(config["lock"], "clone");
    assert!(config.get("description").is_none());
    let upid = answer.data().as_str().unwrap().to_owned();
    lab.delete(&format!("/nodes/pve1/tasks/{upid}")).await.data();
    assert_eq!(lab.exit_of(&answer).await, "unexpected status");
    assert!(lab.sim.guest(200).is_none(), "an aborted clone leaves nothing");
}

/// A template on a storage of files, whose clones name their base. (Those of a thin pool stand by themselves.)
fn with_template_in_files() -> Seed {
    let mut seed = Seed {
        storages: Some(vec![SeedStorage::new("local", "dir", &["images", "iso"])]),
        template: false,
        ..Seed::default()
    };
    let template = SeedGuest::new(9000, "template")
        .set("scsi0", "local:9000/base-9000-disk-0.qcow2,size=8G")
        .set("template", "1");
    seed.guests.push(template);
    seed
}

#[tokio::test]
async fn a_linked_clone_keeps_its_base_alive() {
    let lab = Lab::instant(with_template_in_files()).await;
    lab.done(lab.post("/nodes/pve1/qemu/9000/clone", &[("newid", "200")]).await)
        .await;
    let destroy = lab.delete("/nodes/pve1/qemu/9000").await;
    assert_eq!(
        lab.exit_of(&destroy).await,
        "base volume 'local:9000/base-9000-disk-0.qcow2' is still in use by linked cloned"
    );
    assert!(lab.sim.guest(9000).unwrap().template);
    lab.done(lab.delete("/nodes/pve1/qemu/200").await).await;
    lab.done(lab.delete("/nodes/pve1/qemu/9000").await).await;
    assert!(lab.sim.guest(9000).is_none());
}

#[tokio::test]
async fn only_a_template_is_cloned_without_copying() {
    let lab = Lab::instant(Seed::default()).await;
    lab.create(201).await;
    let form = [("newid", "202"), ("full", "0")];
    let linked = lab.post("/nodes/pve1/qemu/201/clone", &form).await;
    assert_eq!(
        linked.reason,
        "Linked clone feature is not supported for 'local-lvm:vm-201-disk-0' (scsi0)"
    );
}

#[tokio::test]
async fn a_template_is_made_once_and_never_started() {
    let lab = Lab::instant(Seed::default()).await;
    lab.create(100).await;
    lab.done(lab.post("/nodes/pve1/qemu/100/template", &[]).await)
        .await;
    let config = lab.get("/nodes/pve1/qemu/100/config").await.data();
    assert_eq!(
        (&config["template"], &config["scsi0"]),
        (&json!(1), &json!("local-lvm:base-100-disk-0,size=4G"))
    );
    let twice = lab.post("/nodes/pve1/qemu/100/template", &[]).await;
    assert_eq!(twice.reason, "you can't convert a template to a template");
    let start = lab.post("/nodes/pve1/qemu/100/status/start", &[]).await;
    assert_eq!(
        lab.exit_of(&start).await,
        "you can't start a vm if it's a template"
    );
}

#[tokio::test]
async fn a_disk_grows_and_never_shrinks() {
    let lab = Lab::instant(Seed::default()).await;
    lab.create(100).await;
    let resize = async |size: &str, disk: &str| {
        let answer = lab
            .put("/nodes/pve1/qemu/100/resize", &[("disk", disk), ("size", size)])
            .await;
        lab.exit_of(&answer).await
    };
    assert_eq!(resize("+1G", "scsi0").await, "OK");
    assert_eq!(
        lab.sim.guest(100).unwrap().config["scsi0"],
        "local-lvm:vm-100-disk-0,size=5G"
    );
    assert_eq!(resize("5G", "scsi0").await, "OK");
    assert_eq!(resize("4G", "scsi0").await, "shrinking disks is not supported");
    assert_eq!(resize("4G", "scsi5").await, "disk 'scsi5' does not exist");
    let bad = lab
        .put("/nodes/pve1/qemu/100/resize", &[("disk", "scsi0"), ("size", "x")])
        .await;
    assert_eq!(bad.error_of("size"), "value does not match the regex pattern");
}

#[tokio::test]
async fn a_guest_that_ignores_shutdown_runs_into_the_timeout() {
    let lab = Lab::instant(Seed::default()).await;
    lab.create(100).await;
    lab.sim.power_on(100).unwrap();
    lab.sim.set_shutdown(100, Shutdown::Ignores).unwrap();
    let path = "/nodes/pve1/qemu/100/status/shutdown";
    let late = lab.post(path, &[]).await;
    assert_eq!(lab.exit_of(&late).await, "VM quit/powerdown failed - got timeout");
    assert!(lab.sim.guest(100).unwrap().running);
    lab.done(lab.post(path, &[("timeout", "0"), ("forceStop", "1")]).await)
        .await;
    assert!(!lab.sim.guest(100).unwrap().running);
    lab.done(lab.post(path, &[]).await).await;
    let reboot = lab.post("/nodes/pve1/qemu/100/status/reboot", &[]).await;
    assert_eq!(reboot.reason, "VM 100 not running");
}

#[tokio::test]
async fn a_shutdown_holds_the_lock_file_until_it_is_overruled() {
    let mut timing = Timing::instant();
    timing.shutdown_timeout = Duration::from_hours(1);
    let lab = Lab::start(Seed::default().with_timing(timing)).await;
    lab.create(100).await;
    lab.sim.power_on(100).unwrap();
    lab.sim.set_shutdown(100, Shutdown::Ignores).unwrap();
    let shutdown = lab.post("/nodes/pve1/qemu/100/status/shutdown", &[]).await;
    let timeout = "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout";
    assert_eq!(
        lab.put("/nodes/pve1/qemu/100/config", &[("description", "x")])
            .await
            .reason,
        timeout
    );
    let stop = lab
        .post("/nodes/pve1/qemu/100/status/stop", &[("overrule-shutdown", "1")])
        .await;
    lab.done(stop).await;
    assert_eq!(lab.exit_of(&shutdown).await, "unexpected status");
    assert!(!lab.sim.guest(100).unwrap().running);
}

#[tokio::test]
async fn what_a_start_misses_is_said_by_its_task() {
    let lab = Lab::instant(Seed::default()).await;
    let start = async |vmid: &str| {
        let answer = lab
            .post(&format!("/nodes/pve1/qemu/{vmid}/status/start"), &[])
            .await;
        lab.exit_of(&answer).await
    };
    assert_eq!(
        start("555").await,
        "Configuration file 'nodes/pve1/qemu-server/555.conf' does not exist"
    );
    let form = [("vmid", "100"), ("net0", "virtio,bridge=nobr")];
    lab.done(lab.post("/nodes/pve1/qemu", &form).await).await;
    assert_eq!(start("100").await, "bridge 'nobr' does not exist");
    let form = [("vmid", "101"), ("ide2", "local:iso/none.iso,media=cdrom")];
    let missing = lab.post("/nodes/pve1/qemu", &form).await;
    let expected = "unable to create VM 101 - volume 'local:iso/none.iso' does not exist";
    assert_eq!(lab.exit_of(&missing).await, expected);
    lab.sim.add_iso("pve1", "none.iso").unwrap();
    lab.done(lab.post("/nodes/pve1/qemu", &form).await).await;
    lab.sim.remove_volume("pve1", "local:iso/none.iso").unwrap();
    assert_eq!(start("101").await, "volume 'local:iso/none.iso' does not exist");
    lab.sim.add_iso("pve1", "none.iso").unwrap();
    assert_eq!(start("101").await, "OK");
}

#[tokio::test]
async fn create_can_start_what_it_made() {
    let lab = Lab::instant(Seed::default()).await;
    lab.done(
        lab.post("/nodes/pve1/qemu", &[("vmid", "100"), ("start", "1")])
            .await,
    )
    .await;
    eventually("the guest runs", async || lab.sim.guest(100).unwrap().running).await;
}

#[tokio::test]
async fn the_agent_answers_some_time_after_the_start() {
    let mut timing = Timing::instant();
    timing.agent_boot = Duration::from_millis(200);
    let lab = Lab::start(Seed::default().with_timing(timing)).await;
    lab.create(258).await;
    let path = "/nodes/pve1/qemu/258/agent/network-get-interfaces";
    assert_eq!(lab.get(path).await.reason, "VM 258 is not running");
    lab.done(lab.post("/nodes/pve1/qemu/258/status/start", &[]).await)
        .await;
    assert_eq!(lab.get(path).await.reason, "QEMU guest agent is not running");
    eventually("the agent answers", async || lab.get(path).await.status == 200).await;
    let interfaces = lab.get(path).await.data()["result"].clone();
    assert_eq!(interfaces[0]["name"], "lo");
    assert_eq!(interfaces[1]["ip-addresses"][0]["ip-address"], "10.0.1.2");
    let mac = lab.sim.guest(258).unwrap().config["net0"][7..24].to_lowercase();
    assert_eq!(interfaces[1]["hardware-address"], mac);
}
