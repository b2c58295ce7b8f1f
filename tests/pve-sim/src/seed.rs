//! What a simulator starts with: nodes, storages, guests, tokens.

mod access;
mod guest;
mod machine;
mod storage;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

pub use access::{Rights, SeedPool, SeedToken, SeedUser};
pub use guest::{SeedGuest, Shutdown};
pub use machine::{Disk, PciDevice, SeedMachine, SeedTask};
pub use storage::{SeedDownload, SeedFile, SeedStorage};

use crate::release::Release;
use crate::timing::Timing;

/// The description of a cluster, written by hand or read from a file. The default is one node `pve1` with the storages
/// `local` (directory: iso, vztmpl, backup, import) and `local-lvm` (thin pool: images, rootdir), the bridges `vmbr0`
/// and `vmbr1`, the ISO `local:iso/debian-12.iso`, the template 9000 and the token `root@pam!drover`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// The release of Proxmox VE that is simulated.
    pub release: Release,
    /// How many nodes, `pve1` on. More than one makes a cluster with quorum.
    pub nodes: u32,
    /// The nodes' names, when they are to be others; then their number counts, not that of `nodes`.
    pub node_names: Vec<String>,
    /// The cluster's name.
    pub cluster_name: String,
    /// How many guests of other people stand on the nodes, 100 on, named `guest-NNN`, every second one running.
    pub foreign_vms: u32,
    /// Whether the template 9000 (`debian-12-template`, one disk of 8 GiB, agent enabled) stands on `pve1`.
    pub template: bool,
    /// Further guests.
    pub guests: Vec<SeedGuest>,
    /// File names below `local:iso/`, on every node.
    pub isos: Vec<String>,
    /// Further files on storages, on every node: templates, images to import.
    pub files: Vec<SeedFile>,
    /// Servers of network file systems and backups that answer, by name or address: storages can be added on them.
    pub servers: Vec<String>,
    /// What lies at URLs. Besides them only what a server on the loopback has can be
    /// downloaded: the simulator doesn't reach out.
    pub downloads: BTreeMap<String, SeedDownload>,
    /// The storages, when they are to be others than `local` and `local-lvm`.
    pub storages: Option<Vec<SeedStorage>>,
    /// Bytes in `local`, on each node.
    pub local_size: u64,
    /// Bytes in `local-lvm`, on each node.
    pub local_lvm_size: u64,
    /// Processors of each node.
    pub node_cpus: u32,
    /// The bridges of every node, the first of which has the node's address.
    pub bridges: Vec<String>,
    /// Bytes of memory of each node.
    pub node_memory: u64,
    /// What the nodes are besides: hardware, system, age.
    pub machine: SeedMachine,
    /// Tasks of the past, the oldest first.
    pub tasks: Vec<SeedTask>,
    /// Full id of the first token, all rights.
    pub token_id: String,
    /// Its secret; random when absent.
    pub token_secret: Option<String>,
    /// Further tokens.
    pub tokens: Vec<SeedToken>,
    /// The password of `root@pam`; without one nobody can log in as root.
    pub root_password: Option<String>,
    /// Further users.
    pub users: Vec<SeedUser>,
    /// Pools of guests and storages.
    pub pools: Vec<SeedPool>,
    /// Lower bound of `/cluster/nextid` in the datacenter's options.
    pub next_id_lower: Option<u32>,
    /// Upper bound (exclusive), likewise.
    pub next_id_upper: Option<u32>,
    /// How long things take.
    pub timing: Timing,
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the admin API listens, on loopback.
    pub admin: SocketAddr,
}

impl Default for Seed {
    fn default() -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            release: Release::default(),
            nodes: 1,
            node_names: Vec::new(),
            cluster_name: "sim".to_owned(),
            foreign_vms: 0,
            template: true,
            guests: Vec::new(),
            isos: vec!["debian-12.iso".to_owned()],
            files: Vec::new(),
            servers: Vec::new(),
            downloads: BTreeMap::new(),
            storages: None,
            local_size: 100 * GIB,
            local_lvm_size: 2048 * GIB,
            node_cpus: 16,
            bridges: vec!["vmbr0".to_owned(), "vmbr1".to_owned()],
            node_memory: 128 * GIB,
            machine: SeedMachine::default(),
            tasks: Vec::new(),
            token_id: "root@pam!drover".to_owned(),
            token_secret: None,
            tokens: Vec::new(),
            root_password: None,
            users: Vec::new(),
            pools: Vec::new(),
            next_id_lower: None,
            next_id_upper: None,
            timing: Timing::default(),
            listen: loopback,
            admin: loopback,
        }
    }
}

const GIB: u64 = 1024 * 1024 * 1024;

impl Seed {
    /// The default with so many nodes.
    #[must_use]
    pub fn nodes(count: u32) -> Self {
        Self {
            nodes: count,
            ..Self::default()
        }
    }

    /// The nodes' names.
    pub(crate) fn names(&self) -> Vec<String> {
        if self.node_names.is_empty() {
            (1..=self.nodes).map(|n| format!("pve{n}")).collect()
        } else {
            self.node_names.clone()
        }
    }

    /// The nodes' names and addresses.
    pub(crate) fn addresses(&self) -> Vec<(String, Ipv4Addr)> {
        let addresses = (self.machine.address.to_bits()..=u32::MAX).map(Ipv4Addr::from_bits);
        self.names().into_iter().zip(addresses).collect()
    }

    /// The storages: those that are described, else `local` and `local-lvm`.
    pub(crate) fn storages(&self) -> Vec<SeedStorage> {
        self.storages.clone().unwrap_or_else(|| {
            vec![
                SeedStorage::new("local", "dir", &["iso", "vztmpl", "backup", "import"])
                    .sized(self.local_size),
                SeedStorage::new("local-lvm", "lvmthin", &["images", "rootdir"]).sized(self.local_lvm_size),
            ]
        })
    }

    /// As another release.
    #[must_use]
    pub fn with_release(mut self, release: Release) -> Self {
        self.release = release;
        self
    }

    /// With so many guests of other people.
    #[must_use]
    pub fn with_foreign_vms(mut self, count: u32) -> Self {
        self.foreign_vms = count;
        self
    }

    /// With other durations.
    #[must_use]
    pub fn with_timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// With one more guest.
    #[must_use]
    pub fn with_guest(mut self, guest: SeedGuest) -> Self {
        self.guests.push(guest);
        self
    }

    /// With one more token.
    #[must_use]
    pub fn with_token(mut self, token: SeedToken) -> Self {
        self.tokens.push(token);
        self
    }

    /// With a password for `root@pam`.
    #[must_use]
    pub fn with_root_password(mut self, password: impl Into<String>) -> Self {
        self.root_password = Some(password.into());
        self
    }

    /// With one more user.
    #[must_use]
    pub fn with_user(mut self, user: SeedUser) -> Self {
        self.users.push(user);
        self
    }

    /// With one more pool.
    #[must_use]
    pub fn with_pool(mut self, pool: SeedPool) -> Self {
        self.pools.push(pool);
        self
    }

    /// With one more ISO on every node, by file name.
    #[must_use]
    pub fn with_iso(mut self, name: impl Into<String>) -> Self {
        self.isos.push(name.into());
        self
    }
}
