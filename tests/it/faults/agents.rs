//! Machines whose agent is enabled, with no agent inside, and one whose agent hangs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use drover::api::VirtualMachine;
use futures::StreamExt;
use kube::ResourceExt;
use kube::api::ListParams;
use pve_sim::{Fault, Matcher, Timing};
use serde_json::json;

use super::population::populate;
use crate::support::{World, condition};

const GUESTS: u32 = 200;
const SPEC: &str = "{powerState: Running, memory: {size: 16Mi}, agent: {enabled: true}, \
                    disks: [{name: scsi0, size: 1Gi}]}";
/// In which every machine is asked once in its turn.
const SWEEP: Duration = Duration::from_secs(36);

#[tokio::test]
async fn two_hundred_machines_without_an_agent_and_one_that_hangs_hold_up_nobody() {
    let silent = Timing {
        agent_boot: Duration::from_hours(1),
        ..Timing::instant()
    };
    let mut world = World::builder("no-agents")
        .seed(|seed| seed.with_timing(silent))
        .host(json!({"timeout": "2m", "budget": {"tasks": 32, "tasksPerStorage": 32}, "poll": {"sweep": format!("{}s", SWEEP.as_secs())}}))
        .start()
        .await;
    populate(&mut world, GUESTS, &["pve1"], &[("first", SPEC)]).await;
    for guest in world.sim.guests().iter().filter(|guest| !guest.template) {
        world.sim.set_agent(guest.vmid, false).unwrap();
    }
    world.sim.set_timing(Timing::instant());
    let began = Instant::now();
    let position = world.sim.position();
    let agent = "/nodes/*/qemu/*/agent/*";
    let first = world.vmid("first").await;
    let hangs = Matcher::new("GET", format!("/nodes/*/qemu/{first}/agent/*"));
    world.sim.fault(Fault::delay(hangs, Duration::from_mins(1)));
    world.start_drover();
    world
        .wait_until("the agent that hangs to be asked", async || {
            (world.sim.faults()[0].2 > 0).then_some(())
        })
        .await;

    // All are changed meanwhile, and another one is made, which has an agent inside.
    let names: Vec<String> = machines(&world).await.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names.len(), GUESTS as usize);
    let change = json!({"spec": {"description": "known to have no agent"}});
    futures::stream::iter(&names)
        .for_each_concurrent(16, async |name| drop(world.patch_vm(name, change.clone()).await))
        .await;
    world.apply_vm("late", SPEC).await;
    world
        .wait_until("all of them to be as declared", async || {
            machines(&world).await.iter().all(is_ready).then_some(())
        })
        .await;
    world
        .wait_until("the address of the one that has an agent", async || {
            let status = world.vm("late").await.status?;
            (!status.addresses.is_empty() && status.agent?.connected).then_some(())
        })
        .await;
    world.wait_ready("late").await;

    // The others are asked again, and not for ever.
    let late = world.vmid("late").await;
    let asked = || {
        let mut asked = BTreeMap::<u32, usize>::new();
        for request in &world.sim.requests().since(position).matching("GET", agent) {
            let number = request.path.split('/').nth(4).unwrap().parse().unwrap();
            *asked.entry(number).or_default() += 1;
        }
        asked.remove(&late);
        asked
    };
    world
        .wait_until("all to be asked again, the one that hangs too", async || {
            let again = asked().values().filter(|count| **count > 1).count();
            (again == GUESTS as usize).then_some(())
        })
        .await;
    let most = allowed(began.elapsed());
    let asked = asked();
    assert_eq!(asked.len(), GUESTS as usize);
    assert!(asked.values().all(|count| *count <= most), "{most}: {asked:?}");
    for vm in machines(&world).await {
        let name = vm.name_any();
        assert!(is_ready(&vm), "{vm:?}");
        let status = vm.status.unwrap();
        let agent = status.agent.is_some_and(|agent| agent.connected);
        assert_eq!(
            (!status.addresses.is_empty(), agent),
            (name == "late", name == "late"),
            "{name}"
        );
    }
    assert!(
        world
            .sim
            .guests()
            .iter()
            .all(|guest| guest.template || guest.running)
    );
}

async fn machines(world: &World) -> Vec<VirtualMachine> {
    world.vms().list(&ListParams::default()).await.unwrap().items
}

fn is_ready(vm: &VirtualMachine) -> bool {
    condition(vm, "Ready")
        .is_some_and(|c| c.status == "True" && c.observed_generation == vm.metadata.generation)
}

/// How often one agent may be asked in a while: at once, then after 4, 8, 16, 32 s and then each minute, and once in a sweep.
fn allowed(elapsed: Duration) -> usize {
    let mut due = Duration::ZERO;
    let mut waits = [4, 8, 16, 32]
        .into_iter()
        .chain(std::iter::repeat(60))
        .map(Duration::from_secs);
    let mut count = 1 + usize::try_from(elapsed.as_secs() / SWEEP.as_secs()).unwrap();
    while due <= elapsed {
        count += 1;
        due += waits.next().unwrap();
    }
    count
}
