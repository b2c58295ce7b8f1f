//! A resource's deletion is finished when its guest is seen gone, and takes that guest only.

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use pve_sim::{Fault, Mark, Matcher, SeedGuest};
use serde_json::json;

use crate::{
    create::{BLANK, SMALL},
    support::{World, condition},
};

#[tokio::test]
async fn running_machine_is_stopped_then_destroyed_and_only_then_the_resource_goes() {
    let world = World::builder("delete")
        .seed(|s| s.with_foreign_vms(4))
        .start()
        .await;
    let strangers = world.sim.guests();
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;

    let held = world
        .sim
        .hold(Matcher::new("DELETE", "/nodes/*/qemu/*"), Mark::BeforeAct);
    world.delete_vm("web").await;
    held.reached().await;
    assert!(
        !world.sim.guest(vmid).unwrap().running,
        "it is down before it is destroyed"
    );
    let vm = world.wait_vm("web", "Deleting", "True", "*").await;
    assert!(!vm.finalizers().is_empty() && condition(&vm, "Ready").unwrap().status == "False");
    held.release();
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);

    let stops = world.sent("POST", &format!("/nodes/*/qemu/{vmid}/status/stop"));
    let destroys = world.sent("DELETE", "/nodes/*/qemu/*");
    assert_eq!((stops.len(), destroys.len()), (1, 1));
    assert!(stops.0[0].seq < destroys.0[0].seq);
    assert!(destroys.0[0].path.ends_with(&format!("/{vmid}")));
    assert_eq!(
        destroys.0[0].param("destroy-unreferenced-disks").unwrap_or("0"),
        "0"
    );
    assert_eq!(world.sim.guests(), strangers);
    let volumes = world.sim.volumes("pve1");
    assert!(
        volumes.iter().all(|v| !v.contains(&format!("-{vmid}-"))),
        "its disks went with it: {volumes:?}"
    );
    let events = world.events("web").await;
    assert!(
        events.iter().any(|(_, reason, _)| reason == "Destroyed"),
        "{events:?}"
    );
}

#[tokio::test]
async fn resource_stays_while_the_destroying_task_runs() {
    let world = World::new("delete-task").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world
        .sim
        .fault(Fault::task_error("qmdestroy", "can't lock file - got timeout").times(1));
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(
        world.sim.guest(vmid),
        None,
        "a failed destroy is tried again before the resource goes"
    );
    assert_eq!(world.sent("DELETE", "/nodes/*/qemu/*").len(), 2);
}

#[tokio::test]
async fn resource_for_which_nothing_was_made_goes_at_once() {
    let world = World::new("delete-unmade").await;
    world
        .apply_vm(
            "nowhere",
            &format!("{SMALL}\nhostRef: {{kind: ProxmoxNode, name: no-such-host}}"),
        )
        .await;
    let vm = world.wait_vm("nowhere", "Stalled", "True", "HostNotFound").await;
    assert!(condition(&vm, "Ready").unwrap().message.contains("no-such-host"));
    world
        .apply_vm("no-source", "source: {clone: {name: no-such-template}}")
        .await;
    world
        .wait_vm("no-source", "Stalled", "True", "SourceNotFound")
        .await;
    for name in ["nowhere", "no-source"] {
        world.delete_vm(name).await;
        assert!(
            world.vms().get_opt(name).await.unwrap().is_none(),
            "{name} has no finalizer"
        );
    }
    assert!(world.sim.mutations().is_empty());
}

#[tokio::test]
async fn protected_machine_is_kept_until_the_protection_goes() {
    let world = World::new("delete-protected").await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world
        .sim
        .change_config(vmid, &[("protection", Some("1"))])
        .unwrap();
    let position = world.sim.position();
    world.delete_vm("web").await;
    let vm = world.wait_vm("web", "Stalled", "True", "Protected").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("Protection"), "it says what to do: {message}");
    assert!(
        world.sim.guest(vmid).unwrap().running,
        "it is not stopped in vain"
    );
    assert!(world.sim.mutations().since(position).is_empty());

    world.sim.change_config(vmid, &[("protection", None)]).unwrap();
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
}

#[tokio::test]
async fn machine_that_people_put_under_high_availability_into_a_job_and_replicate_goes_from_all_of_these() {
    let world = World::builder("delete-referred")
        .seed(|seed| pve_sim::Seed { nodes: 2, ..seed })
        .start()
        .await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let resource = format!("sid=vm%3A{vmid}&state=started");
    world.as_person("/cluster/ha/resources", &resource).await;
    let job = format!("id=nightly&schedule=daily&storage=local&vmid={vmid}%2C9000");
    world.as_person("/cluster/backup", &job).await;
    world.sim.replicate(vmid, "pve2");
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
    assert_eq!(world.sim.replicas(vmid), Vec::<String>::new());
    let destroyed = world.sent("DELETE", "/nodes/*/qemu/*");
    assert_eq!(
        (destroyed.len(), destroyed.0[0].param("purge")),
        (1, Some("1")),
        "{destroyed:?}"
    );
    let left = world.sim.tasks();
    assert!(
        left.iter()
            .filter(|task| task.kind == "qmdestroy")
            .all(|task| task.exit.as_deref() == Some("OK")),
        "{left:?}"
    );
}

#[tokio::test]
async fn resource_deleted_during_its_copy_leaves_nothing_behind() {
    let world = World::new("delete-clone").await;
    let before = world.sim.guests();
    world.apply_vm("web", "source: {clone: {vmid: 9000}}").await;
    world
        .wait_until("the copying to begin", async || {
            let task = world.vm("web").await.status?.task?;
            let told = task.message.as_deref() == Some("the machine is being copied");
            (task.action == "Clone" && told).then_some(())
        })
        .await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guests(), before);
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/clone").len(), 1);
    assert_eq!(world.sent("DELETE", "/nodes/*/qemu/*").len(), 1);
}

#[tokio::test]
async fn copy_that_somebody_made_of_our_machine_is_not_ours() {
    let world = World::new("delete-copied").await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    // Description, and so the mark, and all.
    world.sim.copy(vmid, vmid + 1000, "web-copy").unwrap();
    let copy = world.sim.guest(vmid + 1000).unwrap();
    world.passes("web", 2).await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(
        (world.sim.guest(vmid), world.sim.guest(vmid + 1000)),
        (None, Some(copy))
    );
}

#[tokio::test]
async fn recycled_number_is_not_touched_when_its_former_owner_is_deleted() {
    let world = World::new("delete-recycled").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let position = world.sim.position();
    let uuid = world.sim.recycle(vmid).unwrap();
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid).unwrap().uuid, Some(uuid));
    assert!(world.sim.mutations().since(position).is_empty());
}

#[tokio::test]
async fn guest_destroyed_by_somebody_is_lost_and_its_resource_still_goes() {
    let world = World::new("lost").await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let (vmid, identity) = {
        let status = world.vm("web").await.status.unwrap();
        (status.vmid.unwrap(), status.identity.unwrap().uuid)
    };
    let position = world.sim.position();
    world.sim.destroy(vmid).unwrap();
    let vm = world.wait_vm("web", "Stalled", "True", "GuestLost").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        message.contains(&format!("drover.dev/recreate={identity}")),
        "{message}"
    );
    world.passes("web", 3).await;
    assert!(
        world.sim.mutations().since(position).is_empty(),
        "it is not made again by itself"
    );
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert!(world.sim.mutations().since(position).is_empty());
}

#[tokio::test]
async fn lost_guest_is_made_again_when_somebody_asks() {
    let world = World::new("recreate").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let (vmid, identity) = {
        let status = world.vm("web").await.status.unwrap();
        (status.vmid.unwrap(), status.identity.unwrap().uuid)
    };
    world.sim.destroy(vmid).unwrap();
    world.wait_vm("web", "Stalled", "True", "GuestLost").await;
    let annotations = json!({"drover.dev/recreate": identity.to_string()});
    world
        .patch_vm("web", json!({"metadata": {"annotations": annotations}}))
        .await;
    world.wait_vm("web", "Ready", "True", "AsDeclared").await;
    let guest = world.guest("web").await;
    assert!(guest.vmid > vmid, "a number is given once");
    assert_ne!(guest.uuid, Some(identity.to_string()));
}

#[tokio::test]
async fn host_can_not_go_while_machines_refer_to_it() {
    let mut world = World::new("delete-host").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    world
        .hosts()
        .delete(&world.name, &DeleteParams::default())
        .await
        .unwrap();
    let host = world.wait_host("Ready", "False", "InUse").await;
    let message = &condition(&host, "Ready").unwrap().message;
    assert!(
        message.contains(&format!("VirtualMachine {}/web", world.name)),
        "{message}"
    );
    // Also for a Drover that was just started.
    world.stop_drover().await;
    world.start_drover();
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    world
        .wait_until("the host to go", async || {
            world
                .hosts()
                .get_opt(&world.name)
                .await
                .unwrap()
                .is_none()
                .then_some(())
        })
        .await;
    assert_eq!(world.sim.guests().iter().filter(|g| !g.template).count(), 0);
}

#[tokio::test]
async fn deletion_during_an_outage_waits_for_the_host_also_in_a_drover_that_was_just_started() {
    let mut world = World::new("delete-outage").await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.sim.stop_listener();
    world.kill_drover();
    world.start_drover();
    world.delete_vm("web").await;
    let vm = world.wait_vm("web", "Deleting", "True", "HostUnreachable").await;
    assert!(!vm.finalizers().is_empty());
    assert!(world.sim.guest(vmid).is_some());
    world.host_up().await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
}

#[tokio::test]
async fn deletion_without_the_secret_waits_and_says_so() {
    let world = World::new("delete-secret").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.delete_secret().await;
    world.wait_host("Stalled", "True", "CredentialsMissing").await;
    world.delete_vm("web").await;
    world
        .wait_vm("web", "Deleting", "True", "CredentialsMissing")
        .await;
    assert!(world.sim.guest(vmid).is_some());
    world.write_secret(world.sim.token_secret()).await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
}

#[tokio::test]
async fn foreign_machine_of_the_same_name_is_neither_taken_over_nor_removed() {
    let stranger = SeedGuest::new(150, "web").running();
    let world = World::builder("name-taken")
        .seed(|s| s.with_guest(stranger))
        .start()
        .await;
    let before = world.sim.guest(150);
    world.apply_vm("web", SMALL).await;
    let vm = world.wait_vm("web", "Stalled", "True", "NameTaken").await;
    assert!(condition(&vm, "Ready").unwrap().message.contains("150"));
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(150), before);
    assert!(world.sim.mutations().is_empty());
}

/// A machine in a namespace that is then deleted.
async fn in_deleted_namespace(test: &str, annotations: serde_json::Value) -> (World, u32) {
    let world = World::new(test).await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let patch = json!({"metadata": {"annotations": annotations}});
    let params = PatchParams::default();
    namespaces
        .patch(&world.name, &params, &Patch::Merge(&patch))
        .await
        .unwrap();
    namespaces
        .delete(&world.name, &DeleteParams::default())
        .await
        .unwrap();
    // Whatever empties the namespace deletes what is in it.
    let _ = world.vms().delete("web", &DeleteParams::default()).await;
    (world, vmid)
}

#[tokio::test]
async fn machines_stay_when_their_namespace_is_deleted() {
    let (world, vmid) = in_deleted_namespace("kept", json!({})).await;
    world.wait_vm_gone("web").await;
    let guest = world.sim.guest(vmid).unwrap();
    assert!(guest.running && guest.config["description"].contains("drover/v1 released "));
    assert!(world.sent("DELETE", "/nodes/*/qemu/*").is_empty());
    assert!(world.sent("POST", "/nodes/*/qemu/*/status/stop").is_empty());
}

#[tokio::test]
async fn machines_go_with_a_namespace_that_says_so() {
    let says_so = json!({"drover.dev/delete-guests": "true"});
    let (world, vmid) = in_deleted_namespace("kept-not", says_so).await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
}
