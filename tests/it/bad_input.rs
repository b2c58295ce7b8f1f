//! What the API server can't know: storages, ISOs, sources, numbers. Each has a reason of its own and a
//! message that says what to do; nothing is made, nothing is lost, and it heals by itself once mended.

use kube::ResourceExt;
use pve_sim::{Fault, Matcher, Rights, SeedGuest};
use serde_json::json;

use crate::{
    create::SMALL,
    support::{World, condition},
};

/// Waits until a machine is stalled for a reason, with nothing made for it, and returns the message.
async fn stalled(world: &World, name: &str, reason: &str) -> String {
    let vm = world.wait_vm(name, "Stalled", "True", reason).await;
    assert!(vm.finalizers().is_empty(), "it goes at once when it is deleted");
    assert!(vm.status.as_ref().unwrap().vmid.is_none());
    assert!(world.sim.mutations().is_empty(), "{:?}", world.sim.mutations());
    condition(&vm, "Ready").unwrap().message.clone()
}

#[tokio::test]
async fn missing_iso_is_told_and_taken_up_when_it_is_there() {
    let world = World::new("iso").await;
    world
        .apply_vm("web", &format!("{SMALL}\ncdrom: {{iso: 'local:iso/other.iso'}}"))
        .await;
    let message = stalled(&world, "web", "IsoNotFound").await;
    assert!(message.contains("local:iso/other.iso"), "{message}");
    world.sim.add_iso("pve1", "other.iso").unwrap();
    world.wait_ready("web").await;
    assert!(world.guest("web").await.config["ide2"].contains("other.iso"));
}

#[tokio::test]
async fn unknown_storage_is_told_with_those_that_are_there() {
    let world = World::new("storage").await;
    world
        .apply_vm(
            "web",
            "{memory: {size: 64Mi}, disks: [{name: scsi0, size: 1Gi, storage: nowhere}]}",
        )
        .await;
    let message = stalled(&world, "web", "StorageNotFound").await;
    assert!(
        message.contains("nowhere") && message.contains("local-lvm"),
        "{message}"
    );
    world
        .apply_vm("iso", &format!("{SMALL}\ncdrom: {{iso: 'nowhere:iso/x.iso'}}"))
        .await;
    stalled(&world, "iso", "StorageNotFound").await;
    // Storage can't be changed, so the mended machine is another resource of the same name.
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
}

#[tokio::test]
async fn missing_and_ambiguous_sources_are_told_and_heal() {
    let world = World::builder("source")
        .seed(|s| {
            s.with_guest(SeedGuest::new(301, "twin"))
                .with_guest(SeedGuest::new(302, "twin"))
        })
        .start()
        .await;
    world.apply_vm("missing", "source: {clone: {vmid: 8000}}").await;
    let message = stalled(&world, "missing", "SourceNotFound").await;
    assert!(message.contains("8000"), "{message}");
    world.apply_vm("ambiguous", "source: {clone: {name: twin}}").await;
    let message = stalled(&world, "ambiguous", "SourceAmbiguous").await;
    assert!(message.contains("301") && message.contains("302"), "{message}");

    world.sim.add_guest(SeedGuest::new(8000, "late")).unwrap();
    world.sim.rename(302, "other").unwrap();
    for name in ["missing", "ambiguous"] {
        world.wait_ready(name).await;
    }
    assert_eq!(world.sent("POST", "/nodes/*/qemu/8000/clone").len(), 1);
    assert_eq!(world.sent("POST", "/nodes/*/qemu/301/clone").len(), 1);
}

#[tokio::test]
async fn pinned_number_that_somebody_has_is_told_and_heals() {
    let world = World::builder("vmid")
        .seed(|s| s.with_guest(SeedGuest::new(150, "database")))
        .start()
        .await;
    let before = world.sim.guest(150);
    world.apply_vm("web", &format!("{SMALL}\nvmid: 150")).await;
    let message = stalled(&world, "web", "VmidTaken").await;
    assert!(
        message.contains("150") && message.contains("database"),
        "{message}"
    );
    assert_eq!(world.sim.guest(150), before);
    world.sim.destroy(150).unwrap();
    world.wait_ready("web").await;
    assert_eq!(world.vmid("web").await, 150);
}

#[tokio::test]
async fn copy_of_a_larger_disk_is_told_not_to_shrink() {
    let world = World::new("shrink").await;
    world
        .apply_vm(
            "web",
            "{source: {clone: {vmid: 9000}}, disks: [{name: scsi0, size: 4Gi}]}",
        )
        .await;
    let message = stalled(&world, "web", "DiskWouldShrink").await;
    assert!(message.contains("8Gi") && message.contains("4Gi"), "{message}");
    world
        .patch_vm(
            "web",
            json!({"spec": {"disks": [{"name": "scsi0", "size": "8Gi"}]}}),
        )
        .await;
    world.wait_ready("web").await;
}

#[tokio::test]
async fn name_that_a_stranger_has_is_told_and_heals() {
    let world = World::builder("name-heals")
        .seed(|s| s.with_guest(SeedGuest::new(150, "web")))
        .start()
        .await;
    world.apply_vm("web", SMALL).await;
    let message = stalled(&world, "web", "NameTaken").await;
    assert!(message.contains("spec.name"), "{message}");
    world.sim.rename(150, "old-web").unwrap();
    world.wait_ready("web").await;
    assert_eq!(world.guest("web").await.name.as_deref(), Some("web"));
}

#[tokio::test]
async fn number_that_somebody_takes_between_reservation_and_call_is_given_up() {
    let world = World::new("race").await;
    let held = world
        .sim
        .hold(Matcher::new("POST", "/nodes/*/qemu"), pve_sim::Mark::BeforeAct);
    world.apply_vm("web", SMALL).await;
    held.reached().await;
    let reserved = world.vmid("web").await;
    world.sim.add_guest(SeedGuest::new(reserved, "faster")).unwrap();
    let stranger = world.sim.guest(reserved);
    held.release();
    world.wait_ready("web").await;
    assert_ne!(world.vmid("web").await, reserved);
    assert_eq!(world.sim.guest(reserved), stranger);
    assert_eq!(
        world
            .sim
            .guests()
            .iter()
            .filter(|g| g.name.as_deref() == Some("web"))
            .count(),
        1
    );
    let events = world.events("web").await;
    assert!(
        events.iter().any(|(_, reason, _)| reason == "VmidGivenUp"),
        "{events:?}"
    );
}

#[tokio::test]
async fn missing_privilege_is_named_and_the_machine_is_made_once_it_is_granted() {
    let world = World::new("privilege").await;
    world.wait_host("Ready", "True", "Usable").await;
    let audit = ["VM.Audit", "Datastore.Audit", "Sys.Audit"];
    world
        .sim
        .set_rights(world.sim.token_id(), Some(vec![Rights::new("/", &audit)]))
        .unwrap();
    world.apply_vm("web", SMALL).await;
    let vm = world.wait_vm("web", "Stalled", "True", "PermissionDenied").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("VM.Allocate"), "{message}");
    assert_eq!(world.sim.guests().len(), 1);
    world.sim.set_rights(world.sim.token_id(), None).unwrap();
    world.wait_ready("web").await;
    assert_eq!(world.sim.guests().len(), 2);
}

#[tokio::test]
async fn task_that_fails_is_told_and_tried_again() {
    let world = World::new("task-fails").await;
    world
        .sim
        .fault(Fault::task_error("qmcreate", "unable to create image: no space left").times(2));
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let events = world.events("web").await;
    let told = events.iter().any(|(type_, reason, note)| {
        type_ == "Warning" && reason == "TaskFailed" && note.contains("no space left")
    });
    assert!(told, "{events:?}");
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 3);
    assert_eq!(world.sim.guests().iter().filter(|g| !g.template).count(), 1);
}

#[tokio::test]
async fn task_that_ends_with_warnings_is_a_success() {
    let world = World::new("warnings").await;
    world
        .sim
        .fault(Fault::task_error("qmclone", "WARNINGS: 1").times(1));
    world.apply_vm("web", "source: {clone: {vmid: 9000}}").await;
    world.wait_ready("web").await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/clone").len(), 1);
    let events = world.events("web").await;
    let told = events
        .iter()
        .any(|(_, reason, note)| reason == "Cloned" && note.contains("1 warning"));
    assert!(told, "{events:?}");
}

#[tokio::test]
async fn answer_that_is_lost_makes_no_second_guest() {
    let world = World::new("answer-lost").await;
    world
        .sim
        .fault(Fault::lost_answer(Matcher::new("POST", "/nodes/*/qemu")).times(1));
    world
        .sim
        .fault(Fault::lost_answer(Matcher::new("POST", "/nodes/*/qemu/*/clone")).times(1));
    world
        .sim
        .fault(Fault::lost_answer(Matcher::new("POST", "/nodes/*/qemu/*/status/start")).times(1));
    world
        .apply_vm("blank", &format!("{SMALL}\npowerState: Running"))
        .await;
    world
        .apply_vm("copy", "{source: {clone: {vmid: 9000}}, powerState: Running}")
        .await;
    for name in ["blank", "copy"] {
        world.wait_ready(name).await;
        assert_eq!(world.guest(name).await.starts, 1, "{name}");
    }
    assert_eq!(world.sim.guests().iter().filter(|g| !g.template).count(), 2);
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 1);
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/clone").len(), 1);
}

#[tokio::test]
async fn disk_that_the_copy_does_not_have_is_told_with_those_that_it_has() {
    let world = World::new("disk-missing").await;
    world
        .apply_vm(
            "web",
            "{source: {clone: {vmid: 9000}}, disks: [{name: virtio0, size: 9Gi}], powerState: Running}",
        )
        .await;
    let vm = world.wait_vm("web", "Stalled", "True", "DiskMissing").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        message.contains("virtio0") && message.contains("scsi0"),
        "{message}"
    );
}
