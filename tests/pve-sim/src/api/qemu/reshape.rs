//! Grows a disk; makes a template.

use super::{Call, check_lock, need_quorum};
use crate::state::{World, drive_volume, format_size, is_disk, parse_size, set_property};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName};

/// Everything but a malformed parameter is found in the task.
pub(super) fn resize(call: &Call) -> ApiResult {
    call.world().guest_on(call.node(), call.vmid())?;
    need_quorum(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let disk = call.text("disk").unwrap_or("").to_owned();
    let size = call.text("size").unwrap_or("").to_owned();
    let digest = call.text("digest").map(str::to_owned);
    Ok(worker::start(
        call,
        &TaskName::of_guest("resize", vmid),
        move |worker| async move {
            let _lock = worker.sim.lock_file(vmid, false).await?;
            let grows = {
                let world = worker.world();
                let guest = world.guest_on(&node, vmid)?;
                if digest.is_some_and(|d| d != guest.digest()) {
                    return Err("checksum mismatch (file change by other user?)".to_owned());
                }
                check_lock(guest)?;
                new_size(&world, &node, vmid, &disk, &size)?
            };
            let Some(bytes) = grows else {
                return Ok(());
            };
            worker.pause(|t| t.resize).await;
            let mut world = worker.world();
            grow(&mut world, &node, vmid, &disk, bytes)?;
            world.tasks.log(&worker.upid, "Image resized.");
            drop(world);
            Ok(())
        },
        |_| {},
    ))
}

/// The size in bytes that the disk is to have, unless it has it.
fn new_size(world: &World, node: &str, vmid: u32, disk: &str, size: &str) -> Result<Option<u64>, String> {
    let guest = world.guest_on(node, vmid)?;
    let value = guest
        .option(disk)
        .ok_or_else(|| format!("disk '{disk}' does not exist"))?;
    let volid = drive_volume(value);
    let volume = world
        .volume(node, volid)
        .ok_or_else(|| format!("volume '{volid}' does not exist"))?;
    let asked = match size.strip_prefix('+') {
        Some(more) => parse_size(more).map(|more| volume.size.saturating_add(more)),
        None => parse_size(size),
    };
    match asked {
        None => Err(format!("unable to parse size '{size}'")),
        Some(bytes) if bytes < volume.size => Err("shrinking disks is not supported".to_owned()),
        Some(bytes) => Ok((bytes > volume.size).then_some(bytes)),
    }
}

fn grow(world: &mut World, node: &str, vmid: u32, disk: &str, bytes: u64) -> Result<(), String> {
    let guest = world.guest_on_mut(node, vmid)?;
    let Some(value) = guest.config.get_mut(disk) else {
        return Err(format!("disk '{disk}' does not exist"));
    };
    *value = set_property(value, "size", Some(&format_size(bytes)));
    let key = (node.to_owned(), drive_volume(value).to_owned());
    if let Some(volume) = world.volumes.get_mut(&key) {
        volume.size = bytes;
    }
    Ok(())
}

pub(super) fn template(call: &Call) -> ApiResult {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    {
        let world = call.world();
        let guest = world.guest_on(&node, vmid)?;
        if guest.is_template() {
            return Err(ApiError::internal("you can't convert a template to a template"));
        }
    }
    need_quorum(call)?;
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmtemplate", vmid),
        move |worker| async move {
            let _lock = worker.sim.lock_file(vmid, false).await?;
            check_template(&worker.world(), &node, vmid)?;
            worker.pause(|t| t.clone_base).await;
            let mut world = worker.world();
            check_template(&world, &node, vmid)?;
            make_base(&mut world, &node, vmid);
            drop(world);
            Ok(())
        },
        |_| {},
    ))
}

fn check_template(world: &World, node: &str, vmid: u32) -> Result<(), String> {
    let guest = world.guest_on(node, vmid)?;
    check_lock(guest)?;
    if guest.is_running() {
        return Err("you can't convert a VM to template if VM is running".to_owned());
    }
    Ok(())
}

/// The volumes get `base-` names, and the guest is a template.
fn make_base(world: &mut World, node: &str, vmid: u32) {
    let Some(guest) = world.guests.get_mut(&vmid) else {
        return;
    };
    guest.config.insert("template".to_owned(), "1".to_owned());
    let mut renamed = Vec::new();
    for (_, value) in guest
        .config
        .iter_mut()
        .filter(|(key, value)| is_disk(key) && !value.contains("media=cdrom"))
    {
        let old = drive_volume(value).to_owned();
        let new = old.replacen(&format!("vm-{vmid}-disk"), &format!("base-{vmid}-disk"), 1);
        *value = value.replacen(&old, &new, 1);
        renamed.push((old, new));
    }
    for (old, new) in renamed {
        if let Some(mut volume) = world.free_volume(node, &old) {
            volume.volid = new;
            world.add_volume(volume);
        }
    }
}
