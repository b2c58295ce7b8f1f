//! `/nodes/{node}/lxc`: the containers.
//!
//! Most is as with virtual machines, but much that these find out in a task is found out at once here, and so is an
//! HTTP error.

mod clone;
mod config;
mod console;
mod create;
mod destroy;
mod disks;
mod endpoints;
mod list;
mod migrate;
mod mounts;
mod power;
mod restore;
mod rights;
mod snapshot;
mod template;

pub(super) use endpoints::ENDPOINTS;

use super::Call;
use crate::shared::{LockFile, Shared};
use crate::state::{Guest, GuestKind, World};
use crate::wire::ApiError;

/// The container, if it stands on the node.
fn container<'a>(world: &'a World, node: &str, vmid: u32) -> Result<&'a Guest, String> {
    world.found(GuestKind::Lxc, node, vmid)
}

/// The sentence of a container that something else works on.
fn check_lock(guest: &Guest) -> Result<(), String> {
    match guest.lock() {
        None => Ok(()),
        Some(lock) => Err(format!("CT is locked ({lock})")),
    }
}

/// What a protected container isn't for.
fn check_protection(guest: &Guest, sentence: &str) -> Result<(), String> {
    if guest.option("protection") == Some("1") {
        Err(format!("{sentence} - protection mode enabled"))
    } else {
        Ok(())
    }
}

/// Takes a container's lock file.
async fn lock_file(sim: &Shared, vmid: u32) -> Result<LockFile, String> {
    let taken = sim.lock_file(vmid, false).await;
    taken.map_err(|_| format!("can't lock file '/run/lock/lxc/pve-config-{vmid}.lock' - got timeout"))
}

/// Calls that write need the cluster's quorum.
fn need_quorum(call: &Call) -> Result<(), ApiError> {
    if call.world().quorate {
        Ok(())
    } else {
        Err(ApiError::internal("cluster not ready - no quorum?"))
    }
}

/// The pool that a new container is to be in has to exist.
fn need_pool(world: &World, pool: &str) -> Result<(), ApiError> {
    if world.access.pools.get(pool).is_some() {
        return Ok(());
    }
    let text = format!("Permission check failed (pool '{pool}' does not exist)");
    Err(ApiError::new(403, text))
}

/// What the file system of the cluster says to who writes a container's configuration without quorum.
fn check_writable(world: &World, node: &str, vmid: u32) -> Result<(), String> {
    if world.quorate {
        Ok(())
    } else {
        Err(format!(
            "unable to open file '/etc/pve/nodes/{node}/lxc/{vmid}.conf.tmp.2002' - Permission denied"
        ))
    }
}

/// The digest that was given is that of the configuration (`PVE::Tools::assert_if_modified`).
fn check_digest(guest: &Guest, given: Option<&str>) -> Result<(), String> {
    match given {
        Some(digest) if !digest.is_empty() && digest != guest.digest() => Err(CHANGED.to_owned()),
        _ => Ok(()),
    }
}

const CHANGED: &str = "detected modified configuration - file changed by other user? Try again.";
