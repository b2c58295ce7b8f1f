//! What goes wrong on the way, and what must hold all the same: nothing twice, nothing lost, nothing of others
//! touched.

mod agents;
mod answers;
mod burst;
mod clock;
mod conflicts;
mod copies;
mod idle;
mod kills;
mod outage;
mod population;
mod races;
mod recycled;
mod restored;
mod unreachable;
mod verbs;
mod wedges;

use std::collections::BTreeSet;

use pve_sim::{GuestView, Hold, Mark, Matcher, Requests};

use crate::support::World;

/// A machine with an empty disk that runs.
const BLANK: &str = "{powerState: Running, memory: {size: 512Mi}, disks: [{name: scsi0, size: 1Gi}]}";
/// One that does not run.
const STOPPED: &str = "{powerState: Stopped, memory: {size: 512Mi}, disks: [{name: scsi0, size: 1Gi}]}";
/// A copy of the template that runs.
const CLONE: &str = "{powerState: Running, source: {clone: {vmid: 9000}}}";

/// What was sent to change or make the guest with a number, since a position of the log.
fn sent_to(world: &World, vmid: u32, position: u64) -> Requests {
    let number = vmid.to_string();
    world.sim.mutations().since(position).filter(|request| {
        request.path.split('/').any(|segment| segment == number)
            || [request.param("vmid"), request.param("newid")].contains(&Some(&number))
    })
}

/// Declares a machine, and kills Drover when its number is reserved and the call that makes it is on its way: the host takes it
/// when what is returned is released.
async fn killed_in_a_create(world: &mut World, spec: &str) -> Hold {
    let held = world
        .sim
        .hold(Matcher::new("POST", "/nodes/*/qemu"), Mark::BeforeAct);
    world.apply_vm("web", spec).await;
    held.reached().await;
    world.kill_drover();
    held
}

/// Tasks of a type that ended well, or run.
fn tasks(world: &World, kind: &str) -> usize {
    let all = world.sim.tasks();
    let good = |exit: &str| exit == "OK" || exit.starts_with("WARNINGS");
    all.iter()
        .filter(|task| task.kind == kind && task.exit.as_deref().is_none_or(good))
        .count()
}

/// The guests that carry a mark.
fn marked(world: &World) -> Vec<GuestView> {
    let mut guests = world.sim.guests();
    guests.retain(|guest| {
        guest
            .config
            .get("description")
            .is_some_and(|d| d.contains("drover/v1"))
    });
    guests
}

/// There is one guest a machine, under the number in its status, and none besides; each volume has its guest.
async fn assert_one_guest_each(world: &World, names: &[String]) {
    let guests = marked(world);
    let mut found: Vec<String> = guests.iter().filter_map(|guest| guest.name.clone()).collect();
    let mut wanted = names.to_vec();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted, "one guest a machine");
    let mut numbers = BTreeSet::new();
    for name in names {
        let vmid = world.vmid(name).await;
        assert!(numbers.insert(vmid), "number {vmid} twice");
        let guest = world.sim.guest(vmid).unwrap();
        assert_eq!(guest.name.as_deref(), Some(name.as_str()));
    }
    let used: Vec<String> = world
        .sim
        .guests()
        .iter()
        .flat_map(|guest| guest.config.values().cloned().collect::<Vec<_>>())
        .collect();
    for node in world.sim.node_names() {
        for volume in world.sim.volumes(&node) {
            // Images for drives and archives outlive their machines.
            let of_machine = ![":iso/", ":backup/"].iter().any(|part| volume.contains(part));
            let orphan = of_machine && !used.iter().any(|value| value.starts_with(&volume));
            assert!(!orphan, "volume {volume} of {node} belongs to nobody");
        }
    }
}
