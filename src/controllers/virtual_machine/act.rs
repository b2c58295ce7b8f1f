//! Carries one step of a plan out.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::pass::{Again, End, Flow, Pass};
use super::site::Site;
use super::task::{self, Act};
use super::{keep, look, moves};
use crate::api::conditions::reason;
use crate::api::{CloudInitStatus, FieldDrift, LastReboot};
use crate::fleet::{ConfigReading, Work};
use crate::hypervisor::{Error, Hypervisor, StopMode};
use crate::model::{Change, CloudInitChange, Progress};
use crate::plan::desired::Desired;
use crate::plan::guest::Action;
use crate::plan::identity::Ownership;

/// Sends the call that a step is, if the host has room for it.
pub(super) async fn act(
    pass: &mut Pass<'_>,
    site: &Site,
    own: &Ownership,
    reading: &ConfigReading,
    desired: &Desired,
    action: &Action,
) -> Flow<End> {
    let id = own.address().id;
    let (act, storages) = named(action, reading);
    let work = Work {
        id,
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
        | Action::Reboot { .. }
        | Action::ShutDown { .. }
        | Action::JoinPool { .. }
        | Action::SetHa { .. }
        | Action::Migrate(_)
        | Action::MakeTemplate => &look::judge_again(pass, site, own.clone()).await?,
        Action::Configure(_) | Action::GrowDisk { .. } | Action::MoveDisk { .. } => own,
    };
    if let Action::Migrate(moving) = action {
        moves::begin(pass, moving).await?;
    }
    let driver = site.cluster.driver();
    let sent = send(driver.as_ref(), own, reading, action).await;
    if sent.is_ok() && act == Act::Reboot {
        pass.status.last_reboot = Some(LastReboot {
            pending: reading.config.pending.clone(),
            at: Time(pass.ctx.runtime.clock.now()),
        });
    }
    if sent.is_ok()
        && let Action::Configure(changes) = action
    {
        password_sent(pass, changes, desired);
    }
    match sent {
        Ok(Progress::Running(upid)) => {
            note_done(pass, action);
            Ok(task::begin(pass, site, id, act, &upid, Some(permit)))
        }
        Ok(Progress::Done) => {
            pass.ctx.runtime.metrics.action(act.label(), Ok(()));
            note_done(pass, action);
            pool_may_differ(pass, site, action);
            if let Some(mut entry) = act.done(id, own.address().node.as_str()) {
                if act == Act::Configure {
                    entry.note = described(&entry.note, pass);
                }
                pass.entries.push(entry);
            }
            let (reason, message) = match act {
                Act::Pause | Act::Resume | Act::Suspend | Act::Reboot | Act::MakeTemplate => act.doing_of(id),
                Act::GrowDisk => (reason::GROWING_DISK, format!("a disk of machine {id} was grown")),
                _ => (
                    reason::CONFIGURING,
                    format!("the configuration of machine {id} was changed"),
                ),
            };
            Ok(End::progressing(reason, message, Again::Now))
        }
        Err(error) => {
            pass.ctx.runtime.metrics.action(act.label(), Err(error.class()));
            if error.outcome_unknown() {
                pool_may_differ(pass, site, action);
            }
            if act == Act::Migrate && !error.outcome_unknown() {
                pass.status.migration = None;
            }
            Ok(pass.trouble(&error))
        }
    }
}

/// The pool that the list shows is that from before.
fn pool_may_differ(pass: &Pass<'_>, site: &Site, action: &Action) {
    if matches!(action, Action::JoinPool { .. }) {
        let now = pass.ctx.runtime.clock.instant();
        pass.ctx.memory.note(&pass.uid, |m| m.pooled = Some(now));
        site.cluster.refresh();
    }
}

/// What is done by a step of its own.
fn is_apart(drift: &FieldDrift) -> bool {
    let of_disk = drift.field.starts_with("disks[");
    let grown = drift.field.ends_with("].size") && drift.observed != "none";
    ["powerState", "hostRef"].contains(&drift.field.as_str())
        || (of_disk && (grown || drift.field.ends_with("].storage")))
}

/// The storages on which a change makes volumes.
fn storages_of(changes: &[Change]) -> BTreeSet<String> {
    let storages = changes.iter().filter_map(Change::storage);
    storages.map(str::to_owned).collect()
}

/// What a step is called, and the storages that it works on.
fn named(action: &Action, reading: &ConfigReading) -> (Act, BTreeSet<String>) {
    match action {
        Action::Configure(changes) => (Act::Configure, storages_of(changes)),
        Action::JoinPool { .. } | Action::SetHa { .. } => (Act::Configure, BTreeSet::new()),
        Action::MakeTemplate => (Act::MakeTemplate, BTreeSet::new()),
        Action::Migrate(_) => (Act::Migrate, BTreeSet::new()),
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
        Action::Reboot { .. } => (Act::Reboot, BTreeSet::new()),
        Action::ShutDown { .. } => (Act::ShutDown, BTreeSet::new()),
    }
}

async fn send(
    driver: &dyn Hypervisor,
    own: &Ownership,
    reading: &ConfigReading,
    action: &Action,
) -> Result<Progress, Error> {
    match action {
        Action::Configure(changes) => driver.configure(own, &reading.config, changes).await,
        Action::GrowDisk { slot, bytes } => driver.grow_disk(own, slot, *bytes).await,
        Action::MoveDisk { slot, storage } => driver.move_disk(own, slot, storage).await,
        Action::JoinPool { pool, from } => driver.join_pool(own, pool, from.as_deref()).await,
        Action::SetHa { setting, new } => driver.set_high_availability(own, setting, *new).await,
        Action::MakeTemplate => driver.make_template(own).await,
        Action::Migrate(moving) => driver.migrate(own, &moving.migration).await,
        Action::Start => driver.start(own).await,
        Action::Pause => driver.pause(own).await,
        Action::Resume => driver.resume(own).await,
        Action::Suspend => driver.suspend(own).await,
        Action::Reboot { grace_seconds } => driver.reboot(own, *grace_seconds).await,
        Action::ShutDown { grace_seconds, force } => {
            let mode = StopMode::Graceful {
                grace_seconds: *grace_seconds,
                force: *force,
            };
            driver.stop(own, mode).await
        }
    }
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

/// Notes a change that the host took.
fn note_done(pass: &Pass<'_>, action: &Action) {
    let now = pass.ctx.runtime.clock.instant();
    let patience = |count| pass.patience(count);
    pass.ctx.memory.note(&pass.uid, |m| {
        if *action == Action::Start {
            let in_a_row = m.started.map_or(1, |(last, count)| {
                let soon = now.duration_since(last) < keep::SOON.max(patience(count).saturating_mul(2));
                if soon { count.saturating_add(1) } else { 1 }
            });
            m.started = Some((now, in_a_row));
        } else {
            m.done = Some(action.clone());
        }
    });
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
