//! A NUMA node of a virtual machine: `numa[n]` (qemu-server, `QemuServer/Memory.pm`).

use crate::hypervisor::proxmox::property::{Number, Ranges, choices, property_string};

choices! {
    /// How a node's memory is bound to the host's nodes.
    NumaPolicy {
        /// There, if there is room.
        Preferred = "preferred",
        /// There only.
        Bind = "bind",
        /// Spread over them.
        Interleave = "interleave",
    }
}

property_string! {
    /// A NUMA node.
    Numa, "" {
        /// The virtual processors in it.
        cpus: Ranges = "cpus", required;
        /// Its memory in MiB.
        memory: Number = "memory";
        /// The host's nodes.
        hostnodes: Ranges = "hostnodes";
        /// How it is bound to them.
        policy: NumaPolicy = "policy";
    }
}
