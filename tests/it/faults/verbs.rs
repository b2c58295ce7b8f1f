//! The list of guests lags behind what was done: every verb is sent once a transition.

use std::time::Duration;

use pve_sim::Timing;
use serde_json::json;

use super::{BLANK, tasks};
use crate::support::World;

#[tokio::test]
async fn each_verb_is_sent_once_while_the_list_lags_by_ten_seconds() {
    let world = World::builder("lag")
        .seed(|seed| {
            seed.with_timing(Timing {
                resources_refresh: Duration::from_secs(200),
                ..Timing::scaled(20.0)
            })
        })
        .settings(|settings| settings.timing.list_lag = Duration::from_secs(13))
        .start()
        .await;
    assert_eq!(
        world.sim.timing().real(world.sim.timing().resources_refresh),
        Duration::from_secs(10)
    );
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    for state in ["Stopped", "Running"] {
        world
            .patch_vm("web", json!({"spec": {"powerState": state}}))
            .await;
        world.wait_ready("web").await;
        world.passes("web", 3).await;
        assert_eq!(world.sim.guest(vmid).unwrap().running, state == "Running");
    }
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert!(world.sim.guest(vmid).is_none());
    let sent: Vec<(&str, usize)> = [
        ("POST", "/nodes/*/qemu"),
        ("POST", "/nodes/*/qemu/*/status/start"),
        ("POST", "/nodes/*/qemu/*/status/shutdown"),
        ("POST", "/nodes/*/qemu/*/status/stop"),
        ("DELETE", "/nodes/*/qemu/*"),
    ]
    .map(|(method, path)| (path, world.sent(method, path).len()))
    .to_vec();
    assert_eq!(
        sent.iter().map(|(_, count)| *count).collect::<Vec<_>>(),
        [1, 2, 1, 1, 1],
        "{sent:?}"
    );
}

#[tokio::test]
async fn stop_that_takes_long_is_one_stop_and_one_destroy() {
    let world = World::builder("long-stop")
        .seed(|seed| {
            seed.with_timing(Timing {
                stop: Duration::from_secs(100),
                destroy: Duration::from_mins(1),
                ..Timing::scaled(20.0)
            })
        })
        .start()
        .await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.delete_vm("web").await;
    world.wait_vm("web", "Deleting", "True", "Stopping").await;
    world.passes("web", 5).await;
    world.wait_vm("web", "Deleting", "True", "Destroying").await;
    world.wait_vm_gone("web").await;
    assert!(world.sim.guest(vmid).is_none());
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/stop").len(), 1);
    assert_eq!(world.sent("DELETE", "/nodes/*/qemu/*").len(), 1);
    assert_eq!((tasks(&world, "qmstop"), tasks(&world, "qmdestroy")), (1, 1));
}

#[tokio::test]
async fn guest_that_ignores_the_shutdown_is_powered_off_once() {
    let world = World::new("ignores").await;
    let spec = BLANK.replacen('{', "{shutdown: {grace: 20s}, ", 1);
    world.apply_vm("web", &spec).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.sim.set_shutdown(vmid, pve_sim::Shutdown::Ignores).unwrap();
    world
        .patch_vm("web", json!({"spec": {"powerState": "Stopped"}}))
        .await;
    world.wait_ready("web").await;
    assert!(!world.sim.guest(vmid).unwrap().running);
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/shutdown").len(), 1);
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/stop").len(), 0);
}
