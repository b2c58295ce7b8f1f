//! Moves a disk to another storage or format, or hands it to another guest.

use super::super::{Allow, Endpoint, Run};
use super::copy_disk::DiskCopy;
use super::reassign;
use super::{Call, check_lock};
use crate::release::Release;
use crate::state::{Guest, VolumeName, World, drive_volume};
use crate::verify::{DRIVES_AND_UNUSED, Kind, STORAGE, at_least, may, need};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint::post(
    "/nodes/{node}/qemu/{vmid}/move_disk",
    Allow::Any("/vms/{vmid}", &["VM.Config.Disk"]),
    &[&[
        may("bwlimit", at_least(0)),
        may("delete", Kind::Boolean),
        may("digest", Kind::Text(40)),
        need("disk", DRIVES_AND_UNUSED),
        may("format", Kind::Enum(&["raw", "qcow2", "vmdk"])),
        may("storage", STORAGE),
        may("target-digest", Kind::Text(40)),
        may("target-disk", DRIVES_AND_UNUSED),
        may("target-vmid", Kind::Vmid),
    ]],
    Run::Now(move_disk),
)];

fn move_disk(call: &Call) -> ApiResult {
    let both = |text: &str| {
        let errors = ["storage", "target-vmid"].map(|name| (name.to_owned(), text.to_owned()));
        Err(ApiError::parameters(errors.into()))
    };
    match (call.text("storage"), call.number("target-vmid")) {
        (Some(_), Some(_)) => both("either set 'storage' or 'target-vmid', but not both"),
        (None, None) => both("both 'storage' and 'target-vmid' missing, need to set one"),
        (None, Some(target)) => reassign::reassign(call, target),
        (Some(storage), None) => to_storage(call, storage),
    }
}

struct Order {
    node: String,
    vmid: u32,
    disk: String,
    storage: String,
    format: Option<String>,
    delete: bool,
    digest: Option<String>,
    bandwidth: Option<u64>,
}

fn to_storage(call: &Call, storage: &str) -> ApiResult {
    let order = Order {
        node: call.node().to_owned(),
        vmid: call.vmid(),
        disk: call.text("disk").unwrap_or("").to_owned(),
        storage: storage.to_owned(),
        format: call.text("format").map(str::to_owned),
        delete: call.flag("delete"),
        digest: call.text("digest").map(str::to_owned),
        bandwidth: call.number("bwlimit"),
    };
    {
        let world = call.world();
        call.require(
            &world,
            &format!("/storage/{storage}"),
            &["Datastore.AllocateSpace"],
        )?;
        order.check(&world)?;
    }
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmmove", order.vmid),
        move |worker| run(worker, order),
        |_| {},
    ))
}

/// Whether a snapshot of the guest names the volume.
pub(super) fn is_in_snapshot(guest: &Guest, volid: &str) -> bool {
    let mut sections = guest.snapshots.values();
    sections.any(|section| section.values().any(|value| drive_volume(value) == volid))
}

/// Whether a drive is a CD, cloud-init's apart.
pub(super) fn is_cd(value: &str) -> bool {
    value.contains("media=cdrom") && !value.contains("cloudinit")
}

impl Order {
    /// The drive's value, once before the task and once under the lock.
    fn check(&self, world: &World) -> Result<String, String> {
        let guest = world.guest_on(&self.node, self.vmid)?;
        check_lock(guest)?;
        if self.digest.as_ref().is_some_and(|d| *d != guest.digest()) {
            return Err(
                "detected modified configuration - file changed by other user? Try again.".to_owned(),
            );
        }
        let disk = &self.disk;
        let value = guest.option(disk);
        let value = value.ok_or_else(|| format!("disk '{disk}' does not exist"))?;
        if is_cd(value) {
            return Err("you can't move a cdrom".to_owned());
        }
        let volid = drive_volume(value);
        let name = VolumeName::parse(volid);
        let name = name.ok_or_else(|| format!("disk '{disk}' has no associated volume"))?;
        let same_format = match (&self.format, name.extension()) {
            (Some(wanted), Some(own)) => wanted == own,
            _ => true,
        };
        if name.storage == self.storage && same_format {
            return Err("you can't move to the same storage with same format".to_owned());
        }
        if self.delete && is_in_snapshot(guest, volid) {
            return Err("you can't move a disk with snapshots and delete the source".to_owned());
        }
        Ok(value.to_owned())
    }
}

async fn run(worker: Worker, order: Order) -> Result<(), String> {
    let _lock = worker.sim.lock_file(order.vmid, false).await?;
    let value = order.check(&worker.world())?;
    copy(&worker, &order, &value)
        .await
        .map_err(|error| format!("storage migration failed: {error}"))
}

async fn copy(worker: &Worker, order: &Order, value: &str) -> Result<(), String> {
    let old = drive_volume(value);
    let tells = worker.sim.release >= Release::V9_2;
    if tells {
        let from = old.split(':').next().unwrap_or("");
        worker.log(format!(
            "copying volume '{old}' from current storage '{from}' to target storage '{}'",
            order.storage
        ));
    }
    let (running, snapshotted) = {
        let world = worker.world();
        let guest = world.guest_on(&order.node, order.vmid)?;
        (guest.is_running(), is_in_snapshot(guest, old))
    };
    if snapshotted {
        worker.log("moving disk with snapshots, snapshots will not be moved!");
    }
    let drive = DiskCopy {
        node: order.node.clone(),
        drive: order.disk.clone(),
        value: value.to_owned(),
        vmid: order.vmid,
        storage: Some(order.storage.clone()),
        format: order.format.clone(),
        full: true,
        mirrored: running && !order.disk.starts_with("unused"),
        bandwidth: order.bandwidth,
    };
    let mirrored = drive.mirrored;
    let new = drive.run(worker).await?;
    let mut world = worker.world();
    if let Err(error) = super::check_writable(&world, &order.node, order.vmid) {
        world.free_volume(&order.node, drive_volume(&new));
        return Err(error);
    }
    let mut lines = Vec::new();
    if mirrored {
        lines.push(format!("drive-{}: Completing block job...", order.disk));
        lines.push(format!("drive-{}: Completed successfully.", order.disk));
    }
    let guest = world.guest_on_mut(&order.node, order.vmid)?;
    guest.config.insert(order.disk.clone(), new);
    let is_template = guest.is_template();
    if order.delete {
        if tells {
            lines.push(format!("removing source volume '{old}' after successful copy"));
        }
    } else if let Some(slot) = guest.keep_unused(old).filter(|_| tells) {
        lines.push(format!("adding source volume '{old}' as '{slot}' to config"));
    }
    if is_template {
        lines.extend(super::template::make_bases(
            &mut world,
            &order.node,
            order.vmid,
            Some(&order.disk),
        )?);
    }
    if order.delete {
        lines.extend(
            world
                .remove_volume(&order.node, old)
                .unwrap_or_else(|error| vec![error]),
        );
    }
    for line in lines {
        world.tasks.log(&worker.upid, line);
    }
    drop(world);
    Ok(())
}
