//! Somebody writes the resource all the time, so that writes of Drover meet another version than they know.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{BLANK, CLONE, assert_one_guest_each, tasks};
use crate::support::{Contention, World};

/// Writes a machine again and again, as a controller does that is at odds with another.
async fn disturb(world: &World, name: &str) {
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    for round in 0_u64.. {
        pace.tick().await;
        let patch = json!({"metadata": {"annotations": {"example.com/round": round.to_string()}}});
        // It may not be there yet, or no longer.
        let _absent = world.try_patch_vm(name, patch).await;
    }
}

/// A machine's whole life.
async fn live(world: &World, name: &str, spec: &str) {
    world.apply_vm(name, spec).await;
    world.wait_ready(name).await;
    assert_one_guest_each(world, &[name.to_owned()]).await;
    let vmid = world.vmid(name).await;
    world
        .patch_vm(
            name,
            json!({"spec": {"cpu": {"cores": 2}, "powerState": "Stopped"}}),
        )
        .await;
    world
        .wait_guest(vmid, "to be changed and stopped", |guest| {
            !guest.running && guest.config.get("cores").is_some_and(|cores| cores == "2")
        })
        .await;
    world.delete_vm(name).await;
    world.wait_vm_gone(name).await;
    assert_eq!(world.sim.guest(vmid), None);
}

#[tokio::test]
async fn resource_that_is_written_all_the_time_lives_its_life_once() {
    let world = World::new("conflicts").await;
    for (name, spec, making) in [("blank", BLANK, "qmcreate"), ("copy", CLONE, "qmclone")] {
        tokio::select! {
            () = disturb(&world, name) => unreachable!("it has no end"),
            () = live(&world, name, spec) => {}
        }
        assert_eq!(tasks(&world, making), 1);
    }
    assert_eq!((tasks(&world, "qmstart"), tasks(&world, "qmdestroy")), (2, 2));
    assert_eq!(tasks(&world, "qmshutdown") + tasks(&world, "qmstop"), 2);
}

#[tokio::test]
async fn machine_whose_status_is_never_written_at_the_first_try_lives_its_life_once() {
    let contention = Arc::new(Contention::default());
    let world = World::builder("conflict-each")
        .between(contention.clone())
        .start()
        .await;
    for (name, spec, making) in [("blank", BLANK, "qmcreate"), ("copy", CLONE, "qmclone")] {
        let before = contention.conflicts();
        live(&world, name, spec).await;
        assert_eq!(tasks(&world, making), 1);
        let met = contention.conflicts() - before;
        assert!(
            met >= 8,
            "each step of the life of {name} met another write: {met}"
        );
    }
    assert_eq!((tasks(&world, "qmstart"), tasks(&world, "qmdestroy")), (2, 2));
    assert_eq!(tasks(&world, "qmshutdown") + tasks(&world, "qmstop"), 2);
}
