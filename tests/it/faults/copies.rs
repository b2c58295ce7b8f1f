//! Many copies at once, while the API server fails at writing what Drover has begun.

use std::sync::Arc;
use std::time::Duration;

use drover::api::VirtualMachine;
use futures::StreamExt;
use kube::api::ListParams;
use pve_sim::{Mark, Matcher};
use serde_json::json;

use super::{CLONE, assert_one_guest_each, tasks};
use crate::support::{Refusals, World, condition, within};

const MACHINES: usize = 50;

#[tokio::test]
async fn fifty_copies_are_made_once_each_while_statuses_fail_and_drover_is_killed() {
    let refusals = Arc::new(Refusals::default());
    // A copy takes some 17 s, scaled.
    let mut world = World::builder("fifty-copies")
        .between(refusals.clone())
        .host(json!({"budget": {"tasks": 64, "tasksPerStorage": 64, "clonesPerSource": 64}}))
        .start()
        .await;
    // The twentieth has been begun when Drover is killed, and nobody was told.
    let call = Matcher::new("POST", "/nodes/*/qemu/9000/clone");
    let held = world.sim.hold_after(call, Mark::AfterAct, 19);
    let names: Vec<String> = (1..=MACHINES).map(|number| format!("copy-{number}")).collect();
    futures::stream::iter(&names)
        .for_each_concurrent(16, async |name| world.apply_vm(name, CLONE).await)
        .await;
    let running = || {
        let tasks = world.sim.tasks();
        tasks
            .iter()
            .filter(|t| t.kind == "qmclone" && t.exit.is_none())
            .count()
    };
    world
        .wait_until("the twentieth copy, and others beside it", async || {
            (held.is_reached() && running() > 1).then_some(())
        })
        .await;
    world.kill_drover();
    drop(held);
    world.start_drover();

    let ready = within(Duration::from_mins(3), async || {
        let all = world.vms().list(&ListParams::default()).await.unwrap().items;
        let ready = |vm: &VirtualMachine| condition(vm, "Ready").is_some_and(|c| c.status == "True");
        all.iter().all(ready).then_some(())
    });
    if ready.await.is_none() {
        for name in &names {
            world.wait_ready(name).await;
        }
    }
    assert_one_guest_each(&world, &names).await;
    assert!(
        world
            .sim
            .guests()
            .iter()
            .all(|guest| guest.template || guest.running)
    );
    for (kind, method, path) in [
        ("qmclone", "POST", "/nodes/*/qemu/9000/clone"),
        ("qmstart", "POST", "/nodes/*/qemu/*/status/start"),
    ] {
        assert_eq!(tasks(&world, kind), MACHINES, "{kind}");
        assert_eq!(world.sent(method, path).len(), MACHINES, "{path}");
    }
    // Sealed once each, and nothing else was sent.
    assert_eq!(world.sent("PUT", "/nodes/*/qemu/*/config").len(), MACHINES);
    assert_eq!(world.sim.mutations().len(), 3 * MACHINES);
    let failed = refusals.failed();
    assert!(failed.iter().all(|count| *count >= 10), "{failed:?}");
}
