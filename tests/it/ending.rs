//! What becomes of a machine when its resource goes: `deletionPolicy`, the limit on many deletions at once, and
//! letting go by force.

use std::time::{Duration, Instant};

use drover::api::DeletionPolicy;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams};
use pve_sim::{Fault, Mark, Matcher};
use serde_json::json;

use crate::{
    create::{BLANK, SMALL},
    support::{World, condition},
};

#[tokio::test]
async fn retained_machine_stays_as_it_is_and_its_notes_say_that_nobody_owns_it() {
    let world = World::new("retain").await;
    world
        .apply_vm("web", &format!("{BLANK}\ndeletionPolicy: Retain"))
        .await;
    let vm = world.wait_ready("web").await;
    let effective = vm.status.unwrap().effective.unwrap();
    assert_eq!(effective.deletion_policy, Some(DeletionPolicy::Retain));
    let vmid = world.vmid("web").await;
    let before = world.sim.guest(vmid).unwrap();
    let position = world.sim.position();

    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    let guest = world.sim.guest(vmid).unwrap();
    assert!(guest.running && guest.uuid == before.uuid);
    let notes = &guest.config["description"];
    assert!(
        notes.contains("<!-- drover/v1 released ") && notes.contains("name=web"),
        "{notes}"
    );
    let sent = world.sim.mutations().since(position);
    assert_eq!(sent.len(), 1, "one write of the notes: {sent:?}");
    assert!(sent.0[0].param("description").is_some() && sent.0[0].param("digest").is_some());
    world
        .wait_event(&world.name, "GuestKept", "deletionPolicy is Retain")
        .await;

    // A new resource of the name is not given a second machine beside it.
    world.apply_vm("web", BLANK).await;
    world.wait_vm("web", "Stalled", "True", "MarkedByOther").await;
    assert_eq!(world.sim.mutations().since(position).len(), 1);
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert!(world.sim.guest(vmid).unwrap().running);
}

#[tokio::test]
async fn retained_machine_survives_a_kill_between_its_notes_and_the_finalizer() {
    let mut world = World::new("retain-kill").await;
    world
        .apply_vm("web", &format!("{SMALL}\ndeletionPolicy: Retain"))
        .await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let held = world
        .sim
        .hold(Matcher::new("PUT", "/nodes/*/qemu/*/config"), Mark::AfterAct);
    world.delete_vm("web").await;
    held.reached().await;
    world.kill_drover();
    held.release();
    assert!(world.vm("web").await.finalizers().len() == 1);
    world.start_drover();
    world.wait_vm_gone("web").await;
    assert!(world.sim.guest(vmid).unwrap().config["description"].contains("drover/v1 released "));
    assert!(world.sent("DELETE", "/nodes/*/qemu/*").is_empty());
}

/// The archives of a guest that the simulated storages hold.
pub(crate) fn archives(world: &World, vmid: u32) -> Vec<String> {
    let named = format!("vzdump-qemu-{vmid}-");
    let mut volumes = world.sim.volumes("pve1");
    volumes.retain(|v| v.contains(&named));
    volumes
}

#[tokio::test]
async fn machine_is_backed_up_before_it_is_destroyed() {
    let world = World::builder("backup")
        .host(json!({"defaults": {"backupStorage": "local"}}))
        .start()
        .await;
    world
        .apply_vm("web", &format!("{BLANK}\ndeletionPolicy: BackupAndDelete"))
        .await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let held = world
        .sim
        .hold(Matcher::new("DELETE", "/nodes/*/qemu/*"), Mark::BeforeAct);
    world.delete_vm("web").await;
    held.reached().await;
    let done = world.vm("web").await.status.unwrap().final_backup.unwrap();
    let made = archives(&world, vmid);
    assert_eq!(made, [done.archive.clone().unwrap()], "{done:?}");
    held.release();
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
    assert_eq!(archives(&world, vmid), made, "the archive outlives the machine");

    let backup = world.sent("POST", "/nodes/*/vzdump");
    assert_eq!(backup.len(), 1);
    assert_eq!(backup.0[0].param("remove"), Some("0"), "nothing is pruned");
    let asked = world.sent("POST", &format!("/nodes/*/qemu/{vmid}/status/shutdown"));
    assert!(
        asked.len() == 1 && asked.0[0].seq < backup.0[0].seq,
        "it is shut down first"
    );
    world.wait_event("web", "BackedUp", "vzdump-qemu-").await;
}

#[tokio::test]
async fn machine_stays_when_its_backup_fails_or_is_not_seen() {
    let world = World::builder("backup-fails")
        .host(json!({"defaults": {"backupStorage": "local"}}))
        .start()
        .await;
    world
        .apply_vm("web", &format!("{SMALL}\ndeletionPolicy: BackupAndDelete"))
        .await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world
        .sim
        .fault(Fault::task_error("vzdump", "job errors").times(1));
    world.delete_vm("web").await;
    let vm = world.wait_vm("web", "Deleting", "True", "TaskFailed").await;
    assert_eq!(vm.status.unwrap().final_backup, None);
    assert!(world.sim.guest(vmid).is_some() && world.sent("DELETE", "/nodes/*/qemu/*").is_empty());
    // The next one succeeds.
    world.wait_vm_gone("web").await;
    assert_eq!((world.sim.guest(vmid), archives(&world, vmid).len()), (None, 1));
}

#[tokio::test]
async fn machine_stays_where_no_storage_takes_its_backup() {
    let world = World::new("backup-nowhere").await;
    world
        .apply_vm("web", &format!("{BLANK}\ndeletionPolicy: BackupAndDelete"))
        .await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let position = world.sim.position();
    world.delete_vm("web").await;
    let vm = world.wait_vm("web", "Stalled", "True", "StorageNotFound").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("spec.defaults.backupStorage"), "{message}");
    let name = world.name.clone();
    let storage = |storage: &str| json!({"spec": {"defaults": {"backupStorage": storage}}});
    world.patch_host(&name, storage("local-lvm")).await;
    world
        .wait_until("the storage to be named", async || {
            let vm = world.vm("web").await;
            let message = &condition(&vm, "Ready")?.message;
            message.contains("'local-lvm'").then_some(())
        })
        .await;
    assert!(
        world.sim.guest(vmid).unwrap().running,
        "it is not stopped in vain"
    );
    assert!(world.sim.mutations().since(position).is_empty());
    world.patch_host(&name, storage("local")).await;
    world.wait_vm_gone("web").await;
    assert_eq!(archives(&world, vmid).len(), 1);
}

#[tokio::test]
async fn too_many_deletions_are_held_until_a_person_lets_them_go() {
    let mut world = World::builder("many")
        .host(json!({"destroyLimit": {"guests": 2, "window": "10m"}}))
        .start()
        .await;
    let names: Vec<String> = (1..=5).map(|n| format!("web-{n}")).collect();
    for name in &names {
        world.apply_vm(name, &format!("{SMALL}\nname: {name}")).await;
    }
    for name in &names {
        world.wait_ready(name).await;
    }
    world
        .vms()
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await
        .unwrap();
    let host = world.wait_host("DeletionHeld", "True", "DeletionHeld").await;
    let left = async |world: &World| world.vms().list(&ListParams::default()).await.unwrap().items;
    world
        .wait_until("two to go, and three to be held", async || {
            let vms = left(&world).await;
            let held = vms
                .iter()
                .all(|vm| condition(vm, "Stalled").is_some_and(|c| c.reason == "DeletionHeld"));
            (vms.len() == 3 && held).then_some(())
        })
        .await;
    assert_eq!(world.sent("DELETE", "/nodes/*/qemu/*").len(), 2);
    let running = || world.sim.guests().iter().filter(|g| !g.template).count();
    assert_eq!(running(), 3);
    world
        .wait_event(&world.name.clone(), "DeletionHeld", "destroyLimit")
        .await;

    // Neither a restart nor another annotation lets them go.
    world.stop_drover().await;
    world.start_drover();
    let release = async |world: &World, value: &str| {
        let annotations = json!({"drover.dev/release-deletions": value});
        let name = world.name.clone();
        world
            .patch_host(&name, json!({"metadata": {"annotations": annotations}}))
            .await;
    };
    release(&world, "true").await;
    for vm in left(&world).await {
        world.passes(&vm.name_any(), 2).await;
    }
    assert_eq!(world.sent("DELETE", "/nodes/*/qemu/*").len(), 2);

    let message = &condition(&host, "DeletionHeld").unwrap().message;
    let since = message.rsplit_once('=').unwrap().1;
    release(&world, since).await;
    for name in &names {
        world.wait_vm_gone(name).await;
    }
    assert_eq!(world.sim.guests().iter().filter(|g| !g.template).count(), 0);
    let host = world.hosts().get(&world.name).await.unwrap();
    assert!(condition(&host, "DeletionHeld").is_none());
}

#[tokio::test]
async fn deletions_further_apart_than_the_window_are_not_held() {
    let window = Duration::from_secs(1);
    let world = World::builder("apart")
        .host(json!({"destroyLimit": {"guests": 1, "window": "1s"}}))
        .start()
        .await;
    for name in ["first", "second"] {
        world.apply_vm(name, SMALL).await;
    }
    for name in ["first", "second"] {
        world.wait_ready(name).await;
        world.delete_vm(name).await;
        world.wait_vm_gone(name).await;
        let gone = Instant::now();
        world
            .wait_until("the window to be over", async || {
                (gone.elapsed() > window).then_some(())
            })
            .await;
    }
    let host = world.hosts().get(&world.name).await.unwrap();
    assert!(condition(&host, "DeletionHeld").is_none());
    assert_eq!(world.sim.guests().iter().filter(|g| !g.template).count(), 0);
}

#[tokio::test]
async fn resource_is_let_go_by_force_without_a_word_to_the_host() {
    let world = World::new("force").await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let forced = json!({"metadata": {"annotations": {"drover.dev/force-release": "true"}}});
    world.patch_vm("web", forced).await;
    world.passes("web", 1).await;
    assert!(
        world.vm("web").await.finalizers().len() == 1,
        "it does nothing until the deletion"
    );
    world.sim.stop_listener();
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    world.host_up().await;
    let guest = world.sim.guest(vmid).unwrap();
    assert!(guest.running && guest.config["description"].contains("<!-- drover/v1 cluster="));
    world.wait_event("web", "ForceReleased", "stays as it is").await;
    world.wait_event(&world.name, "ForceReleased", "/web").await;
}

#[tokio::test]
async fn policies_of_deletion_are_bounded() {
    let world = World::builder("ending-bad").without_drover().start().await;
    let refused = async |spec: &str| world.try_apply_vm("bad", spec).await.unwrap_err().to_string();
    let error = refused(&format!("{SMALL}\ndeletionPolicy: Keep")).await;
    assert!(
        error.contains("deletionPolicy") && error.contains("Retain"),
        "{error}"
    );
    let hosts: Api<drover::api::ProxmoxNode> = world.hosts();
    for limit in [
        json!({"guests": 0}),
        json!({"window": "0s"}),
        json!({"window": "25h"}),
    ] {
        let mut host = hosts.get(&world.name).await.unwrap();
        host.spec.destroy_limit = serde_json::from_value(limit.clone()).unwrap();
        let answer = hosts
            .replace(&world.name, &kube::api::PostParams::default(), &host)
            .await;
        assert!(answer.is_err(), "{limit}");
    }
}
