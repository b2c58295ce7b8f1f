//! The chipset: `machine` (qemu-server, `QemuServer/Machine.pm`). Before 8.0 the option was the bare type.

use crate::hypervisor::proxmox::property::{Whole, choices, property_string, words};

words! {
    /// A type of machine, with or without a version: `q35`, `pc-i440fx-9.2+pve1`, `virt`.
    MachineType: "a type of machine (pc, q35, pc-i440fx-9.2, pc-q35-9.2+pve1, virt)",
        |text| {
            let class = ["pc-i440fx-", "pc-q35-", "pc-", "virt-"]
                .iter()
                .find_map(|prefix| text.strip_prefix(prefix));
            let version = |text: &str| {
                let text = text.strip_suffix(".pxe").unwrap_or(text);
                let (version, pve) = text.split_once("+pve").unwrap_or((text, "0"));
                let number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
                version.contains('.') && version.split('.').all(number) && number(pve)
            };
            text.len() <= 40 && (["pc", "q35", "virt"].contains(&text) || class.is_some_and(version))
        },
        "(pc|q35|virt|pc-(i440fx|q35)-[0-9]{1,2}\\.[0-9](\\+pve[0-9])?(\\.pxe)?)";
}

choices! {
    /// A virtual IOMMU.
    Viommu {
        /// Intel's; q35 alone.
        Intel = "intel",
        /// virtio's.
        Virtio = "virtio",
    }
}

property_string! {
    /// The chipset.
    Machine, "type" {
        /// Its type.
        kind: MachineType = "type";
        /// Its virtual IOMMU, from 8.1.
        viommu: Viommu = "viommu";
        /// How wide the IOMMU's addresses are, from 9.1.
        aw_bits: Whole<32, 64> = "aw-bits";
        /// Whether the guest may suspend to memory, from 8.3.
        enable_s3: bool = "enable-s3";
        /// Whether the guest may suspend to disk, from 8.3.
        enable_s4: bool = "enable-s4";
    }
}
