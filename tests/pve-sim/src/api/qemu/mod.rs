//! `/nodes/{node}/qemu`: the virtual machines.

mod agent;
mod agent_inside;
mod change;
mod clone;
mod cloudinit;
mod cloudinit_files;
mod config;
mod console;
mod copy_disk;
mod create;
mod destroy;
mod drives;
mod feature;
mod list;
mod migrate;
mod move_disk;
mod power;
mod reassign;
mod resize;
mod restore;
mod rights;
mod saved_state;
mod snapshot;
mod snapshot_tasks;
mod start;
mod suspend;
mod template;
mod values;

use super::{Call, Endpoint};
use crate::wire::ApiError;

use power::check_skip_lock;

pub(super) use console::{reserve_port, ticket, wait_for_client};

/// The tables of all parts.
pub(super) const TABLES: &[&[Endpoint]] = &[
    agent::ENDPOINTS,
    agent::COMMAND_ENDPOINTS,
    agent::EXEC_ENDPOINTS,
    agent::EXEC_STATUS_ENDPOINTS,
    agent::READ_ENDPOINTS,
    agent::WRITE_ENDPOINTS,
    agent::PASSWORD_ENDPOINTS,
    clone::ENDPOINTS,
    cloudinit::ENDPOINTS,
    config::ENDPOINTS,
    console::ENDPOINTS,
    create::ENDPOINTS,
    destroy::ENDPOINTS,
    feature::ENDPOINTS,
    list::ENDPOINTS,
    migrate::ENDPOINTS,
    move_disk::ENDPOINTS,
    power::ENDPOINTS,
    resize::ENDPOINTS,
    snapshot::ENDPOINTS,
    start::ENDPOINTS,
    suspend::ENDPOINTS,
    template::ENDPOINTS,
];

/// Calls that write need the cluster's quorum.
fn need_quorum(call: &Call) -> Result<(), ApiError> {
    if call.world().quorate {
        Ok(())
    } else {
        Err(ApiError::internal("cluster not ready - no quorum?"))
    }
}

/// The sentence of a guest that something else works on.
fn check_lock(guest: &crate::state::Guest) -> Result<(), String> {
    match guest.lock() {
        None => Ok(()),
        Some(lock) => Err(format!("VM is locked ({lock})")),
    }
}

/// Without quorum `/etc/pve` is read-only, which is found when the file is written.
fn check_writable(world: &crate::state::World, node: &str, vmid: u32) -> Result<(), String> {
    if world.quorate {
        Ok(())
    } else {
        Err(format!(
            "unable to open file '/etc/pve/nodes/{node}/qemu-server/{vmid}.conf.tmp.2002' - Permission denied"
        ))
    }
}
