//! The last seen state of a cluster, shared by all readers and replaced as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use crate::model::{ClusterStatus, GuestAddress, GuestRow, NodeRow, NumberBounds, StorageRow, Vmid};

/// What a cluster looked like when it was asked last. While it can't be reached, the snapshot stays and
/// grows old: see [`super::Cluster::reachable`].
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When the bulk list was asked for; `None` before the first one.
    pub taken: Option<Instant>,
    /// Goes up with every change that is worth an event.
    pub revision: u64,
    /// Guests by number, with power and lock as read live where that is newer than the list.
    pub guests: Arc<BTreeMap<Vmid, Arc<GuestRow>>>,
    /// Guests that were paused when their own status was read last.
    pub paused: Arc<BTreeSet<Vmid>>,
    /// Nodes, by name.
    pub nodes: Arc<[NodeRow]>,
    /// Storages, by name and node.
    pub storages: Arc<[StorageRow]>,
    /// Members and quorum.
    pub status: Arc<ClusterStatus>,
    /// The datacenter's bounds for new numbers, as of the last time that a host was connected to.
    pub bounds: NumberBounds,
}

impl Snapshot {
    /// One guest.
    #[must_use]
    pub fn guest(&self, vmid: Vmid) -> Option<&GuestRow> {
        self.guests.get(&vmid).map(Arc::as_ref)
    }

    /// Where a guest is now.
    #[must_use]
    pub fn address(&self, vmid: Vmid) -> Option<GuestAddress> {
        self.guest(vmid).map(|row| GuestAddress {
            node: row.node.clone(),
            vmid,
        })
    }

    /// One node.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&NodeRow> {
        self.nodes.iter().find(|node| node.name.as_str() == name)
    }

    /// A storage as one node has it.
    #[must_use]
    pub fn storage(&self, node: &str, storage: &str) -> Option<&StorageRow> {
        self.storages
            .iter()
            .find(|row| row.storage == storage && row.node.as_str() == node)
    }
}
