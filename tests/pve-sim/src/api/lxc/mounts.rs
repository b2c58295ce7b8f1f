//! Mount points as they are asked for (`local:8`, a volume, a path of the host) and as they are then stored.

use std::collections::BTreeSet;

use super::super::storage::check_volume_access;
use super::Call;
use crate::state::{Config, Target, Volume, World, drive_volume, format_size, parse_size, set_property};
use crate::wire::ApiError;

/// What a mount point's value asks for.
enum Asked<'a> {
    /// A new volume of so many bytes.
    New { storage: &'a str, size: u64 },
    /// A volume that exists.
    Existing(&'a str),
    /// A directory or device of the host.
    OfHost,
}

fn asked(value: &str) -> Asked<'_> {
    let volume = drive_volume(value);
    match volume.split_once(':') {
        Some((storage, name)) if !volume.starts_with('/') => match name.parse::<f64>() {
            Ok(gibibytes) => Asked::New {
                storage,
                size: parse_size(&format!("{gibibytes}G")).unwrap_or(0),
            },
            Err(_) => Asked::Existing(volume),
        },
        _ => Asked::OfHost,
    }
}

/// What is found out before anything is made: that the storage is there and takes containers, and the caller may use it
/// or the volume.
pub(super) fn check(call: &Call, world: &World, value: &str) -> Result<(), ApiError> {
    match asked(value) {
        Asked::New { storage, .. } => check_storage(call, world, storage),
        Asked::Existing(volid) => {
            takes_containers(call, world, volid.split(':').next().unwrap_or(""))?;
            check_volume_access(call, world, Some(call.vmid()), volid, Some("rootdir"))
        }
        Asked::OfHost if call.caller.is_root() => Ok(()),
        Asked::OfHost => Err(ApiError::internal(
            "Only root can pass arbitrary filesystem paths.",
        )),
    }
}

fn takes_containers(call: &Call, world: &World, name: &str) -> Result<(), ApiError> {
    if world.storage_on(call.node(), name)?.allows("rootdir") {
        return Ok(());
    }
    let text = format!("storage '{name}' does not support container directories");
    Err(ApiError::parameter("storage", text))
}

/// As [`check`], of a storage by its name.
pub(super) fn check_storage(call: &Call, world: &World, name: &str) -> Result<(), ApiError> {
    takes_containers(call, world, name)?;
    call.require(world, &format!("/storage/{name}"), &["Datastore.AllocateSpace"])
}

/// A mount point that is there.
pub(super) struct Made {
    /// What to store.
    pub(super) value: String,
    /// The volume, if it is new.
    pub(super) volume: Option<String>,
    /// What was printed while it was made.
    pub(super) log: Vec<String>,
}

/// The storages on which mount points ask for new volumes.
pub(super) fn storages_wanted(mounts: &Config) -> BTreeSet<String> {
    let wanted = mounts.values().filter_map(|value| match asked(value) {
        Asked::New { storage, .. } => Some(storage.to_owned()),
        _ => None,
    });
    wanted.collect()
}

/// Makes what a mount point asks for.
pub(super) fn make(world: &mut World, node: &str, vmid: u32, value: &str) -> Result<Made, String> {
    let (value, volume, log) = match asked(value) {
        Asked::New { storage, size } => {
            let (volid, log) = allocate(world, node, storage, vmid, size)?;
            (with_volume(value, &volid, size), Some(volid), log)
        }
        Asked::Existing(volid) => {
            let volume = world.volume(node, volid);
            let size = volume
                .ok_or_else(|| format!("volume '{volid}' does not exist"))?
                .size;
            (with_volume(value, volid, size), None, Vec::new())
        }
        Asked::OfHost => (value.to_owned(), None, Vec::new()),
    };
    Ok(Made { value, volume, log })
}

/// A mount point's value with another volume of a size.
pub(super) fn with_volume(value: &str, volid: &str, size: u64) -> String {
    let with_volume = value.replacen(drive_volume(value), volid, 1);
    set_property(&with_volume, "size", Some(&format_size(size)))
}

/// A file system in a new volume: a directory if the size is 0, as far as storages have that.
pub(super) fn allocate(
    world: &mut World,
    node: &str,
    storage: &str,
    vmid: u32,
    size: u64,
) -> Result<(String, Vec<String>), String> {
    let found = world.storage_on(node, storage)?;
    let directory = found.kind == "zfspool" || found.kind == "btrfs" || (size == 0 && found.has_files());
    let target = Target {
        node,
        storage,
        vmid,
        format: Some(if directory { "subvol" } else { "raw" }),
        what: None,
    };
    let made = world.allocate(&target, size)?;
    let mut log = made.log;
    if let Some(volume) = world.volume_mut(node, &made.volid) {
        "rootdir".clone_into(&mut volume.content);
        volume.used = volume.used.max(size / 50);
    }
    if !directory {
        log.extend(file_system(size));
    }
    Ok((made.volid, log))
}

/// What `mkfs.ext4` prints.
fn file_system(size: u64) -> Vec<String> {
    let blocks = size / 4096;
    // Backups of the superblock lie in the groups 1 and the powers of 3, 5 and 7, of 32768 blocks each.
    let mut groups: Vec<u64> = vec![1];
    for base in [3u64, 5, 7] {
        groups.extend((1..12).map_while(|power| base.checked_pow(power)));
    }
    groups.sort_unstable();
    let copies = groups.into_iter().map(|g| g * 32_768).filter(|b| *b < blocks);
    let copies: Vec<String> = copies.map(|b| b.to_string()).collect();
    vec![
        format!(
            "Creating filesystem with {blocks} 4k blocks and {} inodes",
            blocks / 4
        ),
        format!("Filesystem UUID: {}", uuid::Uuid::new_v4()),
        "Superblock backups stored on blocks: ".to_owned(),
        format!("\t{}", copies.join(", ")),
    ]
}

/// Frees what was made for something that then failed.
pub(super) fn free(world: &mut World, node: &str, volumes: &[String]) {
    for volid in volumes {
        let freed: Option<Volume> = world.free_volume(node, volid);
        drop(freed);
    }
}
