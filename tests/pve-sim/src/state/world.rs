//! The cluster: nodes, guests, storages, tasks, access, and what all of them need together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::guest::{Guest, GuestKind, Power};
use super::moment::Moment;
use super::node::{Node, System};
use super::outside::Outside;
use super::resources::ResourceCache;
use super::storage::{Storage, Volume};
use super::task::Tasks;
use crate::release::Release;

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
    /// What the hosts reach, and what was sent to them.
    #[serde(default)]
    pub(crate) outside: Outside,
    /// Ports that were given out for consoles, and when.
    #[serde(default)]
    pub(crate) console_ports: BTreeMap<u16, Moment>,
    /// Files of the hosts outside of storages, by node and absolute path: their bytes.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, u64>,
    pub(crate) bridges: Vec<String>,
    /// The firewall's files, by their path below `/etc/pve`.
    #[serde(default)]
    pub(crate) firewalls: BTreeMap<String, super::firewall::Firewall>,
    pub(crate) tasks: Tasks,
    pub(crate) access: Access,
    /// Those of nodes that are down come from nowhere else.
    #[serde(default)]
    pub(crate) cache: ResourceCache,
    /// The time at which statistics are asked for, when it stands still.
    #[serde(skip)]
    pub(crate) statistics_at: Option<i64>,
    /// What every node's system is.
    pub(crate) system: System,
    /// `datacenter.cfg`, but for its description.
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) ha: super::ha::Ha,
    /// By id.
    pub(crate) backup_jobs: BTreeMap<String, super::backup_job::BackupJob>,
    /// Nodes to which the volumes of a guest are copied again and again, by guest.
    #[serde(default)]
    pub(crate) replications: BTreeMap<u32, Vec<String>>,
    /// When it was last looked which jobs come next, in seconds since the epoch.
    #[serde(default)]
    pub(crate) jobs_planned: Option<i64>,
    /// The comment of `datacenter.cfg`.
    pub(crate) description: String,
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
        let bound = |key: &str, otherwise: u32| {
            let bounds = self.options.get("next-id");
            let text = bounds.and_then(|bounds| super::property::drive_property(bounds, key));
            text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
        };
        (bound("lower", 100)..bound("upper", 1_000_000)).find(|id| !self.guests.contains_key(id))
    }

    /// Bytes of what an absolute path or a volume's id names on a node.
    pub(crate) fn file_size(&self, node: &str, name: &str) -> Option<u64> {
        let file = self.files.get(&format!("{node}:{name}")).copied();
        file.or_else(|| Some(self.volume(node, name)?.size))
    }

    /// Removes a guest, the volumes that its configuration names, its pool and the rights on it.
    pub(crate) fn remove_guest(&mut self, vmid: u32) -> Option<Guest> {
        let guest = self.guests.remove(&vmid)?;
        self.access.forget_guest(vmid);
        self.firewalls
            .remove(&super::firewall::FirewallFile::Guest(vmid).path());
        for volid in guest.every_volume() {
            if self
                .volume(&guest.node, &volid)
                .is_some_and(|v| v.vmid == Some(vmid))
            {
                self.free_volume(&guest.node, &volid);
            }
        }
        Some(guest)
    }

    fn apply_pending(&mut self, vmid: u32) {
        match self.guests.get(&vmid).map(|guest| guest.kind) {
            Some(GuestKind::Lxc) => super::container::apply_pending(self, vmid),
            _ => super::hotplug::apply_pending(self, vmid),
        }
    }

    /// Enters a task that a node's own programs ran, as root, and that has ended.
    pub(crate) fn enter_task(&mut self, node: &str, kind: &str, vmid: u32, exit: &str) {
        let ticks = self.node(node).map_or(0, Node::ticks);
        let task = self.tasks.begin(node, kind, &vmid.to_string(), "root@pam", ticks);
        let upid = task.upid.clone();
        self.tasks.end(&upid, exit);
    }

    /// Starts a guest: what was pending is applied, and its clock begins.
    pub(crate) fn power_on(&mut self, vmid: u32) {
        let pid = self.tasks.next_pid();
        self.apply_pending(vmid);
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
        self.apply_pending(vmid);
    }
}

fn missing(kind: GuestKind, node: &str, vmid: u32) -> String {
    let folder = kind.folder();
    format!("Configuration file 'nodes/{node}/{folder}/{vmid}.conf' does not exist")
}
