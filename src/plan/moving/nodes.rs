//! The nodes of a cluster that are declared, as places for a machine.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::wanted::{Node, Place, Why};
use crate::api::{DesiredPower, Host, MaintenanceMode, NodePolicy, VirtualMachine, VirtualMachineStatus};
use crate::model::{GuestAddress, GuestRow, Migration, MigrationConditions, NodeName, Power, PowerState};
use crate::plan::desired::Desired;
use crate::plan::guest::Moving;
use crate::plan::guest_id;
use crate::plan::making::View;

/// How it stands with the place of a machine. `home`: the node of its host.
#[must_use]
pub fn place<'a>(
    vm: &VirtualMachine,
    status: &'a VirtualMachineStatus,
    row: &'a GuestRow,
    home: &'a NodeName,
    desired: &Desired,
) -> Place<'a> {
    let left = desired.leaves("hostRef");
    let placed = status.host.as_ref();
    let renamed = placed.is_some_and(|placed| *placed != vm.spec.host_ref.name);
    let to_run = matches!(desired.power, Some(DesiredPower::Running | DesiredPower::Paused));
    Place {
        here: row.node.as_str(),
        home: home.as_str(),
        renamed: !left && renamed,
        pinned: !left && vm.spec.node_policy == Some(NodePolicy::Pin),
        up: row.power == Power::Running || to_run,
        memory: row.memory,
        evacuated_from: status.evacuation.as_ref().map(|e| e.from.as_str()),
    }
}

/// What is around a machine.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// All hosts that are declared.
    pub hosts: &'a [Arc<Host>],
    /// The cluster.
    pub cluster: &'a str,
    /// What its list shows.
    pub view: View<'a>,
}

impl Around<'_> {
    /// The nodes of the cluster that are declared. How much memory is left is worked out where a guest is to leave its node,
    /// and where nothing asks for a move, nothing else either: this is run in every pass over every machine. `open`: whether a
    /// host takes the machine; `others`: all other machines that are declared.
    #[must_use]
    pub fn nodes(
        self,
        place: Place<'_>,
        open: impl Fn(&Host) -> bool,
        others: impl FnOnce() -> Vec<Arc<VirtualMachine>>,
    ) -> Vec<Node> {
        let declared = || {
            self.hosts.iter().filter_map(|host| {
                let status = host.status.as_ref()?;
                let cluster = status.cluster.as_ref().filter(|c| c.id == self.cluster);
                cluster.and(status.node_name.as_deref()).map(|name| (name, host))
            })
        };
        let mode = |host: &Host| host.spec.maintenance.as_ref().map(|m| m.mode).unwrap_or_default();
        let evacuated =
            declared().any(|(name, host)| name == place.here && mode(host) == MaintenanceMode::Evacuate);
        if !evacuated && place.is_settled() {
            return Vec::new();
        }
        let coming = if evacuated {
            self.coming(&others())
        } else {
            BTreeMap::new()
        };
        let mut nodes: Vec<Node> = Vec::new();
        for (name, host) in declared() {
            let usable = host.metadata.deletion_timestamp.is_none() && open(host) && self.is_online(name);
            // Declared twice: the stricter one holds.
            if let Some(known) = nodes.iter_mut().find(|known| known.name == name) {
                known.maintenance = stricter(known.maintenance, mode(host));
                known.open |= usable;
                continue;
            }
            nodes.push(Node {
                name: name.to_owned(),
                maintenance: mode(host),
                open: usable,
                free: if evacuated { self.free(name, &coming) } else { 0 },
            });
        }
        nodes
    }

    fn is_online(self, node: &str) -> bool {
        let mut rows = self.view.nodes.iter();
        rows.any(|row| row.name.as_str() == node && row.online)
    }

    /// Memory that no running guest of a node was given, nor one that is on its way there.
    fn free(self, node: &str, coming: &BTreeMap<String, u64>) -> u64 {
        let mut rows = self.view.nodes.iter();
        let has = rows
            .find(|row| row.name.as_str() == node)
            .map_or(0, |row| row.memory);
        let rows = self.view.guests.values();
        let there = rows.filter(|row| row.node.as_str() == node && row.power == Power::Running);
        let given: u64 = there.map(|row| row.memory).sum();
        has.saturating_sub(given)
            .saturating_sub(coming.get(node).copied().unwrap_or_default())
    }

    /// Memory of other machines that are on their way to a node, by node.
    fn coming(self, others: &[Arc<VirtualMachine>]) -> BTreeMap<String, u64> {
        let mut coming = BTreeMap::new();
        for status in others.iter().filter_map(|machine| machine.status.as_ref()) {
            let (Some(begun), Some(id)) = (&status.migration, guest_id::current(status)) else {
                continue;
            };
            let row = self.view.guests.get(&id);
            if let Some(row) = row.filter(|row| row.node.as_str() != begun.to) {
                *coming.entry(begun.to.clone()).or_insert(0) += row.memory;
            }
        }
        coming
    }
}

fn stricter(one: MaintenanceMode, other: MaintenanceMode) -> MaintenanceMode {
    use MaintenanceMode::{Cordon, Evacuate, None};
    match (one, other) {
        (Evacuate, _) | (_, Evacuate) => Evacuate,
        (Cordon, _) | (_, Cordon) => Cordon,
        (None, None) => None,
    }
}

/// The move of a guest to a node.
#[must_use]
pub fn to(
    target: NodeName,
    why: Why,
    at: &GuestAddress,
    conditions: &MigrationConditions,
    power: PowerState,
) -> Moving {
    Moving {
        from: at.node.to_string(),
        migration: Migration {
            target,
            live: matches!(power, PowerState::Running | PowerState::Paused),
            local_disks: conditions.local_disks,
        },
        declared: why == Why::Declared,
    }
}

/// A move goes on.
#[must_use]
pub fn under_way(id: impl fmt::Display, from: &str, to: &str) -> String {
    format!("machine {id} is being moved from node {from} to node {to}")
}
