//! Destroys a guest with its disks.

use super::{Call, check_lock, need_quorum};
use crate::state::World;
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName};

pub(super) fn destroy(call: &Call) -> ApiResult {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    if call.flag("skiplock") && !call.caller.is_root() {
        return Err(ApiError::parameter("skiplock", "Only root may use this option."));
    }
    {
        let world = call.world();
        let guest = world.guest_on(&node, vmid)?;
        if guest.option("protection") == Some("1") {
            let text = format!("can't remove VM {vmid} - protection mode enabled");
            return Err(ApiError::internal(text));
        }
        if guest.is_running() {
            return Err(ApiError::internal(format!(
                "VM {vmid} is running - destroy failed"
            )));
        }
    }
    need_quorum(call)?;
    let (purge, unreferenced) = (call.flag("purge"), call.flag("destroy-unreferenced-disks"));
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmdestroy", vmid),
        move |worker| async move {
            let _lock = worker.sim.lock_file(vmid, false).await?;
            mark_destroyed(&mut worker.world(), &node, vmid)?;
            worker.pause(|t| t.destroy).await;
            let mut world = worker.world();
            world.remove_guest(vmid);
            if unreferenced {
                world
                    .volumes
                    .retain(|_, v| v.node != node || v.vmid != Some(vmid) || v.content != "images");
            }
            if purge {
                let line = format!("purging VM {vmid} from related configurations..");
                world.tasks.log(&worker.upid, line);
            }
            drop(world);
            Ok(())
        },
        |_| {},
    ))
}

/// From here on the configuration is `{lock: destroyed}`; the volumes are remembered to be freed.
fn mark_destroyed(world: &mut World, node: &str, vmid: u32) -> Result<(), String> {
    let guest = world.guest_on(node, vmid)?;
    check_lock(guest)?;
    if guest.is_running() {
        return Err(format!("VM {vmid} is running - destroy failed"));
    }
    let owned: Vec<String> = guest.volumes().map(|(_, volid)| volid.to_owned()).collect();
    let linked = |base: &String| world.volumes.values().any(|v| v.parent.as_ref() == Some(base));
    if let Some(base) = owned.iter().find(|volid| linked(volid)) {
        return Err(format!("base volume '{base}' is still in use by linked cloned"));
    }
    for volid in owned {
        if world.volume(node, &volid).is_some_and(|v| v.vmid == Some(vmid)) {
            world.free_volume(node, &volid);
        }
    }
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.config.clear();
        guest.pending.clear();
        guest.config.insert("lock".to_owned(), "destroyed".to_owned());
    }
    Ok(())
}
