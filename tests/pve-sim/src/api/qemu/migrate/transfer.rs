//! Volumes on their way to another node.

use std::collections::BTreeMap;

use super::Order;
use super::references::{self, Reference};
use crate::release::Release;
use crate::state::{Guest, Target, VolumeName, World};

/// What a scan found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) lines: Vec<String>,
    /// The volumes to be copied.
    pub(super) local: Vec<String>,
    /// Whether something forbids the migration.
    pub(super) problem: bool,
}

/// Looks at every volume (`scan_local_volumes` of `PVE::QemuMigrate`).
pub(super) fn scan(world: &World, order: &Order, guest: &Guest) -> Scan {
    let mut scan = Scan::default();
    let running = guest.is_running();
    let mut found = BTreeMap::new();
    for (name, volume) in references::volumes(guest) {
        match is_copied(world, order, guest, &name, &volume) {
            Ok(false) => {}
            Ok(true) => {
                found.insert(name, volume);
            }
            Err(reason) => {
                let what = match (reason.as_str(), name.as_str()) {
                    ("local cdrom drive", _) => "can't migrate local cdrom drive".to_owned(),
                    (_, name) => format!("can't migrate local disk '{name}': {reason}"),
                };
                scan.lines.push(what);
                scan.problem = true;
            }
        }
    }
    for (name, volume) in &found {
        let how = describe(world.release, volume);
        scan.lines
            .push(format!("found {how}", how = how.replace("{}", name)));
        if running && volume.attached && !volume.cloud_init && !order.with_local_disks {
            scan.lines.push(format!(
                "can't migrate local disk '{name}': can't live migrate attached local disks without \
                 with-local-disks option"
            ));
            scan.problem = true;
        }
    }
    scan.local = found.into_keys().collect();
    scan
}

fn describe(release: Release, volume: &Reference) -> &'static str {
    if volume.cloud_init || volume.tpm_state {
        "generated disk '{}' (in current VM config)"
    } else if volume.attached && release >= Release::V8_4 {
        "local disk '{}' (attached)"
    } else if volume.attached {
        "local disk '{}' (in current VM config)"
    } else if volume.unused {
        "local disk '{}' (unused)"
    } else if volume.pending {
        "local disk '{}' (pending change)"
    } else {
        "local disk '{}' (referenced by snapshot(s))"
    }
}

/// Whether the volume has to be copied, or why it can't be.
fn is_copied(
    world: &World,
    order: &Order,
    guest: &Guest,
    name: &str,
    volume: &Reference,
) -> Result<bool, String> {
    if name == "none" || (name.starts_with('/') && volume.shared) {
        return Ok(false);
    }
    if name == "cdrom" {
        return Err("local cdrom drive".to_owned());
    }
    let Some((storage, _)) = name.split_once(':') else {
        return Err("local file/device".to_owned());
    };
    let storage = world.storage_on(&order.node, storage)?;
    let goes_to = if storage.shared {
        &storage.name
    } else {
        order.storages.of(&storage.name)
    };
    world.storage_on(&order.target, goes_to)?;
    if storage.shared {
        return Ok(false);
    }
    if volume.cdrom && !volume.cloud_init {
        return Err("local cdrom image".to_owned());
    }
    let found = world
        .volume(&order.node, name)
        .ok_or_else(|| format!("no such volume '{name}'"))?;
    if let Some(owner) = found.vmid.filter(|owner| *owner != guest.vmid) {
        return Err(format!("owned by other VM (owner = VM {owner})"));
    }
    if !volume.snapshots.is_empty() && !volume.saved_memory {
        if guest.is_running() {
            return Err("online storage migration not possible if non-replicated snapshot exists".to_owned());
        }
        if found.format != "qcow2" && storage.kind != "zfspool" {
            return Err("non-migratable snapshot exists".to_owned());
        }
    }
    if world.is_used_base(&order.node, name) {
        return Err("referenced by linked clone(s)".to_owned());
    }
    Ok(true)
}

/// Old volume ids and new ones, and what was printed.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    pub(super) volumes: Vec<(String, String)>,
    pub(super) lines: Vec<String>,
}

/// Makes copies on the target; after an error none is left.
pub(super) fn copy(world: &mut World, order: &Order, local: &[String]) -> Result<Arrived, String> {
    let mut arrived = Arrived::default();
    for volid in local {
        match copy_one(world, order, volid) {
            Ok((new, lines)) => {
                arrived.lines.extend(lines);
                arrived.volumes.push((volid.clone(), new));
            }
            Err(error) => {
                for (_, new) in &arrived.volumes {
                    world.free_volume(&order.target, new);
                }
                return Err(error);
            }
        }
    }
    Ok(arrived)
}

fn copy_one(world: &mut World, order: &Order, volid: &str) -> Result<(String, Vec<String>), String> {
    let volume = world.volume(&order.node, volid).cloned();
    let volume = volume.ok_or_else(|| format!("volume '{volid}' does not exist"))?;
    let name = VolumeName::parse(volid).ok_or_else(|| format!("unable to parse volume ID '{volid}'"))?;
    let to = order.storages.of(name.storage);
    let failed =
        |error: String| format!("storage migration for '{volid}' to storage '{to}' failed - {error}");
    let storage = world.storage_on(&order.target, to).map_err(failed)?;
    let total = storage.total;
    let format = if storage.has_files() {
        volume.format.as_str()
    } else {
        "raw"
    };
    let same_name = storage.disk_volid(order.vmid, name.what(), format);
    let free = world.volume(&order.target, &same_name).is_none() && !name.is_base();
    let target = Target {
        node: &order.target,
        storage: to,
        vmid: order.vmid,
        format: Some(format),
        what: free.then_some(name.what()),
    };
    let made = world.allocate(&target, volume.size).map_err(failed)?;
    let room = total.saturating_sub(world.used(&order.target, to));
    if room < volume.used {
        world.free_volume(&order.target, &made.volid);
        return Err(failed("No space left on device".to_owned()));
    }
    let mut new = made.volid;
    if name.is_base() {
        new = world.base_volume(&order.target, &new).map_err(failed)?.volid;
    }
    if let Some(copy) = world.volume_mut(&order.target, &new) {
        copy.used = copy.used.max(volume.used);
    }
    Ok((new, made.log))
}
