//! The QEMU guest agent: `agent` (qemu-server, `QemuServer/Agent.pm`).

use crate::hypervisor::proxmox::property::{choices, property_string};

choices! {
    /// The device over which the agent is spoken to.
    AgentType {
        /// A virtio serial port, the default.
        Virtio = "virtio",
        /// An ISA serial port.
        Isa = "isa",
    }
}

property_string! {
    /// Whether and how the guest agent is spoken to.
    Agent, "enabled" {
        /// Whether there is one.
        enabled: bool = "enabled", required;
        /// Whether it trims the file systems after a disk was moved.
        fstrim_cloned_disks: bool = "fstrim_cloned_disks";
        /// Whether it freezes the file systems for a backup. Since 9.2 Proxmox VE calls the key `freeze-fs`, and
        /// reads the name of before as well.
        freeze_fs: bool = "freeze-fs-on-backup" or "freeze-fs" or "guest-fsfreeze";
        /// The device over which it is spoken to.
        kind: AgentType = "type";
    }
}
