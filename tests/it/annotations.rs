//! What people tell Drover by annotations: to keep its hands off, and to look now.

use serde_json::json;

use crate::{
    create::{BLANK, SMALL},
    support::{World, condition},
};

#[tokio::test]
async fn paused_machine_is_not_touched_and_its_deletion_waits() {
    let world = World::new("paused").await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world
        .patch_vm(
            "web",
            json!({"metadata": {"annotations": {"drover.dev/paused": "true"}}}),
        )
        .await;
    let vm = world.wait_vm("web", "Paused", "True", "Paused").await;
    assert_eq!(
        condition(&vm, "Ready").unwrap().status,
        "True",
        "what was said of it stays"
    );

    let position = world.sim.position();
    world
        .patch_vm("web", json!({"spec": {"memory": {"size": "2Gi"}}}))
        .await;
    world.sim.power_off(vmid).unwrap();
    world.delete_vm("web").await;
    world
        .wait_until("the condition to say that the deletion waits", async || {
            let vm = world.vm("web").await;
            condition(&vm, "Paused")?
                .message
                .contains("deletion waits")
                .then_some(())
        })
        .await;
    let about = world
        .sim
        .requests()
        .since(position)
        .matching("*", &format!("/nodes/*/qemu/{vmid}/**"));
    assert!(about.is_empty(), "{about:?}");
    assert!(world.sim.mutations().since(position).is_empty());
    assert!(world.sim.guest(vmid).is_some());

    world
        .patch_vm(
            "web",
            json!({"metadata": {"annotations": {"drover.dev/paused": null}}}),
        )
        .await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
}

#[tokio::test]
async fn machine_that_is_paused_from_the_start_is_made_when_the_pause_ends() {
    let world = World::new("paused-early").await;
    world
        .apply(
            "
apiVersion: drover.dev/v1alpha1
kind: VirtualMachine
metadata: {name: web, annotations: {drover.dev/paused: 'true'}}
spec:
  hostRef: {kind: ProxmoxNode, name: $HOST}
  memory: {size: 64Mi}
  disks: [{name: scsi0, size: 1Gi}]
",
        )
        .await;
    world.wait_vm("web", "Paused", "True", "Paused").await;
    assert!(world.sim.mutations().is_empty());
    world
        .patch_vm(
            "web",
            json!({"metadata": {"annotations": {"drover.dev/paused": null}}}),
        )
        .await;
    let vm = world.wait_ready("web").await;
    assert!(condition(&vm, "Paused").is_none());
}

#[tokio::test]
async fn asked_for_pass_reads_the_machine_now_and_is_echoed() {
    let world = World::new("reconcile-at").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    // A change that the bulk list does not show; the sweep comes within the hour.
    let net0 = world.sim.guest(vmid).unwrap().config["net0"].replace("vmbr0", "vmbr1");
    world.sim.change_config(vmid, &[("net0", Some(&net0))]).unwrap();
    let position = world.sim.position();
    world
        .patch_vm(
            "web",
            json!({"metadata": {"annotations": {"drover.dev/reconcile-at": "now, please"}}}),
        )
        .await;
    world
        .wait_until("the echo", async || {
            let status = world.vm("web").await.status?;
            (status.last_handled_reconcile_at.as_deref() == Some("now, please")).then_some(())
        })
        .await;
    let reads = world
        .sim
        .requests()
        .since(position)
        .matching("GET", &format!("/nodes/*/qemu/{vmid}/*"));
    assert!(!reads.is_empty());
    world
        .wait_guest(vmid, "its bridge", |guest| {
            guest.config["net0"].contains("bridge=vmbr0")
        })
        .await;
}
