//! Hands a disk to another guest on the same node (`move_disk` with `target-vmid`).

use super::move_disk::{is_cd, is_in_snapshot};
use super::{Call, check_lock};
use crate::release::Release;
use crate::state::{Changes, Feature, Guest, World, drive_property, drive_volume, set_property};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

struct Order {
    vmid: u32,
    disk: String,
    target: u32,
    target_disk: String,
    digest: Option<String>,
    target_digest: Option<String>,
}

pub(super) fn reassign(call: &Call, target: u32) -> ApiResult {
    let disk = call.text("disk").unwrap_or("").to_owned();
    let order = Order {
        vmid: call.vmid(),
        target,
        target_disk: call.text("target-disk").unwrap_or(&disk).to_owned(),
        disk,
        digest: call.text("digest").map(str::to_owned),
        target_digest: call.text("target-digest").map(str::to_owned),
    };
    {
        let world = call.world();
        call.require(&world, &format!("/vms/{target}"), &["VM.Config.Disk"])?;
        if target == order.vmid {
            let text = "must be different than source VMID to reassign disk";
            return Err(ApiError::parameter("target-vmid", text));
        }
        let value = order.check(&world)?;
        let storage = drive_volume(&value).split(':').next().unwrap_or("");
        call.require(
            &world,
            &format!("/storage/{storage}"),
            &["Datastore.AllocateSpace"],
        )?;
    }
    let name = TaskName {
        kind: "qmmove",
        id: format!("{}-{}>{target}-{}", order.vmid, order.disk, order.target_disk),
    };
    Ok(worker::start(
        call,
        &name,
        move |worker| run(worker, order),
        |_| {},
    ))
}

impl Order {
    /// The drive's value, once before the task and once under both locks.
    fn check(&self, world: &World) -> Result<String, String> {
        let (vmid, target, disk) = (self.vmid, self.target, &self.disk);
        let source = world.guests.get(&vmid);
        let source = source.ok_or_else(|| format!("could not find VM {vmid}"))?;
        let receiver = world.guests.get(&target);
        let receiver = receiver.ok_or_else(|| format!("could not find target VM {target}"))?;
        if source.node != receiver.node {
            return Err(format!(
                "Both VMs need to be on the same node ({} != {})",
                source.node, receiver.node
            ));
        }
        check_lock(source)?;
        check_lock(receiver)?;
        if source.is_template() || receiver.is_template() {
            return Err("Can't move disks from or to template VMs".to_owned());
        }
        check_digest(source, self.digest.as_ref())?;
        check_digest(receiver, self.target_digest.as_ref())?;
        let value = source.option(disk);
        let value = value.ok_or_else(|| format!("Disk '{disk}' for VM '{vmid}' does not exist"))?;
        if receiver.option(&self.target_disk).is_some() {
            return Err(format!(
                "Target disk key '{}' is already in use for VM '{target}'",
                self.target_disk
            ));
        }
        if is_cd(value) {
            return Err("CD drive contents can't be moved to another VM".to_owned());
        }
        let volid = drive_volume(value);
        if !volid.contains(':') {
            return Err(format!("Volume '{volid}' not managed by PVE"));
        }
        if is_in_snapshot(source, volid) {
            return Err("Can't move disk used by a snapshot to another VM".to_owned());
        }
        if !world.has_feature(Feature::Rename, volid, false) {
            return Err("Storage does not support moving of this disk to another VM".to_owned());
        }
        if source.is_running() && !disk.starts_with("unused") {
            return Err(
                "Cannot move disk to another VM while the source VM is running - detach first".to_owned(),
            );
        }
        Ok(value.to_owned())
    }
}

fn check_digest(guest: &Guest, digest: Option<&String>) -> Result<(), String> {
    match digest {
        Some(digest) if *digest != guest.digest() => Err(format!(
            "VM {}: detected modified configuration - file changed by other user? Try again.",
            guest.vmid
        )),
        _ => Ok(()),
    }
}

async fn run(worker: Worker, order: Order) -> Result<(), String> {
    let _source = worker.sim.lock_file(order.vmid, false).await?;
    let _target = worker.sim.lock_file(order.target, false).await?;
    worker.pause(|t| t.resize).await;
    let mut world = worker.world();
    let value = order.check(&world)?;
    let (vmid, disk) = (order.vmid, &order.disk);
    let (target, target_disk) = (order.target, &order.target_disk);
    let node = world.guests.get(&vmid).map_or(String::new(), |g| g.node.clone());
    super::check_writable(&world, &node, vmid)?;
    let first = if worker.sim.release >= Release::V9_2 {
        format!("reassign disk '{disk}' from VM '{vmid}' as '{target_disk}' to VM '{target}'")
    } else {
        format!("moving disk '{disk}' from VM '{vmid}' to '{target}'")
    };
    let mut lines = vec![first];
    let volid = drive_volume(&value);
    let new = world.rename_volume(&node, volid, target)?;
    let size = world
        .volume(&node, &new)
        .map(|v| crate::state::format_size(v.size));
    if let Some(source) = world.guests.get_mut(&vmid) {
        if source.leave_boot_order(disk) {
            lines.push(format!("removing disk '{disk}' from boot order config"));
        }
        source.config.remove(disk);
        lines.push(format!("removing disk '{disk}' from VM '{vmid}' config"));
    }
    let value = value.replacen(volid, &new, 1);
    let value = if target_disk.starts_with("unused") {
        new
    } else if drive_property(&value, "size").is_none() {
        set_property(&value, "size", size.as_deref())
    } else {
        value
    };
    if !target_disk.starts_with("unused") {
        lines.push(format!("update VM {target}: -{target_disk} {value}"));
    }
    let attached = Changes {
        options: [(target_disk.clone(), Some(value))].into(),
        force: false,
    };
    crate::state::change(&mut world, target, attached);
    for line in lines {
        world.tasks.log(&worker.upid, line);
    }
    drop(world);
    Ok(())
}
