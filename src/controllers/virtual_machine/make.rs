//! Makes a guest under its reserved number.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::facts::{self, Facts, Ground, Known, Unmet};
use super::pass::{Again, End, Flow, Pass};
use super::site::Site;
use super::task::{self, Act};
use super::{act, secrets};
use crate::api::conditions::reason;
use crate::fleet::{Snapshot, Work};
use crate::hypervisor::{Answer, Hypervisor, Refusal};
use crate::model::{GuestAddress, GuestConfig, GuestId, Progress};
use crate::plan::desired::Desired;
use crate::plan::making::{Make, Material, View};
use crate::runtime::Class;

/// The cluster as the planner sees it.
pub(super) fn view(snapshot: &Snapshot) -> View<'_> {
    View {
        guests: &snapshot.guests,
        nodes: &snapshot.nodes,
        storages: &snapshot.storages,
    }
}

impl Known for (&Pass<'_>, &Site) {
    fn is_own(&self, id: GuestId, config: &GuestConfig) -> bool {
        self.0.is_of_namespace(self.1, id, config)
    }

    fn was_own(&self, id: Option<GuestId>, archived: &GuestConfig) -> bool {
        self.0.was_of_namespace(id, archived)
    }

    fn config<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Arc<GuestConfig>> {
        let cluster = &self.1.cluster;
        Box::pin(async move {
            match cluster.last_config(at.id) {
                Some(reading) => Ok(reading.config),
                None => cluster.read_config(at).await.map(|reading| reading.config),
            }
        })
    }
}

/// Where a guest is to be made.
pub(super) fn ground<'a>(driver: &'a dyn Hypervisor, site: &'a Site) -> Ground<'a> {
    Ground {
        driver,
        node: &site.node,
        view: view(&site.snapshot),
        allowed: site.allowed(),
    }
}

/// Checks that the guest could be made, and returns what was read for that; nothing is sent that changes anything.
pub(super) async fn check<'a>(
    pass: &Pass<'_>,
    site: &'a Site,
    driver: &'a dyn Hypervisor,
    desired: &mut Desired,
) -> Flow<Facts<'a>> {
    if let Some(what) = secrets::of(pass, desired).await? {
        return Err(End::stalled(reason::SECRET_NOT_USABLE, what).into());
    }
    let checked = facts::check(ground(driver, site), &(pass, site), desired, |id| pass.mark(id)).await;
    checked.map_err(|unmet| match unmet {
        Unmet::Refused(outcome) => End::waiting(outcome).into(),
        Unmet::Failed(error) => pass.trouble(&error).into(),
    })
}

/// Sends the call that makes the guest.
pub(super) async fn make(
    pass: &mut Pass<'_>,
    site: &Site,
    id: GuestId,
    desired: &Desired,
    facts: &Facts<'_>,
) -> Flow<End> {
    let driver = site.cluster.driver();
    let call = facts.call(ground(driver.as_ref(), site), desired, id, &pass.mark(id));
    let call = call.map_err(End::waiting)?;
    let permit = match site.cluster.admit(work(&call, facts, id)) {
        Ok(permit) => permit,
        Err(held) => return Ok(End::progressing(reason::QUEUED, held.reason, Again::Waiting)),
    };
    let taken_before = pass.ctx.memory.get(&pass.uid).making.maybe_taken;
    pass.ctx.memory.note(&pass.uid, |m| m.making.maybe_taken = true);
    let (act, sent) = match &call {
        Make::Create(call) => (Act::Create, driver.create(call).await),
        Make::Clone(call) => (Act::Clone, driver.clone_guest(call).await),
        Make::Restore(call) => (Act::Restore, driver.restore(call).await),
    };
    if let (Make::Create(call), true) = (&call, sent.is_ok()) {
        act::password_sent(pass, &call.changes, desired);
    }
    match sent {
        Ok(Progress::Running(upid)) => Ok(task::begin(pass, site, id, act, &upid, Some(permit))),
        Ok(Progress::Done) => {
            drop(permit);
            site.cluster.refresh();
            Ok(End::progressing(
                reason::CREATING,
                format!("machine {id} is made"),
                Again::Now,
            ))
        }
        Err(error) => {
            drop(permit);
            let now = pass.ctx.runtime.clock.now();
            let exists = error.refusal() == Some(&Refusal::GuestExists);
            let unknown = error.outcome_unknown();
            pass.ctx.memory.note(&pass.uid, |m| {
                m.making.refused |= exists;
                if unknown {
                    m.making.unknown = Some(now);
                } else {
                    // A refusal in so many words: nothing of it is under way.
                    m.making.maybe_taken = taken_before;
                }
            });
            pass.ctx.runtime.metrics.action(act.label(), Err(error.class()));
            site.cluster.refresh();
            if exists {
                let message = format!("number {id} is taken; it is looked at who has it");
                return Ok(End::progressing(reason::RESERVING, message, Again::Busy));
            }
            let end = pass.trouble(&error);
            // What the host refuses for good is tried again now and then: somebody may mend the host.
            if matches!(error.class(), Class::Invalid | Class::Permanent) {
                return Ok(pass.failed(end.outcome));
            }
            Ok(end)
        }
    }
}

fn work(call: &Make, facts: &Facts<'_>, id: GuestId) -> Work {
    let storages = |named: &Option<String>| match (named, facts.material()) {
        (Some(storage), _) => BTreeSet::from([storage.clone()]),
        (None, Material::Machine(_, config) | Material::Archive(_, config)) => {
            let disks = config.next.disks.values();
            disks.map(|d| d.volume.storage().to_owned()).collect()
        }
        (None, Material::None) => BTreeSet::new(),
    };
    match call {
        Make::Create(call) => Work {
            id,
            storages: call.storages().map(str::to_owned).collect(),
            clone_source: None,
        },
        Make::Clone(call) => Work {
            id,
            storages: storages(&call.storage),
            clone_source: Some(call.source.id),
        },
        Make::Restore(call) => Work {
            id,
            storages: storages(&call.storage),
            clone_source: None,
        },
    }
}
