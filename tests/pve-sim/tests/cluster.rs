//! The views of the whole cluster.

use std::time::Duration;

use pve_sim::{Rights, Seed, SeedGuest, SeedToken, Timing};
use serde_json::{Value, json};

use crate::client::{Lab, eventually};

/// A simulator whose resources are refreshed when the test says so.
async fn lagging(nodes: u32) -> Lab {
    let mut timing = Timing::instant();
    timing.resources_refresh = Duration::from_hours(1);
    Lab::start(Seed::nodes(nodes).with_timing(timing)).await
}

async fn row(lab: &Lab, vmid: u32) -> Option<Value> {
    let rows = lab.get("/cluster/resources?type=vm").await.data();
    rows.as_array()
        .unwrap()
        .iter()
        .find(|r| r["vmid"] == vmid)
        .cloned()
}

#[tokio::test]
async fn figures_lag_and_the_list_does_not() {
    let lab = lagging(1).await;
    lab.create(100).await;
    let fresh = json!({"id": "qemu/100", "type": "qemu", "vmid": 100, "node": "pve1", "status": "unknown"});
    assert_eq!(row(&lab, 100).await, Some(fresh));
    lab.done(lab.post("/nodes/pve1/qemu/100/template", &[]).await)
        .await;
    lab.sim.destroy(9000).unwrap();
    assert_eq!(row(&lab, 9000).await, None);
    lab.sim.refresh_resources();
    lab.sim.power_on(100).unwrap();
    let old = row(&lab, 100).await.unwrap();
    assert_eq!((&old["status"], &old["template"]), (&json!("stopped"), &json!(1)));
    lab.sim.refresh_resources();
    assert_eq!(row(&lab, 100).await.unwrap()["status"], "running");
}

#[tokio::test]
async fn a_started_guest_keeps_its_old_status_for_a_while() {
    let lab = Lab::instant(Seed::default()).await;
    lab.create(100).await;
    // The first figures may be those of the moment in which there was nothing but the lock.
    eventually("the figures are known", async || {
        let known = row(&lab, 100).await.unwrap();
        (&known["status"], &known["maxmem"]) == (&json!("stopped"), &json!(1u64 << 30))
    })
    .await;
    assert_eq!(row(&lab, 100).await.unwrap()["name"], "web");
    lab.done(lab.post("/nodes/pve1/qemu/100/status/start", &[]).await)
        .await;
    eventually("the status follows", async || {
        row(&lab, 100).await.unwrap()["status"] == "running"
    })
    .await;
    assert_eq!(
        lab.get("/nodes/pve1/qemu/100/status/current").await.data()["status"],
        "running"
    );
}

#[tokio::test]
async fn a_node_that_is_off_answers_595_and_its_guests_stay_listed() {
    let lab = Lab::instant(Seed::nodes(3).with_foreign_vms(3)).await;
    lab.sim.set_node_online("pve2", false).unwrap();
    let gone = lab.get("/nodes/pve2/qemu").await;
    assert_eq!(
        (gone.status, gone.reason.as_str(), gone.text.as_str()),
        (595, "No route to host", "")
    );
    assert_eq!(row(&lab, 101).await.unwrap()["node"], "pve2");
    let nodes = lab.get("/nodes").await.data();
    let node = nodes
        .as_array()
        .unwrap()
        .iter()
        .find(|n| n["node"] == "pve2")
        .unwrap()
        .clone();
    assert_eq!(node["status"], "offline");
    assert!(node.get("cpu").is_none() && node.get("maxcpu").is_some());
    let status = lab.get("/cluster/status").await.data();
    assert_eq!(
        status[0],
        json!({"id": "cluster", "type": "cluster", "name": "sim", "nodes": 3, "quorate": 1, "version": 3})
    );
    assert_eq!(status[2]["online"], 0);
    lab.sim.set_node_online("pve2", true).unwrap();
    assert_eq!(lab.get("/nodes/pve2/qemu").await.status, 200);
}

#[tokio::test]
async fn without_quorum_is_read_and_not_written() {
    let lab = Lab::instant(Seed::nodes(3)).await;
    lab.create(100).await;
    lab.sim.set_quorum(false);
    assert_eq!(lab.get("/cluster/status").await.data()[0]["quorate"], 0);
    assert_eq!(lab.get("/nodes/pve1/qemu/100/config").await.status, 200);
    let sentence = "cluster not ready - no quorum?";
    assert_eq!(
        lab.post("/nodes/pve1/qemu", &[("vmid", "101")]).await.reason,
        sentence
    );
    assert_eq!(
        lab.post("/nodes/pve1/qemu/100/status/start", &[]).await.reason,
        sentence
    );
    let put = lab.put("/nodes/pve1/qemu/100/config", &[("cores", "2")]).await;
    assert!(
        put.reason
            .starts_with("unable to open file '/etc/pve/nodes/pve1/qemu-server/100.conf.tmp.")
    );
}

#[tokio::test]
async fn a_node_that_stands_alone_has_no_cluster_row() {
    let lab = Lab::instant(Seed::default()).await;
    let status = lab.get("/cluster/status").await.data();
    assert_eq!(status.as_array().unwrap().len(), 1);
    assert_eq!(
        (&status[0]["type"], &status[0]["nodeid"]),
        (&json!("node"), &json!(0))
    );
    let unknown = lab.get("/nodes/other/qemu").await;
    assert!(unknown.reason.starts_with("hostname lookup 'other' failed"));
    assert_eq!(lab.get("/nodes/localhost/qemu").await.status, 200);
}

#[tokio::test]
async fn the_cluster_is_known_by_its_root_certificate() {
    let lab = Lab::instant(Seed::nodes(2)).await;
    for node in ["pve1", "pve2"] {
        let rows = lab.get(&format!("/nodes/{node}/certificates/info")).await.data();
        assert_eq!(rows[0]["filename"], "pve-root-ca.pem");
        assert_eq!(rows[0]["fingerprint"], lab.sim.ca_fingerprint());
        assert_eq!(rows[1]["filename"], "pve-ssl.pem");
    }
    assert_eq!(
        lab.get("/nodes").await.data()[0]["ssl_fingerprint"],
        lab.sim.fingerprint()
    );
}

#[tokio::test]
async fn tasks_are_listed_newest_first_and_filtered() {
    let lab = Lab::instant(Seed::default()).await;
    lab.create(100).await;
    lab.done(lab.post("/nodes/pve1/qemu/100/status/start", &[]).await)
        .await;
    let failed = lab.post("/nodes/pve1/qemu/100/status/start", &[]).await;
    lab.exit_of(&failed).await;
    let kinds = async |query: &str| {
        let answer = lab.get(&format!("/nodes/pve1/tasks{query}")).await.json();
        let rows = answer["data"].as_array().unwrap();
        let kinds: Vec<String> = rows
            .iter()
            .map(|r| r["type"].as_str().unwrap().to_owned())
            .collect();
        (kinds.join(" "), answer["total"].clone())
    };
    assert_eq!(kinds("").await, ("qmstart qmstart qmcreate".to_owned(), json!(3)));
    assert_eq!(kinds("?limit=1&start=2").await, ("qmcreate".to_owned(), json!(3)));
    assert_eq!(kinds("?errors=1").await, ("qmstart".to_owned(), json!(1)));
    assert_eq!(
        kinds("?typefilter=qmcreate&vmid=100").await,
        ("qmcreate".to_owned(), json!(1))
    );
    assert_eq!(kinds("?vmid=555").await, (String::new(), Value::Null));
    assert_eq!(kinds("?source=active").await, (String::new(), Value::Null));
    let of_cluster = lab.get("/cluster/tasks").await.data();
    assert_eq!(of_cluster[0]["status"], "VM 100 already running");
    let upid = failed.data().as_str().unwrap().to_owned();
    let log = lab.get(&format!("/nodes/pve1/tasks/{upid}/log")).await.json();
    assert_eq!(
        log,
        json!({"data": [{"n": 1, "t": "TASK ERROR: VM 100 already running"}], "total": 1})
    );
    let none = "UPID:pve1:00000001:00000001:6B000000:qmstart:100:root@pam:";
    assert_eq!(
        lab.get(&format!("/nodes/pve1/tasks/{none}/status"))
            .await
            .error_of("upid"),
        "no such task"
    );
    assert_eq!(
        lab.get("/nodes/pve1/tasks/garbage/status").await.error_of("upid"),
        "unable to parse worker upid"
    );
}

#[tokio::test]
async fn storages_networks_and_bounds_are_shown() {
    let seed = Seed {
        next_id_lower: Some(1000),
        next_id_upper: Some(2000),
        ..Seed::default()
    };
    let lab = Lab::instant(seed).await;
    let storages = lab.get("/nodes/pve1/storage?content=images").await.data();
    assert_eq!(storages.as_array().unwrap().len(), 1);
    assert_eq!(
        (&storages[0]["storage"], &storages[0]["type"]),
        (&json!("local-lvm"), &json!("lvmthin"))
    );
    let isos = lab
        .get("/nodes/pve1/storage/local/content?content=iso")
        .await
        .data();
    assert_eq!(isos[0]["volid"], "local:iso/debian-12.iso");
    assert_eq!(
        lab.get("/nodes/pve1/storage/x1/content").await.reason,
        "storage 'x1' does not exist"
    );
    assert_eq!(
        lab.get("/nodes/pve1/storage/x1/status").await.error_of("storage"),
        "No such storage."
    );
    let bridges = lab.get("/nodes/pve1/network?type=bridge").await.data();
    assert_eq!(
        (&bridges[0]["iface"], &bridges[1]["iface"]),
        (&json!("vmbr0"), &json!("vmbr1"))
    );
    let options = lab.get("/cluster/options").await.data();
    assert_eq!(options["next-id"], json!({"lower": "1000", "upper": "2000"}));
    assert_eq!(lab.get("/cluster/nextid").await.data(), "1000");
}

#[tokio::test]
async fn tasks_are_filtered_by_how_they_ended_and_when() {
    let lab = Lab::instant(Seed::default()).await;
    lab.create(100).await;
    for _ in 0..2 {
        let start = lab.post("/nodes/pve1/qemu/100/status/start", &[]).await;
        lab.exit_of(&start).await;
    }
    let count = async |query: &str| {
        let answer = lab.get(&format!("/nodes/pve1/tasks?{query}")).await;
        answer.data().as_array().unwrap().len()
    };
    assert_eq!(count("statusfilter=ok").await, 2);
    assert_eq!(count("statusfilter=error,warning").await, 1);
    assert_eq!(count("statusfilter=error&typefilter=qmcreate").await, 0);
    assert_eq!(count("since=4000000000").await, 0);
    assert_eq!(count("until=4000000000&userfilter=ROOT").await, 3);
    let wrong = lab.get("/nodes/pve1/tasks?statusfilter=bad").await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn who_may_not_audit_sees_his_own_tasks() {
    let rights = vec![Rights::new("/vms", &["*"])];
    let seed = Seed::default().with_token(SeedToken::limited("root@pam!ops", "s", rights));
    let mut lab = Lab::instant(seed).await;
    lab.create(100).await;
    lab.token("root@pam!ops", "s");
    let own = lab.post("/nodes/pve1/qemu/100/status/start", &[]).await;
    assert_eq!(lab.exit_of(&own).await, "OK");
    let rows = lab.get("/nodes/pve1/tasks").await.data();
    assert_eq!(
        (rows.as_array().unwrap().len(), &rows[0]["user"]),
        (1, &json!("root@pam!ops"))
    );
    let of_cluster = lab.get("/cluster/tasks").await.data();
    assert_eq!(of_cluster.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_running_task_is_listed_and_can_be_aborted() {
    let lab = Lab::instant(Seed::default().with_guest(SeedGuest::new(100, "web"))).await;
    lab.sim.hold_tasks();
    let start = lab.post("/nodes/pve1/qemu/100/status/start", &[]).await;
    let upid = start.data().as_str().unwrap().to_owned();
    let active = lab.get("/nodes/pve1/tasks?source=active").await.data();
    assert_eq!(
        (
            &active[0]["status"],
            &active[0]["saved"],
            active[0].get("endtime")
        ),
        (&json!("RUNNING"), &json!("0"), None)
    );
    let of_cluster = lab.get("/cluster/tasks").await.data();
    assert!(of_cluster[0].get("status").is_none());
    let log = lab.get(&format!("/nodes/pve1/tasks/{upid}/log")).await.data();
    assert_eq!(log, json!([{"n": 1, "t": "no content"}]));
    assert_eq!(
        lab.delete(&format!("/nodes/pve1/tasks/{upid}")).await.data(),
        Value::Null
    );
    assert_eq!(lab.exit_of(&start).await, "unexpected status");
    assert!(!lab.sim.guest(100).unwrap().running);
    // It has ended, and nothing happens.
    assert_eq!(
        lab.delete(&format!("/nodes/pve1/tasks/{upid}")).await.data(),
        Value::Null
    );
}

#[tokio::test]
async fn the_tasks_of_a_node_that_went_stay_in_the_clusters_list() {
    let lab = Lab::instant(Seed::nodes(2).with_guest(SeedGuest::new(100, "web").on("pve2"))).await;
    lab.done(lab.post("/nodes/pve2/qemu/100/status/start", &[]).await)
        .await;
    // As a number right after it ended, and as text once the list was read again.
    assert_eq!(lab.get("/cluster/tasks").await.data()[0]["saved"], 1);
    lab.get("/nodes/pve2/tasks?source=all").await.data();
    lab.sim.set_node_online("pve2", false).unwrap();
    let rows = lab.get("/cluster/tasks").await.data();
    assert_eq!(
        (&rows[0]["node"], &rows[0]["saved"]),
        (&json!("pve2"), &json!("1"))
    );
}
