//! Much is asked of one host at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use drover::api::VirtualMachine;
use futures::StreamExt;
use kube::api::ListParams;
use pve_sim::{Fault, Matcher, Seed, Timing};
use serde_json::json;

use super::population::{HALF_OF_THEM_RUN, populate};
use super::{marked, tasks};
use crate::support::{World, condition, within};

const MACHINES: usize = 1000;
/// Tasks that the host is given at once.
const BUDGET: usize = 32;

/// `make test` runs it after the others, which it would take the processors from.
#[tokio::test]
#[ignore = "wants the machine for itself: make test runs it at the end"]
async fn thousand_machines_declared_at_once_are_made_once_each() {
    let world = World::builder("burst")
        .seed(|seed| seed.with_timing(Timing::instant()))
        // Its own intervals: those of the other tests have every machine that waits looked at twice a second.
        .settings(|settings| settings.timing = drover::runtime::Timing::default())
        .host(json!({
            "budget": {"requests": 8, "tasks": BUDGET, "tasksPerStorage": BUDGET},
            "poll": {"tasks": "50ms", "resources": "500ms", "sweep": "1h"},
        }))
        .start()
        .await;
    let names: Vec<String> = (0..MACHINES).map(|number| format!("vm-{number}")).collect();
    let spec = "{powerState: Running, memory: {size: 16Mi}, disks: [{name: scsi0, size: 1Gi}]}";
    futures::stream::iter(&names)
        .for_each_concurrent(32, async |name| world.apply_vm(name, spec).await)
        .await;
    let ready = within(Duration::from_mins(10), async || {
        let all = world.vms().list(&ListParams::default()).await.unwrap().items;
        let ready = |vm: &VirtualMachine| condition(vm, "Ready").is_some_and(|c| c.status == "True");
        (all.iter().filter(|vm| ready(vm)).count() == MACHINES).then_some(all)
    });
    let Some(machines) = ready.await else {
        let all = world.vms().list(&ListParams::default()).await.unwrap().items;
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for vm in &all {
            let ready = condition(vm, "Ready");
            *reasons
                .entry(ready.map(|c| c.reason.clone()).unwrap_or_default())
                .or_default() += 1;
        }
        panic!("not all became ready: {reasons:?}");
    };
    let numbers: BTreeSet<u32> = machines
        .iter()
        .map(|vm| vm.status.as_ref().unwrap().vmid.unwrap())
        .collect();
    assert_eq!(numbers.len(), MACHINES, "a number each");
    let guests = marked(&world);
    let made: BTreeSet<&str> = guests.iter().filter_map(|guest| guest.name.as_deref()).collect();
    assert_eq!((guests.len(), made.len()), (MACHINES, MACHINES), "a guest each");
    assert!(
        guests
            .iter()
            .all(|guest| guest.running && numbers.contains(&guest.vmid))
    );
    for kind in ["qmcreate", "qmstart"] {
        assert_eq!(tasks(&world, kind), MACHINES, "{kind}");
    }
    assert_eq!(world.sim.mutations().0.len(), 2 * MACHINES);
    // What is asked grows with the machines that are made, and not with those that wait beside them.
    let asked = |path: &str| world.sim.requests().matching("GET", path).len();
    for (path, most) in [
        ("/nodes/*/qemu/*/pending", 7),
        ("/nodes/*/qemu/*/status/current", 7),
        ("/nodes/*/tasks", 1),
        ("/nodes/*/tasks/*/status", 2),
        ("/nodes/*/storage/*/content", 1),
        ("/cluster/nextid", 2),
    ] {
        let count = asked(path);
        eprintln!("burst: {count} times GET {path}");
        // One task in forty had not ended when it was asked about, and is asked about again.
        let again = if path.ends_with("/tasks/*/status") {
            MACHINES / 20
        } else {
            0
        };
        assert!(count <= most * MACHINES + again, "{count} times GET {path}");
    }
}

#[tokio::test]
#[ignore = "wants the machine for itself: make test runs it at the end"]
async fn two_hundred_power_changes_at_once_keep_to_the_budget_of_a_slow_cluster() {
    const CHANGED: u32 = 200;
    let budget = 12;
    let mut world = World::builder("power")
        .seed(|seed| {
            let timing = Timing {
                start: Duration::from_secs(30),
                shutdown: Duration::from_secs(30),
                ..Timing::scaled(20.0)
            };
            Seed { nodes: 5, ..seed }
                .with_foreign_vms(800)
                .with_timing(timing)
        })
        .settings(|settings| settings.timing = drover::runtime::Timing::default())
        .host(json!({
            "budget": {"requests": 8, "tasks": budget, "tasksPerStorage": budget},
            "poll": {"tasks": "200ms", "resources": "1s", "sweep": "1h"},
        }))
        .start()
        .await;
    let nodes = ["pve1", "pve2", "pve3", "pve4", "pve5"];
    populate(&mut world, CHANGED, &nodes, &HALF_OF_THEM_RUN).await;
    let strangers: Vec<_> = world.sim.guests().into_iter().filter(|g| g.vmid < 9000).collect();
    world
        .sim
        .fault(Fault::delay(Matcher::any(), Duration::from_millis(100)));
    world.start_drover();
    let machines = world.vms().list(&ListParams::default()).await.unwrap().items;
    assert_eq!(machines.len(), CHANGED as usize);
    let (runs, rests): (Vec<_>, Vec<_>) = machines
        .iter()
        .partition(|vm| vm.spec.power_state == Some(drover::api::DesiredPower::Running));
    let position = world.sim.position();
    for (group, state) in [(&runs, "Stopped"), (&rests, "Running")] {
        futures::stream::iter(group)
            .for_each_concurrent(16, async |vm| {
                let name = vm.metadata.name.as_deref().unwrap();
                let change = json!({"spec": {"powerState": state}});
                world.patch_vm(name, change).await;
            })
            .await;
    }
    let done = within(Duration::from_mins(5), async || {
        let all = world.vms().list(&ListParams::default()).await.unwrap().items;
        let done = |vm: &VirtualMachine| {
            let caught_up = vm.status.as_ref().and_then(|s| s.observed_generation) == vm.metadata.generation;
            caught_up && condition(vm, "Ready").is_some_and(|c| c.status == "True")
        };
        all.iter().all(done).then_some(())
    });
    assert!(done.await.is_some(), "all are as declared");
    let sent = world.sim.mutations().since(position);
    assert_eq!(sent.0.len(), CHANGED as usize, "one call a machine");
    let most = world.sim.most_tasks_at_once();
    assert!((2..=budget).contains(&most), "{most} tasks at once");

    // Somebody stops one: that is seen with the next list.
    let name = rests[0].metadata.name.as_deref().unwrap();
    let vmid = world.vmid(name).await;
    let position = world.sim.position();
    world.sim.power_off(vmid).unwrap();
    world
        .wait_guest(vmid, "to be started again", |guest| guest.running)
        .await;
    let requests = world.sim.requests().since(position);
    let started = requests.matching("POST", "/nodes/*/qemu/*/status/start").0[0].seq;
    let before = requests.filter(|request| request.seq < started);
    let lists = before.matching("GET", "/cluster/resources").len();
    assert!(lists <= 3, "seen within an interval, not after {lists} lists");
    let now: Vec<_> = world.sim.guests().into_iter().filter(|g| g.vmid < 9000).collect();
    assert_eq!(now, strangers);
}
