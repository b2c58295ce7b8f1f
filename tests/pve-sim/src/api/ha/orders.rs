//! Orders to a guest that the HA stack takes over: the call's own task only passes the order on, and has ended before
//! anything happens to the guest (`PVE::API2::Qemu`, `vm_start`, `vm_stop`, `migrate_vm`; likewise in `PVE::API2::LXC`).

use super::super::Call;
use crate::shared::Shared;
use crate::wire::Reply;
use crate::worker::{self, TaskName};

/// What is asked of a guest.
#[derive(Clone, Debug)]
pub(in super::super) enum Order {
    Start,
    /// With the seconds that it gets to shut down.
    Stop(u32),
    /// To a node.
    Migrate(String),
}

impl Order {
    fn task(&self) -> &'static str {
        match self {
            Self::Start => "hastart",
            Self::Stop(_) => "hastop",
            Self::Migrate(_) => "hamigrate",
        }
    }

    fn line(&self, title: &str, vmid: u32) -> String {
        match self {
            Self::Start => format!("Requesting HA start for {title} {vmid}"),
            Self::Stop(_) => format!("Requesting HA stop for {title} {vmid}"),
            Self::Migrate(node) => format!("Requesting HA migration for {title} {vmid} to node {node}"),
        }
    }

    fn command(&self, sid: &str) -> String {
        match self {
            Self::Start => format!("ha-manager set {sid} --state started"),
            Self::Stop(timeout) => format!("ha-manager crm-command stop {sid} {timeout}"),
            Self::Migrate(node) => format!("ha-manager migrate {sid} {node}"),
        }
    }
}

/// The answer of a call about a guest that the HA stack cares for; nothing if it doesn't.
pub(in super::super) fn divert(call: &Call, order: &Order) -> Option<Reply> {
    let vmid = call.vmid();
    let (sid, title) = {
        let world = call.world();
        if !world.ha_manages(vmid) {
            return None;
        }
        let (sid, _) = world.ha_resource(vmid)?;
        (sid, world.guests.get(&vmid)?.kind.title())
    };
    let order = order.clone();
    Some(worker::start(
        call,
        &TaskName::of_guest(order.task(), vmid),
        move |worker| async move {
            worker.log(order.line(title, vmid));
            give(&worker.sim, &sid, &order)
        },
        |_| {},
    ))
}

/// Passes an order on; without an HA stack there is no program to pass it on with.
pub(super) fn give(sim: &Shared, sid: &str, order: &Order) -> Result<(), String> {
    if !sim.world().system.has_ha() {
        let command = order.command(sid);
        return Err(format!(
            "command '{command}' failed: open3: exec of {command} failed: No such file or directory at /usr/share/perl5/PVE/Cmd.pm line 174."
        ));
    }
    let mut world = sim.world();
    if !world.quorate {
        return Err(format!("command '{}' failed: exit code 255", order.command(sid)));
    }
    let state = match order {
        Order::Start => "started",
        Order::Stop(_) => "stopped",
        Order::Migrate(node) => {
            world.ha.moves.insert(sid.to_owned(), node.clone());
            return Ok(());
        }
    };
    if let Some(section) = world.ha.resources.get_mut(sid) {
        section.options.insert("state".to_owned(), state.to_owned());
    }
    Ok(())
}
