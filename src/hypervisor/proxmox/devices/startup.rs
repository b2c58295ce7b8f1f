//! When a guest is started and stopped with its host: `startup`, of virtual machines and containers
//! (pve-guest-common, `pve-startup-order` in pve-common's `JSONSchema.pm`).

use crate::hypervisor::proxmox::property::{Whole, property_string};

property_string! {
    /// The place in the order, and the pauses after it.
    Startup, "order" {
        /// The lower, the earlier started and the later stopped.
        order: Whole<0> = "order";
        /// Seconds until the next one is started.
        up: Whole<0> = "up";
        /// Seconds until the next one is stopped.
        down: Whole<0> = "down";
    }
}
