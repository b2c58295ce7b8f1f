//! Limits on what a storage, or the cluster, moves: `bwlimit` (pve-storage, `Storage/Plugin.pm`).

use crate::hypervisor::proxmox::property::{Number, property_string};

property_string! {
    /// Limits in KiB a second; 0 is none.
    BandwidthLimits, "" {
        /// Of all that is not named.
        default: Number = "default";
        /// Of clones.
        clone: Number = "clone";
        /// Of migrations.
        migration: Number = "migration";
        /// Of disks that move to another storage.
        move_disk: Number = "move";
        /// Of restores.
        restore: Number = "restore";
    }
}
