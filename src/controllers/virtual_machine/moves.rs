//! Moves a machine to the node where it is to be: the one of its host, or another while that is under maintenance.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::pass::{Again, End, Flow, Pass};
use super::site::Site;
use super::{evidence, record};
use crate::api::conditions::{reason, truncate};
use crate::api::{DesiredPower, Evacuation, MaintenanceMode, MigrationStatus, NodePolicy, ProxmoxNode};
use crate::controllers::journal::Entry;
use crate::model::{GuestAddress, GuestConfig, GuestRow, Migration, Power, PowerState, Vmid};
use crate::plan::desired::Desired;
use crate::plan::guest::Moving;
use crate::plan::moving::{self, Node, Place, Wanted, Why};

/// How long high availability may take to move a guest after it was asked to.
const HA_PATIENCE: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// Until the list of guests is looked at again.
const SOON: Again = Again::After(Duration::from_millis(200));
/// The longest message in a status (`Evacuation::blocked`).
const MESSAGE: usize = 1024;

/// Whether a move is due or under way, as the bulk list shows; nothing is asked.
pub(super) fn due(pass: &mut Pass<'_>, site: &Site, row: &GuestRow, desired: &Desired) -> bool {
    if pass.status.migration.is_some()
        || pass
            .status
            .evacuation
            .as_ref()
            .is_some_and(|e| e.blocked.is_some())
    {
        return true;
    }
    let wanted = wanted(pass, site, row, desired);
    if wanted != Wanted::Here {
        return true;
    }
    carried_out(pass, site, row);
    false
}

/// Where the machine is to be.
fn wanted(pass: &Pass<'_>, site: &Site, row: &GuestRow, desired: &Desired) -> Wanted {
    let left = desired.leaves("hostRef");
    let to_run = matches!(desired.power, Some(DesiredPower::Running | DesiredPower::Paused));
    let place = Place {
        here: row.node.as_str(),
        home: site.node.as_str(),
        renamed: !left && is_renamed(pass),
        pinned: !left && pass.vm.spec.node_policy == Some(NodePolicy::Pin),
        up: row.power == Power::Running || to_run,
        memory: row.memory,
        evacuated_from: pass.status.evacuation.as_ref().map(|e| e.from.as_str()),
    };
    moving::wanted(place, &nodes(pass, site, place))
}

/// Whether the spec names another host than the one for which the machine was placed.
fn is_renamed(pass: &Pass<'_>) -> bool {
    let placed = pass.status.host.as_ref();
    placed.is_some_and(|placed| *placed != pass.vm.spec.host_ref.name)
}

/// The nodes of the cluster that are declared. How much memory is left is worked out where a guest is to leave its node,
/// and where nothing asks for a move, nothing else either: this is run in every pass over every machine.
fn nodes(pass: &Pass<'_>, site: &Site, place: Place<'_>) -> Vec<Node> {
    let id = site.cluster.id().as_str();
    let hosts = pass.ctx.all_hosts();
    let declared = || {
        hosts.iter().filter_map(|host| {
            let status = host.status.as_ref()?;
            let cluster = status.cluster.as_ref().filter(|cluster| cluster.id == id);
            cluster.and(status.node_name.as_deref()).map(|name| (name, host))
        })
    };
    let mode = |host: &ProxmoxNode| host.spec.maintenance.as_ref().map(|m| m.mode).unwrap_or_default();
    let evacuated =
        declared().any(|(name, host)| name == place.here && mode(host) == MaintenanceMode::Evacuate);
    if !evacuated && place.is_settled() {
        return Vec::new();
    }
    let coming = if evacuated {
        coming(pass, site)
    } else {
        BTreeMap::new()
    };
    let mut nodes: Vec<Node> = Vec::new();
    for (name, host) in declared() {
        let open = is_open(pass, site, host, name);
        // Declared twice: the stricter one holds.
        if let Some(known) = nodes.iter_mut().find(|known| known.name == name) {
            known.maintenance = stricter(known.maintenance, mode(host));
            known.open |= open;
            continue;
        }
        nodes.push(Node {
            name: name.to_owned(),
            maintenance: mode(host),
            open,
            free: if evacuated { free(site, name, &coming) } else { 0 },
        });
    }
    nodes
}

fn stricter(one: MaintenanceMode, other: MaintenanceMode) -> MaintenanceMode {
    use MaintenanceMode::{Cordon, Evacuate, None};
    match (one, other) {
        (Evacuate, _) | (_, Evacuate) => Evacuate,
        (Cordon, _) | (_, Cordon) => Cordon,
        (None, None) => None,
    }
}

fn is_open(pass: &Pass<'_>, site: &Site, host: &ProxmoxNode, node: &str) -> bool {
    host.metadata.deletion_timestamp.is_none()
        && pass.is_allowed(host)
        && site.snapshot.node(node).is_some_and(|row| row.online)
}

/// Memory that no running guest of a node was given, nor one that is on its way there.
fn free(site: &Site, node: &str, coming: &BTreeMap<String, u64>) -> u64 {
    let has = site.snapshot.node(node).map_or(0, |row| row.memory);
    let rows = site.snapshot.guests.values();
    let there = rows.filter(|row| row.node.as_str() == node && row.power == Power::Running);
    let given: u64 = there.map(|row| row.memory).sum();
    has.saturating_sub(given)
        .saturating_sub(coming.get(node).copied().unwrap_or_default())
}

/// Memory of other machines that are on their way to a node, by node.
fn coming(pass: &Pass<'_>, site: &Site) -> BTreeMap<String, u64> {
    let mut coming = BTreeMap::new();
    for machine in pass.ctx.all_machines() {
        let Some(status) = machine.status.as_ref() else {
            continue;
        };
        let (Some(begun), Some(vmid)) = (&status.migration, status.vmid) else {
            continue;
        };
        let row = Vmid::try_from(vmid)
            .ok()
            .and_then(|vmid| site.snapshot.guest(vmid));
        let other = machine.uid().as_ref() != Some(&pass.uid);
        if let Some(row) = row.filter(|row| other && row.node.as_str() != begun.to) {
            *coming.entry(begun.to.clone()).or_insert(0) += row.memory;
        }
    }
    coming
}

/// Notes that the machine is where it is to be.
fn carried_out(pass: &mut Pass<'_>, site: &Site, row: &GuestRow) {
    let placed = pass.status.host.is_none() || row.node == site.node;
    if placed && pass.status.host.as_ref() != Some(&pass.vm.spec.host_ref.name) {
        pass.status.host = Some(pass.vm.spec.host_ref.name.clone());
    }
    let back = |evacuation: &Evacuation| evacuation.from == row.node.as_str();
    if pass.status.evacuation.as_ref().is_some_and(back) {
        pass.status.evacuation = None;
    }
}

/// What a move that was begun came to; one that is under way is waited for.
pub(super) async fn settle(
    pass: &mut Pass<'_>,
    site: &Site,
    at: &GuestAddress,
    config: &GuestConfig,
) -> Flow<()> {
    let Some(begun) = pass.status.migration.clone() else {
        return Ok(());
    };
    let message = format!(
        "machine {} is being moved from node {} to node {}",
        at.vmid, begun.from, begun.to
    );
    let wait = |again| End::progressing(reason::MIGRATING, message.clone(), again);
    let moved = pass.ctx.memory.get(&pass.uid).moved;
    if site.snapshot.taken <= moved {
        site.cluster.refresh();
        return Err(wait(SOON).into());
    }
    if at.node.as_str() == begun.to {
        if config.lock.is_some() {
            return Err(wait(Again::Busy).into());
        }
        pass.status.migration = None;
        let note = format!(
            "moved machine {} from node {} to node {}",
            at.vmid, begun.from, begun.to
        );
        pass.entries.push(Entry::normal(reason::MIGRATED, note));
        pass.ctx.memory.note(&pass.uid, |m| m.done = None);
        return Ok(());
    }
    // The host's work may be known by its source alone.
    if let Ok(node) = begun.from.parse() {
        let source = GuestAddress { node, vmid: at.vmid };
        if evidence::running(pass, site, &source).await?.is_some() {
            return Err(wait(Again::Busy).into());
        }
    }
    let now = pass.ctx.runtime.clock.now();
    let row = site.snapshot.guest(at.vmid);
    let by_ha = row.is_some_and(|row| row.ha_state.is_some());
    let patient = begun
        .since
        .0
        .checked_add(HA_PATIENCE)
        .is_ok_and(|until| now < until);
    if by_ha && patient {
        return Err(wait(Again::Busy).into());
    }
    pass.status.migration = None;
    Ok(())
}

/// The move that is due, or why there can be none.
pub(super) async fn next(
    pass: &mut Pass<'_>,
    site: &Site,
    at: &GuestAddress,
    desired: &Desired,
    power: PowerState,
) -> Flow<Result<Option<Moving>, String>> {
    let Some(row) = site.snapshot.guest(at.vmid) else {
        return Ok(Ok(None));
    };
    let (targets, why) = match wanted(pass, site, row, desired) {
        Wanted::Here => {
            if let Some(evacuation) = &mut pass.status.evacuation {
                evacuation.blocked = None;
            }
            carried_out(pass, site, row);
            return Ok(Ok(None));
        }
        Wanted::Nowhere(what, why) => return Ok(refused(pass, at, why, what)),
        Wanted::On(targets, why) => (targets, why),
    };
    let conditions = site.cluster.driver().migration_conditions(at).await;
    let conditions = conditions.map_err(|e| pass.trouble(&e))?;
    let target = match moving::choose(&targets, &conditions) {
        Ok(target) => target,
        Err(what) => return Ok(refused(pass, at, why, what)),
    };
    let target = target
        .parse()
        .map_err(|e| End::stalled(reason::MIGRATION_IMPOSSIBLE, format!("{e}")))?;
    if let Some(evacuation) = &mut pass.status.evacuation {
        evacuation.blocked = None;
    }
    if why == Why::Evacuation {
        let from = at.node.to_string();
        pass.status
            .evacuation
            .get_or_insert(Evacuation { from, blocked: None });
    }
    Ok(Ok(Some(Moving {
        from: at.node.to_string(),
        migration: Migration {
            target,
            live: matches!(power, PowerState::Running | PowerState::Paused),
            local_disks: conditions.local_disks,
        },
        declared: why == Why::Declared,
    })))
}

/// A move that the spec asks for and that can't be is the machine's problem; one of a maintenance is its node's.
fn refused(
    pass: &mut Pass<'_>,
    at: &GuestAddress,
    why: Why,
    mut what: String,
) -> Result<Option<Moving>, String> {
    if why == Why::Declared {
        return Err(what);
    }
    truncate(&mut what, MESSAGE);
    let from = at.node.to_string();
    let evacuation = pass
        .status
        .evacuation
        .get_or_insert(Evacuation { from, blocked: None });
    evacuation.blocked = Some(what);
    Ok(None)
}

/// Names the move in the status before it is begun.
pub(super) async fn begin(pass: &mut Pass<'_>, moving: &Moving) -> Flow<()> {
    pass.status.migration = Some(MigrationStatus {
        from: moving.from.clone(),
        to: moving.migration.target.to_string(),
        since: Time(pass.ctx.runtime.clock.now()),
    });
    record::save(pass).await.map_err(super::pass::Stop::Error)
}
