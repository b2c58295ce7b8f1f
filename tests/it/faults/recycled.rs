//! Numbers whose guest is another one than it was, or none, or no longer what it was.

use drover::api::VirtualMachine;
use serde_json::json;

use super::{BLANK, STOPPED, marked, sent_to};
use crate::support::World;

/// A machine that is Ready, and its number.
async fn made(world: &World, spec: &str) -> (VirtualMachine, u32) {
    world.apply_vm("web", spec).await;
    let vm = world.wait_ready("web").await;
    let vmid = vm.status.as_ref().and_then(|s| s.vmid).unwrap();
    (vm, vmid)
}

fn identity(vm: &VirtualMachine) -> String {
    let status = vm.status.as_ref().unwrap();
    status.identity.as_ref().unwrap().uuid.to_string()
}

#[tokio::test]
async fn recycled_number_of_a_deleted_machine_gets_nothing() {
    for spec in [STOPPED, BLANK] {
        let world = World::new("recycled").await;
        let (_, vmid) = made(&world, spec).await;
        let position = world.sim.position();
        world.sim.recycle(vmid).unwrap();
        let stranger = world.sim.guest(vmid);
        world.delete_vm("web").await;
        world.wait_vm_gone("web").await;
        assert_eq!(world.sim.guest(vmid), stranger);
        assert!(sent_to(&world, vmid, position).is_empty());
    }
}

#[tokio::test]
async fn recycled_number_is_found_by_a_drover_that_was_down() {
    let mut world = World::new("recycled-down").await;
    let (_, vmid) = made(&world, BLANK).await;
    world.kill_drover();
    let position = world.sim.position();
    world.sim.recycle(vmid).unwrap();
    world.sim.power_on(vmid).unwrap();
    let stranger = world.sim.guest(vmid);
    world.delete_vm("web").await;
    world.start_drover();
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), stranger);
    assert!(sent_to(&world, vmid, position).is_empty());
}

#[tokio::test]
async fn wanted_machine_whose_number_was_recycled_is_lost_and_nothing_is_sent() {
    let world = World::new("recycled-wanted").await;
    let (_, vmid) = made(&world, BLANK).await;
    let position = world.sim.position();
    world.sim.recycle(vmid).unwrap();
    let vm = world.wait_vm("web", "Ready", "False", "GuestLost").await;
    // Neither a change of the declaration nor further passes lead to the stranger.
    world
        .patch_vm("web", json!({"spec": {"memory": {"size": "1Gi"}}}))
        .await;
    world.wait_vm("web", "Ready", "False", "GuestLost").await;
    world.passes("web", 3).await;
    assert!(world.sim.mutations().since(position).is_empty());
    let note = crate::support::condition(&vm, "Ready").unwrap().message.clone();
    assert!(
        note.contains(&format!("drover.dev/recreate={}", identity(&vm))),
        "{note}"
    );
}

#[tokio::test]
async fn copied_mark_on_a_recycled_number_is_no_mark() {
    let world = World::new("copied-mark").await;
    let (_, vmid) = made(&world, STOPPED).await;
    let description = world.sim.guest(vmid).unwrap().config["description"].clone();
    let position = world.sim.position();
    world.sim.recycle(vmid).unwrap();
    world
        .sim
        .change_config(
            vmid,
            &[("description", Some(&description)), ("name", Some("web"))],
        )
        .unwrap();
    let stranger = world.sim.guest(vmid);
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), stranger);
    assert!(sent_to(&world, vmid, position).is_empty());
}

#[tokio::test]
async fn copy_made_by_hand_is_left_alone_when_the_machine_goes() {
    let world = World::new("hand-copy").await;
    let (_, vmid) = made(&world, STOPPED).await;
    world.sim.copy(vmid, 777, "web-copy").unwrap();
    let copy = world.sim.guest(777);
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert!(world.sim.guest(vmid).is_none());
    assert_eq!(world.sim.guest(777), copy);
}

#[tokio::test]
async fn changed_identity_under_the_mark_holds_even_a_deletion() {
    let world = World::new("identity").await;
    let (vm, vmid) = made(&world, STOPPED).await;
    let (own, other) = (identity(&vm), "11111111-2222-4333-8444-555555555555");
    let before = world.sim.guest(vmid).unwrap();
    let position = world.sim.position();
    let description = before.config["description"].replace(&own, other);
    let smbios = format!("uuid={other}");
    let changes = [
        ("smbios1", Some(smbios.as_str())),
        ("description", Some(description.as_str())),
    ];
    world.sim.change_config(vmid, &changes).unwrap();
    // The list shows nothing of it: a change of the declaration makes Drover look.
    world
        .patch_vm("web", json!({"spec": {"memory": {"size": "1Gi"}}}))
        .await;
    world.wait_vm("web", "Ready", "False", "IdentityChanged").await;
    world.delete_vm("web").await;
    let held = world.wait_vm("web", "Deleting", "True", "IdentityChanged").await;
    assert!(held.metadata.finalizers.is_some_and(|f| !f.is_empty()));
    assert!(world.sim.mutations().since(position).is_empty());

    let smbios = format!("uuid={own}");
    let back = [
        ("smbios1", Some(smbios.as_str())),
        ("description", Some(before.config["description"].as_str())),
    ];
    world.sim.change_config(vmid, &back).unwrap();
    world.wait_vm_gone("web").await;
    assert!(world.sim.guest(vmid).is_none());
}

#[tokio::test]
async fn mark_that_somebody_cleared_is_written_again() {
    let world = World::new("mark-cleared").await;
    let (_, vmid) = made(&world, STOPPED).await;
    let description = world.sim.guest(vmid).unwrap().config["description"].clone();
    world
        .sim
        .change_config(vmid, &[("description", Some("ours now"))])
        .unwrap();
    world
        .patch_vm("web", json!({"spec": {"memory": {"size": "1Gi"}}}))
        .await;
    world.wait_ready("web").await;
    let guest = world.sim.guest(vmid).unwrap();
    assert_eq!(guest.config["memory"], "1024");
    assert_eq!(guest.config["description"], format!("ours now\n{description}"));
    world.wait_event("web", "Remarked", "").await;
}

#[tokio::test]
async fn guest_that_was_made_a_template_is_neither_started_nor_destroyed() {
    let world = World::new("template").await;
    let (_, vmid) = made(&world, STOPPED).await;
    let position = world.sim.position();
    world.sim.change_config(vmid, &[("template", Some("1"))]).unwrap();
    world
        .patch_vm("web", json!({"spec": {"powerState": "Running"}}))
        .await;
    world.wait_vm("web", "Ready", "False", "IsTemplate").await;
    world.delete_vm("web").await;
    world.wait_vm("web", "Deleting", "True", "IsTemplate").await;
    assert!(world.sim.mutations().since(position).is_empty());

    world.sim.change_config(vmid, &[("template", None)]).unwrap();
    world.wait_vm_gone("web").await;
    assert!(world.sim.guest(vmid).is_none());
}

#[tokio::test]
async fn lost_guest_is_made_again_when_its_identity_is_named() {
    let world = World::new("lost").await;
    let (vm, vmid) = made(&world, BLANK).await;
    let position = world.sim.position();
    world.sim.destroy(vmid).unwrap();
    world.wait_vm("web", "Ready", "False", "GuestLost").await;
    let annotate = |identity: &str| json!({"metadata": {"annotations": {"drover.dev/recreate": identity}}});
    world
        .patch_vm("web", annotate("11111111-2222-4333-8444-555555555555"))
        .await;
    world.passes("web", 2).await;
    world.wait_vm("web", "Ready", "False", "GuestLost").await;
    assert!(world.sim.mutations().since(position).is_empty());

    world.patch_vm("web", annotate(&identity(&vm))).await;
    let again = world.wait_ready("web").await;
    let new = again.status.as_ref().and_then(|s| s.vmid).unwrap();
    assert!(new > vmid, "{new} is a new number");
    assert_ne!(identity(&again), identity(&vm));
    assert!(sent_to(&world, vmid, position).is_empty());
    assert_eq!(marked(&world).len(), 1);

    // The annotation named the first loss, not the next.
    world.sim.destroy(new).unwrap();
    world.wait_vm("web", "Ready", "False", "GuestLost").await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
}

#[tokio::test]
async fn lost_guest_is_made_again_by_itself_where_that_was_chosen() {
    let world = World::new("lost-recreate").await;
    let spec = BLANK.replacen('{', "{whenLost: Recreate, ", 1);
    let (_, vmid) = made(&world, &spec).await;
    world.sim.destroy(vmid).unwrap();
    world
        .wait_until("another guest", async || {
            marked(&world).into_iter().find(|guest| guest.vmid != vmid)
        })
        .await;
    let vm = world.wait_ready("web").await;
    assert_ne!(vm.status.and_then(|s| s.vmid), Some(vmid));
    assert_eq!(marked(&world).len(), 1);
}
