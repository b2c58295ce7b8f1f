//! Moving guests to another node of the cluster, and whether that can be done.

use serde_json::Value;

use super::parameter::words;
use super::request::{answers, guest_changes, requests, wire_name};
use crate::model::{NodeName, Upid, Vmid};

words! {
    /// How the memory travels.
    MigrationType {
        /// Through SSH.
        Secure = "secure",
        /// In the clear, for networks of their own.
        Insecure = "insecure",
    }
}

requests! {
    /// Whether and where to a virtual machine can be moved.
    Get "/nodes/{node}/qemu/{vmid}/migrate" MigrationCheck (node: NodeName, vmid: Vmid) {
        /// To this node.
        target: Option<NodeName>,
    } -> MigrationConditions;
}

guest_changes! {
    /// Moves a virtual machine.
    Post "/nodes/{node}/qemu/{vmid}/migrate" MigrateVirtualMachine (;
        /// Where to.
        target: NodeName
    ) {
        /// While it runs.
        online: Option<bool>,
        /// With volumes that are not shared.
        with_local_disks: Option<bool>,
        /// The storages there, `from:to` with commas, or one for all.
        targetstorage: Option<String>,
        /// Limit in KiB/s.
        bwlimit: Option<u32>,
        /// How the memory travels.
        migration_type as "migration_type": Option<MigrationType>,
        /// The network that it travels over, with the prefix's length.
        migration_network as "migration_network": Option<String>,
    } while fresh -> Option<Upid>;

    /// Moves a container; one that runs is restarted.
    Post "/nodes/{node}/lxc/{vmid}/migrate" MigrateContainer (;
        /// Where to.
        target: NodeName
    ) {
        /// Stops it here and starts it there.
        restart: Option<bool>,
        /// How long its shutdown may take, in seconds.
        timeout: Option<u32>,
        /// The storages there, `from:to` with commas, or one for all (from 8.0).
        target_storage: Option<String>,
        /// Limit in KiB/s.
        bwlimit: Option<f64>,
    } while fresh -> Option<Upid>;
}

answers! {
    /// Whether and where to a virtual machine can be moved.
    MigrationConditions {
        /// Whether it runs.
        running: bool,
        /// Where it can go; absent if one node was asked for.
        allowed_nodes as "allowed_nodes": Option<Vec<NodeName>>,
        /// Where it can't, with what stands in the way.
        not_allowed_nodes as "not_allowed_nodes": Option<Value>,
        /// Its volumes that are not shared.
        local_disks as "local_disks": Vec<LocalDisk>,
        /// What binds it to this node.
        local_resources as "local_resources": Vec<String>,
        /// Devices that it has by a mapping.
        mapped_resources: Option<Vec<String>>,
    }

    /// A volume that is not shared.
    LocalDisk {
        /// Its name.
        volid: String,
        /// In bytes.
        size: Option<u64>,
        /// The slot.
        drivename: Option<String>,
        /// Whether it is a drive of cloud-init.
        is_cloudinit as "is_cloudinit": Option<bool>,
        /// Whether the configuration does not use it.
        is_unused as "is_unused": Option<bool>,
        /// Whether it is a CD-ROM.
        cdrom: Option<bool>,
    }
}
