//! Makes a guest under its reserved number.

use std::collections::BTreeSet;

use super::pass::{Again, End, Flow, Pass};
use super::site::Site;
use super::task::{self, Act};
use super::{act, secrets};
use crate::api::conditions::reason;
use crate::fleet::{ConfigReading, Snapshot, Work};
use crate::hypervisor::Refusal;
use crate::model::{GuestAddress, GuestConfig, GuestRow, Progress, Vmid, Volume};
use crate::plan::desired::Desired;
use crate::plan::making::{self, Make, Material, Missing, View};
use crate::runtime::Class;

/// The cluster as the planner sees it.
pub(super) fn view(snapshot: &Snapshot) -> View<'_> {
    View {
        guests: &snapshot.guests,
        nodes: &snapshot.nodes,
        storages: &snapshot.storages,
    }
}

/// What is read of the host before a guest is made.
pub(super) struct Facts<'a> {
    isos: Option<Vec<Volume>>,
    source: Option<(&'a GuestRow, ConfigReading)>,
    archive: Option<(Volume, GuestConfig)>,
}

impl Facts<'_> {
    /// The number of the machine whose backup is restored.
    pub(super) fn archived_number(&self) -> Option<Vmid> {
        self.archive.as_ref().and_then(|(volume, _)| volume.vmid)
    }

    fn material(&self) -> Material<'_> {
        match (&self.source, &self.archive) {
            (Some((row, reading)), _) => Material::Machine(row, reading.config.as_ref()),
            (None, Some((volume, config))) => Material::Archive(volume, config),
            (None, None) => Material::None,
        }
    }
}

impl From<Missing> for End {
    fn from(missing: Missing) -> Self {
        Self::stalled(missing.reason, missing.message)
    }
}

/// Checks that the guest could be made, and returns what was read for that; nothing is sent that changes anything.
pub(super) async fn check<'a>(pass: &Pass<'_>, site: &'a Site, desired: &mut Desired) -> Flow<Facts<'a>> {
    if let Some(what) = secrets::fill(pass, desired).await? {
        return Err(End::stalled(reason::SECRET_NOT_USABLE, what).into());
    }
    let facts = facts(pass, site, desired).await?;
    // Any number does for the check.
    let vmid = Vmid::try_from(Vmid::MAX).map_err(|e| End::stalled(reason::INVALID_SPEC, e.to_string()))?;
    build(pass, site, desired, &facts, vmid).map(|_| facts)
}

async fn facts<'a>(pass: &Pass<'_>, site: &'a Site, desired: &Desired) -> Flow<Facts<'a>> {
    making::check_node(&site.node, view(&site.snapshot)).map_err(End::from)?;
    let driver = site.cluster.driver();
    let isos = match making::iso_storage(desired) {
        None => None,
        Some(storage) if site.snapshot.storage(site.node.as_str(), storage).is_none() => {
            let message = format!("node {} has no storage '{storage}' (spec.cdrom.iso)", site.node);
            return Err(End::stalled(reason::STORAGE_NOT_FOUND, message).into());
        }
        Some(storage) => Some(
            driver
                .volumes(&site.node, storage, Some("iso"), None)
                .await
                .map_err(|e| pass.trouble(&e))?,
        ),
    };
    let row = making::source(desired, view(&site.snapshot)).map_err(End::from)?;
    let source = match row {
        None => None,
        Some(row) => {
            let own = pass.is_of_namespace(site, row.vmid);
            site.allowed().check_source(row, own).map_err(End::from)?;
            let at = GuestAddress {
                node: row.node.clone(),
                vmid: row.vmid,
            };
            // A template hardly ever changes: what was seen of it lately suffices for a check.
            let reading = match site.cluster.last_config(row.vmid) {
                Some(reading) => reading,
                None => site
                    .cluster
                    .read_config(&at)
                    .await
                    .map_err(|e| pass.trouble(&e))?,
            };
            Some((row, reading))
        }
    };
    let archive = archive(pass, site, desired).await?;
    Ok(Facts {
        isos,
        source,
        archive,
    })
}

/// The archive that the spec names, with the configuration in it.
async fn archive(pass: &Pass<'_>, site: &Site, desired: &Desired) -> Flow<Option<(Volume, GuestConfig)>> {
    let Some(storage) = making::archive_storage(desired) else {
        return Ok(None);
    };
    if site.snapshot.storage(site.node.as_str(), storage).is_none() {
        let message = format!(
            "node {} has no storage '{storage}' (spec.source.backup.archive)",
            site.node
        );
        return Err(End::stalled(reason::STORAGE_NOT_FOUND, message).into());
    }
    let driver = site.cluster.driver();
    let archives = driver.volumes(&site.node, storage, Some("backup"), None).await;
    let archives = archives.map_err(|e| pass.trouble(&e))?;
    let Some(volume) = making::archive(desired, &archives).map_err(End::from)? else {
        return Ok(None);
    };
    let config = driver.archived(&site.node, &volume.id).await;
    let config = config.map_err(|e| pass.trouble(&e))?;
    let own = volume.vmid.is_some_and(|vmid| pass.is_of_namespace(site, vmid))
        || pass.was_of_namespace(volume.vmid, &config);
    site.allowed().check_archive(&volume.id, own).map_err(End::from)?;
    Ok(Some((volume.clone(), config)))
}

fn build(pass: &Pass<'_>, site: &Site, desired: &Desired, facts: &Facts<'_>, vmid: Vmid) -> Flow<Make> {
    let place = making::Site {
        node: &site.node,
        view: view(&site.snapshot),
        isos: facts.isos.as_deref(),
        material: facts.material(),
    };
    making::make(desired, place, vmid, pass.identity(vmid), &pass.mark(vmid)).map_err(|m| End::from(m).into())
}

/// Sends the call that makes the guest.
pub(super) async fn make(
    pass: &mut Pass<'_>,
    site: &Site,
    vmid: Vmid,
    desired: &Desired,
    facts: &Facts<'_>,
) -> Flow<End> {
    let call = build(pass, site, desired, facts, vmid)?;
    let permit = match site.cluster.admit(work(&call, facts, vmid)) {
        Ok(permit) => permit,
        Err(held) => return Ok(End::progressing(reason::QUEUED, held.reason, Again::Waiting)),
    };
    let taken_before = pass.ctx.memory.get(&pass.uid).making.maybe_taken;
    pass.ctx.memory.note(&pass.uid, |m| m.making.maybe_taken = true);
    let driver = site.cluster.driver();
    let (act, sent) = match &call {
        Make::Create(call) => (Act::Create, driver.create(call).await),
        Make::Clone(call) => (Act::Clone, driver.clone_guest(call).await),
        Make::Restore(call) => (Act::Restore, driver.restore(call).await),
    };
    if let (Make::Create(call), true) = (&call, sent.is_ok()) {
        act::password_sent(pass, &call.changes, desired);
    }
    match sent {
        Ok(Progress::Running(upid)) => Ok(task::begin(pass, site, vmid, act, &upid, Some(permit))),
        Ok(Progress::Done) => {
            drop(permit);
            site.cluster.refresh();
            Ok(End::progressing(
                reason::CREATING,
                format!("machine {vmid} is made"),
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
                let message = format!("number {vmid} is taken; it is looked at who has it");
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

fn work(call: &Make, facts: &Facts<'_>, vmid: Vmid) -> Work {
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
            vmid,
            storages: call.storages().map(str::to_owned).collect(),
            clone_source: None,
        },
        Make::Clone(call) => Work {
            vmid,
            storages: storages(&call.storage),
            clone_source: Some(call.source.vmid),
        },
        Make::Restore(call) => Work {
            vmid,
            storages: storages(&call.storage),
            clone_source: None,
        },
    }
}
