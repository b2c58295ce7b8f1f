//! The cluster: nodes, guests, storages, tasks, access, and what all of them need together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::guest::{Guest, GuestKind, Power};
use super::moment::Moment;
use super::resources::ResourceCache;
use super::storage::{Storage, Volume};
use super::task::Tasks;
use crate::release::Release;

/// Seconds that every node has been up when the simulator starts.
const UPTIME_AT_START: u64 = 86_400;

/// One host of the cluster.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) online: bool,
    pub(crate) since: Moment,
    pub(crate) cpus: u32,
    pub(crate) memory: u64,
    pub(crate) ip: String,
    /// What `GET /nodes/{node}/certificates/info` says, the CA's first.
    pub(crate) certificates: Vec<crate::tls::CertificateInfo>,
}

impl Node {
    /// Seconds since its boot.
    pub(crate) fn uptime(&self) -> u64 {
        UPTIME_AT_START + self.since.elapsed().as_secs()
    }

    /// The clock in which process start times are counted: hundredths of a second since boot.
    pub(crate) fn ticks(&self) -> u64 {
        UPTIME_AT_START * 100 + u64::try_from(self.since.elapsed().as_millis() / 10).unwrap_or(0)
    }

    /// Of the certificate that the node itself presents.
    pub(crate) fn fingerprint(&self) -> &str {
        self.certificates.last().map_or("", |c| c.fingerprint.as_str())
    }
}

/// Everything that the hosts know.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct World {
    pub(crate) release: Release,
    /// The name of the cluster, which a node that stands alone hasn't.
    pub(crate) cluster_name: String,
    pub(crate) quorate: bool,
    pub(crate) nodes: Vec<Node>,
    pub(crate) guests: BTreeMap<u32, Guest>,
    pub(crate) storages: Vec<Storage>,
    /// By node (empty for those on shared storages) and volume id.
    #[serde(with = "super::storage::volumes")]
    pub(crate) volumes: BTreeMap<(String, String), Volume>,
    pub(crate) bridges: Vec<String>,
    pub(crate) tasks: Tasks,
    pub(crate) access: Access,
    #[serde(skip)]
    pub(crate) cache: ResourceCache,
    /// Bounds of `/cluster/nextid` from the datacenter's options.
    pub(crate) next_id: (Option<u32>, Option<u32>),
}

impl World {
    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|n| n.name == name)
    }

    pub(crate) fn storage(&self, name: &str) -> Option<&Storage> {
        self.storages.iter().find(|s| s.name == name)
    }

    /// The virtual machine, if it stands on the node; else Proxmox's sentence for a missing one.
    pub(crate) fn guest_on(&self, node: &str, vmid: u32) -> Result<&Guest, String> {
        self.found(GuestKind::Qemu, node, vmid)
    }

    pub(crate) fn guest_on_mut(&mut self, node: &str, vmid: u32) -> Result<&mut Guest, String> {
        self.found_mut(GuestKind::Qemu, node, vmid)
    }

    /// The guest of a kind, if it stands on the node; else Proxmox's sentence for a missing one.
    pub(crate) fn found(&self, kind: GuestKind, node: &str, vmid: u32) -> Result<&Guest, String> {
        let found = self.guests.get(&vmid);
        let found = found.filter(|g| g.node == node && g.kind == kind);
        found.ok_or_else(|| missing(kind, node, vmid))
    }

    pub(crate) fn found_mut(&mut self, kind: GuestKind, node: &str, vmid: u32) -> Result<&mut Guest, String> {
        let found = self.guests.get_mut(&vmid);
        let found = found.filter(|g| g.node == node && g.kind == kind);
        found.ok_or_else(|| missing(kind, node, vmid))
    }

    /// The first free number of the bounds; a plain scan, nothing is reserved.
    pub(crate) fn first_free_vmid(&self) -> Option<u32> {
        let lower = self.next_id.0.unwrap_or(100);
        let upper = self.next_id.1.unwrap_or(1_000_000);
        (lower..upper).find(|id| !self.guests.contains_key(id))
    }

    /// Removes a guest and the volumes that its configuration names.
    pub(crate) fn remove_guest(&mut self, vmid: u32) -> Option<Guest> {
        let guest = self.guests.remove(&vmid)?;
        let owned: Vec<String> = guest
            .volumes()
            .map(|(_, volid)| volid.to_owned())
            .filter(|volid| {
                self.volume(&guest.node, volid)
                    .is_some_and(|v| v.vmid == Some(vmid))
            })
            .collect();
        for volid in owned {
            self.free_volume(&guest.node, &volid);
        }
        Some(guest)
    }

    /// Starts a guest: what was pending is applied, and its clock begins.
    pub(crate) fn power_on(&mut self, vmid: u32) {
        let pid = self.tasks.next_pid();
        super::hotplug::apply_pending(self, vmid);
        if let Some(guest) = self.guests.get_mut(&vmid) {
            guest.starts += 1;
            guest.power_history.push((crate::clock::now(), true));
            guest.booted = Moment::now();
            guest.power = Power::Running {
                since: Moment::now(),
                pid,
                paused: false,
            };
        }
    }

    /// Stops a guest; Proxmox applies what is pending then, not only at the next start.
    pub(crate) fn power_off(&mut self, vmid: u32) {
        if let Some(guest) = self.guests.get_mut(&vmid) {
            guest.power_history.push((crate::clock::now(), false));
            guest.power = Power::Stopped;
            guest.cloudinit = None;
        }
        super::hotplug::apply_pending(self, vmid);
    }
}

fn missing(kind: GuestKind, node: &str, vmid: u32) -> String {
    let folder = kind.folder();
    format!("Configuration file 'nodes/{node}/{folder}/{vmid}.conf' does not exist")
}
