//! The disk of UEFI's variables: `efidisk0` (qemu-server, `QemuServer/Drive.pm`).

use super::drive::{ImageFormat, ImportSource};
use super::medium::Medium;
use super::size::DiskSize;
use crate::hypervisor::proxmox::property::{choices, property_string};

choices! {
    /// The size of the firmware's template.
    EfiType {
        /// 2 MiB, for machines of before Proxmox VE 7.
        TwoMebibytes = "2m",
        /// 4 MiB, which secure boot needs.
        FourMebibytes = "4m",
    }

    /// Which of Microsoft's certificates are enrolled (from 9.1).
    MicrosoftCertificate {
        /// Those of 2011.
        Of2011 = "2011",
        /// Those of 2023.
        Of2023 = "2023",
        /// Marker `2023w`.
        Of2023Windows = "2023w",
        /// Marker `2023k`.
        Of2023KeyExchange = "2023k",
    }
}

property_string! {
    /// The disk of UEFI's variables.
    EfiDisk, "file" {
        /// Its volume.
        file: Medium = "file" or "volume", required;
        /// The size of the firmware's template.
        efitype: EfiType = "efitype";
        /// Whether keys for secure boot are there from the start.
        pre_enrolled_keys: bool = "pre-enrolled-keys";
        /// Which of Microsoft's certificates are enrolled.
        ms_cert: MicrosoftCertificate = "ms-cert";
        /// The format of its image.
        format: ImageFormat = "format";
        /// What a new volume is copied from.
        import_from: ImportSource = "import-from";
        /// Its size; told by Proxmox VE.
        size: DiskSize = "size";
    }
}
