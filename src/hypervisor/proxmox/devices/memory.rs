//! The memory of a virtual machine: `memory` (qemu-server, `QemuServer/Memory.pm`). A plain number until 7.4,
//! and a number in JSON until qemu-server 8.0.8.

use crate::hypervisor::proxmox::property::{Whole, property_string};

/// What a machine has whose configuration names none, in MiB.
pub const DEFAULT_MEMORY_MIB: u64 = 512;

property_string! {
    /// The memory.
    Memory, "current" {
        /// In MiB.
        current: Whole<16> = "current";
    }
}
