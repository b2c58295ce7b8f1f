//! Looking on at machines that are somebody else's.

use serde_json::json;

use crate::support::{World, condition};

fn sees(more: &str) -> String {
    format!("{{vmid: 101, managementPolicy: Observe{more}}}")
}

async fn world(test: &str) -> World {
    World::builder(test)
        .seed(|seed| seed.with_foreign_vms(3))
        .host(json!({"poll": {"sweep": "2s"}}))
        .start()
        .await
}

#[tokio::test]
async fn machine_is_looked_at_and_never_changed() {
    let world = world("observe").await;
    let before = world.sim.guest(101).unwrap();
    world.apply_vm("seen", &sees("")).await;
    let vm = world.wait_vm("seen", "Ready", "True", "Observed").await;
    assert!(
        vm.metadata.finalizers.is_none(),
        "it goes at once when it is deleted"
    );
    let status = vm.status.unwrap();
    assert_eq!((status.vmid, status.identity), (None, None));
    assert_eq!(status.node.as_deref(), Some("pve1"));
    assert!(
        status
            .observed
            .is_some_and(|o| !o.disks.is_empty() && o.disks.iter().all(|d| !d.managed))
    );
    // Its power and its shape are followed.
    world.sim.power_on(101).unwrap();
    world
        .wait_until("its power to be seen", async || {
            let power = world.vm("seen").await.status?.power_state?;
            (power == drover::api::ObservedPower::Running).then_some(())
        })
        .await;
    world.sim.change_config(101, &[("tags", Some("prod"))]).unwrap();
    world
        .patch_vm(
            "seen",
            json!({"spec": {"tags": ["dev"], "powerState": "Stopped"}}),
        )
        .await;
    world
        .wait_until("all differences to be told", async || {
            let vm = world.vm("seen").await;
            let ready = condition(&vm, "Ready")?;
            let tags = ready.message.contains("tags is prod instead of dev");
            (ready.reason == "DriftReported" && tags && ready.message.contains("powerState")).then_some(())
        })
        .await;
    world.delete_vm("seen").await;
    world.wait_vm_gone("seen").await;
    let after = world.sim.guest(101).unwrap();
    assert_eq!(after.config.get("description"), before.config.get("description"));
    assert!(world.sim.mutations().since(0).is_empty());
}

#[tokio::test]
async fn machine_that_is_not_there_is_told_and_seen_when_it_comes() {
    let world = world("observe-missing").await;
    world
        .apply_vm("seen", "{vmid: 555, managementPolicy: Observe}")
        .await;
    world.wait_vm("seen", "Stalled", "True", "NothingToObserve").await;
    world.sim.add_guest(pve_sim::SeedGuest::new(555, "late")).unwrap();
    world.wait_vm("seen", "Ready", "True", "Observed").await;
    world.sim.destroy(555).unwrap();
    world.wait_vm("seen", "Stalled", "True", "NothingToObserve").await;
    let refused = world
        .try_apply_vm("bad", "{managementPolicy: Observe}")
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("needs"), "{refused}");
}

#[tokio::test]
async fn observed_machine_becomes_the_resources_own_by_adoption_alone() {
    let world = world("observe-adopt").await;
    world.apply_vm("seen", &sees("")).await;
    world.wait_vm("seen", "Ready", "True", "Observed").await;
    world
        .patch_vm("seen", json!({"spec": {"managementPolicy": "Full"}}))
        .await;
    world.wait_vm("seen", "Stalled", "True", "VmidTaken").await;
    assert!(world.sim.mutations().since(0).is_empty());
    world
        .patch_vm(
            "seen",
            json!({"metadata": {"annotations": {"drover.dev/adopt": "true"}}}),
        )
        .await;
    world.wait_ready("seen").await;
    assert!(world.sim.guest(101).unwrap().config["description"].contains("origin=adopted"));
    // And back: it is only looked at from then on, and stays when the resource goes.
    world
        .patch_vm(
            "seen",
            json!({"spec": {"managementPolicy": "Observe", "powerState": "Running"}}),
        )
        .await;
    world.wait_vm("seen", "Ready", "False", "DriftReported").await;
    assert!(!world.sim.guest(101).unwrap().running);
    world.delete_vm("seen").await;
    world.wait_vm_gone("seen").await;
    let description = world.sim.guest(101).unwrap().config["description"].clone();
    assert!(description.contains("released"), "{description}");
}

#[tokio::test]
async fn machines_of_others_are_out_of_sight_unless_the_host_says_otherwise() {
    let world = World::builder("observe-tenancy")
        .seed(|seed| seed.with_foreign_vms(3))
        .host(json!({"tenancy": {"mode": "Restricted"}}))
        .start()
        .await;
    world.apply_vm("seen", &sees("")).await;
    let vm = world
        .wait_vm("seen", "Stalled", "True", "NotAllowedByTenancy")
        .await;
    assert!(vm.status.unwrap().observed.is_none());
}
