//! Tuning of backups: `fleecing`, from 8.2, and `performance`, of backup jobs and single backups
//! (pve-guest-common, `VZDump/Common.pm`).

use crate::hypervisor::proxmox::property::{StorageId, Whole, property_string};

property_string! {
    /// Whether what the guest overwrites during a backup is put aside on another storage. Of virtual machines
    /// alone.
    Fleecing, "enabled" {
        /// Whether it is.
        enabled: bool = "enabled";
        /// Where to; must be named if it is.
        storage: StorageId = "storage";
    }
}

property_string! {
    /// How a backup is made.
    Performance, "" {
        /// How many workers read a virtual machine's disks at once.
        max_workers: Whole<1, 256> = "max-workers";
        /// How many entries of a container's folders a backup server may keep in memory.
        pbs_entries_max: Whole<1> = "pbs-entries-max";
    }
}
