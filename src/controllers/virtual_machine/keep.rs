//! Keeps a guest that is the resource's own as it is declared.

use std::time::Duration;

use super::pass::{Again, End, Flow, Pass};
use super::site::Site;
use super::{act, moves, secrets, seed};
use crate::api::conditions::reason;
use crate::api::{DesiredPower, ObservedPower};
use crate::fleet::ConfigReading;
use crate::model::{GuestAddress, GuestConfig, GuestId, Power, PowerState};
use crate::plan::desired::Desired;
use crate::plan::guest::{self, Action, Managed, Plan, Problem, Reboot, Seen, SeenHa, SeenPool};
use crate::plan::identity::{Ownership, Verdict, judge};
use crate::plan::placing;
use crate::plan::status::{self, Outcome};
use crate::plan::window;

/// Seconds after a start in which a guest's agent may yet come up.
const BOOTING: u64 = 600;

/// The end of a pass over a machine that is as it was when it was last found to be as declared: nothing is
/// asked of the host. `None` if it must be looked at.
pub(super) async fn unchanged(pass: &mut Pass<'_>, site: &Site, id: GuestId) -> Flow<Option<End>> {
    if pass.deleting || pass.status.task.is_some() {
        return Ok(None);
    }
    let Some(row) = site.snapshot.guest(id) else {
        return Ok(None);
    };
    let mut desired = pass.desired(site)?;
    if pass.class_changed()? || !status::agrees(&pass.vm, &desired, row, site.snapshot.paused.contains(&id)) {
        return Ok(None);
    }
    if moves::due(pass, site, row, &desired) {
        return Ok(None);
    }
    let reading = site.cluster.last_config(id);
    let known = reading.as_ref().map(|r| r.config.current.agent).or(desired.agent);
    // Of a guest that was not read since the start it is not known: it is asked only while it may be booting.
    let agent = known.unwrap_or(row.uptime < BOOTING);
    pass.watch(site, id, agent);
    observe_agent(pass, site, id, known);
    // The sweep reads configurations by itself; one that was not compared yet is compared now, without a call.
    let compared = pass.ctx.memory.get(&pass.uid).compared;
    if let Some(reading) = reading.filter(|r| compared.is_none_or(|at| at < r.read_at)) {
        // What they hold may have changed too.
        let no_secret = secrets::of(pass, &mut desired).await?;
        let ours = judge(&pass.uid, pass.recorded(), id, &reading.config, desired.template) == Verdict::Ours;
        let sent = pass.status.cloud_init.clone().and_then(|c| c.password_version);
        let seen = Seen {
            config: &reading.config,
            power: PowerState::of(
                row.power,
                site.snapshot.paused.contains(&id),
                reading.config.lock.as_ref(),
            ),
            password_sent: sent.as_deref(),
            managed: &Managed::of(&pass.status),
            pool: pool(pass, site, id),
            reboot: Reboot::No,
            high_availability: SeenHa::Unknown,
            moving: None,
        };
        seed::settle(pass, &mut desired, &reading.config.next);
        let plan = guest::plan(&desired, seen);
        let tidy = seed::is_tidy(pass, &reading.config, &desired);
        let agrees = ours && tidy && plan.actions.is_empty() && plan.problem.is_none();
        if no_secret.is_some() || !agrees {
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
    if pass.class_changed()? {
        pass.pin_class();
    }
    pass.status.unsupported.clone_from(&desired.unsupported);
    let no_secret = secrets::of(pass, &mut desired).await?;
    seed::settle(pass, &mut desired, &reading.config.next);
    moves::settle(pass, site, &at, &reading.config).await?;
    pass.status.reservation = None;
    pass.status.node = Some(at.node.to_string());
    let managed = Managed::of(&pass.status);
    status::observe_config(&mut pass.status, &desired, &reading.config);
    pass.watch(site, at.id, reading.config.current.agent);
    let power = power(pass, site, &at, &desired, &reading.config).await?;
    observe_agent(pass, site, at.id, Some(reading.config.current.agent));

    let ha = if desired.high_availability.is_some() {
        let asked = site.cluster.driver().high_availability(&at).await;
        Some(asked.map_err(|e| pass.trouble(&e))?)
    } else {
        None
    };
    let (moving, stays) = match moves::next(pass, site, &at, &desired, power).await? {
        Ok(moving) => (moving, None),
        Err(why) => (None, Some(Problem::CantMove { why })),
    };
    let (reboot, opens) = reboot(pass, site, &reading.config)?;
    let sent = pass.status.cloud_init.clone().and_then(|c| c.password_version);
    let mut plan = guest::plan(
        &desired,
        Seen {
            config: &reading.config,
            power,
            password_sent: sent.as_deref(),
            managed: &managed,
            pool: pool(pass, site, at.id),
            reboot,
            high_availability: SeenHa::of(ha.as_ref()),
            moving: moving.as_ref(),
        },
    );
    plan.problem = plan.problem.or(stays);
    // All the rest is kept as declared meanwhile.
    if let Some(what) = no_secret {
        plan.problem.get_or_insert(Problem::NoSecret { what });
    }
    pass.status.drift.clone_from(&plan.drift);
    if let Some(end) = reported(pass, &plan) {
        return Ok(end);
    }
    if let Some(lock) = guest::blocked_by(&plan, &reading.config) {
        let again = if lock.is_suspended() {
            Again::Waiting
        } else {
            Again::Busy
        };
        return Ok(End::new(status::locked(at.id, lock), again));
    }
    let Some(action) = plan.actions.first() else {
        if let Some(end) = seed::tidy(pass, site, &at, Some(&reading.config), &desired).await? {
            return Ok(end);
        }
        return Ok(settled(pass, &desired, &plan, &reading, opens));
    };
    had_effect(pass, action, &plan)?;
    restarted_too_often(pass, action)?;
    if let Some(end) = seed::ready(pass, site, &at, &reading.config, &desired, action).await? {
        return Ok(end);
    }
    act::act(pass, site, &own, &reading, &desired, action).await
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
pub(super) const SOON: Duration = Duration::from_mins(1);

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

/// The guest's power; asked itself where the list would lead to an act.
async fn power(
    pass: &mut Pass<'_>,
    site: &Site,
    at: &GuestAddress,
    desired: &Desired,
    config: &GuestConfig,
) -> Flow<PowerState> {
    let lock = config.lock.as_ref();
    let paused = site.snapshot.paused.contains(&at.id);
    let row = site.snapshot.guest(at.id);
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

/// Takes over what the agent reported; `agent` tells whether the machine has one, as far as that is known. Of one without,
/// or that does not run, nothing of that counts.
pub(super) fn observe_agent(pass: &mut Pass<'_>, site: &Site, id: GuestId, agent: Option<bool>) {
    let stopped = pass.status.power_state == Some(ObservedPower::Stopped);
    match (site.cluster.agent(id), agent) {
        (_, Some(false)) => pass.forget_agent(),
        // That none answers says nothing where there may be none.
        (Some(report), _) if report.connected || agent.is_some() => {
            status::observe_agent(&mut pass.status, &report);
        }
        (None, _) if stopped => pass.forget_agent(),
        _ => {}
    }
}

/// Nothing more can be done: the machine is as declared, or a person is needed.
fn settled(
    pass: &Pass<'_>,
    desired: &Desired,
    plan: &Plan,
    reading: &ConfigReading,
    opens: Option<Duration>,
) -> End {
    pass.succeeded();
    match &plan.problem {
        None => {
            pass.ctx
                .memory
                .note(&pass.uid, |m| m.compared = Some(reading.read_at));
            let idle = pass.ctx.settings.timing.requeue_idle;
            let again = opens.map_or(Again::Idle, |wait| Again::After(wait.min(idle)));
            End::new(status::as_declared(&pass.status, desired), again)
        }
        Some(problem) => {
            let (reason, message) = problem.told();
            End::stalled(reason, message)
        }
    }
}

/// The guest's pool as the bulk list shows it, unless the list is older than the last change of that.
fn pool<'a>(pass: &Pass<'_>, site: &'a Site, id: GuestId) -> SeenPool<'a> {
    let changed = pass.ctx.memory.get(&pass.uid).pooled;
    match site.snapshot.guest(id) {
        Some(row) if site.snapshot.taken > changed => {
            row.pool.as_deref().map_or(SeenPool::None, SeenPool::In)
        }
        _ => SeenPool::Unknown,
    }
}

/// A difference that is to be told and not put back. What the spec says anew is carried out all the same.
fn reported(pass: &Pass<'_>, plan: &Plan) -> Option<End> {
    let told = status::only_reports(&pass.vm, &pass.status) && !plan.drift.is_empty();
    told.then(|| End::waiting(status::reported(&pass.status)))
}

/// Whether the machine may be rebooted now for what waits for that, and else when its host's window opens.
fn reboot(pass: &mut Pass<'_>, site: &Site, config: &GuestConfig) -> Flow<(Reboot, Option<Duration>)> {
    if config.pending.is_empty() {
        pass.status.last_reboot = None;
        pass.ctx.memory.note(&pass.uid, |m| m.reboot_failed = false);
        return Ok((Reboot::No, None));
    }
    let now = pass.ctx.runtime.clock.now();
    let policy = pass.vm.spec.reboot_policy.unwrap_or_default();
    let opens = window::reboots(policy, site.host.spec.maintenance_window.as_ref(), now);
    let opens = opens.map_err(|bad| End::waiting(placing::window_not_understood(&site.host, &bad)))?;
    let opens = opens.wait(now);
    if opens != Some(Duration::ZERO) {
        return Ok((Reboot::No, opens));
    }
    let helped_not = pass
        .status
        .last_reboot
        .as_ref()
        .is_some_and(|last| last.pending == config.pending);
    let reboot = match pass.ctx.memory.get(&pass.uid).reboot_failed {
        _ if helped_not => Reboot::No,
        true => Reboot::Insist,
        false => Reboot::Ask,
    };
    Ok((reboot, None))
}
