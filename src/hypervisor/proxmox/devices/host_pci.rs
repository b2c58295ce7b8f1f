//! A PCI device of the host that is passed through: `hostpci[n]` (qemu-server, `QemuServer/PCI.pm`,
//! `pve-qm-hostpci`).

use super::paths::RomFile;
use crate::hypervisor::proxmox::property::{ConfigId, choices, property_string, words};

words! {
    /// Addresses of devices, separated by `;`: `01:00`, `0000:01:00.1`. Without a function, all of them.
    PciAddresses: "addresses of PCI devices (0000:01:00.0, separated by ';')",
        |text| text.split(';').all(is_address),
        "([0-9a-f]{4}:)?[0-9a-f]{2}:[01][0-9a-f](\\.[0-7])?(;[0-9a-f]{2}:[01][0-9a-f]\\.[0-7])?";
    /// An identifier out of PCI's configuration space.
    PciId: "0x and four hexadecimal digits",
        |text| text.strip_prefix("0x").is_some_and(|hex| is_hex(hex, 4..=4)),
        "0x[0-9a-f]{4}";
    /// The type of a mediated device.
    MediatedType: "a type of mediated devices", |text| !text.contains(['/', '.', ':']), "[a-z][a-z0-9_-]{1,10}";
}

choices! {
    /// The driver on the host, from 9.0.
    PciDriver {
        /// The device is bound to vfio-pci.
        Vfio = "vfio",
        /// The device keeps its driver and is not reset.
        Keep = "keep",
    }
}

fn is_hex(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `$PCIRE`: a domain may lead, a function may follow.
fn is_address(text: &str) -> bool {
    let (text, function) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = text.rsplit(':');
    let device = parts.next().is_some_and(|device| is_hex(device, 2..=2));
    let bus = parts.next().is_some_and(|bus| is_hex(bus, 2..=2));
    let domain = parts.next().is_none_or(|domain| is_hex(domain, 4..=8));
    device && bus && domain && parts.next().is_none() && is_hex(function, 1..=1)
}

property_string! {
    /// A PCI device of the host. Either `host` or `mapping` names it.
    HostPci, "host" {
        /// Its addresses.
        host: PciAddresses = "host";
        /// The name of a mapping of the cluster, from 8.0.
        mapping: ConfigId = "mapping";
        /// The type of mediated device that is made of it.
        mdev: MediatedType = "mdev";
        /// Whether it is on a bus of PCI Express; q35 alone.
        pcie: bool = "pcie";
        /// Whether its ROM is visible.
        rombar: bool = "rombar";
        /// A file that is its ROM.
        romfile: RomFile = "romfile";
        /// Whether it is the first graphics card.
        x_vga: bool = "x-vga";
        /// Whether an Intel graphics card is passed in legacy mode.
        legacy_igd: bool = "legacy-igd";
        /// The driver on the host.
        driver: PciDriver = "driver";
        /// The vendor that the guest sees.
        vendor_id: PciId = "vendor-id";
        /// The device that the guest sees.
        device_id: PciId = "device-id";
        /// The subsystem's vendor that the guest sees.
        sub_vendor_id: PciId = "sub-vendor-id";
        /// The subsystem's device that the guest sees.
        sub_device_id: PciId = "sub-device-id";
    }
}
