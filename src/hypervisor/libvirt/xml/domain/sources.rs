//! All paths that a domain refers to: what may not be deleted while it does.

use std::collections::BTreeSet;

use super::disks;
use super::parse;
use crate::hypervisor::libvirt::xml::tree::{Element, ReadXml};

/// The paths of its disks, media, and of all that these are laid over or copied to; of firmware, kernel and serial
/// ports too. Volumes that a pool is to find stand there as `pool:volume`.
pub fn sources(xml: &str) -> Result<BTreeSet<String>, ReadXml> {
    let domain = parse(xml)?;
    let mut paths = BTreeSet::new();
    if let Some(os) = domain.child("os") {
        let texts = ["loader", "nvram", "kernel", "initrd", "dtb"].iter();
        paths.extend(texts.filter_map(|name| os.text_of(name)));
        gather(os, &mut paths);
    }
    if let Some(devices) = domain.child("devices") {
        gather(devices, &mut paths);
    }
    paths.remove("");
    Ok(paths)
}

fn gather(element: &Element, paths: &mut BTreeSet<String>) {
    if element.name() == "source" {
        paths.extend(disks::path(element).map(str::to_owned));
        paths.extend(element.attribute("path").map(str::to_owned));
        if let (Some(pool), Some(volume)) = (element.attribute("pool"), element.attribute("volume")) {
            paths.insert(format!("{pool}:{volume}"));
        }
    }
    // An older spelling of where a copy goes.
    if element.name() == "mirror" {
        paths.extend(element.attribute("file").map(str::to_owned));
    }
    for child in element.children() {
        gather(child, paths);
    }
}
