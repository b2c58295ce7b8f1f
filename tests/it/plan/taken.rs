//! Machines that stand there already: adopted, found again, or taken over.

use kube::api::{Patch, PatchParams};
use pve_sim::SeedGuest;
use serde_json::json;

use super::{SMALL, annotated, held, machine, planned, planned_by};
use crate::support::World;

const ADOPT: &str = "{drover.dev/adopt: 'true'}";

#[tokio::test]
async fn adoption_is_told_with_what_is_changed_then() {
    let world = World::builder("plan-adopt")
        .seed(|s| s.with_guest(SeedGuest::new(150, "db")))
        .start()
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    let as_it_is = planned(&world, &annotated(&world, "db", ADOPT, "vmid: 150")).await;
    let adopted = "machine 150 on node pve1, which is adopted, as the annotation drover.dev/adopt says";
    assert!(
        as_it_is.code == Some(2)
            && as_it_is.printed.contains(adopted)
            && as_it_is.printed.ends_with("\n1 changes\n"),
        "{as_it_is:?}"
    );
    let twice = annotated(&world, "db", ADOPT, "vmid: 150") + &annotated(&world, "copy", ADOPT, "vmid: 150");
    let twice = planned(&world, &twice).await;
    let another = "/copy: nothing is done\n  needs a person (NothingToAdopt): machine 150 (spec.vmid) can't be adopted: another \
                   resource has it\n1 changes\n";
    assert!(
        twice.code == Some(1) && twice.printed.contains(adopted) && twice.printed.ends_with(another),
        "{twice:?}"
    );
    let declared = annotated(&world, "db", ADOPT, "vmid: 150\ntags: [prod]");
    let told = planned(&world, &declared).await;
    assert!(
        told.printed.contains("tags: none -> prod\n") && told.printed.ends_with("\n2 changes\n"),
        "{told:?}"
    );
    world.apply(&declared).await;
    world.wait_ready("db").await;
    let guest = world.sim.guest(150).unwrap();
    assert!(guest.config["tags"].contains("prod") && guest.config["description"].contains("name=db "));
    let sent = world.sim.mutations();
    assert_eq!(sent.len(), 2, "the mark and the tag: {sent:?}");
    let told = planned(&world, &declared).await;
    assert!(
        told.code == Some(0) && told.printed.contains("as declared"),
        "{told:?}"
    );
}

#[tokio::test]
async fn machine_whose_status_was_lost_is_told_to_be_bound_again() {
    let mut world = World::new("plan-bound").await;
    world.apply_vm("web", SMALL).await;
    let made = world.wait_ready("web").await.status.unwrap();
    world.stop_drover().await;
    let nothing = Patch::Merge(json!({"status": null}));
    world
        .vms()
        .patch_status("web", &PatchParams::default(), &nothing)
        .await
        .unwrap();
    let declared = machine(&world, "web", SMALL);
    let told = planned(&world, &declared).await;
    let vmid = made.vmid.unwrap();
    let bound = format!("machine {vmid} carries this resource's mark: it is bound again");
    assert!(
        told.code == Some(2) && told.printed.contains(&bound) && told.printed.ends_with("\n1 changes\n"),
        "{told:?}"
    );
    let position = world.sim.position();
    world.start_drover();
    let again = world.wait_ready("web").await.status.unwrap();
    assert_eq!((again.vmid, again.identity), (made.vmid, made.identity));
    world.wait_event("web", "FoundAgain", &bound).await;
    let sent = world.sim.mutations().since(position);
    assert!(sent.is_empty(), "{sent:?}");
}

/// Forgets a resource, as the loss of etcd does.
async fn forget(world: &mut World, name: &str) {
    world.stop_drover().await;
    let none = Patch::Merge(json!({"metadata": {"finalizers": []}}));
    world
        .vms()
        .patch(name, &PatchParams::default(), &none)
        .await
        .unwrap();
    world.delete_vm(name).await;
    world.wait_vm_gone(name).await;
}

#[tokio::test]
async fn machine_of_a_predecessor_is_told_to_be_taken_over_or_what_forbids_it() {
    const LOST: &str = "6f1c2b7e-0a52-4a6e-9d2c-3d1f5b8f0c11";
    let mut world = World::new("plan-former").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    forget(&mut world, "web").await;
    let declared = machine(&world, "web", SMALL);
    let told = planned(&world, &declared).await;
    let part = format!("machine {vmid} on node pve1, which was made for this resource's predecessor");
    assert!(
        told.code == Some(2) && told.printed.contains(&part) && told.printed.ends_with("\n1 changes\n"),
        "{told:?}"
    );

    // The mark of another Kubernetes cluster holds, unless that one is named as lost.
    let notes = world.sim.guest(vmid).unwrap().config["description"].clone();
    let (before, after) = notes.split_once("cluster=").unwrap();
    let (_, after) = after.split_once(' ').unwrap();
    let notes = format!("{before}cluster={LOST} {after}");
    world
        .sim
        .change_config(vmid, &[("description", Some(&notes))])
        .unwrap();
    world.start_drover();
    held(&world, "web", "{}", SMALL, "MarkedByOther").await;
    world.stop_drover().await;
    let told = planned_by(&world, &declared, &["--recover-from", LOST]).await;
    assert!(told.code == Some(2) && told.printed.contains(&part), "{told:?}");
    let wrong = planned_by(&world, &declared, &["--recover-from", "x"]).await;
    assert!(
        wrong.code == Some(1) && wrong.said.contains("--recover-from") && wrong.printed.is_empty(),
        "{wrong:?}"
    );
    world.change_settings(|s| s.recover_from = vec![LOST.to_owned()]);
    world.apply(&declared).await;
    world.start_drover();
    world.wait_ready("web").await;
    assert_eq!(world.vmid("web").await, vmid);
}
