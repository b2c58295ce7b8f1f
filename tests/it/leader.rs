//! Two replicas for the same hosts: one acts, the other takes over.

use crate::support::{Process, World};

const SPEC: &str = "{powerState: Running, memory: {size: 512Mi}, disks: [{name: scsi0, size: 1Gi}]}";
const LEASE: &str = "--lease-duration=10s";

async fn replica(world: &World) -> Process {
    Process::start(&world.selector(), &["--create-settle=2s", LEASE]).await
}

async fn leads(process: &Process) -> bool {
    let (_, metrics) = process.get("/metrics").await;
    metrics.lines().any(|line| line == "drover_leader 1")
}

async fn two_replicas(test: &str) -> (World, Process, Process) {
    let world = World::builder(test).without_drover().start().await;
    let first = replica(&world).await;
    world
        .wait_until("the first replica to lead", async || {
            leads(&first).await.then_some(())
        })
        .await;
    let second = replica(&world).await;
    (world, first, second)
}

#[tokio::test]
async fn second_replica_stands_by_is_ready_and_takes_over_at_once_after_an_orderly_end() {
    let (world, mut first, second) = two_replicas("leader-ends").await;
    world.apply_vm("web", SPEC).await;
    world.wait_ready("web").await;
    assert!(!leads(&second).await);
    assert_eq!(second.get("/readyz").await.0, 200);
    assert!(first.terminate().await.success());
    assert!(
        first.log_text().contains("the lease is released"),
        "{}",
        first.log_text()
    );
    world
        .wait_until("the second replica to lead", async || {
            leads(&second).await.then_some(())
        })
        .await;
    world.apply_vm("late", SPEC).await;
    world.wait_ready("late").await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 2);
}

#[tokio::test]
async fn second_replica_takes_over_after_a_kill() {
    let (world, first, second) = two_replicas("leader-killed").await;
    first.kill();
    world.apply_vm("web", SPEC).await;
    world.wait_ready("web").await;
    assert!(leads(&second).await);
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 1);
}

#[tokio::test]
async fn leader_that_was_stopped_past_its_lease_changes_nothing_more() {
    let (world, mut first, second) = two_replicas("leader-stopped").await;
    first.signal("STOP");
    world.apply_vm("web", SPEC).await;
    world.wait_ready("web").await;
    assert!(leads(&second).await);
    let position = world.sim.position();
    first.signal("CONT");
    let status = world
        .wait_until("the old leader to end", async || first.ended())
        .await;
    assert_eq!(status.code(), Some(1), "{}", first.log_text());
    let sent = world.sim.mutations().since(position);
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 1);
    assert!(leads(&second).await);
}
