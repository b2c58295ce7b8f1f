//! The state of a virtual TPM: `tpmstate0` (qemu-server, `QemuServer/Drive.pm`).

use super::drive::{ImageFormat, ImportSource};
use super::medium::Medium;
use super::size::DiskSize;
use crate::hypervisor::proxmox::property::{choices, property_string};

choices! {
    /// The version of a TPM, which can't be changed later.
    TpmVersion {
        /// 1.2, the default.
        V1 = "v1.2",
        /// 2.0, which Windows 11 demands.
        V2 = "v2.0",
    }
}

property_string! {
    /// The state of a virtual TPM.
    TpmState, "file" {
        /// Its volume.
        file: Medium = "file" or "volume", required;
        /// The TPM's version.
        version: TpmVersion = "version";
        /// The format of its image, from 9.0; raw, qcow2 or vmdk.
        format: ImageFormat = "format";
        /// What a new volume is copied from.
        import_from: ImportSource = "import-from";
        /// Its size; told by Proxmox VE.
        size: DiskSize = "size";
    }
}
