//! What is due: to bind, to take, to hold, or to reserve.

use std::time::Instant;

use uuid::Uuid;

use super::words::{Next, Obstacle, Other, Seeker, Taking, Unfit, Unowned};
use crate::model::{GuestAddress, GuestConfig, Lock, Vmid};
use crate::plan::identity::mark::{self, Mark, MarkReading};
use crate::plan::identity::numbers;
use crate::plan::identity::ownership::Ownership;
use crate::plan::identity::verdict::Hold;

/// Decides the next step from all machines of the cluster that no resource owns.
#[must_use]
pub fn decide(seeker: &Seeker<'_>, unowned: &[Unowned<'_>]) -> Next {
    let unread: Vec<Vmid> = unowned
        .iter()
        .filter(|guest| guest.config.is_none())
        .map(|guest| guest.vmid)
        .collect();
    if !unread.is_empty() {
        return Next::Read(unread);
    }
    let read = || {
        unowned
            .iter()
            .filter_map(|guest| guest.config.map(|(config, _)| (guest, config)))
    };
    let settled = read().filter(|(_, config)| !in_transition(config));
    let own: Vec<(Vmid, Option<Uuid>)> = settled
        .filter_map(|(guest, config)| match mark::read(guest.vmid, config) {
            MarkReading::Sealed(mark) if mark.uid == seeker.uid => Some((guest.vmid, mark.uuid)),
            MarkReading::Unsealed(mark) if mark.uid == seeker.uid => Some((guest.vmid, None)),
            _ => None,
        })
        .collect();
    // One that was made again after a loss has a further number, which the annotation names; the lost one may be back.
    let last = own.iter().find(|(vmid, _)| seeker.reserved == Some(*vmid));
    match (own.as_slice(), last) {
        (_, Some((vmid, uuid))) | ([(vmid, uuid)], None) => return Next::Bind(*vmid, *uuid),
        ([], None) => {}
        ([(first, _), others @ ..], None) => {
            let others = others.iter().map(|(vmid, _)| *vmid).collect();
            return Next::Hold(*first, Obstacle::Twice(others));
        }
    }
    for (guest, config) in read() {
        if in_transition(config) || (guest.name.is_none() && config.name.is_none()) {
            return Next::WaitFor(guest.vmid);
        }
    }
    for (guest, config) in read() {
        if let Some(why) = resembles(seeker, guest, config) {
            return Next::Hold(guest.vmid, Obstacle::Resembling(why));
        }
    }
    // A resource that is going takes and makes nothing.
    if seeker.deleting {
        return Next::Release;
    }
    let adopted = seeker.pinned.filter(|_| seeker.adopt);
    if let Some((guest, config)) = read().find(|(guest, _)| adopted == Some(guest.vmid)) {
        // Else the one that an earlier resource of the name had would be forgotten.
        let left = |(other, config): &(&Unowned<'_>, &GuestConfig)| {
            other.vmid != guest.vmid
                && is_former(seeker, other.vmid, config)
                && !matches!(mark::read(other.vmid, config), MarkReading::Released(_))
        };
        if let Some((other, _)) = read().find(left) {
            return Next::Hold(other.vmid, Obstacle::Predecessor(Unfit::OtherNumber(guest.vmid)));
        }
        return match fitness(seeker, guest.vmid, config) {
            Ok(_) => Next::Take(guest.vmid),
            Err(why) => Next::Hold(guest.vmid, Obstacle::Adoption(why)),
        };
    }
    let mut former = read().filter(|(guest, config)| is_former(seeker, guest.vmid, config));
    if let Some((guest, config)) = former.next() {
        let others: Vec<Vmid> = former.map(|(other, _)| other.vmid).collect();
        let fit = if others.is_empty() {
            fitness(seeker, guest.vmid, config).map(|_| ())
        } else {
            Err(Unfit::Several(others))
        };
        return match fit {
            Ok(()) => Next::Take(guest.vmid),
            Err(why) => Next::Hold(guest.vmid, Obstacle::Predecessor(why)),
        };
    }
    if let Some((guest, _)) = read().find(|(guest, config)| is_named(seeker, guest, config)) {
        return Next::Hold(guest.vmid, Obstacle::NameTaken);
    }
    Next::Reserve
}

/// Judges a guest that is to become the resource's own, by its configuration as it was read just now.
///
/// # Errors
///
/// Why it can't.
pub fn take(
    seeker: &Seeker<'_>,
    at: &GuestAddress,
    config: &GuestConfig,
    read_at: Instant,
) -> Result<(Ownership, Taking), Obstacle> {
    match fitness(seeker, at.vmid, config) {
        Ok(taking) => Ok((Ownership::new(at.clone(), config.digest.clone(), read_at), taking)),
        Err(why) if seeker.adopt && seeker.pinned == Some(at.vmid) => Err(Obstacle::Adoption(why)),
        Err(why) => Err(Obstacle::Predecessor(why)),
    }
}

fn in_transition(config: &GuestConfig) -> bool {
    config.lock.as_ref().is_some_and(Lock::is_transition)
}

fn resembles(seeker: &Seeker<'_>, guest: &Unowned<'_>, config: &GuestConfig) -> Option<Hold> {
    let vmid = guest.vmid;
    let identity = numbers::identity(seeker.cluster, seeker.uid, vmid);
    let reading = mark::read(vmid, config);
    let released = matches!(&reading, MarkReading::Released(mark) if mark.uid == seeker.uid);
    // One that it let go itself, just before it ends.
    if config.uuid == Some(identity) && !(released && seeker.deleting) {
        return Some(Hold::IdentityWithoutMark);
    }
    // A copy whose mark was cleared before it had its own UUID: number and name are all that is left to know it by.
    let named = is_named(seeker, guest, config);
    let unmarked = matches!(
        reading,
        MarkReading::None | MarkReading::Copy(_) | MarkReading::Unclear
    );
    if seeker.deleting && seeker.reserved == Some(vmid) && named && unmarked {
        return Some(Hold::Unidentified);
    }
    // What only resembles the guest of a resource that is going does not concern it.
    let copied = matches!(reading, MarkReading::Copy(mark) if mark.uid == seeker.uid);
    (copied && !seeker.deleting).then_some(Hold::Unidentified)
}

/// Whether the guest bears the name that the resource's guest is to have.
fn is_named(seeker: &Seeker<'_>, guest: &Unowned<'_>, config: &GuestConfig) -> bool {
    [guest.name, config.name.as_deref()].contains(&Some(seeker.guest_name))
}

/// Whether the guest was made for a resource of this kind, namespace and name.
fn is_former(seeker: &Seeker<'_>, vmid: Vmid, config: &GuestConfig) -> bool {
    match mark::read(vmid, config) {
        MarkReading::Sealed(mark) | MarkReading::Unsealed(mark) | MarkReading::Released(mark) => {
            names(&mark, seeker)
        }
        MarkReading::None | MarkReading::Copy(_) | MarkReading::Unclear => false,
    }
}

fn names(mark: &Mark, seeker: &Seeker<'_>) -> bool {
    mark.kind == seeker.kind && mark.namespace == seeker.namespace && mark.name == seeker.name
}

/// By what right the guest may become the resource's own.
pub(super) fn fitness(seeker: &Seeker<'_>, vmid: Vmid, config: &GuestConfig) -> Result<Taking, Unfit> {
    let taking = match mark::read(vmid, config) {
        MarkReading::None | MarkReading::Copy(_) | MarkReading::Released(_) if seeker.adopt => Taking::Adopt,
        MarkReading::Released(_) => return Err(Unfit::Released),
        MarkReading::Sealed(mark) if names(&mark, seeker) => {
            let known = mark.cluster == seeker.cluster || seeker.recover_from.contains(&mark.cluster);
            if !known {
                return Err(Unfit::OtherCluster(mark.cluster));
            }
            Taking::Rebind(mark.uid)
        }
        MarkReading::Unsealed(mark) if names(&mark, seeker) => return Err(Unfit::Unsealed),
        _ => return Err(Unfit::Marked),
    };
    if let Some(pinned) = seeker.pinned.filter(|pinned| *pinned != vmid) {
        return Err(Unfit::OtherNumber(pinned));
    }
    if let Some(lock) = &config.lock {
        return Err(Unfit::Locked(lock.clone()));
    }
    if config.template && !seeker.template {
        return Err(Unfit::Template);
    }
    let Some(uuid) = config.uuid else {
        return Err(Unfit::NoUuid);
    };
    let is_of = |other: &&Other| {
        other.reserved == Some(vmid) || uuid == numbers::identity(seeker.cluster, &other.uid, vmid)
    };
    match seeker.others.iter().find(is_of) {
        Some(other) if taking == Taking::Adopt => Err(Unfit::Anothers(other.title.clone())),
        _ => Ok(taking),
    }
}
