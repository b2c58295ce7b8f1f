//! Containers: what a client relies on, and where they differ from virtual machines.

use std::time::Duration;

use pve_sim::{Seed, SeedFile, SeedGuest, SeedStorage, Shutdown, Timing};
use serde_json::{Value, json};

use crate::client::Lab;

pub(crate) const TEMPLATE: &str = "local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz";

pub(crate) fn seed() -> Seed {
    Seed {
        files: vec![SeedFile::new(TEMPLATE, 3 << 20)],
        ..Seed::default()
    }
}

pub(crate) async fn make(lab: &Lab, vmid: &str, more: &[(&str, &str)]) {
    let mut form = vec![("vmid", vmid), ("ostemplate", TEMPLATE), ("storage", "local-lvm")];
    form.extend(more);
    lab.done(lab.post("/nodes/pve1/lxc", &form).await).await;
}

pub(crate) fn sentence(answer: &crate::client::Answer) -> (u16, &str) {
    (answer.status, answer.reason.as_str())
}

#[tokio::test]
async fn a_container_lives_from_create_to_delete() {
    let lab = Lab::instant(seed()).await;
    make(
        &lab,
        "200",
        &[
            ("rootfs", "local-lvm:8"),
            ("net0", "name=eth0,bridge=vmbr0,ip=192.0.2.50/24"),
            ("unprivileged", "1"),
            ("password", "secret"),
            ("description", "hello"),
        ],
    )
    .await;
    let config = lab.get("/nodes/pve1/lxc/200/config").await.data();
    assert_eq!(config["rootfs"], "local-lvm:vm-200-disk-0,size=8G");
    assert_eq!(
        (&config["hostname"], &config["ostype"]),
        (&json!("CT200"), &json!("alpine"))
    );
    assert_eq!((&config["memory"], &config["swap"]), (&json!(512), &json!(512)));
    assert_eq!(config["description"], "hello\n");
    assert!(config.get("password").is_none());
    let card = config["net0"].as_str().unwrap();
    assert!(
        card.starts_with("name=eth0,bridge=vmbr0,hwaddr=BC:24:11:"),
        "{card}"
    );
    assert!(card.ends_with(",ip=192.0.2.50/24,type=veth"), "{card}");

    let machines = lab.get("/nodes/pve1/qemu").await.data();
    assert!(machines.as_array().unwrap().iter().all(|row| row["vmid"] != 200));
    let rows = lab.get("/nodes/pve1/lxc").await.data();
    assert_eq!(
        (rows[0]["vmid"].as_u64(), &rows[0]["type"]),
        (Some(200), &json!("lxc"))
    );

    lab.done(lab.post("/nodes/pve1/lxc/200/status/start", &[]).await)
        .await;
    let refused = lab.delete("/nodes/pve1/lxc/200").await;
    assert_eq!(
        sentence(&refused),
        (500, "unable to destroy CT 200 - container is running")
    );
    lab.done(lab.delete("/nodes/pve1/lxc/200?force=1").await).await;
    let gone = lab.get("/nodes/pve1/lxc/200/config").await;
    assert_eq!(
        gone.reason,
        "Configuration file 'nodes/pve1/lxc/200.conf' does not exist"
    );
    assert!(!lab.sim.volumes("pve1").iter().any(|v| v.contains("-200-")));
}

#[tokio::test]
async fn what_a_task_says_of_a_machine_is_said_at_once_of_a_container() {
    let lab = Lab::instant(seed()).await;
    make(&lab, "200", &[]).await;
    for (verb, text) in [
        ("stop", "CT 200 not running"),
        ("shutdown", "CT 200 not running"),
        ("suspend", "CT 200 not running"),
        ("reboot", "VM 200 not running"),
    ] {
        let answer = lab.post(&format!("/nodes/pve1/lxc/200/status/{verb}"), &[]).await;
        assert_eq!(sentence(&answer), (500, text), "{verb}");
    }
    lab.done(lab.post("/nodes/pve1/lxc/200/status/start", &[]).await)
        .await;
    let again = lab.post("/nodes/pve1/lxc/200/status/start", &[]).await;
    assert_eq!(sentence(&again), (500, "CT 200 already running"));
}

#[tokio::test]
async fn a_container_without_its_template_leaves_nothing() {
    let lab = Lab::instant(seed()).await;
    let form = [
        ("vmid", "200"),
        ("ostemplate", "local:vztmpl/none.tar.gz"),
        ("rootfs", "local-lvm:1"),
    ];
    let answer = lab.post("/nodes/pve1/lxc", &form).await;
    let exit = lab.exit_of(&answer).await;
    assert_eq!(
        exit,
        "unable to create CT 200 - volume 'local:vztmpl/none.tar.gz' does not exist"
    );
    assert_eq!(lab.get("/nodes/pve1/lxc/200/config").await.status, 500);
    assert!(!lab.sim.volumes("pve1").iter().any(|v| v.contains("-200-")));
}

#[tokio::test]
async fn a_running_container_takes_some_changes_and_keeps_others_waiting() {
    let lab = Lab::instant(seed()).await;
    make(&lab, "200", &[]).await;
    lab.done(lab.post("/nodes/pve1/lxc/200/status/start", &[]).await)
        .await;
    let change = [
        ("memory", "1024"),
        ("hostname", "web"),
        ("nameserver", "192.0.2.1"),
    ];
    lab.put("/nodes/pve1/lxc/200/config", &change).await.data();
    let rows = lab.get("/nodes/pve1/lxc/200/pending").await.data();
    let rows = rows.as_array().unwrap();
    assert!(rows.contains(&json!({"key": "memory", "value": 1024})));
    assert!(rows.contains(&json!({"key": "hostname", "value": "web"})));
    assert!(rows.contains(&json!({"key": "nameserver", "pending": "192.0.2.1"})));
    let wanted = lab.get("/nodes/pve1/lxc/200/config").await.data();
    assert_eq!(wanted["nameserver"], "192.0.2.1");
    let active = lab.get("/nodes/pve1/lxc/200/config?current=1").await.data();
    assert_eq!(active["nameserver"], Value::Null);

    lab.put("/nodes/pve1/lxc/200/config", &[("revert", "nameserver")])
        .await
        .data();
    let wanted = lab.get("/nodes/pve1/lxc/200/config").await.data();
    assert_eq!(wanted["nameserver"], Value::Null);
}

#[tokio::test]
async fn some_options_are_not_to_be_changed() {
    let lab = Lab::instant(seed()).await;
    make(&lab, "200", &[]).await;
    let path = "/nodes/pve1/lxc/200/config";
    let refused = lab.put(path, &[("unprivileged", "0")]).await;
    assert_eq!(
        sentence(&refused),
        (500, "unable to modify read-only option: 'unprivileged'")
    );
    let refused = lab.put(path, &[("delete", "memory")]).await;
    assert_eq!(
        sentence(&refused),
        (500, "unable to delete required option 'memory'")
    );
    let unknown = lab.put(path, &[("delete", "bogus")]).await;
    assert_eq!(unknown.error_of("delete"), "unknown option 'bogus'");
    let stale = lab
        .put(path, &[("hostname", "x"), ("digest", &"0".repeat(40))])
        .await;
    assert_eq!(
        stale.reason,
        "detected modified configuration - file changed by other user? Try again."
    );
}

#[tokio::test]
async fn a_mount_point_that_is_taken_off_stays_as_unused() {
    let lab = Lab::instant(seed()).await;
    make(&lab, "200", &[]).await;
    let path = "/nodes/pve1/lxc/200/config";
    lab.put(path, &[("mp0", "local-lvm:2,mp=/data")]).await.data();
    let config = lab.get(path).await.data();
    assert_eq!(config["mp0"], "local-lvm:vm-200-disk-1,mp=/data,size=2G");
    lab.put(path, &[("delete", "mp0")]).await.data();
    let config = lab.get(path).await.data();
    assert_eq!(config["unused0"], "local-lvm:vm-200-disk-1");
    lab.put(path, &[("delete", "unused0")]).await.data();
    let volumes = lab.sim.volumes("pve1");
    assert!(!volumes.contains(&"local-lvm:vm-200-disk-1".to_owned()));
}

#[tokio::test]
async fn a_mount_point_that_cannot_be_plugged_in_leaves_nothing_behind() {
    let lab = Lab::instant(seed().with_guest(SeedGuest::container(200, "ct").running())).await;
    let path = "/nodes/pve1/lxc/200/config";
    let (before, volumes) = (lab.get(path).await.data(), lab.sim.volumes("pve1"));
    lab.sim.set_mount_trouble(200, Some("no such profile")).unwrap();
    let answer = lab.put(path, &[("mp0", "local-lvm:2,mp=/data")]).await;
    assert_eq!(sentence(&answer), (400, "Parameter verification failed."));
    assert_eq!(lab.get(path).await.data(), before);
    assert_eq!(lab.sim.volumes("pve1"), volumes);
    lab.sim.set_mount_trouble(200, None).unwrap();
    lab.put(path, &[("mp0", "local-lvm:2,mp=/data")]).await.data();
}

#[tokio::test]
async fn a_container_that_heeds_nobody_is_stopped_by_force_alone() {
    let lab = Lab::instant(seed().with_guest(SeedGuest::container(200, "deaf").running())).await;
    lab.sim.set_shutdown(200, Shutdown::Ignores).unwrap();
    let path = "/nodes/pve1/lxc/200/status/shutdown";
    let answer = lab.post(path, &[("timeout", "1")]).await;
    assert_eq!(lab.exit_of(&answer).await, "container did not stop");
    lab.done(lab.post(path, &[("timeout", "1"), ("forceStop", "1")]).await)
        .await;
    assert!(!lab.sim.guest(200).unwrap().running);
}

#[tokio::test]
async fn snapshots_need_a_storage_that_has_them() {
    let dir = SeedStorage::new("files", "dir", &["rootdir", "images"]);
    let mut storages = vec![dir];
    storages.push(SeedStorage::new("local", "dir", &["vztmpl"]));
    storages.push(SeedStorage::new("local-lvm", "lvmthin", &["rootdir", "images"]));
    let lab = Lab::instant(Seed {
        storages: Some(storages),
        template: false,
        isos: Vec::new(),
        ..seed()
    })
    .await;
    make(&lab, "200", &[("rootfs", "files:1")]).await;
    let snapshot = [("snapname", "s1")];
    let answer = lab.post("/nodes/pve1/lxc/200/snapshot", &snapshot).await;
    assert_eq!(lab.exit_of(&answer).await, "snapshot feature is not available");

    make(&lab, "201", &[("hostname", "before")]).await;
    let path = "/nodes/pve1/lxc/201";
    lab.done(lab.post(&format!("{path}/snapshot"), &snapshot).await)
        .await;
    lab.put(&format!("{path}/config"), &[("hostname", "after")])
        .await
        .data();
    let rows = lab.get(&format!("{path}/snapshot")).await.data();
    assert_eq!(
        (&rows[0]["name"], &rows[1]["name"], &rows[1]["parent"]),
        (&json!("s1"), &json!("current"), &json!("s1"))
    );
    lab.done(lab.post(&format!("{path}/snapshot/s1/rollback"), &[]).await)
        .await;
    let config = lab.get(&format!("{path}/config")).await.data();
    assert_eq!(
        (&config["hostname"], &config["parent"]),
        (&json!("before"), &json!("s1"))
    );
    lab.done(lab.delete(&format!("{path}/snapshot/s1")).await).await;
    let config = lab.get(&format!("{path}/config")).await.data();
    assert_eq!(config["parent"], Value::Null);
}

#[tokio::test]
async fn a_clone_is_linked_unless_it_is_to_be_full() {
    let lab = Lab::instant(seed()).await;
    make(
        &lab,
        "200",
        &[("hostname", "web"), ("net0", "name=eth0,bridge=vmbr0")],
    )
    .await;
    let path = "/nodes/pve1/lxc/200/clone";
    let linked = lab.post(path, &[("newid", "201")]).await;
    assert_eq!(
        linked.reason,
        "Linked clone feature for 'local-lvm:vm-200-disk-0' is not available"
    );
    let form = [("newid", "201"), ("full", "1"), ("hostname", "copy")];
    lab.done(lab.post(path, &form).await).await;
    let (source, copy) = (lab.sim.guest(200).unwrap(), lab.sim.guest(201).unwrap());
    assert_eq!(copy.config["hostname"], "copy");
    assert_eq!(copy.config["rootfs"], "local-lvm:vm-201-disk-0,size=4G");
    assert_ne!(source.config["net0"], copy.config["net0"]);
    assert!(source.lock.is_none() && copy.lock.is_none());

    lab.post("/nodes/pve1/lxc/200/template", &[]).await.data();
    crate::client::eventually("a template", async || lab.sim.guest(200).unwrap().template).await;
    lab.done(lab.post(path, &[("newid", "202")]).await).await;
    let linked = lab.sim.guest(202).unwrap();
    assert_eq!(linked.config["rootfs"], "local-lvm:vm-202-disk-0,size=4G");
}

#[tokio::test]
async fn a_volume_grows_and_never_shrinks() {
    let lab = Lab::instant(seed()).await;
    make(&lab, "200", &[]).await;
    let path = "/nodes/pve1/lxc/200/resize";
    lab.done(lab.put(path, &[("disk", "rootfs"), ("size", "+1G")]).await)
        .await;
    let config = lab.get("/nodes/pve1/lxc/200/config").await.data();
    assert_eq!(config["rootfs"], "local-lvm:vm-200-disk-0,size=5G");
    let less = lab.put(path, &[("disk", "rootfs"), ("size", "1G")]).await;
    assert_eq!(sentence(&less), (500, "unable to shrink disk size"));
    let same = lab.put(path, &[("disk", "rootfs"), ("size", "5G")]).await;
    assert_eq!(sentence(&same), (500, "disk is already at specified size"));
}

#[tokio::test]
async fn cards_have_addresses_once_it_has_booted() {
    let mut timing = Timing::instant();
    timing.agent_boot = Duration::from_hours(1);
    let guest = SeedGuest::container(200, "a")
        .set("net0", "name=eth0,bridge=vmbr0,ip=192.0.2.50/24")
        .running();
    let lab = Lab::start(seed().with_guest(guest).with_timing(timing)).await;
    let path = "/nodes/pve1/lxc/200/interfaces";
    let rows = lab.get(path).await.data();
    assert_eq!(
        (&rows[1]["name"], &rows[1]["inet"]),
        (&json!("eth0"), &Value::Null)
    );
    lab.sim.set_timing(Timing::instant());
    let rows = lab.get(path).await.data();
    assert_eq!(rows[1]["inet"], "192.0.2.50/24");
    lab.done(lab.post("/nodes/pve1/lxc/200/status/stop", &[]).await)
        .await;
    assert_eq!(lab.get(path).await.data(), Value::Null);
}
