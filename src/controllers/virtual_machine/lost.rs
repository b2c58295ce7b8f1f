//! A number under which the resource's own guest does not stand any more, or never stood.

use kube::runtime::reflector::ObjectRef;

use super::pass::{Again, End, Flow, Pass, Stop};
use super::site::Site;
use super::{ledger, record};
use crate::api::WhenLost;
use crate::api::conditions::reason;
use crate::api::names::RECREATE;
use crate::controllers::journal::Entry;
use crate::controllers::memory::Making;
use crate::model::Vmid;

/// The number is a stranger's: it is forgotten, and another one reserved.
pub(super) async fn give_up(pass: &mut Pass<'_>, site: &Site, vmid: Vmid) -> Flow<End> {
    // The status forgets the number, and it must not be given again.
    ledger::spend(pass, site, vmid).await.map_err(Stop::Error)?;
    record::disclaim(pass).await.map_err(Stop::Error)?;
    pass.status.vmid = None;
    pass.status.reservation = None;
    pass.status.node = None;
    pass.status.observed = None;
    pass.status.power_state = None;
    let note =
        format!("number {vmid} was taken by somebody else before the machine was made; another one is used");
    pass.entries
        .push(Entry::warning(reason::VMID_GIVEN_UP, note.clone()));
    record::save(pass).await.map_err(Stop::Error)?;
    let owner = ObjectRef::from_obj(pass.vm.as_ref());
    pass.ctx.numbers.disown(site.cluster.id(), vmid, &owner);
    pass.ctx.memory.note(&pass.uid, |m| {
        m.making = Making::default();
    });
    site.cluster.refresh();
    Ok(End::progressing(reason::RESERVING, note, Again::Now))
}

/// A wanted machine that is gone is made again only if somebody said so.
pub(super) async fn lost(pass: &mut Pass<'_>, site: &Site, vmid: Vmid) -> Flow<End> {
    let identity = pass.recorded().map(|uuid| uuid.to_string()).unwrap_or_default();
    let annotations = pass.vm.metadata.annotations.as_ref();
    let asked = annotations
        .and_then(|a| a.get(RECREATE))
        .is_some_and(|v| *v == identity);
    let wanted = asked || pass.vm.spec.when_lost == Some(WhenLost::Recreate);
    if wanted && pass.vm.spec.vmid == Some(vmid.get()) {
        let message = format!(
            "machine {vmid} no longer exists on the host, and spec.vmid names its number: a number is not given twice. \
             Remove spec.vmid, and the machine is made again under a new one"
        );
        return Ok(End::stalled(reason::GUEST_LOST, message));
    }
    if wanted {
        let owner = ObjectRef::from_obj(pass.vm.as_ref());
        pass.ctx.numbers.disown(site.cluster.id(), vmid, &owner);
        site.cluster.unwatch_guest(vmid);
        // The status forgets the number, and it must not be given again.
        ledger::spend(pass, site, vmid).await.map_err(Stop::Error)?;
        let note = format!("machine {vmid} ({identity}) is gone, and is made again under a new number");
        pass.status.vmid = None;
        pass.status.identity = None;
        pass.status.origin = None;
        pass.status.create_sent_again_at = None;
        pass.status.reservation = None;
        pass.status.observed = None;
        pass.status.power_state = None;
        pass.forget_agent();
        pass.status.drift.clear();
        pass.status.pending.clear();
        pass.ctx.memory.note(&pass.uid, |m| {
            m.making = Making::default();
        });
        pass.entries
            .push(Entry::warning(reason::RECREATING, note.clone()));
        return Ok(End::progressing(reason::RECREATING, note, Again::Now));
    }
    pass.status.observed = None;
    pass.status.power_state = None;
    pass.forget_agent();
    Ok(End::stalled(
        reason::GUEST_LOST,
        format!(
            "machine {vmid} no longer exists on the host, or another one has its number. It is not made again by \
             itself: its data would be missing. To make it again, run kubectl annotate dvm {} \
             drover.dev/recreate={identity}",
            pass.vm.metadata.name.clone().unwrap_or_default()
        ),
    ))
}
