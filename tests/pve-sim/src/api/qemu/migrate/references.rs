//! What a guest names that may hold it on its node: volumes (`PVE::QemuServer::foreach_volid`) and devices
//! (`check_local_resources`).

use std::collections::{BTreeMap, BTreeSet};

use crate::state::{Config, Guest, VolumeName, drive_property, drive_volume, is_disk, parse_size};

/// How a guest names a volume.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "Proxmox answers with each of them")]
pub(super) struct Reference {
    /// The option of the drive.
    pub(super) drive: Option<String>,
    /// Everywhere as a CD.
    pub(super) cdrom: bool,
    pub(super) replicate: bool,
    /// Marked so in the drive, whatever its storage.
    pub(super) shared: bool,
    pub(super) unused: bool,
    pub(super) attached: bool,
    pub(super) pending: bool,
    pub(super) saved_memory: bool,
    pub(super) tpm_state: bool,
    pub(super) cloud_init: bool,
    pub(super) snapshots: BTreeSet<String>,
    pub(super) size: Option<u64>,
}

/// Where it is named.
#[derive(Clone, Copy)]
enum Place<'a> {
    Active,
    Pending,
    Snapshot(&'a str),
}

/// Every volume, passed-through device or drive without a medium, by what stands in the drive.
pub(super) fn volumes(guest: &Guest) -> BTreeMap<String, Reference> {
    let mut found = BTreeMap::new();
    for (key, value) in &guest.config {
        note(&mut found, key, value, Place::Active);
    }
    for (key, value) in &guest.pending {
        if let Some(value) = value {
            note(&mut found, key, value, Place::Pending);
        }
    }
    for (name, section) in &guest.snapshots {
        for (key, value) in section {
            note(&mut found, key, value, Place::Snapshot(name));
        }
    }
    found
}

fn note(found: &mut BTreeMap<String, Reference>, key: &str, value: &str, place: Place<'_>) {
    let unused = key.starts_with("unused");
    if !is_disk(key) && !unused && key != "vmstate" {
        return;
    }
    let name = drive_volume(value);
    if name.is_empty() {
        return;
    }
    let reference = found.entry(name.to_owned()).or_insert_with(|| Reference {
        cdrom: true,
        ..Reference::default()
    });
    let set = |property| drive_property(value, property) == Some("1");
    reference.cdrom &= value.contains("media=cdrom");
    reference.replicate |= drive_property(value, "replicate") != Some("0");
    reference.shared |= set("shared");
    reference.unused |= unused;
    reference.saved_memory |= key == "vmstate";
    reference.tpm_state |= key == "tpmstate0";
    reference.cloud_init |= VolumeName::parse(name).is_some_and(|n| n.what() == "cloudinit");
    match place {
        Place::Active => reference.attached |= !unused,
        Place::Pending => reference.pending = true,
        Place::Snapshot(snapshot) => {
            reference.snapshots.insert(snapshot.to_owned());
        }
    }
    if reference.size.is_none() {
        reference.size = drive_property(value, "size").and_then(parse_size);
    }
    if is_disk(key) {
        reference.drive = Some(key.to_owned());
    }
}

/// Devices of the node that the guest uses.
#[derive(Debug, Default)]
pub(super) struct Devices {
    /// Options of those that hold it here.
    pub(super) local: Vec<String>,
    /// Names of mappings by option.
    pub(super) mapped: BTreeMap<String, String>,
}

pub(super) fn devices(config: &Config) -> Devices {
    let mut devices = Devices::default();
    if config.contains_key("ivshmem") {
        devices.local.push("ivshmem".to_owned());
    }
    for (key, value) in config {
        let kind = key.trim_end_matches(|c: char| c.is_ascii_digit());
        let numbered = kind.len() < key.len();
        let spice = kind == "usb"
            && value
                .split(',')
                .any(|part| part == "spice" || part == "host=spice");
        let socket = kind == "serial" && value == "socket";
        if !numbered
            || spice
            || socket
            || !["usb", "hostpci", "serial", "parallel", "virtiofs"].contains(&kind)
        {
            continue;
        }
        if let Some(mapping) = drive_property(value, "mapping") {
            devices.mapped.insert(key.clone(), mapping.to_owned());
        }
        devices.local.push(key.clone());
    }
    devices
}
