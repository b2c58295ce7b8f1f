//! Machines out of backups: made once, marked as ours, and only of backups that their namespace may reach.

use pve_sim::{Fault, Matcher, SeedGuest};
use serde_json::json;

use crate::create::{SMALL, assert_is_of};
use crate::ending::archives;
use crate::support::World;

fn of(archive: &str) -> String {
    format!("{{powerState: Running, source: {{backup: {{archive: '{archive}'}}}}}}")
}

/// The archive of a person's machine 150.
async fn archive_of_150(world: &World) -> String {
    world
        .as_person("/nodes/pve1/vzdump", "vmid=150&storage=local&compress=zstd")
        .await;
    let made = async || archives(world, 150).pop();
    world.wait_until("the archive of machine 150", made).await
}

fn old() -> SeedGuest {
    let mut guest = SeedGuest::new(150, "old");
    for (key, value) in [
        ("memory", "512"),
        ("description", "a person's words"),
        ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0"),
    ] {
        guest.config.insert(key.to_owned(), value.to_owned());
    }
    guest
}

#[tokio::test]
async fn backup_becomes_a_machine_beside_the_one_that_it_is_of() {
    let world = World::builder("restore")
        .seed(|seed| seed.with_guest(old()))
        .start()
        .await;
    let archive = archive_of_150(&world).await;
    world.apply_vm("web", &of(&archive)).await;
    let vm = world.wait_ready("web").await;
    let guest = world.guest("web").await;
    assert_is_of(&guest, &vm);
    assert!(guest.running);
    assert_eq!(guest.config["memory"], "512", "as the backup has it");
    let addresses = &guest.config["net0"];
    assert!(
        !addresses.contains("BC:24:11:00:00:01"),
        "the old one may still answer to it: {addresses}"
    );
    assert_eq!(
        world.sim.guest(150).unwrap().config["description"],
        "a person's words"
    );
    world.wait_event("web", "Restored", "of the backup").await;
    let sent = world.sent("POST", "/nodes/*/qemu");
    assert_eq!(
        (sent.len(), sent.0[0].param("unique"), sent.0[0].param("force")),
        (1, Some("1"), None)
    );
}

#[tokio::test]
async fn machine_comes_back_under_its_number_from_its_own_backup_alone() {
    let world = World::builder("restore-same")
        .host(json!({"defaults": {"storage": "local-lvm", "bridge": "vmbr0", "backupStorage": "local"}}))
        .start()
        .await;
    world
        .apply_vm(
            "web",
            "{memory: {size: 64Mi}, disks: [{name: scsi0, size: 1Gi}], deletionPolicy: BackupAndDelete}",
        )
        .await;
    world.wait_ready("web").await;
    let before = world.guest("web").await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    let archive = archives(&world, before.vmid).pop().unwrap();

    let pinned = format!("{SMALL}\nvmid: {}", before.vmid);
    world.apply_vm("other", &pinned).await;
    world.wait_vm("other", "Ready", "False", "VmidHasVolumes").await;
    assert_eq!(world.sim.guest(before.vmid), None);

    let restored = format!(
        "{{vmid: {}, source: {{backup: {{archive: '{archive}'}}}}}}",
        before.vmid
    );
    world.apply_vm("again", &restored).await;
    let vm = world.wait_ready("again").await;
    let guest = world.guest("again").await;
    assert_is_of(&guest, &vm);
    assert_eq!(
        (guest.vmid, &guest.config["net0"]),
        (before.vmid, &before.config["net0"])
    );
}

#[tokio::test]
async fn backup_of_another_owner_is_out_of_reach() {
    let world = World::builder("restore-tenant")
        .seed(|seed| seed.with_guest(old()))
        .host(json!({
            "tenancy": {"mode": "Restricted"},
            "defaults": {"storage": "local-lvm", "bridge": "vmbr0", "backupStorage": "local"},
        }))
        .start()
        .await;
    let foreign = archive_of_150(&world).await;
    world.apply_vm("foreign", &of(&foreign)).await;
    world
        .wait_vm("foreign", "Ready", "False", "NotAllowedByTenancy")
        .await;

    // The mark in the backup tells whose machine it was, also when that is gone.
    let ending = format!("{SMALL}\ndeletionPolicy: BackupAndDelete");
    world.apply_vm("web", &ending).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    let own = archives(&world, vmid).pop().unwrap();
    world.apply_vm("again", &of(&own)).await;
    world.wait_ready("again").await;
    assert_eq!(
        world.sent("POST", "/nodes/*/qemu").len(),
        2,
        "web and again, nothing else"
    );

    world
        .patch_host(
            &world.name,
            json!({"spec": {"tenancy": {"existingVolumes": true}}}),
        )
        .await;
    world.wait_ready("foreign").await;
}

#[tokio::test]
async fn restore_whose_answer_is_lost_or_whose_backup_is_missing_makes_nothing_twice() {
    let world = World::builder("restore-lost")
        .seed(|seed| seed.with_guest(old()))
        .start()
        .await;
    let missing = "local:backup/vzdump-qemu-150-2020_01_01-00_00_00.vma.zst";
    let archive = archive_of_150(&world).await;
    world.apply_vm("missing", &of(missing)).await;
    let vm = world
        .wait_vm("missing", "Ready", "False", "ArchiveNotFound")
        .await;
    let said = crate::support::condition(&vm, "Ready").unwrap().message.clone();
    assert!(said.contains(&archive), "{said}");
    world.delete_vm("missing").await;
    world.wait_vm_gone("missing").await;

    world
        .sim
        .fault(Fault::lost_answer(Matcher::new("POST", "/nodes/*/qemu")).times(1));
    world.apply_vm("web", &of(&archive)).await;
    let vm = world.wait_ready("web").await;
    assert_is_of(&world.guest("web").await, &vm);
    let restores = world
        .sim
        .tasks()
        .into_iter()
        .filter(|task| task.kind == "qmrestore");
    assert_eq!(restores.count(), 1);
    assert_eq!(
        world.sim.guests().len(),
        3,
        "the template, the old one, and the new one"
    );
}

#[tokio::test]
async fn failed_restore_is_told_and_leaves_the_number_to_a_person() {
    let world = World::builder("restore-fails")
        .seed(|seed| seed.with_guest(old()))
        .start()
        .await;
    let archive = archive_of_150(&world).await;
    world
        .sim
        .fault(Fault::task_error("qmrestore", "unable to extract").times(1));
    world.apply_vm("web", &of(&archive)).await;
    // Proxmox VE cleans nothing up after a restore that failed.
    let vm = world.wait_vm("web", "Ready", "False", "StaleLock").await;
    let said = crate::support::condition(&vm, "Ready").unwrap().message.clone();
    let vmid = world.vmid("web").await;
    assert!(said.contains(&format!("qm destroy {vmid}")), "{said}");
    // A person may take the lock off first: what is left has neither mark nor UUID.
    world.sim.lock(vmid, None).unwrap();
    world.wait_vm("web", "Ready", "False", "Unidentified").await;
    world.sim.destroy(vmid).unwrap();
    world.wait_ready("web").await;
    assert_is_of(&world.guest("web").await, &world.vm("web").await);
}
