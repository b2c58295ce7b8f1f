//! Machines that stand there already: adopted, or taken over by a resource that was applied anew.

use drover::api::{DeletionPolicy, GuestOrigin, VirtualMachine};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use pve_sim::{Mark, Matcher, SeedGuest};
use serde_json::json;

use crate::{
    create::{BLANK, SMALL},
    support::{World, condition},
};

/// Applies a machine with annotations.
async fn apply(world: &World, name: &str, annotations: serde_json::Value, spec: &str) {
    let mut spec: serde_json::Value = serde_yaml::from_str(spec).unwrap();
    spec["hostRef"] = json!({"kind": "ProxmoxNode", "name": world.name});
    let object = json!({
        "apiVersion": "drover.dev/v1alpha1", "kind": "VirtualMachine",
        "metadata": {"name": name, "annotations": annotations}, "spec": spec,
    });
    world.apply(&object.to_string()).await;
}

fn adopt() -> serde_json::Value {
    json!({"drover.dev/adopt": "true"})
}

#[tokio::test]
async fn machine_that_nobody_owns_is_adopted_and_otherwise_left_as_it_is() {
    let world = World::builder("adopt")
        .seed(|s| s.with_guest(SeedGuest::new(150, "Legacy.db").running()))
        .start()
        .await;
    let before = world.sim.guest(150).unwrap();
    apply(&world, "db", adopt(), "{vmid: 150}").await;
    let vm = world.wait_ready("db").await;
    let status = vm.status.unwrap();
    assert_eq!(
        (status.vmid, status.origin),
        (Some(150), Some(GuestOrigin::Adopted))
    );
    assert_eq!(
        status.identity.unwrap().uuid.to_string(),
        before.uuid.clone().unwrap()
    );
    assert_eq!(
        status.effective.unwrap().deletion_policy,
        Some(DeletionPolicy::Retain)
    );
    let after = world.sim.guest(150).unwrap();
    assert!(
        after.config["description"].contains("name=db ")
            && after.config["description"].contains("origin=adopted")
    );
    assert_eq!(
        (after.name.as_deref(), after.running, &after.uuid),
        (Some("Legacy.db"), true, &before.uuid)
    );
    assert_eq!(world.sim.mutations().len(), 1, "the mark is all that is written");
    world.wait_event("db", "Adopted", "150").await;

    // From here on it is kept as declared.
    world
        .patch_vm("db", json!({"spec": {"cpu": {"cores": 3}, "name": "db-1"}}))
        .await;
    world
        .wait_guest(150, "to be changed", |g| g.name.as_deref() == Some("db-1"))
        .await;
    // And it stays when the resource goes.
    world.delete_vm("db").await;
    world.wait_vm_gone("db").await;
    let kept = world.sim.guest(150).unwrap();
    assert!(kept.running && kept.config["description"].contains("drover/v1 released "));
    assert!(world.sent("DELETE", "/nodes/*/qemu/*").is_empty());

    // What was let go can be had back.
    apply(&world, "db", adopt(), "{vmid: 150, deletionPolicy: Delete}").await;
    world.wait_ready("db").await;
    world.delete_vm("db").await;
    world.wait_vm_gone("db").await;
    assert_eq!(world.sim.guest(150), None);
}

#[tokio::test]
async fn what_is_somebodys_or_not_there_is_not_adopted() {
    let world = World::builder("adopt-not")
        .seed(|s| s.with_guest(SeedGuest::new(150, "db").running()))
        .start()
        .await;
    world.apply_vm("owner", SMALL).await;
    world.wait_ready("owner").await;
    let owned = world.vmid("owner").await;
    let position = world.sim.position();
    for (name, spec, reason, part) in [
        (
            "other",
            format!("{{vmid: {owned}}}"),
            "NothingToAdopt",
            "another resource",
        ),
        (
            "none",
            "{vmid: 777}".to_owned(),
            "NothingToAdopt",
            "no such machine",
        ),
        ("template", "{vmid: 9000}".to_owned(), "IsTemplate", "template"),
        ("unnamed", SMALL.to_owned(), "NothingToAdopt", "spec.vmid"),
    ] {
        apply(&world, name, adopt(), &spec).await;
        let vm = world.wait_vm(name, "Stalled", "True", reason).await;
        let message = &condition(&vm, "Ready").unwrap().message;
        assert!(message.contains(part), "{name}: {message}");
        assert!(vm.finalizers().is_empty());
    }
    // Without the annotation nothing is taken.
    world.apply_vm("asked", "{vmid: 150}").await;
    let vm = world.wait_vm("asked", "Stalled", "True", "*").await;
    assert!(condition(&vm, "Ready").unwrap().message.contains("150"));
    assert!(world.sim.mutations().since(position).is_empty());
}

#[tokio::test]
async fn two_resources_do_not_adopt_the_same_machine() {
    let world = World::builder("adopt-two")
        .seed(|s| s.with_guest(SeedGuest::new(150, "db")))
        .start()
        .await;
    for name in ["one", "two"] {
        apply(&world, name, adopt(), "{vmid: 150}").await;
    }
    let names = ["one", "two"];
    let (ready, held) = world
        .wait_until("one to have it, and one to be held", async || {
            let mut ready = Vec::new();
            let mut held = Vec::new();
            for name in names {
                let vm = world.vm(name).await;
                if condition(&vm, "Ready")?.status == "True" {
                    ready.push(name);
                } else if condition(&vm, "Stalled").is_some() {
                    held.push(name);
                }
            }
            (ready.len() == 1 && held.len() == 1).then(|| (ready[0], held[0]))
        })
        .await;
    let notes = world.sim.guest(150).unwrap().config["description"].clone();
    assert!(notes.contains(&format!("name={ready} ")) && !notes.contains(&format!("name={held} ")));
    world.delete_vm(held).await;
    world.wait_vm_gone(held).await;
    assert!(world.sim.guest(150).unwrap().config["description"].contains(&format!("name={ready} ")));
}

#[tokio::test]
async fn adoption_survives_a_kill_after_the_mark_was_written() {
    let mut world = World::builder("adopt-kill")
        .seed(|s| s.with_guest(SeedGuest::new(150, "db").running()))
        .start()
        .await;
    let held = world
        .sim
        .hold(Matcher::new("PUT", "/nodes/*/qemu/*/config"), Mark::AfterAct);
    apply(&world, "db", adopt(), "{vmid: 150}").await;
    held.reached().await;
    world.kill_drover();
    held.release();
    assert_eq!(world.vm("db").await.status.and_then(|s| s.vmid), None);
    world.start_drover();
    let status = world.wait_ready("db").await.status.unwrap();
    assert_eq!(
        (status.vmid, status.origin),
        (Some(150), Some(GuestOrigin::Adopted))
    );
    assert_eq!(
        status.effective.unwrap().deletion_policy,
        Some(DeletionPolicy::Retain)
    );
    assert_eq!(world.sim.mutations().len(), 1);
}

/// Forgets a resource, as the loss of etcd does.
async fn forget(world: &mut World, name: &str) {
    world.kill_drover();
    let params = PatchParams::default();
    let none = json!({"metadata": {"finalizers": []}});
    world
        .vms()
        .patch(name, &params, &Patch::Merge(none))
        .await
        .unwrap();
    world.delete_vm(name).await;
    world.wait_vm_gone(name).await;
}

#[tokio::test]
async fn resource_applied_anew_after_a_disaster_has_its_machine_again() {
    let mut world = World::new("disaster").await;
    world.apply_vm("web", BLANK).await;
    let lost = world.wait_ready("web").await.status.unwrap();
    let vmid = lost.vmid.unwrap();
    forget(&mut world, "web").await;
    let position = world.sim.position();
    world.apply_vm("web", BLANK).await;
    world.start_drover();
    let vm = world.wait_ready("web").await;
    let status = vm.status.clone().unwrap();
    assert_eq!((status.vmid, status.identity), (Some(vmid), lost.identity));
    assert_eq!(status.origin, Some(GuestOrigin::Made));
    let sent = world.sim.mutations().since(position);
    assert!(
        sent.len() == 1 && sent.0[0].param("description").is_some(),
        "{sent:?}"
    );
    let notes = world.sim.guest(vmid).unwrap().config["description"].clone();
    assert!(notes.contains(&format!("uid={} ", vm.uid().unwrap())));
    world.wait_event("web", "Bound", "predecessor").await;
    // It was made by Drover, so it goes with its resource.
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
}

#[tokio::test]
async fn machine_that_is_bound_anew_keeps_its_medium_and_runs_nothing_again() {
    let host = json!({"defaults": {"isoStorage": "local"}});
    let mut world = World::builder("disaster-seed").host(host).start().await;
    let spec = "{powerState: Running, memory: {size: 64Mi}, disks: [{name: scsi0, size: 1Gi, storage: local-lvm}], \
                cloudInit: {hostname: front}}";
    world.apply_vm("web", spec).await;
    let lost = world.wait_ready("web").await.status.unwrap();
    let before = world.guest("web").await;
    assert!(before.config["ide0"].contains("iso/drover-"));
    forget(&mut world, "web").await;
    let position = world.sim.position();
    world.apply_vm("web", spec).await;
    world.start_drover();
    let status = world.wait_ready("web").await.status.unwrap();
    assert_eq!((status.vmid, status.identity), (lost.vmid, lost.identity));
    let sent = world.sim.mutations().since(position);
    assert_eq!(sent.len(), 1, "the mark alone: {sent:?}");
    assert_eq!(world.guest("web").await.config["ide0"], before.config["ide0"]);
}

/// The UID in the mark of a guest's Kubernetes cluster is replaced by another one.
fn of_another_cluster(world: &World, vmid: u32, cluster: &str) {
    let notes = world.sim.guest(vmid).unwrap().config["description"].clone();
    let (before, after) = notes.split_once("cluster=").unwrap();
    let (_, after) = after.split_once(' ').unwrap();
    let notes = format!("{before}cluster={cluster} {after}");
    world
        .sim
        .change_config(vmid, &[("description", Some(&notes))])
        .unwrap();
}

#[tokio::test]
async fn machine_of_another_kubernetes_cluster_is_taken_over_only_where_that_one_is_named_as_lost() {
    const LOST: &str = "6f1c2b7e-0a52-4a6e-9d2c-3d1f5b8f0c11";
    let mut world = World::builder("recover")
        .settings(|s| s.recover_from = Vec::new())
        .start()
        .await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    forget(&mut world, "web").await;
    of_another_cluster(&world, vmid, LOST);
    world.apply_vm("web", BLANK).await;
    let position = world.sim.position();
    world.start_drover();
    let vm: VirtualMachine = world.wait_vm("web", "Stalled", "True", "MarkedByOther").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains(&format!("--recover-from {LOST}")), "{message}");
    assert!(world.sim.mutations().since(position).is_empty());

    world.stop_drover().await;
    world.change_settings(|s| s.recover_from = vec![LOST.to_owned()]);
    world.start_drover();
    let status = world.wait_ready("web").await.status.unwrap();
    assert_eq!(status.vmid, Some(vmid));
    let others: Vec<_> = world.sim.guests().into_iter().filter(|g| !g.template).collect();
    assert_eq!(others.len(), 1, "it was not doubled");
}

#[tokio::test]
async fn machine_that_somebody_works_on_is_not_bound_meanwhile() {
    let mut world = World::new("disaster-locked").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    forget(&mut world, "web").await;
    world.sim.lock(vmid, Some("backup")).unwrap();
    world.apply_vm("web", SMALL).await;
    let position = world.sim.position();
    world.start_drover();
    world.wait_vm("web", "Stalled", "True", "Locked").await;
    assert!(world.sim.mutations().since(position).is_empty());
    world.sim.lock(vmid, None).unwrap();
    world.wait_ready("web").await;
    assert_eq!(world.vmid("web").await, vmid);
}

#[tokio::test]
async fn namespace_reaches_what_the_hosts_owner_listed_and_nothing_else() {
    let world = World::builder("tenancy")
        .seed(|s| s.with_guest(SeedGuest::new(150, "db")))
        .host(json!({"tenancy": null}))
        .start()
        .await;
    apply(&world, "adopter", adopt(), "{vmid: 150}").await;
    world.apply_vm("cloner", "source: {clone: {vmid: 9000}}").await;
    world
        .apply_vm("storer", &SMALL.replace("scsi0,", "scsi0, storage: other,"))
        .await;
    for (name, part) in [
        ("adopter", "spec.tenancy.adopt"),
        ("cloner", "spec.tenancy.templates"),
        ("storer", "allowed: local-lvm"),
    ] {
        let vm = world
            .wait_vm(name, "Stalled", "True", "NotAllowedByTenancy")
            .await;
        let message = &condition(&vm, "Ready").unwrap().message;
        assert!(message.contains(part), "{name}: {message}");
        assert!(vm.finalizers().is_empty());
    }
    assert!(world.sim.mutations().is_empty());

    let opened = json!({"adopt": true, "templates": [{"vmid": 9000}]});
    world
        .patch_host(&world.name.clone(), json!({"spec": {"tenancy": opened}}))
        .await;
    world.wait_ready("adopter").await;
    world.wait_ready("cloner").await;
    // Its own machines a namespace may copy without being told.
    let own = world.vmid("cloner").await;
    world
        .patch_host(
            &world.name.clone(),
            json!({"spec": {"tenancy": {"templates": null}}}),
        )
        .await;
    world
        .apply_vm("copier", &format!("source: {{clone: {{vmid: {own}}}}}"))
        .await;
    world.wait_ready("copier").await;

    // A wish beyond that, later, changes nothing.
    let position = world.sim.position();
    world
        .patch_vm(
            "copier",
            json!({"spec": {"networks": [{"name": "net0", "vlan": 7}]}}),
        )
        .await;
    world
        .wait_vm("copier", "Stalled", "True", "NotAllowedByTenancy")
        .await;
    assert!(world.sim.mutations().since(position).is_empty());
    world.delete_vm("copier").await;
    world.wait_vm_gone("copier").await;
}

#[tokio::test]
async fn machine_whose_mark_somebody_took_is_not_adopted_while_its_resource_lives() {
    let world = World::new("adopt-stripped").await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    // Its resource is left alone, and knows of it no more than its own UID.
    let paused = json!({"metadata": {"annotations": {
        "drover.dev/paused": "true", "drover.dev/reserved-vmid": null,
    }}});
    world.patch_vm("web", paused).await;
    world.wait_vm("web", "Paused", "True", "*").await;
    let nothing = Patch::Merge(json!({"status": null}));
    let params = PatchParams::default();
    world.vms().patch_status("web", &params, &nothing).await.unwrap();
    world.sim.change_config(vmid, &[("description", None)]).unwrap();
    let position = world.sim.position();
    apply(&world, "thief", adopt(), &format!("{{vmid: {vmid}}}")).await;
    let vm = world.wait_vm("thief", "Stalled", "True", "MarkedByOther").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains(&format!("{}/web's", world.name)), "{message}");
    assert!(world.sim.mutations().since(position).is_empty());
}

#[tokio::test]
async fn adoption_does_not_forget_the_machine_of_a_predecessor() {
    let mut world = World::builder("adopt-beside")
        .seed(|s| s.with_guest(SeedGuest::new(150, "db")))
        .start()
        .await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let former = world.vmid("web").await;
    forget(&mut world, "web").await;
    let position = world.sim.position();
    apply(&world, "web", adopt(), "{vmid: 150}").await;
    world.start_drover();
    let vm = world.wait_vm("web", "Stalled", "True", "MarkedByOther").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        message.contains(&format!("machine {former} was made")),
        "{message}"
    );
    assert!(world.sim.mutations().since(position).is_empty());

    // Its owner says that it is nobody's.
    world.sim.change_config(former, &[("description", None)]).unwrap();
    let vm = world.wait_ready("web").await;
    assert_eq!(vm.status.and_then(|s| s.vmid), Some(150));
    assert!(world.sim.guest(former).is_some());
}
