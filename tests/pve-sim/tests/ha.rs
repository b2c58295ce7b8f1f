//! The HA stack: its files, and the guests that it cares for.

use std::time::Duration;

use pve_sim::{Release, Seed, SeedGuest, SeedMachine, SeedStorage, Timing};
use serde_json::{Value, json};

use crate::client::{Lab, eventually};

/// Two nodes with a guest on the first, whose disk both see.
pub(crate) fn pair() -> Seed {
    let images = SeedStorage::new("ceph", "rbd", &["images"]);
    let storage = SeedStorage {
        shared: true,
        ..images
    };
    let guest = SeedGuest::new(300, "db").set("scsi0", "ceph:vm-300-disk-0,size=8G");
    Seed {
        storages: Some(vec![storage]),
        template: false,
        isos: Vec::new(),
        ..Seed::nodes(2).with_guest(guest)
    }
}

pub(crate) async fn managed(state: &str) -> Lab {
    let lab = Lab::instant(pair()).await;
    let form = [("sid", "vm:300"), ("state", state), ("max_restart", "2")];
    assert_eq!(lab.post("/cluster/ha/resources", &form).await.data(), Value::Null);
    lab
}

pub(crate) async fn service(lab: &Lab) -> Value {
    let rows = lab.get("/cluster/ha/status/current").await.data();
    let rows = rows.as_array().unwrap();
    rows.iter().find(|row| row["type"] == "service").cloned().unwrap()
}

pub(crate) fn is_running(lab: &Lab) -> bool {
    lab.sim.guest(300).unwrap().running
}

#[tokio::test]
async fn a_resource_reads_back_and_is_there_once() {
    let lab = managed("stopped").await;
    let row = lab.get("/cluster/ha/resources/vm:300").await.data();
    assert_eq!(
        (&row["sid"], &row["type"], &row["state"], &row["max_restart"]),
        (&json!("vm:300"), &json!("vm"), &json!("stopped"), &json!(2))
    );
    // The number alone means the guest too.
    let again = lab.post("/cluster/ha/resources", &[("sid", "300")]).await;
    assert_eq!(
        again.reason,
        "create resource failed: resource ID 'vm:300' already defined"
    );
    let none = lab.post("/cluster/ha/resources", &[("sid", "vm:999")]).await;
    assert_eq!(none.reason, "resource 'vm:999' does not exist in cluster");
    let changed = lab.put("/cluster/ha/resources/vm:300", &[("comment", "x")]).await;
    assert_eq!(changed.status, 200);
    let rows = lab.get("/cluster/ha/resources?type=vm").await.data();
    assert_eq!(rows[0]["comment"], "x");
    assert_eq!(lab.get("/cluster/ha/resources?type=ct").await.data(), json!([]));
    lab.delete("/cluster/ha/resources/vm:300").await.data();
    assert_eq!(
        lab.get("/cluster/ha/resources/vm:300").await.reason,
        "no such resource 'vm:300'"
    );
}

#[tokio::test]
async fn a_change_with_an_old_digest_is_refused() {
    let lab = managed("stopped").await;
    let form = [
        ("comment", "x"),
        ("digest", "0000000000000000000000000000000000000000"),
    ];
    let answer = lab.put("/cluster/ha/resources/vm:300", &form).await;
    assert!(answer.reason.contains("file changed by other user"), "{answer:?}");
}

#[tokio::test]
async fn a_resource_is_started_some_time_after_it_was_added() {
    let lab = managed("started").await;
    eventually("the manager starts it", async || is_running(&lab)).await;
    eventually("the manager knows it", async || {
        service(&lab).await["state"] == "started"
    })
    .await;
    let current = lab.get("/nodes/pve1/qemu/300/status/current").await.data();
    assert_eq!(current["ha"], json!({"managed": 1, "state": "started"}));
    let rows = lab.get("/cluster/resources?type=vm").await.data();
    assert_eq!(rows[0]["hastate"], "started");
}

#[tokio::test]
async fn an_order_to_a_managed_guest_has_ended_before_the_guest_changes() {
    let mut timing = Timing::instant();
    timing.ha_reaction = Duration::from_hours(1);
    let lab = Lab::start(pair().with_timing(timing)).await;
    let form = [("sid", "vm:300"), ("state", "stopped")];
    lab.post("/cluster/ha/resources", &form).await.data();
    let start = lab.post("/nodes/pve1/qemu/300/status/start", &[]).await;
    assert!(start.data().as_str().unwrap().contains(":hastart:300:"));
    assert_eq!(lab.exit_of(&start).await, "OK");
    assert!(!is_running(&lab));
    let row = service(&lab).await;
    assert_eq!(
        (&row["request_state"], &row["state"], row.get("crm_state")),
        (&json!("started"), &json!("queued"), None)
    );
}

#[tokio::test]
async fn stop_and_migrate_go_by_way_of_the_manager() {
    let lab = managed("started").await;
    eventually("it runs", async || is_running(&lab)).await;
    let form = [("target", "pve2"), ("online", "1")];
    let migrate = lab.post("/nodes/pve1/qemu/300/migrate", &form).await;
    assert!(migrate.data().as_str().unwrap().contains(":hamigrate:300:"));
    lab.done(migrate).await;
    eventually("it is on the other node", async || {
        lab.sim.guest(300).unwrap().node == "pve2"
    })
    .await;
    let stop = lab.post("/nodes/pve2/qemu/300/status/stop", &[]).await;
    assert!(stop.data().as_str().unwrap().contains(":hastop:300:"));
    lab.done(stop).await;
    eventually("it stands still", async || !is_running(&lab)).await;
    let row = lab.get("/cluster/ha/resources/vm:300").await.data();
    assert_eq!(row["state"], "stopped");
}

#[tokio::test]
async fn an_ignored_guest_obeys_at_once() {
    let lab = managed("ignored").await;
    let start = lab.post("/nodes/pve1/qemu/300/status/start", &[]).await;
    assert!(start.data().as_str().unwrap().contains(":qmstart:300:"));
    lab.done(start).await;
    assert!(is_running(&lab));
}

#[tokio::test]
async fn a_managed_guest_is_only_removed_with_all_that_names_it() {
    let lab = managed("stopped").await;
    let job = [("schedule", "02:00"), ("vmid", "300"), ("id", "night")];
    lab.post("/cluster/backup", &job).await.data();
    let rule = [
        ("rule", "r1"),
        ("type", "node-affinity"),
        ("resources", "vm:300"),
        ("nodes", "pve1:2,pve2"),
    ];
    lab.post("/cluster/ha/rules", &rule).await.data();
    let refused = lab.delete("/nodes/pve1/qemu/300").await;
    assert_eq!(
        refused.reason,
        "unable to remove VM 300 - used in HA resources and purge parameter not set."
    );
    lab.done(lab.delete("/nodes/pve1/qemu/300?purge=1").await).await;
    for path in ["/cluster/ha/resources", "/cluster/ha/rules", "/cluster/backup"] {
        assert_eq!(lab.get(path).await.data(), json!([]), "{path}");
    }
}

#[tokio::test]
async fn rules_are_for_resources_and_nodes_that_are_there() {
    let lab = managed("stopped").await;
    let rule = |resources: &'static str, nodes: &'static str| {
        [
            ("rule", "r1"),
            ("type", "node-affinity"),
            ("resources", resources),
            ("nodes", nodes),
        ]
    };
    let post = async |form: &[(&str, &str)]| lab.post("/cluster/ha/rules", form).await;
    assert_eq!(post(&rule("vm:301", "pve1")).await.status, 500);
    assert_eq!(post(&rule("vm:300", "pve9")).await.status, 500);
    assert_eq!(post(&rule("vm:300", "pve1:2,pve2")).await.status, 200);
    assert_eq!(
        post(&rule("vm:300", "pve1")).await.reason,
        "create HA rule failed: HA rule 'r1' already defined"
    );
    let rows = lab.get("/cluster/ha/rules?resource=vm:300").await.data();
    assert_eq!(
        (&rows[0]["nodes"], &rows[0]["order"]),
        (&json!("pve1:2,pve2"), &json!(1))
    );
    assert_eq!(
        lab.get("/cluster/ha/rules?resource=vm:301").await.data(),
        json!([])
    );
}

#[tokio::test]
async fn groups_went_with_9_and_rules_came() {
    let nine = Lab::instant(pair()).await;
    assert_eq!(
        nine.get("/cluster/ha/groups").await.reason,
        "cannot index groups: ha groups have been migrated to rules"
    );
    let eight = Lab::instant(pair().with_release(Release::V8_4)).await;
    assert_eq!(eight.get("/cluster/ha/rules").await.status, 501);
    let form = [("group", "both"), ("nodes", "pve1,pve2")];
    eight.post("/cluster/ha/groups", &form).await.data();
    let used = [("sid", "vm:300"), ("group", "both"), ("state", "stopped")];
    eight.post("/cluster/ha/resources", &used).await.data();
    assert_eq!(
        eight.delete("/cluster/ha/groups/both").await.reason,
        "delete ha group failed: ha group is used by service 'vm:300'"
    );
    eight.delete("/cluster/ha/resources/vm:300").await.data();
    eight.delete("/cluster/ha/groups/both").await.data();
    assert_eq!(eight.get("/cluster/ha/groups").await.data(), json!([]));
}

#[tokio::test]
async fn without_an_ha_stack_orders_fail_in_their_tasks() {
    let seed = Seed {
        machine: SeedMachine {
            services: Vec::new(),
            ..SeedMachine::default()
        },
        ..pair()
    };
    let lab = Lab::instant(seed).await;
    lab.post("/cluster/ha/resources", &[("sid", "vm:300")])
        .await
        .data();
    let start = lab.post("/nodes/pve1/qemu/300/status/start", &[]).await;
    let exit = lab.exit_of(&start).await;
    assert!(
        exit.starts_with("command 'ha-manager set vm:300 --state started' failed"),
        "{exit}"
    );
    assert!(!is_running(&lab));
}

#[tokio::test]
async fn the_files_are_not_written_without_quorum() {
    let lab = Lab::instant(pair()).await;
    lab.sim.set_quorum(false);
    let answer = lab.post("/cluster/ha/resources", &[("sid", "vm:300")]).await;
    assert_eq!(
        answer.reason,
        "create resource failed: cfs-lock 'domain-ha' error: no quorum!"
    );
    let rows = lab.get("/cluster/ha/status/current").await.data();
    assert_eq!(
        (&rows[0]["type"], &rows[0]["quorate"]),
        (&json!("quorum"), &json!(0))
    );
}

#[tokio::test]
async fn a_guest_can_be_made_under_the_care_of_the_stack() {
    let lab = Lab::instant(pair()).await;
    let form = [
        ("vmid", "301"),
        ("ha-managed", "1"),
        ("start", "1"),
        ("memory", "64"),
    ];
    lab.done(lab.post("/nodes/pve1/qemu", &form).await).await;
    let row = lab.get("/cluster/ha/resources/vm:301").await.data();
    assert_eq!(row["state"], "started");
    eventually("the manager starts it", async || {
        lab.sim.guest(301).unwrap().running
    })
    .await;
    let tasks = lab.get("/nodes/pve1/tasks?vmid=301&source=all").await.data();
    let failed = tasks
        .as_array()
        .unwrap()
        .iter()
        .find(|task| task["status"] != "OK" && task["status"] != "RUNNING");
    assert_eq!(failed, None);
}

#[tokio::test]
async fn a_managed_guest_starts_elsewhere_when_its_node_is_lost() {
    let mut timing = Timing::instant();
    timing.ha_fencing = Duration::from_millis(20);
    let local = SeedGuest::new(301, "local").set("scsi0", "own:vm-301-disk-0,size=1G");
    let mut seed = pair().with_guest(local).with_timing(timing);
    seed.nodes = 3;
    let own = SeedStorage::new("own", "lvmthin", &["images"]);
    seed.storages.get_or_insert_default().push(own);
    let lab = Lab::start(seed).await;
    for sid in ["vm:300", "vm:301"] {
        lab.post("/cluster/ha/resources", &[("sid", sid)]).await.data();
    }
    let rule = [
        ("rule", "r1"),
        ("type", "node-affinity"),
        ("resources", "vm:300"),
        ("nodes", "pve2:1,pve3:2"),
    ];
    lab.post("/cluster/ha/rules", &rule).await.data();
    eventually("both run", async || {
        is_running(&lab) && lab.sim.guest(301).unwrap().running
    })
    .await;
    lab.sim.set_node_online("pve1", false).unwrap();
    eventually("it runs on the node that is preferred", async || {
        lab.sim.guest(300).unwrap().node == "pve3" && is_running(&lab)
    })
    .await;
    // Its disk was on the node that is lost.
    eventually("the other can't start", async || {
        let rows = lab.get("/cluster/ha/status/current").await.data();
        let rows = rows.as_array().unwrap();
        rows.iter()
            .any(|row| row["sid"] == "vm:301" && row["state"] == "error")
    })
    .await;
    assert!(!lab.sim.guest(301).unwrap().running);
}
