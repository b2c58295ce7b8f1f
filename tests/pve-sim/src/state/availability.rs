//! What can be used where: storages on nodes, snapshots on storages, pools.

use super::guest::{Guest, GuestKind};
use super::storage::Storage;
use super::world::World;

impl World {
    /// The storage, if it can be used on a node (`PVE::Storage::storage_check_enabled`).
    pub(crate) fn storage_on(&self, node: &str, name: &str) -> Result<&Storage, String> {
        let storage = self.usable_storage(name)?;
        if storage.is_on(node) {
            Ok(storage)
        } else {
            Err(format!("storage '{name}' is not available on node '{node}'"))
        }
    }

    /// Whether all nodes see a volume.
    pub(crate) fn is_shared(&self, volid: &str) -> bool {
        let storage = volid.split(':').next().and_then(|name| self.storage(name));
        storage.is_some_and(|s| s.shared)
    }

    /// Whether snapshots can be taken of a volume of a container (the feature `snapshot` of the plugins).
    pub(crate) fn has_snapshots(&self, node: &str, volid: &str) -> bool {
        let storage = volid.split(':').next().and_then(|name| self.storage(name));
        let qcow2 = self.volume(node, volid).is_some_and(|v| v.format == "qcow2");
        storage.is_some_and(|s| ["btrfs", "lvmthin", "rbd", "zfspool"].contains(&s.kind.as_str()) || qcow2)
    }

    /// Whether there is room on its storage for a file of so many bytes.
    pub(crate) fn check_room(&self, node: &str, volid: &str, size: u64) -> Result<(), ()> {
        let storage = volid.split(':').next().unwrap_or("");
        let total = self.storage(storage).map_or(0, |s| s.total);
        let free = total.saturating_sub(self.used(node, storage));
        (size <= free).then_some(()).ok_or(())
    }

    /// Processors that a guest may use: a container without a limit has those of its node.
    pub(crate) fn cpus_of(&self, guest: &Guest) -> u64 {
        if guest.kind == GuestKind::Lxc && guest.option("cores").is_none() {
            self.node(&guest.node).map_or(1, |node| node.cpus.into())
        } else {
            guest.cpus()
        }
    }
}

impl Storage {
    /// Whether it is for a node: all are for all, unless they say for which.
    pub(crate) fn is_on(&self, node: &str) -> bool {
        let nodes = self.options.get("nodes");
        nodes.is_none_or(|nodes| nodes.split(',').any(|n| n == node))
    }
}
