//! What Proxmox VE notes of a virtual machine's making: `meta` (qemu-server, `QemuServer/MetaInfo.pm`). It can
//! only be read.

use crate::hypervisor::proxmox::property::{Text, Whole, property_string};

property_string! {
    /// How a machine came to be, from 7.1; machines from before have none.
    Meta, "" {
        /// The version of QEMU, on which defaults depend.
        creation_qemu: Text = "creation-qemu";
        /// When, in seconds since 1970.
        ctime: Whole<0, { u64::MAX }> = "ctime";
    }
}
