//! What `/cluster/resources` knows: the figures that each node broadcasts every ten seconds, and which therefore lag.
//!
//! The list of guests itself does not lag: a new guest is listed at once, without figures, and a removed one vanishes at
//! once. Tags and lock are read from the live configuration too (`PVE::API2Tools::extract_vm_stats`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::guest::{Guest, Power};
use super::traffic::sum;
use super::world::World;

/// The last figures of every guest.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct ResourceCache {
    pub(crate) guests: BTreeMap<u32, GuestFigures>,
    /// Bytes of memory that the guests of each node use; a node that isn't here hasn't said anything yet.
    pub(crate) memory: BTreeMap<String, u64>,
    /// Bytes in use, by node and storage.
    #[serde(with = "by_node")]
    pub(crate) storages: BTreeMap<(String, String), u64>,
}

/// Writes figures of storages as a list: JSON has no keys of two parts.
mod by_node {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    type Figures = BTreeMap<(String, String), u64>;

    pub(super) fn serialize<S: Serializer>(figures: &Figures, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(figures)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Figures, D::Error> {
        Ok(Vec::deserialize(from)?.into_iter().collect())
    }
}

/// What a node said about a guest.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct GuestFigures {
    pub(crate) name: String,
    pub(crate) running: bool,
    pub(crate) template: bool,
    pub(crate) cpus: u64,
    pub(crate) max_memory: u64,
    pub(crate) max_disk: u64,
    pub(crate) uptime: u64,
    pub(crate) cpu: f64,
    pub(crate) memory: u64,
    /// Through its cards, each way.
    pub(crate) net: u64,
    /// Through its drives, each way.
    pub(crate) disk: u64,
}

impl GuestFigures {
    pub(crate) fn of(world: &World, guest: &Guest) -> Self {
        let uptime = match guest.power {
            Power::Stopped => 0,
            Power::Running { since, .. } => since.elapsed().as_secs(),
        };
        let running = guest.is_running();
        Self {
            name: guest.display_name(),
            running,
            template: guest.is_template(),
            cpus: world.cpus_of(guest),
            max_memory: guest.max_memory(),
            max_disk: guest.max_disk(),
            uptime,
            cpu: if running { 0.02 } else { 0.0 },
            memory: if running { guest.max_memory() / 2 } else { 0 },
            net: sum(&guest.card_traffic()),
            disk: sum(&guest.drive_traffic()),
        }
    }
}

impl World {
    /// Bytes in use, of every storage on every node that is up; what is known of the others stays. What all nodes share has
    /// the volumes of no node.
    fn storage_use(&self) -> BTreeMap<(String, String), u64> {
        let mut sums: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for volume in self.volumes.values() {
            *sums.entry((&volume.node, volume.storage())).or_default() += volume.used;
        }
        let mut all = self.cache.storages.clone();
        for storage in self.storages.iter().filter(|storage| storage.enabled) {
            for node in self
                .nodes
                .iter()
                .filter(|node| node.online && storage.is_on(&node.name))
            {
                let home = if storage.shared { "" } else { node.name.as_str() };
                let used = sums.get(&(home, storage.name.as_str())).copied().unwrap_or(0);
                all.insert((node.name.clone(), storage.name.clone()), used);
            }
        }
        all
    }

    /// The last figure of a storage on a node; nothing if the node has never told one.
    pub(crate) fn known_use(&self, node: &str, storage: &str) -> Option<u64> {
        let figures = &self.cache.storages;
        figures.get(&(node.to_owned(), storage.to_owned())).copied()
    }

    /// Takes new figures from every node that is up; those of a node that is down stay as they were.
    pub(crate) fn refresh_resources(&mut self) {
        let mut fresh = std::mem::take(&mut self.cache.guests);
        let mut memory = std::mem::take(&mut self.cache.memory);
        for node in self.nodes.iter().filter(|node| node.online) {
            memory.insert(node.name.clone(), 0);
        }
        let up: std::collections::BTreeSet<&str> = self
            .nodes
            .iter()
            .filter(|n| n.online)
            .map(|n| n.name.as_str())
            .collect();
        fresh.retain(|vmid, _| self.guests.contains_key(vmid));
        for guest in self.guests.values() {
            if up.contains(guest.node.as_str()) {
                let figures = GuestFigures::of(self, guest);
                *memory.entry(guest.node.clone()).or_default() += figures.memory;
                fresh.insert(guest.vmid, figures);
            }
        }
        self.cache.memory = memory;
        self.cache.storages = self.storage_use();
        self.cache.guests = fresh;
    }
}
