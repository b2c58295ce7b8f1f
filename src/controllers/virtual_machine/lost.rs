//! A number under which the resource's own guest does not stand any more, or never stood.

use kube::runtime::reflector::ObjectRef;

use super::pass::{Again, End, Flow, Pass, Stop};
use super::site::Site;
use super::{ledger, look, record};
use crate::api::conditions::reason;
use crate::controllers::journal::Entry;
use crate::controllers::memory::Making;
use crate::model::GuestId;
use crate::plan::identity::presence::Presence;
use crate::plan::placing::{self, Lost};

/// The number is a stranger's: it is forgotten, and another one reserved.
pub(super) async fn give_up(pass: &mut Pass<'_>, site: &Site, id: GuestId) -> Flow<End> {
    // The status forgets the number, and it must not be given again.
    ledger::spend(pass, site, id).await.map_err(Stop::Error)?;
    record::disclaim(pass).await.map_err(Stop::Error)?;
    pass.status.vmid = None;
    pass.status.reservation = None;
    pass.status.node = None;
    pass.status.observed = None;
    pass.status.power_state = None;
    let note =
        format!("number {id} was taken by somebody else before the machine was made; another one is used");
    pass.entries
        .push(Entry::warning(reason::VMID_GIVEN_UP, note.clone()));
    record::save(pass).await.map_err(Stop::Error)?;
    let owner = ObjectRef::from_obj(pass.vm.as_ref());
    pass.ctx.numbers.disown(site.cluster.id(), id, &owner);
    pass.ctx.memory.note(&pass.uid, |m| {
        m.making = Making::default();
    });
    site.cluster.refresh();
    Ok(End::progressing(reason::RESERVING, note, Again::Now))
}

/// A wanted machine that is gone is made again only if somebody said so.
pub(super) async fn lost(pass: &mut Pass<'_>, site: &Site, id: GuestId) -> Flow<End> {
    let note = match placing::lost(&pass.vm, id, pass.recorded()) {
        Lost::Recreate(note) => note,
        Lost::Wait(outcome) => {
            pass.status.observed = None;
            pass.status.power_state = None;
            pass.forget_agent();
            return Ok(End::waiting(outcome));
        }
    };
    // It would make a second one beside that which is made now.
    if let Some(until) = look::late_call(pass) {
        return Ok(End::waiting(placing::absent(id, Presence::Unsettled(until))));
    }
    let owner = ObjectRef::from_obj(pass.vm.as_ref());
    pass.ctx.numbers.disown(site.cluster.id(), id, &owner);
    site.cluster.unwatch_guest(id);
    // The status forgets the number, and it must not be given again.
    ledger::spend(pass, site, id).await.map_err(Stop::Error)?;
    // Nothing is there any more that would be on the host already.
    record::disclaim(pass).await.map_err(Stop::Error)?;
    pass.status.vmid = None;
    pass.status.identity = None;
    // What the lost one was sent, the next one was not.
    if let Some(told) = &mut pass.status.cloud_init {
        told.password_version = None;
    }
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
    Ok(End::progressing(reason::RECREATING, note, Again::Now))
}
