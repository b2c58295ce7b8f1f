//! Disks and CD drives of a domain, into the model.

use std::collections::BTreeMap;

use super::devices::{drives, is_cdrom};
use super::pools::{Pools, unknown, volume_id};
use crate::hypervisor::libvirt::xml::tree::Element;
use crate::model::{Disk, Hardware, VolumeId};

/// How QEMU caches where nothing is said.
const CACHE: &str = "writeback";

pub(super) fn read(domain: &Element, pools: &Pools, sizes: &BTreeMap<String, u64>, hardware: &mut Hardware) {
    for (slot, drive) in drives(domain) {
        let source = drive.child("source");
        let volume = source.and_then(|source| volume(source, pools));
        if is_cdrom(drive) {
            hardware.cdroms.insert(slot, volume);
            continue;
        }
        let size = source.and_then(path).and_then(|path| sizes.get(path)).copied();
        hardware
            .disks
            .insert(slot, disk(drive, volume.unwrap_or_else(unknown), size));
    }
}

fn disk(drive: &Element, volume: VolumeId, size: Option<u64>) -> Disk {
    let driver = |name: &str| drive.attribute_of("driver", name);
    let cache = driver("cache")
        .filter(|cache| *cache != "default")
        .unwrap_or(CACHE);
    Disk {
        cache: cache.to_owned(),
        discard: driver("discard") == Some("unmap"),
        ssd: drive.attribute_of("target", "rotation_rate") == Some("1"),
        iothread: driver("iothread").is_some(),
        ..Disk::plain(volume, size)
    }
}

/// The path that a source names.
pub(super) fn path(source: &Element) -> Option<&str> {
    let mut names = ["file", "dev", "dir"].into_iter();
    names
        .find_map(|name| source.attribute(name))
        .filter(|path| !path.is_empty())
}

fn volume(source: &Element, pools: &Pools) -> Option<VolumeId> {
    if let Some(path) = path(source) {
        return Some(pools.locate(path));
    }
    if let (Some(pool), Some(volume)) = (source.attribute("pool"), source.attribute("volume")) {
        return Some(volume_id(pool, volume));
    }
    // What lies elsewhere in the network (`rbd`, `iscsi`) is called by how it is reached.
    let protocol = source.attribute("protocol")?;
    Some(volume_id(protocol, source.attribute("name").unwrap_or_default()))
}
