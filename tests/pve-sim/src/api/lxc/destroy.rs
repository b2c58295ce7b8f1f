//! Destroys a container with its mount points.

use super::{Call, check_lock, check_protection, container, lock_file, need_quorum};
use crate::state::{World, drive_volume, is_mount};
use crate::wire::ApiResult;
use crate::worker::{self, TaskName};

pub(super) async fn destroy(call: Call) -> ApiResult {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let (force, purge) = (call.flag("force"), call.flag("purge"));
    let unreferenced = call.flag("destroy-unreferenced-disks");
    check(&call.world(), &node, vmid, force, purge)?;
    need_quorum(&call)?;
    let _lock = lock_file(&call.sim, vmid).await?;
    Ok(worker::start(
        &call,
        &TaskName::of_guest("vzdestroy", vmid),
        move |worker| async move {
            let _lock = lock_file(&worker.sim, vmid).await?;
            let running = {
                let world = worker.world();
                check(&world, &node, vmid, force, purge)?;
                let guest = container(&world, &node, vmid)?;
                check_lock(guest)?;
                check_bases(&world, &node, vmid)?;
                guest.is_running()
            };
            if running {
                worker.pause(|t| t.stop).await;
                worker.world().power_off(vmid);
            }
            if let Some(guest) = worker.world().guests.get_mut(&vmid) {
                guest.config.insert("lock".to_owned(), "destroyed".to_owned());
            }
            worker.pause(|t| t.destroy).await;
            let mut world = worker.world();
            free(&mut world, &node, vmid, unreferenced);
            if purge {
                let line = format!("purging CT {vmid} from related configurations..");
                world.tasks.log(&worker.upid, line);
                world.forget_references(vmid);
            }
            world.remove_guest(vmid);
            drop(world);
            Ok(())
        },
        |_| {},
    ))
}

fn check(world: &World, node: &str, vmid: u32, force: bool, purge: bool) -> Result<(), String> {
    let guest = container(world, node, vmid)?;
    check_protection(guest, &format!("can't remove CT {vmid}"))?;
    if !purge && world.ha_knows(vmid) {
        return Err(format!(
            "unable to remove CT {vmid} - used in HA resources and purge parameter not set."
        ));
    }
    if guest.is_running() && !force {
        return Err(format!("unable to destroy CT {vmid} - container is running"));
    }
    Ok(())
}

fn check_bases(world: &World, node: &str, vmid: u32) -> Result<(), String> {
    let guest = container(world, node, vmid)?;
    let mut mounts = guest.config.iter().filter(|(key, _)| is_mount(key));
    let used = mounts.find(|(_, value)| world.is_used_base(node, drive_volume(value)));
    match used {
        Some((_, value)) => Err(format!(
            "base volume '{}' is still in use by linked cloned",
            drive_volume(value)
        )),
        None => Ok(()),
    }
}

/// Frees what the configuration names, and with `unreferenced` whatever else the number owns.
fn free(world: &mut World, node: &str, vmid: u32, unreferenced: bool) {
    let named: Vec<String> = world.guests.get(&vmid).map_or_else(Vec::new, |guest| {
        let values = guest
            .config
            .iter()
            .filter(|(key, _)| is_mount(key) || key.starts_with("unused"));
        values.map(|(_, value)| drive_volume(value).to_owned()).collect()
    });
    let owned = |volume: &crate::state::Volume| {
        volume.vmid == Some(vmid)
            && ["images", "rootdir"].contains(&volume.content.as_str())
            && (volume.node == node || volume.node.is_empty())
    };
    world
        .volumes
        .retain(|_, volume| !(owned(volume) && (unreferenced || named.contains(&volume.volid))));
}
