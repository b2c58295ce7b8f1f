//! Keeps a guest that is the resource's own as it is declared.

use std::collections::BTreeSet;
use std::time::Duration;

use super::pass::{Again, End, Flow, Pass, Site};
use super::task::{self, Act};
use super::{look, secrets};
use crate::api::conditions::reason;
use crate::api::{CloudInitStatus, DesiredPower, FieldDrift, ObservedPower};
use crate::fleet::{ConfigReading, Work};
use crate::hypervisor::StopMode;
use crate::model::{Change, CloudInitChange, GuestAddress, GuestConfig, Power, PowerState, Progress, Vmid};
use crate::plan::desired::Desired;
use crate::plan::guest::{self, Action, Managed, Plan, Problem, Seen, SeenPool};
use crate::plan::identity::{Ownership, Verdict, judge};
use crate::plan::status::{self, Outcome};

/// Seconds after a start in which a guest's agent may yet come up.
const BOOTING: u64 = 600;

/// The end of a pass over a machine that is as it was when it was last found to be as declared: nothing is
/// asked of the host. `None` if it must be looked at.
pub(super) fn unchanged(pass: &mut Pass<'_>, site: &Site, vmid: Vmid) -> Flow<Option<End>> {
    if pass.deleting || pass.status.task.is_some() {
        return Ok(None);
    }
    let Some(row) = site.snapshot.guest(vmid) else {
        return Ok(None);
    };
    let desired = pass.desired(site)?;
    if !status::agrees(&pass.vm, &desired, row, site.snapshot.paused.contains(&vmid)) {
        return Ok(None);
    }
    let reading = site.cluster.last_config(vmid);
    let known = reading.as_ref().map(|r| r.config.current.agent).or(desired.agent);
    // Of a guest that was not read since the start it is not known: it is asked only while it may be booting.
    let agent = known.unwrap_or(row.uptime < BOOTING);
    pass.watch(site, vmid, agent);
    observe_addresses(pass, site, vmid);
    // The sweep reads configurations by itself; one that was not compared yet is compared now, without a call.
    let compared = pass.ctx.memory.get(&pass.uid).compared;
    if let Some(reading) = reading.filter(|r| compared.is_none_or(|at| at < r.read_at)) {
        let ours = judge(&pass.uid, pass.recorded(), vmid, &reading.config) == Verdict::Ours;
        let seen = Seen {
            config: &reading.config,
            power: PowerState::of(
                row.power,
                site.snapshot.paused.contains(&vmid),
                reading.config.lock.as_ref(),
            ),
            password_sent: None,
            managed: &Managed::of(pass.status.observed.as_ref()),
            pool: pool(pass, site, vmid),
        };
        let plan = guest::plan(&desired, seen);
        // What a Secret holds is not known here.
        let secret = desired
            .cloud_init
            .as_ref()
            .is_some_and(|c| c.password_ref.is_some());
        if secret || !ours || !plan.actions.is_empty() || plan.problem.is_some() {
            return Ok(None);
        }
        status::observe_config(&mut pass.status, &desired, &reading.config);
        pass.ctx
            .memory
            .note(&pass.uid, |m| m.compared = Some(reading.read_at));
    }
    let outcome = status::as_declared(&pass.status, &desired);
    Ok(Some(End::new(outcome, Again::Idle)))
}

/// Compares a guest with what is declared and takes the first step that is due.
pub(super) async fn keep(
    pass: &mut Pass<'_>,
    site: &Site,
    own: Ownership,
    reading: ConfigReading,
) -> Flow<End> {
    let at = own.address().clone();
    let mut desired = pass.desired(site)?;
    let no_secret = secrets::fill(pass, &mut desired).await?;
    pass.status.reservation = None;
    pass.status.node = Some(at.node.to_string());
    let managed = Managed::of(pass.status.observed.as_ref());
    status::observe_config(&mut pass.status, &desired, &reading.config);
    pass.watch(site, at.vmid, reading.config.current.agent);
    let power = power(pass, site, &at, &desired, &reading.config).await?;
    observe_addresses(pass, site, at.vmid);

    let sent = pass.status.cloud_init.clone().and_then(|c| c.password_version);
    let mut plan = guest::plan(
        &desired,
        Seen {
            config: &reading.config,
            power,
            password_sent: sent.as_deref(),
            managed: &managed,
            pool: pool(pass, site, at.vmid),
        },
    );
    // All the rest is kept as declared meanwhile.
    if let Some(what) = no_secret {
        plan.problem.get_or_insert(Problem::NoSecret { what });
    }
    pass.status.drift.clone_from(&plan.drift);
    if let Some(lock) = guest::blocked_by(&plan, &reading.config) {
        if lock.is_suspended() {
            let message = format!(
                "machine {} is suspended to disk: what is to be changed waits until it runs again (powerState: Running). \
                 Don't take its lock off, which would throw its memory away",
                at.vmid
            );
            return Ok(End::progressing(reason::LOCKED, message, Again::Waiting));
        }
        let message = format!(
            "machine {} is locked ('{}'): what is to be changed waits until the host is done. If no task runs there, \
             'qm unlock {}' takes a left-over lock off",
            at.vmid, lock.0, at.vmid
        );
        return Ok(End::progressing(reason::LOCKED, message, Again::Busy));
    }
    let Some(action) = plan.actions.first() else {
        return Ok(settled(pass, &desired, &plan, &reading));
    };
    had_effect(pass, action, &plan)?;
    restarted_too_often(pass, action)?;
    act(pass, site, &own, &reading, &desired, action).await
}

/// Notes which version of its Secret's password the guest was given. Should that be lost, it is given again.
pub(super) fn password_sent(pass: &mut Pass<'_>, changes: &[Change], desired: &Desired) {
    let told = |change: &Change| matches!(change, Change::CloudInit(CloudInitChange::Password(_)));
    let secret = desired.cloud_init.as_ref().and_then(|c| c.password.as_ref());
    if let Some(secret) = secret.filter(|_| changes.iter().any(told)) {
        let status = pass
            .status
            .cloud_init
            .get_or_insert_with(CloudInitStatus::default);
        status.password_version = Some(secret.version.clone());
    }
}

/// A change that went through and is planned again at once had no effect: it is repeated less and less often.
fn had_effect(pass: &Pass<'_>, action: &Action, plan: &Plan) -> Flow<()> {
    if *action == Action::Start || pass.ctx.memory.get(&pass.uid).done.as_ref() != Some(action) {
        return Ok(());
    }
    pass.ctx.memory.note(&pass.uid, |m| m.done = None);
    let fields: Vec<String> = plan
        .drift
        .iter()
        .map(|d| format!("{} is {} instead of {}", d.field, d.observed, d.desired))
        .collect();
    let message = format!(
        "the host carried a change out, and the machine is as it was: {}. It is tried again now and then; if a disk's \
         size is concerned, 'qm rescan' on the node mends a configuration that does not know the volume's real size; if \
         its pool is, the token may lack Pool.Audit on it",
        fields.join("; ")
    );
    Err(pass.failed(Outcome::unknown(reason::NO_EFFECT, message)).into())
}

/// How soon after its start a machine must stop again to be taken for one that can't run.
const SOON: Duration = Duration::from_mins(1);

/// A machine that stops again right after each start is started less and less often.
fn restarted_too_often(pass: &Pass<'_>, action: &Action) -> Flow<()> {
    let Some((last, count)) = pass.ctx.memory.get(&pass.uid).started else {
        return Ok(());
    };
    let now = pass.ctx.runtime.clock.instant();
    let next = last + pass.patience(count);
    if *action != Action::Start || now >= next {
        return Ok(());
    }
    let message = format!(
        "the machine stopped again right after its start, {count} times in a row: look at its console. It is started \
         again in {} s",
        next.duration_since(now).as_secs() + 1
    );
    let again = Again::After(next.duration_since(now));
    Err(End::progressing(reason::STOPS_AFTER_START, message, again).into())
}

/// Notes a change that the host took.
fn note_done(pass: &Pass<'_>, action: &Action) {
    let now = pass.ctx.runtime.clock.instant();
    let patience = |count| pass.patience(count);
    pass.ctx.memory.note(&pass.uid, |m| {
        if *action == Action::Start {
            let in_a_row = m.started.map_or(1, |(last, count)| {
                let soon = now.duration_since(last) < SOON.max(patience(count).saturating_mul(2));
                if soon { count.saturating_add(1) } else { 1 }
            });
            m.started = Some((now, in_a_row));
        } else {
            m.done = Some(action.clone());
        }
    });
}

/// The guest's power; asked itself where the list would lead to an act.
async fn power(
    pass: &mut Pass<'_>,
    site: &Site,
    at: &GuestAddress,
    desired: &Desired,
    config: &GuestConfig,
) -> Flow<PowerState> {
    let lock = config.lock.as_ref();
    let paused = site.snapshot.paused.contains(&at.vmid);
    let row = site.snapshot.guest(at.vmid);
    let listed = PowerState::of(row.map_or(Power::Unknown, |row| row.power), paused, lock);
    let wanted = match desired.power {
        None => listed,
        Some(DesiredPower::Running) => PowerState::Running,
        Some(DesiredPower::Stopped) => PowerState::Stopped,
        Some(DesiredPower::Paused) => PowerState::Paused,
        Some(DesiredPower::Suspended) => PowerState::Suspended,
    };
    // The list does not tell a paused guest from a running one: that was read before, if at all.
    let was_paused = pass.status.power_state == Some(ObservedPower::Paused) && !paused;
    let power = if listed == wanted && listed != PowerState::Unknown && !was_paused {
        listed
    } else {
        let live = site.cluster.read_power(at).await.map_err(|e| pass.trouble(&e))?;
        PowerState::of(live.power, live.paused, live.lock.as_ref().or(lock))
    };
    pass.status.power_state = Some(match power {
        PowerState::Running => ObservedPower::Running,
        PowerState::Paused => ObservedPower::Paused,
        PowerState::Stopped => ObservedPower::Stopped,
        PowerState::Suspended => ObservedPower::Suspended,
        PowerState::Unknown => ObservedPower::Unknown,
    });
    Ok(power)
}

fn observe_addresses(pass: &mut Pass<'_>, site: &Site, vmid: Vmid) {
    if let Some(addresses) = site.cluster.addresses(vmid) {
        let ips: Vec<_> = addresses.ips.iter().copied().collect();
        status::observe_addresses(&mut pass.status, &ips);
    } else if pass.status.power_state == Some(ObservedPower::Stopped) {
        pass.status.addresses.clear();
    }
}

/// Nothing more can be done: the machine is as declared, or a person is needed.
fn settled(pass: &Pass<'_>, desired: &Desired, plan: &Plan, reading: &ConfigReading) -> End {
    pass.succeeded();
    match &plan.problem {
        None => {
            pass.ctx
                .memory
                .note(&pass.uid, |m| m.compared = Some(reading.read_at));
            End::new(status::as_declared(&pass.status, desired), Again::Idle)
        }
        Some(problem) => {
            let (reason, message) = problem.told();
            End::stalled(reason, message)
        }
    }
}

async fn act(
    pass: &mut Pass<'_>,
    site: &Site,
    own: &Ownership,
    reading: &ConfigReading,
    desired: &Desired,
    action: &Action,
) -> Flow<End> {
    let vmid = own.address().vmid;
    let (act, storages) = match action {
        Action::Configure(changes) => (Act::Configure, storages_of(changes)),
        Action::JoinPool { .. } => (Act::Configure, BTreeSet::new()),
        Action::MoveDisk { slot, storage } => {
            let disk = reading.config.next.disks.get(slot);
            let from = disk.map(|d| d.volume.storage().to_owned());
            (Act::MoveDisk, from.into_iter().chain([storage.clone()]).collect())
        }
        Action::GrowDisk { slot, .. } => {
            let disk = reading.config.next.disks.get(slot);
            let storage = disk.map(|d| d.volume.storage().to_owned());
            (Act::GrowDisk, storage.into_iter().collect())
        }
        Action::Start => (Act::Start, BTreeSet::new()),
        Action::Pause => (Act::Pause, BTreeSet::new()),
        Action::Resume => (Act::Resume, BTreeSet::new()),
        Action::Suspend => (Act::Suspend, BTreeSet::new()),
        Action::ShutDown { .. } => (Act::ShutDown, BTreeSet::new()),
    };
    let work = Work {
        vmid,
        storages,
        clone_source: None,
    };
    let permit = match site.cluster.admit(work) {
        Ok(permit) => permit,
        Err(held) => return Ok(End::progressing(reason::QUEUED, held.reason, Again::Waiting)),
    };
    let own = match action {
        Action::Start
        | Action::Pause
        | Action::Resume
        | Action::Suspend
        | Action::ShutDown { .. }
        | Action::JoinPool { .. } => &look::judge_again(pass, site, own.clone()).await?,
        Action::Configure(_) | Action::GrowDisk { .. } | Action::MoveDisk { .. } => own,
    };
    let driver = site.cluster.driver();
    let sent = match action {
        Action::Configure(changes) => driver.configure(own, &reading.config, changes).await,
        Action::GrowDisk { slot, bytes } => driver.grow_disk(own, slot, *bytes).await,
        Action::MoveDisk { slot, storage } => driver.move_disk(own, slot, storage).await,
        Action::JoinPool { pool, from } => driver.join_pool(own, pool, from.as_deref()).await,
        Action::Start => driver.start(own).await,
        Action::Pause => driver.pause(own).await,
        Action::Resume => driver.resume(own).await,
        Action::Suspend => driver.suspend(own).await,
        Action::ShutDown { grace_seconds, force } => {
            let mode = StopMode::Graceful {
                grace_seconds: *grace_seconds,
                force: *force,
            };
            driver.stop(own, mode).await
        }
    };
    if sent.is_ok()
        && let Action::Configure(changes) = action
    {
        password_sent(pass, changes, desired);
    }
    match sent {
        Ok(Progress::Running(upid)) => {
            note_done(pass, action);
            Ok(task::begin(pass, site, vmid, act, &upid, Some(permit)))
        }
        Ok(Progress::Done) => {
            pass.ctx.runtime.metrics.action(act.label(), Ok(()));
            note_done(pass, action);
            if matches!(action, Action::JoinPool { .. }) {
                let now = pass.ctx.runtime.clock.instant();
                pass.ctx.memory.note(&pass.uid, |m| m.pooled = Some(now));
                site.cluster.refresh();
            }
            if let Some(mut entry) = act.done(vmid.get(), own.address().node.as_str()) {
                if act == Act::Configure {
                    entry.note = described(&entry.note, pass);
                }
                pass.entries.push(entry);
            }
            let (reason, message) = match act {
                Act::Pause | Act::Resume | Act::Suspend => act.doing_of(vmid),
                Act::GrowDisk => (
                    reason::GROWING_DISK,
                    format!("a disk of machine {vmid} was grown"),
                ),
                _ => (
                    reason::CONFIGURING,
                    format!("the configuration of machine {vmid} was changed"),
                ),
            };
            Ok(End::progressing(reason, message, Again::Now))
        }
        Err(error) => {
            pass.ctx.runtime.metrics.action(act.label(), Err(error.class()));
            Ok(pass.trouble(&error))
        }
    }
}

/// What is done by a step of its own.
fn is_apart(drift: &FieldDrift) -> bool {
    let of_disk = drift.field.starts_with("disks[");
    let grown = drift.field.ends_with("].size") && drift.observed != "none";
    drift.field == "powerState" || (of_disk && (grown || drift.field.ends_with("].storage")))
}

/// The storages on which a change makes volumes.
fn storages_of(changes: &[Change]) -> BTreeSet<String> {
    let storages = changes.iter().filter_map(Change::storage);
    storages.map(str::to_owned).collect()
}

/// The guest's pool as the bulk list shows it, unless the list is older than the last change of that.
fn pool<'a>(pass: &Pass<'_>, site: &'a Site, vmid: Vmid) -> SeenPool<'a> {
    let changed = pass.ctx.memory.get(&pass.uid).pooled;
    match site.snapshot.guest(vmid) {
        Some(row) if site.snapshot.taken > changed => {
            row.pool.as_deref().map_or(SeenPool::None, SeenPool::In)
        }
        _ => SeenPool::Unknown,
    }
}

/// The note of an Event with what was different.
fn described(note: &str, pass: &Pass<'_>) -> String {
    let fields: Vec<String> = pass
        .status
        .drift
        .iter()
        .filter(|d| !is_apart(d))
        .map(|d| format!("{} from {} to {}", d.field, d.observed, d.desired))
        .collect();
    format!("{note}: {}", fields.join(", "))
}
