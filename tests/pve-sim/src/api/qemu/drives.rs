//! Drives as they are asked for (`local-lvm:32`, `local:cloudinit`, an existing volume) and as they are then stored.

use std::collections::BTreeMap;

use super::Call;
use crate::state::{Target, World, drive_property, drive_volume, format_size, parse_size, set_property};
use crate::wire::ApiError;

/// What a drive's value asks for.
enum Asked<'a> {
    /// `none`, a passed-through device, an ISO: stored as it is.
    AsIs,
    /// A new volume of so many bytes, or a copy of another volume.
    New {
        storage: &'a str,
        size: u64,
        import: Option<&'a str>,
    },
    /// A volume for cloud-init's data.
    CloudInit { storage: &'a str },
    /// A volume that exists.
    Existing { volid: &'a str },
}

const CLOUD_INIT_SIZE: u64 = 4 << 20;

fn asked<'a>(key: &str, value: &'a str) -> Asked<'a> {
    let volume = drive_volume(value);
    let Some((storage, name)) = volume.split_once(':') else {
        return Asked::AsIs;
    };
    if name == "cloudinit" {
        return Asked::CloudInit { storage };
    }
    if let Ok(gibibytes) = name.parse::<f64>() {
        let size = match key {
            "efidisk0" | "tpmstate0" => 4 << 20,
            _ => parse_size(&format!("{gibibytes}G")).unwrap_or(0),
        };
        let import = drive_property(value, "import-from");
        return Asked::New {
            storage,
            size,
            import,
        };
    }
    if value.contains("media=cdrom") || volume.contains(":iso/") {
        return Asked::AsIs;
    }
    Asked::Existing { volid: volume }
}

/// What Proxmox checks before it starts a task: that the storage is there, allows disks, and the caller may use it.
pub(super) fn check(world: &World, call: &Call, key: &str, value: &str) -> Result<(), ApiError> {
    let volume = drive_volume(value);
    let Some((name, volume_name)) = volume.split_once(':') else {
        return Ok(());
    };
    let storage = world
        .storage(name)
        .ok_or_else(|| ApiError::internal(format!("storage '{name}' does not exist")))?;
    if !storage.enabled {
        return Err(ApiError::internal(format!("storage '{name}' is disabled")));
    }
    let path = format!("/storage/{name}");
    match asked(key, value) {
        Asked::New { .. } | Asked::CloudInit { .. } => {
            call.require(world, &path, &["Datastore.AllocateSpace"])?;
            if storage.allows("images") {
                Ok(())
            } else {
                let sentence = format!("storage '{name}' does not support vm images");
                Err(ApiError::parameter("storage", sentence))
            }
        }
        Asked::Existing { .. } if !volume_name.contains("vm-") && !volume_name.contains("base-") => {
            let kind = if storage.kind == "dir" { "directory" } else { "lvm" };
            Err(ApiError::internal(format!(
                "unable to parse {kind} volume name '{volume_name}'"
            )))
        }
        Asked::AsIs if volume.contains(":iso/") => {
            call.require(world, &path, &["Datastore.Audit", "Datastore.AllocateSpace"])
        }
        _ => Ok(()),
    }
}

/// Makes the volumes that the drives ask for. Gives back the values to store, the lines of the log and what was made,
/// which the caller frees again if it fails later; after an error here nothing is left.
pub(super) struct Made {
    pub(super) values: BTreeMap<String, String>,
    pub(super) log: Vec<String>,
    pub(super) volumes: Vec<String>,
}

pub(super) fn make(
    world: &mut World,
    node: &str,
    vmid: u32,
    drives: &BTreeMap<String, String>,
) -> Result<Made, String> {
    let mut made = Made {
        values: BTreeMap::new(),
        log: Vec::new(),
        volumes: Vec::new(),
    };
    for (key, value) in drives {
        if let Err(error) = make_one(world, node, vmid, key, value, &mut made) {
            for volid in &made.volumes {
                world.free_volume(node, volid);
            }
            return Err(error);
        }
    }
    Ok(made)
}

fn make_one(
    world: &mut World,
    node: &str,
    vmid: u32,
    key: &str,
    value: &str,
    made: &mut Made,
) -> Result<(), String> {
    let found = |world: &World, name: &str| {
        let storage = world.storage(name).cloned();
        storage.ok_or_else(|| format!("storage '{name}' does not exist"))
    };
    let rest = value
        .split_once(',')
        .map(|(_, rest)| format!(",{rest}"))
        .unwrap_or_default();
    let stored = match asked(key, value) {
        Asked::AsIs => value.to_owned(),
        Asked::Existing { volid } => {
            let volume = world
                .volume(node, volid)
                .ok_or_else(|| format!("volume {volid} does not exist"))?;
            set_property(value, "size", Some(&format_size(volume.size)))
        }
        Asked::CloudInit { storage } => {
            let storage = found(world, storage)?;
            let volid = storage.disk_volid(vmid, "cloudinit", "qcow2");
            let volume = crate::state::Volume::disk(node, volid.clone(), "raw", CLOUD_INIT_SIZE, vmid);
            world.add_volume(volume);
            made.volumes.push(volid.clone());
            let rest = rest.replace(",media=cdrom", "");
            let stored = format!("{volid},media=cdrom{rest}");
            made.log
                .push(format!("{key}: successfully created disk '{stored}'"));
            stored
        }
        Asked::New {
            storage,
            size,
            import,
        } => {
            let storage = found(world, storage)?;
            let size = match import {
                Some(source) => {
                    let copied = world.volume(node, source).map(|v| v.size);
                    copied.ok_or_else(|| format!("volume '{source}' does not exist"))?
                }
                None => size,
            };
            let target = Target {
                node,
                storage: &storage.name,
                vmid,
                format: drive_property(value, "format"),
                what: None,
            };
            let volume = world.allocate(&target, size)?;
            made.log.extend(volume.log);
            made.volumes.push(volume.volid.clone());
            let options = set_property(&format!("x{rest}"), "format", None);
            let options = set_property(&options, "import-from", None);
            let stored = format!("{}{}", volume.volid, options.strip_prefix('x').unwrap_or(""));
            let stored = set_property(&stored, "size", Some(&format_size(size)));
            made.log
                .push(format!("{key}: successfully created disk '{stored}'"));
            stored
        }
    };
    made.values.insert(key.to_owned(), stored);
    Ok(())
}
