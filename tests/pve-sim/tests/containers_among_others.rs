//! Containers among others: numbers, rights, nodes, the HA stack, releases.

use pve_sim::{Release, Rights, Seed, SeedFile, SeedGuest, SeedToken};
use serde_json::json;

use crate::client::Lab;
use crate::containers::{TEMPLATE, make, seed, sentence};

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

#[tokio::test]
async fn a_volume_of_another_guest_is_not_to_be_mounted() {
    let rights = vec![
        Rights::new("/vms/200", &["VM.Config.Disk"]),
        Rights::new("/storage", &["Datastore.AllocateSpace", "Datastore.Audit"]),
    ];
    let seed = seed()
        .with_guest(SeedGuest::container(200, "a"))
        .with_guest(SeedGuest::container(201, "b"))
        .with_token(SeedToken::limited("root@pam!some", "s", rights));
    let mut lab = Lab::instant(seed).await;
    lab.token("root@pam!some", "s");
    let path = "/nodes/pve1/lxc/200/config";
    let foreign = [("mp0", "local-lvm:vm-201-disk-0,mp=/x")];
    let denied = lab.put(path, &foreign).await;
    assert_eq!(
        sentence(&denied),
        (403, "Permission check failed (/vms/201, VM.Config.Disk)")
    );
    lab.put(path, &[("mp0", "local-lvm:1,mp=/x")]).await.data();
}
