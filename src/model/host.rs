//! A host and its cluster as they show themselves.

use std::collections::BTreeMap;

use super::guest::GuestRow;
use super::ids::{GuestId, NodeName, VolumeId};

/// The version of Proxmox VE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostVersion {
    /// As the host spells it: `9.2.11`.
    pub text: String,
    /// The first number of it.
    pub major: u32,
}

/// Membership and quorum (`/cluster/status`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterStatus {
    /// The cluster's name; absent for a node on its own.
    pub name: Option<String>,
    /// Whether the cluster has a majority; a node on its own always has.
    pub quorate: bool,
    /// All members.
    pub members: Vec<Member>,
}

/// A member of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: NodeName,
    /// Whether the others see it.
    pub online: bool,
    /// Whether it is the one that answered.
    pub local: bool,
}

/// The bulk list of everything in a cluster (`/cluster/resources`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// Guests, machines and containers, in the order of their numbers.
    pub guests: Vec<GuestRow>,
    /// Nodes.
    pub nodes: Vec<NodeRow>,
    /// Storages, one row a node that has it.
    pub storages: Vec<StorageRow>,
}

/// A node in the bulk list.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRow {
    /// Its name.
    pub name: NodeName,
    /// Whether it is online.
    pub online: bool,
    /// CPUs.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// Size of the root disk in bytes.
    pub root_disk: u64,
}

/// A storage on a node in the bulk list.
#[derive(Clone, Debug, PartialEq)]
pub struct StorageRow {
    /// Its name.
    pub storage: String,
    /// The node that has it.
    pub node: NodeName,
    /// Its plugin (`dir`, `lvmthin`, `zfspool` …).
    pub plugin: String,
    /// What it may hold (`images`, `iso`, `backup` …).
    pub content: Vec<String>,
    /// Whether all nodes see the same volumes.
    pub shared: bool,
    /// Whether the node can use it now.
    pub available: bool,
    /// Capacity in bytes.
    pub capacity: u64,
}

/// A volume on a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its id.
    pub id: VolumeId,
    /// What it is (`images`, `iso`, `backup` …).
    pub content: String,
    /// Its size in bytes.
    pub size: u64,
    /// The guest to which it belongs, by its name.
    pub guest: Option<GuestId>,
    /// When it was made, in seconds since 1970; of a backup when it was begun.
    pub created: Option<i64>,
}

/// What a user or token may do, by path and privilege; whether that holds below the path, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions(pub BTreeMap<String, BTreeMap<String, bool>>);

impl Permissions {
    /// Whether a privilege holds on a path. Proxmox VE lists the paths for which something is set, and what is set nearest
    /// counts (pve-access-control, `RPCEnvironment.pm`).
    #[must_use]
    pub fn allows(&self, path: &str, privilege: &str) -> bool {
        let mut above = path;
        loop {
            if let Some(held) = self.0.get(above) {
                return held.get(privilege).is_some_and(|below| *below || above == path);
            }
            above = match above.rsplit_once('/') {
                _ if above == "/" => return false,
                Some(("", _)) | None => "/",
                Some((parent, _)) => parent,
            };
        }
    }
}

/// Whether and where to a guest can be moved within its cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationConditions {
    /// Whether it runs.
    pub running: bool,
    /// By node, the storages and mapped devices that it needs and the node lacks.
    pub lacking: BTreeMap<String, Vec<String>>,
    /// Whether it has disks that its node alone sees.
    pub local_disks: bool,
    /// Images in its CD drive that its node alone sees.
    pub local_isos: Vec<String>,
    /// Devices that bind it to its node.
    pub local_devices: Vec<String>,
    /// Devices that it has by a mapping of the cluster.
    pub mapped_devices: Vec<String>,
}

/// A move of a guest to another node of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Where to.
    pub target: NodeName,
    /// Whether it runs meanwhile.
    pub live: bool,
    /// Whether disks that its node alone sees are copied.
    pub local_disks: bool,
}

/// The datacenter's bounds for new numbers (`next-id` in `datacenter.cfg`). The upper one is exclusive
/// there, inclusive here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NumberBounds {
    /// The lowest number to give.
    pub lower: Option<u32>,
    /// The highest number to give.
    pub upper: Option<u32>,
}

/// Whether a number is given to a guest (`/cluster/nextid?vmid=N`, which needs no permission and reads
/// the cluster's own list, without lag).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberState {
    /// No guest has it.
    Free,
    /// A guest has it.
    Taken,
}
