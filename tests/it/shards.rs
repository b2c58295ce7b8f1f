//! Several Drovers, each with hosts of its own: a host is one's alone, and so is a cluster.

use drover::api::ProxmoxNode;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use pve_sim::Seed;
use serde_json::{Value, json};

use crate::create::SMALL;
use crate::support::{Process, World, condition};

const LEASE: &str = "--lease-duration=10s";

async fn label(world: &World, host: &str, labels: Value) {
    world
        .patch_host(host, json!({"metadata": {"labels": labels}}))
        .await;
}

async fn claim(world: &World, host: &str) -> Option<String> {
    let host = world.hosts().get(host).await.unwrap();
    host.status?.claimed_by?.selector
}

/// A Drover with a selector of its own.
async fn shard(selector: &str) -> Process {
    Process::start(selector, &["--create-settle=2s", LEASE]).await
}

/// What a process said of a host that it keeps away from.
async fn wait_said(world: &World, process: &Process, part: &str) {
    let said = async || process.log_text().contains(part).then_some(());
    world.wait_until(&format!("'{part}' in the log"), said).await;
}

#[tokio::test]
async fn release_by_force_is_left_to_the_shard_of_the_host() {
    let mut world = World::new("shards-force").await;
    let other = World::new("shards-force-other").await;
    for world in [&world, &other] {
        world.apply_vm("web", SMALL).await;
        world.wait_ready("web").await;
    }
    world.stop_drover().await;
    let forced = json!({"metadata": {"annotations": {"drover.dev/force-release": "true"}}});
    for world in [&world, &other] {
        world.patch_vm("web", forced.clone()).await;
        world.delete_vm("web").await;
    }
    // The other one sees both, this one's before its own.
    other.wait_vm_gone("web").await;
    other.apply_vm("later", SMALL).await;
    other.wait_ready("later").await;
    assert_eq!(world.vm("web").await.finalizers().len(), 1);
    world.start_drover();
    world.wait_vm_gone("web").await;
    world.wait_event(&world.name, "ForceReleased", "/web").await;
}

#[tokio::test]
async fn host_that_two_select_is_the_first_ones_until_its_selector_lets_go() {
    let mut world = World::builder("shards-overlap").start().await;
    let host = world.name.clone();
    world.wait_host("Ready", "True", "Usable").await;
    let other = format!("tier={host}");
    label(&world, &host, json!({"tier": host})).await;
    let second = shard(&other).await;
    wait_said(&world, &second, "left to that").await;
    assert_eq!(claim(&world, &host).await, Some(world.selector()));
    let events = Api::<k8s_openapi::api::events::v1::Event>::namespaced(world.client.clone(), "default");
    let told = async || {
        let all = events.list(&kube::api::ListParams::default()).await.unwrap();
        let of_host = |e: &k8s_openapi::api::events::v1::Event| {
            e.reason.as_deref() == Some("ClaimedByAnother")
                && e.regarding.as_ref().and_then(|r| r.name.as_ref()) == Some(&host)
        };
        all.items.iter().any(of_host).then_some(())
    };
    world.wait_until("the Event on the host", told).await;

    // The first one is away: the second still keeps off, as nothing says that it is gone for good.
    world.stop_drover().await;
    let position = world.sim.position();
    world.apply_vm("web", SMALL).await;
    world
        .patch_host(
            &host,
            json!({"metadata": {"annotations": {"drover.dev/reconcile-at": "1"}}}),
        )
        .await;
    let passes = async || {
        let (_, metrics) = second.get("/metrics").await;
        metrics.contains("drover_leader 1").then_some(())
    };
    world.wait_until("the second one to lead", passes).await;
    assert!(world.sim.requests().since(position).is_empty());
    assert_eq!(world.vm("web").await.status, None);

    // Out of the first one's selector, it is the second one's.
    label(&world, &host, json!({"test": null})).await;
    world.wait_ready("web").await;
    assert_eq!(claim(&world, &host).await, Some(other));
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 1);
}

#[tokio::test]
async fn host_of_a_shard_that_is_gone_is_taken_over() {
    let world = World::builder("shards-gone").without_drover().start().await;
    let host = world.name.clone();
    label(&world, &host, json!({"tier": host})).await;
    let first = shard(&world.selector()).await;
    world.wait_host("Ready", "True", "Usable").await;
    let second = shard(&format!("tier={host}")).await;
    wait_said(&world, &second, "left to that").await;
    first.kill();
    world.apply_vm("web", SMALL).await;
    let of_second = Some(format!("tier={host}"));
    let taken = async || (claim(&world, &host).await == of_second).then_some(());
    world.wait_until("the second one's claim", taken).await;
    world.wait_ready("web").await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 1);
}

#[tokio::test]
async fn cluster_that_two_select_is_the_first_ones() {
    let world = World::builder("shards-split")
        .seed(|seed| Seed { nodes: 2, ..seed })
        .host(json!({"nodeName": "pve1"}))
        .start()
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    let second_host = format!("{}-b", world.name);
    world
        .declare(&second_host, json!({"nodeName": "pve2", "allowedNamespaces": {"from": "All"}, "tenancy": {"mode": "Trusted"}, "defaults": {"storage": "local-lvm"}}))
        .await;
    label(&world, &second_host, json!({"test": null, "tier": world.name})).await;
    let second = shard(&format!("tier={}", world.name)).await;
    let api: Api<ProxmoxNode> = world.hosts();
    let divided = async || {
        let host = api.get(&second_host).await.ok()?;
        let ready = condition(&host, "Ready")?;
        (ready.reason == "ClusterDivided").then(|| ready.message.clone())
    };
    let why = world.wait_until("the second host to be refused", divided).await;
    assert!(
        why.contains(&format!("'{}'", world.name)) && why.contains(&world.selector()),
        "{why}"
    );

    let of_second = format!("hostRef: {{kind: ProxmoxNode, name: {second_host}}}\n{SMALL}");
    world.apply_vm("web", &of_second).await;
    let vm = world.wait_vm("web", "Ready", "Unknown", "ClusterDivided").await;
    assert_eq!(vm.status.unwrap().vmid, None);
    assert!(world.sent("POST", "/nodes/*/qemu").is_empty());

    // Labelled like the others of its cluster it is used.
    label(&world, &second_host, json!({"test": world.name, "tier": null})).await;
    let vm = world.wait_ready("web").await;
    assert_eq!(vm.status.unwrap().node.as_deref(), Some("pve2"));
    let params = PatchParams::default();
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"seen": "1"}}}));
    api.patch(&second_host, &params, &patch).await.unwrap();
    drop(second);
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 1);
}
