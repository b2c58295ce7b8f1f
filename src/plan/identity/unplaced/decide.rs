//! What is due: to bind, to take, to hold, or to reserve.

use std::time::Instant;

use uuid::Uuid;

use super::words::{Next, Obstacle, Other, Seeker, Taking, Unfit, Unowned};
use crate::model::{GuestAddress, GuestConfig, GuestId, Lock};
use crate::plan::identity::mark::{self, Mark, MarkReading};
use crate::plan::identity::numbers;
use crate::plan::identity::ownership::Ownership;
use crate::plan::identity::verdict::Hold;

/// Decides the next step from all machines of the cluster that no resource owns.
#[must_use]
pub fn decide(seeker: &Seeker<'_>, unowned: &[Unowned<'_>]) -> Next {
    let unread: Vec<GuestId> = unowned
        .iter()
        .filter(|guest| guest.config.is_none())
        .map(|guest| guest.id)
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
    let own: Vec<(GuestId, Option<Uuid>)> = settled
        .filter_map(|(guest, config)| match mark::read(guest.id, config) {
            MarkReading::Sealed(mark) if mark.uid == seeker.uid => Some((guest.id, mark.uuid)),
            MarkReading::Unsealed(mark) if mark.uid == seeker.uid => Some((guest.id, None)),
            _ => None,
        })
        .collect();
    // One that was made again after a loss has a further number, which the annotation names; the lost one may be back.
    let last = own.iter().find(|(id, _)| seeker.reserved == Some(*id));
    match (own.as_slice(), last) {
        (_, Some((id, uuid))) | ([(id, uuid)], None) => return Next::Bind(*id, *uuid),
        ([], None) => {}
        ([(first, _), others @ ..], None) => {
            let others = others.iter().map(|(id, _)| *id).collect();
            return Next::Hold(*first, Obstacle::Twice(others));
        }
    }
    for (guest, config) in read() {
        if in_transition(config) || (guest.name.is_none() && config.name.is_none()) {
            return Next::WaitFor(guest.id);
        }
    }
    for (guest, config) in read() {
        if let Some(why) = resembles(seeker, guest, config) {
            return Next::Hold(guest.id, Obstacle::Resembling(why));
        }
    }
    // A resource that is going takes and makes nothing.
    if seeker.deleting {
        return Next::Release;
    }
    let adopted = seeker.pinned.filter(|_| seeker.adopt);
    if let Some((guest, config)) = read().find(|(guest, _)| adopted == Some(guest.id)) {
        // Else the one that an earlier resource of the name had would be forgotten.
        let left = |(other, config): &(&Unowned<'_>, &GuestConfig)| {
            other.id != guest.id
                && is_former(seeker, other.id, config)
                && !matches!(mark::read(other.id, config), MarkReading::Released(_))
        };
        if let Some((other, _)) = read().find(left) {
            return Next::Hold(other.id, Obstacle::Predecessor(Unfit::OtherNumber(guest.id)));
        }
        return match fitness(seeker, guest.id, config) {
            Ok(_) => Next::Take(guest.id),
            Err(why) => Next::Hold(guest.id, Obstacle::Adoption(why)),
        };
    }
    let mut former = read().filter(|(guest, config)| is_former(seeker, guest.id, config));
    if let Some((guest, config)) = former.next() {
        let others: Vec<GuestId> = former.map(|(other, _)| other.id).collect();
        let fit = if others.is_empty() {
            fitness(seeker, guest.id, config).map(|_| ())
        } else {
            Err(Unfit::Several(others))
        };
        return match fit {
            Ok(()) => Next::Take(guest.id),
            Err(why) => Next::Hold(guest.id, Obstacle::Predecessor(why)),
        };
    }
    if let Some((guest, _)) = read().find(|(guest, config)| is_named(seeker, guest, config)) {
        return Next::Hold(guest.id, Obstacle::NameTaken);
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
    match fitness(seeker, at.id, config) {
        Ok(taking) => Ok((Ownership::new(at.clone(), config.digest.clone(), read_at), taking)),
        Err(why) if seeker.adopt && seeker.pinned == Some(at.id) => Err(Obstacle::Adoption(why)),
        Err(why) => Err(Obstacle::Predecessor(why)),
    }
}

fn in_transition(config: &GuestConfig) -> bool {
    config.lock.as_ref().is_some_and(Lock::is_transition)
}

fn resembles(seeker: &Seeker<'_>, guest: &Unowned<'_>, config: &GuestConfig) -> Option<Hold> {
    let id = guest.id;
    let reading = mark::read(id, config);
    let released = matches!(&reading, MarkReading::Released(mark) if mark.uid == seeker.uid);
    // One that it let go itself, just before it ends.
    let made = |uuid| numbers::is_made_by(seeker.cluster, seeker.uid, id, uuid);
    if config.uuid.is_some_and(made) && !(released && seeker.deleting) {
        return Some(Hold::IdentityWithoutMark);
    }
    // A copy whose mark was cleared before it had its own UUID: number and name are all that is left to know it by.
    let named = is_named(seeker, guest, config);
    let unmarked = matches!(
        reading,
        MarkReading::None | MarkReading::Copy(_) | MarkReading::Unclear
    );
    if seeker.deleting && seeker.reserved == Some(id) && named && unmarked {
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
fn is_former(seeker: &Seeker<'_>, id: GuestId, config: &GuestConfig) -> bool {
    match mark::read(id, config) {
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
pub(super) fn fitness(seeker: &Seeker<'_>, id: GuestId, config: &GuestConfig) -> Result<Taking, Unfit> {
    let taking = match mark::read(id, config) {
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
    if let Some(pinned) = seeker.pinned.filter(|pinned| *pinned != id) {
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
        other.reserved == Some(id) || numbers::is_made_by(seeker.cluster, &other.uid, id, uuid)
    };
    match seeker.others.iter().find(is_of) {
        Some(other) if taking == Taking::Adopt => Err(Unfit::Anothers(other.title.clone())),
        _ => Ok(taking),
    }
}
