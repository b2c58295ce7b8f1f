//! What it costs when nothing happens.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::ResourceExt;
use kube::api::ListParams;
use pve_sim::Timing;
use serde_json::json;

use crate::support::{Process, World};

const GUESTS: u32 = 200;
/// How many times shorter the intervals of the first measurement are.
const FASTER: u32 = 10;

#[tokio::test]
async fn idle_with_two_hundred_guests_keeps_to_the_formula_and_writes_nothing() {
    let world = World::builder("idle")
        .seed(|seed| seed.with_timing(Timing::instant()))
        .host(json!({
            "budget": {"requests": 32, "tasks": 64, "tasksPerStorage": 64},
            "poll": {"tasks": "300ms", "resources": "1s", "sweep": "6m"},
        }))
        .without_drover()
        .start()
        .await;
    let process = world.drover_process().await;
    let specs = (0..GUESTS).map(|n| (format!("vm-{n:03}"), n % 2 == 0));
    let apply = futures::future::join_all(specs.map(async |(name, runs)| {
        let power = if runs { "Running" } else { "Stopped" };
        let spec =
            format!("{{powerState: {power}, memory: {{size: 16Mi}}, disks: [{{name: scsi0, size: 1Gi}}]}}");
        world.apply_vm(&name, &spec).await;
    }));
    apply.await;
    for number in 0..GUESTS {
        world.wait_ready(&format!("vm-{number:03}")).await;
    }

    // A tenth of a minute at a tenth of the intervals is a minute's worth.
    measure(&world, &process, FASTER, Duration::from_secs(12)).await;
    world
        .patch_host(
            &world.name,
            json!({"spec": {"poll": {"tasks": "3s", "resources": "10s", "sweep": "1h"}}}),
        )
        .await;
    measure(&world, &process, 1, Duration::from_mins(1)).await;
}

/// Watches for a while: requests by the formula `28 + 3 N / 60` a minute, none that changes anything, and no
/// write to Kubernetes.
async fn measure(world: &World, process: &Process, faster: u32, window: Duration) {
    // The first sweep and the last write may still be on their way.
    world
        .wait_until("everything to be quiet", async || {
            let before = stored(world, process).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            (stored(world, process).await == before).then_some(())
        })
        .await;
    let before = stored(world, process).await;
    let position = world.sim.position();
    // The one place where time itself is what is asked about.
    tokio::time::sleep(window).await;
    let requests = world.sim.requests().since(position);
    let minutes = window.as_secs_f64() / 60.0 * f64::from(faster);
    let allowed = (28.0 + 3.0 * f64::from(GUESTS) / 60.0) * minutes;
    let mut kinds = BTreeMap::<String, usize>::new();
    for request in &requests {
        let path: Vec<&str> = request
            .path
            .split('/')
            .map(|s| if s.parse::<u32>().is_ok() { "N" } else { s })
            .collect();
        *kinds
            .entry(format!("{} {}", request.method, path.join("/")))
            .or_default() += 1;
    }
    // One poll of each kind may fall into the window at its edge.
    #[allow(clippy::cast_precision_loss, reason = "some hundred requests")]
    let count = requests.len() as f64;
    assert!(
        count <= allowed + 3.0,
        "{count} requests, {allowed} allowed at {faster} times the pace: {kinds:?}"
    );
    assert!(count >= allowed / 4.0, "it was looked at all: {kinds:?}");
    assert!(requests.mutating().is_empty());
    assert_eq!(stored(world, process).await, before, "nothing was written");
}

/// Versions of all that Drover may write, and how often it wrote.
async fn stored(world: &World, process: &Process) -> (BTreeMap<String, Option<String>>, Vec<String>) {
    let machines = world.vms().list(&ListParams::default()).await.unwrap();
    let mut versions: BTreeMap<String, Option<String>> = machines
        .iter()
        .map(|vm| (vm.name_any(), vm.resource_version()))
        .collect();
    let host = world.hosts().get(&world.name).await.unwrap();
    versions.insert("the host".to_owned(), host.resource_version());
    let (status, metrics) = process.get("/metrics").await;
    assert_eq!(status, 200);
    let writes: Vec<String> = metrics
        .lines()
        .filter(|line| line.starts_with("drover_kubernetes_writes_total"))
        .map(str::to_owned)
        .collect();
    assert!(!writes.is_empty(), "writes are counted");
    (versions, writes)
}
