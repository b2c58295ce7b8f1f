//! Files that take the place of what cloud-init would be told: `cicustom` (qemu-server,
//! `QemuServer/Cloudinit.pm`, `pve-qm-cicustom`).

use crate::hypervisor::proxmox::property::property_string;
use crate::model::VolumeId;

property_string! {
    /// Snippets, each a volume.
    CiCustom, "" {
        /// In place of the metadata.
        meta: VolumeId = "meta";
        /// In place of the network configuration.
        network: VolumeId = "network";
        /// In place of the user data.
        user: VolumeId = "user";
        /// As vendor data.
        vendor: VolumeId = "vendor";
    }
}
