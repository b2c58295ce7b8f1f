//! Moves a machine to the node where it is to be: the one of its host, or another while that is under maintenance.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::make::view;
use super::pass::{Again, End, Flow, Pass};
use super::site::Site;
use super::{evidence, record};
use crate::api::conditions::{reason, truncate};
use crate::api::{Evacuation, MigrationStatus};
use crate::controllers::journal::Entry;
use crate::model::{GuestAddress, GuestConfig, GuestRow, PowerState};
use crate::plan::desired::Desired;
use crate::plan::guest::Moving;
use crate::plan::moving::{self, Around, Wanted, Why};

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
    let place = moving::place(&pass.vm, &pass.status, row, &site.node, desired);
    let hosts = pass.ctx.all_hosts();
    let around = Around {
        hosts: &hosts,
        cluster: site.cluster.id().as_str(),
        view: view(&site.snapshot),
    };
    let others = || {
        let mut machines = pass.ctx.all_machines();
        machines.retain(|machine| machine.uid().as_ref() != Some(&pass.uid));
        machines
    };
    moving::wanted(place, &around.nodes(place, |host| pass.is_allowed(host), others))
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
    let message = moving::under_way(at.id, &begun.from, &begun.to);
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
            at.id, begun.from, begun.to
        );
        pass.entries.push(Entry::normal(reason::MIGRATED, note));
        pass.ctx.memory.note(&pass.uid, |m| m.done = None);
        return Ok(());
    }
    // The host's work may be known by its source alone.
    if let Ok(node) = begun.from.parse() {
        let source = GuestAddress { node, id: at.id };
        if evidence::running(pass, site, &source).await?.is_some() {
            return Err(wait(Again::Busy).into());
        }
    }
    let now = pass.ctx.runtime.clock.now();
    let row = site.snapshot.guest(at.id);
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
    let Some(row) = site.snapshot.guest(at.id) else {
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
    Ok(Ok(Some(moving::to(target, why, at, &conditions, power))))
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
