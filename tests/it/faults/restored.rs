//! Machines that people brought back from backups as they were, notes and UUID and all, beside those that took their place.

use std::time::Duration;

use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use pve_sim::{GuestView, SeedGuest};
use serde_json::json;

use super::{STOPPED, assert_one_guest_each, killed_in_a_create, marked, sent_to};
use crate::fields::cloud_init::write_secret;
use crate::support::{World, condition};

/// The guest as it was, under a number.
fn as_it_was(guest: &GuestView, vmid: u32) -> SeedGuest {
    let name = guest.name.clone().unwrap_or_default();
    let (old, new) = (format!(" id={} ", guest.vmid), format!(" id={vmid} "));
    let notes = guest.config["description"].replace(&old, &new);
    assert!(notes.contains(&new), "{notes}");
    SeedGuest::new(vmid, name)
        .set("smbios1", guest.config["smbios1"].clone())
        .set("description", notes)
}

async fn lose_status(world: &World, name: &str) {
    let nothing = Patch::Merge(json!({"status": null}));
    let params = PatchParams::default();
    world.vms().patch_status(name, &params, &nothing).await.unwrap();
}

#[tokio::test]
async fn of_a_lost_machine_that_is_back_and_the_one_made_since_a_lost_status_binds_the_latter() {
    let mut world = World::new("restored").await;
    world.apply_vm("web", STOPPED).await;
    let identity = world.wait_ready("web").await.status.unwrap().identity.unwrap();
    let lost = world.guest("web").await;
    world.sim.destroy(lost.vmid).unwrap();
    world.wait_vm("web", "Ready", "False", "GuestLost").await;
    let recreate = json!({"metadata": {"annotations": {"drover.dev/recreate": identity.uuid.to_string()}}});
    world.patch_vm("web", recreate).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    assert_ne!(vmid, lost.vmid);

    world.kill_drover();
    world.sim.add_guest(as_it_was(&lost, lost.vmid)).unwrap();
    let back = world.sim.guest(lost.vmid);
    lose_status(&world, "web").await;
    world.start_drover();
    world.wait_ready("web").await;
    assert_eq!(world.vmid("web").await, vmid);
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!((world.sim.guest(vmid), world.sim.guest(lost.vmid)), (None, back));
}

#[tokio::test]
async fn of_two_machines_of_a_predecessor_none_is_taken_until_a_person_says_which() {
    let mut world = World::new("restored-two").await;
    world.apply_vm("web", STOPPED).await;
    world.wait_ready("web").await;
    let first = world.guest("web").await;
    world.kill_drover();
    let none = Patch::Merge(json!({"metadata": {"finalizers": []}}));
    let params = PatchParams::default();
    world.vms().patch("web", &params, &none).await.unwrap();
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    let second = first.vmid + 7;
    world.sim.add_guest(as_it_was(&first, second)).unwrap();
    let position = world.sim.position();
    world.apply_vm("web", STOPPED).await;
    world.start_drover();
    let vm = world.wait_vm("web", "Stalled", "True", "MarkedByOther").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    for part in [
        format!("machine {} was made", first.vmid),
        format!("So were {second}"),
    ] {
        assert!(message.contains(&part), "{part} in {message}");
    }
    world.passes("web", 2).await;
    assert!(vm.finalizers().is_empty() && world.sim.mutations().since(position).is_empty());

    world
        .sim
        .change_config(first.vmid, &[("description", None), ("name", Some("old-web"))])
        .unwrap();
    world.wait_ready("web").await;
    assert_eq!(world.vmid("web").await, second);
}

#[tokio::test]
async fn lost_machine_is_not_made_again_while_a_create_of_it_may_still_arrive() {
    let mut world = World::builder("recreate-late")
        .settings(|settings| settings.timing.create_settle = Duration::from_secs(8))
        .start()
        .await;
    let recreated = STOPPED.replacen('{', "{whenLost: Recreate, ", 1);
    let held = killed_in_a_create(&mut world, &recreated).await;
    world.start_drover();
    // The next process makes it, while the first call is still on its way; then somebody destroys it.
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.sim.destroy(vmid).unwrap();
    let vm = world.wait_vm("web", "Ready", "Unknown", "PresenceUnknown").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("may still make it"), "{message}");
    held.release();
    world.wait_ready("web").await;
    assert_eq!((world.vmid("web").await, marked(&world).len()), (vmid, 1));
    assert_one_guest_each(&world, &["web".to_owned()]).await;
}

#[tokio::test]
async fn lost_copy_is_made_again_as_a_new_one_where_the_host_takes_machines_and_with_its_own_password() {
    let world = World::new("recreate-copy").await;
    // Its copies get the template's password.
    let theirs = [("cipassword", Some("$5$theirs"))];
    world.sim.change_config(9000, &theirs).unwrap();
    write_secret(&world, "login", "password", "our-words").await;
    let spec = "{powerState: Stopped, whenLost: Recreate, source: {clone: {vmid: 9000}}, \
                cloudInit: {passwordRef: {name: login}}}";
    world.apply_vm("web", spec).await;
    world.wait_ready("web").await;
    let lost = world.vmid("web").await;
    let maintenance = |mode: &str| json!({"spec": {"maintenance": {"mode": mode}}});
    world.patch_host(&world.name, maintenance("Cordon")).await;
    world.wait_host("Maintenance", "True", "Cordoned").await;
    let position = world.sim.position();
    world.sim.destroy(lost).unwrap();
    world.wait_vm("web", "Ready", "False", "Cordoned").await;
    world.passes("web", 2).await;
    assert!(world.sim.mutations().since(position).is_empty());

    world.patch_host(&world.name, maintenance("None")).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    assert!(vmid > lost);
    let sent = sent_to(&world, vmid, position);
    let told = sent
        .iter()
        .filter(|request| request.param("cipassword").is_some());
    assert_eq!(told.count(), 1, "{sent:?}");
}
