//! Sees the deletion of a machine to its end: down, destroyed, seen gone, and only then the finalizer.

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use super::pass::{Again, End, Flow, Pass, Stop};
use super::record;
use super::site::Site;
use super::task::{self, Act};
use super::{backup, brake, ledger, limit, look, seed};
use crate::api::conditions::reason;
use crate::fleet::{ConfigReading, Work};
use crate::hypervisor::StopMode;
use crate::model::{Change, GuestConfig, GuestId, Power, Progress};
use crate::plan::identity::Ownership;
use crate::plan::removal::{self, Ending};

/// Takes the next step towards the end of a guest that is the resource's own.
pub(super) async fn remove(
    pass: &mut Pass<'_>,
    site: &Site,
    own: Ownership,
    reading: &ConfigReading,
) -> Flow<End> {
    let at = own.address().clone();
    let config = &reading.config;
    let kept = brake::kept(pass).await?;
    let back_up = match removal::ending(pass.deletion_policy(at.id), kept) {
        Ending::Leave(why) => return brake::leave(pass, site, at.id, why).await,
        Ending::Release(_) => return retain(pass, site, &own, config).await,
        Ending::BackUpAndDestroy => true,
        Ending::Destroy => false,
    };
    if config.protection && pass.vm.spec.protection == Some(false) {
        return unprotect(pass, site, &own, config).await;
    }
    if config.protection {
        let where_ = if pass.vm.spec.protection == Some(true) {
            format!(
                "set spec.protection to false ('kubectl patch dvm {} --type merge -p {{\"spec\":{{\"protection\":false}}}}')",
                pass.vm.name_any()
            )
        } else {
            "take the protection off on the host (Options, Protection)".to_owned()
        };
        let message = format!(
            "machine {} is protected against removal: {where_}, or keep the machine",
            at.id
        );
        return Ok(End::stalled(reason::PROTECTED, message));
    }
    if let Some(end) = locked(at.id, config) {
        return Ok(end);
    }
    limit::admit(pass, site).await?;
    let live = site.cluster.read_power(&at).await.map_err(|e| pass.trouble(&e))?;
    if back_up && backup::due(pass, site, &at, live.power).await? {
        return backup::take(pass, site, own, reading, live.power).await;
    }
    let work = Work {
        id: at.id,
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
            let message = format!("whether machine {} runs can't be told now", at.id);
            return Ok(End::unknown(reason::PRESENCE_UNKNOWN, message));
        }
    };
    match sent {
        Ok(Progress::Running(upid)) => Ok(task::begin(pass, site, at.id, act, &upid, Some(permit))),
        Ok(Progress::Done) => Ok(End::progressing(
            reason::DESTROYING,
            format!("machine {} is being removed", at.id),
            Again::Now,
        )),
        Err(error) => {
            pass.ctx.runtime.metrics.action(act.label(), Err(error.class()));
            Ok(pass.trouble(&error))
        }
    }
}

/// Takes the protection off, as the spec says.
async fn unprotect(pass: &mut Pass<'_>, site: &Site, own: &Ownership, config: &GuestConfig) -> Flow<End> {
    let id = own.address().id;
    if let Some(end) = locked(id, config) {
        return Ok(end);
    }
    let changes = [Change::Protection(false)];
    match site.cluster.driver().configure(own, config, &changes).await {
        Ok(Progress::Running(upid)) => Ok(task::begin(pass, site, id, Act::Configure, &upid, None)),
        Ok(Progress::Done) => Ok(End::progressing(
            reason::CONFIGURING,
            format!("machine {id} is protected no longer"),
            Again::Now,
        )),
        Err(error) => Ok(pass.trouble(&error)),
    }
}

/// Why nothing can be sent because of a lock.
fn locked(id: GuestId, config: &GuestConfig) -> Option<End> {
    // A machine suspended to disk carries a lock for good; Proxmox VE destroys it all the same.
    let lock = config.lock.as_ref().filter(|lock| !lock.is_suspended())?;
    let message = format!(
        "machine {id} is locked ('{}'): it is dealt with when the host is done. If no task runs there, 'qm unlock {id}' \
         takes a left-over lock off",
        lock.0
    );
    Some(End::progressing(reason::LOCKED, message, Again::Busy))
}

/// Writes into the mark that nobody owns the guest any more; the resource goes once that is seen.
async fn retain(pass: &mut Pass<'_>, site: &Site, own: &Ownership, config: &GuestConfig) -> Flow<End> {
    let id = own.address().id;
    if let Some(end) = locked(id, config) {
        return Ok(end);
    }
    let mark = pass
        .recorded()
        .map_or_else(|| pass.mark(id), |uuid| pass.mark(id).sealed(uuid));
    let changes = [Change::Description(
        mark.released().write_into(&config.description),
    )];
    let message = format!("machine {id} stays on the host, and its notes say so");
    match site.cluster.driver().configure(own, config, &changes).await {
        Ok(Progress::Running(upid)) => Ok(task::begin(pass, site, id, Act::Configure, &upid, None)),
        Ok(Progress::Done) => Ok(End::progressing(reason::CONFIGURING, message, Again::Now)),
        Err(error) => Ok(pass.trouble(&error)),
    }
}

/// The guest was seen with the mark that lets it go: the resource may go too.
pub(super) async fn let_go(pass: &mut Pass<'_>, site: &Site, id: GuestId) -> Flow<End> {
    let why = match brake::kept(pass).await? {
        Some(why) => brake::why(why),
        None => "deletionPolicy is Retain".to_owned(),
    };
    let note =
        format!("machine {id} stays on the host as it is, and its mark says that nobody owns it: {why}");
    brake::announce(pass, site, &note).await;
    release(pass, site, id).await
}

/// The guest is gone for certain: what Drover made beside it goes too, and then the resource.
pub(super) async fn gone(pass: &mut Pass<'_>, site: &Site, id: GuestId) -> Flow<End> {
    if let Some(end) = seed::remove_all(pass, site, id).await? {
        return Ok(end);
    }
    release(pass, site, id).await
}

/// The guest is gone for certain, or stays as nobody's: its number is noted as spent, and the resource may go.
pub(super) async fn release(pass: &mut Pass<'_>, site: &Site, id: GuestId) -> Flow<End> {
    match try_release(pass, site, id).await {
        Ok(()) => Err(Stop::Silent),
        Err(error) => {
            tracing::debug!(error = %error, "the resource can't be let go yet");
            Ok(End::progressing(
                reason::DESTROYING,
                "the machine is dealt with; the resource goes as soon as the Kubernetes API takes the write",
                Again::Busy,
            ))
        }
    }
}

async fn try_release(pass: &mut Pass<'_>, site: &Site, id: GuestId) -> Result<(), crate::controllers::Error> {
    ledger::spend(pass, site, id).await?;
    let entries = std::mem::take(&mut pass.entries);
    pass.ctx.journal.publish(pass.vm.as_ref(), entries).await;
    record::remove_finalizer(pass).await?;
    tracing::info!(guest.id = %id, "the machine is dealt with, and its resource was let go");
    site.cluster.unwatch_guest(id);
    let owner = ObjectRef::from_obj(pass.vm.as_ref());
    pass.ctx.numbers.disown(site.cluster.id(), id, &owner);
    Ok(())
}

/// Lets a resource go for which nothing was ever made.
pub(super) async fn release_unmade(pass: &mut Pass<'_>) -> Flow<End> {
    record::remove_finalizer(pass).await.map_err(Stop::Error)?;
    Err(Stop::Silent)
}
