mod alter;
mod hostile;
mod metadata;
mod new;
mod read;

use std::collections::BTreeMap;

use super::*;
use crate::hypervisor::libvirt::xml::tree::Element;
use crate::model::GuestConfig;

/// A domain as libvirt 9.0.0 writes it, with what Drover put there and what people did; and the same while it runs.
const SHOP: &str = include_str!("../samples/shop.xml");
const SHOP_RUNNING: &str = include_str!("../samples/shop-running.xml");
/// A domain that somebody made by hand on an old board.
const OLD: &str = include_str!("../samples/old.xml");

fn pools() -> Pools {
    Pools(vec![("default".to_owned(), "/var/lib/libvirt/images".to_owned())])
}

fn look(inactive: &str, live: Option<&str>) -> GuestConfig {
    let sizes = [
        ("/var/lib/libvirt/images/a.qcow2", 64 << 20),
        ("/dev/vg0/old", 8 << 30),
    ];
    let sizes: BTreeMap<String, u64> = sizes.map(|(path, size)| (path.to_owned(), size)).into();
    let pools = pools();
    let around = Around {
        pools: &pools,
        sizes: &sizes,
        on_boot: true,
    };
    super::read(inactive, live, &around).unwrap()
}

fn host() -> Host {
    Host {
        domain_type: DomainType::Qemu,
        arch: "x86_64".to_owned(),
        emulator: Some("/usr/bin/qemu-system-x86_64".to_owned()),
        machine: "q35".to_owned(),
        efi: true,
        secure_boot: true,
        tpm: true,
    }
}

fn source(path: &str, format: &str) -> Source {
    Source {
        path: path.to_owned(),
        format: format.to_owned(),
        block: path.starts_with("/dev/"),
    }
}

/// Volumes for every slot that tests add, and one medium.
fn all_sources() -> Sources {
    let disk = |slot: &str| {
        (
            slot.to_owned(),
            source(&format!("/var/lib/libvirt/images/new-{slot}"), "qcow2"),
        )
    };
    let mut disks: BTreeMap<String, Source> =
        ["scsi0", "scsi1", "virtio0", "virtio1", "sata0", "ide0", "ide1"]
            .map(disk)
            .into();
    disks.insert("virtio2".to_owned(), source("/dev/vg/new", "raw"));
    let iso = source("/var/lib/libvirt/images/debian.iso", "raw");
    Sources {
        disks,
        media: [("default:debian.iso".parse().unwrap(), iso)].into(),
    }
}

fn tree(xml: &str) -> Element {
    Element::read(xml, "domain").unwrap()
}
