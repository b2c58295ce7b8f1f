//! What is said about a host: its status, from what the fleet saw of it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::conditions::{self, Finding, Truth, reason};
use crate::api::names::{RECONCILE_AT, RELEASE_DELETIONS};
use crate::api::{Allocated, Capacity, ClusterInfo, GuestCounts, Host, HostStatus, Size, StorageInfo};
use crate::model::{
    ClusterId, ClusterStatus, GuestKind, GuestRow, HostVersion, NodeName, NodeRow, Power, StorageRow,
};
use crate::plan::maintenance;
use crate::plan::status::{Outcome, Standing, findings};

/// How far the connection to a host got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Whether its address answers.
    pub reachable: Truth,
    /// Whether it accepts the credentials.
    pub authenticated: Truth,
}

/// What was seen of a host whose cluster is known.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its cluster's identity.
    pub cluster: &'a ClusterId,
    /// Members and quorum.
    pub status: &'a ClusterStatus,
    /// The node that the host is.
    pub node: &'a NodeName,
    /// Its version.
    pub version: Option<&'a HostVersion>,
    /// Nodes of the bulk list.
    pub nodes: &'a [NodeRow],
    /// Storages of the bulk list.
    pub storages: &'a [StorageRow],
}

/// Writes what was seen into the status. Nothing that ticks is written.
pub fn observe<'a>(status: &mut HostStatus, seen: Seen<'_>, guests: impl Iterator<Item = &'a GuestRow>) {
    let mut members: Vec<String> = seen.status.members.iter().map(|m| m.name.to_string()).collect();
    members.sort();
    status.cluster = Some(ClusterInfo {
        name: seen.status.name.clone(),
        id: seen.cluster.to_string(),
        members,
    });
    // Pinned once seen: behind an address that moves, another member may answer tomorrow.
    status.node_name.get_or_insert_with(|| seen.node.to_string());
    status.version = seen.version.map(|v| v.text.clone()).or(status.version.take());
    // An offline node shows no capacity; what was known of it stays.
    if let Some(row) = seen
        .nodes
        .iter()
        .find(|n| n.name == *seen.node && n.online && n.cpus > 0)
    {
        status.capacity = Some(Capacity {
            cpus: row.cpus,
            memory: Size::of_bytes(row.memory),
            root_disk: Size::of_bytes(row.root_disk),
        });
    }
    let mut counts = GuestCounts::default();
    let (mut cpus, mut memory) = (0_u32, 0_u64);
    for row in guests.filter(|row| row.node == *seen.node) {
        match row.kind {
            GuestKind::VirtualMachine => counts.virtual_machines += 1,
            GuestKind::Container => counts.containers += 1,
        }
        if row.power == Power::Running {
            cpus = cpus.saturating_add(row.cpus);
            memory = memory.saturating_add(row.memory);
        }
    }
    status.guests = Some(counts);
    status.allocated = Some(Allocated {
        cpus,
        memory: Size::of_bytes(memory),
    });
    let mut storages: Vec<StorageInfo> = seen
        .storages
        .iter()
        .filter(|s| s.node == *seen.node)
        .map(|s| {
            let mut content = s.content.clone();
            content.sort();
            StorageInfo {
                name: s.storage.clone(),
                type_: s.plugin.clone(),
                content,
                shared: s.shared,
                active: s.available,
                capacity: Size::of_bytes(s.capacity),
            }
        })
        .collect();
    storages.sort_by(|a, b| a.name.cmp(&b.name));
    status.storages = storages;
}

/// Notes that a person lets the held deletions go, if the annotation names the time since when they are held; then it
/// says so.
pub fn release_deletions(host: &Host, status: &mut HostStatus, now: Timestamp) -> Option<String> {
    let held = status
        .deletions_held
        .as_mut()
        .filter(|held| held.released_at.is_none())?;
    let named = host.annotations().get(RELEASE_DELETIONS)?;
    if named.parse::<Timestamp>().ok()?.as_second() != held.since.0.as_second() {
        return None;
    }
    held.released_at = Some(Time(Timestamp::from_second(now.as_second()).unwrap_or(now)));
    Some(format!(
        "the deletions that are held since {named} go on, those of resources that were deleted by now"
    ))
}

/// Writes the outcome of a pass into the status.
pub fn conclude(
    host: &Host,
    status: &mut HostStatus,
    outcome: &Outcome,
    contact: Contact,
    quorate: Option<bool>,
    now: Timestamp,
) {
    let lacking = &status.missing_privileges;
    let outcome = &match outcome.standing {
        Standing::Ready if !lacking.is_empty() => {
            let message = format!(
                "{}; the credentials lack {} ('drover doctor' names the commands that grant that)",
                outcome.message,
                lacking.join(", ")
            );
            Outcome::ready(outcome.reason, message)
        }
        _ => outcome.clone(),
    };
    let mut found = findings(outcome);
    let mut say = |type_, truth, reason: &'static str, good: &str| {
        let (reason, message) = match truth {
            Truth::True => (reason, good),
            _ => (outcome.reason, outcome.message.as_str()),
        };
        found.push(Finding::new(type_, truth, reason, message));
    };
    let (reachable, authenticated) = (contact.reachable, contact.authenticated);
    say(
        conditions::REACHABLE,
        reachable,
        reason::ANSWERS,
        "the host answers",
    );
    say(
        conditions::AUTHENTICATED,
        authenticated,
        reason::ACCEPTED,
        "the host accepts the credentials",
    );
    let (truth, reason, message) = match quorate {
        Some(true) => (Truth::True, reason::MAJORITY, "the cluster has a majority"),
        Some(false) => (
            Truth::False,
            reason::NOT_QUORATE,
            "the cluster has no majority: nothing is changed until it has",
        ),
        None => (Truth::Unknown, outcome.reason, outcome.message.as_str()),
    };
    found.push(Finding::new(conditions::QUORATE, truth, reason, message));
    found.extend(status.maintenance.as_ref().map(maintenance::finding));
    let held = status.deletions_held.as_ref();
    if let Some(held) = held.filter(|held| held.released_at.is_none()) {
        let message = format!(
            "more machines were to be destroyed than spec.destroyLimit allows: all deletions wait for the annotation \
             {RELEASE_DELETIONS}={:.0}",
            held.since.0
        );
        found.push(Finding::new(
            conditions::DELETION_HELD,
            Truth::True,
            reason::DELETION_HELD,
            message,
        ));
    }
    if host.metadata.deletion_timestamp.is_some() {
        found.push(Finding::new(
            conditions::DELETING,
            Truth::True,
            outcome.reason,
            outcome.message.clone(),
        ));
    }
    status.conditions = conditions::merge(&status.conditions, found, host.metadata.generation, now);
    status.observed_generation = host.metadata.generation;
    status.last_handled_reconcile_at = host.annotations().get(RECONCILE_AT).cloned();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u32, node: &str, power: Power) -> GuestRow {
        GuestRow {
            id: id.try_into().unwrap(),
            kind: GuestKind::VirtualMachine,
            node: node.parse().unwrap(),
            name: None,
            power,
            template: false,
            lock: None,
            cpus: 2,
            memory: 1 << 30,
            uptime: 7,
            tags: std::collections::BTreeSet::new(),
            pool: None,
            ha_state: None,
        }
    }

    #[test]
    fn only_running_guests_of_the_node_are_allocated() {
        let cluster = ClusterId::from_fingerprint(&"ab".repeat(32)).unwrap();
        let members = ClusterStatus {
            name: None,
            quorate: true,
            members: vec![],
        };
        let node: NodeName = "pve1".parse().unwrap();
        let seen = Seen {
            cluster: &cluster,
            status: &members,
            node: &node,
            version: None,
            nodes: &[],
            storages: &[],
        };
        let rows = [
            row(100, "pve1", Power::Running),
            row(101, "pve1", Power::Stopped),
            row(102, "pve2", Power::Running),
        ];
        let mut status = HostStatus::default();
        observe(&mut status, seen, rows.iter());
        assert_eq!(status.allocated.unwrap().memory.0, "1Gi");
        assert_eq!(status.guests.unwrap().virtual_machines, 2);
    }
}
