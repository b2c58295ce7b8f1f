//! The cluster's resource manager: some time after the files have changed it does what they say, with tasks of its own.

use std::sync::Arc;

use crate::shared::Shared;
use crate::state::ha::{add_section, service};
use crate::state::{GuestKind, World};
use crate::worker::Worker;

/// Lets the manager look at a resource when it next comes round, if there is one.
pub(in super::super) fn come_round(sim: &Arc<Shared>, sid: &str) {
    let (own, sid) = (Arc::clone(sim), sid.to_owned());
    if !sim.world().system.has_ha() {
        return;
    }
    sim.spawn(async move {
        own.pause(|t| t.ha_reaction).await;
        act(&mut own.world(), &sid);
    });
}

/// Puts a new guest under the care of the HA stack.
pub(in super::super) fn manage(worker: &Worker, kind: GuestKind, vmid: u32, started: bool) {
    worker.log("Add as HA resource");
    let state = if started { "started" } else { "stopped" };
    let sid = service(kind, vmid);
    let options = [("state".to_owned(), state.to_owned())].into();
    add_section(&mut worker.world().ha.resources, &sid, options);
    come_round(&worker.sim, &sid);
}

/// Lets the manager move a resource when it next comes round.
pub(super) fn move_later(sim: &Arc<Shared>, sid: &str, node: &str) {
    let (own, sid, node) = (Arc::clone(sim), sid.to_owned(), node.to_owned());
    sim.spawn(async move {
        own.pause(|t| t.ha_reaction).await;
        let mut world = own.world();
        let known = world.ha.resources.contains_key(&sid) && world.node(&node).is_some_and(|n| n.online);
        let Some((kind, vmid)) = parts(&sid).filter(|_| known) else {
            return;
        };
        let from = world.guests.get(&vmid).map(|guest| guest.node.clone());
        if let Some(from) = from.filter(|from| *from != node) {
            let task = if kind == GuestKind::Qemu {
                "qmigrate"
            } else {
                "vzmigrate"
            };
            world.enter_task(&from, task, vmid, "OK");
            world.relocate(vmid, &node);
        }
    });
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

/// The task that starts a guest.
pub(super) fn start_task(kind: GuestKind) -> &'static str {
    if kind == GuestKind::Qemu {
        "qmstart"
    } else {
        "vzstart"
    }
}

/// Starts or stops a guest so that it is as the files say.
fn act(world: &mut World, sid: &str) {
    let Some((kind, vmid)) = parts(sid) else { return };
    let Some(requested) = world.ha.resources.get(sid).map(|s| s.requested().to_owned()) else {
        return;
    };
    let Some(guest) = world.guests.get(&vmid) else {
        return;
    };
    let (node, running) = (guest.node.clone(), guest.is_running());
    if !world.quorate || world.ha.disarmed.is_some() || !world.node(&node).is_some_and(|n| n.online) {
        return;
    }
    let stop = if kind == GuestKind::Qemu {
        "qmstop"
    } else {
        "vzstop"
    };
    match (requested.as_str(), running) {
        ("started", false) => {
            world.enter_task(&node, start_task(kind), vmid, "OK");
            world.power_on(vmid);
        }
        ("stopped" | "disabled", true) => {
            world.enter_task(&node, stop, vmid, "OK");
            world.power_off(vmid);
        }
        _ => {}
    }
    world.ha.known.insert(sid.to_owned(), requested);
}
