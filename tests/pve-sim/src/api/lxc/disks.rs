//! Grows a mount point, moves one to another storage, gives one to another container.

use std::collections::BTreeMap;

use super::{
    Call, check_digest, check_lock, check_writable, clone, container, lock_file, mounts, need_quorum,
};
use crate::state::{
    Storage, World, change_container, drive_property, drive_volume, format_size, keep_unused, parse_size,
    set_property,
};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

/// That it would shrink, or has the size, is found out at once; that its storage can't, in the task.
pub(super) fn resize(call: &Call) -> ApiResult {
    need_quorum(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let disk = call.text("disk").unwrap_or("").to_owned();
    let bytes = {
        let world = call.world();
        let guest = container(&world, &node, vmid)?;
        check_lock(guest)?;
        check_digest(guest, call.text("digest"))?;
        new_size(&world, &node, vmid, &disk, call.text("size").unwrap_or(""))?
    };
    Ok(worker::start(
        call,
        &TaskName::of_guest("resize", vmid),
        move |worker| async move {
            let _lock = lock_file(&worker.sim, vmid).await?;
            worker.pause(|t| t.resize).await;
            grow(&mut worker.world(), &node, vmid, &disk, bytes)
        },
        |_| {},
    ))
}

fn new_size(world: &World, node: &str, vmid: u32, disk: &str, size: &str) -> Result<u64, ApiError> {
    let guest = container(world, node, vmid)?;
    let value = guest
        .option(disk)
        .ok_or_else(|| format!("volume '{disk}' does not exist"))?;
    let volid = drive_volume(value);
    let volume = world.volume(node, volid);
    let volume = volume.ok_or_else(|| format!("Could not determine current size of volume '{volid}'"))?;
    let asked = match size.strip_prefix('+') {
        Some(more) => parse_size(more).map(|more| volume.size.saturating_add(more)),
        None => parse_size(size),
    };
    let asked = asked.ok_or_else(|| format!("unable to parse size '{size}'"))?;
    if asked < volume.size {
        return Err(ApiError::internal("unable to shrink disk size"));
    }
    if asked == volume.size {
        return Err(ApiError::internal("disk is already at specified size"));
    }
    Ok(asked)
}

fn grow(world: &mut World, node: &str, vmid: u32, disk: &str, bytes: u64) -> Result<(), String> {
    let guest = container(world, node, vmid)?;
    check_lock(guest)?;
    let value = guest.option(disk).unwrap_or("").to_owned();
    let volid = drive_volume(&value);
    // The plugin of directories grows files alone.
    let in_directory = volid
        .split(':')
        .next()
        .and_then(|name| world.storage(name))
        .is_some_and(Storage::has_files);
    let Some(volume) = world.volume_mut(node, volid) else {
        return Err(format!("volume '{volid}' does not exist"));
    };
    if volume.format == "subvol" && in_directory {
        return Err("can't resize this image format".to_owned());
    }
    volume.size = bytes;
    let value = set_property(&value, "size", Some(&format_size(bytes)));
    change_container(world, vmid, BTreeMap::from([(disk.to_owned(), Some(value))]));
    Ok(())
}

/// One move, checked.
struct Move {
    node: String,
    vmid: u32,
    key: String,
    storage: String,
    delete: bool,
}

pub(super) async fn move_volume(call: Call) -> ApiResult {
    let storage = call.text("storage");
    let target = call.number::<u32>("target-vmid");
    if storage.is_some() && target.is_some() {
        let text = "either set 'storage' or 'target-vmid', but not both";
        return Err(ApiError::internal(text));
    }
    let key = call.text("volume").unwrap_or("").to_owned();
    if let Some(target) = target {
        return reassign(call, key, target).await;
    }
    let Some(storage) = storage.map(str::to_owned) else {
        return Err(ApiError::internal(
            "both 'storage' and 'target-vmid' missing, either needs to be set",
        ));
    };
    let path = format!("/storage/{storage}");
    call.require(&call.world(), &path, &["Datastore.AllocateSpace"])?;
    let order = Move {
        node: call.node().to_owned(),
        vmid: call.vmid(),
        key,
        storage,
        delete: call.flag("delete"),
    };
    let _lock = lock_file(&call.sim, order.vmid).await?;
    {
        let mut world = call.world();
        let guest = container(&world, &order.node, order.vmid)?;
        check_lock(guest)?;
        if guest.is_running() {
            return Err(ApiError::internal("cannot move volumes of a running container"));
        }
        let value = guest.option(&order.key);
        let value = value
            .ok_or_else(|| format!("volume '{}' does not exist", order.key))?
            .to_owned();
        if order.delete && is_in_snapshot(guest, drive_volume(&value)) {
            let text = "you can't move a volume with snapshots and delete the source";
            return Err(ApiError::internal(text));
        }
        check_digest(guest, call.text("digest"))?;
        check_writable(&world, &order.node, order.vmid)?;
        mounts::check_storage(&call, &world, &order.storage)?;
        if let Some(guest) = world.guests.get_mut(&order.vmid) {
            guest.config.insert("lock".to_owned(), "disk".to_owned());
        }
    }
    let vmid = order.vmid;
    let unlock = move |world: &mut World| {
        if let Some(guest) = world.guests.get_mut(&vmid) {
            guest.config.remove("lock");
        }
    };
    Ok(worker::start(
        &call,
        &TaskName::of_guest("move_volume", vmid),
        move |worker| async move {
            copy(&worker, &order).await?;
            unlock(&mut worker.world());
            Ok(())
        },
        unlock,
    ))
}

fn is_in_snapshot(guest: &crate::state::Guest, volid: &str) -> bool {
    let mut values = guest.snapshots.values().flat_map(|section| section.values());
    values.any(|value| drive_volume(value) == volid)
}

async fn copy(worker: &Worker, order: &Move) -> Result<(), String> {
    let _lock = lock_file(&worker.sim, order.vmid).await?;
    let value = {
        let world = worker.world();
        let guest = container(&world, &order.node, order.vmid)?;
        guest.option(&order.key).unwrap_or("").to_owned()
    };
    let old = drive_volume(&value).to_owned();
    let used = worker.world().volume(&order.node, &old).map_or(0, |v| v.used);
    worker.pause(|t| t.full_clone(used)).await;
    let mut world = worker.world();
    let size = drive_property(&value, "size").and_then(parse_size).unwrap_or(0);
    let (new, mut log) = mounts::allocate(&mut world, &order.node, &order.storage, order.vmid, size)?;
    log.extend(clone::statistics(used));
    for line in log {
        world.tasks.log(&worker.upid, line);
    }
    if let Some(volume) = world.volume_mut(&order.node, &new) {
        volume.used = used;
    }
    if let Some(guest) = world.guests.get_mut(&order.vmid) {
        guest
            .config
            .insert(order.key.clone(), value.replacen(&old, &new, 1));
        if !order.delete {
            keep_unused(guest, &old);
        }
    }
    if order.delete {
        world.free_volume(&order.node, &old);
    }
    drop(world);
    Ok(())
}

/// Gives a mount point to another container of the node.
async fn reassign(call: Call, key: String, target: u32) -> ApiResult {
    let target_key = call.text("target-volume").unwrap_or(&key).to_owned();
    let (node, source) = (call.node().to_owned(), call.vmid());
    call.require(&call.world(), &format!("/vms/{target}"), &["VM.Config.Disk"])?;
    let _lock = lock_file(&call.sim, source).await?;
    check_reassign(&call.world(), &call, &key, target, &target_key)?;
    let name = TaskName {
        kind: "move_volume",
        id: format!("{source}-{key}>{target}-{target_key}"),
    };
    Ok(worker::start(
        &call,
        &name,
        move |worker| async move {
            worker.pause(|t| t.resize).await;
            let mut world = worker.world();
            let value = container(&world, &node, source)?
                .option(&key)
                .unwrap_or("")
                .to_owned();
            let old = drive_volume(&value).to_owned();
            let new = world.rename_volume(&node, &old, target)?;
            if let Some(guest) = world.guests.get_mut(&source) {
                guest.config.remove(&key);
            }
            let value = value.replacen(&old, &new, 1);
            change_container(&mut world, target, BTreeMap::from([(target_key, Some(value))]));
            drop(world);
            Ok(())
        },
        |_| {},
    ))
}

fn check_reassign(
    world: &World,
    call: &Call,
    key: &str,
    target: u32,
    target_key: &str,
) -> Result<(), ApiError> {
    let (node, source) = (call.node(), call.vmid());
    if target == source {
        return Err(ApiError::internal(
            "must be different CTs to move volume to other CT",
        ));
    }
    if key == "rootfs" {
        return Err(ApiError::internal("cannot move rootfs to another container"));
    }
    let own = container(world, node, source)?;
    let other = container(world, node, target)?;
    for guest in [own, other] {
        check_lock(guest)?;
        if guest.is_running() {
            return Err(ApiError::internal("cannot move volumes of a running container"));
        }
    }
    check_digest(own, call.text("digest"))?;
    check_digest(other, call.text("target-digest"))?;
    if own.option(key).is_none() {
        return Err(ApiError::internal(format!("volume '{key}' does not exist")));
    }
    if other.option(target_key).is_some() {
        let text = format!("target volume key '{target_key}' is already in use for container {target}");
        return Err(ApiError::internal(text));
    }
    Ok(())
}
