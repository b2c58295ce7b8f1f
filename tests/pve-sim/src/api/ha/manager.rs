//! The cluster's resource manager: it comes round again and again, and each time compares what the files say with how the
//! guests are (`PVE::HA::Manager`, `manage`). What it has still to do is in the state, so it goes on where it was when a
//! state is loaded, and when the quorum or the stack's arms are back.

use std::sync::Arc;

use super::recovery::{note_nodes, recover_lost};
use crate::shared::Shared;
use crate::state::ha::{add_section, service};
use crate::state::{GuestKind, World};
use crate::worker::Worker;

/// Manages until the simulator ends.
pub(crate) async fn manage_resources(sim: Arc<Shared>) {
    loop {
        tokio::select! {
            () = sim.pause(|t| t.ha_reaction) => come_round(&sim),
            // The new durations count from now on.
            () = sim.timing_changed.notified() => {}
        }
    }
}

fn come_round(sim: &Shared) {
    let timing = sim.timing();
    let mut world = sim.world();
    if !world.system.has_ha() {
        return;
    }
    note_nodes(&mut world);
    if !world.quorate || world.ha.disarmed.is_some() {
        return;
    }
    recover_lost(&mut world, timing.real(timing.ha_fencing));
    let resources: Vec<String> = world.ha.resources.keys().cloned().collect();
    for sid in resources {
        let Some((kind, vmid)) = parts(&sid) else {
            continue;
        };
        // Who works on a guest has its lock file; its turn comes when they are done.
        if let Some(_lock) = sim.try_lock_file(vmid, false) {
            see_to(&mut world, &sid, kind, vmid);
        }
    }
}

/// Puts a new guest under the care of the HA stack.
pub(in super::super) fn manage(worker: &Worker, kind: GuestKind, vmid: u32, started: bool) {
    worker.log("Add as HA resource");
    let state = if started { "started" } else { "stopped" };
    let sid = service(kind, vmid);
    let options = [("state".to_owned(), state.to_owned())].into();
    add_section(&mut worker.world().ha.resources, &sid, options);
}

/// Kind and number of `vm:100`.
pub(super) fn parts(sid: &str) -> Option<(GuestKind, u32)> {
    let (kind, vmid) = sid.split_once(':')?;
    let kind = if kind == "ct" {
        GuestKind::Lxc
    } else {
        GuestKind::Qemu
    };
    Some((kind, vmid.parse().ok()?))
}

/// The name of a task for a guest of a kind.
fn task(kind: GuestKind, of_vm: &'static str, of_container: &'static str) -> &'static str {
    if kind == GuestKind::Qemu {
        of_vm
    } else {
        of_container
    }
}

/// Moves, starts or stops a guest so that it is as the files say. One that is locked is let be until it isn't.
fn see_to(world: &mut World, sid: &str, kind: GuestKind, vmid: u32) {
    let Some(requested) = world.ha.resources.get(sid).map(|s| s.requested().to_owned()) else {
        return;
    };
    let Some(guest) = world.guests.get(&vmid) else {
        return;
    };
    let (node, running) = (guest.node.clone(), guest.is_running());
    if guest.lock().is_some() || !world.node(&node).is_some_and(|n| n.online) {
        return;
    }
    let target = world.ha.moves.remove(sid);
    // What has failed stays so until somebody disables it.
    let failed = world.ha.known.get(sid).is_some_and(|state| state == "error");
    if failed && requested != "disabled" {
        return;
    }
    let state = match (requested.as_str(), running) {
        ("ignored", _) => "ignored",
        ("started", false) => start(world, kind, vmid, &node),
        ("stopped" | "disabled", true) => {
            world.enter_task(&node, task(kind, "qmstop", "vzstop"), vmid, "OK");
            world.power_off(vmid);
            "stopped"
        }
        ("stopped" | "disabled", false) => "stopped",
        _ => "started",
    };
    world.ha.known.insert(sid.to_owned(), state.to_owned());
    // An order to move to a node that is gone is ignored.
    let up = |name: &String| *name != node && world.node(name).is_some_and(|n| n.online);
    if let Some(target) = target.filter(up).filter(|_| requested != "ignored") {
        world.enter_task(&node, task(kind, "qmigrate", "vzmigrate"), vmid, "OK");
        world.relocate(vmid, &target);
    }
}

/// Starts a guest where it is, if its volumes are there; the state that it is in then.
pub(super) fn start(world: &mut World, kind: GuestKind, vmid: u32, node: &str) -> &'static str {
    let gone = world.guests.get(&vmid).and_then(|guest| {
        let mut volumes = guest.volumes().filter(|(key, _)| !key.starts_with("unused"));
        let missing = volumes.find(|(_, volid)| world.volume(node, volid).is_none());
        missing.map(|(_, volid)| format!("volume '{volid}' does not exist"))
    });
    let exit = gone.as_deref().unwrap_or("OK");
    world.enter_task(node, task(kind, "qmstart", "vzstart"), vmid, exit);
    if gone.is_some() {
        return "error";
    }
    world.power_on(vmid);
    "started"
}
