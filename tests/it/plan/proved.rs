//! What stands under a number without proving anything: the nodes' tasks are asked, as the operator asks them.

use drover::api::VirtualMachine;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use pve_sim::{Rights, Seed, SeedGuest};
use serde_json::json;

use super::{SMALL, annotated, machine, planned};
use crate::support::{World, condition};

const ADOPT: &str = "{drover.dev/adopt: 'true'}";
/// Of nothing that is there any more.
const COPY: &str = "source: {clone: {name: former}}\npowerState: Stopped";

/// A world in whose host a machine stands, under the number that a resource has reserved; Drover does not run.
///
/// The number is one that no other test adopts: what is reserved by a resource without status is adopted on no cluster.
async fn reserved(test: &str, name: &str, spec: &str) -> (World, VirtualMachine) {
    let mut world = World::builder(test)
        .seed(|seed| Seed { nodes: 2, ..seed }.with_guest(SeedGuest::new(173, name)))
        .start()
        .await;
    let host = world.wait_host("Ready", "True", "Usable").await;
    world.stop_drover().await;
    world.apply_vm(name, spec).await;
    let vm = world.vm(name).await;
    let status = Patch::Merge(json!({"status": {
        "vmid": 173,
        "cluster": host.status.unwrap().cluster.unwrap().id,
        "host": world.name,
        "node": "pve1",
        "reservation": {"vmid": 173, "since": vm.metadata.creation_timestamp},
    }}));
    let params = PatchParams::default();
    world.vms().patch_status(name, &params, &status).await.unwrap();
    (world, vm)
}

/// The plan says that a person is needed, with the very words that the operator says then.
async fn said_alike(world: &mut World, name: &str, spec: &str, reason: &str) {
    let told = planned(world, &machine(world, name, spec)).await;
    world.start_drover();
    let vm = world.wait_vm(name, "Ready", "*", reason).await;
    world.stop_drover().await;
    let message = &condition(&vm, "Ready").unwrap().message;
    let line = format!(
        "{}/{name}: nothing is done\n  needs a person ({reason}): {message}\n0 changes\n",
        world.name
    );
    assert_eq!(told.printed, line, "{told:?}");
    assert_eq!(told.code, Some(1), "{told:?}");
}

/// The mark of a resource's machine, not sealed.
async fn unsealed(world: &World, vm: &VirtualMachine, vmid: u32) -> String {
    let namespaces = Api::<Namespace>::all(world.client.clone());
    let cluster = namespaces.get("kube-system").await.unwrap().uid().unwrap();
    format!(
        "<!-- drover/v1 cluster={cluster} kind=VirtualMachine namespace={} name={} uid={} id={vmid} -->",
        world.name,
        vm.name_any(),
        vm.uid().unwrap()
    )
}

#[tokio::test]
async fn stale_lock_and_a_mark_or_a_machine_that_no_task_explains_need_a_person() {
    let (mut world, vm) = reserved("plan-proved", "web", SMALL).await;
    world.sim.lock(173, Some("create")).unwrap();
    said_alike(&mut world, "web", SMALL, "StaleLock").await;

    let mark = unsealed(&world, &vm, 173).await;
    world
        .sim
        .change_config(173, &[("description", Some(&mark))])
        .unwrap();
    world.sim.lock(173, None).unwrap();
    said_alike(&mut world, "web", SMALL, "Unproven").await;

    // The host says that somebody has the number, and not who.
    let token = world.sim.token_id().to_owned();
    let hidden = vec![Rights::all("/"), Rights::new("/vms/173", &[])];
    world.sim.set_rights(&token, Some(hidden)).unwrap();
    said_alike(&mut world, "web", SMALL, "PresenceUnknown").await;

    // The status is lost, and the mark that is not sealed found again: it proves as little.
    world.sim.set_rights(&token, None).unwrap();
    let nothing = Patch::Merge(json!({"status": null}));
    let params = PatchParams::default();
    world.vms().patch_status("web", &params, &nothing).await.unwrap();
    said_alike(&mut world, "web", SMALL, "Unproven").await;
    assert!(world.sim.mutations().is_empty(), "{:?}", world.sim.mutations());
}

#[tokio::test]
async fn machine_whose_task_may_stand_on_a_node_that_is_away_needs_a_person() {
    let (mut world, _) = reserved("plan-unclear", "web", COPY).await;
    world.sim.set_node_online("pve2", false).unwrap();
    said_alike(&mut world, "web", COPY, "Unidentified").await;
    assert!(world.sim.mutations().is_empty(), "{:?}", world.sim.mutations());
}

#[tokio::test]
async fn machine_that_the_host_works_on_is_a_change_until_that_is_done() {
    let mut world = World::new("plan-at-work").await;
    world.sim.hold_tasks();
    world.apply_vm("web", SMALL).await;
    world.wait_vm("web", "Ready", "False", "Creating").await;
    let vmid = world.vmid("web").await;
    world
        .wait_guest(vmid, "to be made", |guest| {
            guest.lock.as_deref() == Some("create")
        })
        .await;
    world.stop_drover().await;
    world.sim.refresh_resources();
    let told = planned(&world, &machine(&world, "web", SMALL)).await;
    let line = format!(
        "{}/web: the host is at work on machine {vmid} (lock 'create'): look again when that is done\n1 changes\n",
        world.name
    );
    assert_eq!(
        (told.code, told.printed.as_str()),
        (Some(2), line.as_str()),
        "{told:?}"
    );
    world.start_drover();
    world.sim.release_tasks();
    world.wait_ready("web").await;
}

#[tokio::test]
async fn machine_that_the_host_works_on_is_told_to_be_taken_over_afterwards() {
    let world = World::builder("plan-later")
        .seed(|seed| seed.with_guest(SeedGuest::new(174, "db")))
        .start()
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    world.sim.hold_tasks();
    world.as_person("/nodes/pve1/qemu/174/status/start", "").await;
    let position = world.sim.position();
    let declared = annotated(&world, "db", ADOPT, "vmid: 174\ntags: [prod]");
    let told = planned(&world, &declared).await;
    world.apply(&declared).await;
    let vm = world.wait_vm("db", "Ready", "False", "HostBusy").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("task UPID:pve1:"), "{message}");
    let lines = format!("which is adopted, as the annotation drover.dev/adopt says\n  {message}\n");
    assert!(
        told.code == Some(2)
            && told.printed.contains(&lines)
            && told.printed.contains("tags: none -> prod\n")
            && told.printed.ends_with("\n2 changes\n"),
        "{lines} in {told:?}"
    );
    assert!(world.sim.mutations().since(position).is_empty());
    world.sim.release_tasks();
    world.wait_ready("db").await;
    let guest = world.sim.guest(174).unwrap();
    assert!(guest.config["tags"].contains("prod") && guest.config["description"].contains("name=db "));
}
