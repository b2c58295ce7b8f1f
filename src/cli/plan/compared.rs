//! What of a machine is not as declared, and what is done about it.

use std::sync::Arc;

use kube::ResourceExt;

use super::found::{Found, Held};
use super::known::Known;
use super::site::Site;
use super::wanted;
use crate::api::{EffectivePolicies, VirtualMachine};
use crate::model::{GuestAddress, GuestConfig, GuestId, GuestRow, PowerState};
use crate::plan::desired::Desired;
use crate::plan::guest::{self, Managed, Moving, Plan, Problem, Reboot, Seen, SeenHa, SeenPool};
use crate::plan::moving::{self, Around, Wanted, Why};
use crate::plan::placing;
use crate::plan::preview::{self, Effect};
use crate::plan::seed;
use crate::plan::status::{self, Outcome};
use crate::plan::window;
use crate::runtime::Clock;

/// A machine and all that was read of it.
pub(super) struct Read<'a> {
    pub(super) id: GuestId,
    pub(super) machine: &'a VirtualMachine,
    pub(super) site: &'a Site,
    pub(super) desired: &'a Desired,
    pub(super) seen: Seen<'a>,
    pub(super) plan: &'a Plan,
}

/// Compares the resource's own machine with what is declared.
pub(super) async fn of(
    known: &Known,
    site: &Site,
    machine: &VirtualMachine,
    (row, config): (&GuestRow, &GuestConfig),
    what: String,
) -> Result<Found, Held> {
    let at = row.address();
    let stored = machine.status.clone().unwrap_or_default();
    let mut desired = wanted::desired(known, site, machine).await?;
    let no_secret = wanted::secrets(known, machine, &mut desired).await?;
    if let Some(identity) = &stored.identity {
        seed::settle(&mut desired, &config.next, identity.uuid);
    }
    let power = site.driver.guest_power(&at).await?;
    let power = PowerState::of(power.power, power.paused, config.lock.as_ref());
    let ha = match &desired.high_availability {
        Some(_) => Some(site.driver.high_availability(&at).await?),
        None => None,
    };
    let (mut lines, mut under_way) = (Vec::new(), 0);
    let (moving, stays) = match moves(known, site, machine, (&at, row, power), &desired).await? {
        Move::None => (None, None),
        Move::To(moving) => (Some(moving), None),
        Move::Forbidden(why) => (None, Some(Problem::CantMove { why })),
        Move::UnderWay(line) => {
            lines.push(line);
            under_way = 1;
            (None, None)
        }
        Move::Stays(line) => {
            lines.push(line);
            (None, None)
        }
    };
    let managed = Managed::of(&stored);
    let sent = stored
        .cloud_init
        .as_ref()
        .and_then(|c| c.password_version.as_deref());
    let seen = Seen {
        config,
        power,
        password_sent: sent,
        managed: &managed,
        pool: row.pool.as_deref().map_or(SeenPool::None, SeenPool::In),
        reboot: Reboot::No,
        high_availability: SeenHa::of(ha.as_ref()),
        moving: moving.as_ref(),
    };
    let mut plan = guest::plan(&desired, seen);
    plan.problem = plan.problem.or(stays);
    if let Some(what) = no_secret {
        plan.problem.get_or_insert(Problem::NoSecret { what });
    }
    let read = Read {
        id: row.id,
        machine,
        site,
        desired: &desired,
        seen,
        plan: &plan,
    };
    let mut found = told(&read, what, lines)?;
    found.changes += under_way;
    Ok(found)
}

/// Whether it is to be on another node.
enum Move {
    None,
    To(Moving),
    /// The spec says so, and it can't be.
    Forbidden(String),
    /// It is on its way.
    UnderWay(String),
    /// It is to leave its node because of a maintenance, and can't.
    Stays(String),
}

async fn moves(
    known: &Known,
    site: &Site,
    machine: &VirtualMachine,
    (at, row, power): (&GuestAddress, &GuestRow, PowerState),
    desired: &Desired,
) -> Result<Move, Held> {
    let status = machine.status.clone().unwrap_or_default();
    if let Some(begun) = &status.migration {
        return Ok(Move::UnderWay(moving::under_way(at.id, &begun.from, &begun.to)));
    }
    let place = moving::place(machine, &status, row, &site.node, desired);
    let around = Around {
        hosts: &known.hosts,
        cluster: site.cluster.as_str(),
        view: site.view(),
    };
    let others = || {
        let mut others = known.machines.clone();
        others.retain(|other: &Arc<VirtualMachine>| other.uid() != machine.uid());
        others
    };
    let open = |host: &crate::api::Host| placing::is_allowed(machine, host, || known.labels(machine));
    let forbidden = |why: Why, what: String| match why {
        Why::Declared => Move::Forbidden(what),
        Why::Evacuation | Why::Return => Move::Stays(format!(
            "stays on node {}, which it is to leave because of a maintenance: {what}",
            at.node
        )),
    };
    let (targets, why) = match moving::wanted(place, &around.nodes(place, open, others)) {
        Wanted::Here => return Ok(Move::None),
        Wanted::Nowhere(what, why) => return Ok(forbidden(why, what)),
        Wanted::On(targets, why) => (targets, why),
    };
    let conditions = site.driver.migration_conditions(at).await?;
    let target = match moving::choose(&targets, &conditions) {
        Ok(target) => target,
        Err(what) => return Ok(forbidden(why, what)),
    };
    let target = target.parse().map_err(|e| Held::Unknown(format!("{e}")))?;
    Ok(Move::To(moving::to(target, why, at, &conditions, power)))
}

/// What a plan is for a person; `more`: what is to be told beside it.
pub(super) fn told(read: &Read<'_>, mut what: String, more: Vec<String>) -> Result<Found, Held> {
    let Read {
        machine,
        desired,
        seen,
        plan,
        ..
    } = read;
    let mut stored = machine.status.clone().unwrap_or_default();
    let reported = status::only_reports(machine, &stored);
    let differences = preview::lines(plan, seen.power, seen.managed, reported);
    let mut lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    let done = |line: &&preview::Line| line.effect != Effect::Reported;
    let mut changes = differences.iter().filter(done).count();
    if !reported {
        let steps = preview::steps(plan);
        changes += steps.len();
        lines.extend(steps);
        if let Some(reboot) = reboots(read, &differences)? {
            changes += 1;
            lines.push(reboot);
        }
    }
    stored.pending.clone_from(&plan.pending);
    stored.effective = Some(EffectivePolicies {
        deletion_policy: None,
        reboot_policy: Some(machine.spec.reboot_policy.unwrap_or_default()),
    });
    lines.extend(status::reboot_required(&stored));
    if let Some(lock) = guest::blocked_by(plan, seen.config).filter(|_| !reported) {
        lines.push(status::locked(read.id, lock).message);
    }
    lines.extend(preview::unsupported(desired));
    lines.extend(more);
    let held = plan.problem.as_ref().map(|problem| {
        let (reason, message) = problem.told();
        Outcome::stalled(reason, message)
    });
    if lines.is_empty() && held.is_none() {
        what.push_str(": as declared");
    }
    Ok(Found {
        what,
        lines,
        changes,
        held,
    })
}

/// The reboot that Drover makes by itself for what waits for one, and when.
fn reboots(read: &Read<'_>, differences: &[preview::Line]) -> Result<Option<String>, Held> {
    let Read {
        machine,
        site,
        desired,
        seen,
        plan,
        ..
    } = read;
    let waits = differences
        .iter()
        .filter(|line| line.effect == Effect::AfterReboot);
    let mut pending: Vec<String> = waits.map(|line| line.field.clone()).collect();
    let last = machine.status.as_ref().and_then(|s| s.last_reboot.as_ref());
    // One that did not help is not repeated for the same.
    if pending.is_empty() && last.is_some_and(|last| last.pending == plan.pending) {
        return Ok(None);
    }
    pending.extend(plan.pending.iter().cloned());
    if !guest::reboots_after(desired, *seen, plan, pending) {
        return Ok(None);
    }
    let policy = machine.spec.reboot_policy.unwrap_or_default();
    let host = &site.host;
    let opens = window::reboots(
        policy,
        host.spec.maintenance_window.as_ref(),
        Clock::system().now(),
    )
    .map_err(|bad| placing::window_not_understood(host, &bad))?;
    Ok(preview::reboot(policy, opens))
}
