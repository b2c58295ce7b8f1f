//! What it costs when nothing happens.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::ResourceExt;
use kube::api::ListParams;
use pve_sim::{SeedGuest, Timing};
use serde_json::json;

use super::population::{HALF_OF_THEM_RUN, populate};
use crate::support::{Process, World, condition, within};

const GUESTS: u32 = 1000;
/// How many times shorter the intervals of the first measurement are.
const FASTER: u32 = 100;
/// `make test` runs it after the others: measured beside them it measures them too, and takes the processors from them.
#[tokio::test]
#[ignore = "wants the machine for itself: make test runs it at the end"]
async fn idle_with_a_thousand_guests_keeps_to_the_formula_and_writes_nothing() {
    let mut world = World::builder("idle")
        .seed(|seed| seed.with_timing(Timing::instant()))
        .host(json!({
            "budget": {"requests": 32},
            "poll": {"tasks": "30ms", "resources": "100ms", "sweep": "36s"},
        }))
        .start()
        .await;
    populate(&mut world, GUESTS, &["pve1"], &HALF_OF_THEM_RUN).await;
    let process = world.drover_process().await;
    // A start writes nothing where nothing changed; this makes it write once, so that writes are seen to be counted.
    let wake = json!({"metadata": {"annotations": {"drover.dev/reconcile-at": "now"}}});
    world.patch_host(&world.name, wake).await;
    let woken = async || {
        let host = world.hosts().get(&world.name).await.ok()?;
        host.status?.last_handled_reconcile_at
    };
    world.wait_until("the pass that was asked for", woken).await;

    // A hundredth of a minute at a hundredth of the intervals is a minute's worth.
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
    // The first sweep and the last write may still be on their way: machines that were just started may have an agent, and
    // are asked for it until their configuration was read.
    let asked = || {
        world
            .sim
            .requests()
            .matching("GET", "/nodes/*/qemu/*/agent/*")
            .len()
    };
    let quiet = within(Duration::from_mins(3), async || {
        let before = (stored(world, process).await, asked());
        tokio::time::sleep(Duration::from_secs(5)).await;
        ((stored(world, process).await, asked()) == before).then_some(())
    });
    assert!(quiet.await.is_some(), "it becomes quiet");
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

#[tokio::test]
async fn machines_of_two_sockets_with_two_cores_each_are_left_alone_over_many_sweeps() {
    const SWEEPS: usize = 30;
    let template = SeedGuest::new(9100, "two-by-two")
        .set("sockets", "2")
        .set("cores", "2")
        .set("template", "1");
    let world = World::builder("two-by-two")
        .seed(|seed| seed.with_guest(template))
        .host(json!({"poll": {"tasks": "30ms", "resources": "100ms", "sweep": "400ms"}}))
        .start()
        .await;
    let reboot = "powerState: Running, rebootPolicy: WhenRequired";
    let blank = "memory: {size: 512Mi}, disks: [{name: scsi0, size: 1Gi}], cpu: {sockets: 2, cores: 2}";
    world.apply_vm("made", &format!("{{{reboot}, {blank}}}")).await;
    // Of this one the spec does not speak of processors.
    world
        .apply_vm(
            "copied",
            &format!("{{{reboot}, source: {{clone: {{vmid: 9100}}}}}}"),
        )
        .await;
    let mut numbers = Vec::new();
    for name in ["made", "copied"] {
        let vm = world.wait_ready(name).await;
        assert_eq!(vm.status.unwrap().observed.unwrap().cpus, 4, "{name}");
        numbers.push(world.vmid(name).await);
    }
    let read = |vmid: u32, position: u64| {
        let asked = world.sim.requests().since(position);
        asked
            .matching("GET", &format!("/nodes/*/qemu/{vmid}/pending"))
            .len()
    };
    let swept = async |sweeps: usize| {
        let position = world.sim.position();
        let often = || {
            numbers
                .iter()
                .all(|vmid| read(*vmid, position) >= sweeps)
                .then_some(())
        };
        world.wait_until("the sweeps", async || often()).await;
    };
    // What was just made is settled after these.
    swept(3).await;
    world.passes_of_host(1).await;
    let position = world.sim.position();
    let before = [world.vm("made").await, world.vm("copied").await];
    let host = world.hosts().get(&world.name).await.unwrap();
    swept(SWEEPS).await;
    let after = [world.vm("made").await, world.vm("copied").await];
    assert_eq!(before, after, "nothing was written");
    assert_eq!(world.hosts().get(&world.name).await.unwrap(), host);
    assert!(world.sim.mutations().since(position).is_empty());
    for (vm, vmid) in after.iter().zip(&numbers) {
        assert!(condition(vm, "RebootRequired").is_none(), "{vm:?}");
        let guest = world.sim.guest(*vmid).unwrap();
        assert_eq!((guest.running, guest.starts), (true, 1));
        assert_eq!(
            (guest.config["sockets"].as_str(), guest.config["cores"].as_str()),
            ("2", "2")
        );
    }
}
