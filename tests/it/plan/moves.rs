//! Moves to another node, and what forbids them.

use pve_sim::{Mark, Matcher, Seed};
use serde_json::json;

use super::{machine, planned};
use crate::support::{World, condition};

const SMALL: &str = "
powerState: Running
memory: {size: 64Mi}
disks: [{name: scsi0, size: 1Gi}]";

#[tokio::test]
async fn move_to_another_node_is_told_or_what_forbids_it() {
    let world = World::builder("plan-moves")
        .seed(|seed| Seed { nodes: 2, ..seed })
        .start()
        .await;
    let second = format!("{}-2", world.name);
    world
        .declare(
            &second,
            json!({"nodeName": "pve2", "allowedNamespaces": {"from": "All"}, "tenancy": {"mode": "Trusted"},
                "poll": {"tasks": "200ms", "resources": "500ms", "sweep": "1h"},
                "defaults": {"storage": "local-lvm", "bridge": "vmbr0"}}),
        )
        .await;
    world
        .wait_for(&world.hosts(), &second, "Ready", "True", "Usable")
        .await;
    let iso = format!("{SMALL}\ncdrom: {{iso: 'local:iso/debian-12.iso'}}");
    world.apply_vm("web", &iso).await;
    world.wait_ready("web").await;

    // Its medium binds it; and what is told is what the condition says then.
    let there = format!("hostRef: {{kind: ProxmoxNode, name: {second}}}\n");
    let bound = machine(&world, "web", &format!("{there}{}", iso.trim()));
    let told = planned(&world, &bound).await;
    assert_eq!(told.code, Some(1), "{told:?}");
    world.apply(&bound).await;
    let vm = world
        .wait_vm("web", "Stalled", "True", "MigrationImpossible")
        .await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("eject"), "{message}");
    assert!(
        told.printed
            .contains(&format!("needs a person (MigrationImpossible): {message}\n")),
        "{told:?}"
    );

    // Without it the move is a change.
    let free = machine(
        &world,
        "web",
        &format!("{there}{}\ncdrom: {{ejected: true}}", SMALL.trim()),
    );
    // As long as it lies in the drive, it binds: it is ejected first.
    world
        .patch_vm(
            "web",
            json!({"spec": {"hostRef": {"name": world.name}, "cdrom": {"iso": null, "ejected": true}}}),
        )
        .await;
    world.wait_ready("web").await;
    let told = planned(&world, &free).await;
    assert!(
        told.code == Some(2)
            && told.printed.contains("hostRef: pve1 -> pve2\n")
            && told.printed.ends_with("\n1 changes\n"),
        "{told:?}"
    );
    let migrate = Matcher::new("POST", "/nodes/*/qemu/*/migrate");
    let hold = world.sim.hold(migrate, Mark::BeforeAct);
    world.apply(&free).await;
    hold.reached().await;
    let told = planned(&world, &free).await;
    assert!(
        told.code == Some(2)
            && told
                .printed
                .contains("is being moved from node pve1 to node pve2\n"),
        "{told:?}"
    );
    hold.release();
    world
        .wait_guest(world.vmid("web").await, "to be moved", |guest| {
            guest.node == "pve2"
        })
        .await;
    world.wait_ready("web").await;

    // Back home by the policy, where home takes it.
    let pinned = machine(
        &world,
        "web",
        &format!("{}\ncdrom: {{ejected: true}}\nnodePolicy: Pin", SMALL.trim()),
    );
    world
        .patch_host(&world.name, json!({"spec": {"maintenance": {"mode": "Cordon"}}}))
        .await;
    world.wait_host("Maintenance", "True", "Cordoned").await;
    let told = planned(&world, &pinned).await;
    world.apply(&pinned).await;
    let vm = world
        .wait_vm("web", "Stalled", "True", "MigrationImpossible")
        .await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        told.code == Some(1) && message.contains("maintenance") && told.printed.contains(message.as_str()),
        "{told:?}"
    );
    world
        .patch_host(&world.name, json!({"spec": {"maintenance": null}}))
        .await;
    world
        .wait_guest(world.vmid("web").await, "to be brought back", |guest| {
            guest.node == "pve1"
        })
        .await;
}

#[tokio::test]
async fn evacuation_of_a_node_is_told() {
    let mut world = World::builder("plan-evacuated")
        .seed(|seed| Seed { nodes: 2, ..seed })
        .start()
        .await;
    let second = format!("{}-2", world.name);
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    world.stop_drover().await;
    world
        .patch_host(
            &world.name,
            json!({"spec": {"maintenance": {"mode": "Evacuate"}}}),
        )
        .await;
    let web = machine(&world, "web", SMALL);
    let alone = planned(&world, &web).await;
    assert!(!alone.printed.contains("as declared"), "{alone:?}");
    assert!(
        alone.code == Some(0) && alone.printed.contains("no other node of the cluster is declared"),
        "{alone:?}"
    );
    world
        .declare(
            &second,
            json!({"nodeName": "pve2", "allowedNamespaces": {"from": "All"}, "tenancy": {"mode": "Trusted"},
                "poll": {"tasks": "200ms", "resources": "500ms", "sweep": "1h"}}),
        )
        .await;
    world.start_drover();
    world
        .wait_for(&world.hosts(), &second, "Ready", "True", "Usable")
        .await;
    world
        .wait_guest(world.vmid("web").await, "to be evacuated", |guest| {
            guest.node == "pve2"
        })
        .await;
    world.wait_ready("web").await;
    world.stop_drover().await;
    world
        .patch_host(&world.name, json!({"spec": {"maintenance": null}}))
        .await;
    let back = planned(&world, &web).await;
    assert!(
        back.code == Some(2)
            && back
                .printed
                .contains("moves to node pve1 because of a maintenance\n"),
        "{back:?}"
    );
    world.start_drover();
    world
        .wait_guest(world.vmid("web").await, "to come back", |guest| {
            guest.node == "pve1"
        })
        .await;
}

#[tokio::test]
async fn host_of_another_cluster_is_told_as_the_condition_tells_it() {
    let world = World::new("plan-elsewhere").await;
    let other = World::builder("plan-far").without_drover().start().await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let spec = json!({"port": other.sim.port(), "tls": {"fingerprint": other.sim.fingerprint()},
        "credentialsRef": {"name": other.name}, "allowedNamespaces": {"from": "All"},
        "tenancy": {"mode": "Trusted"}, "defaults": {"storage": "local-lvm"}});
    let far = format!("{}-far", world.name);
    world.declare(&far, spec).await;
    world
        .wait_for(&world.hosts(), &far, "Ready", "True", "Usable")
        .await;
    let declared = machine(
        &world,
        "web",
        &format!("hostRef: {{kind: ProxmoxNode, name: {far}}}\n{}", SMALL.trim()),
    );
    let told = planned(&world, &declared).await;
    world.apply(&declared).await;
    let vm = world
        .wait_vm("web", "Stalled", "True", "MigrationImpossible")
        .await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        told.code == Some(1)
            && message.contains("another cluster")
            && told.printed.contains(message.as_str()),
        "{told:?}"
    );
}
