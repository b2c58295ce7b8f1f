//! Sees the deletion of a machine to its end: down, destroyed, seen gone, and only then the finalizer.

use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::reflector::ObjectRef;

use super::pass::{Again, End, Flow, Pass, Site, Stop};
use super::record;
use super::task::{self, Act};
use super::{brake, look};
use crate::api::ProxmoxNode;
use crate::api::conditions::reason;
use crate::api::names::MANAGER;
use crate::fleet::{ConfigReading, Work};
use crate::hypervisor::StopMode;
use crate::model::{Power, Progress, Vmid};
use crate::plan::identity::Ownership;

/// The lock of a machine that was suspended to disk.
const SUSPENDED: &str = "suspended";

/// Takes the next step towards the end of a guest that is the resource's own.
pub(super) async fn remove(
    pass: &mut Pass<'_>,
    site: &Site,
    own: Ownership,
    reading: &ConfigReading,
) -> Flow<End> {
    let at = own.address().clone();
    let config = &reading.config;
    if let Some(why) = brake::kept(pass).await? {
        return brake::keep(pass, site, at.vmid, why).await;
    }
    if config.protection {
        let message = format!(
            "machine {} is protected against removal: take the protection off on the host (Options, Protection), \
             or keep the machine",
            at.vmid
        );
        return Ok(End::stalled(reason::PROTECTED, message));
    }
    // A machine suspended to disk carries a lock for good; Proxmox VE destroys it all the same.
    if let Some(lock) = config.lock.as_ref().filter(|lock| lock.0 != SUSPENDED) {
        let message = format!(
            "machine {} is locked ('{}'): it is removed when the host is done. If no task runs there, 'qm unlock {}' takes a \
             left-over lock off",
            at.vmid, lock.0, at.vmid
        );
        return Ok(End::progressing(reason::LOCKED, message, Again::Busy));
    }
    let live = site.cluster.read_power(&at).await.map_err(|e| pass.trouble(&e))?;
    let work = Work {
        vmid: at.vmid,
        storages: std::collections::BTreeSet::new(),
        clone_source: None,
    };
    let permit = match site.cluster.admit(work) {
        Ok(permit) => permit,
        Err(held) => return Ok(End::progressing(reason::QUEUED, held.reason, Again::Waiting)),
    };
    let own = look::judge_again(pass, site, own).await?;
    let driver = site.cluster.driver();
    // Its disks go with it, so the guest is not asked first.
    let (act, sent) = match live.power {
        Power::Running => (Act::ShutDown, driver.stop(&own, StopMode::Hard).await),
        Power::Stopped => (Act::Destroy, driver.destroy(&own).await),
        Power::Unknown => {
            let message = format!("whether machine {} runs can't be told now", at.vmid);
            return Ok(End::unknown(reason::PRESENCE_UNKNOWN, message));
        }
    };
    match sent {
        Ok(Progress::Running(upid)) => Ok(task::begin(pass, site, at.vmid, act, &upid, Some(permit))),
        Ok(Progress::Done) => Ok(End::progressing(
            reason::DESTROYING,
            format!("machine {} is being removed", at.vmid),
            Again::Now,
        )),
        Err(error) => {
            pass.ctx.runtime.metrics.action(act.label(), Err(error.class()));
            Ok(pass.trouble(&error))
        }
    }
}

/// The guest is gone for certain: its number is noted as spent, and the resource may go.
pub(super) async fn release(pass: &mut Pass<'_>, site: &Site, vmid: Vmid) -> Flow<End> {
    match try_release(pass, site, vmid).await {
        Ok(()) => Err(Stop::Silent),
        Err(error) => {
            tracing::debug!(error = %error, "the machine is gone, and its resource can't be let go yet");
            Ok(End::progressing(
                reason::DESTROYING,
                "the machine is gone; the resource goes as soon as the Kubernetes API takes the write",
                Again::Busy,
            ))
        }
    }
}

async fn try_release(pass: &mut Pass<'_>, site: &Site, vmid: Vmid) -> Result<(), crate::controllers::Error> {
    spend(pass, site, vmid).await?;
    let entries = std::mem::take(&mut pass.entries);
    pass.ctx.journal.publish(pass.vm.as_ref(), entries).await;
    record::remove_finalizer(pass).await?;
    tracing::info!(guest.vmid = %vmid, "the machine is gone and its resource was let go");
    site.cluster.unwatch_guest(vmid);
    let owner = ObjectRef::from_obj(pass.vm.as_ref());
    pass.ctx.numbers.disown(site.cluster.id(), vmid, &owner);
    Ok(())
}

/// Lets a resource go for which nothing was ever made.
pub(super) async fn release_unmade(pass: &mut Pass<'_>) -> Flow<End> {
    record::remove_finalizer(pass).await.map_err(Stop::Error)?;
    Err(Stop::Silent)
}

/// Notes with the host that a number was given, before the last trace of it goes.
pub(super) async fn spend(pass: &Pass<'_>, site: &Site, vmid: Vmid) -> Result<(), crate::controllers::Error> {
    let host = pass
        .ctx
        .host(&site.host.name_any())
        .unwrap_or_else(|| site.host.clone());
    let noted = host.status.as_ref().and_then(|s| s.highest_vmid).unwrap_or(0);
    if noted >= vmid.get() {
        return Ok(());
    }
    let patch = serde_json::json!({
        "metadata": { "resourceVersion": host.resource_version() },
        "status": { "highestVmid": vmid.get() },
    });
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let api: Api<ProxmoxNode> = Api::all(pass.ctx.client.clone());
    let written = api
        .patch_status(&host.name_any(), &params, &Patch::Merge(&patch))
        .await;
    match written {
        Ok(host) => {
            pass.ctx
                .runtime
                .metrics
                .kubernetes_write("ProxmoxNode", "patch-status");
            pass.ctx.hosts.wrote(host);
            Ok(())
        }
        Err(error) => {
            if let Some(uid) = host.uid() {
                pass.ctx.hosts.forget(&uid);
            }
            Err(error.into())
        }
    }
}
