//! Nodes and the datacenter: what they say of themselves, what can be set, how calls reach them.

use std::time::{Duration, Instant};

use pve_sim::{NodeProxy, Release, Rights, Seed, SeedGuest, SeedMachine, SeedToken, Timing};
use serde_json::{Value, json};

use crate::client::Lab;

#[tokio::test]
async fn what_is_set_on_a_node_reads_back() {
    let lab = Lab::instant(Seed::nodes(2)).await;
    lab.put(
        "/nodes/pve2/dns",
        &[("search", "example.org"), ("dns1", "192.0.2.1")],
    )
    .await
    .data();
    assert_eq!(
        lab.get("/nodes/pve2/dns").await.data(),
        json!({"search": "example.org", "dns1": "192.0.2.1"})
    );
    lab.put("/nodes/pve2/config", &[("description", "rack 4")])
        .await
        .data();
    assert_eq!(
        lab.get("/nodes/pve2/config").await.data()["description"],
        "rack 4"
    );
    assert_eq!(lab.get("/nodes/pve1/config").await.data(), json!({}));
    let zone = lab.put("/nodes/pve2/time", &[("timezone", "Nowhere/None")]).await;
    assert_eq!(zone.reason, "No such timezone 'Nowhere/None'");
}

#[tokio::test]
async fn the_hosts_file_is_only_changed_by_who_has_read_it() {
    let lab = Lab::instant(Seed::default()).await;
    let before = lab.get("/nodes/pve1/hosts").await.data();
    let digest = before["digest"].as_str().unwrap();
    let form = [("data", "127.0.0.1 localhost\n"), ("digest", digest)];
    lab.post("/nodes/pve1/hosts", &form).await.data();
    assert_eq!(
        lab.get("/nodes/pve1/hosts").await.data()["data"],
        "127.0.0.1 localhost\n"
    );
    let late = lab.post("/nodes/pve1/hosts", &form).await;
    assert!(late.reason.contains("file changed by other user"));
}

#[tokio::test]
async fn a_node_that_has_just_booted_is_unknown_until_it_tells_its_figures() {
    let seed = Seed {
        machine: SeedMachine {
            just_booted: true,
            ..SeedMachine::default()
        },
        ..Seed::default()
    };
    let mut timing = Timing::instant();
    timing.resources_refresh = Duration::from_hours(1);
    let lab = Lab::start(seed.with_timing(timing)).await;
    let node = async || lab.get("/nodes").await.data()[0].clone();
    assert_eq!(node().await["status"], "unknown");
    assert!(node().await.get("maxcpu").is_none());
    lab.sim.refresh_resources();
    assert_eq!(node().await["status"], "online");
    assert!(node().await["maxcpu"].is_number());
}

#[tokio::test]
async fn the_options_of_the_datacenter_are_shown_as_objects() {
    let guest = SeedGuest::new(100, "web").set("tags", "blue");
    let lab = Lab::instant(Seed::default().with_guest(guest)).await;
    let form = [
        ("next-id", "lower=500,upper=600"),
        ("migration", "insecure,network=192.0.2.0/24"),
        ("registered-tags", "prod;test"),
        ("description", "ours"),
    ];
    lab.put("/cluster/options", &form).await.data();
    let options = lab.get("/cluster/options").await.data();
    assert_eq!(options["next-id"], json!({"lower": "500", "upper": "600"}));
    assert_eq!(
        options["migration"],
        json!({"type": "insecure", "network": "192.0.2.0/24"})
    );
    assert_eq!(options["registered-tags"], json!(["prod", "test"]));
    assert_eq!(options["allowed-tags"], json!(["blue", "prod", "test"]));
    assert_eq!(options["description"], "ours");
    assert_eq!(lab.get("/cluster/nextid").await.data(), "500");
    lab.put("/cluster/options", &[("delete", "next-id,registered-tags")])
        .await
        .data();
    let options = lab.get("/cluster/options").await.data();
    assert!(options.get("next-id").is_none() && options.get("registered-tags").is_none());
}

#[tokio::test]
async fn options_are_half_hidden_from_who_may_not_audit() {
    let seed = Seed::default().with_token(SeedToken::limited("root@pam!none", "s", Vec::new()));
    let mut lab = Lab::instant(seed).await;
    lab.put("/cluster/options", &[("console", "html5"), ("max_workers", "4")])
        .await
        .data();
    lab.token("root@pam!none", "s");
    let options = lab.get("/cluster/options").await.data();
    assert_eq!(options["console"], "html5");
    assert!(options.get("max_workers").is_none() && options.get("mac_prefix").is_none());
    lab.sim.set_quorum(false);
    let answer = lab.put("/cluster/options", &[("console", "vv")]).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_node_may_refuse_calls_or_keep_silent() {
    let mut timing = Timing::instant();
    timing.proxy_timeout = Duration::from_millis(300);
    let lab = Lab::start(Seed::nodes(2).with_timing(timing)).await;
    let meets = async |proxy: NodeProxy| {
        lab.sim.set_node_proxy("pve2", proxy).unwrap();
        let begun = Instant::now();
        let answer = lab.get("/nodes/pve2/status").await;
        (answer.status, answer.reason, begun.elapsed())
    };
    let (status, reason, _) = meets(NodeProxy::Refuses).await;
    assert_eq!((status, reason.as_str()), (595, "Connection refused"));
    let (status, reason, took) = meets(NodeProxy::Silent).await;
    assert_eq!((status, reason.as_str()), (595, "Connection timed out"));
    assert!(took >= Duration::from_millis(300));
    assert_eq!(meets(NodeProxy::Busy).await.0, 596);
    assert_eq!(meets(NodeProxy::Answers).await.0, 200);
    // The node itself is up all the time.
    assert_eq!(lab.get("/cluster/status").await.data()[2]["online"], 1);
}

#[tokio::test]
async fn indexes_name_what_a_release_has() {
    let names = async |release: Release| {
        let lab = Lab::instant(Seed::default().with_release(release)).await;
        let rows = lab.get("/cluster").await.data();
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let has = |names: &[String], name: &str| names.iter().any(|n| n == name);
    let (seven, eight, nine) = (
        names(Release::V7_4).await,
        names(Release::V8_4).await,
        names(Release::V9_2).await,
    );
    assert!(!has(&seven, "mapping") && has(&eight, "mapping"));
    assert!(!has(&eight, "bulk-action") && has(&nine, "bulk-action"));
    assert!(
        [&seven, &eight, &nine]
            .iter()
            .all(|names| has(names, "resources"))
    );
}

#[tokio::test]
async fn the_index_of_a_guest_is_of_one_that_is_there() {
    let lab = Lab::instant(Seed::default()).await;
    assert_eq!(
        lab.get("/nodes/pve1/qemu/9000").await.data()[0],
        json!({"subdir": "config"})
    );
    assert_eq!(
        lab.get("/nodes/pve1/qemu/555/status").await.reason,
        "Configuration file 'nodes/pve1/qemu-server/555.conf' does not exist"
    );
    assert_eq!(lab.get("/").await.data()[0], json!({"subdir": "version"}));
}

#[tokio::test]
async fn members_are_listed_only_in_a_cluster() {
    let alone = Lab::instant(Seed::default()).await;
    assert_eq!(alone.get("/cluster/config/nodes").await.data(), json!([]));
    let pair = Lab::instant(Seed::nodes(2)).await;
    assert_eq!(
        pair.get("/cluster/config/nodes").await.data()[1],
        json!({"node": "pve2", "name": "pve2", "nodeid": "2", "quorum_votes": "1", "ring0_addr": "192.0.2.12"})
    );
}

#[tokio::test]
async fn the_log_of_the_cluster_tells_of_tasks_the_newest_first() {
    let rights = vec![Rights::new("/vms", &["*"])];
    let seed = Seed::default().with_token(SeedToken::limited("root@pam!other", "s", rights));
    let mut lab = Lab::instant(seed).await;
    lab.create(100).await;
    let rows = lab.get("/cluster/log?max=2").await.data();
    let text = |at: usize| rows[at]["msg"].as_str().unwrap();
    assert!(text(0).starts_with("end task UPID:") && text(0).ends_with(" OK"));
    assert!(text(1).starts_with("starting task UPID:"));
    assert_eq!(rows[0]["pri"], 6);
    let lines = lab.get("/nodes/pve1/syslog").await.json();
    assert!(lines["total"].as_u64().unwrap() >= 2);
    lab.token("root@pam!other", "s");
    assert_eq!(lab.get("/cluster/log").await.data(), json!([]));
}

#[tokio::test]
async fn rows_of_networks_are_called_otherwise_since_9() {
    let kinds = async |release: Release| {
        let lab = Lab::instant(Seed::default().with_release(release)).await;
        let rows = lab.get("/cluster/resources").await.data();
        let by_type = lab.get("/cluster/resources?type=sdn").await.data();
        let rows = rows.as_array().unwrap().clone();
        let kinds: Vec<Value> = rows.into_iter().map(|row| row["type"].clone()).collect();
        (kinds, by_type.as_array().unwrap().len())
    };
    let (nine, asked) = kinds(Release::V9_2).await;
    assert!(nine.contains(&json!("network")) && !nine.contains(&json!("sdn")) && asked == 0);
    let (eight, asked) = kinds(Release::V8_4).await;
    assert!(eight.contains(&json!("sdn")) && !eight.contains(&json!("network")) && asked == 1);
}

#[tokio::test]
async fn a_storage_keeps_its_last_figures_when_its_node_goes() {
    let lab = Lab::instant(Seed::nodes(2)).await;
    lab.sim.set_node_online("pve2", false).unwrap();
    let rows = lab.get("/cluster/resources?type=storage").await.data();
    let rows = rows.as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == "storage/pve2/local").unwrap();
    assert_eq!(row["status"], "available");
    assert!(row["maxdisk"].is_number());
}
