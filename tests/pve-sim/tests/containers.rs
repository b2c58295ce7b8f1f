//! Containers: what a client relies on, and where they differ from virtual machines.

use std::time::Duration;

use pve_sim::{Release, Rights, Seed, SeedFile, SeedGuest, SeedStorage, SeedToken, Shutdown, Timing};
use serde_json::{Value, json};

use crate::client::Lab;

const TEMPLATE: &str = "local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz";

fn seed() -> Seed {
    Seed {
        files: vec![SeedFile::new(TEMPLATE, 3 << 20)],
        ..Seed::default()
    }
}

async fn make(lab: &Lab, vmid: &str, more: &[(&str, &str)]) {
    let mut form = vec![("vmid", vmid), ("ostemplate", TEMPLATE), ("storage", "local-lvm")];
    form.extend(more);
    lab.done(lab.post("/nodes/pve1/lxc", &form).await).await;
}

fn sentence(answer: &crate::client::Answer) -> (u16, &str) {
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
async fn numbers_are_shared_with_machines() {
    let lab = Lab::instant(seed()).await;
    let taken = lab
        .post("/nodes/pve1/lxc", &[("vmid", "9000"), ("ostemplate", TEMPLATE)])
        .await;
    assert_eq!(sentence(&taken), (500, "VM 9000 already exists on node 'pve1'"));
    make(&lab, "100", &[]).await;
    assert_eq!(lab.get("/cluster/nextid").await.data(), "101");
    let machine = lab.post("/nodes/pve1/qemu", &[("vmid", "100")]).await;
    assert_eq!(machine.status, 500);
    lab.sim.refresh_resources();
    let rows = lab.get("/cluster/resources?type=vm").await.data();
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["vmid"] == 100)
        .unwrap();
    assert_eq!((&row["id"], &row["type"]), (&json!("lxc/100"), &json!("lxc")));
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
async fn a_running_container_migrates_by_a_restart() {
    let seed = Seed {
        files: vec![SeedFile::new(TEMPLATE, 3 << 20)],
        ..Seed::nodes(2)
    };
    let lab = Lab::instant(seed).await;
    make(&lab, "200", &[]).await;
    lab.done(lab.post("/nodes/pve1/lxc/200/status/start", &[]).await)
        .await;
    let path = "/nodes/pve1/lxc/200/migrate";
    let own = lab.post(path, &[("target", "pve1")]).await;
    assert_eq!(own.error_of("target"), "target is local node.");
    let running = lab.post(path, &[("target", "pve2")]).await;
    assert_eq!(
        sentence(&running),
        (
            500,
            "can't migrate running container without --online or --restart"
        )
    );
    let form = [("target", "pve2"), ("restart", "1")];
    lab.done(lab.post(path, &form).await).await;
    crate::client::eventually("it runs there", async || {
        let guest = lab.sim.guest(200).unwrap();
        guest.node == "pve2" && guest.running
    })
    .await;
    assert!(
        lab.sim
            .volumes("pve2")
            .contains(&"local-lvm:vm-200-disk-0".to_owned())
    );
}

#[tokio::test]
async fn who_may_not_sees_none() {
    let rights = vec![Rights::new("/vms/201", &["VM.Audit"])];
    let seed = seed()
        .with_guest(SeedGuest::container(200, "a"))
        .with_guest(SeedGuest::container(201, "b"))
        .with_token(SeedToken::limited("root@pam!some", "s", rights));
    let mut lab = Lab::instant(seed).await;
    lab.token("root@pam!some", "s");
    let rows = lab.get("/nodes/pve1/lxc").await.data();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    let denied = lab.get("/nodes/pve1/lxc/200/config").await;
    assert_eq!(
        sentence(&denied),
        (403, "Permission check failed (/vms/200, VM.Audit)")
    );
    let denied = lab.put("/nodes/pve1/lxc/201/config", &[("memory", "64")]).await;
    assert_eq!(denied.status, 403);
}

#[tokio::test]
async fn a_locked_container_is_left_alone() {
    let lab = Lab::instant(seed().with_guest(SeedGuest::container(200, "a"))).await;
    lab.sim.lock(200, Some("backup")).unwrap();
    let change = lab.put("/nodes/pve1/lxc/200/config", &[("memory", "64")]).await;
    assert_eq!(sentence(&change), (500, "CT is locked (backup)"));
    let start = lab.post("/nodes/pve1/lxc/200/status/start", &[]).await;
    assert_eq!(lab.exit_of(&start).await, "CT is locked (backup)");
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

#[tokio::test]
async fn options_of_later_releases_are_not_known_to_earlier_ones() {
    let lab = Lab::instant(seed().with_release(Release::V8_4)).await;
    let form = [
        ("vmid", "200"),
        ("ostemplate", TEMPLATE),
        ("entrypoint", "/bin/sh"),
    ];
    let answer = lab.post("/nodes/pve1/lxc", &form).await;
    assert_eq!(
        answer.error_of("entrypoint"),
        "property is not defined in schema and the schema does not allow additional properties"
    );
    let form = [
        ("vmid", "200"),
        ("ostemplate", TEMPLATE),
        ("net0", "bridge=vmbr0"),
    ];
    let answer = lab.post("/nodes/pve1/lxc", &form).await;
    assert_eq!(
        answer.error_of("net0"),
        "invalid format - format error\nnet0.name: property is missing and it is not optional\n"
    );
}

#[tokio::test]
async fn features_but_nesting_are_for_root_himself() {
    let rights = vec![Rights::all("/vms"), Rights::all("/storage")];
    let seed = seed()
        .with_guest(SeedGuest::container(200, "a"))
        .with_token(SeedToken::limited("root@pam!some", "s", rights));
    let mut lab = Lab::instant(seed).await;
    lab.token("root@pam!some", "s");
    let path = "/nodes/pve1/lxc/200/config";
    lab.put(path, &[("features", "nesting=1")]).await.data();
    let denied = lab.put(path, &[("features", "nesting=1,fuse=1")]).await;
    assert_eq!(
        sentence(&denied),
        (
            403,
            "Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)"
        )
    );
    let denied = lab.put(path, &[("mp0", "/etc,mp=/etc")]).await;
    assert_eq!(
        sentence(&denied),
        (
            403,
            "Permission check failed (mount point type bind is only allowed for root@pam)"
        )
    );
}

#[tokio::test]
async fn a_new_container_can_be_put_under_ha_at_once() {
    let lab = Lab::instant(seed()).await;
    make(&lab, "200", &[("ha-managed", "1"), ("start", "1")]).await;
    let resource = lab.get("/cluster/ha/resources/ct:200").await.data();
    assert_eq!(resource["state"], "started");
}

#[tokio::test]
async fn what_the_ha_stack_cares_for_is_ordered_and_not_done() {
    let seed = Seed {
        files: vec![SeedFile::new(TEMPLATE, 3 << 20)],
        ..Seed::nodes(2)
    };
    let lab = Lab::instant(seed.with_guest(SeedGuest::container(200, "a"))).await;
    let resource = [("sid", "ct:200"), ("state", "stopped")];
    lab.post("/cluster/ha/resources", &resource).await.data();
    let refused = lab.delete("/nodes/pve1/lxc/200").await;
    assert_eq!(
        sentence(&refused),
        (
            500,
            "unable to remove CT 200 - used in HA resources and purge parameter not set."
        )
    );
    let answer = lab.post("/nodes/pve1/lxc/200/status/start", &[]).await;
    assert!(answer.data().as_str().unwrap().contains(":hastart:200:"));
    lab.done(answer).await;
    crate::client::eventually("it runs", async || lab.sim.guest(200).unwrap().running).await;
    let current = lab.get("/nodes/pve1/lxc/200/status/current").await.data();
    assert_eq!(current["ha"]["managed"], 1);
}

#[tokio::test]
async fn consoles_have_ports_of_their_own() {
    let lab = Lab::instant(seed().with_guest(SeedGuest::container(200, "a"))).await;
    let first = lab.post("/nodes/pve1/lxc/200/termproxy", &[]).await.data();
    let second = lab.post("/nodes/pve1/lxc/200/vncproxy", &[]).await.data();
    assert_eq!(
        (&first["port"], &second["port"]),
        (&json!("5900"), &json!("5901"))
    );
    assert!(
        second["cert"]
            .as_str()
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
    let missing = lab.post("/nodes/pve1/lxc/201/termproxy", &[]).await;
    assert_eq!(missing.status, 500);
}

#[tokio::test]
async fn somebody_can_rename_one_behind_everyones_back() {
    let lab = Lab::instant(seed().with_guest(SeedGuest::container(200, "a"))).await;
    lab.sim.rename(200, "b").unwrap();
    let config = lab.get("/nodes/pve1/lxc/200/config").await.data();
    assert_eq!(config["hostname"], "b");
    assert_eq!(lab.sim.guest(200).unwrap().name.as_deref(), Some("b"));
}
